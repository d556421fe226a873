//! Beneficiaries, periods and rolling windows.

use super::*;
use crate::clock::Timestamp;
use crate::oracle::periods::{OracleInterval, day, month, rolling, week};

fn mexico_city() -> TimeZone {
    TimeZone::get("America/Mexico_City").expect("a time zone")
}

fn span(from: &str, until: &str) -> OracleInterval {
    OracleInterval { from: time(from), until: time(until) }
}

#[test]
fn days_weeks_and_months_are_those_of_the_time_zone() {
    let zone = mexico_city();
    assert_eq!(day(noon(0), &zone), span("2020-05-20T05:00:00Z", "2020-05-21T05:00:00Z"));
    assert_eq!(week(noon(0), &zone), span("2020-05-18T05:00:00Z", "2020-05-25T05:00:00Z"));
    // May 2020 was in daylight saving time; April 2020 began before it.
    assert_eq!(month(noon(0), &zone), span("2020-05-01T05:00:00Z", "2020-06-01T05:00:00Z"));
    assert_eq!(
        month(time("2020-04-30T23:59:59.999-05:00"), &zone),
        span("2020-04-01T06:00:00Z", "2020-05-01T05:00:00Z")
    );
    // The last millisecond of a Sunday, and the Monday after it.
    assert_eq!(week(time("2020-05-24T23:59:59.999-05:00"), &zone), week(noon(0), &zone));
    assert_eq!(week(time("2020-05-25T00:00:00-05:00"), &zone).from, week(noon(0), &zone).until);
}

#[test]
fn weeks_with_a_clock_change_are_an_hour_shorter_or_longer() {
    let zone = mexico_city();
    let (spring, autumn) = (time("2022-04-03T12:00:00Z"), time("2022-10-25T12:00:00Z"));
    assert_eq!(week(spring, &zone), span("2022-03-28T00:00:00-06:00", "2022-04-04T00:00:00-05:00"));
    assert_eq!(week(spring, &zone).until - week(spring, &zone).from, 167 * HOUR);
    assert_eq!(week(autumn, &zone), span("2022-10-24T00:00:00-05:00", "2022-10-31T00:00:00-06:00"));
    assert_eq!(week(autumn, &zone).until - week(autumn, &zone).from, 169 * HOUR);
    assert_eq!(day(spring, &zone), span("2022-04-03T06:00:00Z", "2022-04-04T05:00:00Z"));
    // From 2023 on there is no daylight saving time.
    assert_eq!(week(time("2023-04-02T12:00:00Z"), &zone), span("2023-03-27T06:00:00Z", "2023-04-03T06:00:00Z"));
}

#[test]
fn iso_weeks_cross_the_new_year_and_days_may_begin_at_one() {
    assert_eq!(
        week(time("2021-01-01T12:00:00-06:00"), &mexico_city()),
        span("2020-12-28T06:00:00Z", "2021-01-04T06:00:00Z")
    );
    // In Asunción clocks went from midnight to one on the 4th of October 2020.
    let zone = TimeZone::get("America/Asuncion").expect("a time zone");
    assert_eq!(day(time("2020-10-04T12:00:00Z"), &zone), span("2020-10-04T04:00:00Z", "2020-10-05T03:00:00Z"));
}

#[test]
fn rolling_windows_end_with_the_current_minute_or_hour() {
    let now = time("2020-05-20T12:34:56.789Z");
    assert_eq!(rolling(now, MINUTE, 60), span("2020-05-20T11:35:00Z", "2020-05-20T12:35:00Z"));
    assert_eq!(rolling(now, HOUR, 24), span("2020-05-19T13:00:00Z", "2020-05-20T13:00:00Z"));
    assert_eq!(rolling(now, HOUR, 168), span("2020-05-13T13:00:00Z", "2020-05-20T13:00:00Z"));
    assert_eq!(
        rolling(Timestamp::from_millis(-1), MINUTE, 1),
        OracleInterval { from: Timestamp::from_millis(-MINUTE), until: Timestamp::EPOCH }
    );
}

#[test]
fn a_week_holds_its_monday_midnight_and_not_the_next() {
    let mut log = TestLog::new();
    for (credit, pesos, at) in [
        ("a", 1, "2022-03-27T23:59:59.999-06:00"),
        ("b", 2, "2022-03-28T00:00:00-06:00"),
        // The last hour of the week in which clocks went forward; by the old offset the next one would be before
        // midnight, too.
        ("c", 4, "2022-04-03T23:59:59.999-05:00"),
        ("d", 8, "2022-04-04T00:00:00-05:00"),
    ] {
        log.send(dispersed(credit, pesos, time(at)).by(credit));
    }
    let figures = |net: &'static str, people: &'static str| {
        [
            ("week_net_pesos support MX-JAL", net),
            ("week_beneficiaries support MX-JAL", people),
            ("week_dispersals support MX-JAL", people),
        ]
    };
    log.shows(time("2022-03-27T12:00:00-06:00"), &figures("1", "1"));
    // What is later than now counts in its calendar period.
    log.shows(time("2022-03-28T00:00:00-06:00"), &figures("6", "2"));
    log.shows(time("2022-04-03T23:30:00-05:00"), &figures("6", "2"));
    log.shows(time("2022-04-04T00:00:00-05:00"), &figures("8", "1"));
    log.shows(
        time("2022-03-31T12:00:00-06:00"),
        &[
            ("month_net_pesos support MX-JAL", "3"),
            ("day_net_pesos support MX-JAL", "0"),
            ("beneficiaries support MX-JAL", "4"),
        ],
    );
}

#[test]
fn rolling_windows_exclude_what_is_later_than_their_last_unit() {
    let mut log = TestLog::new();
    let now = time("2020-05-20T12:34:56Z");
    for (credit, pesos, at) in [
        ("a", 1, "2020-05-20T12:34:59.999Z"),
        ("b", 2, "2020-05-20T12:35:00Z"),
        ("c", 4, "2020-05-20T13:00:00Z"),
        ("d", 8, "2020-05-20T11:35:00Z"),
        ("e", 16, "2020-05-20T11:34:59.999Z"),
        ("f", 32, "2020-05-19T13:00:00Z"),
        ("g", 64, "2020-05-19T12:59:59.999Z"),
        ("h", 128, "2020-05-13T12:59:59.999Z"),
    ] {
        log.send(dispersed(credit, pesos, time(at)));
    }
    log.shows(
        now,
        &[
            ("rolling_1h_net_pesos support MX-JAL", "9"),
            ("rolling_1h_dispersals support MX-JAL", "2"),
            ("rolling_24h_net_pesos support MX-JAL", "59"),
            ("rolling_24h_beneficiaries support MX-JAL", "1"),
            ("rolling_7d_net_pesos support MX-JAL", "123"),
            ("rolling_7d_dispersals support MX-JAL", "6"),
            ("rolling_7d_beneficiaries support MX-JAL", "1"),
        ],
    );
}

#[test]
fn a_person_counts_in_the_state_of_the_earliest_dispersal_left() {
    let mut log = TestLog::new();
    log.send(dispersed("late", 10, noon(0)).state(Some("MX-CMX")));
    log.send(dispersed("early", 10, noon(-HOUR)).state(Some("MX-OAX")));
    log.shows(noon(0), &[("day_beneficiaries support MX-CMX", "0"), ("day_beneficiaries support MX-OAX", "1")]);
    log.shows(noon(0), &[("beneficiaries support MX-CMX", "0"), ("beneficiaries support MX-OAX", "1")]);
    // Once the earliest is returned, the next one counts.
    log.send(returned("early", 10, noon(0)));
    log.shows(noon(0), &[("day_beneficiaries support MX-CMX", "1"), ("day_beneficiaries support MX-OAX", "0")]);
    log.send(returned("late", 10, noon(0)));
    log.shows(noon(0), &[("day_beneficiaries support MX-CMX", "0"), ("beneficiaries support MX-CMX", "0")]);
}

#[test]
fn the_earliest_dispersal_is_by_period_then_time_then_log_order() {
    let mut log = TestLog::new();
    log.send(dispersed("last week", 10, noon(-7 * DAY)).state(Some("MX-OAX")));
    log.send(dispersed("one", 10, noon(0)).state(Some("MX-CMX")))
        .send(dispersed("two", 10, noon(0)).state(Some("MX-JAL")));
    log.shows(
        noon(0),
        &[
            ("week_beneficiaries support MX-CMX", "1"),
            ("week_beneficiaries support MX-JAL", "0"),
            ("week_beneficiaries support MX-OAX", "0"),
            ("month_beneficiaries support MX-OAX", "1"),
            ("month_beneficiaries support MX-CMX", "0"),
            ("month_dispersals support MX-CMX", "1"),
        ],
    );
}

#[test]
fn each_programme_counts_its_own_people() {
    let mut log = TestLog::new();
    log.send(dispersed("a", 10, noon(0))).send(dispersed("b", 10, noon(0)).programme("housing"));
    log.send(dispersed("c", 10, noon(0)).by("juan"));
    log.shows(noon(0), &[("day_beneficiaries support MX-JAL", "2"), ("day_beneficiaries housing MX-JAL", "1")]);
}

#[test]
fn a_person_of_several_unlisted_programmes_counts_once_as_other() {
    let mut log = TestLog::new();
    log.send(dispersed("a", 10, noon(0)).programme("scholarship").state(Some("MX-CMX")));
    log.send(dispersed("b", 10, noon(-HOUR)).programme("pension").state(Some("MX-OAX")));
    log.send(dispersed("c", 10, noon(-HOUR)).programme("pension").state(Some("MX-OAX")).by("juan"));
    log.shows(
        noon(0),
        &[
            ("day_beneficiaries other MX-OAX", "2"),
            ("day_beneficiaries other MX-CMX", "0"),
            ("day_dispersals other MX-CMX", "1"),
            ("beneficiaries other MX-OAX", "2"),
        ],
    );
    log.send(returned("b", 10, noon(0)));
    log.shows(noon(0), &[("day_beneficiaries other MX-OAX", "1"), ("day_beneficiaries other MX-CMX", "1")]);
}

#[test]
fn gauges_by_state_appear_with_the_first_dispersal_and_stay() {
    let mut log = TestLog::new();
    log.send(approved("a", 10, noon(-60 * DAY)));
    log.shows(noon(0), &[("day_dispersals support MX-JAL", "absent"), ("beneficiaries support MX-JAL", "absent")]);
    log.send(dispersed("a", 10, noon(-60 * DAY)));
    let expected = [
        ("beneficiaries support MX-JAL", "1"),
        ("day_beneficiaries support MX-JAL", "0"),
        ("week_dispersals support MX-JAL", "0"),
        ("month_net_pesos support MX-JAL", "0"),
        ("rolling_1h_dispersals support MX-JAL", "0"),
        ("rolling_24h_beneficiaries support MX-JAL", "0"),
        ("rolling_7d_net_pesos support MX-JAL", "0"),
        ("day_beneficiaries support MX-OAX", "absent"),
        ("day_beneficiaries housing MX-JAL", "absent"),
    ];
    log.shows(noon(0), &expected);
    // Forgetting the support changes nothing.
    log.send(applied("z", noon(60 * DAY)));
    log.shows(noon(0), &expected);
}

#[test]
fn all_time_people_outlive_their_forgotten_supports() {
    let mut log = TestLog::new();
    log.send(dispersed("kept", 10, noon(-200 * DAY)).by("ana")).send(dispersed("back", 10, noon(-200 * DAY)).by("eva"));
    log.send(returned("back", 10, noon(-200 * DAY))).send(applied("z", noon(0)));
    // Too late: the support is forgotten.
    log.send(returned("kept", 10, noon(0)));
    log.shows(noon(0), &[("beneficiaries support MX-JAL", "1"), ("waiting_returned_pesos support", "10")]);
}

#[test]
fn partitions_add_up() {
    let mut log = TestLog::new();
    log.send_to(0, dispersed("a", 10, noon(0))).send_to(1, dispersed("b", 20, noon(0)).by("juan"));
    log.shows(noon(0), &[("day_net_pesos support MX-JAL", "30"), ("day_beneficiaries support MX-JAL", "2")]);
}
