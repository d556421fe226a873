use std::sync::Arc;

use jiff::tz::TimeZone;

use super::*;
use crate::calendar::{Period, WorkingCalendar};
use crate::clock::Timestamp;
use crate::cuts::CutOffset;
use crate::targets::{Filter, Measure, Quantity, Target};
use crate::view::closed_periods::ClosedPeriod;

const AT: Timestamp = Timestamp::from_millis(1_589_605_200_000);

fn targets(measures: &[(&str, Measure)]) -> Targets {
    let target = |&(name, measure): &(&str, Measure)| Target {
        name: name.to_owned(),
        description: String::new(),
        title: None,
        group: None,
        measure,
        filter: Filter::default(),
        period: Period::Day,
        goals: vec![("2020-05-01".parse().unwrap(), Quantity::Count(10))],
        calendar: Arc::new(WorkingCalendar::always(TimeZone::UTC)),
        profile: None,
        prorate: false,
        tolerance: 0.02,
        pesos_each: None,
    };
    Targets { targets: measures.iter().map(target).collect(), ..Targets::default() }
}

fn result(name: &str, of: &Targets, actual: i128) -> CutTarget {
    let target = of.targets.iter().find(|target| target.name == name).unwrap();
    CutTarget {
        target: name.to_owned(),
        measure: target.measure.name().to_owned(),
        selection: target.selection(),
        period: "2020-05-15".to_owned(),
        start_ms: AT,
        end_ms: AT,
        closes: true,
        goal: Quantity::Count(10),
        plan: 10.0,
        actual: Some(Quantity::Count(actual)),
    }
}

fn correction(target: &str, start_ms: Timestamp, after: i128) -> Correction {
    let (before, after) = (Some(Quantity::Count(1)), Some(Quantity::Count(after)));
    Correction { target: target.to_owned(), period: "2020-05-14".to_owned(), start_ms, before, after }
}

fn cut(targets: Vec<CutTarget>) -> Cut {
    let offset = CutOffset {
        stream: "call".to_owned(),
        topic: "calls".to_owned(),
        partition: 0,
        first_offset: Some(0),
        next_offset: 7,
        is_provisional: false,
        is_late: false,
    };
    Cut {
        id: "20200516T050000Z".to_owned(),
        at_ms: AT,
        at: String::new(),
        taken_ms: AT,
        state_built_ms: AT,
        settings: BTreeMap::from([("programme.time_zone".to_owned(), "UTC".to_owned())]),
        offsets: vec![offset],
        periods: Vec::new(),
        targets,
        corrections: Vec::new(),
    }
}

fn names(comparison: &CutComparison) -> Vec<&str> {
    comparison.differences.iter().map(|difference| difference.figure.as_str()).collect()
}

#[test]
fn each_figure_that_differs_is_named() {
    let targets = targets(&[("a", Measure::Approvals)]);
    let (stored, mut log) = (cut(vec![result("a", &targets, 5)]), cut(vec![result("a", &targets, 4)]));
    log.offsets[0].next_offset = 6;
    let comparison = stored.compare(&log, &targets, &ClosedPeriods::default());
    assert_eq!(names(&comparison), ["calls partition 0: end offset", "target a 2020-05-15: result"]);
    assert_eq!(comparison.differences[1].to_string(), "target a 2020-05-15: result: 5 in the cut, 4 by the log");
    assert_eq!(stored.compare(&stored, &targets, &ClosedPeriods::default()).differences, []);
}

#[test]
fn goals_and_other_selections_are_settings() {
    let (then, now) = (targets(&[("a", Measure::Approvals)]), targets(&[("a", Measure::Applications)]));
    let stored = cut(vec![result("a", &then, 5)]);
    let comparison = stored.compare(&cut(vec![result("a", &now, 4)]), &now, &ClosedPeriods::default());
    assert_eq!((names(&comparison).len(), comparison.changed_settings.len()), (0, 1));
    let goal = CutTarget { goal: Quantity::Count(11), plan: 11.0, ..result("a", &then, 5) };
    let comparison = stored.compare(&cut(vec![goal]), &then, &ClosedPeriods::default());
    assert_eq!((names(&comparison).len(), comparison.changed_settings.len()), (0, 1));
}

#[test]
fn a_removed_target_is_a_difference_an_added_one_is_not() {
    let targets = targets(&[("a", Measure::Approvals)]);
    let log = cut(vec![result("a", &targets, 5)]);
    let mut stored = cut(Vec::new());
    assert_eq!(names(&stored.compare(&log, &targets, &ClosedPeriods::default())).len(), 0, "added since");
    stored.settings.insert(Cut::target_setting("a"), targets.targets[0].selection().to_string());
    assert_eq!(names(&stored.compare(&log, &targets, &ClosedPeriods::default())).len(), 2, "it was in force");
}

#[test]
fn corrections_need_the_cut_that_closed_the_period() {
    let targets = targets(&[("a", Measure::Approvals)]);
    let (mut stored, mut log) = (cut(vec![result("a", &targets, 5)]), cut(vec![result("a", &targets, 5)]));
    stored.corrections = vec![correction("a", AT, 3)];
    let mut closed_periods = ClosedPeriods::default();
    assert_eq!(stored.compare(&log, &targets, &closed_periods).changed_settings.len(), 1, "pruned");
    closed_periods.close(
        "a",
        ClosedPeriod {
            cut: String::new(),
            period: String::new(),
            selection: 0,
            start_ms: AT,
            end_ms: AT,
            goal: Quantity::Count(1),
            actual: None,
            corrections: BTreeMap::new(),
        },
    );
    assert_eq!(names(&stored.compare(&log, &targets, &closed_periods)).len(), 2, "the log corrects nothing");
    log.corrections = vec![correction("a", AT, 4)];
    let comparison = stored.compare(&log, &targets, &closed_periods);
    assert_eq!(names(&comparison), ["correction of a 2020-05-14: after"]);
}

#[test]
fn settings_are_compared_by_name_and_value() {
    let stored = cut(Vec::new());
    let present = |zone: &str| BTreeMap::from([("programme.time_zone".to_owned(), zone.to_owned())]);
    assert_eq!(stored.changed_settings(&present("UTC")), Vec::<String>::new());
    assert_eq!(
        stored.changed_settings(&present("America/Tijuana")),
        ["programme.time_zone was UTC, is America/Tijuana"]
    );
    assert_eq!(stored.changed_settings(&BTreeMap::new()), ["programme.time_zone was UTC, is not set"]);
    let older = Cut { settings: BTreeMap::new(), ..stored };
    assert_eq!(older.changed_settings(&present("UTC")), Vec::<String>::new());
}
