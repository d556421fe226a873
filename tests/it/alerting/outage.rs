//! A broker outage of hours: stale figures raise no alert about the programme, but one that they are stale.

use pacemeter::clock::MINUTE;

use super::environment::{Environment, EnvironmentOptions, instant};
use super::feed::PaymentSpan;

const BEHIND: &str = "PacemeterTargetBehindPlan";
const STALLED: &str = "PacemeterPipelineStalled";

/// A weekly target by the shipped calendar, of 45 hours a week.
fn targets(goal: u32) -> String {
    format!(
        "[target.weekly_beneficiaries]\nmeasure = 'beneficiaries'\nperiod = 'week'\ngoal = {goal}\ncalendar = 'payments'\npesos_each = 25000\n"
    )
}

/// Payments by which last week's goal of 30,000 was reached, and this number of people is paid this Monday.
fn on_plan(until: &str, people: u64) -> [PaymentSpan; 2] {
    [
        PaymentSpan { from: instant("2020-05-04T09:00"), until: instant("2020-05-08T18:00"), people: 30_100 },
        PaymentSpan { from: instant("2020-05-11T09:00"), until: instant(until), people },
    ]
}

/// A programme that pays as planned, at an instant at which a twentieth of the plan has passed.
pub fn monday_on_plan() -> Environment {
    let environment = Environment::open(&EnvironmentOptions {
        at: "2020-05-11T11:10",
        speed: 120,
        // 667 people an hour.
        targets: targets(30_000),
        paid: &on_plan("2020-05-11T11:10", 1_460),
        an_hour: 670.0,
        has_proxy: true,
    });
    // A twentieth of the plan has passed now.
    environment.wait_until(instant("2020-05-11T11:25"));
    environment
}

#[test]
fn an_outage_and_the_backlog_after_it_are_no_lag() {
    let environment = monday_on_plan();
    let outage = environment.now();
    environment.proxy().pull();
    environment.until_notified("pager", "firing", STALLED);
    environment.wait_until(outage + 75 * MINUTE);
    environment.assert_silent();
    environment.proxy().release();
    environment.until_notified("pager", "resolved", STALLED);
    environment.wait_until(environment.now() + 40 * MINUTE);
    environment.assert_silent();
}

#[test]
fn an_outage_neither_resolves_nor_repeats_an_alert() {
    let paid = [("2020-05-04T09:00", "2020-05-04T18:00", 2_800), ("2020-05-05T09:00", "2020-05-05T10:00", 311)];
    let environment = Environment::open(&EnvironmentOptions {
        at: "2020-05-05T10:00",
        speed: 120,
        // 444 people an hour.
        targets: targets(20_000),
        paid: &paid.map(|(from, until, people)| PaymentSpan { from: instant(from), until: instant(until), people }),
        an_hour: 311.0,
        has_proxy: true,
    });
    environment.until_notified("office", "firing", BEHIND);

    let outage = environment.now();
    environment.proxy().pull();
    environment.until_notified("pager", "firing", STALLED);
    environment.until("the alert of the programme is inhibited", |environment| {
        environment.alertmanager.inhibits(BEHIND).then_some(())
    });
    environment.wait_until(outage + 40 * MINUTE);
    assert_eq!(
        environment.webhook.notified(&["PacemeterTarget"]),
        [format!("office firing {BEHIND}")],
        "without known figures there is no notification"
    );

    environment.proxy().release();
    environment.until_notified("pager", "resolved", STALLED);
    environment.until("the target is still behind", |environment| {
        (!environment.prometheus.query(&format!("ALERTS{{alertname={BEHIND:?},alertstate=\"firing\"}}")).is_empty())
            .then_some(())
    });
    environment.wait_until(environment.now() + 10 * MINUTE);
    assert_eq!(
        environment.webhook.notified(&["PacemeterTarget"]),
        [format!("office firing {BEHIND}")],
        "the alert was already notified"
    );

    environment.feed.pay_at_once(3_000);
    environment.feed.pay_an_hour(450.0);
    environment.until_notified("office", "resolved", BEHIND);
    assert_eq!(
        environment.webhook.notified(&["PacemeterTarget"]),
        [format!("office firing {BEHIND}"), format!("office resolved {BEHIND}")]
    );
}
