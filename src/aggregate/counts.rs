//! Counts without identity by slot, for the targets of a stream: derived from the panes in state.

use std::sync::Arc;

use super::panes::PaneKey;
use super::selection::{Groups, Selection, counts_of};
use super::slots::{OpenSlot, SlotSeries};
use crate::clock::Millis;
use crate::targets::{Filter, Measure, StreamTargetIndex, Tally};
use crate::view::slots::{Slot, Slots};

/// What the counts of a pane add to a target.
pub type TallyOf<const N: usize> = fn(Measure, &[u128; N]) -> Tally;

#[derive(Debug)]
pub struct Counts<const N: usize> {
    selection: Selection,
    tally: TallyOf<N>,
    /// The targets that label sets count for.
    groups: Groups<Box<[StreamTargetIndex]>>,
    kept: SlotSeries<Vec<Sums<N>>>,
}

/// Of a group.
#[derive(Debug)]
struct Sums<const N: usize>([u128; N]);

impl<const N: usize> Default for Sums<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Counts<N> {
    pub fn new(selection: Selection, tally: TallyOf<N>) -> Self {
        let kept = SlotSeries::new(Arc::clone(&selection.grid));
        Self { selection, tally, groups: Groups::new(), kept }
    }

    /// Adds what a pane of state adds, of labels that are in the filters that `is_selected` says.
    pub fn add(&mut self, time: Millis, key: PaneKey, amounts: [u128; N], is_selected: impl Fn(&Filter) -> bool) {
        let group = self.groups.number(key, || self.selection.matching(is_selected));
        if self.groups.get(group).is_empty() {
            return;
        }
        if let Some(pane) = self.kept.at(time) {
            let sums = &mut counts_of(&mut pane.content, group).0;
            sums.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount);
        }
    }

    /// What is shown to whoever knows the log up to `watermark`.
    pub fn show(&mut self, watermark: Option<Millis>) -> Slots {
        let Self { selection, tally, groups, kept } = self;
        let from = watermark.map_or(Millis::MIN, |watermark| watermark - selection.counted);
        kept.keep_from(from);
        let show = |pane: &OpenSlot<Vec<Sums<N>>>| {
            let mut tallies = vec![Tally::default(); selection.targets.len()];
            for (group, sums) in pane.content.iter().enumerate() {
                for &target in groups.get(group as u32) {
                    tallies[target.index()] += &tally(selection.of(target).measure, &sums.0);
                }
            }
            Slot { span: pane.span, cells: Vec::new(), tallies }
        };
        Slots { targets: Arc::clone(&selection.set), slots: kept.show(show), people_from: from, counts_from: from }
    }
}
