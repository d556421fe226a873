//! What the cuts say of each target's periods that have closed.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Cut, CutTarget};
use std::ops::Bound;

use crate::clock::Millis;
use crate::targets::Quantity;

/// By target and beginning of the period. A function of the cuts, in their order.
#[derive(Debug, Clone, Default)]
pub struct ClosedPeriods {
    closings: BTreeMap<String, BTreeMap<Millis, ClosedPeriod>>,
    /// Instants of the cuts.
    cuts: BTreeSet<Millis>,
}

/// A period as it closed, and what became known since.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedPeriod {
    /// The cut that it closed with.
    pub cut: String,
    pub period: String,
    /// See [`Target::selection`](crate::targets::Target::selection).
    pub selection: u64,
    pub start_ms: Millis,
    pub end_ms: Millis,
    pub goal: Quantity,
    /// As it closed; none: a ratio of nothing.
    pub actual: Option<Quantity>,
    /// What it was corrected to, by the cuts that say so.
    pub corrections: BTreeMap<String, Option<Quantity>>,
}

impl ClosedPeriod {
    fn of(target: &CutTarget, cut: &Cut) -> Self {
        Self {
            cut: cut.id.clone(),
            period: target.period.clone(),
            selection: target.selection,
            start_ms: target.start_ms,
            end_ms: target.end_ms,
            goal: target.goal,
            actual: target.actual,
            corrections: BTreeMap::new(),
        }
    }

    /// What was told of it last before a cut.
    pub fn known_before(&self, cut: &str) -> Option<Quantity> {
        let corrections = self.corrections.range::<str, _>((Bound::Unbounded, Bound::Excluded(cut)));
        corrections.last().map_or(self.actual, |(_, actual)| *actual)
    }
}

impl ClosedPeriods {
    /// Takes in a cut.
    pub fn add(&mut self, cut: &Cut) {
        self.cuts.insert(cut.at_ms);
        for target in cut.targets.iter().filter(|target| target.closes) {
            self.closings
                .entry(target.target.clone())
                .or_default()
                .insert(target.start_ms, ClosedPeriod::of(target, cut));
        }
        for correction in &cut.corrections {
            let closing =
                self.closings.get_mut(&correction.target).and_then(|closings| closings.get_mut(&correction.start_ms));
            if let Some(closing) = closing {
                closing.corrections.insert(cut.id.clone(), correction.after);
            }
        }
    }

    /// The closed periods of a target, the oldest first.
    pub fn of(&self, target: &str) -> impl DoubleEndedIterator<Item = &ClosedPeriod> {
        self.closings.get(target).into_iter().flat_map(BTreeMap::values)
    }

    /// All closed periods with their targets, by target, the oldest first.
    pub fn closings(&self) -> impl Iterator<Item = (&str, &ClosedPeriod)> {
        self.closings
            .iter()
            .flat_map(|(target, closings)| closings.values().map(move |closing| (target.as_str(), closing)))
    }

    /// Forgets what closed, and cuts that were taken, before an instant.
    pub fn forget(&mut self, before: Millis) {
        self.cuts = self.cuts.split_off(&before);
        self.closings.values_mut().for_each(|closings| closings.retain(|_, closing| closing.end_ms >= before));
    }

    pub fn newest_cut(&self) -> Option<Millis> {
        self.cuts.last().copied()
    }

    pub fn has(&self, at: Millis) -> bool {
        self.cuts.contains(&at)
    }

    /// Instants of the cuts, the oldest first.
    pub fn cuts(&self) -> impl DoubleEndedIterator<Item = Millis> {
        self.cuts.iter().copied()
    }
}
