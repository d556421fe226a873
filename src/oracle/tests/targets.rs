//! Targets.

use std::sync::Arc;

use super::*;
use crate::calendar::{Interval, Period, WorkingCalendar};
use crate::targets::{Filter, Measure, Quantity, Tally, Target, Targets};

/// A weekly target without a filter.
fn target(measure: Measure) -> Target {
    Target {
        name: "a".to_owned(),
        description: String::new(),
        title: None,
        group: None,
        measure,
        filter: Filter::default(),
        period: Period::WEEK,
        goals: vec![(jiff::civil::Date::MIN, Quantity::Count(10))],
        calendar: Arc::new(WorkingCalendar::always(TimeZone::UTC)),
        profile: None,
        prorate: false,
        tolerance: 0.02,
        pesos_each: None,
    }
}

fn of_programmes(measure: Measure, programmes: &[&str]) -> Target {
    Target { filter: Filter { programmes: names(programmes), ..Filter::default() }, ..target(measure) }
}

fn of_states(measure: Measure, states: &[&str]) -> Target {
    Target { filter: Filter { states: names(states), ..Filter::default() }, ..target(measure) }
}

impl TestLog {
    /// Amount and base of a target's tally, in an interval given relative to noon.
    fn tally(&self, target: &Target, from: Millis, until: Millis) -> (i128, i128) {
        let Tally { amount, base } =
            self.oracle.target_inputs().tally(target, Interval { start: noon(from), end: noon(until) });
        (amount, base)
    }
}

#[test]
fn a_person_counts_once_over_all_selected_programmes() {
    let mut log = TestLog::new();
    log.send(dispersed("1", 100, noon(0))).send(dispersed("2", 100, noon(HOUR)).programme("housing"));
    log.send(dispersed("3", 100, noon(2 * HOUR)).by("jose").programme("unlisted"));
    let people = target(Measure::Beneficiaries);
    assert_eq!(log.tally(&people, 0, DAY), (2, 30_000));
    assert_eq!(log.tally(&of_programmes(Measure::Beneficiaries, &["unlisted", "housing"]), 0, DAY), (2, 20_000));
    assert_eq!(
        log.tally(&of_programmes(Measure::Beneficiaries, &["unlisted"]), 0, DAY),
        (1, 10_000),
        "labels are those of the event"
    );
    assert_eq!(log.tally(&people, 0, HOUR), (1, 10_000), "the end is outside");
    log.send(returned("1", 100, noon(3 * HOUR)));
    assert_eq!(log.tally(&people, 0, HOUR), (0, 0));
    assert_eq!(log.tally(&people, 0, DAY), (2, 20_000), "maria's second dispersal counts");
    assert_eq!(log.tally(&target(Measure::Dispersals), 0, DAY), (3, 20_000), "returned ones, too");
    assert_eq!(log.tally(&target(Measure::NetPesos), 0, DAY), (20_000, 2));
}

#[test]
fn states_are_selected_by_their_code() {
    let mut log = TestLog::new();
    for (credit, state) in
        [("1", Some("MX-DIF")), ("2", None), ("3", Some("nowhere")), ("4", Some("MX-ZAC")), ("5", Some("unknown"))]
    {
        log.send(approved(credit, 1, noon(0)).state(state));
    }
    let approvals = |states: &[&str]| log.tally(&of_states(Measure::Approvals, states), 0, 1).0;
    assert_eq!(approvals(&["MX-CMX"]), 1);
    assert_eq!(approvals(&["unknown"]), 1);
    assert_eq!(approvals(&["other"]), 2, "values that are no code");
    assert_eq!(approvals(&["MX-ZAC", "unknown"]), 2, "listed or not");
    assert_eq!(approvals(&[]), 5);
}

#[test]
fn values_beyond_the_bound_are_other() {
    let mut log = TestLog::with(OracleRules { max_label_values: 1, ..rules() });
    log.send(applied("1", noon(0))).send(applied("2", noon(0)).programme("housing"));
    assert_eq!(log.tally(&of_programmes(Measure::Applications, &["housing"]), 0, 1), (0, 0));
    assert_eq!(log.tally(&of_programmes(Measure::Applications, &["other"]), 0, 1), (1, 0));
}

#[test]
fn a_service_level_counts_calls_when_answered_or_abandoned() {
    let mut log = TestLog::new();
    log.send(offered("a", noon(-10 * SECOND))).send(answered("a", noon(5 * SECOND)));
    log.send(offered("b", noon(-HOUR))).send(answered("b", noon(0)));
    log.send(abandoned("c", noon(SECOND))).send(offered("c", noon(-2 * SECOND)));
    log.send(offered("d", noon(-HOUR))).send(abandoned("d", noon(0)));
    let level = target(Measure::ServiceLevel);
    assert_eq!(
        log.tally(&level, 0, MINUTE),
        (1, 3),
        "answered within target, over answered and abandoned without short abandons"
    );
    assert_eq!(log.tally(&level, -DAY, 0), (0, 0), "the time of the offer does not matter");
    assert_eq!(log.tally(&target(Measure::CallsOffered), -DAY, 0), (4, 0));
    assert_eq!(log.tally(&target(Measure::CallsAnswered), 0, MINUTE), (2, 0));
}

#[test]
fn milestones_are_net() {
    let mut log = TestLog::new();
    log.send(milestone(MilestoneKind::Reached, "market", "enrolled", Some(5), noon(0)));
    log.send(milestone(MilestoneKind::Withdrawn, "market", "enrolled", None, noon(HOUR)));
    log.send(milestone(MilestoneKind::Reached, "meeting", "enrolled", Some(7), noon(0)));
    let initiatives = Filter { initiatives: names(&["market"]), ..Filter::default() };
    let of_the_market = Target { filter: initiatives, ..target(Measure::Milestones) };
    assert_eq!(log.tally(&of_the_market, 0, DAY), (4, 0));
    assert_eq!(log.tally(&of_the_market, 1, DAY), (-1, 0));
}

#[test]
fn series_are_of_the_current_and_of_the_last_closed_period() {
    let mut log = TestLog::new();
    log.send(dispersed("1", 100, noon(0))).send(dispersed("2", 100, noon(-7 * DAY)).by("jose")).send(dispersed(
        "3",
        1,
        noon(-7 * DAY),
    ));
    let targets = Targets { targets: vec![target(Measure::Beneficiaries)], ..Targets::default() };
    // Noon of Wednesday: 2.5 days of the week have passed.
    let figures = log.oracle.target_figures(&targets, noon(0), Some(time("2020-05-18T00:00:00-05:00")));
    let series = [
        ("goal", "10"),
        ("actual", "1"),
        ("plan", "3.571"),
        ("shortfall", "2.571"),
        ("shortfall_pesos", "257.143"),
        ("pace_ratio", "0.28"),
        ("projection", "2.8"),
        ("required_per_open_hour", "0.083"),
        ("achieved_per_open_hour", "0.017"),
        ("remaining_open_seconds", "388800"),
        ("period_start_timestamp_seconds", "1589778000"),
        ("period_end_timestamp_seconds", "1590382800"),
        ("previous_goal", "10"),
        ("previous_actual", "2"),
    ];
    for (name, value) in series {
        assert_eq!(decimal(figures.0[&format!("pacemeter_target_{name}{{target=\"a\"}}")]), value, "{name}");
    }
    let info = "pacemeter_target_info{target=\"a\",measure=\"beneficiaries\",period=\"week\",calendar=\"always\",description=\"\"}";
    assert_eq!(figures.0[info], 1_000);
    assert_eq!(figures.0.len(), series.len() + 1);
    let unclosed = log.oracle.target_figures(&targets, noon(0), None);
    assert_eq!(unclosed.0.len(), series.len() - 1, "no period has closed");
    let week_after = log.oracle.target_figures(&targets, noon(7 * DAY), None);
    let pesos = |figures: &SeriesValues, name: &str| figures.0[&format!("pacemeter_target_{name}{{target=\"a\"}}")];
    assert_eq!(
        decimal(pesos(&week_after, "shortfall_pesos")),
        "239.286",
        "3.571 people at 67 pesos: three were paid 201 in past weeks"
    );
}
