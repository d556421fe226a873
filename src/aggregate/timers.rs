//! Deadlines, exact to the millisecond, of entries whose forgetting changes a figure.
//!
//! Most timers are cancelled long before they are due. They are therefore kept unordered, in hash sets of one hour
//! each; only the hours that the watermark has reached are sorted. Timers follow from the entries that they belong to,
//! so no checkpoint stores them.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashTable;

use crate::clock::{HOUR, Timestamp};
use crate::event::Hash128;
use crate::view::timeline::Timeline;

/// Watermark beyond which an entry is forgotten, and the key of the entry.
pub(crate) type Timer = (Timestamp, Hash128);

#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// Timers of later hours, by the hour of the deadline.
    hours: Timeline<HashTable<Timer>>,
    /// Timers of the hours that the watermark has reached.
    ordered: BTreeSet<Timer>,
    /// First hour that is not sorted yet.
    first_hour: Timestamp,
}

impl FromIterator<Timer> for Timers {
    /// Collects timers in any order.
    fn from_iter<I: IntoIterator<Item = Timer>>(timers: I) -> Self {
        // Hours are inserted into a timeline in order, or each would move the later ones.
        let mut hours = BTreeMap::<Timestamp, HashTable<Timer>>::new();
        for timer in timers {
            hours.entry(timer.0.floor(HOUR)).or_default().insert_unique(hash(&timer), timer, hash);
        }
        let mut timers = Self::default();
        hours.into_iter().for_each(|(hour, bucket)| *timers.hours.at(hour) = bucket);
        timers
    }
}

impl Timers {
    /// Replaces a timer; `None` stands for no timer.
    pub(crate) fn change(&mut self, before: Option<Timer>, after: Option<Timer>) {
        if before == after {
            return;
        }
        if let Some(timer) = before {
            let hour = timer.0.floor(HOUR);
            if hour < self.first_hour {
                self.ordered.remove(&timer);
            } else if let Some(bucket) = self.hours.get_mut(hour) {
                if let Ok(found) = bucket.find_entry(hash(&timer), |known| *known == timer) {
                    found.remove();
                }
                if bucket.is_empty() {
                    *bucket = HashTable::new();
                }
            }
        }
        if let Some(timer) = after {
            let hour = timer.0.floor(HOUR);
            if hour < self.first_hour {
                self.ordered.insert(timer);
            } else {
                let bucket = self.hours.at(hour);
                bucket.entry(hash(&timer), |known| *known == timer, hash).or_insert(timer);
            }
        }
    }

    /// Key of the earliest timer that is due at `watermark`. It stays due until its timer is removed.
    pub(crate) fn due(&mut self, watermark: Timestamp) -> Option<Hash128> {
        if watermark >= self.first_hour {
            self.first_hour = watermark.floor(HOUR) + HOUR;
            let reached = self.hours.take_before(self.first_hour);
            self.ordered.extend(reached.into_iter().flat_map(|(_, bucket)| bucket));
        }
        self.ordered.first().filter(|(deadline, _)| *deadline < watermark).map(|&(_, key)| key)
    }
}

/// Hash of a timer: part of its key, which is a keyed hash already.
fn hash((_, key): &Timer) -> u64 {
    u64::from_le_bytes(*key.last_chunk().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(number: u8) -> Hash128 {
        [number; 16]
    }

    proptest! {
        #[test]
        fn due_timers_come_in_order_and_to_the_millisecond(timers in prop::collection::btree_map(0..50_u8, 0..9 * HOUR, 0..50), steps in prop::collection::vec(0..2 * HOUR, 1..20)) {
            let mut expected: BTreeSet<Timer> = timers.iter().map(|(&number, &deadline)| (Timestamp::from_millis(deadline), key(number))).collect();
            let (collected, changed) = expected.iter().partition::<Vec<Timer>, _>(|(_, key)| key[0] % 2 == 0);
            let mut subject: Timers = collected.into_iter().collect();
            changed.into_iter().for_each(|timer| subject.change(None, Some(timer)));
            let mut watermark = Timestamp::EPOCH;
            for step in steps {
                watermark += step;
                while let Some(due) = subject.due(watermark) {
                    let first = expected.pop_first().expect("nothing is due that was not set");
                    prop_assert_eq!(due, first.1);
                    prop_assert!(first.0 < watermark);
                    subject.change(Some(first), None);
                }
                prop_assert!(expected.first().is_none_or(|first| first.0 >= watermark));
                if let Some(moved) = expected.pop_last() {
                    let later = (moved.0 + HOUR, moved.1);
                    subject.change(Some(moved), Some(later));
                    expected.insert(later);
                }
            }
        }
    }
}
