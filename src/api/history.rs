//! `/api/v1/targets/{name}/history`: closed periods of a target, each with its result at the close and today.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::context::RequestContext;
use super::parameters::Parameters;
use super::targets::unit;
use super::{ApiError, PeriodSpan};
use crate::calendar::Interval;
use crate::clock::Timestamp;
use crate::cuts::instant_of;
use crate::targets::{Quantity, TargetIndex};
use crate::view::closed_periods::ClosedPeriod;
use crate::view::huella::{Huella, HuellaHasher};
use crate::view::progress::Tallies;

/// Answer of `/api/v1/targets/{name}/history`. Periods that closed while the target counted something else (another
/// measure, filter or kind of period) are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct HistoryResponse {
    /// Instant for which everything is evaluated, in milliseconds since the epoch.
    pub(crate) now_ms: Timestamp,
    /// That instant as text in the programme's zone.
    pub(crate) now: String,
    /// Time at which the state behind the figures began to be built, in milliseconds since the epoch.
    pub(crate) state_built_ms: Timestamp,
    /// Name of the target.
    pub(crate) target: String,
    /// Name of the measure.
    pub(crate) measure: String,
    /// Unit of the measure.
    pub(crate) unit: String,
    /// Ten hexadecimal digits of a hash over the listed periods and their corrections (`spec/figures.md#huella`); null
    /// without a period.
    #[serde(default)]
    pub(crate) huella: Option<Huella>,
    /// Closed periods, the newest first.
    pub(crate) periods: Vec<ClosedPeriodEntry>,
    /// True if older periods exist beyond the limit; the next page is `before_ms` the `start_ms` of the last one listed.
    pub(crate) more: bool,
}

/// Closed period of a target, with its later corrections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ClosedPeriodEntry {
    /// Kind, id and bounds of the period.
    pub(crate) period: PeriodSpan,
    /// Goal when the period closed.
    pub(crate) goal: Quantity,
    /// Result at the close; null for a ratio with nothing to divide by.
    pub(crate) actual: Option<Quantity>,
    /// Id of the cut with which the period closed.
    pub(crate) cut: String,
    /// Ten hexadecimal digits of the hash over the offsets and figures of that cut; null while it cannot be read.
    #[serde(default)]
    pub(crate) huella: Option<Huella>,
    /// Corrections by later cuts, the oldest first.
    pub(crate) corrections: Vec<CorrectionEntry>,
    /// Result today; null if part of the period is forgotten.
    pub(crate) today: Option<Quantity>,
    /// `today` less `actual`.
    pub(crate) difference: Option<Quantity>,
}

/// Correction of a closed period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CorrectionEntry {
    /// Id of the cut that reports the correction.
    pub(crate) cut: String,
    /// Corrected result; null for a ratio with nothing to divide by.
    pub(crate) actual: Option<Quantity>,
}

/// Lists the closed periods of a target, the newest first.
///
/// # Errors
/// 404 if no target has this name.
pub(super) fn get(
    context: &RequestContext<'_>,
    name: &str,
    &Parameters { limit, before, .. }: &Parameters,
) -> Result<HistoryResponse, ApiError> {
    let (index, target) = context.target(name)?;
    let (tallies, selection) = (context.tallies(), target.selection());
    let is_listed =
        |closed: &&ClosedPeriod| closed.selection == selection && before.is_none_or(|before| closed.start_ms < before);
    let mut closed_periods = context.closed_periods().of(name).rev().filter(is_listed);
    let periods: Vec<ClosedPeriodEntry> =
        closed_periods.by_ref().take(limit).map(|closed| entry(context, &tallies, index, closed)).collect();
    Ok(HistoryResponse {
        now_ms: context.now,
        now: context.local(context.now),
        state_built_ms: context.snapshot.built,
        target: name.to_owned(),
        measure: target.measure.name().to_owned(),
        unit: unit(target.measure).to_owned(),
        huella: huella(name, target.measure.name(), &periods),
        periods,
        more: closed_periods.next().is_some(),
    })
}

/// Hash over the content of closed periods, which stand in a fixed order; `None` without one.
fn huella(target: &str, measure: &str, periods: &[ClosedPeriodEntry]) -> Option<Huella> {
    let mut hasher = HuellaHasher::new("pacemeter history 1", periods.first()?.period.end_ms);
    hasher.text(target).text(measure).length(periods.len());
    for ClosedPeriodEntry { period, goal, actual, cut, corrections, .. } in periods {
        hasher.text(&period.period).text(&period.id).instant(period.start_ms).instant(period.end_ms);
        hasher.text(cut).quantity(Some(*goal)).quantity(*actual).length(corrections.len());
        for correction in corrections {
            hasher.text(&correction.cut).quantity(correction.actual);
        }
    }
    Some(hasher.finish())
}

fn entry(
    context: &RequestContext<'_>,
    tallies: &Tallies,
    index: TargetIndex,
    closed: &ClosedPeriod,
) -> ClosedPeriodEntry {
    let bounds = Interval { start: closed.start_ms, end: closed.end_ms };
    let today = quantity_today(context, tallies, index, bounds);
    let period = context.targets()[index].period;
    ClosedPeriodEntry {
        period: context.named_span(period.name(), closed.period.clone(), bounds),
        goal: closed.goal,
        actual: closed.actual,
        huella: instant_of(&closed.cut).and_then(|at| context.closed_periods().huella(at)),
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

/// Returns the result today of a span that starts with a period of the target; `None` if part of it is forgotten.
pub(super) fn quantity_today(
    context: &RequestContext<'_>,
    tallies: &Tallies,
    index: TargetIndex,
    span: Interval,
) -> Option<Quantity> {
    let target = &context.targets()[index];
    let tally = context.is_start(target.period, span.start).then(|| tallies.within(index, span))?;
    target.measure.quantity(tally?)
}
