//! Samples of the families of targets and calendars.

use super::text::{Exposition, SampleValue};
use crate::calendar::Interval;
use crate::clock::Timestamp;
use crate::targets::Targets;
use crate::targets::pace::PaceReport;
use crate::targets::status::PaceStatus;
use crate::telemetry::catalogue::{Family, business, own};
use crate::view::held_statuses::FigureTime;
use crate::view::progress::{EndedPeriod, TargetStatus};
use crate::view::snapshot::Snapshot;

/// Writes the families that depend on the clock alone.
pub(super) fn always(out: &mut Exposition, targets: &Targets, now: Timestamp) {
    out.family(&own::TIME);
    out.sample(&[], SampleValue::instant(now));
    out.family(&own::CALENDAR_OPEN);
    for calendar in &targets.calendars {
        out.sample(&[calendar.name()], u64::from(calendar.is_open(now)));
    }
    out.family(&own::CALENDAR_COVERED_UNTIL);
    for calendar in &targets.calendars {
        if let Some(end) = calendar.covered_until() {
            out.sample(&[calendar.name()], SampleValue::instant(end));
        }
    }
}

/// Writes the status of each target. `time` is that of the figures.
pub(super) fn statuses(out: &mut Exposition, statuses: &[TargetStatus], snapshot: &Snapshot, time: &FigureTime<'_>) {
    let targets = &snapshot.targets;
    words(out, statuses, snapshot, time);
    out.family(&business::TARGET_INFO);
    for target in &targets.targets {
        let (measure, period, calendar) = (target.measure.name(), target.period.name(), target.calendar.name());
        out.sample(&[&target.name, measure, period, calendar, &target.description], 1_u64);
    }
    current(out, targets, statuses);
    previous(out, targets, statuses);
    out.family(&business::CUT_LAST);
    if let Some(newest_cut) = snapshot.closed_periods.newest_cut() {
        out.sample(&[], SampleValue::instant(newest_cut));
    }
    out.family(&business::CUT_DUE);
    if let Some(due_cut) = snapshot.due_cut {
        out.sample(&[], SampleValue::instant(due_cut));
    }
}

/// Writes the status of each target in a word: a series for each word, of which one is 1.
fn words(out: &mut Exposition, statuses: &[TargetStatus], snapshot: &Snapshot, time: &FigureTime<'_>) {
    out.family(&own::TARGET_STATUS);
    for (target, status) in snapshot.targets.targets.iter().zip(statuses) {
        let Some(report) = &status.current else { continue };
        let shown = snapshot.publication.statuses.shown(target, report, time).status;
        for (status, name) in PaceStatus::ALL {
            out.sample(&[&target.name, name], u64::from(status == shown));
        }
    }
}

fn current(out: &mut Exposition, targets: &Targets, statuses: &[TargetStatus]) {
    let mut each = |family: &'static Family, value: &dyn Fn(&PaceReport) -> Option<SampleValue>| {
        out.family(family);
        for (target, status) in targets.targets.iter().zip(statuses) {
            if let Some(value) = status.current.as_ref().and_then(value) {
                out.sample(&[&target.name], value);
            }
        }
    };
    each(&business::TARGET_GOAL, &|target| Some(target.goal.into()));
    each(&business::TARGET_ACTUAL, &|target| target.actual.map(SampleValue::from));
    each(&business::TARGET_PLAN, &|target| Some(SampleValue::Real(target.plan)));
    each(&business::TARGET_SHORTFALL, &|target| target.shortfall.map(SampleValue::Real));
    each(&business::TARGET_SHORTFALL_PESOS, &|target| target.shortfall_pesos.map(SampleValue::Real));
    each(&business::TARGET_PROJECTION, &|target| target.projection.map(SampleValue::Real));
    each(&business::TARGET_PACE_RATIO, &|target| target.pace.map(SampleValue::Real));
    each(&business::TARGET_PACE_TOLERANCE, &|target| target.tolerance.map(SampleValue::Real));
    each(&business::TARGET_ATTAINMENT_PROBABILITY, &|target| target.probability.map(SampleValue::Real));
    each(&business::TARGET_REQUIRED_PER_OPEN_HOUR, &|target| target.required_per_open_hour.map(SampleValue::Real));
    each(&business::TARGET_ACHIEVED_PER_OPEN_HOUR, &|target| target.achieved_per_open_hour.map(SampleValue::Real));
    each(&business::TARGET_REMAINING_OPEN, &|target| Some(SampleValue::duration(target.remaining_open)));
    each(&business::TARGET_PERIOD_START, &|PaceReport { period: Interval { start, .. }, .. }| {
        Some(SampleValue::instant(*start))
    });
    each(&business::TARGET_PERIOD_END, &|PaceReport { period: Interval { end, .. }, .. }| {
        Some(SampleValue::instant(*end))
    });
}

fn previous(out: &mut Exposition, targets: &Targets, statuses: &[TargetStatus]) {
    let mut each = |family: &'static Family, value: &dyn Fn(&EndedPeriod) -> Option<SampleValue>| {
        out.family(family);
        for (target, status) in targets.targets.iter().zip(statuses) {
            if let Some(value) = status.previous.as_ref().and_then(value) {
                out.sample(&[&target.name], value);
            }
        }
    };
    each(&business::TARGET_PREVIOUS_GOAL, &|past| Some(past.goal.into()));
    each(&business::TARGET_PREVIOUS_ACTUAL, &|past| past.actual.map(SampleValue::from));
}
