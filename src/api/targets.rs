//! `/api/v1/targets` and `/api/v1/targets/{name}`: targets and their progress. Fields have the names of the metrics
//! `pacemeter_target_*`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::context::RequestContext;
use super::{ApiError, PeriodSpan};
use crate::calendar::Interval;
use crate::clock::Timestamp;
use crate::targets::pace::{Observation, PaceReport, assess};
use crate::targets::sentence::{BilingualText, SentenceInput, sentence};
use crate::targets::status::PaceStatus;
use crate::targets::{Filter, Measure, Quantity, Tally, Target, TargetIndex};
use crate::view::progress::{EndedPeriod, Tallies, TargetStatus};

/// Answer of `/api/v1/targets`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TargetsResponse {
    /// Instant for which everything is evaluated, in milliseconds since the epoch.
    pub(crate) now_ms: Timestamp,
    /// That instant as text in the programme's zone.
    pub(crate) now: String,
    /// Time at which the state behind the figures began to be built, in milliseconds since the epoch.
    pub(crate) state_built_ms: Timestamp,
    /// Targets in the order of their files.
    pub(crate) targets: Vec<TargetEntry>,
}

/// Answer of `/api/v1/targets/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TargetResponse {
    /// Instant for which everything is evaluated, in milliseconds since the epoch.
    pub(crate) now_ms: Timestamp,
    /// That instant as text in the programme's zone.
    pub(crate) now: String,
    /// Time at which the state behind the figures began to be built, in milliseconds since the epoch.
    pub(crate) state_built_ms: Timestamp,
    /// Target and its progress.
    pub(crate) target: TargetEntry,
    /// Points of the current period: its start, its cuts, now and its end. Empty outside of a campaign.
    pub(crate) curve: Vec<PacePoint>,
}

/// Plan and result at an instant of the current period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PacePoint {
    /// Instant, in milliseconds since the epoch.
    pub(crate) at_ms: Timestamp,
    /// That instant as text in the programme's zone.
    pub(crate) at: String,
    /// Part of the goal planned up to the instant.
    pub(crate) plan: f64,
    /// Result up to the instant, as known now; null after now.
    pub(crate) actual: Option<Quantity>,
}

/// Target and its progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TargetEntry {
    /// Name of the target.
    pub(crate) name: String,
    /// Title in the target's file; without one the name.
    pub(crate) title: BilingualText,
    /// Group under which pages list the target; null without one.
    pub(crate) group: Option<String>,
    /// Description in the target's file.
    pub(crate) description: String,
    /// Name of the measure: `beneficiaries`, `net_pesos`, `service_level`, ...
    pub(crate) measure: String,
    /// Unit of the measure: `people`, `pesos`, `calls`, ..., or `ratio`.
    pub(crate) unit: String,
    /// Labels that events must have to count.
    pub(crate) filter: TargetSelection,
    /// Working calendar.
    pub(crate) calendar: CalendarState,
    /// Instant up to which the figures are complete, in milliseconds since the epoch; null until known
    /// (`spec/figures.md#complete-until`).
    pub(crate) complete_until_ms: Option<Timestamp>,
    /// Current period; null outside of a campaign, and if part of the period is forgotten.
    pub(crate) current: Option<CurrentPeriod>,
    /// Last closed period with its result today, or as cuts reported it last if part of it is forgotten; null if there is
    /// none, or no cut has it.
    pub(crate) previous: Option<PreviousPeriod>,
}

/// Working calendar of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CalendarState {
    /// Name of the calendar.
    pub(crate) name: String,
    /// True while it is open.
    pub(crate) open: bool,
    /// Instant at which it opens or closes next, in milliseconds since the epoch; null if it stays as it is for a month.
    pub(crate) changes_ms: Option<Timestamp>,
}

/// Labels of the events that count. An empty list selects every event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TargetSelection {
    /// Names of programmes.
    pub(crate) programmes: Vec<String>,
    /// Codes of states.
    pub(crate) states: Vec<String>,
    /// Names of queues.
    pub(crate) queues: Vec<String>,
    /// Names of initiatives.
    pub(crate) initiatives: Vec<String>,
    /// Names of milestones.
    pub(crate) milestones: Vec<String>,
}

/// Progress of the current period. Formulas are in [`pace`](crate::targets::pace).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CurrentPeriod {
    /// Status by the rules of docs/targets.md#status: `reached`, `on_pace`, `behind`, ... It has held for
    /// `targets.status_hold`.
    pub(crate) status: PaceStatus,
    /// Instant at which this status began, in milliseconds since the epoch; null if it began before the process.
    pub(crate) status_since_ms: Option<Timestamp>,
    /// Sentence for that status in Spanish and English.
    pub(crate) say: BilingualText,
    /// Kind, id and bounds of the period.
    pub(crate) period: PeriodSpan,
    /// Goal of the period.
    pub(crate) goal: Quantity,
    /// Result; null for a ratio with nothing to divide by.
    pub(crate) actual: Option<Quantity>,
    /// Part of the goal planned up to now; the whole goal for a ratio.
    pub(crate) plan: f64,
    /// Share of the plan that has passed, 0 to 1.
    pub(crate) plan_share: f64,
    /// Actual over plan; null while nothing is planned.
    pub(crate) pace_ratio: Option<f64>,
    /// Plan less actual; negative if the target is ahead of its plan, null for a ratio with nothing to divide by.
    pub(crate) shortfall: Option<f64>,
    /// Shortfall in pesos; null unless the measure is money, or each counted thing has a value or a mean payment.
    pub(crate) shortfall_pesos: Option<f64>,
    /// Largest shortfall that may be due to chance; null for money while no payment is known.
    pub(crate) pace_tolerance: Option<f64>,
    /// Projected result at the end of the period at the current pace; null while too little of the plan has passed, and
    /// for a ratio.
    pub(crate) projection: Option<f64>,
    /// Result that the end of the period exceeds with a probability of 90 %; null where there is no projection.
    pub(crate) projection_low: Option<f64>,
    /// Result that the end of the period exceeds with a probability of 10 %.
    pub(crate) projection_high: Option<f64>,
    /// Probability that the goal is attained, 0 to 1; null for a ratio, and while the outcome cannot be estimated.
    pub(crate) attainment_probability_ratio: Option<f64>,
    /// Amount per remaining open hour that attains the goal; null for a ratio, and if the goal is missed and no open time
    /// is left.
    pub(crate) required_per_open_hour: Option<f64>,
    /// Amount per open hour so far; null for a ratio, and while no open time has passed.
    pub(crate) achieved_per_open_hour: Option<f64>,
    /// Open time left in the period, in seconds.
    pub(crate) remaining_open_seconds: f64,
    /// Variance of counts relative to that of a Poisson process; 4 until four past periods say more.
    pub(crate) dispersion: f64,
}

/// Last closed period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PreviousPeriod {
    /// Kind, id and bounds of the period.
    pub(crate) period: PeriodSpan,
    /// Goal of the period.
    pub(crate) goal: Quantity,
    /// Result; null for a ratio with nothing to divide by.
    pub(crate) actual: Option<Quantity>,
}

/// Lists all targets.
pub(super) fn list(context: &RequestContext<'_>) -> TargetsResponse {
    let statuses = context.statuses(&context.tallies());
    TargetsResponse {
        now_ms: context.now,
        now: context.local(context.now),
        state_built_ms: context.snapshot.built,
        targets: entries(context, &statuses),
    }
}

/// Describes all targets; the statuses are in the order of the targets.
pub(super) fn entries(context: &RequestContext<'_>, statuses: &[TargetStatus]) -> Vec<TargetEntry> {
    let targets = context.targets().targets.iter().zip(statuses);
    targets.map(|(target, status)| entry(context, target, status)).collect()
}

/// Returns one target and its curve.
///
/// # Errors
/// 404 if no target has this name.
pub(super) fn get(context: &RequestContext<'_>, name: &str) -> Result<TargetResponse, ApiError> {
    let (index, target) = context.target(name)?;
    let tallies = context.tallies();
    let status = &context.statuses(&tallies)[index.index()];
    Ok(TargetResponse {
        now_ms: context.now,
        now: context.local(context.now),
        state_built_ms: context.snapshot.built,
        target: entry(context, target, status),
        curve: status.current.map_or_else(Vec::new, |current| curve(context, &tallies, index, current.period)),
    })
}

fn entry(context: &RequestContext<'_>, target: &Target, status: &TargetStatus) -> TargetEntry {
    TargetEntry {
        name: target.name.clone(),
        title: target.shown_title(),
        group: target.group.clone(),
        description: target.description.clone(),
        measure: target.measure.name().to_owned(),
        unit: unit(target.measure).to_owned(),
        filter: selection(&target.filter),
        calendar: CalendarState {
            name: target.calendar.name().to_owned(),
            open: target.calendar.is_open(context.now),
            changes_ms: target.calendar.next_change(context.now),
        },
        complete_until_ms: context.snapshot.complete_until[target.measure.stream()],
        current: status.current.as_ref().map(|current| current_period(context, target, current, status.dispersion)),
        previous: status.previous.map(|EndedPeriod { period, goal, actual }| PreviousPeriod {
            period: context.span(target.period, period),
            goal,
            actual,
        }),
    }
}

fn current_period(
    context: &RequestContext<'_>,
    target: &Target,
    current: &PaceReport,
    dispersion: f64,
) -> CurrentPeriod {
    let (now, complete_until) = (context.now, context.snapshot.complete_until[target.measure.stream()]);
    let held = context.snapshot.publication.statuses.shown(target, current, &context.time());
    let status = held.status;
    let input = SentenceInput { target, report: current, status, now, complete_until, zone: context.zone() };
    CurrentPeriod {
        status,
        status_since_ms: held.since,
        say: sentence(&input),
        period: context.span(target.period, current.period),
        goal: current.goal,
        actual: current.actual,
        plan: current.plan,
        plan_share: current.share,
        pace_ratio: current.pace,
        shortfall: current.shortfall,
        shortfall_pesos: current.shortfall_pesos,
        pace_tolerance: current.tolerance,
        projection: current.projection,
        projection_low: current.projection_range.map(|[low, _]| low),
        projection_high: current.projection_range.map(|[_, high]| high),
        attainment_probability_ratio: current.probability,
        required_per_open_hour: current.required_per_open_hour,
        achieved_per_open_hour: current.achieved_per_open_hour,
        remaining_open_seconds: current.remaining_open as f64 / 1_000.0,
        dispersion,
    }
}

fn curve(context: &RequestContext<'_>, tallies: &Tallies, index: TargetIndex, period: Interval) -> Vec<PacePoint> {
    let targets = context.targets();
    let (target, cut_times, now) = (&targets[index], targets.cut_times(context.zone()), context.now);
    let mut instants = cut_times.within(period);
    instants.extend([period.start, now]);
    instants.retain(|instant| (period.start..=period.end).contains(instant));
    instants.sort_unstable();
    instants.dedup();
    // A slot is known only as a whole. The slot that contains now ends later, but holds what has happened until now.
    let tally_until = |instant: Timestamp| match () {
        () if instant > now => None,
        () if instant == now => tallies.within(index, period),
        () => tallies.within(index, Interval { start: period.start, end: instant }),
    };
    let point = |instant: Timestamp| {
        let observation = Observation {
            period,
            now: instant,
            zone: context.zone(),
            actual: Tally::default(),
            past: Tally::default(),
            overdispersion: 1.0,
        };
        let actual = tally_until(instant).and_then(|tally| target.measure.quantity(tally));
        PacePoint { at_ms: instant, at: context.local(instant), plan: assess(target, &observation).plan, actual }
    };
    instants.into_iter().map(point).collect()
}

fn selection(filter: &Filter) -> TargetSelection {
    let Filter { programmes, states, queues, initiatives, milestones } = filter.clone();
    TargetSelection { programmes, states, queues, initiatives, milestones }
}

/// Unit of a measure, in one word.
pub(super) fn unit(measure: Measure) -> &'static str {
    match measure {
        Measure::Beneficiaries => "people",
        Measure::Dispersals => "dispersals",
        Measure::NetPesos => "pesos",
        Measure::Approvals => "approvals",
        Measure::Applications => "applications",
        Measure::CallsOffered | Measure::CallsAnswered | Measure::CallsCompleted => "calls",
        Measure::ServiceLevel => "ratio",
        Measure::Milestones => "milestones",
    }
}
