//! The broker is away for hours: figures that are old say nothing about the programme, and somebody is told that they are old.

use pacemeter::clock::MINUTE;

use super::environment::{Environment, EnvironmentOptions, instant};
use super::feed::PaymentSpan;

const BEHIND: &str = "PacemeterTargetBehindPlan";
const STALLED: &str = "PacemeterPipelineStalled";

/// By the shipped calendar, of 45 hours a week.
fn targets(goal: u32) -> String {
    format!(
        "[target.weekly_beneficiaries]\nmeasure = 'beneficiaries'\nperiod = 'week'\ngoal = {goal}\ncalendar = 'payments'\npesos_each = 25000\n"
    )
}

/// Last week's goal of 30,000 reached, and so many people paid this Monday.
fn on_plan(until: &str, people: u64) -> [PaymentSpan; 2] {
    [
        PaymentSpan { from: instant("2020-05-04T09:00"), until: instant("2020-05-08T18:00"), people: 30_100 },
        PaymentSpan { from: instant("2020-05-11T09:00"), until: instant(until), people },
    ]
}

/// A programme that pays as planned, at an instant from which on a twentieth of the plan has passed.
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
    // From here on a twentieth of the plan has passed.
    environment.wait_until(instant("2020-05-11T11:25"));
    environment
}

#[test]
fn an_outage_and_the_backlog_after_it_are_no_lag() {
    let environment = monday_on_plan();
    let outage = environment.now();
    environment.proxy().pull();
    environment.until_told("pager", "firing", STALLED);
    environment.wait_until(outage + 75 * MINUTE);
    environment.assert_silent();
    environment.proxy().release();
    environment.until_told("pager", "resolved", STALLED);
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
    environment.until_told("ops", "firing", BEHIND);

    let outage = environment.now();
    environment.proxy().pull();
    environment.until_told("pager", "firing", STALLED);
    environment.until("the alert of the programme is inhibited", |environment| {
        environment.alertmanager.inhibits(BEHIND).then_some(())
    });
    environment.wait_until(outage + 40 * MINUTE);
    assert_eq!(
        environment.webhook.said_of(&["PacemeterTarget"]),
        [format!("ops firing {BEHIND}")],
        "nothing is known, so nothing is said"
    );

    environment.proxy().release();
    environment.until_told("pager", "resolved", STALLED);
    environment.until("it is behind still", |environment| {
        (!environment.prometheus.query(&format!("ALERTS{{alertname={BEHIND:?},alertstate=\"firing\"}}")).is_empty())
            .then_some(())
    });
    environment.wait_until(environment.now() + 10 * MINUTE);
    assert_eq!(
        environment.webhook.said_of(&["PacemeterTarget"]),
        [format!("ops firing {BEHIND}")],
        "it is known already"
    );

    environment.feed.pay_at_once(3_000);
    environment.feed.pay_an_hour(450.0);
    environment.until_told("ops", "resolved", BEHIND);
    assert_eq!(
        environment.webhook.said_of(&["PacemeterTarget"]),
        [format!("ops firing {BEHIND}"), format!("ops resolved {BEHIND}")]
    );
}
