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

/// A period as it closed, and what became known since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClosedPeriodEntry {
    /// The period.
    pub period: PeriodSpan,
    /// Goal when the period closed.
    pub goal: Quantity,
    /// Result at the close; null for a ratio with nothing to divide by.
    pub actual: Option<Quantity>,
    /// The cut that it closed with.
    pub cut: String,
    /// Corrections by later cuts, the oldest first.
    pub corrections: Vec<CorrectionEntry>,
    /// With what is known now; null where not all of it is known any more.
    pub today: Option<Quantity>,
    /// Today less actual.
    pub difference: Option<Quantity>,
}

/// A correction of a closed period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorrectionEntry {
    /// The cut that says so.
    pub cut: String,
    /// Null: a ratio of nothing.
    pub actual: Option<Quantity>,
}

/// # Errors
/// There is no such target.
pub(super) fn of(present: &Present<'_>, name: &str, limit: usize) -> Result<HistoryResponse, ApiError> {
    let (place, target) = present.target(name)?;
    let (tallies, selection) = (present.tallies(), target.selection());
    let mut closings = present.closed_periods().of(name).rev().filter(|closing| closing.selection == selection);
    let periods = closings.by_ref().take(limit).map(|closing| closed(present, &tallies, place, closing)).collect();
    Ok(HistoryResponse {
        now_ms: present.now,
        now: present.local(present.now),
        state_built_ms: present.snapshot.built,
        target: name.to_owned(),
        measure: target.measure.name().to_owned(),
        unit: unit(target.measure).to_owned(),
        periods,
        more: closings.next().is_some(),
    })
}

fn closed(present: &Present<'_>, tallies: &Tallies, place: TargetIndex, closing: &ClosedPeriod) -> ClosedPeriodEntry {
    let bounds = Interval { start: closing.start_ms, end: closing.end_ms };
    let today = quantity_today(present, tallies, place, bounds);
    let period = present.targets()[place].period;
    ClosedPeriodEntry {
        period: present.named_span(period.name(), closing.period.clone(), bounds),
        goal: closing.goal,
        actual: closing.actual,
        cut: closing.cut.clone(),
        corrections: closing
            .corrections
            .iter()
            .map(|(cut, actual)| CorrectionEntry { cut: cut.clone(), actual: *actual })
            .collect(),
        today,
        difference: today.zip(closing.actual).and_then(|(today, actual)| today.above(actual)),
    }
}

/// Result known now for a span from the start of one of a target's periods; `None` if part of it is forgotten.
pub(super) fn quantity_today(
    present: &Present<'_>,
    tallies: &Tallies,
    place: TargetIndex,
    span: Interval,
) -> Option<Quantity> {
    let target = &present.targets()[place];
    let tally = present.begins(target.period, span.start).then(|| tallies.within(place, span))?;
    target.measure.quantity(tally?)
}
