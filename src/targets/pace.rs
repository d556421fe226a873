//! How far a target is on its plan at an instant.
//!
//! `T` is the goal, `A` what was reached, `F` the share of the plan that has passed ([`Plan`]). The formulas are those of run-rate and required rate
//! as sales pacing has them, over working time instead of elapsed time:
//!
//! | figure | counts and money | ratios |
//! |---|---|---|
//! | plan | `E = T F` | `T`, at any time |
//! | pace | `A / E` | `A / T` |
//! | shortfall | `E - A` | `T - A` |
//! | tolerance | `3 sqrt(φ E)`; of money that of the payments planned, times the mean amount `m`: `3 m sqrt(φ E / m)` | as configured |
//! | projection | `A / F`, once `F` is at least [`LEAST_PROJECTED_SHARE`] | |
//! | probability | see [`super::probability`] | |
//! | required rate | `max(T - A, 0)` / open hours left | |
//! | achieved rate | `A` / open hours elapsed | |
//!
//! Absent here: where the figures come from, and a clock. An undefined figure is none, never 0.

use jiff::tz::TimeZone;

use super::plan::Plan;
use super::probability::{attainment, certain};
use super::{Measure, Quantity, Tally, Target};
use crate::calendar::Interval;
use crate::clock::{HOUR, Millis};

/// Earlier a projection would magnify what happened by chance more than six times.
pub const LEAST_PROJECTED_SHARE: f64 = 0.15;

/// A shortfall of this many standard deviations is not chance.
const TOLERATED_DEVIATIONS: f64 = 3.0;

/// An instant of a period, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    pub period: Interval,
    /// Counts as the period's nearest instant if it lies outside of it.
    pub now: Millis,
    /// The programme's.
    pub zone: &'a TimeZone,
    /// Of the period, so far.
    pub actual: Tally,
    /// Of past periods together: the mean amount of their payments serves until this period has some.
    pub past: Tally,
    /// See [`super::overdispersion`].
    pub dispersion: f64,
}

/// What is told of a target at an instant. Amounts are in the unit shown: people, calls, pesos, a ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaceReport {
    pub period: Interval,
    /// The goal of the period, with as much less as it has holidays if the target says so.
    pub goal: Quantity,
    /// None: a ratio of nothing.
    pub actual: Option<Quantity>,
    pub plan: f64,
    /// Of the plan, that has passed: 0 to 1.
    pub share: f64,
    /// None while nothing is planned.
    pub pace: Option<f64>,
    /// Negative where more was reached than planned.
    pub shortfall: Option<f64>,
    /// A shortfall up to this may be chance. None: of money while no payment is known.
    pub tolerance: Option<f64>,
    pub projection: Option<f64>,
    /// That the goal will be attained: 0 to 1.
    pub probability: Option<f64>,
    /// None once no open time is left for what is missing.
    pub required_per_open_hour: Option<f64>,
    /// None while no open time has passed.
    pub achieved_per_open_hour: Option<f64>,
    pub remaining_open: Millis,
    /// Of money, and of counts that have a worth ([`Target::pesos_each`]).
    pub shortfall_pesos: Option<f64>,
}

/// What follows from the moment for the target.
pub fn assess(target: &Target, moment: &Observation<'_>) -> PaceReport {
    assess_planned(target, moment, &Plan::of(target, moment.period, moment.now))
}

/// The goal of a period, with as much less as it has holidays if the target says so.
pub fn goal_of(target: &Target, period: Interval, zone: &TimeZone) -> Quantity {
    prorated(target, target.goal(period, zone), &Plan::of(target, period, period.end))
}

fn prorated(target: &Target, goal: Quantity, plan: &Plan) -> Quantity {
    if target.prorate { goal.times(plan.proration) } else { goal }
}

fn assess_planned(target: &Target, moment: &Observation<'_>, plan: &Plan) -> PaceReport {
    let goal = target.goal(moment.period, moment.zone);
    match goal {
        Quantity::Ratio(_) => of_ratio(target, moment, plan, goal),
        Quantity::Count(_) | Quantity::Centavos(_) => {
            let goal = prorated(target, goal, plan);
            of_amount(target, moment, plan, goal)
        }
    }
}

fn of_ratio(target: &Target, moment: &Observation<'_>, plan: &Plan, goal: Quantity) -> PaceReport {
    let actual = target.measure.quantity(moment.actual);
    let reached = actual.map(Quantity::value);
    let whole = goal.value();
    PaceReport {
        period: moment.period,
        goal,
        actual,
        plan: whole,
        share: plan.share,
        pace: reached.filter(|_| whole > 0.0).map(|reached| reached / whole),
        shortfall: reached.map(|reached| whole - reached),
        tolerance: Some(target.tolerance),
        projection: None,
        probability: None,
        required_per_open_hour: None,
        achieved_per_open_hour: None,
        remaining_open: plan.open_left,
        shortfall_pesos: None,
    }
}

fn of_amount(target: &Target, moment: &Observation<'_>, plan: &Plan, goal: Quantity) -> PaceReport {
    let actual = target.measure.quantity(moment.actual);
    let reached = actual.map_or(0.0, Quantity::value);
    let whole = goal.value();
    let planned = whole * plan.share;
    let shortfall = planned - reached;
    let missing = (whole - reached).max(0.0);
    let each = worth_of_an_event(target.measure, moment);
    let per_open_hour = |amount: f64, open: Millis| (open > 0).then(|| amount / (open as f64 / HOUR as f64));
    PaceReport {
        period: moment.period,
        goal,
        actual,
        plan: planned,
        share: plan.share,
        pace: (planned > 0.0).then(|| reached / planned),
        shortfall: Some(shortfall),
        tolerance: each.map(|each| TOLERATED_DEVIATIONS * (moment.dispersion * planned / each).sqrt() * each),
        projection: (plan.share >= LEAST_PROJECTED_SHARE).then(|| reached / plan.share),
        probability: match each {
            Some(each) => attainment(whole / each, reached / each, plan.share, moment.dispersion),
            None => certain(whole, reached, plan.share),
        },
        required_per_open_hour: per_open_hour(missing, plan.open_left).or((missing == 0.0).then_some(0.0)),
        achieved_per_open_hour: per_open_hour(reached, plan.open_elapsed),
        remaining_open: plan.open_left,
        shortfall_pesos: match target.measure {
            Measure::NetPesos => Some(shortfall),
            _ => target.pesos_each.map(|centavos| shortfall * (centavos as f64 / 100.0)),
        },
    }
}

/// What an event adds, in the unit shown: 1 of what is counted; of money the mean amount, of this period, else of past ones, else none.
fn worth_of_an_event(measure: Measure, moment: &Observation<'_>) -> Option<f64> {
    if measure != Measure::NetPesos {
        return Some(1.0);
    }
    let paid = [moment.actual, moment.past].into_iter().find(|tally| tally.amount > 0 && tally.base > 0)?;
    Some(Quantity::Centavos(paid.amount).value() / paid.base as f64)
}

#[cfg(test)]
mod tests;
