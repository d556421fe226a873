//! What a cut says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::targets::Quantity;
use crate::view::closed_periods::{ClosedPeriod, ClosedPeriods};

/// The figures of an instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// Its instant in UTC, as `20200515T230000Z`.
    pub id: String,
    pub at_ms: Millis,
    /// The same in the programme's zone.
    pub at: String,
    /// When it was taken.
    pub taken_ms: Millis,
    /// When the state was begun to be built that it was taken from.
    pub state_built_ms: Millis,
    /// What it was made of: in each partition the first offset that is not in it.
    pub offsets: Vec<CutOffset>,
    /// The day, the week and the month that hold the instant before the cut, up to the cut.
    pub periods: Vec<CutPeriod>,
    pub targets: Vec<CutTarget>,
    /// Of periods that closed with an earlier cut: what is known otherwise since the cut before.
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutOffset {
    pub stream: String,
    pub topic: String,
    pub partition: i32,
    pub next_offset: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CutPeriod {
    /// `day`, `week` or `month`.
    pub period: String,
    pub id: String,
    pub start_ms: Millis,
    pub end_ms: Millis,
    /// Whether it ends with this cut.
    pub closes: bool,
    /// Those with a dispersal.
    pub cells: Vec<CutCell>,
}

/// Of a programme and a state as shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CutCell {
    pub programme: String,
    pub state: String,
    pub beneficiaries: u64,
    pub dispersals: u64,
    pub net_pesos: Quantity,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CutTarget {
    pub target: String,
    pub measure: String,
    /// See [`Target::selection`].
    pub selection: u64,
    pub period: String,
    pub start_ms: Millis,
    pub end_ms: Millis,
    /// Whether the period ends with this cut, so that this is its record.
    pub closes: bool,
    pub goal: Quantity,
    pub plan: f64,
    /// None: a ratio of nothing.
    pub actual: Option<Quantity>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    pub target: String,
    pub period: String,
    pub start_ms: Millis,
    pub before: Option<Quantity>,
    pub after: Option<Quantity>,
}

/// The name of the cut at an instant, as `20200515T230000Z`; with milliseconds if it has any.
pub fn cut_id(at: Millis) -> String {
    let format = if at.rem_euclid(1_000) == 0 { "%Y%m%dT%H%M%SZ" } else { "%Y%m%dT%H%M%S%.3fZ" };
    Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |instant| instant.strftime(format).to_string())
}
