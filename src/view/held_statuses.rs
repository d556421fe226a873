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

/// Instant of figures, whether they can be relied on, and up to when they are complete.
#[derive(Debug, Clone, Copy)]
pub struct FigureTime<'a> {
    /// Instant of the figures.
    pub now: Timestamp,
    /// True if the figures can be relied on; see [`Snapshot::is_ready`](super::snapshot::Snapshot::is_ready).
    pub is_ready: bool,
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
    /// True if figures that are complete up to this instant say how things are now: they can be relied on, and are not
    /// old. Every status in terminal, API, document and log follows this rule.
    pub fn is_current(&self, complete_until: Option<Timestamp>) -> bool {
        self.is_ready && self.is_recent(complete_until)
    }

    /// True if figures that are complete up to this instant are not old.
    pub fn is_recent(&self, complete_until: Option<Timestamp>) -> bool {
        complete_until.is_some_and(|until| self.max_age.is_none_or(|max_age| self.now - until <= max_age))
    }

    /// Status of the figures alone.
    fn status_of(&self, target: &Target, report: &PaceReport) -> PaceStatus {
        let complete_until = self.complete_until[target.measure.stream()];
        PaceStatus::of(report, self.is_current(complete_until), target.calendar.is_open(self.now))
    }
}

impl HeldStatuses {
    /// Creates statuses that are replaced once another one has held for so long. None is known yet. An accelerated clock
    /// may pass that time between two publications, or stand still after one, so there nothing is held.
    pub fn new(hold: Millis, clock: &Clock) -> Self {
        let hold = if clock.speed() == Some(1.0) { hold } else { 0 };
        Self { hold, by_name: Arc::default() }
    }

    /// Creates statuses that are known by name.
    #[cfg(test)]
    pub(crate) fn of(hold: Millis, by_name: impl IntoIterator<Item = (String, HeldStatus)>) -> Self {
        Self { hold, by_name: Arc::new(by_name.into_iter().collect()) }
    }

    /// Status of a target at the last publication.
    #[cfg(test)]
    pub(crate) fn get(&self, name: &str) -> Option<HeldStatus> {
        self.by_name.get(name).copied()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Interval, Period, WorkingCalendar};
    use crate::clock::DAY;
    use crate::targets::{Filter, Measure};

    const HOLD: Millis = 2 * MINUTE;

    fn targets(names: &[&str]) -> Targets {
        let target = |name: &&str| Target {
            name: (*name).to_owned(),
            description: String::new(),
            title: None,
            group: None,
            measure: Measure::Dispersals,
            filter: Filter::default(),
            period: Period::Day,
            goals: vec![(jiff::civil::Date::MIN, Quantity::Count(100))],
            calendar: Arc::new(WorkingCalendar::always(jiff::tz::TimeZone::UTC)),
            profile: None,
            prorate: false,
            tolerance: 0.02,
            pesos_each: None,
        };
        Targets { targets: names.iter().map(target).collect(), ..Targets::default() }
    }

    /// Figures of half a day with so many of the 50 that are planned by then.
    fn status(actual: i128) -> TargetStatus {
        let missing = 50.0 - actual as f64;
        let report = PaceReport {
            period: Interval { start: Timestamp::EPOCH, end: Timestamp::EPOCH + DAY },
            goal: Quantity::Count(100),
            actual: Some(Quantity::Count(actual)),
            plan: 50.0,
            share: 0.5,
            pace: Some(actual as f64 / 50.0),
            shortfall: Some(missing),
            tolerance: Some(10.0),
            each: Some(1.0),
            projection: None,
            projection_range: None,
            probability: Some(0.5),
            required_per_open_hour: None,
            achieved_per_open_hour: None,
            remaining_open: DAY / 2,
            shortfall_pesos: None,
        };
        TargetStatus { current: Some(report), previous: None, dispersion: 4.0 }
    }

    struct Case {
        held: HeldStatuses,
        is_ready: bool,
        complete_until: PerStream<Option<Timestamp>>,
    }

    impl Case {
        fn observe(&mut self, at: Millis, names: &[&str], actuals: &[i128]) -> Vec<String> {
            let now = Timestamp::from_millis(at);
            let statuses: Vec<_> = actuals.iter().map(|&actual| status(actual)).collect();
            let time = FigureTime {
                now,
                is_ready: self.is_ready,
                complete_until: &self.complete_until,
                max_age: Some(MINUTE),
            };
            let changes = self.held.observe(&targets(names), &statuses, &time);
            changes.iter().map(|change| format!("{} {:?} {:?}", change.target, change.from, change.to)).collect()
        }
    }

    fn case() -> Case {
        let complete_until = PerStream::from_fn(|_| Some(Timestamp::from_millis(10 * HOLD)));
        Case { held: HeldStatuses::new(HOLD, &Clock::wall()), is_ready: true, complete_until }
    }

    #[test]
    fn the_first_status_is_no_change_and_a_held_one_is() {
        let mut case = case();
        assert!(case.observe(0, &["a", "b"], &[50, 50]).is_empty());
        assert!(case.observe(1, &["a", "b"], &[20, 50]).is_empty());
        assert!(case.observe(HOLD, &["a", "b"], &[20, 50]).is_empty());
        assert_eq!(case.observe(HOLD + 1, &["a", "b"], &[20, 50]), ["a OnPace Behind"]);
        assert!(case.observe(2 * HOLD, &["a", "b"], &[20, 50]).is_empty(), "it is told once");
    }

    #[test]
    fn statuses_follow_the_name_and_removed_ones_are_forgotten() {
        let mut case = case();
        case.observe(0, &["a", "b"], &[50, 20]);
        assert!(case.observe(1, &["b", "a"], &[20, 50]).is_empty(), "another order is no change");
        case.observe(2, &["b"], &[20]);
        assert!(case.observe(3, &["a", "b"], &[20, 20]).is_empty(), "it is new");
    }

    #[test]
    fn old_figures_are_unknown_at_once() {
        let mut case = case();
        case.observe(10 * HOLD, &["a"], &[50]);
        assert_eq!(case.observe(10 * HOLD + MINUTE + 1, &["a"], &[50]), ["a OnPace Unknown"]);
    }

    #[test]
    fn figures_that_are_not_ready_are_unknown_at_once() {
        let mut case = case();
        case.observe(1, &["a", "b"], &[50, 100]);
        case.is_ready = false;
        assert_eq!(case.observe(2, &["a", "b"], &[50, 100]), ["a OnPace Unknown", "b Reached Unknown"]);
        assert!(case.observe(3, &["a", "b"], &[50, 100]).is_empty(), "it is told once");
        case.is_ready = true;
        assert_eq!(case.observe(4, &["a", "b"], &[20, 100]), ["a Unknown Behind", "b Unknown Reached"]);
    }

    #[test]
    fn a_reader_applies_the_same_rule_without_changing_it() {
        let mut case = case();
        case.observe(0, &["a"], &[50]);
        let read = |case: &Case, at, actual| {
            let time = FigureTime {
                now: Timestamp::from_millis(at),
                is_ready: case.is_ready,
                complete_until: &case.complete_until,
                max_age: Some(MINUTE),
            };
            case.held.shown(&targets(&["a"]).targets[0], &status(actual).current.unwrap(), &time).status
        };
        assert_eq!(read(&case, 1, 20), PaceStatus::OnPace);
        assert_eq!(read(&case, HOLD + 1, 20), PaceStatus::OnPace, "it was not observed before");
        assert_eq!(read(&case, 1, 100), PaceStatus::Reached);
        assert_eq!(read(&case, 11 * HOLD, 50), PaceStatus::Unknown, "nothing was published since");
    }

    #[test]
    fn an_accelerated_clock_holds_nothing_back() {
        let fast = Clock::accelerated(Timestamp::EPOCH, 900.0);
        assert_eq!((HeldStatuses::new(HOLD, &fast).hold, HeldStatuses::new(HOLD, &Clock::wall()).hold), (0, HOLD));
    }
}
