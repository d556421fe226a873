//! `/api/v1/targets/{name}/history`: the periods of a target that have closed, as they closed, and what is known of
//! them now.

use serde::{Deserialize, Serialize};

use super::ApiError;
use super::present::{PeriodSpan, Present};
use super::targets::unit;
use crate::calendar::Interval;
use crate::clock::Millis;
use crate::targets::{Quantity, TargetIndex};
use crate::view::closed_periods::ClosedPeriod;
use crate::view::progress::Tallies;

/// The newest first. Periods that closed while the target counted something else (another measure, filter or period)
/// are not among them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryResponse {
    /// Instant for which everything is evaluated, in milliseconds since the epoch.
    pub now_ms: Millis,
    /// The same instant as text in the programme's zone.
    pub now: String,
    /// Instant at which the state behind the figures began to be built.
    pub state_built_ms: Millis,
    /// Name of the target.
    pub target: String,
    /// Name of the measure.
    pub measure: String,
    /// Unit of the measure.
    pub unit: String,
    /// Closed periods, the newest first.
    pub periods: Vec<ClosedPeriodEntry>,
    /// True if older periods exist beyond the limit.
    pub more: bool,
}

/// A period as it closed, and its corrections since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClosedPeriodEntry {
    /// The period.
    pub period: PeriodSpan,
    /// Goal when the period closed.
    pub goal: Quantity,
    /// Result at the close; null for a ratio with nothing to divide by.
    pub actual: Option<Quantity>,
    /// Id of the cut with which it closed.
    pub cut: String,
    /// Corrections by later cuts, the oldest first.
    pub corrections: Vec<CorrectionEntry>,
    /// Result known now; null where part of the period is forgotten.
    pub today: Option<Quantity>,
    /// Difference of `today` and `actual`.
    pub difference: Option<Quantity>,
}

/// A correction of a closed period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorrectionEntry {
    /// Id of the cut that reports it.
    pub cut: String,
    /// Null for a ratio with nothing to divide by.
    pub actual: Option<Quantity>,
}

/// # Errors
/// There is no such target.
pub(super) fn of(present: &Present<'_>, name: &str, limit: usize) -> Result<HistoryResponse, ApiError> {
    let (index, target) = present.target(name)?;
    let (tallies, selection) = (present.tallies(), target.selection());
    let mut periods_left = present.closed_periods().of(name).rev().filter(|closed| closed.selection == selection);
    let periods = periods_left.by_ref().take(limit).map(|closed| entry(present, &tallies, index, closed)).collect();
    Ok(HistoryResponse {
        now_ms: present.now,
        now: present.local(present.now),
        state_built_ms: present.snapshot.built,
        target: name.to_owned(),
        measure: target.measure.name().to_owned(),
        unit: unit(target.measure).to_owned(),
        periods,
        more: periods_left.next().is_some(),
    })
}

fn entry(present: &Present<'_>, tallies: &Tallies, index: TargetIndex, closed: &ClosedPeriod) -> ClosedPeriodEntry {
    let bounds = Interval { start: closed.start_ms, end: closed.end_ms };
    let today = quantity_today(present, tallies, index, bounds);
    let period = present.targets()[index].period;
    ClosedPeriodEntry {
        period: present.named_span(period.name(), closed.period.clone(), bounds),
        goal: closed.goal,
        actual: closed.actual,
        cut: closed.cut.clone(),
        corrections: closed
            .corrections
            .iter()
            .map(|(cut, actual)| CorrectionEntry { cut: cut.clone(), actual: *actual })
            .collect(),
        today,
        difference: today.zip(closed.actual).and_then(|(today, actual)| today.above(actual)),
    }
}

/// Result known now for a span from the start of one of a target's periods; `None` if part of it is forgotten.
pub(super) fn quantity_today(
    present: &Present<'_>,
    tallies: &Tallies,
    index: TargetIndex,
    span: Interval,
) -> Option<Quantity> {
    let target = &present.targets()[index];
    let tally = present.begins(target.period, span.start).then(|| tallies.within(index, span))?;
    target.measure.quantity(tally?)
}
