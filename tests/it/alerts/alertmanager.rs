//! A running Alertmanager with the shipped configuration: the webhook of the test shows which alerts are inhibited.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::servers::Alertmanager;
use super::webhook::Webhook;

/// Limit for anything that takes moments on an idle machine.
const LIMIT: Duration = Duration::from_secs(60);
/// Factor by which Alertmanager's waiting times are shortened, so that a group waits a second.
const FASTER: u32 = 30;

/// An Alertmanager, and the webhook of its receivers.
struct Receivers {
    alertmanager: Alertmanager,
    webhook: Webhook,
    /// Number of notifications read so far.
    seen: usize,
}

impl Receivers {
    fn start() -> Self {
        let webhook = Webhook::listen();
        let alertmanager = Alertmanager::start(&webhook.address, FASTER, str::to_owned);
        Self { alertmanager, webhook, seen: 0 }
    }

    fn raise(&self, name: &str, severity: &str, labels: &[(&str, &str)]) {
        let mut alert = json!({ "alertname": name, "severity": severity });
        labels.iter().for_each(|(label, value)| alert[*label] = json!(value));
        self.alertmanager.raise(&alert);
    }

    /// Notified alerts until one of this name comes, as `receiver alert job target`, sorted.
    fn until(&mut self, name: &str) -> Vec<String> {
        let (began, mut found) = (Instant::now(), Vec::new());
        loop {
            let new = self.webhook.notifications().split_off(self.seen);
            for notification in new {
                self.seen += 1;
                for alert in &notification.alerts {
                    let label = |name: &str| alert.labels[name].as_str().unwrap_or_default();
                    let words = [&notification.receiver, &alert.name, label("job"), label("target")].join(" ");
                    found.push(words.trim_end().to_owned());
                }
                if notification.alerts.iter().any(|alert| alert.name == name) {
                    found.sort();
                    return found;
                }
            }
            assert!(began.elapsed() < LIMIT, "{name} was not notified, but {found:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Each group waits a second from its first alert on, so notifications keep their order. Once the last one has come, an
/// alert that has not come is inhibited.
#[test]
fn stale_figures_inhibit_alerts_about_figures_of_the_same_job() {
    let mut receivers = Receivers::start();
    let job = ("job", "pacemeter");
    receivers.raise("PacemeterPipelineStalled", "critical", &[job, ("stream", "disbursement")]);
    assert_eq!(receivers.until("PacemeterPipelineStalled"), ["pager PacemeterPipelineStalled pacemeter"]);

    receivers.raise("PacemeterTargetAtRisk", "warning", &[job, ("target", "weekly")]);
    receivers.raise("PacemeterTargetBehindPlan", "warning", &[job, ("target", "weekly")]);
    receivers.raise("PacemeterCallServiceLevelLow", "warning", &[job, ("queue", "main")]);
    receivers.raise("PacemeterReplicaImpaired", "warning", &[job, ("instance", "a")]);
    receivers.raise("PacemeterTargetBehindPlan", "warning", &[("job", "another"), ("target", "weekly")]);
    receivers.raise("PacemeterTargetsInvalid", "warning", &[job, ("instance", "a")]);
    thread::sleep(Duration::from_secs(2));
    receivers.raise("PacemeterKeysMisplaced", "warning", &[job]);
    assert_eq!(
        receivers.until("PacemeterKeysMisplaced"),
        [
            "office PacemeterTargetBehindPlan another weekly",
            "ops PacemeterKeysMisplaced pacemeter",
            "ops PacemeterTargetsInvalid pacemeter"
        ]
    );
}

#[test]
fn a_target_at_risk_inhibits_the_alert_that_it_is_behind() {
    let mut receivers = Receivers::start();
    let weekly = [("job", "pacemeter"), ("target", "weekly")];
    receivers.raise("PacemeterTargetAtRisk", "warning", &weekly);
    receivers.raise("PacemeterTargetBehindPlan", "warning", &weekly);
    assert_eq!(receivers.until("PacemeterTargetAtRisk"), ["office PacemeterTargetAtRisk pacemeter weekly"]);
    receivers.raise("PacemeterTargetBehindPlan", "warning", &[("job", "another"), ("target", "weekly")]);
    thread::sleep(Duration::from_secs(2));
    receivers.raise("PacemeterTargetMissed", "info", &[("job", "pacemeter"), ("target", "daily")]);
    assert_eq!(
        receivers.until("PacemeterTargetMissed"),
        ["office PacemeterTargetBehindPlan another weekly", "office PacemeterTargetMissed pacemeter daily"]
    );
}

#[test]
fn nine_targets_behind_are_one_notification_to_the_office() {
    let mut receivers = Receivers::start();
    for target in 1..=9 {
        let name = if target % 2 == 0 { "PacemeterTargetAtRisk" } else { "PacemeterTargetBehindPlan" };
        receivers.raise(name, "warning", &[("job", "pacemeter"), ("target", &format!("target_{target}"))]);
    }
    thread::sleep(Duration::from_secs(2));
    receivers.raise("PacemeterKeysMisplaced", "warning", &[("job", "pacemeter")]);
    receivers.until("PacemeterKeysMisplaced");
    let notifications = receivers.webhook.notifications();
    let found: Vec<(&str, usize)> =
        notifications.iter().map(|found| (found.receiver.as_str(), found.alerts.len())).collect();
    assert_eq!(found, [("office", 9), ("ops", 1)]);
}
