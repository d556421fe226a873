//! Statuses of targets and working time of calendars, followed whether or not anybody reads them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Worker;
use crate::calendar::WorkingCalendar;
use crate::clock::Timestamp;
use crate::targets::status::PaceStatus;
use crate::targets::{Quantity, Targets};
use crate::view::held_statuses::{FigureTime, HeldStatuses, StatusChange, max_age};
use crate::view::progress::{Evaluator, Tallies};
use crate::view::snapshot::Snapshot;

/// Time between two evaluations of the targets.
const OBSERVE_INTERVAL: Duration = Duration::from_secs(1);

/// Evaluates the targets once a second, and keeps their statuses.
#[derive(Debug)]
pub(super) struct TargetObserver {
    evaluator: Evaluator,
    statuses: HeldStatuses,
    calendars: OpenCalendars,
    observed: Option<Instant>,
}

/// Calendars that were open or closed at the last observation, by name.
#[derive(Debug, Default, PartialEq)]
struct OpenCalendars(BTreeMap<String, bool>);

impl OpenCalendars {
    /// Takes the calendars at an instant, and returns those that opened (true) or closed. New ones only become known.
    fn observe(&mut self, targets: &Targets, now: Timestamp) -> Vec<(String, bool)> {
        let open = |calendar: &WorkingCalendar| (calendar.name().to_owned(), calendar.is_open(now));
        let observed: BTreeMap<_, _> = targets.calendars.iter().map(|calendar| open(calendar)).collect();
        let has_changed = |(name, is_open): &(&String, &bool)| self.0.get(*name).is_some_and(|was| was != *is_open);
        let changed = observed.iter().filter(has_changed).map(|(name, is_open)| (name.clone(), *is_open)).collect();
        self.0 = observed;
        changed
    }
}

impl TargetObserver {
    pub(super) fn new(evaluator: Evaluator, statuses: HeldStatuses) -> Self {
        Self { evaluator, statuses, calendars: OpenCalendars::default(), observed: None }
    }
}

impl Worker {
    /// Returns the statuses of a snapshot's targets as shown, and logs those that changed, and calendars that opened or
    /// closed.
    pub(super) fn observe_targets(&mut self, snapshot: &Snapshot) -> HeldStatuses {
        let Self { target_observer: observer, clock, .. } = self;
        let (targets, instant) = (&snapshot.targets, clock.instant());
        let is_due = observer.observed.is_none_or(|at| instant.saturating_duration_since(at) >= OBSERVE_INTERVAL);
        if snapshot.has_figures() && is_due && !targets.targets.is_empty() {
            observer.observed = Some(instant);
            let (tallies, now) = (Tallies::of(targets, snapshot.merged.slots()), snapshot.publication.at);
            let statuses = observer.evaluator.statuses(&tallies, now, &snapshot.closed_periods);
            let time = FigureTime {
                now,
                is_ready: snapshot.is_ready(instant),
                complete_until: &snapshot.complete_until,
                max_age: max_age(clock),
            };
            observer.calendars.observe(targets, now).iter().for_each(log_calendar);
            observer.statuses.observe(targets, &statuses, &time).iter().for_each(log);
        }
        observer.statuses.clone()
    }
}

/// Writes an amount as in the API, but without quotes.
fn text(quantity: Quantity) -> String {
    match serde_json::to_value(quantity) {
        Ok(serde_json::Value::String(text)) => text,
        other => other.unwrap_or_default().to_string(),
    }
}

fn log_calendar((calendar, is_open): &(String, bool)) {
    if *is_open {
        tracing::info!(event = "pacemeter.calendar.opened", calendar, "calendar opened");
    } else {
        tracing::info!(event = "pacemeter.calendar.closed", calendar, "calendar closed");
    }
}

fn log(change: &StatusChange) {
    let (target, from, to) = (change.target.as_str(), change.from.name(), change.to.name());
    let (actual, plan, goal) = (change.actual.map(text), change.plan, text(change.goal));
    if matches!(change.to, PaceStatus::Behind | PaceStatus::AtRisk) {
        tracing::warn!(
            event = "pacemeter.target.status",
            target_name = target,
            from,
            to,
            actual,
            plan,
            goal,
            "status of target changed"
        );
    } else {
        tracing::info!(
            event = "pacemeter.target.status",
            target_name = target,
            from,
            to,
            actual,
            plan,
            goal,
            "status of target changed"
        );
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::calendar;
    use crate::clock::HOUR;

    #[test]
    fn calendars_that_open_and_close_are_told_once() {
        let zone = TimeZone::get("America/Mexico_City").unwrap();
        let calendars = calendar::read(&calendar::shipped(&[]), &zone);
        let targets = Targets { calendars, ..Targets::default() };
        // A Monday, 00:00 in central Mexico.
        let monday = Timestamp::from_millis(1_795_413_600_000);
        let mut open = OpenCalendars::default();
        let mut changes = Vec::new();
        for hour in 0..24 {
            let found = open.observe(&targets, monday + hour * HOUR).into_iter();
            changes.extend(found.filter(|(name, _)| name == "payments").map(|(_, is_open)| (hour, is_open)));
        }
        assert_eq!(changes, [(9, true), (18, false)]);
    }
}
