//! An Alertmanager that runs with the shipped configuration and tells a webhook of the test's: what is silenced by what is seen there.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::alertmanager_file;
use super::moved::scaled;

/// How long anything may take that is a matter of moments on an idle machine.
const LIMIT: Duration = Duration::from_secs(60);
/// Of Alertmanager's waiting times, so that a group waits a second.
const FASTER: u32 = 30;
/// Where the shipped configuration sends everything.
const PLACEHOLDER: &str = "http://127.0.0.1:18080";

/// A webhook: alerts that it was told of, each with the path at which.
pub struct Webhook {
    pub address: String,
    told: Receiver<(String, Value)>,
}

impl Webhook {
    pub fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket").to_string();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (path, body) = take(stream.expect("a connection"));
                for alert in body["alerts"].as_array().expect("alerts") {
                    // Nobody hears it any more once the test is over.
                    let _ = tell.send((path.clone(), alert.clone()));
                }
            }
        });
        Self { address, told }
    }

    /// All that comes until an alert of this name has come, as `receiver alert job target`, in the order of the alphabet.
    pub fn until(&self, alert: &str) -> Vec<String> {
        let (began, mut found) = (Instant::now(), Vec::new());
        loop {
            let left = LIMIT.checked_sub(began.elapsed()).unwrap_or_default();
            let (path, told) = self.told.recv_timeout(left).unwrap_or_else(|_| panic!("{alert} did not come, but {found:?}"));
            let label = |name: &str| told["labels"][name].as_str().unwrap_or_default().to_owned();
            let words = [path.trim_start_matches('/'), &label("alertname"), &label("job"), &label("target")].join(" ");
            found.push(words.trim_end().to_owned());
            if label("alertname") == alert {
                found.sort();
                return found;
            }
        }
    }
}

/// Reads a request, answers it and returns its path and body.
fn take(stream: TcpStream) -> (String, Value) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).expect("a request");
    let path = line.split(' ').nth(1).expect("a path").to_owned();
    let mut length = 0;
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line).expect("a header");
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").expect("an answer");
    (path, serde_json::from_slice(&body).expect("JSON"))
}

/// A running Alertmanager; it is killed when dropped.
pub struct Alertmanager {
    child: Child,
    address: String,
    _directory: TempDir,
}

impl Alertmanager {
    /// Starts one that waits `faster` times as short as it does in deploy/, and tells the webhook.
    pub fn start(webhook: &str, faster: u32) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let shipped = fs::read_to_string(alertmanager_file()).expect("the configuration");
        assert!(shipped.contains(PLACEHOLDER), "{PLACEHOLDER} is what is replaced");
        let text = scaled(&shipped, faster).replace(PLACEHOLDER, &format!("http://{webhook}"));
        let file = directory.path().join("alertmanager.yml");
        fs::write(&file, text).expect("a configuration");
        // It says nowhere which port it took, so it is told one that was free.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", directory.path().display()))
            .arg(format!("--web.listen-address={free}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus-alertmanager is installed by scripts/test");
        let alertmanager = Self { child, address: free.to_string(), _directory: directory };
        let began = Instant::now();
        while ureq::get(alertmanager.url("/-/ready")).call().is_err() {
            assert!(began.elapsed() < LIMIT, "Alertmanager does not answer");
            thread::sleep(Duration::from_millis(50));
        }
        alertmanager
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Tells it of an alert, as Prometheus does.
    fn tell(&self, name: &str, severity: &str, labels: &[(&str, &str)]) {
        let mut alert = json!({ "alertname": name, "severity": severity });
        labels.iter().for_each(|(label, value)| alert[*label] = json!(value));
        let body = json!([{ "labels": alert }]).to_string();
        ureq::post(self.url("/api/v2/alerts")).header("content-type", "application/json").send(&body).expect("it takes alerts");
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("it is our child");
    }
}

/// Each group waits a second from its first alert on, so what is told first comes first: once the last one is there, what is not there yet
/// is silenced.
#[test]
fn old_figures_silence_what_is_said_about_figures_in_the_same_job_and_nothing_else() {
    let webhook = Webhook::listen();
    let alertmanager = Alertmanager::start(&webhook.address, FASTER);
    let job = ("job", "pacemeter");
    alertmanager.tell("PacemeterPipelineStalled", "critical", &[job, ("stream", "disbursement")]);
    assert_eq!(webhook.until("PacemeterPipelineStalled"), ["pager PacemeterPipelineStalled pacemeter"]);

    alertmanager.tell("PacemeterTargetAtRisk", "critical", &[job, ("target", "weekly")]);
    alertmanager.tell("PacemeterTargetBehindPlan", "warning", &[job, ("target", "weekly")]);
    alertmanager.tell("PacemeterCallServiceLevelLow", "warning", &[job, ("queue", "main")]);
    alertmanager.tell("PacemeterReplicaImpaired", "warning", &[job, ("instance", "a")]);
    alertmanager.tell("PacemeterTargetBehindPlan", "warning", &[("job", "another"), ("target", "weekly")]);
    alertmanager.tell("PacemeterTargetsInvalid", "warning", &[job, ("instance", "a")]);
    thread::sleep(Duration::from_secs(2));
    alertmanager.tell("PacemeterMisplacedPeople", "warning", &[job]);
    assert_eq!(
        webhook.until("PacemeterMisplacedPeople"),
        ["ops PacemeterMisplacedPeople pacemeter", "ops PacemeterTargetBehindPlan another weekly", "ops PacemeterTargetsInvalid pacemeter"]
    );
}

#[test]
fn a_target_at_risk_is_told_once_and_not_as_behind_its_plan_too() {
    let webhook = Webhook::listen();
    let alertmanager = Alertmanager::start(&webhook.address, FASTER);
    let weekly = [("job", "pacemeter"), ("target", "weekly")];
    alertmanager.tell("PacemeterTargetAtRisk", "critical", &weekly);
    assert_eq!(webhook.until("PacemeterTargetAtRisk"), ["pager PacemeterTargetAtRisk pacemeter weekly"]);
    alertmanager.tell("PacemeterTargetBehindPlan", "warning", &weekly);
    alertmanager.tell("PacemeterTargetBehindPlan", "warning", &[("job", "pacemeter"), ("target", "monthly")]);
    thread::sleep(Duration::from_secs(2));
    alertmanager.tell("PacemeterTargetMissed", "info", &[("job", "pacemeter"), ("target", "daily")]);
    assert_eq!(
        webhook.until("PacemeterTargetMissed"),
        ["office PacemeterTargetMissed pacemeter daily", "ops PacemeterTargetBehindPlan pacemeter monthly"]
    );
}
