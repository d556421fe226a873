//! Finds keys whose events are in more than one partition, which no partition can see: people who count twice, supports
//! and calls that never find their counterparts (`spec/events.md#key-audit`).
//!
//! Each partition reports the sampled keys of its events ([`KeySample`](crate::aggregate)), the same keys in every
//! partition, whatever partitioner the producers use. A key is misplaced while two partitions remember it.
//!
//! Memory: about as many keys as the states remember, divided by 1,024. Keys that they have forgotten are found by an
//! endless round over a few keys at a time.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::aggregate::{KeyKind, SampledKey};
use crate::clock::Timestamp;
use crate::event::Hash128;
use crate::record::{PartitionIndex, Stream};

/// Number of keys examined again for each key that is added.
const EXAMINED: usize = 4;

/// Followed keys, each with the partitions that remember it.
#[derive(Debug, Default)]
pub(super) struct KeyingAudit {
    keys: BTreeMap<(KeyKind, Hash128), Vec<Sighting>>,
    /// Key that was examined last.
    cursor: Option<(KeyKind, Hash128)>,
    misplaced: [usize; KeyKind::ALL.len()],
}

/// A key in one partition.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sighting {
    index: PartitionIndex,
    /// Newest time of its events there.
    newest: Timestamp,
}

impl KeyingAudit {
    /// Adds sampled keys of a partition, and examines some of those added before; `remembers` tells whether a partition
    /// does. Returns each key that is the first misplaced one of its kind, with another partition that remembers it.
    pub(super) fn add(
        &mut self,
        index: PartitionIndex,
        keys: Vec<SampledKey>,
        remembers: impl Fn(PartitionIndex, &SampledKey) -> bool,
    ) -> Vec<(KeyKind, PartitionIndex)> {
        self.examine(keys.len() * EXAMINED, &remembers);
        let mut first_misplaced = Vec::new();
        for key in keys {
            let misplaced_before = self.misplaced[key.kind as usize];
            let other = self.add_key(index, key, &remembers);
            first_misplaced.extend(other.filter(|_| misplaced_before == 0).map(|other| (key.kind, other)));
        }
        first_misplaced
    }

    /// Returns the other partition if the key is misplaced from now on.
    fn add_key(
        &mut self,
        index: PartitionIndex,
        key: SampledKey,
        remembers: impl Fn(PartitionIndex, &SampledKey) -> bool,
    ) -> Option<PartitionIndex> {
        let SampledKey { kind, hash, time } = key;
        let sightings = self.keys.entry((kind, hash)).or_default();
        if let Some(known) = sightings.iter_mut().find(|known| known.index == index) {
            known.newest = known.newest.max(time);
            return None;
        }
        let was_misplaced = sightings.len() > 1;
        sightings.retain(|known| remembers(known.index, &SampledKey { kind, hash, time: known.newest }));
        let other = sightings.first().map(|known| known.index);
        sightings.push(Sighting { index, newest: time });
        let is_misplaced = sightings.len() > 1;
        self.misplaced[kind as usize] += usize::from(is_misplaced);
        self.misplaced[kind as usize] -= usize::from(was_misplaced);
        other.filter(|_| !was_misplaced)
    }

    /// Examines so many keys of an endless round, and forgets what no partition remembers.
    pub(super) fn examine(&mut self, count: usize, remembers: impl Fn(PartitionIndex, &SampledKey) -> bool) {
        for _ in 0..count.min(self.keys.len()) {
            let after = self.cursor.map_or(Bound::Unbounded, Bound::Excluded);
            let Some((&(kind, hash), sightings)) = self.keys.range_mut((after, Bound::Unbounded)).next() else {
                self.cursor = None;
                continue;
            };
            self.cursor = Some((kind, hash));
            let was_misplaced = sightings.len() > 1;
            sightings.retain(|known| remembers(known.index, &SampledKey { kind, hash, time: known.newest }));
            if was_misplaced && sightings.len() < 2 {
                self.misplaced[kind as usize] -= 1;
            }
            if sightings.is_empty() {
                self.keys.remove(&(kind, hash));
            }
        }
    }

    /// Number of keys of a stream in the sample that are in more than one partition.
    pub(super) fn misplaced(&self, stream: Stream) -> usize {
        let kinds = KeyKind::ALL.into_iter().filter(|kind| kind.stream() == stream);
        kinds.map(|kind| self.misplaced[kind as usize]).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const ZERO: PartitionIndex = PartitionIndex(0);
    const ONE: PartitionIndex = PartitionIndex(1);

    fn key(kind: KeyKind, number: u8) -> SampledKey {
        SampledKey { kind, hash: [number; 16], time: Timestamp::from_millis(i64::from(number)) }
    }

    fn person(number: u8) -> SampledKey {
        key(KeyKind::Person, number)
    }

    fn misplaced(audit: &KeyingAudit) -> [usize; 3] {
        Stream::ALL.map(|stream| audit.misplaced(stream))
    }

    #[test]
    fn a_key_in_two_partitions_counts_and_is_reported_once() {
        let mut audit = KeyingAudit::default();
        let mut add = |index, keys| (audit.add(index, keys, |_, _| true), misplaced(&audit));
        assert_eq!(add(ZERO, vec![person(1), person(2), person(1)]), (vec![], [0, 0, 0]));
        assert_eq!(add(ONE, vec![person(3), person(1)]), (vec![(KeyKind::Person, ZERO)], [1, 0, 0]));
        assert_eq!(add(ONE, vec![person(1)]), (vec![], [1, 0, 0]));
        assert_eq!(add(PartitionIndex(2), vec![person(1), person(2)]), (vec![], [2, 0, 0]));
    }

    #[test]
    fn each_kind_is_reported_and_counts_in_its_stream() {
        let mut audit = KeyingAudit::default();
        let keys = || KeyKind::ALL.map(|kind| key(kind, 7)).to_vec();
        assert_eq!(audit.add(ZERO, keys(), |_, _| true), []);
        assert_eq!(audit.add(ONE, keys(), |_, _| true), KeyKind::ALL.map(|kind| (kind, ZERO)));
        assert_eq!(misplaced(&audit), [2, 2, 1]);
    }

    #[test]
    fn a_forgotten_key_is_not_misplaced() {
        let mut audit = KeyingAudit::default();
        audit.add(ZERO, vec![person(1)], |_, _| true);
        assert_eq!(audit.add(ONE, vec![person(1)], |index, _| index == ONE), [], "forgotten before it came again");
        assert_eq!(misplaced(&audit), [0, 0, 0]);
        assert_eq!(audit.add(ZERO, vec![person(1)], |_, _| true), [(KeyKind::Person, ONE)]);
        audit.examine(1, |index, _| index == ZERO);
        assert_eq!(misplaced(&audit), [0, 0, 0], "one partition has forgotten it");
        assert_eq!(audit.add(ONE, vec![person(1)], |_, _| true), [(KeyKind::Person, ZERO)], "reported again");
    }

    #[test]
    fn partitions_are_asked_for_the_newest_event_of_a_key() {
        let mut audit = KeyingAudit::default();
        let at = |millis| SampledKey { time: Timestamp::from_millis(millis), ..person(1) };
        audit.add(ZERO, vec![at(5), at(9), at(2)], |_, _| true);
        audit.examine(1, |index, key| (index, *key) == (ZERO, at(9)));
        assert_eq!(audit.add(ONE, vec![at(5)], |_, _| true), [(KeyKind::Person, ZERO)]);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Add(u16, u8),
        /// One partition forgets one key.
        Forget(u16, u8),
        Examine(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..4_u16, 0..6_u8).prop_map(|(index, number)| Step::Add(index, number)),
            2 => (0..4_u16, 0..6_u8).prop_map(|(index, number)| Step::Forget(index, number)),
            1 => (0..9_usize).prop_map(Step::Examine)
        ];
        prop::collection::vec(step, 0..200)
    }

    proptest! {
        #[test]
        fn counts_what_two_partitions_remember(steps in steps()) {
            let mut audit = KeyingAudit::default();
            let mut remembered = BTreeSet::new();
            for step in steps {
                let remembers = |index: PartitionIndex, key: &SampledKey, in_state: &BTreeSet<(u16, u8)>| {
                    in_state.contains(&(index.0, key.hash[0]))
                };
                match step {
                    Step::Add(index, number) => {
                        remembered.insert((index, number));
                        audit.add(PartitionIndex(index), vec![person(number)], |index, key| remembers(index, key, &remembered));
                    }
                    Step::Forget(index, number) => drop(remembered.remove(&(index, number))),
                    Step::Examine(count) => audit.examine(count, |index, key| remembers(index, key, &remembered)),
                }
            }
            // Twice as many as there are: the round may end in the middle.
            audit.examine(6, |index, key| remembered.contains(&(index.0, key.hash[0])));
            audit.examine(6, |index, key| remembered.contains(&(index.0, key.hash[0])));
            let places = |number: &u8| remembered.iter().filter(|(_, other)| other == number).count();
            prop_assert_eq!(audit.misplaced(Stream::Disbursement), (0..6).filter(|number| places(number) > 1).count());
            prop_assert_eq!(audit.keys.len(), (0..6).filter(|number| places(number) > 0).count());
        }
    }

    #[test]
    fn memory_is_bounded_by_what_is_remembered() {
        let mut audit = KeyingAudit::default();
        let mut most = 0;
        for number in 0..100_000_u32 {
            let mut hash = [0; 16];
            hash[..4].copy_from_slice(blake3::hash(&number.to_le_bytes()).as_bytes().first_chunk::<4>().unwrap());
            let key = SampledKey { kind: KeyKind::Call, hash, time: Timestamp::from_millis(number.into()) };
            let oldest = Timestamp::from_millis(i64::from(number) - 1_000);
            audit.add(PartitionIndex((number % 6) as u16), vec![key], |_, key| key.time >= oldest);
            most = most.max(audit.keys.len());
        }
        assert!(most < 2_000, "{most} keys are kept of the 1,000 that are remembered");
    }
}
