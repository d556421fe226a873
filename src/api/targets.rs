//! `/api/v1/targets` and `/api/v1/targets/{name}`: what is to be reached, and how far that is now. The names are those
//! of the metrics.

use serde::{Deserialize, Serialize};

use super::ApiError;
use super::present::{PeriodSpan, Present};
use crate::calendar::Interval;
use crate::clock::Millis;
use crate::targets::pace::{Observation, PaceReport, assess};
use crate::targets::{Filter, Measure, Quantity, Tally, Target, TargetIndex};
use crate::view::progress::{EndedPeriod, Tallies, TargetStatus};

/// Answer of `/api/v1/targets`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetsResponse {
    /// Instant for which everything is evaluated.
    pub now_ms: Millis,
    /// The same instant as text in the programme's zone.
    pub now: String,
    /// When the state was begun to be built that the figures come from.
    pub state_built_ms: Millis,
    /// In the order of their files.
    pub targets: Vec<TargetEntry>,
}

/// Answer of `/api/v1/targets/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetResponse {
    /// Instant for which everything is evaluated, in milliseconds since the epoch.
    pub now_ms: Millis,
    /// The same instant as text in the programme's zone.
    pub now: String,
    /// Instant at which the state behind the figures began to be built.
    pub state_built_ms: Millis,
    /// The target.
    pub target: TargetEntry,
    /// The current period: its beginning, the instants of its cuts, its end, and now. Empty outside of a campaign.
    pub curve: Vec<PacePoint>,
}

/// An instant of the current period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PacePoint {
    /// The instant, in milliseconds since the epoch.
    pub at_ms: Millis,
    /// The same instant as text in the programme's zone.
    pub at: String,
    /// Part of the goal planned up to the instant.
    pub plan: f64,
    /// Result up to the instant, as known now; null after now.
    pub actual: Option<Quantity>,
}

/// A target and its status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetEntry {
    /// Name of the target.
    pub name: String,
    /// Description in the target's file.
    pub description: String,
    /// `beneficiaries`, `net_pesos`, `service_level`, ...
    pub measure: String,
    /// Unit of the measure: `people`, `pesos`, `calls`, ..., or `ratio`.
    pub unit: String,
    /// Labels that events must have to count.
    pub filter: TargetSelection,
    /// Name of the working calendar.
    pub calendar: String,
    /// Instant up to which every record is in the figures; null until known.
    pub complete_until_ms: Option<Millis>,
    /// Current period; null outside of a campaign, and where part of the period is forgotten.
    pub current: Option<CurrentPeriod>,
    /// Last period that has closed, as known now; null if there was none, or part of it is forgotten.
    pub previous: Option<PreviousPeriod>,
}

/// Selection of events: those whose label is in the list, or any if it is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSelection {
    /// Programmes; empty for any.
    pub programmes: Vec<String>,
    /// States; empty for any.
    pub states: Vec<String>,
    /// Queues; empty for any.
    pub queues: Vec<String>,
    /// Initiatives; empty for any.
    pub initiatives: Vec<String>,
    /// Milestones; empty for any.
    pub milestones: Vec<String>,
}

/// Pace of the current period; [`pace`](crate::targets::pace) has the formulas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurrentPeriod {
    /// The period.
    pub period: PeriodSpan,
    /// Goal of the period.
    pub goal: Quantity,
    /// Null for a ratio with nothing to divide by.
    pub actual: Option<Quantity>,
    /// Part of the goal planned up to now; the whole goal for a ratio.
    pub plan: f64,
    /// Share of the plan that has passed, 0 to 1.
    pub plan_share: f64,
    /// Actual over plan; null while nothing is planned.
    pub pace_ratio: Option<f64>,
    /// Plan less actual: negative where more was reached.
    pub shortfall: Option<f64>,
    /// Shortfall in pesos; null unless the measure is money or each counted thing has a value.
    pub shortfall_pesos: Option<f64>,
    /// Shortfall up to which chance alone may be the cause.
    pub pace_tolerance: Option<f64>,
    /// Projected result at the end of the period at the present pace; null while too little of the plan has passed, and
    /// for a ratio.
    pub projection: Option<f64>,
    /// Probability that the goal is reached, 0 to 1; null while too little of the plan has passed.
    pub attainment_probability_ratio: Option<f64>,
    /// Rate needed from now on, per hour of working time; null where none is left.
    pub required_per_open_hour: Option<f64>,
    /// Rate so far, per hour of working time; null before any has passed.
    pub achieved_per_open_hour: Option<f64>,
    /// Working time left, in seconds.
    pub remaining_open_seconds: f64,
    /// Variance of counts relative to a Poisson process; 4 until four past periods are known.
    pub dispersion: f64,
}

/// A period that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreviousPeriod {
    /// The period.
    pub period: PeriodSpan,
    /// Goal of the period.
    pub goal: Quantity,
    /// Null for a ratio with nothing to divide by.
    pub actual: Option<Quantity>,
}

pub(super) fn all(present: &Present<'_>) -> TargetsResponse {
    let statuses = present.statuses(&present.tallies());
    TargetsResponse {
        now_ms: present.now,
        now: present.local(present.now),
        state_built_ms: present.snapshot.built,
        targets: present
            .targets()
            .targets
            .iter()
            .zip(&statuses)
            .map(|(target, status)| entry(present, target, status))
            .collect(),
    }
}

/// # Errors
/// There is no such target.
pub(super) fn one(present: &Present<'_>, name: &str) -> Result<TargetResponse, ApiError> {
    let (index, target) = present.target(name)?;
    let tallies = present.tallies();
    let status = &present.statuses(&tallies)[index.index()];
    Ok(TargetResponse {
        now_ms: present.now,
        now: present.local(present.now),
        state_built_ms: present.snapshot.built,
        target: entry(present, target, status),
        curve: status.current.map_or_else(Vec::new, |current| curve(present, &tallies, index, current.period)),
    })
}

fn entry(present: &Present<'_>, target: &Target, status: &TargetStatus) -> TargetEntry {
    TargetEntry {
        name: target.name.clone(),
        description: target.description.clone(),
        measure: target.measure.name().to_owned(),
        unit: unit(target.measure).to_owned(),
        filter: selection(&target.filter),
        calendar: target.calendar.name().to_owned(),
        complete_until_ms: present.snapshot.complete_until[target.measure.stream()],
        current: status.current.as_ref().map(|current| current_of(present, target, current, status.dispersion)),
        previous: status.previous.map(|EndedPeriod { period, goal, actual }| PreviousPeriod {
            period: present.span(target.period, period),
            goal,
            actual,
        }),
    }
}

fn current_of(present: &Present<'_>, target: &Target, current: &PaceReport, dispersion: f64) -> CurrentPeriod {
    CurrentPeriod {
        period: present.span(target.period, current.period),
        goal: current.goal,
        actual: current.actual,
        plan: current.plan,
        plan_share: current.share,
        pace_ratio: current.pace,
        shortfall: current.shortfall,
        shortfall_pesos: current.shortfall_pesos,
        pace_tolerance: current.tolerance,
        projection: current.projection,
        attainment_probability_ratio: current.probability,
        required_per_open_hour: current.required_per_open_hour,
        achieved_per_open_hour: current.achieved_per_open_hour,
        remaining_open_seconds: current.remaining_open as f64 / 1_000.0,
        dispersion,
    }
}

fn curve(present: &Present<'_>, tallies: &Tallies, index: TargetIndex, period: Interval) -> Vec<PacePoint> {
    let targets = present.targets();
    let (target, cut_times, now) = (&targets[index], targets.cut_times(present.zone()), present.now);
    let mut instants = vec![period.start, now];
    let mut day = period.start;
    while day < period.end {
        let of_day = cut_times.of_day(day);
        day = of_day.last().copied().unwrap_or(period.end).max(day + 1);
        instants.extend(of_day);
    }
    instants.retain(|instant| (period.start..=period.end).contains(instant));
    instants.sort_unstable();
    instants.dedup();
    // What is in the slot that holds now is known as a whole only: it is what was reached until now, or a moment ahead
    // of it.
    let reached = |instant: Millis| match () {
        () if instant > now => None,
        () if instant == now => tallies.within(index, period),
        () => tallies.within(index, Interval { start: period.start, end: instant }),
    };
    let point = |instant: Millis| {
        let observation = Observation {
            period,
            now: instant,
            zone: present.zone(),
            actual: Tally::default(),
            past: Tally::default(),
            overdispersion: 1.0,
        };
        let actual = reached(instant).and_then(|tally| target.measure.quantity(tally));
        PacePoint { at_ms: instant, at: present.local(instant), plan: assess(target, &observation).plan, actual }
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
