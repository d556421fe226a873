//! Settlement of provisional cuts by the records that follow them.

use super::Worker;
use crate::cuts::{Cut, CutOffset, CutSeal, UnsettledCut};
use crate::pipeline::cut_settlement::is_end_of;
use crate::pipeline::cut_thread::CutRequest;
use crate::record::PartitionIndex;

impl Worker {
    /// Takes over the stored cuts that are provisional, in the partitions whose present state is that of the cut, and that
    /// have no record behind its end. The log of a state that is rebuilt may be another one.
    pub(super) fn resume_unsettled(&mut self, cuts: Vec<UnsettledCut>) {
        for mut cut in cuts {
            cut.offsets.retain(|(_, offset)| {
                let partition = self.partition_of(offset).map(|index| &self.partitions[index]);
                partition.is_some_and(|partition| partition.is_built_by(cut.state_built))
            });
            self.open_ends(cut.offsets.iter().map(|(_, offset)| offset));
            self.add_unsettled(&cut);
        }
    }

    /// Opens the ends of a cut where it is provisional and no record behind them is applied.
    pub(super) fn open_ends<'a>(&mut self, offsets: impl Iterator<Item = &'a CutOffset>) {
        for offset in offsets.filter(|offset| offset.is_provisional) {
            let Some(index) = self.partition_of(offset) else { continue };
            let partition = &mut self.partitions[index];
            if partition.state.next_offset() <= offset.next_offset {
                partition.cuts.open_ends.open(offset.next_offset);
            }
        }
    }

    fn partition_of(&self, offset: &CutOffset) -> Option<PartitionIndex> {
        let is_of = |index: &PartitionIndex| is_end_of(offset, &self.partitions[*index].log.partition);
        self.partitions.indexes().find(is_of)
    }

    /// Takes a cut that was just stored, whose parts are still there.
    pub(super) fn await_settlement(&mut self, cut: &Cut, seal: &CutSeal) {
        self.add_unsettled(&UnsettledCut::of(cut, &seal.hash));
        self.settle_cuts();
        self.partitions.iter_mut().for_each(|partition| partition.cuts.forget_ends());
    }

    fn add_unsettled(&mut self, cut: &UnsettledCut) {
        let mut unsettled_cuts = std::mem::take(&mut self.unsettled_cuts);
        unsettled_cuts.add(cut, |offset| {
            let index = self.partition_of(offset)?;
            Some((index, &self.partitions[index].cuts.open_ends))
        });
        self.unsettled_cuts = unsettled_cuts;
    }

    /// Reports what the first records behind the ends of provisional cuts decide.
    pub(super) fn settle_cuts(&mut self) {
        let Self { partitions, unsettled_cuts, outputs, .. } = self;
        let decisions = unsettled_cuts.decide(|index| &partitions[index].cuts.open_ends);
        if decisions.is_empty() {
            return;
        }
        for (index, decision) in decisions.iter().filter(|(_, decision)| decision.is_late) {
            let partition = &partitions[*index].log.partition;
            tracing::warn!(
                event = "pacemeter.cut.late",
                cut = decision.id,
                topic = partition.topic,
                partition = partition.partition,
                "record of a stored cut came late"
            );
        }
        let decisions = decisions.into_iter().map(|(_, decision)| decision).collect();
        let _ = outputs.cuts.send(CutRequest::Settle(decisions));
    }
}
