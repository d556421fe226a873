//! Provisional cuts, and the first record behind the end of each.
//!
//! A partition that has passed a cut by the clock waits for its next record, which settles the cut or came late
//! ([`SettlementDecision`]). Several cuts may have the same end: the partition had no record between them.
//!
//! The end of a stored cut is in its file, so a restart decides as this process would have: from the first record at or
//! behind that end. A process that dies between a checkpoint with this record and the decision leaves a cut undecided,
//! and a rebuild leaves all earlier ones so, as its log may be another one. They stay provisional.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::cuts::{CutOffset, SettlementDecision, UnsettledCut};
use crate::record::{PartitionIndex, TopicPartition};

/// Ends of provisional cuts in one partition.
#[derive(Debug, Default)]
pub(super) struct OpenEnds {
    /// Instant after which the first record behind each end was written; `None` before there is one.
    ends: BTreeMap<i64, Option<Timestamp>>,
    /// Least end that has no record behind it.
    least_open: Option<i64>,
}

impl OpenEnds {
    /// Adds an end that no record is behind, as far as was read.
    pub(super) fn open(&mut self, end: i64) {
        self.ends.entry(end).or_default();
        self.find_least();
    }

    /// Takes the next record of the partition, whatever its outcome. One without a timestamp passes no cut, so it belongs
    /// to those before it.
    pub(super) fn take(&mut self, offset: i64, written_after: Option<Timestamp>) {
        if self.least_open.is_some_and(|end| offset >= end) {
            let behind = Some(written_after.unwrap_or(Timestamp::MIN));
            self.ends.range_mut(..=offset).for_each(|(_, known)| *known = known.or(behind));
            self.find_least();
        }
    }

    fn find_least(&mut self) {
        self.least_open = self.ends.iter().find(|(_, behind)| behind.is_none()).map(|(end, _)| *end);
    }

    /// True if the record behind an end was written after the instant of a cut, false if it belongs to the cut; `None`
    /// before there is one, or if it is unknown.
    pub(super) fn settles(&self, end: i64, cut: Timestamp) -> Option<bool> {
        self.ends.get(&end).copied().flatten().map(|behind| behind > cut)
    }

    /// True for an end that was opened and is not forgotten.
    fn has(&self, end: i64) -> bool {
        self.ends.contains_key(&end)
    }

    /// Forgets the ends that have a record behind them and are not those of these parts.
    pub(super) fn forget(&mut self, is_of_part: impl Fn(i64) -> bool) {
        self.ends.retain(|end, behind| behind.is_none() || is_of_part(*end));
    }
}

/// Stored cuts that are provisional in partitions of this process, the oldest first.
#[derive(Debug, Default)]
pub(super) struct UnsettledCuts(Vec<OpenCut>);

/// Such a cut.
#[derive(Debug)]
struct OpenCut {
    id: String,
    hash: String,
    at: Timestamp,
    partitions: Vec<OpenPartition>,
}

/// A partition in which a cut is undecided.
#[derive(Debug, Clone, Copy)]
struct OpenPartition {
    index: PartitionIndex,
    /// Position of the partition in the cut.
    position: usize,
    /// First offset that is not in the cut.
    end: i64,
}

impl UnsettledCuts {
    /// Adds a stored cut, where it is known which record comes first behind its end. `ends` finds a partition with its open
    /// ends.
    pub(super) fn add<'a>(
        &mut self,
        cut: &UnsettledCut,
        ends: impl Fn(&CutOffset) -> Option<(PartitionIndex, &'a OpenEnds)>,
    ) {
        let partitions = cut.offsets.iter().filter_map(|(position, offset)| {
            let (index, ends) = ends(offset)?;
            let end = offset.next_offset;
            ends.has(end).then_some(OpenPartition { index, position: *position, end })
        });
        let partitions: Vec<_> = partitions.collect();
        if !partitions.is_empty() {
            self.0.push(OpenCut { id: cut.id.clone(), hash: cut.hash.clone(), at: cut.at, partitions });
        }
    }

    /// Takes out the partitions that are decided by now. `ends` has the open ends of each.
    pub(super) fn decide<'a>(
        &mut self,
        ends: impl Fn(PartitionIndex) -> &'a OpenEnds,
    ) -> Vec<(PartitionIndex, SettlementDecision)> {
        let mut decisions = Vec::new();
        self.0.retain_mut(|cut| {
            cut.partitions.retain(|&OpenPartition { index, position, end }| {
                let Some(is_settled) = ends(index).settles(end, cut.at) else { return true };
                let (id, hash) = (cut.id.clone(), cut.hash.clone());
                decisions.push((index, SettlementDecision { id, hash, position, is_late: !is_settled }));
                false
            });
            !cut.partitions.is_empty()
        });
        decisions
    }

    /// Forgets cuts that are no longer kept.
    pub(super) fn forget_before(&mut self, oldest: Timestamp) {
        self.0.retain(|cut| cut.at >= oldest);
    }
}

/// True for the end of a cut in this partition.
pub(super) fn is_end_of(offset: &CutOffset, partition: &TopicPartition) -> bool {
    let TopicPartition { stream, topic, partition } = partition;
    (stream.name(), topic, *partition) == (offset.stream.as_str(), &offset.topic, offset.partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_millis(hour * 3_600_000)
    }

    #[test]
    fn the_first_record_behind_an_end_decides() {
        let mut ends = OpenEnds::default();
        ends.take(6, Some(at(9)));
        ends.open(7);
        ends.take(6, Some(at(9)));
        assert_eq!(ends.settles(7, at(0)), None, "it is before the end");
        // Offsets 7 and 8 are no records.
        ends.take(9, Some(at(5)));
        ends.open(10);
        ends.take(10, Some(at(1)));
        assert_eq!([4, 5, 6].map(|hour| ends.settles(7, at(hour))), [Some(true), Some(false), Some(false)]);
        assert_eq!([0, 1].map(|hour| ends.settles(10, at(hour))), [Some(true), Some(false)]);
        ends.open(11);
        ends.forget(|end| end == 10);
        assert_eq!((ends.settles(7, at(4)), ends.settles(10, at(0))), (None, Some(true)));
        ends.take(11, None);
        assert_eq!(ends.settles(11, at(0)), Some(false), "a record without a timestamp passes nothing");
    }

    #[test]
    fn a_cut_is_decided_in_each_partition() {
        let offset = |partition| CutOffset {
            stream: "call".to_owned(),
            topic: "calls".to_owned(),
            partition,
            first_offset: None,
            next_offset: 7,
            is_provisional: true,
            is_late: false,
        };
        let offsets = vec![(2, offset(0)), (3, offset(1)), (4, offset(2))];
        let cut = UnsettledCut { id: "id".to_owned(), hash: "hash".to_owned(), at: at(5), state_built: at(0), offsets };
        let mut cuts = UnsettledCuts::default();
        let mut ends = [OpenEnds::default(), OpenEnds::default(), OpenEnds::default()];
        ends[1..].iter_mut().for_each(|ends| ends.open(7));
        // The first partition has read on before its start.
        cuts.add(&cut, |offset| {
            let index = offset.partition as usize;
            Some((PartitionIndex::new(index), &ends[index]))
        });
        let decide = |cuts: &mut UnsettledCuts, ends: &[OpenEnds; 3]| -> Vec<_> {
            let decisions = cuts.decide(|index| &ends[index.index()]);
            decisions.into_iter().map(|(_, decision)| (decision.position, decision.is_late)).collect()
        };
        ends[2].take(7, Some(at(5)));
        assert_eq!(decide(&mut cuts, &ends), [(4, true)]);
        ends[1].take(7, Some(at(6)));
        assert_eq!(decide(&mut cuts, &ends), [(3, false)]);
        assert!(cuts.0.is_empty());
    }
}
