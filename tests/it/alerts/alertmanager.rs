//! An Alertmanager that runs with the shipped configuration and tells a webhook of the test's: what is silenced by what is seen there.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::servers::Alertmanager;
use super::webhook::Webhook;

/// How long anything may take that is a matter of moments on an idle machine.
const LIMIT: Duration = Duration::from_secs(60);
/// Of Alertmanager's waiting times, so that a group waits a second.
const FASTER: u32 = 30;

/// An Alertmanager, and what it tells.
struct Receivers {
    alertmanager: Alertmanager,
    webhook: Webhook,
    /// How many notifications were looked at.
    seen: usize,
}

impl Receivers {
    fn start() -> Self {
        let webhook = Webhook::listen();
        let alertmanager = Alertmanager::start(&webhook.address, FASTER, str::to_owned);
        Self { alertmanager, webhook, seen: 0 }
    }

    fn tell(&self, name: &str, severity: &str, labels: &[(&str, &str)]) {
        let mut alert = json!({ "alertname": name, "severity": severity });
        labels.iter().for_each(|(label, value)| alert[*label] = json!(value));
        self.alertmanager.tell(&alert);
    }

    /// All that comes until an alert of this name has come, as `receiver alert job target`, in the order of the alphabet.
    fn until(&mut self, name: &str) -> Vec<String> {
        let (began, mut found) = (Instant::now(), Vec::new());
        loop {
            let new = self.webhook.notices().split_off(self.seen);
            for notice in new {
                self.seen += 1;
                for alert in &notice.alerts {
                    let label = |name: &str| alert.labels[name].as_str().unwrap_or_default();
                    let words = [&notice.receiver, &alert.name, label("job"), label("target")].join(" ");
                    found.push(words.trim_end().to_owned());
                }
                if notice.alerts.iter().any(|alert| alert.name == name) {
                    found.sort();
                    return found;
                }
            }
            assert!(began.elapsed() < LIMIT, "{name} did not come, but {found:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Each group waits a second from its first alert on, so what is told first comes first: once the last one is there, what is not there yet
/// is silenced.
#[test]
fn stale_figures_inhibit_alerts_about_figures_of_the_same_job() {
    let mut receivers = Receivers::start();
    let job = ("job", "pacemeter");
    receivers.tell("PacemeterPipelineStalled", "critical", &[job, ("stream", "disbursement")]);
    assert_eq!(receivers.until("PacemeterPipelineStalled"), ["pager PacemeterPipelineStalled pacemeter"]);

    receivers.tell("PacemeterTargetAtRisk", "critical", &[job, ("target", "weekly")]);
    receivers.tell("PacemeterTargetBehindPlan", "warning", &[job, ("target", "weekly")]);
    receivers.tell("PacemeterCallServiceLevelLow", "warning", &[job, ("queue", "main")]);
    receivers.tell("PacemeterReplicaImpaired", "warning", &[job, ("instance", "a")]);
    receivers.tell("PacemeterTargetBehindPlan", "warning", &[("job", "another"), ("target", "weekly")]);
    receivers.tell("PacemeterTargetsInvalid", "warning", &[job, ("instance", "a")]);
    thread::sleep(Duration::from_secs(2));
    receivers.tell("PacemeterMisplacedPeople", "warning", &[job]);
    assert_eq!(
        receivers.until("PacemeterMisplacedPeople"),
        [
            "ops PacemeterMisplacedPeople pacemeter",
            "ops PacemeterTargetBehindPlan another weekly",
            "ops PacemeterTargetsInvalid pacemeter"
        ]
    );
}

#[test]
fn a_target_at_risk_inhibits_the_alert_that_it_is_behind() {
    let mut receivers = Receivers::start();
    let weekly = [("job", "pacemeter"), ("target", "weekly")];
    receivers.tell("PacemeterTargetAtRisk", "critical", &weekly);
    assert_eq!(receivers.until("PacemeterTargetAtRisk"), ["pager PacemeterTargetAtRisk pacemeter weekly"]);
    receivers.tell("PacemeterTargetBehindPlan", "warning", &weekly);
    receivers.tell("PacemeterTargetBehindPlan", "warning", &[("job", "pacemeter"), ("target", "monthly")]);
    thread::sleep(Duration::from_secs(2));
    receivers.tell("PacemeterTargetMissed", "info", &[("job", "pacemeter"), ("target", "daily")]);
    assert_eq!(
        receivers.until("PacemeterTargetMissed"),
        ["office PacemeterTargetMissed pacemeter daily", "ops PacemeterTargetBehindPlan pacemeter monthly"]
    );
}
