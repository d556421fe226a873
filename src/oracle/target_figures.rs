//! The series of targets, as they must be exposed.
//!
//! What was reached is the ledger's own tally, and which period it is its own reckoning. What follows from these is a matter of the calendar
//! and of pure functions with tests of their own ([`assess`], [`goal_of`]), so they are used here, too.

use std::collections::BTreeMap;

use super::Oracle;
use super::families::{
    OracleFamily, TARGET_ACHIEVED, TARGET_ACTUAL, TARGET_END, TARGET_GOAL, TARGET_INFO, TARGET_PACE, TARGET_PLAN,
    TARGET_PREVIOUS_ACTUAL, TARGET_PREVIOUS_GOAL, TARGET_PROJECTION, TARGET_REMAINING, TARGET_REQUIRED,
    TARGET_SHORTFALL, TARGET_SHORTFALL_PESOS, TARGET_START,
};
use super::figures::{SeriesValues, series, thousandths};
use super::periods::{self, OracleInterval};
use super::targets::TargetInputs;
use crate::calendar::Interval;
use crate::clock::{DAY, HOUR, Millis};
use crate::targets::overdispersion::DEFAULT_OVERDISPERSION;
use crate::targets::pace::{Observation, assess, goal_of};
use crate::targets::{Measure, Quantity, Tally, Target, Targets};

/// What is only counted is kept at least this long.
const LEAST_REACH: Millis = 92 * DAY;

/// Kept beyond the longest period of a target.
const BEYOND_A_PERIOD: Millis = 3 * DAY + HOUR;

impl Oracle {
    /// Every series of targets (contract, section 3) at `now`, if periods were last closed at `closed`: all but
    /// `pacemeter_target_pace_tolerance` and `pacemeter_target_attainment_probability_ratio`, which depend on the dispersion of past weeks.
    pub fn target_figures(&self, targets: &Targets, now: Millis, closed: Option<Millis>) -> SeriesValues {
        let reached = self.reached();
        let mut sheet = SeriesMap(BTreeMap::new());
        for target in &targets.targets {
            let measure =
                Measure::ALL.iter().find(|(measure, _)| *measure == target.measure).map_or("", |(_, name)| name);
            let labels = [&target.name, measure, target.period.name(), target.calendar.name()];
            sheet.add(&TARGET_INFO, &labels, Some(1_000));
            let known_from = self.known_from(targets, target, &reached);
            let is_known = |span: &OracleInterval| span.from >= known_from;
            if let Some(period) = periods::current(target.period, now, &self.zone).filter(is_known) {
                self.add_current(target, interval(period), now, &reached, &mut sheet);
            }
            let last = closed.and_then(|closed| periods::last(target.period, closed, &self.zone));
            if let Some(period) = last.filter(is_known).map(interval) {
                let actual = target.measure.quantity(reached.tally(target, period));
                sheet.add(&TARGET_PREVIOUS_GOAL, &[&target.name], Some(exact(goal_of(target, period, &self.zone))));
                sheet.add(&TARGET_PREVIOUS_ACTUAL, &[&target.name], actual.map(exact));
            }
        }
        SeriesValues(sheet.0)
    }

    fn add_current(
        &self,
        target: &Target,
        period: Interval,
        now: Millis,
        reached: &TargetInputs,
        sheet: &mut SeriesMap,
    ) {
        let actual = reached.tally(target, period);
        // Neither past periods nor the dispersion show in what is added here.
        let (past, dispersion) = (Tally::default(), DEFAULT_OVERDISPERSION);
        let told =
            assess(target, &Observation { period, now, zone: &self.zone, actual, past, overdispersion: dispersion });
        let values = [
            (&TARGET_GOAL, Some(exact(told.goal))),
            (&TARGET_ACTUAL, told.actual.map(exact)),
            (&TARGET_PLAN, Some(thousandths(told.plan))),
            (&TARGET_SHORTFALL, told.shortfall.map(thousandths)),
            (&TARGET_SHORTFALL_PESOS, told.shortfall_pesos.map(thousandths)),
            (&TARGET_PROJECTION, told.projection.map(thousandths)),
            (&TARGET_PACE, told.pace.map(thousandths)),
            (&TARGET_REQUIRED, told.required_per_open_hour.map(thousandths)),
            (&TARGET_ACHIEVED, told.achieved_per_open_hour.map(thousandths)),
            (&TARGET_REMAINING, Some(i128::from(told.remaining_open))),
            (&TARGET_START, Some(i128::from(period.start))),
            (&TARGET_END, Some(i128::from(period.end))),
        ];
        values.into_iter().for_each(|(family, value)| sheet.add(family, &[&target.name], value));
    }

    /// Periods that began before show nothing: single dispersals are forgotten by the horizon, and what is only counted is kept for
    /// [`LEAST_REACH`], for the horizon of disbursements and calls, or for the longest period of any target of the stream, whichever is longest, and no longer than `history` of the rules.
    fn known_from(&self, targets: &Targets, target: &Target, reached: &TargetInputs) -> Millis {
        let stream = target.measure.stream();
        let Some(watermark) = reached.watermark(stream) else { return Millis::MIN };
        let known = match target.measure {
            Measure::Beneficiaries | Measure::Dispersals | Measure::NetPesos => self.rules.horizons.disbursement,
            Measure::Milestones => counts_reach(targets, target, 0).min(self.rules.history),
            _ => counts_reach(targets, target, self.rules.horizon(stream)).min(self.rules.history),
        };
        watermark - known
    }
}

fn counts_reach(targets: &Targets, target: &Target, horizon: Millis) -> Millis {
    let of_stream = targets
        .of_stream(target.measure.stream())
        .map(|(_, target)| target.period.longest_days() * DAY + BEYOND_A_PERIOD);
    of_stream.fold(horizon.max(LEAST_REACH), Millis::max)
}

fn interval(span: OracleInterval) -> Interval {
    Interval { start: span.from, end: span.until }
}

/// In thousandths: exact, unless it is a ratio.
fn exact(quantity: Quantity) -> i128 {
    match quantity {
        Quantity::Count(count) => count * 1_000,
        Quantity::Centavos(centavos) => centavos * 10,
        Quantity::Ratio(ratio) => thousandths(ratio),
    }
}

/// Values in thousandths, by series.
struct SeriesMap(BTreeMap<String, i128>);

impl SeriesMap {
    fn add(&mut self, family: &OracleFamily, values: &[&str], value: Option<i128>) {
        let labels: Vec<_> = family.labels.iter().copied().zip(values.iter().copied()).collect();
        if let Some(value) = value {
            self.0.insert(series(family.name, &labels), value);
        }
    }
}
