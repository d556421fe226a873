use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::calendar::Period;
use crate::clock::{DAY, HOUR, MINUTE};
use crate::settings::Document;
use crate::targets::pace::{Observation, PaceReport, assess};
use crate::targets::read::{PeriodBounds, read};
use crate::targets::{Quantity, Tally};

const ZONES: [&str; 3] = ["America/Mexico_City", "America/Tijuana", "UTC"];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Target with these keys and the calendar `work`; its period is a week unless the keys say otherwise.
fn target(keys: &str, calendar: &str, zone: &TimeZone) -> Target {
    let period = if keys.contains("period =") { "" } else { "period = 'week'" };
    let text =
        format!("[target.a]\nmeasure = 'dispersals'\n{period}\ngoal = 1000\ncalendar = 'work'\n{keys}\n{calendar}");
    let bounds = PeriodBounds { disbursement_horizon: 400 * DAY, counts: (800 * DAY, "state.coarse_history") };
    read(&[Document::parse("a.toml", &text)], zone, &bounds)
        .unwrap_or_else(|faults| panic!("{text}\n{faults:?}"))
        .targets
        .remove(0)
}

fn at(text: &str) -> Timestamp {
    text.parse::<Timestamp>().unwrap()
}

fn report(target: &Target, period: Interval, now: Timestamp, zone: &TimeZone) -> PaceReport {
    assess(
        target,
        &Observation { period, now, zone, actual: Tally::default(), past: Tally::default(), overdispersion: 4.0 },
    )
}

#[test]
fn a_holidays_share_goes_to_the_other_days() {
    let zone = TimeZone::get("America/Mexico_City").unwrap();
    let hours = "[calendar.work.hours]\nmonday = ['09:00-17:00']\ntuesday = ['09:00-17:00']\nwednesday = ['09:00-17:00']\n\
                 thursday = ['09:00-17:00']\nfriday = ['09:00-17:00']\n[[calendar.work.holiday]]\nrule = '05-01'\n";
    // 1 May 2020 is a Friday; local midnight is 05:00 UTC.
    let period = Period::WEEK.at(at("2020-04-29T12:00:00Z"), &zone).unwrap();
    let week = target("", hours, &zone);
    let of = |time: &str| Plan::of(&week, period, at(time));
    assert_eq!(of("2020-04-27T05:00:00Z"), Plan { share: 0.0, open_elapsed: 0, open_left: 32 * HOUR, proration: 0.8 });
    assert_eq!((of("2020-04-27T18:00:00Z").share, of("2020-04-28T12:00:00Z").share), (0.125, 0.25));
    assert_eq!(of("2020-05-01T18:00:00Z"), Plan { share: 1.0, open_elapsed: 32 * HOUR, open_left: 0, proration: 0.8 });
    assert_eq!(of("2020-01-01T00:00:00Z").share, 0.0, "an instant before the period is its start");
    assert_eq!(of("2021-01-01T00:00:00Z").share, 1.0);
    assert_eq!(report(&week, period, period.start, &zone).goal, Quantity::Count(1_000));
    assert_eq!(report(&target("prorate = true", hours, &zone), period, period.start, &zone).goal, Quantity::Count(800));
}

#[test]
fn without_open_time_the_whole_plan_is_due_at_the_end() {
    let zone = TimeZone::UTC;
    let sundays = target("period = 'day'", "[calendar.work.hours]\nsunday = ['09:00-17:00']\n", &zone);
    let monday = Period::Day.at(at("2020-05-11T12:00:00Z"), &zone).unwrap();
    let plan = |now| report(&sundays, monday, now, &zone).plan;
    assert_eq!((plan(monday.start), plan(monday.end - 1), plan(monday.end)), (0.0, 0.0, 1_000.0));
}

#[test]
fn a_profile_weights_the_hours_of_the_day() {
    let zone = TimeZone::UTC;
    let hours = "[calendar.work.hours]\nmonday = ['09:00-17:00']\n";
    let morning = "profile = [0,0,0,0,0,0,0,0,0,3,1,0,0,0,0,0,0,0,0,0,0,0,0,0]";
    let period = Period::WEEK.at(at("2020-05-11T12:00:00Z"), &zone).unwrap();
    let share = |time: &str| Plan::of(&target(morning, hours, &zone), period, at(time)).share;
    assert_eq!(
        (share("2020-05-11T09:20:00Z"), share("2020-05-11T10:00:00Z"), share("2020-05-11T11:00:00Z")),
        (0.25, 0.75, 1.0)
    );
}

#[test]
fn a_profile_counts_in_open_hours_only() {
    let zone = TimeZone::UTC;
    let hours = "[calendar.work.hours]\nmonday = ['09:30-11:00']\n";
    // The hour from 9 has 2 by half, the one from 10 has 3; 8 and 11 are closed.
    let profile = "profile = [0,0,0,0,0,0,0,0,9,2,3,9,0,0,0,0,0,0,0,0,0,0,0,0]";
    let period = Period::Day.at(at("2020-05-11T12:00:00Z"), &zone).unwrap();
    let of = |time: &str| Plan::of(&target(profile, hours, &zone), period, at(time)).share;
    assert_eq!((of("2020-05-11T09:30:00Z"), of("2020-05-11T10:00:00Z")), (0.0, 0.25));
    assert_eq!(of("2020-05-11T11:00:00Z"), 1.0);
}

#[test]
fn a_day_of_weight_0_is_open_and_has_no_plan() {
    let zone = TimeZone::UTC;
    let calendar = "[calendar.work.hours]\nfriday = ['09:00-17:00']\nsaturday = ['09:00-13:00']\n[calendar.work.weights]\nsaturday = 0\n";
    let week = target("", calendar, &zone);
    let period = Period::WEEK.at(at("2020-05-11T12:00:00Z"), &zone).unwrap();
    let plan = Plan::of(&week, period, at("2020-05-15T17:00:00Z"));
    assert_eq!((plan.share, plan.open_elapsed, plan.open_left), (1.0, 8 * HOUR, 4 * HOUR));
    let report = report(&week, period, at("2020-05-15T17:00:00Z"), &zone);
    assert_eq!((report.probability, report.required_per_open_hour), (Some(0.0), Some(250.0)));
}

#[test]
fn a_day_of_half_its_hours_has_half_its_weight() {
    let zone = TimeZone::UTC;
    let calendar = "[calendar.work.hours]\nmonday = ['09:00-17:00']\ntuesday = ['09:00-17:00']\n\
                    [[calendar.work.exception]]\ndate = 2020-05-12\nhours = ['09:00-13:00']\n";
    let period = Period::WEEK.at(at("2020-05-11T12:00:00Z"), &zone).unwrap();
    let plan = Plan::of(&target("", calendar, &zone), period, at("2020-05-12T00:00:00Z"));
    assert!((plan.share - 2.0 / 3.0).abs() < 1e-9 && (plan.proration - 0.75).abs() < 1e-9, "{plan:?}");
}

/// Weeks of days that are closed, or open in one or two spans, each day with a weight.
fn week() -> impl Strategy<Value = String> {
    let spans = prop_oneof![
        Just("[]"),
        Just("['09:00-18:00']"),
        Just("['00:00-24:00']"),
        Just("['08:30-13:00', '15:00-19:45']")
    ];
    let day = (spans, 0_u32..5);
    prop::collection::vec(day, 7).prop_map(|days| {
        let days: Vec<_> = days.into_iter().zip(WEEKDAYS).filter(|((spans, _), _)| *spans != "[]").collect();
        let hours: String = days.iter().map(|((spans, _), day)| format!("{day} = {spans}\n")).collect();
        let weights: String = days.iter().map(|((_, weight), day)| format!("{day} = {weight}\n")).collect();
        // A calendar that is never open is a fault, so there is an exception long before the test's dates.
        let once = "[[calendar.work.exception]]\ndate = 2001-01-01\nhours = ['09:00-10:00']\nweight = 1\n";
        format!("[calendar.work.hours]\n{hours}\n[calendar.work.weights]\n{weights}\n{once}")
    })
}

fn period() -> impl Strategy<Value = Period> {
    prop_oneof![
        Just(Period::Day),
        Just(Period::WEEK),
        Just(Period::Week(Weekday::Saturday)),
        Just(Period::Month),
        Just(Period::Campaign("2022-03-20".parse().unwrap(), "2022-11-10".parse().unwrap())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_plan_rises_to_the_goal_and_is_flat_when_closed(
        week in week(), period in period(), zone in 0..ZONES.len(), day in 0_i64..330, holidays in prop::collection::btree_set(0_i64..330, 0..20),
        profile in prop::option::of(prop::collection::vec(0_u32..4, 24)), mut shares in prop::collection::vec(0.0..1.0_f64, 20),
    ) {
        let zone = TimeZone::get(ZONES[zone]).unwrap();
        let dated = |day: i64| "2022-01-20".parse::<Date>().unwrap().saturating_add(day.days());
        let closed: String = holidays.iter().map(|&day| format!("[[calendar.work.exception]]\ndate = {}\nhours = []\n", dated(day))).collect();
        let profile = profile.filter(|hours| hours.iter().any(|&hour| hour > 0)).map_or(String::new(), |hours| format!("profile = {hours:?}"));
        let target = target(&profile, &(week + &closed), &zone);
        let day = if matches!(period, Period::Campaign(..)) { 100 } else { day };
        let interval = period.at(dated(day).to_zoned(zone.clone()).unwrap().timestamp().into(), &zone).unwrap();
        let plan = |now| (report(&target, interval, now, &zone).plan, Plan::of(&target, interval, now));

        prop_assert_eq!(plan(interval.start).0, 0.0);
        prop_assert_eq!(plan(interval.end).0, 1_000.0);
        shares.sort_by(f64::total_cmp);
        let length = (interval.end - interval.start) as f64;
        let mut before = plan(interval.start);
        let mut last = interval.start;
        for now in shares.iter().map(|share| interval.start + (length * share) as Millis).chain([interval.end - 1]) {
            let after = plan(now);
            prop_assert!(after.0 >= before.0, "from {} to {} the plan fell from {} to {}", last, now, before.0, after.0);
            prop_assert_eq!(after.1.open_elapsed + after.1.open_left, target.calendar.open_time(interval));
            if after.1.open_elapsed == before.1.open_elapsed {
                prop_assert_eq!(after.0, before.0, "closed from {} to {}", last, now);
            }
            (before, last) = (after, now);
        }
    }

    #[test]
    fn the_plan_rises_little_in_a_minute(week in week(), minute in 0_i64..7 * 24 * 60) {
        let zone = TimeZone::UTC;
        let target = target("", &week, &zone);
        let interval = Period::WEEK.at(at("2022-06-15T12:00:00Z"), &zone).unwrap();
        let share = |minute: i64| Plan::of(&target, interval, interval.start + minute * MINUTE).share;
        // Unless it is the only one, the shortest day has nine hours.
        prop_assume!(target.calendar.weight(interval, None) > 0.0);
        prop_assert!(share(minute + 1) - share(minute) <= 1.0 / 500.0 + 1e-9);
    }
}
