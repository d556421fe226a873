//! `/api/v1/targets/{name}/curve`: plan and result of a period, hour by hour or day by day.

mod steps;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::steps::{CurveInput, Steps};
use super::context::RequestContext;
use super::targets::unit;
use super::{ApiError, PeriodSpan};
use crate::calendar::Interval;
use crate::clock::Timestamp;
use crate::settings::BilingualText;
use crate::targets::headline::{HeadlineInput, short_day};
use crate::targets::pace::{Observation, PaceReport, assess};
use crate::targets::status::PaceStatus;
use crate::targets::{Quantity, Tally, Target};
use crate::view::progress::{Tallies, TargetStatus};
use crate::view::slots::MAX_HOURLY_DAYS;

/// Maximum number of points of a projection, its end not counted.
const MOST_PROJECTED: usize = 24;

/// Distance between two points of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CurveStep {
    /// Hour of the programme's zone.
    #[default]
    Hour,
    /// Day of the programme's zone.
    Day,
}

/// Period of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum CurvePeriod {
    /// Running period.
    #[default]
    Current,
    /// Period before.
    Previous,
}

/// Step and period that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CurveOptions {
    pub(crate) step: CurveStep,
    pub(crate) period: CurvePeriod,
}

/// Answer of `/api/v1/targets/{name}/curve`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CurveResponse {
    /// Instant for which everything is evaluated, in milliseconds since the epoch.
    pub(crate) now_ms: Timestamp,
    /// That instant as text in the programme's zone.
    pub(crate) now: String,
    /// Revision of the figures.
    pub(crate) revision: u64,
    /// Name of the target.
    pub(crate) name: String,
    /// Title of the target.
    pub(crate) title: BilingualText,
    /// Name of the measure.
    pub(crate) measure: String,
    /// Unit of the measure.
    pub(crate) unit: String,
    /// `hour` or `day`.
    pub(crate) step: CurveStep,
    /// Kind, id and bounds of the period.
    pub(crate) period: PeriodSpan,
    /// Goal of the period.
    pub(crate) goal: Quantity,
    /// Name of the working calendar.
    pub(crate) calendar: String,
    /// Title that says what happened.
    pub(crate) headline: BilingualText,
    /// Start of the period, each beginning of an hour or day, now, and the end.
    pub(crate) points: Vec<CurvePoint>,
    /// Closed time of the calendar.
    pub(crate) closed: Vec<ClosedSpan>,
    /// Days of the period.
    pub(crate) days: Vec<CurveDay>,
    /// Few hours that lack half of what is missing; null if there are none.
    pub(crate) worst: Option<WorstSpan>,
    /// Projection from now to the end; empty without one.
    pub(crate) projection: Vec<ProjectedPoint>,
    /// Cuts within the period.
    pub(crate) cuts: Vec<CutPoint>,
}

/// Plan and result at an instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CurvePoint {
    /// Instant, in milliseconds since the epoch.
    pub(crate) at_ms: Timestamp,
    /// Part of the goal planned up to the instant; the whole goal for a ratio.
    pub(crate) plan: f64,
    /// Largest shortfall at the instant that may be due to chance; null for money while no payment is known.
    pub(crate) tolerance: Option<f64>,
    /// Result up to the instant, as known now; null after now, where it is forgotten, and for a ratio of nothing.
    pub(crate) actual: Option<Quantity>,
    /// Result since the point before; null for a ratio, at the start and where `actual` is.
    pub(crate) count: Option<Quantity>,
    /// True if the calendar is open at some time since the point before.
    pub(crate) open: bool,
}

/// Closed time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ClosedSpan {
    /// Start, in milliseconds since the epoch.
    pub(crate) start_ms: Timestamp,
    /// End, in milliseconds since the epoch.
    pub(crate) end_ms: Timestamp,
    /// Name of the holiday, as its calendar has it; null for other closed time.
    pub(crate) name: Option<BilingualText>,
}

/// Day of the period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CurveDay {
    /// Start, in milliseconds since the epoch.
    pub(crate) start_ms: Timestamp,
    /// End, in milliseconds since the epoch.
    pub(crate) end_ms: Timestamp,
    /// Weekday and day of the month, such as `Mon 16`.
    pub(crate) name: BilingualText,
    /// Result of the day so far; null for a ratio, a day to come and one that is forgotten.
    pub(crate) count: Option<Quantity>,
    /// Part of the goal planned for the whole day; null for a ratio.
    pub(crate) plan: Option<f64>,
}

/// Hours that lack the most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct WorstSpan {
    /// Start, in milliseconds since the epoch.
    pub(crate) start_ms: Timestamp,
    /// End, in milliseconds since the epoch.
    pub(crate) end_ms: Timestamp,
    /// Plan of the hours less their result.
    pub(crate) shortfall: f64,
}

/// Projected result at an instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ProjectedPoint {
    /// Instant, in milliseconds since the epoch.
    pub(crate) at_ms: Timestamp,
    /// Result at the pace so far.
    pub(crate) middle: f64,
    /// Result that is exceeded with a probability of 90 %; null where the model knows none.
    pub(crate) low: Option<f64>,
    /// Result that is exceeded with a probability of 10 %.
    pub(crate) high: Option<f64>,
}

/// Cut within the period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CutPoint {
    /// Id of the cut.
    pub(crate) id: String,
    /// Instant of the cut, in milliseconds since the epoch.
    pub(crate) at_ms: Timestamp,
    /// Result up to that instant as known now, which lies on the curve; the cut itself has what was known then.
    pub(crate) actual: Option<Quantity>,
}

/// Returns the curve of a target.
///
/// # Errors
/// 400 for hours of a period that is too long, 404 if no target has this name, or it has no such period.
pub(super) fn get(context: &RequestContext<'_>, name: &str, options: CurveOptions) -> Result<CurveResponse, ApiError> {
    let (index, target) = context.target(name)?;
    if options.step == CurveStep::Hour && target.period.longest_days() > MAX_HOURLY_DAYS {
        let days = MAX_HOURLY_DAYS;
        return Err(ApiError::bad(format!("hours are kept for periods of at most {days} days; ask for step=day")));
    }
    let (zone, now) = (context.zone(), context.now);
    let period = match options.period {
        CurvePeriod::Current => target.period.at(now, zone),
        CurvePeriod::Previous => target.period.ended(now, zone),
    };
    let period =
        period.ok_or_else(|| ApiError::absent("the target has no such period: its campaign is not running"))?;
    let tallies = context.tallies();
    let status = &context.statuses(&tallies)[index.index()];
    let report = report(context, target, status, &tallies, (index, period));
    let input = CurveInput { target, index, period, now, zone, tallies: &tallies, goal: report.goal.value() };
    let steps = Steps::new(&input, options.step);
    let is_over = now >= period.end;
    let held = || context.snapshot.publication.statuses.shown(target, &report, &context.time()).status;
    let (days, hours) = (input.progress(CurveStep::Day), input.progress(CurveStep::Hour));
    let (headline, worst) = HeadlineInput {
        period: target.period,
        bounds: period,
        is_over,
        is_ratio: report.goal.ratio().is_some(),
        status: if is_over { PaceStatus::of(&report, true, target.calendar.is_open(now)) } else { held() },
        shortfall: report.shortfall,
        days: &days,
        hours: &hours,
        zone,
    }
    .headline();
    Ok(CurveResponse {
        now_ms: now,
        now: context.local(now),
        revision: context.snapshot.publication.revision,
        name: target.name.clone(),
        title: target.shown_title(),
        measure: target.measure.name().to_owned(),
        unit: unit(target.measure).to_owned(),
        step: options.step,
        period: context.span(target.period, period),
        goal: report.goal,
        calendar: target.calendar.name().to_owned(),
        headline,
        points: steps.points(&report, status.dispersion),
        closed: closed(target, period),
        days: days_of(&input),
        worst: worst.map(|worst| WorstSpan {
            start_ms: worst.span.start,
            end_ms: worst.span.end,
            shortfall: worst.shortfall,
        }),
        projection: if is_over { Vec::new() } else { projection(&input, &steps, &report, status.dispersion) },
        cuts: cuts(context, &input),
    })
}

/// Figures at now, or at the end of a period that is over. What is forgotten has no actual.
fn report(
    context: &RequestContext<'_>,
    target: &Target,
    status: &TargetStatus,
    tallies: &Tallies,
    (index, period): (crate::targets::TargetIndex, Interval),
) -> PaceReport {
    if let Some(current) = status.current.filter(|current| current.period == period) {
        return current;
    }
    let known = tallies.within(index, period);
    let actual = known.unwrap_or_default();
    let (now, zone, overdispersion) = (context.now, context.zone(), status.dispersion);
    let report = assess(target, &Observation { period, now, zone, actual, past: Tally::default(), overdispersion });
    let is_known = known.is_some();
    PaceReport {
        actual: report.actual.filter(|_| is_known),
        shortfall: report.shortfall.filter(|_| is_known),
        projection: report.projection.filter(|_| is_known),
        ..report
    }
}

fn closed(target: &Target, period: Interval) -> Vec<ClosedSpan> {
    let calendar = &target.calendar;
    let span = |Interval { start, end }: Interval| {
        let date = start.to_jiff().to_zoned(calendar.zone().clone()).date();
        ClosedSpan { start_ms: start, end_ms: end, name: calendar.holiday_name(date).map(BilingualText::same) }
    };
    calendar.closed_spans(period).into_iter().map(span).collect()
}

fn days_of(input: &CurveInput<'_>) -> Vec<CurveDay> {
    let is_ratio = input.target.measure == crate::targets::Measure::ServiceLevel;
    let day = |Interval { start, end }: Interval| {
        let until = |at: Timestamp| input.plan_at(at);
        let count = input.tally(Interval { start, end }).filter(|_| start <= input.now);
        CurveDay {
            start_ms: start,
            end_ms: end,
            name: short_day(&start.to_jiff().to_zoned(input.zone.clone())),
            count: count.and_then(|_| input.count(start, end)),
            plan: (!is_ratio).then(|| until(end) - until(start)),
        }
    };
    input.days().map(day).collect()
}

fn projection(input: &CurveInput<'_>, steps: &Steps<'_>, report: &PaceReport, dispersion: f64) -> Vec<ProjectedPoint> {
    let Some(projection) = report.projection else { return Vec::new() };
    let to_come: Vec<Timestamp> = steps.instants().filter(|&at| at > input.now && at < input.period.end).collect();
    let every = to_come.len().div_ceil(MOST_PROJECTED).max(1);
    let chosen = to_come.into_iter().skip(every - 1).step_by(every);
    let instants = std::iter::once(input.now).chain(chosen).chain([input.period.end]);
    let point = |at_ms: Timestamp| {
        let share = input.share_at(at_ms);
        let range = report.range_at(share, dispersion);
        ProjectedPoint {
            at_ms,
            middle: projection * share,
            low: range.map(|range| range.low),
            high: range.map(|range| range.high),
        }
    };
    instants.map(point).collect()
}

fn cuts(context: &RequestContext<'_>, input: &CurveInput<'_>) -> Vec<CutPoint> {
    let Interval { start, end } = input.period;
    let within = context.closed_periods().cuts().filter(|&at| start < at && at <= end.min(input.now));
    let cut = |at_ms: Timestamp| {
        let tally = input.tally(Interval { start, end: at_ms });
        let actual = tally.and_then(|tally| input.target.measure.quantity(tally));
        CutPoint { id: crate::cuts::cut_id(at_ms), at_ms, actual }
    };
    within.map(cut).collect()
}
