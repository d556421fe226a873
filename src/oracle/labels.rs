//! Which label value an event is shown under.

use std::collections::BTreeSet;

use super::OracleRules;
use crate::event::FederalState;

pub(super) const OTHER: &str = "other";
pub(super) const UNKNOWN: &str = "unknown";

/// LabelValues of one kind (programmes, queues, sites, initiatives or milestones) in one partition.
pub(super) struct LabelValues<'a> {
    listed: &'a [String],
    limit: usize,
    /// The distinct values of applied events so far, at limit `limit`.
    kept: BTreeSet<&'a str>,
}

impl<'a> LabelValues<'a> {
    pub(super) fn new(listed: &'a [String], rules: &OracleRules) -> Self {
        Self { listed, limit: rules.max_label_values, kept: BTreeSet::new() }
    }

    /// The value to show for the one that the next applied event gives.
    ///
    /// "The allowlists are applied when figures are shown: what is not listed counts as `other`." So does what is kept as `other`: a figure over
    /// `other` is one over all of these.
    pub(super) fn show(&mut self, given: &'a str) -> &'a str {
        let kept = self.keep(given);
        if self.listed.iter().any(|listed| listed == kept) { kept } else { OTHER }
    }

    /// The value to keep: "as given (at limit `state.max_label_values` a kind; later ones are `other` for good)".
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

/// The state to keep: "`MX-DIF` reads as `MX-CMX`; absent is `unknown`; anything else is `other`".
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

/// The state to show: a code that is not listed is `other`.
pub(super) fn show_state<'a>(given: Option<&'a str>, rules: &'a OracleRules) -> &'a str {
    let kept = keep_state(given);
    if kept == UNKNOWN || rules.labels.states.iter().any(|listed| listed == kept) { kept } else { OTHER }
}

/// The values whose series start at 0: those listed, and `other`.
pub(super) fn listed_and_other(listed: &[String]) -> Vec<&str> {
    listed.iter().map(String::as_str).chain([OTHER]).collect()
}

/// The values whose series start at 0 where an event may give none: those listed, `other` and `unknown`.
pub(super) fn listed_other_and_unknown(listed: &[String]) -> Vec<&str> {
    listed.iter().map(String::as_str).chain([OTHER, UNKNOWN]).collect()
}
