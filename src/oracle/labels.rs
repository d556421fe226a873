//! Label values: the one that a partition keeps, and the one that a figure is shown under.

use std::collections::BTreeSet;

use super::{OracleRules, SentMilestone};
use crate::event::FederalState;

pub(super) const OTHER: &str = "other";
pub(super) const UNKNOWN: &str = "unknown";

/// Values of one kind of label (programmes, queues, sites, initiatives or milestones) in one partition.
pub(super) struct LabelValues<'a> {
    listed: &'a [String],
    limit: usize,
    /// Distinct values of the events applied so far, at most `limit`.
    kept: BTreeSet<&'a str>,
}

impl<'a> LabelValues<'a> {
    pub(super) fn new(listed: &'a [String], rules: &OracleRules) -> Self {
        Self { listed, limit: rules.max_label_values, kept: BTreeSet::new() }
    }

    /// Value to show for the next applied event: a kept value that is listed, else `other`
    /// (`spec/figures.md#allowlists`).
    ///
    /// A value kept as `other` is shown so even if it is listed: `other` is one figure over all of these.
    pub(super) fn show(&mut self, given: &'a str) -> &'a str {
        let kept = self.keep(given);
        show_listed(self.listed, kept)
    }

    /// Value to keep for the next applied event: as given, `other` beyond the bound (`spec/figures.md#label-bounds`).
    pub(super) fn keep(&mut self, given: &'a str) -> &'a str {
        if !self.kept.contains(given) {
            if self.kept.len() == self.limit {
                return OTHER;
            }
            self.kept.insert(given);
        }
        given
    }
}

/// Pairs of initiative and milestone in one partition; both labels are bounded, and so are their pairs.
pub(super) struct MilestonePairs<'a> {
    initiatives: LabelValues<'a>,
    milestones: LabelValues<'a>,
    limit: usize,
    /// Distinct pairs of the events applied so far; `other`, `other` may come beyond the limit.
    kept: BTreeSet<[&'a str; 2]>,
}

impl<'a> MilestonePairs<'a> {
    pub(super) fn new(rules: &'a OracleRules) -> Self {
        Self {
            initiatives: LabelValues::new(&rules.labels.initiatives, rules),
            milestones: LabelValues::new(&rules.labels.milestones, rules),
            limit: rules.max_milestones,
            kept: BTreeSet::new(),
        }
    }

    /// Initiative and milestone to show for the next applied event.
    pub(super) fn show(&mut self, given: &'a SentMilestone) -> [&'a str; 2] {
        let [initiative, milestone] = self.keep(given);
        [show_listed(self.initiatives.listed, initiative), show_listed(self.milestones.listed, milestone)]
    }

    /// Initiative and milestone to keep for the next applied event (`spec/figures.md#label-bounds`).
    pub(super) fn keep(&mut self, given: &'a SentMilestone) -> [&'a str; 2] {
        let pair = [self.initiatives.keep(&given.initiative), self.milestones.keep(&given.milestone)];
        let is_new = !self.kept.contains(&pair);
        let pair = if is_new && self.kept.len() >= self.limit { [OTHER, OTHER] } else { pair };
        self.kept.insert(pair);
        pair
    }
}

fn show_listed<'a>(listed: &[String], kept: &'a str) -> &'a str {
    if listed.iter().any(|listed| listed == kept) { kept } else { OTHER }
}

/// Federal state to keep (`spec/events.md#state-codes`).
pub(super) fn keep_state(given: Option<&str>) -> &str {
    match given {
        None => UNKNOWN,
        Some("MX-DIF") => "MX-CMX",
        Some(code) => {
            if FederalState::CODES[..32].contains(&code) {
                code
            } else {
                OTHER
            }
        }
    }
}

/// Federal state to show: a code that is not listed is `other`.
pub(super) fn show_state<'a>(given: Option<&'a str>, rules: &'a OracleRules) -> &'a str {
    let kept = keep_state(given);
    if kept == UNKNOWN || rules.labels.states.iter().any(|listed| listed == kept) { kept } else { OTHER }
}

/// Values whose series start at 0: those listed, and `other`.
pub(super) fn listed_and_other(listed: &[String]) -> Vec<&str> {
    listed.iter().map(String::as_str).chain([OTHER]).collect()
}

/// Values whose series start at 0 where the label may be absent: those listed, `other` and `unknown`.
pub(super) fn listed_other_and_unknown(listed: &[String]) -> Vec<&str> {
    listed.iter().map(String::as_str).chain([OTHER, UNKNOWN]).collect()
}
