//! The series of targets, as they must be exposed (`spec/figures.md#targets`).
//!
//! The tally and the period are the oracle's own. Plan, pace and projection follow from them by pure functions that
//! have tests of their own ([`assess`], [`goal_of`]), so the oracle shares these with the program.

use std::collections::BTreeMap;

use super::Oracle;
use super::families::{
    OracleFamily, TARGET_ACHIEVED, TARGET_ACTUAL, TARGET_END, TARGET_GOAL, TARGET_INFO, TARGET_PACE, TARGET_PLAN,
    TARGET_PREVIOUS_ACTUAL, TARGET_PREVIOUS_GOAL, TARGET_PROJECTION, TARGET_REMAINING, TARGET_REQUIRED,
    TARGET_SHORTFALL, TARGET_SHORTFALL_PESOS, TARGET_START,
};
use super::figures::{SeriesValues, series_name, thousandths};
use super::periods::{self, OracleInterval};
use super::targets::TargetInputs;
use crate::calendar::Interval;
use crate::clock::{DAY, HOUR, Millis, Timestamp};
use crate::targets::overdispersion::DEFAULT_OVERDISPERSION;
use crate::targets::pace::{Observation, assess, goal_of};
use crate::targets::{Measure, Quantity, Tally, Target, Targets};

/// Least time for which counts without identity are kept.
const LEAST_REACH: Millis = 92 * DAY;

/// Time for which counts are kept beyond the longest period of a target.
const BEYOND_A_PERIOD: Millis = 3 * DAY + HOUR;

impl Oracle {
    /// Every series of targets at `now`, where periods were last closed at `closed`.
    ///
    /// Not included are `pacemeter_target_pace_tolerance` and `pacemeter_target_attainment_probability_ratio`, which
    /// depend on the overdispersion of past weeks, and previous periods that are known from cuts alone.
    pub fn target_figures(&self, targets: &Targets, now: Timestamp, closed: Option<Timestamp>) -> SeriesValues {
        let inputs = self.target_inputs();
        let mut series = TargetSeries(BTreeMap::new());
        for target in &targets.targets {
            let measure =
                Measure::ALL.iter().find(|(measure, _)| *measure == target.measure).map_or("", |(_, name)| name);
            let labels = [&target.name, measure, target.period.name(), target.calendar.name(), &target.description];
            series.add(&TARGET_INFO, &labels, Some(1_000));
            let known_from = self.known_from(targets, target, &inputs);
            let is_known = |span: &OracleInterval| span.from >= known_from;
            if let Some(period) = periods::current(target.period, now, &self.zone).filter(is_known) {
                let past = self.past(target, period, known_from, &inputs);
                self.add_current(target, interval(period), now, &inputs, past, &mut series);
            }
            let last = closed.and_then(|closed| periods::last_closed(target.period, closed, &self.zone));
            if let Some(period) = last.filter(is_known).map(interval) {
                let actual = target.measure.quantity(inputs.tally(target, period));
                series.add(&TARGET_PREVIOUS_GOAL, &[&target.name], Some(exact(goal_of(target, period, &self.zone))));
                series.add(&TARGET_PREVIOUS_ACTUAL, &[&target.name], actual.map(exact));
            }
        }
        SeriesValues(series.0)
    }

    /// Sum over the periods before one, as far back as they are known.
    fn past(&self, target: &Target, before: OracleInterval, known_from: Timestamp, inputs: &TargetInputs) -> Tally {
        let mut sum = Tally::default();
        let Some(first) = inputs.first_time(target.measure) else { return sum };
        let mut from = before.from;
        while let Some(period) = periods::last_closed(target.period, from, &self.zone)
            .filter(|period| period.from >= known_from && period.until > first)
        {
            sum += &inputs.tally(target, interval(period));
            from = period.from;
        }
        sum
    }

    fn add_current(
        &self,
        target: &Target,
        period: Interval,
        now: Timestamp,
        inputs: &TargetInputs,
        past: Tally,
        series: &mut TargetSeries,
    ) {
        let actual = inputs.tally(target, period);
        // The values used here do not depend on overdispersion.
        let overdispersion = DEFAULT_OVERDISPERSION;
        let report = assess(target, &Observation { period, now, zone: &self.zone, actual, past, overdispersion });
        let values = [
            (&TARGET_GOAL, Some(exact(report.goal))),
            (&TARGET_ACTUAL, report.actual.map(exact)),
            (&TARGET_PLAN, Some(thousandths(report.plan))),
            (&TARGET_SHORTFALL, report.shortfall.map(thousandths)),
            (&TARGET_SHORTFALL_PESOS, report.shortfall_pesos.map(thousandths)),
            (&TARGET_PROJECTION, report.projection.map(thousandths)),
            (&TARGET_PACE, report.pace.map(thousandths)),
            (&TARGET_REQUIRED, report.required_per_open_hour.map(thousandths)),
            (&TARGET_ACHIEVED, report.achieved_per_open_hour.map(thousandths)),
            (&TARGET_REMAINING, Some(i128::from(report.remaining_open))),
            (&TARGET_START, Some(i128::from(period.start.as_millis()))),
            (&TARGET_END, Some(i128::from(period.end.as_millis()))),
        ];
        values.into_iter().for_each(|(family, value)| series.add(family, &[&target.name], value));
    }

    /// Instant from which on everything that the target counts is known; periods that began earlier are absent.
    ///
    /// Single dispersals are known for the horizon. Counts are known for the longest of [`LEAST_REACH`], the horizon
    /// (disbursements and calls only) and the longest period of the stream's targets, but not longer than `history`.
    fn known_from(&self, targets: &Targets, target: &Target, inputs: &TargetInputs) -> Timestamp {
        let stream = target.measure.stream();
        let Some(watermark) = inputs.watermark(stream) else { return Timestamp::MIN };
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

/// Converts a quantity to thousandths; a ratio is rounded.
fn exact(quantity: Quantity) -> i128 {
    match quantity {
        Quantity::Count(count) => count * 1_000,
        Quantity::Centavos(centavos) => centavos * 10,
        Quantity::Ratio(_) | Quantity::Fraction { .. } => thousandths(quantity.value()),
    }
}

/// Values in thousandths, by series.
struct TargetSeries(BTreeMap<String, i128>);

impl TargetSeries {
    fn add(&mut self, family: &OracleFamily, values: &[&str], value: Option<i128>) {
        let labels: Vec<_> = family.labels.iter().copied().zip(values.iter().copied()).collect();
        if let Some(value) = value {
            self.0.insert(series_name(family.name, &labels), value);
        }
    }
}
