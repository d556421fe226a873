//! Closed periods of targets, as the cuts so far report them.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::calendar::Interval;
use crate::clock::Timestamp;
use crate::targets::Quantity;
use crate::view::huella::Huella;

/// Closed periods by target and start, and the instants of the cuts that reported them.
#[derive(Debug, Clone, Default)]
pub struct ClosedPeriods {
    periods: BTreeMap<String, BTreeMap<Timestamp, ClosedPeriod>>,
    cuts: BTreeMap<Timestamp, Option<Huella>>,
}

/// A period as it closed, and its corrections since.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedPeriod {
    /// Id of the cut with which the period closed.
    pub cut: String,
    /// Name of the period, such as `2020-W20`.
    pub period: String,
    /// Fingerprint of what the target counted; see [`Target::selection`](crate::targets::Target::selection).
    pub selection: u64,
    /// Start of the period, in milliseconds since the epoch.
    pub start_ms: Timestamp,
    /// End of the period, in milliseconds since the epoch; not part of it.
    pub end_ms: Timestamp,
    /// Goal at the close.
    pub goal: Quantity,
    /// Result at the close; `None` for a ratio with nothing to divide by.
    pub actual: Option<Quantity>,
    /// Corrected results by the id of the cut that reported them.
    pub corrections: BTreeMap<String, Option<Quantity>>,
}

impl ClosedPeriod {
    /// Returns the result as last reported before a cut.
    pub fn known_before(&self, cut: &str) -> Option<Quantity> {
        let corrections = self.corrections.range::<str, _>((Bound::Unbounded, Bound::Excluded(cut)));
        corrections.last().map_or(self.actual, |(_, actual)| *actual)
    }

    /// Returns the result as last reported.
    pub fn last_reported(&self) -> Option<Quantity> {
        self.corrections.last_key_value().map_or(self.actual, |(_, actual)| *actual)
    }
}

impl ClosedPeriods {
    /// Adds the instant of a cut whose content is not known.
    pub fn add_cut(&mut self, at_ms: Timestamp) {
        self.cuts.entry(at_ms).or_default();
    }

    /// Adds the instant and the huella of a cut.
    pub fn add_known_cut(&mut self, at_ms: Timestamp, huella: Huella) {
        self.cuts.insert(at_ms, Some(huella));
    }

    /// Huella of the cut of an instant; `None` if its content is not known.
    pub fn huella(&self, at: Timestamp) -> Option<Huella> {
        self.cuts.get(&at).copied().flatten()
    }

    /// Adds a period of a target that closed.
    pub fn close(&mut self, target: &str, period: ClosedPeriod) {
        self.periods.entry(target.to_owned()).or_default().insert(period.start_ms, period);
    }

    /// Adds what a cut corrected a closed period to; an unknown period is ignored.
    pub fn correct(&mut self, target: &str, start_ms: Timestamp, cut: &str, actual: Option<Quantity>) {
        if let Some(period) = self.periods.get_mut(target).and_then(|periods| periods.get_mut(&start_ms)) {
            period.corrections.insert(cut.to_owned(), actual);
        }
    }

    /// Closed periods of a target, the oldest first.
    pub fn of(&self, target: &str) -> impl DoubleEndedIterator<Item = &ClosedPeriod> {
        self.periods.get(target).into_iter().flat_map(BTreeMap::values)
    }

    /// Period of a target, if it closed while the target had this fingerprint.
    pub fn find(&self, target: &str, selection: u64, period: Interval) -> Option<&ClosedPeriod> {
        let closed = self.periods.get(target)?.get(&period.start)?;
        (closed.selection == selection && closed.end_ms == period.end).then_some(closed)
    }

    /// Closed periods with their target, in the order of targets, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ClosedPeriod)> {
        self.periods.iter().flat_map(|(target, periods)| periods.values().map(move |period| (target.as_str(), period)))
    }

    /// Forgets cuts that were taken, and periods that ended, before an instant.
    pub fn forget_before(&mut self, before: Timestamp) {
        self.cuts = self.cuts.split_off(&before);
        self.periods.values_mut().for_each(|periods| periods.retain(|_, period| period.end_ms >= before));
    }

    /// Instant of the newest cut.
    pub fn newest_cut(&self) -> Option<Timestamp> {
        self.cuts.last_key_value().map(|(at, _)| *at)
    }

    /// True if a cut was taken at this instant.
    pub fn has_cut(&self, at: Timestamp) -> bool {
        self.cuts.contains_key(&at)
    }

    /// Instants of the cuts, the oldest first.
    pub fn cuts(&self) -> impl DoubleEndedIterator<Item = Timestamp> {
        self.cuts.keys().copied()
    }
}
