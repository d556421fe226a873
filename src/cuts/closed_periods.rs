//! Closed periods of targets, as all cuts together report them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::record::{Cut, CutTarget};
use crate::clock::Millis;
use crate::targets::Quantity;

/// Closed periods by target and start, and the instants of the cuts. A function of the cuts, which must be added in
/// order.
#[derive(Debug, Clone, Default)]
pub struct ClosedPeriods {
    periods: BTreeMap<String, BTreeMap<Millis, ClosedPeriod>>,
    /// Instants of the cuts.
    cuts: BTreeSet<Millis>,
}

/// A period as it closed, and its corrections since.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedPeriod {
    /// Id of the cut that closed it.
    pub cut: String,
    /// Name of the period.
    pub period: String,
    /// Fingerprint of what was counted; see [`Target::selection`](crate::targets::Target::selection).
    pub selection: u64,
    /// Start of the period.
    pub start_ms: Millis,
    /// End of the period.
    pub end_ms: Millis,
    /// What was to be reached.
    pub goal: Quantity,
    /// What was reached when it closed; `None` for a ratio whose denominator is zero.
    pub actual: Option<Quantity>,
    /// Corrected values by the id of the cut that reported them.
    pub corrections: BTreeMap<String, Option<Quantity>>,
}

impl ClosedPeriod {
    fn new(target: &CutTarget, cut: &Cut) -> Self {
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

    /// Returns the value that was last reported before the cut `id`.
    pub fn known_before(&self, id: &str) -> Option<Quantity> {
        let corrections = self.corrections.range::<str, _>((Bound::Unbounded, Bound::Excluded(id)));
        corrections.last().map_or(self.actual, |(_, actual)| *actual)
    }
}

impl ClosedPeriods {
    /// Adds a cut: periods that close with it, and its corrections of earlier ones.
    pub fn add(&mut self, cut: &Cut) {
        self.cuts.insert(cut.at_ms);
        for target in cut.targets.iter().filter(|target| target.closes) {
            let periods = self.periods.entry(target.target.clone()).or_default();
            periods.insert(target.start_ms, ClosedPeriod::new(target, cut));
        }
        for correction in &cut.corrections {
            let period =
                self.periods.get_mut(&correction.target).and_then(|periods| periods.get_mut(&correction.start_ms));
            if let Some(period) = period {
                period.corrections.insert(cut.id.clone(), correction.after);
            }
        }
    }

    /// Closed periods of a target, oldest first.
    pub fn of(&self, target: &str) -> impl DoubleEndedIterator<Item = &ClosedPeriod> {
        self.periods.get(target).into_iter().flat_map(BTreeMap::values)
    }

    /// All closed periods with their targets, by target, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ClosedPeriod)> {
        self.periods.iter().flat_map(|(target, periods)| periods.values().map(move |period| (target.as_str(), period)))
    }

    /// Forgets cuts at, and periods that ended at, an instant earlier than `before`.
    pub fn forget_before(&mut self, before: Millis) {
        self.cuts = self.cuts.split_off(&before);
        self.periods.values_mut().for_each(|periods| periods.retain(|_, period| period.end_ms >= before));
    }

    /// Instant of the newest cut; `None` if there is none.
    pub fn newest_cut(&self) -> Option<Millis> {
        self.cuts.last().copied()
    }

    /// True if there is a cut at this instant.
    pub fn has_cut(&self, at: Millis) -> bool {
        self.cuts.contains(&at)
    }

    /// Instants of the cuts, oldest first.
    pub fn cuts(&self) -> impl DoubleEndedIterator<Item = Millis> {
        self.cuts.iter().copied()
    }
}
