//! The content of a cut.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::{SECOND, Timestamp};
use crate::targets::Quantity;
use crate::view::closed_periods::{ClosedPeriod, ClosedPeriods};

/// The figures of an instant; the JSON of a stored cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// Its instant in UTC, such as `20200515T230000Z`; see [`cut_id`].
    pub id: String,
    /// Its instant.
    pub at_ms: Timestamp,
    /// Its instant in the programme's zone, such as `2020-05-15T18:00:00-05:00`.
    pub at: String,
    /// Instant when the cut was taken.
    pub taken_ms: Timestamp,
    /// Instant when building the state of the cut began.
    pub state_built_ms: Timestamp,
    /// First offset of each partition that is not part of the cut.
    pub offsets: Vec<CutOffset>,
    /// The day, the week and the month that contain the instant before the cut, up to the cut.
    pub periods: Vec<CutPeriod>,
    /// Every target whose current period is completely known.
    pub targets: Vec<CutTarget>,
    /// Periods that closed with an earlier cut and have changed since the cut before this one.
    pub corrections: Vec<Correction>,
}

impl Cut {
    /// Adds the periods that close with this cut, and its corrections of earlier ones.
    pub fn report(&self, periods: &mut ClosedPeriods) {
        periods.add_cut(self.at_ms);
        for target in self.targets.iter().filter(|target| target.closes) {
            let closed = ClosedPeriod {
                cut: self.id.clone(),
                period: target.period.clone(),
                selection: target.selection,
                start_ms: target.start_ms,
                end_ms: target.end_ms,
                goal: target.goal,
                actual: target.actual,
                corrections: BTreeMap::new(),
            };
            periods.close(&target.target, closed);
        }
        for correction in &self.corrections {
            periods.correct(&correction.target, correction.start_ms, &self.id, correction.after);
        }
    }
}

/// End of a cut in one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutOffset {
    /// Name of the stream.
    pub stream: String,
    /// Topic of the stream.
    pub topic: String,
    /// Partition of the topic.
    pub partition: i32,
    /// First offset that is not part of the cut.
    pub next_offset: i64,
}

/// The disbursements of a period up to the cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CutPeriod {
    /// `day`, `week` or `month`.
    pub period: String,
    /// Name of this period, such as `2020-W20`.
    pub id: String,
    /// Start of the period.
    pub start_ms: Timestamp,
    /// End of the period.
    pub end_ms: Timestamp,
    /// True if the period ends with this cut.
    pub closes: bool,
    /// Cells that have at least one dispersal.
    pub cells: Vec<CutCell>,
}

/// The disbursements of one programme in one state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CutCell {
    /// Label of the programme.
    pub programme: String,
    /// Label of the state.
    pub state: String,
    /// Number of distinct people to whom something is left after returns (`spec/figures.md#beneficiaries`).
    pub beneficiaries: u64,
    /// Number of dispersals, returned ones included (`spec/figures.md#dispersals`).
    pub dispersals: u64,
    /// Amount that is left of the dispersals after returns (pesos).
    pub net_pesos: Quantity,
}

/// A target's period up to the cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CutTarget {
    /// Name of the target.
    pub target: String,
    /// Name of its measure.
    pub measure: String,
    /// Fingerprint of what it counts; see [`Target::selection`](crate::targets::Target::selection).
    pub selection: u64,
    /// Name of the period.
    pub period: String,
    /// Start of the period.
    pub start_ms: Timestamp,
    /// End of the period.
    pub end_ms: Timestamp,
    /// True if the period ends with this cut, which makes this its record.
    pub closes: bool,
    /// Amount to reach by the end of the period.
    pub goal: Quantity,
    /// Amount planned until the instant of the cut.
    pub plan: f64,
    /// Amount reached; `None` for a ratio whose denominator is zero.
    pub actual: Option<Quantity>,
}

/// A change of a period that had closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// Name of the target.
    pub target: String,
    /// Name of the period.
    pub period: String,
    /// Start of the period.
    pub start_ms: Timestamp,
    /// Amount in the previous cut; `None` for a ratio whose denominator is zero.
    pub before: Option<Quantity>,
    /// Amount as of this cut; `None` for a ratio whose denominator is zero.
    pub after: Option<Quantity>,
}

/// Returns the id of the cut at an instant, such as `20200515T230000Z`, with milliseconds if it has any.
pub fn cut_id(at: Timestamp) -> String {
    let format = if at == at.floor(SECOND) { "%Y%m%dT%H%M%SZ" } else { "%Y%m%dT%H%M%S%.3fZ" };
    at.to_jiff().strftime(format).to_string()
}
