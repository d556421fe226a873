//! A programme that falls behind its plan: one notification with the right figures, and one when it has caught up.

use pacemeter::clock::MINUTE;

use super::environment::{Environment, EnvironmentOptions, instant};
use super::feed::PaymentSpan;
use super::text::Rows;

const BEHIND: &str = "PacemeterTargetBehindPlan";

/// 5,000 people a week, by the shipped calendar: 45 hours, 111 people an hour.
const TARGETS: &str = "[target.weekly_beneficiaries]\nmeasure = \"beneficiaries\"\nperiod = \"week\"\ngoal = 5000\ncalendar = \"payments\"\npesos_each = 25000\n";

#[test]
fn a_lag_alerts_once_survives_a_kill_and_resolves() {
    let paid = [("2020-05-04T09:00", "2020-05-04T18:00", 700), ("2020-05-05T09:00", "2020-05-05T10:00", 78)];
    let mut environment = Environment::open(&EnvironmentOptions {
        at: "2020-05-05T10:00",
        speed: 60,
        targets: TARGETS.to_owned(),
        paid: &paid.map(|(from, until, people)| PaymentSpan { from: instant(from), until: instant(until), people }),
        an_hour: 78.0,
        has_proxy: false,
    });
    let notification = environment.until_notified("office", "firing", BEHIND);
    let [alert] = notification.alerts.as_slice() else { panic!("one target is behind: {notification:?}") };
    assert_eq!(
        (&alert.labels["target"], &alert.labels["severity"]),
        (&"weekly_beneficiaries".into(), &"warning".into())
    );
    Rows::of(&environment.prometheus, "weekly_beneficiaries").assert_said(&alert.description);

    environment.kill();
    environment.start();
    environment.wait_until(environment.now() + 20 * MINUTE);
    assert_eq!(
        environment.webhook.notified(&["PacemeterTarget"]),
        [format!("office firing {BEHIND}")],
        "a restart notifies nobody"
    );

    environment.feed.pay_at_once(500);
    environment.feed.pay_an_hour(115.0);
    environment.until_notified("office", "resolved", BEHIND);
    environment.wait_until(environment.now() + 20 * MINUTE);
    assert_eq!(
        environment.webhook.notified(&["PacemeterTarget"]),
        [format!("office firing {BEHIND}"), format!("office resolved {BEHIND}")]
    );
}
