//! Figures by slot. A slot is a span of a local day between two instants at which a cut may be taken.
//!
//! All periods consist of whole slots. A figure of a period, up to a cut or to its end, is the sum over its slots. That
//! holds for people, too, since each counts in the slot of the period's first dispersal to them. The aggregation keeps
//! slots up in `aggregate::slots`.

use std::ops::AddAssign;
use std::sync::Arc;

use crate::allowlists::CellIndex;
use crate::calendar::Interval;
use crate::clock::Timestamp;
use crate::targets::{StreamTargetIndex, Tally, Targets};
use crate::view::panes::SpanFigures;

/// Maximum number of days for which hours are kept: two months. Longer campaigns have none.
pub const MAX_HOURLY_DAYS: i64 = 62;

/// Slots of a partition, or of all together, ascending. Slots without events may be missing.
#[derive(Debug, Clone, Default)]
pub struct Slots {
    /// The set of targets that the tallies are of; see [`Slots::made_for`].
    pub targets: Arc<Targets>,
    /// Slots in the order of time.
    pub slots: Vec<Arc<Slot>>,
    /// Figures that depend on single dispersals may lack forgotten ones in periods that begin before.
    pub people_from: Timestamp,
    /// Counts may lack forgotten ones in periods that begin before.
    pub counts_from: Timestamp,
    /// Slots that begin before may lack their hours.
    pub hours_from: Timestamp,
}

/// Figures of one slot.
#[derive(Debug)]
pub struct Slot {
    /// Bounds of the slot.
    pub span: Interval,
    /// Figures of the cells in use.
    pub cells: Vec<(CellIndex, SlotFigures)>,
    /// Tally of each target of the stream, by [`StreamTargetIndex`].
    pub tallies: Vec<Tally>,
    /// People of each federal state as shown, over all programmes, who count in this slot for its day and for its week: to
    /// be summed over a whole period.
    pub states: Vec<[i64; 2]>,
    /// Hours of the slot with anything in them, in the order of time. An hour that a cut divides is in both slots in
    /// part.
    pub hours: Vec<Arc<SlotHour>>,
}

/// Tallies of an hour of a slot. They are shorter where the rest is zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotHour {
    /// Beginning of the hour, or of its part in the slot.
    pub start: Timestamp,
    /// Tally of each target of the stream, by [`StreamTargetIndex`].
    pub tallies: Vec<Tally>,
    /// People of each federal state who count in this hour for its week.
    pub states: Vec<i64>,
}

impl SlotHour {
    /// Creates an hour with nothing in it.
    pub fn new(start: Timestamp) -> Self {
        Self { start, tallies: Vec::new(), states: Vec::new() }
    }

    /// Tally of a target.
    pub fn tally(&self, target: StreamTargetIndex) -> Tally {
        self.tallies.get(target.index()).copied().unwrap_or_default()
    }

    /// Tally of a target, for a change.
    pub fn tally_mut(&mut self, target: StreamTargetIndex) -> &mut Tally {
        at_index(&mut self.tallies, target.index())
    }

    /// People of a federal state as shown, for a change.
    pub fn state_mut(&mut self, state: usize) -> &mut i64 {
        at_index(&mut self.states, state)
    }
}

impl AddAssign<&SlotHour> for SlotHour {
    fn add_assign(&mut self, more: &SlotHour) {
        more.tallies.iter().enumerate().for_each(|(index, more)| *at_index(&mut self.tallies, index) += more);
        more.states.iter().enumerate().for_each(|(state, more)| *self.state_mut(state) += more);
    }
}

/// Value at an index, created with those before it if it is missing.
fn at_index<T: Clone + Default>(values: &mut Vec<T>, index: usize) -> &mut T {
    if values.len() <= index {
        values.resize(index + 1, T::default());
    }
    &mut values[index]
}

/// Figures of a cell in a slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SlotFigures {
    /// Number of dispersals, returned ones included.
    pub dispersals: u64,
    /// Number of them that were returned in full.
    pub returned: u64,
    /// Centavos of the dispersals, less returns.
    pub net: u128,
    /// People who count in this slot for its day, week and month ([`Period::STANDARD`](crate::calendar::Period::STANDARD)): to be
    /// summed over a whole period.
    pub people: [i64; 3],
}

impl Slot {
    /// True if any figure of the slot is not zero.
    fn has_figures(&self) -> bool {
        self.cells.iter().any(|(_, figures)| *figures != SlotFigures::default())
            || self.tallies.iter().any(|tally| *tally != Tally::default())
    }
}

impl SlotFigures {
    /// Converts a sum over a period, given by its position in [`Period::STANDARD`](crate::calendar::Period::STANDARD).
    pub fn of_period(&self, period: usize) -> SpanFigures {
        // Negative only where single dispersals are forgotten in part.
        SpanFigures {
            beneficiaries: u64::try_from(self.people[period]).unwrap_or(0),
            dispersals: self.dispersals,
            net: self.net,
        }
    }
}

impl AddAssign<&SlotFigures> for SlotFigures {
    fn add_assign(&mut self, more: &SlotFigures) {
        self.dispersals += more.dispersals;
        self.returned += more.returned;
        self.net += more.net;
        self.people.iter_mut().zip(more.people).for_each(|(sum, more)| *sum += more);
    }
}

impl Slots {
    /// Returns the slots, once it is certain that their tallies are of `targets`: the positions of another set would
    /// give the figures of other targets. Everything that reads tallies comes through here.
    ///
    /// # Panics
    /// Panics if the slots were made for another set of targets.
    pub fn made_for(&self, targets: &Targets) -> &Self {
        let is_same = std::ptr::eq(&*self.targets, targets);
        assert!(is_same || self.slots.is_empty(), "a view is read with the set of targets that it was made for");
        self
    }

    /// Tally of a target in `span`.
    pub fn tally(&self, target: StreamTargetIndex, span: Interval) -> Tally {
        self.within(span).fold(Tally::default(), |mut sum, slot| {
            sum += &slot.tallies[target.index()];
            sum
        })
    }

    /// Tallies of a target in the hours of a span, by the beginning of the hour. `None` if hours may be missing.
    pub fn hours(&self, target: StreamTargetIndex, span: Interval) -> Option<Vec<(Timestamp, Tally)>> {
        let hours = || self.within(span).flat_map(|slot| &slot.hours);
        (span.start >= self.hours_from).then(|| hours().map(|hour| (hour.start, hour.tally(target))).collect())
    }

    /// True if no slot extends across an end of the span. One may, after a change of the times of cuts.
    pub fn divides(&self, span: Interval) -> bool {
        let is_end = |time: Timestamp| {
            let before = self.slots.partition_point(|slot| slot.span.start < time);
            self.slots[..before].last().is_none_or(|slot| slot.span.end <= time)
        };
        is_end(span.start) && is_end(span.end)
    }

    /// Last instant up to which the sum of all slots that end by then is that of the slots that end by `at`.
    pub fn unchanged_until(&self, at: Timestamp) -> Timestamp {
        let ended = self.slots.partition_point(|slot| slot.span.end <= at);
        let next = self.slots[ended..].iter().find(|slot| slot.has_figures());
        next.map_or(Timestamp::MAX, |slot| slot.span.start.max(at))
    }

    /// Slots within `span`, whose ends are ends of slots.
    pub fn within(&self, span: Interval) -> impl Iterator<Item = &Slot> {
        let first = self.slots.partition_point(|slot| slot.span.start < span.start);
        self.slots[first..].iter().take_while(move |slot| slot.span.end <= span.end).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_slot() -> Slots {
        let slot = Slot {
            span: Interval { start: Timestamp::EPOCH, end: Timestamp::from_millis(1) },
            cells: Vec::new(),
            tallies: Vec::new(),
            states: Vec::new(),
            hours: Vec::new(),
        };
        Slots { slots: vec![Arc::new(slot)], ..Slots::default() }
    }

    #[test]
    fn slots_are_read_with_their_own_targets() {
        let slots = one_slot();
        assert_eq!(slots.made_for(&Arc::clone(&slots.targets)).slots.len(), 1);
        assert!(Slots::default().made_for(&Targets::default()).slots.is_empty(), "no slots fit every set");
    }

    #[test]
    #[should_panic(expected = "the set of targets that it was made for")]
    fn slots_of_other_targets_are_not_read() {
        one_slot().made_for(&Targets::default());
    }
}
