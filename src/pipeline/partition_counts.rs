//! Partitions that were added to a topic while it is read.
//!
//! They are not read: a new partition moves keys, so a key would have events in two of them
//! (`spec/events.md#partition-count`). The rest of the topic is read on. Its figures are complete only until the last
//! time that there were no more partitions than are read, and no later cut is stored ([`super::cut_confirmation`]).

use crate::clock::Timestamp;

/// Comparisons of a topic's number of partitions with those that are read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PartitionCountCheck {
    /// Reading of the clock before the last query that found all partitions to be read.
    confirmed: Option<Timestamp>,
    /// Number of partitions found since, if more.
    found: Option<usize>,
}

impl PartitionCountCheck {
    /// Takes the answer to a query that was sent when the clock showed `asked`. True if partitions were added since the
    /// answer before.
    pub(super) fn take(&mut self, asked: Timestamp, read: usize, found: usize) -> bool {
        if found > self.found.unwrap_or(read) {
            self.found = Some(found);
            return true;
        }
        // An answer of another broker may be older than one before.
        if found == read && self.found.is_none() {
            self.confirmed = self.confirmed.max(Some(asked));
        }
        false
    }

    /// Number of partitions, if it is more than are read.
    pub(super) fn found(&self) -> Option<usize> {
        self.found
    }

    /// Bounds the instant up to which all records of the partitions that are read are applied to that up to which all of
    /// the topic are.
    pub(super) fn bound(&self, complete_until: Option<Timestamp>) -> Option<Timestamp> {
        if self.found.is_none() { complete_until } else { complete_until.min(self.confirmed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn an_added_partition_stops_the_topic_at_the_last_count() {
        let mut check = PartitionCountCheck::default();
        assert!(!check.take(at(10), 2, 2) && !check.take(at(20), 2, 2));
        assert_eq!((check.found(), check.bound(Some(at(29)))), (None, Some(at(29))));
        assert!(check.take(at(30), 2, 3), "a partition was added");
        assert!(!check.take(at(40), 2, 3), "known");
        assert_eq!(check.found(), Some(3));
        assert_eq!((check.bound(Some(at(15))), check.bound(Some(at(45)))), (Some(at(15)), Some(at(20))));
        assert!(check.take(at(50), 2, 4), "another one was added");
        assert!(!check.take(at(60), 2, 2), "an old answer");
        assert_eq!((check.found(), check.bound(Some(at(70)))), (Some(4), Some(at(20))));
    }

    #[test]
    fn a_topic_that_was_never_counted_is_complete_at_no_time() {
        let mut check = PartitionCountCheck::default();
        assert!(check.take(at(10), 2, 3));
        assert_eq!(check.bound(Some(at(5))), None);
    }
}
