//! What the cuts say of each target's periods that have closed.

use std::collections::BTreeMap;

use super::record::{Cut, CutTarget};
use crate::clock::Millis;
use crate::targets::Quantity;

/// By target and beginning of the period. A function of the cuts, in their order.
#[derive(Debug, Clone, Default)]
pub struct Book {
    closings: BTreeMap<String, BTreeMap<Millis, Closing>>,
    /// Instants of the cuts, in order.
    cuts: Vec<Millis>,
}

/// A period as it closed, and what became known since.
#[derive(Debug, Clone, PartialEq)]
pub struct Closing {
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
    /// What it was corrected to, with the cuts that say so, the oldest first.
    pub corrections: Vec<(String, Option<Quantity>)>,
}

impl Closing {
    fn of(target: &CutTarget, cut: &Cut) -> Self {
        Self {
            cut: cut.id.clone(),
            period: target.period.clone(),
            selection: target.selection,
            start_ms: target.start_ms,
            end_ms: target.end_ms,
            goal: target.goal,
            actual: target.actual,
            corrections: Vec::new(),
        }
    }

    /// What was told of it last.
    pub fn known(&self) -> Option<Quantity> {
        self.corrections.last().map_or(self.actual, |(_, actual)| *actual)
    }
}

impl Book {
    /// Takes in a cut that is later than those before.
    pub fn add(&mut self, cut: &Cut) {
        self.cuts.push(cut.at_ms);
        for target in cut.targets.iter().filter(|target| target.closes) {
            self.closings.entry(target.target.clone()).or_default().insert(target.start_ms, Closing::of(target, cut));
        }
        for correction in &cut.corrections {
            let closing = self.closings.get_mut(&correction.target).and_then(|closings| closings.get_mut(&correction.start_ms));
            if let Some(closing) = closing {
                closing.corrections.push((cut.id.clone(), correction.after));
            }
        }
    }

    /// The closed periods of a target, the oldest first.
    pub fn of(&self, target: &str) -> impl DoubleEndedIterator<Item = &Closing> {
        self.closings.get(target).into_iter().flat_map(BTreeMap::values)
    }

    /// All closed periods with their targets, by target, the oldest first.
    pub fn closings(&self) -> impl Iterator<Item = (&str, &Closing)> {
        self.closings.iter().flat_map(|(target, closings)| closings.values().map(move |closing| (target.as_str(), closing)))
    }

    pub fn newest_cut(&self) -> Option<Millis> {
        self.cuts.last().copied()
    }

    pub fn has(&self, at: Millis) -> bool {
        self.cuts.binary_search(&at).is_ok()
    }

    /// Instants of the cuts, the oldest first.
    pub fn cuts(&self) -> &[Millis] {
        &self.cuts
    }
}
