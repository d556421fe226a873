//! Instants of a curve, and what is known at each.

use std::iter;

use jiff::tz::TimeZone;

use super::{CurvePoint, CurveStep};
use crate::calendar::{Interval, Period, hour_starts};
use crate::clock::Timestamp;
use crate::targets::headline::SpanProgress;
use crate::targets::pace::PaceReport;
use crate::targets::plan::Plan;
use crate::targets::{Measure, Quantity, Tally, Target, TargetIndex};
use crate::view::progress::Tallies;

/// A period of a target, with what is known of it.
pub(super) struct CurveInput<'a> {
    pub target: &'a Target,
    pub index: TargetIndex,
    pub period: Interval,
    pub now: Timestamp,
    pub zone: &'a TimeZone,
    pub tallies: &'a Tallies,
    pub goal: f64,
}

impl CurveInput<'_> {
    pub(super) fn days(&self) -> impl Iterator<Item = Interval> {
        Period::Day.overlapping(self.period, self.zone)
    }

    /// Share of the plan that has passed.
    pub(super) fn share_at(&self, at: Timestamp) -> f64 {
        Plan::of(self.target, self.period, at).share
    }

    /// Amount planned until an instant; the whole goal for a ratio.
    pub(super) fn plan_at(&self, at: Timestamp) -> f64 {
        if self.is_ratio() { self.goal } else { self.goal * self.share_at(at) }
    }

    fn is_ratio(&self) -> bool {
        self.target.measure == Measure::ServiceLevel
    }

    /// Tally of whole slots within the period.
    pub(super) fn tally(&self, span: Interval) -> Option<Tally> {
        self.tallies.within(self.index, span)
    }

    /// Amount reached between two instants at which days begin or end.
    pub(super) fn count(&self, start: Timestamp, end: Timestamp) -> Option<Quantity> {
        // Known only if the period is as a whole: a person counts in its first dispersal.
        self.tally(self.period)?;
        self.quantity_of(self.tally(Interval { start, end })?)
    }

    /// Amount of a part of the period; `None` for a ratio.
    fn quantity_of(&self, part: Tally) -> Option<Quantity> {
        if self.is_ratio() { None } else { self.target.measure.quantity(part) }
    }

    /// Plan and result of the hours or days that have begun; empty for a ratio, and where they are forgotten.
    pub(super) fn progress(&self, step: CurveStep) -> Vec<SpanProgress> {
        if self.is_ratio() {
            return Vec::new();
        }
        let steps = Steps::new(self, step);
        let known: Vec<(Timestamp, Tally)> = steps.known().collect();
        let value = |tally: Tally| self.target.measure.quantity(tally).map_or(0.0, Quantity::value);
        let span = |pair: &[(Timestamp, Tally)]| {
            let [(start, before), (end, after)] = [pair[0], pair[1]];
            let span = Interval { start, end };
            SpanProgress {
                span,
                plan: self.plan_at(end) - self.plan_at(start),
                count: value(after) - value(before),
                is_open: self.target.calendar.open_time(span) > 0,
            }
        };
        known.windows(2).map(span).collect()
    }
}

/// Instants of a curve with the tally up to each.
pub(super) struct Steps<'a> {
    input: &'a CurveInput<'a>,
    instants: Vec<(Timestamp, Option<Tally>)>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(input: &'a CurveInput<'a>, step: CurveStep) -> Self {
        let CurveInput { period, now, .. } = *input;
        let mut instants: Vec<Timestamp> = match step {
            CurveStep::Hour => hour_starts(period, input.zone),
            CurveStep::Day => input.days().map(|day| day.start).collect(),
        };
        instants.push(period.end);
        if period.contains(now) {
            instants.push(now);
        }
        instants.sort_unstable();
        instants.dedup();
        let tallies = match step {
            CurveStep::Hour => by_hour(input, &instants),
            CurveStep::Day => instants.iter().map(|&at| until(input, at)).collect(),
        };
        Self { input, instants: iter::zip(instants, tallies).collect() }
    }

    pub(super) fn instants(&self) -> impl Iterator<Item = Timestamp> {
        self.instants.iter().map(|&(at, _)| at)
    }

    /// Instants up to now with a known tally.
    fn known(&self) -> impl Iterator<Item = (Timestamp, Tally)> {
        self.instants.iter().filter_map(|&(at, tally)| Some((at, tally?)))
    }

    pub(super) fn points(&self, report: &PaceReport, dispersion: f64) -> Vec<CurvePoint> {
        let input = self.input;
        let mut before: Option<(Timestamp, Option<Tally>)> = None;
        let point = |&(at_ms, tally): &(Timestamp, Option<Tally>)| {
            let plan = input.plan_at(at_ms);
            let open = before
                .is_some_and(|(from, _)| input.target.calendar.open_time(Interval { start: from, end: at_ms }) > 0);
            let part = before.and_then(|(_, before)| Some(less(tally?, before?)));
            before = Some((at_ms, tally));
            CurvePoint {
                at_ms,
                plan,
                tolerance: report.tolerance_of(plan, dispersion),
                actual: tally.and_then(|tally| input.target.measure.quantity(tally)),
                count: part.and_then(|part| input.quantity_of(part)),
                open,
            }
        };
        self.instants.iter().map(point).collect()
    }
}

/// Tally of the period up to a beginning of a day, or now, which has all that is known of it.
fn until(input: &CurveInput<'_>, at: Timestamp) -> Option<Tally> {
    let Interval { start, end } = input.period;
    match () {
        () if at > input.now => None,
        () if at == input.now.min(end) => input.tally(input.period),
        () if at == start => input.tally(input.period).map(|_| Tally::default()),
        () => input.tally(Interval { start, end: at }),
    }
}

/// Tally of the period up to each instant, from its hours.
fn by_hour(input: &CurveInput<'_>, instants: &[Timestamp]) -> Vec<Option<Tally>> {
    let known = input.tallies.hours(input.index, input.period).zip(input.tally(input.period));
    let Some((hours, whole)) = known else { return vec![None; instants.len()] };
    let (mut sum, mut hours) = (Tally::default(), hours.into_iter().peekable());
    let until = |&at: &Timestamp| {
        while let Some((_, tally)) = hours.next_if(|(start, _)| *start < at) {
            sum += &tally;
        }
        match () {
            () if at > input.now => None,
            // The hour of now, and what is dated a little after it.
            () if at == input.now.min(input.period.end) => Some(whole),
            () => Some(sum),
        }
    };
    instants.iter().map(until).collect()
}

fn less(tally: Tally, before: Tally) -> Tally {
    Tally { amount: tally.amount - before.amount, base: tally.base - before.base }
}
