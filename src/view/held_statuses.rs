//! Statuses of all targets as shown: tracked at every publication, and applied by readers to their own figures.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::progress::TargetStatus;
use crate::clock::{Clock, MINUTE, Millis, Timestamp};
use crate::record::PerStream;
use crate::targets::held_status::{HeldStatus, StatusSubject};
use crate::targets::pace::PaceReport;
use crate::targets::status::PaceStatus;
use crate::targets::{Quantity, Target, Targets};

/// Age beyond which figures are not current.
const MAX_AGE: Millis = MINUTE;

/// Statuses of targets that have held, by name. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct HeldStatuses {
    hold: Millis,
    by_name: Arc<BTreeMap<String, HeldStatus>>,
}

/// What is known of the time of figures.
#[derive(Debug, Clone, Copy)]
pub struct FigureTime<'a> {
    /// Instant of the figures.
    pub now: Timestamp,
    /// Instant up to which each stream is complete.
    pub complete_until: &'a PerStream<Option<Timestamp>>,
    /// Maximum age of current figures; see [`max_age`].
    pub max_age: Option<Millis>,
}

/// A status that replaced another one.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusChange {
    /// Name of the target.
    pub target: String,
    /// Status before.
    pub from: PaceStatus,
    /// Status now.
    pub to: PaceStatus,
    /// Result.
    pub actual: Option<Quantity>,
    /// Part of the goal planned up to now.
    pub plan: f64,
    /// Goal of the period.
    pub goal: Quantity,
}

/// Maximum age of figures that are current, by the clock; `None` if the clock says nothing of ages.
pub fn max_age(clock: &Clock) -> Option<Millis> {
    clock.speed().map(|speed| (MAX_AGE as f64 * speed) as Millis)
}

impl FigureTime<'_> {
    /// True if figures that are complete up to this instant say how things are now.
    pub fn is_current(&self, complete_until: Option<Timestamp>) -> bool {
        complete_until.is_some_and(|until| self.max_age.is_none_or(|max_age| self.now - until <= max_age))
    }

    /// Status of the figures alone.
    fn status_of(&self, target: &Target, report: &PaceReport) -> PaceStatus {
        let complete_until = self.complete_until[target.measure.stream()];
        PaceStatus::of(report, self.is_current(complete_until), target.calendar.is_open(self.now))
    }
}

impl HeldStatuses {
    /// Creates statuses that are replaced once another one has held for so long. None is known yet.
    pub fn new(hold: Millis) -> Self {
        Self { hold, by_name: Arc::default() }
    }

    /// Status of a target's figures as shown.
    pub fn shown(&self, target: &Target, report: &PaceReport, time: &FigureTime<'_>) -> HeldStatus {
        let found = time.status_of(target, report);
        let subject = StatusSubject { selection: target.selection(), period: report.period };
        match self.by_name.get(&target.name) {
            Some(held) => held.observed(found, subject, time.now, self.hold),
            None => HeldStatus::first(found, subject),
        }
    }

    /// Takes the figures of all targets, and returns the statuses that changed. Targets that are gone are forgotten.
    pub fn observe(
        &mut self,
        targets: &Targets,
        statuses: &[TargetStatus],
        time: &FigureTime<'_>,
    ) -> Vec<StatusChange> {
        let (mut by_name, mut changes) = (BTreeMap::new(), Vec::new());
        for (target, status) in targets.targets.iter().zip(statuses) {
            let Some(report) = &status.current else { continue };
            let shown = self.shown(target, report, time);
            if let Some(before) = self.by_name.get(&target.name).filter(|before| before.status != shown.status) {
                changes.push(StatusChange {
                    target: target.name.clone(),
                    from: before.status,
                    to: shown.status,
                    actual: report.actual,
                    plan: report.plan,
                    goal: report.goal,
                });
            }
            by_name.insert(target.name.clone(), shown);
        }
        self.by_name = Arc::new(by_name);
        changes
    }
}
