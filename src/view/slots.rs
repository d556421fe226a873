//! Figures by slot: spans of a local day, between two instants at which a cut may be taken.
//!
//! All periods consist of whole slots. What counts in a period, up to a cut or to its end, is the sum over its slots: also people, since each
//! counts where the first of the period's dispersals to them is.

use std::ops::AddAssign;
use std::sync::Arc;

use crate::allowlists::CellIndex;
use crate::calendar::Interval;
use crate::clock::Millis;
use crate::targets::{StreamTargetIndex, Tally, Targets};
use crate::view::panes::SpanFigures;

/// What a partition's slots hold, in their order. Slots in which nothing happened may be missing.
#[derive(Debug, Clone, Default)]
pub struct Slots {
    /// The set of targets that the tallies are of; see [`Slots::made_for`].
    pub targets: Arc<Targets>,
    pub slots: Vec<Arc<Slot>>,
    /// Of periods that begin before, what depends on single dispersals may be forgotten in part.
    pub people_from: Millis,
    /// Of periods that begin before, what is only counted may be.
    pub counts_from: Millis,
}

#[derive(Debug)]
pub struct Slot {
    pub span: Interval,
    /// By programme and state as shown; none but those in use.
    pub cells: Vec<(CellIndex, SlotFigures)>,
    /// Of each target of the stream, in the order of the targets.
    pub tallies: Vec<Tally>,
}

/// Dispersals, what is left of them in centavos, and the people who count here in their day, week and month: changes, to be added up over a whole period ([`Period::OWN`]).
///
/// [`Period::OWN`]: crate::calendar::Period::OWN
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SlotFigures {
    pub dispersals: u64,
    pub net: u128,
    pub people: [i64; 3],
}

impl SlotFigures {
    /// As the sum over a period of [`Period::OWN`](crate::calendar::Period::OWN).
    pub fn of_period(&self, period: usize) -> SpanFigures {
        // Below nothing only where single dispersals are forgotten in part.
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
        self.net += more.net;
        self.people.iter_mut().zip(more.people).for_each(|(sum, more)| *sum += more);
    }
}

impl Slots {
    /// Returns the slots, once it is certain that their tallies are of `targets`: the positions of another set would give the figures of other
    /// targets. Everything that reads tallies comes through here.
    ///
    /// # Panics
    /// If the slots were made for another set of targets.
    pub fn made_for(&self, targets: &Targets) -> &Self {
        let is_same = std::ptr::eq(&*self.targets, targets);
        assert!(is_same || self.slots.is_empty(), "a view is read with the set of targets that it was made for");
        self
    }

    /// What was reached of a target in `span`.
    pub fn tally(&self, target: StreamTargetIndex, span: Interval) -> Tally {
        self.within(span).fold(Tally::default(), |mut sum, slot| {
            sum += &slot.tallies[target.index()];
            sum
        })
    }

    /// Whether no slot reaches over an end of the span, as one may after cuts were taken at other times.
    pub fn divides(&self, span: Interval) -> bool {
        let is_end = |time: Millis| {
            let before = self.slots.partition_point(|slot| slot.span.start < time);
            self.slots[..before].last().is_none_or(|slot| slot.span.end <= time)
        };
        is_end(span.start) && is_end(span.end)
    }

    /// Those that lie within `span`, whose ends are ends of slots.
    pub fn within(&self, span: Interval) -> impl Iterator<Item = &Slot> {
        let first = self.slots.partition_point(|slot| slot.span.start < span.start);
        self.slots[first..].iter().take_while(move |slot| slot.span.end <= span.end).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_slot() -> Slots {
        let slot = Slot { span: Interval { start: 0, end: 1 }, cells: Vec::new(), tallies: Vec::new() };
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
