//! Times without payments that are no lag: the first hours of a week, and a holiday.

use pacemeter::clock::{HOUR, MINUTE};

use super::environment::{Environment, EnvironmentOptions, instant};
use super::feed::PaymentSpan;
use super::guards::Guards;

/// Payments around the clock on weekdays, so that a week and a holiday begin in working time.
const CALENDAR: &str = "[calendar.payments.hours]\nmonday = ['00:00-24:00']\ntuesday = ['00:00-24:00']\nwednesday = ['00:00-24:00']\n\
                        thursday = ['00:00-24:00']\nfriday = ['00:00-24:00']\n";

const HOLIDAY: &str = "[[calendar.payments.holiday]]\nname = 'Labour Day'\nrule = '05-01'\n";

#[test]
fn the_first_minutes_of_a_week_and_a_slow_start_are_no_lag() {
    let targets = format!(
        "[target.weekly_beneficiaries]\nmeasure = 'beneficiaries'\nperiod = 'week'\ngoal = 20000\ncalendar = 'payments'\npesos_each = 25000\n{CALENDAR}"
    );
    // The week before is the last closed one until the cut of midnight, which comes two hours later.
    let week_before =
        PaymentSpan { from: instant("2020-04-27T00:00"), until: instant("2020-05-02T00:00"), people: 20_100 };
    let last_week =
        PaymentSpan { from: instant("2020-05-04T00:00"), until: instant("2020-05-09T00:00"), people: 20_100 };
    let environment = Environment::open(&EnvironmentOptions {
        at: "2020-05-10T23:40",
        speed: 180,
        targets,
        paid: &[week_before, last_week],
        an_hour: 0.0,
        has_proxy: false,
    });
    // 167 people an hour are planned; for an hour nobody is paid.
    let midnight = instant("2020-05-11T00:00");
    environment.wait_until(midnight + 10 * MINUTE);
    environment.assert_silent();
    environment.wait_until(midnight + HOUR);
    environment.feed.pay_an_hour(250.0);
    environment.wait_until(midnight + HOUR + 20 * MINUTE);
    environment.assert_silent();
}

#[test]
fn a_holiday_without_payments_and_with_returns_is_no_lag() {
    let holiday = if Guards::of_environment().without_holiday { "" } else { HOLIDAY };
    let targets = format!(
        "[target.weekly_beneficiaries]\nmeasure = 'beneficiaries'\nperiod = 'week'\ngoal = 50000\nprorate = true\ncalendar = 'payments'\npesos_each = 25000\n\
         [target.daily_beneficiaries]\nmeasure = 'beneficiaries'\nperiod = 'day'\ngoal = 5000\ncalendar = 'payments'\npesos_each = 25000\n{CALENDAR}{holiday}"
    );
    // The week's goal is that of four days, and nearly reached.
    let week = PaymentSpan { from: instant("2020-04-27T00:00"), until: instant("2020-04-30T22:45"), people: 39_700 };
    let environment = Environment::open(&EnvironmentOptions {
        at: "2020-04-30T22:45",
        speed: 180,
        targets,
        paid: &[week],
        an_hour: 420.0,
        has_proxy: false,
    });
    let midnight = instant("2020-05-01T00:00");
    environment.wait_until(midnight);
    environment.feed.pay_an_hour(0.0);
    // Banks return payments on any day: the week falls behind, while nobody works who could act.
    environment.wait_until(midnight + 20 * MINUTE);
    environment.feed.return_at_once(6_000);
    environment.wait_until(midnight + 2 * HOUR);
    environment.assert_silent();
}
