use super::*;
use crate::calendar::Interval;
use crate::clock::Timestamp;
use crate::targets::Quantity;

/// People: a goal of 1,000, of which this share is planned, and so many are reached.
fn people(actual: i128, share: f64, probability: f64) -> PaceReport {
    let plan = 1_000.0 * share;
    PaceReport {
        period: Interval { start: Timestamp::EPOCH, end: Timestamp::from_millis(1) },
        goal: Quantity::Count(1_000),
        actual: Some(Quantity::Count(actual)),
        plan,
        share,
        pace: (plan > 0.0).then(|| actual as f64 / plan),
        shortfall: Some(plan - actual as f64),
        tolerance: Some(30.0),
        projection: None,
        each: Some(1.0),
        projection_range: None,
        probability: Some(probability),
        required_per_open_hour: None,
        achieved_per_open_hour: None,
        remaining_open: 1,
        shortfall_pesos: None,
    }
}

/// A service level of 80 % with a tolerance of two points.
fn ratio(numerator: i128, share: f64) -> PaceReport {
    let actual = Quantity::Fraction { numerator, denominator: 100 };
    PaceReport {
        goal: Quantity::Ratio(0.8),
        actual: Some(actual),
        plan: 0.8,
        pace: Some(actual.value() / 0.8),
        shortfall: Some(0.8 - actual.value()),
        tolerance: Some(0.02),
        probability: None,
        ..people(0, share, 0.0)
    }
}

fn of(report: &PaceReport) -> PaceStatus {
    PaceStatus::of(report, true, true)
}

#[test]
fn the_first_rule_that_holds_decides() {
    for (actual, share, probability, status) in [
        (1_000, 1.0, 1.0, PaceStatus::Reached),
        (1_000, 0.0, 0.0, PaceStatus::Reached),
        (999, 1.0, 0.0, PaceStatus::AtRisk),
        (0, 0.0, 0.5, PaceStatus::Starting),
        (0, 0.049, 0.0, PaceStatus::Starting),
        (0, 0.05, 0.0, PaceStatus::Behind),
        (0, 0.399, 0.0, PaceStatus::Behind),
        (0, 0.4, 0.09, PaceStatus::AtRisk),
        (0, 0.4, 0.1, PaceStatus::Behind),
        (359, 0.4, 0.2, PaceStatus::Behind),
        (360, 0.4, 0.2, PaceStatus::SlightlyBehind),
        (370, 0.4, 0.2, PaceStatus::OnPace),
        (80, 0.1, 0.2, PaceStatus::WithinChance),
        (430, 0.4, 0.9, PaceStatus::OnPace),
        (431, 0.4, 0.9, PaceStatus::Ahead),
    ] {
        assert_eq!(of(&people(actual, share, probability)), status, "{actual} of 1,000 at {share}");
    }
}

#[test]
fn ratios_are_behind_beyond_their_tolerance() {
    let cases =
        [(100, PaceStatus::Ahead), (82, PaceStatus::OnPace), (79, PaceStatus::OnPace), (77, PaceStatus::Behind)];
    for (numerator, status) in cases {
        assert_eq!(of(&ratio(numerator, 0.5)), status, "{numerator} %");
    }
    let nothing = PaceReport { actual: None, pace: None, shortfall: None, ..ratio(0, 0.5) };
    assert_eq!(of(&nothing), PaceStatus::Unknown);
}

#[test]
fn a_closed_calendar_counts_only_before_the_plan_begins() {
    assert_eq!(PaceStatus::of(&people(0, 0.0, 0.5), true, false), PaceStatus::Closed);
    assert_eq!(PaceStatus::of(&ratio(10, 0.0), true, false), PaceStatus::Closed);
    assert_eq!(PaceStatus::of(&people(0, 0.3, 0.5), true, false), PaceStatus::Behind);
}

#[test]
fn figures_that_are_not_current_are_unknown() {
    assert_eq!(PaceStatus::of(&people(1_000, 1.0, 1.0), false, true), PaceStatus::Unknown);
}

#[test]
fn money_has_no_tolerance_without_a_payment() {
    let report = PaceReport { tolerance: None, ..people(390, 0.4, 0.5) };
    assert_eq!(of(&report), PaceStatus::SlightlyBehind);
}

#[test]
fn names_are_those_of_json() {
    for (status, name) in PaceStatus::ALL {
        assert_eq!(serde_json::to_string(&status).unwrap(), format!("{name:?}"));
        assert_eq!(status.name(), name);
    }
}

#[test]
fn the_bounds_are_those_of_the_alert_rules() {
    let rules = include_str!("../../../deploy/prometheus/rules/targets.yml");
    let alert = |name: &str| {
        let begin = rules.find(&format!("- alert: {name}\n")).expect("the alert is there");
        let end = rules[begin..].find("labels:").expect("it has labels");
        &rules[begin..begin + end]
    };
    let planned = |share: f64| format!("target_plan:max >= {share} * job_target:pacemeter_target_goal:max");
    let behind = alert("PacemeterTargetBehindPlan");
    assert!(
        behind.contains(&format!("target_plan:max < {LOW_PACE}\n")) && behind.contains(&planned(LEAST_JUDGED_SHARE))
    );
    let at_risk = alert("PacemeterTargetAtRisk");
    assert!(at_risk.contains(&format!("probability_ratio:max < {LOW_PROBABILITY}\n")));
    assert!(at_risk.contains(&planned(LEAST_RISKED_SHARE)));
}
