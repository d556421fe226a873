use std::sync::Arc;

use super::*;
use crate::calendar::{Period, WorkingCalendar};
use crate::clock::Timestamp;
use crate::targets::{Filter, Measure};

static UTC: TimeZone = TimeZone::UTC;
const WEEK: Interval =
    Interval { start: Timestamp::from_millis(1_589_173_200_000), end: Timestamp::from_millis(1_589_778_000_000) };

fn target(measure: Measure, goal: Quantity) -> Target {
    Target {
        name: "a".into(),
        description: String::new(),
        title: None,
        group: None,
        measure,
        filter: Filter::default(),
        period: Period::WEEK,
        goals: vec![(jiff::civil::Date::MIN, goal)],
        calendar: Arc::new(WorkingCalendar::always(UTC.clone())),
        profile: None,
        prorate: false,
        tolerance: 0.02,
        pesos_each: None,
    }
}

fn people(goal: i128) -> Target {
    Target { pesos_each: Some(2_500_000), ..target(Measure::Beneficiaries, Quantity::Count(goal)) }
}

fn plan(share: f64) -> Plan {
    let open = 50.0 * HOUR as f64;
    Plan { share, open_elapsed: (open * share) as Millis, open_left: (open * (1.0 - share)) as Millis, proration: 1.0 }
}

fn observation(amount: i128, base: i128) -> Observation<'static> {
    let (actual, past) = (Tally { amount, base }, Tally::default());
    Observation { period: WEEK, now: WEEK.start, zone: &UTC, actual, past, overdispersion: 4.0 }
}

#[test]
fn people_are_compared_with_the_plan_in_people_and_pesos() {
    let report = assess_planned(&people(100_000), &observation(30_000, 0), &plan(0.5));
    assert_eq!(report.goal, Quantity::Count(100_000));
    assert_eq!(report.actual, Some(Quantity::Count(30_000)));
    assert_eq!((report.plan, report.share), (50_000.0, 0.5));
    assert_eq!((report.pace, report.shortfall), (Some(0.6), Some(20_000.0)));
    assert_eq!(report.shortfall_pesos, Some(500_000_000.0));
    assert_eq!(report.tolerance, Some(3.0 * (4.0_f64 * 50_000.0).sqrt()));
    assert_eq!(report.projection, Some(60_000.0));
    assert_eq!((report.required_per_open_hour, report.achieved_per_open_hour), (Some(2_800.0), Some(1_200.0)));
    assert_eq!(report.remaining_open, 25 * HOUR);
    assert!(report.probability.unwrap() < 1e-6);
}

#[test]
fn undefined_figures_are_absent_at_the_start() {
    let report = assess_planned(&people(100_000), &observation(0, 0), &plan(0.0));
    assert_eq!((report.plan, report.shortfall, report.tolerance), (0.0, Some(0.0), Some(0.0)));
    assert_eq!((report.pace, report.projection, report.probability), (None, None, None));
    assert_eq!((report.achieved_per_open_hour, report.required_per_open_hour), (None, Some(2_000.0)));
    let early = assess_planned(&people(100_000), &observation(3, 0), &plan(0.149));
    assert_eq!((early.projection, early.pace.is_some()), (None, true));
}

#[test]
fn probability_is_0_or_1_at_the_end() {
    let missed = assess_planned(&people(100_000), &observation(99_999, 0), &plan(1.0));
    assert_eq!((missed.plan, missed.projection), (100_000.0, Some(99_999.0)));
    assert_eq!((missed.probability, missed.required_per_open_hour), (Some(0.0), None));
    let attained = assess_planned(&people(100_000), &observation(100_000, 0), &plan(1.0));
    assert_eq!((attained.probability, attained.required_per_open_hour), (Some(1.0), Some(0.0)));
}

#[test]
fn tolerance_of_money_is_that_of_its_payments() {
    let money = target(Measure::NetPesos, Quantity::Centavos(100_000_000));
    // Four payments of 25,000 pesos; half of the plan is 20 payments.
    let report = assess_planned(&money, &observation(10_000_000, 4), &plan(0.5));
    assert_eq!((report.plan, report.shortfall), (500_000.0, Some(400_000.0)));
    assert_eq!(report.shortfall_pesos, Some(400_000.0));
    assert_eq!(report.tolerance, Some(3.0 * (4.0_f64 * 20.0).sqrt() * 25_000.0));
    let people = assess_planned(&people(40), &observation(4, 0), &plan(0.5));
    assert_eq!(report.probability, people.probability, "40 payments of which 4 were made");
    let past = Tally { amount: 25_000_000, base: 10 };
    let nothing_yet = assess_planned(&money, &Observation { past, ..observation(0, 0) }, &plan(0.5));
    assert_eq!(nothing_yet.tolerance, report.tolerance, "the mean amount is that of the past");
    let nothing_ever = assess_planned(&money, &observation(0, 0), &plan(0.5));
    assert_eq!((nothing_ever.tolerance, nothing_ever.probability), (None, None));
    assert_eq!(assess_planned(&money, &observation(0, 0), &plan(1.0)).probability, Some(0.0));
}

#[test]
fn a_shortfall_of_people_is_worth_the_mean_payment() {
    let people = target(Measure::Beneficiaries, Quantity::Count(100));
    // Ten people have 30,000 pesos, and the plan is 40 people ahead of them.
    let report = assess_planned(&people, &observation(10, 3_000_000), &plan(0.5));
    assert_eq!((report.shortfall, report.shortfall_pesos), (Some(40.0), Some(120_000.0)));
    let past = Tally { amount: 4, base: 800_000 };
    let nothing_yet = assess_planned(&people, &Observation { past, ..observation(0, 0) }, &plan(0.5));
    assert_eq!(nothing_yet.shortfall_pesos, Some(100_000.0), "the mean amount is that of the past");
    let nothing_ever = assess_planned(&people, &observation(0, 0), &plan(0.5));
    assert_eq!(nothing_ever.shortfall_pesos, None);
    let configured = Target { pesos_each: Some(100), ..target(Measure::Dispersals, Quantity::Count(100)) };
    assert_eq!(assess_planned(&configured, &observation(10, 3_000_000), &plan(0.5)).shortfall_pesos, Some(40.0));
    let approvals = target(Measure::Approvals, Quantity::Count(100));
    assert_eq!(assess_planned(&approvals, &observation(10, 0), &plan(0.5)).shortfall_pesos, None);
}

#[test]
fn there_is_a_probability_from_one_percent_of_the_plan_on() {
    let at = |share: f64| assess_planned(&people(1_000), &observation(20, 0), &plan(share));
    assert_eq!(at(0.0099).probability, None);
    assert!(at(0.01).probability.is_some());
    assert_eq!((at(0.149).projection, at(0.15).projection.is_some()), (None, true), "a projection comes later");
}

#[test]
fn a_ratio_is_compared_with_its_goal_at_any_time() {
    let service_level = target(Measure::ServiceLevel, Quantity::Ratio(0.8));
    let report = assess_planned(&service_level, &observation(60, 100), &plan(0.1));
    assert_eq!((report.actual, report.plan), (Some(Quantity::Ratio(0.6)), 0.8));
    assert!((report.pace.unwrap() - 0.75).abs() < 1e-12 && (report.shortfall.unwrap() - 0.2).abs() < 1e-12);
    assert_eq!((report.tolerance, report.share), (Some(0.02), 0.1));
    assert_eq!((report.projection, report.probability), (None, None));
    assert_eq!((report.required_per_open_hour, report.achieved_per_open_hour), (None, None));
    let of_nothing = assess_planned(&service_level, &observation(0, 0), &plan(0.1));
    assert_eq!((of_nothing.actual, of_nothing.pace, of_nothing.shortfall), (None, None, None));
}

#[test]
fn holidays_reduce_a_prorated_goal() {
    let four_days_of_five = Plan { proration: 0.8, ..plan(0.5) };
    let whole = assess_planned(&people(100_000), &observation(0, 0), &four_days_of_five);
    assert_eq!(whole.goal, Quantity::Count(100_000));
    let prorated = assess_planned(&Target { prorate: true, ..people(100_000) }, &observation(0, 0), &four_days_of_five);
    assert_eq!((prorated.goal, prorated.plan), (Quantity::Count(80_000), 40_000.0));
}

#[test]
fn the_goal_of_the_periods_first_day_applies() {
    let zone = TimeZone::get("America/Mexico_City").unwrap();
    let goals =
        [("2020-05-11", 1), ("2020-05-13", 2)].map(|(date, goal)| (date.parse().unwrap(), Quantity::Count(goal)));
    let target = Target { goals: goals.to_vec(), ..people(0) };
    let of = |time: &str| target.goal(Period::WEEK.at(time.parse().unwrap(), &zone).unwrap(), &zone);
    assert_eq!(of("2020-05-17T12:00:00Z"), Quantity::Count(1));
    assert_eq!(of("2020-05-18T12:00:00Z"), Quantity::Count(2));
    assert_eq!(of("2020-05-04T12:00:00Z"), Quantity::Count(1), "the first goal also applies before its date");
}
