//! A Prometheus and an Alertmanager with the files of deploy/, their time accelerated. A test may change the shipped
//! files.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::scaled::scaled;
use super::{alertmanager_file, prometheus, yaml_files};

/// Limit for anything that takes moments on an idle machine.
const LIMIT: Duration = Duration::from_secs(90);
/// Address of all receivers in the shipped configuration of Alertmanager.
const PLACEHOLDER: &str = "http://127.0.0.1:18080";

/// A server process; it is killed when dropped, and when the thread ends that started it.
struct Server {
    child: Child,
    address: String,
    _directory: TempDir,
}

impl Server {
    fn start(program: &str, directory: TempDir, arguments: &[String]) -> Self {
        let address = free_address();
        let mut command = Command::new(program);
        command.args(arguments).arg(format!("--web.listen-address={address}")).stdout(Stdio::null());
        let log = fs::File::create(directory.path().join("log")).expect("a log");
        command.stderr(log).stdin(Stdio::null());
        // SAFETY: prctl is async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let child = command.spawn().unwrap_or_else(|error| panic!("{program} is installed by scripts/test: {error}"));
        let mut server = Self { child, address, _directory: directory };
        let began = Instant::now();
        while ureq::get(server.url("/-/ready")).call().is_err() {
            let log = || fs::read_to_string(server._directory.path().join("log")).unwrap_or_default();
            assert!(server.child.try_wait().expect("it is our child").is_none(), "{program} ended:\n{}", log());
            assert!(began.elapsed() < LIMIT, "{program} does not answer:\n{}", log());
            thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let request = ureq::get(self.url(path)).query_pairs(query.iter().copied());
        let mut answer = request.call().unwrap_or_else(|error| panic!("GET {path} {query:?}: {error}"));
        serde_json::from_str(&answer.body_mut().read_to_string().expect("a text")).expect("JSON")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("it is our child");
    }
}

/// A loopback address that was free a moment ago: these servers do not report a port of their own choice.
pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").to_string()
}

pub struct Alertmanager(Server);

impl Alertmanager {
    /// Starts with the shipped routes and inhibitions, receivers at `webhook`, and waiting times divided by `speed`.
    pub fn start(webhook: &str, speed: u32, change: impl Fn(&str) -> String) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let shipped = fs::read_to_string(alertmanager_file()).expect("the configuration");
        assert!(shipped.contains(PLACEHOLDER), "{PLACEHOLDER} must be in the configuration");
        let text = scaled(&change(&shipped), speed).replace(PLACEHOLDER, &format!("http://{webhook}"));
        let file = directory.path().join("alertmanager.yml");
        fs::write(&file, text).expect("a configuration");
        let arguments = [
            format!("--config.file={}", file.display()),
            format!("--storage.path={}", directory.path().display()),
            "--cluster.listen-address=".to_owned(),
        ];
        Self(Server::start("prometheus-alertmanager", directory, &arguments))
    }

    /// Sends an alert, as Prometheus does.
    pub fn raise(&self, alert: &Value) {
        let body = json!([{ "labels": alert }]).to_string();
        ureq::post(self.0.url("/api/v2/alerts"))
            .header("content-type", "application/json")
            .send(&body)
            .expect("it takes alerts");
    }

    /// True if an alert of this name is active and inhibited by another.
    pub fn inhibits(&self, alert: &str) -> bool {
        let alerts = self.0.get("/api/v2/alerts", &[("filter", &format!("alertname={alert:?}"))]);
        let inhibitors = |alert: &Value| alert["status"]["inhibitedBy"].as_array().map_or(0, Vec::len);
        alerts.as_array().expect("alerts").iter().any(|alert| inhibitors(alert) > 0)
    }
}

pub struct Prometheus(Server);

impl Prometheus {
    /// Starts with the shipped rules, their durations divided by `speed`; scrapes `pacemeter` and notifies
    /// `alertmanager`.
    pub fn start(pacemeter: &str, alertmanager: &Alertmanager, speed: u32, change: impl Fn(&str) -> String) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let rules = directory.path().join("rules");
        fs::create_dir(&rules).expect("a directory");
        for path in yaml_files(&prometheus().join("rules")) {
            let shipped = fs::read_to_string(&path).expect("a rules file");
            let text = scaled(&change(&shipped), speed);
            fs::write(rules.join(path.file_name().expect("a name")), text).expect("a rules file");
        }
        let file = directory.path().join("prometheus.yml");
        fs::write(&file, configuration(pacemeter, &alertmanager.0.address)).expect("a configuration");
        let lookback = 5 * 60_000 / speed;
        let arguments = [
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", directory.path().join("data").display()),
            format!("--query.lookback-delta={lookback}ms"),
        ];
        Self(Server::start("prometheus", directory, &arguments))
    }

    /// Starts with this configuration alone.
    pub fn start_with(configuration: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("prometheus.yml");
        fs::write(&file, configuration).expect("a configuration");
        let arguments = [
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", directory.path().join("data").display()),
        ];
        Self(Server::start("prometheus", directory, &arguments))
    }

    /// Starts without rules and targets on the samples of a text in the OpenMetrics format, however old they are.
    pub fn of_samples(samples: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (text, data) = (directory.path().join("samples"), directory.path().join("data"));
        fs::write(&text, samples).expect("a file");
        let mut promtool = Command::new("promtool");
        promtool.args(["tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=744h"]);
        let output = promtool.arg(&text).arg(&data).output().expect("promtool is installed by scripts/test");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::remove_file(text).expect("it is there");
        let file = directory.path().join("prometheus.yml");
        fs::write(&file, "global: {}\n").expect("a configuration");
        let arguments = [
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", data.display()),
            "--storage.tsdb.retention.time=100y".to_owned(),
        ];
        Self(Server::start("prometheus", directory, &arguments))
    }

    /// Address with the scheme.
    pub fn origin(&self) -> String {
        self.0.url("")
    }

    /// Result of an instant query: the labels of each series, and its value or, for a range, values with their times.
    pub fn query(&self, query: &str) -> Vec<Value> {
        let answer = self.0.get("/api/v1/query", &[("query", query)]);
        answer["data"]["result"].as_array().expect("a result").clone()
    }

    /// Names of all alerts that have fired so far, each once.
    pub fn fired(&self) -> Vec<String> {
        let names = self.query(r#"count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[1d]))"#);
        let mut names: Vec<String> =
            names.iter().map(|series| series["metric"]["alertname"].as_str().expect("a name").to_owned()).collect();
        names.sort();
        names
    }
}

fn configuration(pacemeter: &str, alertmanager: &str) -> String {
    format!(
        "global:\n  scrape_interval: 500ms\n  scrape_timeout: 500ms\n  evaluation_interval: 500ms\n\
         rule_files: [rules/*.yml]\n\
         alerting:\n  alertmanagers:\n    - static_configs:\n        - targets: ['{alertmanager}']\n\
         scrape_configs:\n  - job_name: pacemeter\n    static_configs:\n      - targets: ['{pacemeter}']\n"
    )
}
