//! The families of targets and calendars.

use super::text::{Exposition, SampleValue};
use crate::calendar::Interval;
use crate::clock::Millis;
use crate::targets::Targets;
use crate::targets::pace::PaceReport;
use crate::view::progress::{EndedPeriod, TargetStatus};

/// What the clock alone decides.
pub fn always(out: &mut Exposition, targets: &Targets, now: Millis) {
    out.family("pacemeter_time_seconds");
    out.sample(&[], SampleValue::instant(now));
    out.family("pacemeter_calendar_open");
    for calendar in &targets.calendars {
        out.sample(&[calendar.name()], u64::from(calendar.is_open(now)));
    }
    out.family("pacemeter_calendar_covered_until_timestamp_seconds");
    for calendar in &targets.calendars {
        if let Some(end) = calendar.covered_until() {
            out.sample(&[calendar.name()], SampleValue::instant(end));
        }
    }
}

/// How far each target is.
pub fn standings(out: &mut Exposition, targets: &Targets, standings: &[TargetStatus], newest_cut: Option<Millis>) {
    out.family("pacemeter_target_info");
    for target in &targets.targets {
        out.sample(&[&target.name, target.measure.name(), target.period.name(), target.calendar.name()], 1_u64);
    }
    current(out, targets, standings);
    previous(out, targets, standings);
    out.family("pacemeter_cut_last_timestamp_seconds");
    if let Some(newest_cut) = newest_cut {
        out.sample(&[], SampleValue::instant(newest_cut));
    }
}

fn current(out: &mut Exposition, targets: &Targets, standings: &[TargetStatus]) {
    let mut each = |family: &str, value: &dyn Fn(&PaceReport) -> Option<SampleValue>| {
        out.family(family);
        for (target, standing) in targets.targets.iter().zip(standings) {
            if let Some(value) = standing.current.as_ref().and_then(value) {
                out.sample(&[&target.name], value);
            }
        }
    };
    each("pacemeter_target_goal", &|target| Some(target.goal.into()));
    each("pacemeter_target_actual", &|target| target.actual.map(SampleValue::from));
    each("pacemeter_target_plan", &|target| Some(SampleValue::Real(target.plan)));
    each("pacemeter_target_shortfall", &|target| target.shortfall.map(SampleValue::Real));
    each("pacemeter_target_shortfall_pesos", &|target| target.shortfall_pesos.map(SampleValue::Real));
    each("pacemeter_target_projection", &|target| target.projection.map(SampleValue::Real));
    each("pacemeter_target_pace_ratio", &|target| target.pace.map(SampleValue::Real));
    each("pacemeter_target_pace_tolerance", &|target| target.tolerance.map(SampleValue::Real));
    each("pacemeter_target_attainment_probability_ratio", &|target| target.probability.map(SampleValue::Real));
    each("pacemeter_target_required_per_open_hour", &|target| target.required_per_open_hour.map(SampleValue::Real));
    each("pacemeter_target_achieved_per_open_hour", &|target| target.achieved_per_open_hour.map(SampleValue::Real));
    each("pacemeter_target_remaining_open_seconds", &|target| Some(SampleValue::instant(target.remaining_open)));
    each(
        "pacemeter_target_period_start_timestamp_seconds",
        &|PaceReport { period: Interval { start, .. }, .. }| Some(SampleValue::instant(*start)),
    );
    each("pacemeter_target_period_end_timestamp_seconds", &|PaceReport { period: Interval { end, .. }, .. }| {
        Some(SampleValue::instant(*end))
    });
}

fn previous(out: &mut Exposition, targets: &Targets, standings: &[TargetStatus]) {
    let mut each = |family: &str, value: &dyn Fn(&EndedPeriod) -> Option<SampleValue>| {
        out.family(family);
        for (target, standing) in targets.targets.iter().zip(standings) {
            if let Some(value) = standing.previous.as_ref().and_then(value) {
                out.sample(&[&target.name], value);
            }
        }
    };
    each("pacemeter_target_previous_goal", &|past| Some(past.goal.into()));
    each("pacemeter_target_previous_actual", &|past| past.actual.map(SampleValue::from));
}
