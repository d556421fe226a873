//! Statuses of targets, followed whether or not anybody reads them.

use std::time::{Duration, Instant};

use super::Worker;
use crate::targets::Quantity;
use crate::targets::status::PaceStatus;
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
    observed: Option<Instant>,
}

impl TargetObserver {
    pub(super) fn new(evaluator: Evaluator, statuses: HeldStatuses) -> Self {
        Self { evaluator, statuses, observed: None }
    }
}

impl Worker {
    /// Returns the statuses of a snapshot's targets as shown, and logs those that changed.
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
            observer.statuses.observe(targets, &statuses, &time).iter().for_each(log);
        }
        observer.statuses.clone()
    }
}

/// Writes an amount as in the API, but without quotes.
fn text(quantity: Option<Quantity>) -> String {
    match serde_json::to_value(quantity) {
        Ok(serde_json::Value::String(text)) => text,
        other => other.unwrap_or_default().to_string(),
    }
}

fn log(change: &StatusChange) {
    let (target, from, to) = (change.target.as_str(), change.from.name(), change.to.name());
    let (actual, plan, goal) = (text(change.actual), change.plan, text(Some(change.goal)));
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
