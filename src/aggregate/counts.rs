//! Figures of targets that need no identity, by slot: derived from the panes in state, and kept up with them.

use std::sync::Arc;

use super::panes::PaneKey;
use super::selection::{Groups, Selection, counts_of};
use super::slots::{SlotContent, SlotSeries};
use crate::clock::Timestamp;
use crate::targets::{Filter, Measure, StreamTargetIndex, Tally};
use crate::view::add_each;
use crate::view::slots::{Slot, SlotHour, Slots};

/// Converts the counts of a pane to their contribution to a target.
pub(crate) type TallyFn<const N: usize> = fn(Measure, &[u128; N]) -> Tally;

#[derive(Debug)]
pub(crate) struct TargetCounts<const N: usize> {
    selection: Selection,
    tally: TallyFn<N>,
    /// Targets that label sets count for; sets with the same targets are one group.
    groups: Groups<Box<[StreamTargetIndex]>>,
    series: SlotSeries<GroupContents<N>>,
}

/// Sums of the pane counts of each group.
#[derive(Debug)]
struct GroupContents<const N: usize>(Vec<GroupSums<N>>);

impl<const N: usize> Default for GroupContents<N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<const N: usize> SlotContent for GroupContents<N> {
    fn add(&mut self, more: &Self) {
        for (group, more) in more.0.iter().enumerate() {
            add_each(&mut counts_of(&mut self.0, group as u32).0, &more.0);
        }
    }
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
        let Self { selection, tally, groups, series } = self;
        let group = groups.number(key, || selection.matching(is_selected));
        if groups.get(group).is_empty() {
            return;
        }
        if series.is_beyond(time) {
            series.advance(time, |start, content| {
                let tallies = tallies(&[content], selection, groups, *tally);
                SlotHour { tallies, ..SlotHour::new(start) }
            });
        }
        let Some(place) = series.at(time) else { return };
        add_each(&mut counts_of(&mut place.content.0, group).0, &amounts);
        if let Some(mut hour) = place.hour {
            hour.change(|hour| {
                for &target in groups.get(group) {
                    *hour.tally_mut(target) += &tally(selection.of(target).measure, &amounts);
                }
            });
        }
    }

    /// Slots as shown at `watermark`.
    pub(crate) fn show(&mut self, watermark: Option<Timestamp>) -> Slots {
        let Self { selection, tally, groups, series } = self;
        let from = watermark.map_or(Timestamp::MIN, |watermark| watermark - selection.counted);
        series.keep_from(from);
        let hours_from = watermark.map_or(Timestamp::MIN, |watermark| watermark - selection.hours);
        let slots = series.show(
            |start, content| {
                let tallies = tallies(&[content], selection, groups, *tally);
                SlotHour { tallies, ..SlotHour::new(start) }
            },
            |span, contents, hours| {
                let tallies = tallies(contents, selection, groups, *tally);
                Slot { span, cells: Vec::new(), tallies, states: Vec::new(), hours }
            },
        );
        Slots { targets: Arc::clone(&selection.set), slots, people_from: from, counts_from: from, hours_from }
    }
}

/// Tally of each target over some contents.
fn tallies<const N: usize>(
    contents: &[&GroupContents<N>],
    selection: &Selection,
    groups: &Groups<Box<[StreamTargetIndex]>>,
    tally: TallyFn<N>,
) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); selection.targets.len()];
    for content in contents {
        for (group, sums) in content.0.iter().enumerate() {
            for &target in groups.get(group as u32) {
                tallies[target.index()] += &tally(selection.of(target).measure, &sums.0);
            }
        }
    }
    tallies
}
