//! Figures of targets that need no identity, by slot: derived from the panes in state, and kept up with them.

use std::sync::Arc;

use super::panes::PaneKey;
use super::selection::{Groups, Selection, counts_of};
use super::slots::{OpenSlot, SlotSeries};
use crate::clock::Timestamp;
use crate::targets::{Filter, Measure, StreamTargetIndex, Tally};
use crate::view::slots::{Slot, Slots};

/// Converts the counts of a pane to their contribution to a target.
pub(crate) type TallyFn<const N: usize> = fn(Measure, &[u128; N]) -> Tally;

#[derive(Debug)]
pub(crate) struct TargetCounts<const N: usize> {
    selection: Selection,
    tally: TallyFn<N>,
    /// Targets that label sets count for; sets with the same targets are one group.
    groups: Groups<Box<[StreamTargetIndex]>>,
    series: SlotSeries<Vec<GroupSums<N>>>,
}

/// Sums of the pane counts of a group.
#[derive(Debug)]
struct GroupSums<const N: usize>([u128; N]);

impl<const N: usize> Default for GroupSums<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> TargetCounts<N> {
    pub(crate) fn new(selection: Selection, tally: TallyFn<N>) -> Self {
        let series = SlotSeries::new(Arc::clone(&selection.layout));
        Self { selection, tally, groups: Groups::new(), series }
    }

    /// Adds counts of a pane. `is_selected` is true for the filters that the labels of `key` match.
    pub(crate) fn add(
        &mut self,
        time: Timestamp,
        key: PaneKey,
        amounts: [u128; N],
        is_selected: impl Fn(&Filter) -> bool,
    ) {
        let group = self.groups.number(key, || self.selection.matching(is_selected));
        if self.groups.get(group).is_empty() {
            return;
        }
        if let Some(pane) = self.series.at(time) {
            let sums = &mut counts_of(&mut pane.content, group).0;
            sums.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount);
        }
    }

    /// Slots as shown at `watermark`.
    pub(crate) fn show(&mut self, watermark: Option<Timestamp>) -> Slots {
        let Self { selection, tally, groups, series } = self;
        let from = watermark.map_or(Timestamp::MIN, |watermark| watermark - selection.counted);
        series.keep_from(from);
        let show = |pane: &OpenSlot<Vec<GroupSums<N>>>| {
            let mut tallies = vec![Tally::default(); selection.targets.len()];
            for (group, sums) in pane.content.iter().enumerate() {
                for &target in groups.get(group as u32) {
                    tallies[target.index()] += &tally(selection.of(target).measure, &sums.0);
                }
            }
            Slot { span: pane.span, cells: Vec::new(), tallies }
        };
        Slots { targets: Arc::clone(&selection.set), slots: series.show(show), people_from: from, counts_from: from }
    }
}
