//! Pace of a target at an instant: pure functions of goal, calendar, counts and time. docs/targets.md repeats the
//! formulas for users.
//!
//! `T` is the goal, `A` the actual amount, `F` the share of the plan that has passed ([`Plan`]). The formulas are the
//! run rate and required rate of sales pacing, over working time instead of elapsed time:
//!
//! | figure | counts and money | ratios |
//! |---|---|---|
//! | plan | `E = T F` | `T`, at any time |
//! | pace | `A / E` | `A / T` |
//! | shortfall | `E - A` | `T - A` |
//! | tolerance | `3 sqrt(φ E)`; for money `3 m sqrt(φ E / m)`, where `m` is the mean payment | as configured |
//! | projection | `A / F`, once `F` is at least [`LEAST_PROJECTED_SHARE`] | |
//! | range of the projection | see [`super::probability`] | |
//! | probability | see [`super::probability`] | |
//! | required rate | `max(T - A, 0)` / open hours left | |
//! | achieved rate | `A` / open hours elapsed | |
//!
//! An undefined figure is `None`, never 0.

use jiff::tz::TimeZone;

use super::plan::Plan;
use super::probability::{CountRange, attainment, certain, range_at};
use super::{Measure, Quantity, Tally, Target};
use crate::calendar::Interval;
use crate::clock::{HOUR, Millis, Timestamp};

/// Minimum share of the plan for a projection. Earlier it would magnify chance more than six times.
pub const LEAST_PROJECTED_SHARE: f64 = 0.15;

/// Standard deviations of the plan up to which a shortfall may be chance.
const TOLERATED_DEVIATIONS: f64 = 3.0;

/// Input of an assessment: amounts of a target at an instant of a period.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// Period to assess.
    pub period: Interval,
    /// Instant of the assessment, clamped to the period.
    pub now: Timestamp,
    /// Zone of the programme.
    pub zone: &'a TimeZone,
    /// Amount of the period so far.
    pub actual: Tally,
    /// Sum of past periods: their mean payment is used until this period has payments.
    pub past: Tally,
    /// Overdispersion φ, at least 1: see [`super::overdispersion`].
    pub overdispersion: f64,
}

/// Figures of a target at an instant. Amounts are in the unit shown: people, calls, pesos, a ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaceReport {
    /// Period that the figures are for.
    pub period: Interval,
    /// Goal of the period, prorated by its holidays if the target says so.
    pub goal: Quantity,
    /// Amount reached; `None` for a ratio without a denominator.
    pub actual: Option<Quantity>,
    /// Amount planned until the instant.
    pub plan: f64,
    /// Share of the plan that has passed, 0 to 1.
    pub share: f64,
    /// Actual over planned; `None` while nothing is planned.
    pub pace: Option<f64>,
    /// Planned less actual; negative when ahead.
    pub shortfall: Option<f64>,
    /// Maximum shortfall that may be chance; `None` for money while no payment is known.
    pub tolerance: Option<f64>,
    /// Projected amount at period end at the current pace.
    pub projection: Option<f64>,
    /// Amount that one counted event adds, in the unit shown; `None` for a ratio, and for money while no payment is known.
    pub each: Option<f64>,
    /// Amounts that the end of the period will exceed with a probability of 90 % and of 10 %, where there is a projection.
    pub projection_range: Option<[f64; 2]>,
    /// Probability that the goal is attained, 0 to 1.
    pub probability: Option<f64>,
    /// Amount per remaining open hour that attains the goal; `None` if it is missed and no open time is left.
    pub required_per_open_hour: Option<f64>,
    /// Amount per open hour so far; `None` while no open time has passed.
    pub achieved_per_open_hour: Option<f64>,
    /// Open time left in the period.
    pub remaining_open: Millis,
    /// Shortfall in pesos: of money, of counts with a worth ([`Target::pesos_each`]), and of people and dispersals once a
    /// payment is known.
    pub shortfall_pesos: Option<f64>,
}

impl PaceReport {
    /// Range of the amount once the share `until` of the plan has passed.
    pub fn range_at(&self, until: f64, overdispersion: f64) -> Option<CountRange> {
        self.projection?;
        let each = self.each?;
        let reached = self.actual.map_or(0.0, Quantity::value);
        let CountRange { low, high } = range_at(reached / each, self.share, until, overdispersion)?;
        Some(CountRange { low: low * each, high: high * each })
    }

    /// Maximum shortfall that may be chance while `planned` is planned.
    pub fn tolerance_of(&self, planned: f64, overdispersion: f64) -> Option<f64> {
        match self.goal.ratio() {
            Some(_) => self.tolerance,
            None => self.each.map(|each| tolerated(planned, each, overdispersion)),
        }
    }
}

fn tolerated(planned: f64, each: f64, overdispersion: f64) -> f64 {
    TOLERATED_DEVIATIONS * (overdispersion * planned / each).sqrt() * each
}

/// Computes the figures of a target from an observation.
pub fn assess(target: &Target, observation: &Observation<'_>) -> PaceReport {
    assess_planned(target, observation, &Plan::of(target, observation.period, observation.now))
}

/// Goal of a period, prorated by its holidays if the target says so.
pub fn goal_of(target: &Target, period: Interval, zone: &TimeZone) -> Quantity {
    prorated(target, target.goal(period, zone), &Plan::of(target, period, period.end))
}

fn prorated(target: &Target, goal: Quantity, plan: &Plan) -> Quantity {
    if target.prorate { goal.times(plan.proration) } else { goal }
}

fn assess_planned(target: &Target, observation: &Observation<'_>, plan: &Plan) -> PaceReport {
    let goal = target.goal(observation.period, observation.zone);
    match goal {
        Quantity::Ratio(_) | Quantity::Fraction { .. } => of_ratio(target, observation, plan, goal),
        Quantity::Count(_) | Quantity::Centavos(_) => {
            let goal = prorated(target, goal, plan);
            of_amount(target, observation, plan, goal)
        }
    }
}

fn of_ratio(target: &Target, observation: &Observation<'_>, plan: &Plan, goal: Quantity) -> PaceReport {
    let actual = target.measure.quantity(observation.actual);
    let reached = actual.map(Quantity::value);
    let whole = goal.value();
    PaceReport {
        period: observation.period,
        goal,
        actual,
        plan: whole,
        share: plan.share,
        pace: reached.filter(|_| whole > 0.0).map(|reached| reached / whole),
        shortfall: reached.map(|reached| whole - reached),
        tolerance: Some(target.tolerance),
        projection: None,
        each: None,
        projection_range: None,
        probability: None,
        required_per_open_hour: None,
        achieved_per_open_hour: None,
        remaining_open: plan.open_left,
        shortfall_pesos: None,
    }
}

fn of_amount(target: &Target, observation: &Observation<'_>, plan: &Plan, goal: Quantity) -> PaceReport {
    let actual = target.measure.quantity(observation.actual);
    let reached = actual.map_or(0.0, Quantity::value);
    let whole = goal.value();
    let planned = whole * plan.share;
    let shortfall = planned - reached;
    let missing = (whole - reached).max(0.0);
    let each = worth_of_an_event(target.measure, observation);
    let per_open_hour = |amount: f64, open: Millis| (open > 0).then(|| amount / (open as f64 / HOUR as f64));
    PaceReport {
        period: observation.period,
        goal,
        actual,
        plan: planned,
        share: plan.share,
        pace: (planned > 0.0).then(|| reached / planned),
        shortfall: Some(shortfall),
        tolerance: each.map(|each| tolerated(planned, each, observation.overdispersion)),
        projection: (plan.share >= LEAST_PROJECTED_SHARE).then(|| reached / plan.share),
        each,
        projection_range: each.filter(|_| plan.share >= LEAST_PROJECTED_SHARE).and_then(|each| {
            let range = range_at(reached / each, plan.share, 1.0, observation.overdispersion);
            range.map(|CountRange { low, high }| [low * each, high * each])
        }),
        probability: match each {
            Some(each) => attainment(whole / each, reached / each, plan.share, observation.overdispersion),
            None => certain(whole, reached, plan.share),
        },
        required_per_open_hour: per_open_hour(missing, plan.open_left).or((missing == 0.0).then_some(0.0)),
        achieved_per_open_hour: per_open_hour(reached, plan.open_elapsed),
        remaining_open: plan.open_left,
        shortfall_pesos: match target.measure {
            Measure::NetPesos => Some(shortfall),
            _ => pesos_each(target, observation).map(|pesos| shortfall * pesos),
        },
    }
}

/// Amount that one event adds, in the unit shown: 1 for counts; for money the mean payment.
fn worth_of_an_event(measure: Measure, observation: &Observation<'_>) -> Option<f64> {
    if measure != Measure::NetPesos {
        return Some(1.0);
    }
    paid(observation).map(|paid| Quantity::Centavos(paid.amount).value() / paid.base as f64)
}

/// Worth of a counted event in pesos: as configured; else what people or dispersals were paid on average.
fn pesos_each(target: &Target, observation: &Observation<'_>) -> Option<f64> {
    let pesos = |centavos| Quantity::Centavos(centavos).value();
    let mean = || match target.measure {
        Measure::Beneficiaries | Measure::Dispersals => {
            paid(observation).map(|paid| pesos(paid.base) / paid.amount as f64)
        }
        _ => None,
    };
    target.pesos_each.map(|centavos| pesos(centavos.into())).or_else(mean)
}

/// Tally of this period if it has payments, else of past ones, else `None`.
fn paid(observation: &Observation<'_>) -> Option<Tally> {
    [observation.actual, observation.past].into_iter().find(|tally| tally.amount > 0 && tally.base > 0)
}

#[cfg(test)]
mod tests;
