//! Detects disbursements that are not keyed by beneficiary: a person paid in two partitions counts twice, which no
//! partition can see.
//!
//! One person in 1,024, chosen by hash, is followed across partitions, whatever partitioner the producers use.

use hashbrown::{HashMap, HashSet};

use crate::event::Hash128;
use crate::record::PartitionIndex;

/// People of the sample, and those of them who are in more than one partition.
#[derive(Debug, Default)]
pub(super) struct KeyingAudit {
    /// Partition in which each person was seen first.
    first_seen: HashMap<Hash128, PartitionIndex>,
    misplaced: HashSet<Hash128>,
}

impl KeyingAudit {
    /// Adds people of the sample seen in a partition. If this is the first time that anybody is in two, returns the
    /// other partition.
    pub(super) fn add(&mut self, index: PartitionIndex, people: Vec<Hash128>) -> Option<PartitionIndex> {
        let is_first = self.misplaced.is_empty();
        let mut other = None;
        for person in people {
            let first = *self.first_seen.entry(person).or_insert(index);
            if first != index {
                self.misplaced.insert(person);
                other = other.or(Some(first));
            }
        }
        other.filter(|_| is_first)
    }

    /// Number of people of the sample seen in more than one partition.
    pub(super) fn misplaced(&self) -> usize {
        self.misplaced.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_in_two_partitions_counts_and_is_reported_once() {
        let mut audit = KeyingAudit::default();
        assert_eq!(audit.add(PartitionIndex(0), vec![[1; 16], [2; 16]]), None);
        assert_eq!(audit.add(PartitionIndex(0), vec![[1; 16]]), None, "an evicted person returns");
        assert_eq!(audit.misplaced(), 0);
        assert_eq!(audit.add(PartitionIndex(1), vec![[3; 16], [1; 16]]), Some(PartitionIndex(0)));
        assert_eq!(audit.add(PartitionIndex(2), vec![[1; 16], [2; 16]]), None);
        assert_eq!(audit.misplaced(), 2);
    }
}
