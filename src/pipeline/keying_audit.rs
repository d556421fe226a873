//! Are disbursements keyed by beneficiary? Whoever is paid in two partitions counts twice, and no partition can see it.
//!
//! One person in 1,024, chosen by hash, is followed across partitions, whatever partitioner the producers have.

use hashbrown::{HashMap, HashSet};

use crate::event::Hash128;
use crate::record::PartitionIndex;

#[derive(Debug, Default)]
pub struct KeyingAudit {
    /// Where each person of the sample was seen first.
    seen: HashMap<Hash128, PartitionIndex>,
    /// Those seen elsewhere too.
    misplaced: HashSet<Hash128>,
}

impl KeyingAudit {
    /// People of the sample who came to a partition. Returns the slot where one of them was seen before, if this is the first to be in two.
    pub fn note(&mut self, slot: PartitionIndex, people: Vec<Hash128>) -> Option<PartitionIndex> {
        let is_first = self.misplaced.is_empty();
        let mut other = None;
        for person in people {
            let first = *self.seen.entry(person).or_insert(slot);
            if first != slot {
                self.misplaced.insert(person);
                other = other.or(Some(first));
            }
        }
        other.filter(|_| is_first)
    }

    /// People of the sample who were seen in more than one partition.
    pub fn misplaced(&self) -> usize {
        self.misplaced.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_in_two_partitions_is_counted_once_and_told_once() {
        let mut audit = KeyingAudit::default();
        assert_eq!(audit.note(PartitionIndex(0), vec![[1; 16], [2; 16]]), None);
        assert_eq!(audit.note(PartitionIndex(0), vec![[1; 16]]), None, "somebody who was forgotten comes again");
        assert_eq!(audit.misplaced(), 0);
        assert_eq!(audit.note(PartitionIndex(1), vec![[3; 16], [1; 16]]), Some(PartitionIndex(0)));
        assert_eq!(audit.note(PartitionIndex(2), vec![[1; 16], [2; 16]]), None);
        assert_eq!(audit.misplaced(), 2);
    }
}
