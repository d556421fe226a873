//! The services of the compose file run together: each with its command, environment, files and volumes, in one network
//! where their names lead to loopback.
//!
//! The program runs from its image. Kafka, Prometheus, Alertmanager and Python are those of the tests, in place of their
//! images; Grafana is left out.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::image::{USER, image};
use super::is_root;
use super::sandbox::{ContainerOptions, NetworkOwner, bwrap, first_process};
use super::services::{ComposeService, compose_file};
use crate::kafka::jars;

/// User of the stand-ins, which has no capabilities either.
const ROOT: u32 = 0;
/// Limit for anything that takes moments on an idle machine.
const LIMIT: Duration = Duration::from_secs(90);
/// Files of this machine that the stand-ins need besides `/usr`: the libraries' cache, Java's configuration, users.
const OF_THE_MACHINE: [&str; 6] =
    ["/etc/alternatives", "/etc/group", "/etc/ld.so.cache", "/etc/nsswitch.conf", "/etc/passwd", "/etc/ssl"];

/// A network with nothing but loopback; it ends with its process.
struct IsolatedNetwork {
    owner: NetworkOwner,
    process: Child,
    _input: ChildStdin,
}

impl IsolatedNetwork {
    fn open() -> Self {
        let mut command = Command::new("bwrap");
        command.args(["--unshare-net", "--dev-bind", "/", "/", "--die-with-parent", "sh", "-c", "echo $$; exec cat"]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bwrap starts");
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
        let input = process.stdin.take().expect("a pipe");
        Self { owner: line.trim().parse().expect("a process id"), process, _input: input }
    }

    /// Command that runs in the network, with the files of the test.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.owner)).args(["--", program]);
        command
    }

    /// Body of an answer; `None` unless it is one of success.
    fn get(&self, url: &str, more: &[&str]) -> Option<String> {
        let output = self.command("curl").args(["-sf", "--max-time", "10", "-G"]).args(more).arg(url).output();
        let output = output.expect("curl starts");
        output.status.success().then(|| String::from_utf8(output.stdout).expect("UTF-8"))
    }
}

impl Drop for IsolatedNetwork {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A service that runs; it is killed when dropped.
struct RunningService {
    process: Child,
    log: PathBuf,
}

impl RunningService {
    fn ended(&mut self, what: &str) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("it is our child") {
                return status;
            }
            assert!(began.elapsed() < LIMIT, "{what} did not end:\n{}", self.last_words());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).expect("a log")
    }

    /// End of what it said.
    fn last_words(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for RunningService {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The environment of the compose file.
struct ComposeRun {
    network: IsolatedNetwork,
    directory: TempDir,
}

impl ComposeRun {
    fn new() -> Self {
        let run = Self { network: IsolatedNetwork::open(), directory: tempfile::tempdir().expect("a directory") };
        let names: Vec<&str> = compose_file().services().iter().map(|service| service.name).collect();
        fs::write(run.path("hosts"), format!("127.0.0.1 localhost {}\n", names.join(" "))).expect("a file");
        run
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes the directory of a service's volume.
    fn volume(&self, service: &str, user: u32) -> PathBuf {
        let path = self.path(&format!("volume-{service}"));
        fs::create_dir_all(&path).expect("a directory");
        chown(&path, Some(user), Some(user)).expect("root may");
        path
    }

    fn files(&self, service: &ComposeService<'_>) -> Vec<(PathBuf, String)> {
        let binds = service.binds().into_iter().map(|mount| (mount.source, mount.target));
        binds.chain([(self.path("hosts"), "/etc/hosts".to_owned())]).collect()
    }

    /// Command of a service with our image, with its own arguments or others.
    fn of_image(&self, name: &str, arguments: Option<&[&str]>) -> Command {
        let service = compose_file().service(name);
        let others = arguments.map(|words| words.iter().map(|&word| word.to_owned()).collect());
        let options = ContainerOptions {
            image: image(),
            arguments: others.or_else(|| service.command()),
            files: self.files(&service),
            state: &self.volume(name, USER),
            network: Some(self.network.owner),
        };
        options.command()
    }

    /// Command of a service with another image: the program of this machine in its place.
    fn stand_in(&self, name: &str, words: &[String], more: &[(PathBuf, String)]) -> Command {
        let service = compose_file().service(name);
        let mut command = bwrap(Some(self.network.owner));
        command.args(["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]);
        for link in ["bin", "lib", "lib64", "sbin"] {
            command.args(["--symlink", &format!("usr/{link}"), &format!("/{link}")]);
        }
        let java = fs::read_dir("/etc").expect("a directory").map(|entry| entry.expect("an entry").path());
        let java = java.filter(|path| path.to_string_lossy().starts_with("/etc/java-"));
        for path in OF_THE_MACHINE.iter().map(PathBuf::from).chain(java) {
            command.arg("--ro-bind-try").arg(&path).arg(&path);
        }
        for (file, path) in self.files(&service).iter().chain(more) {
            command.arg("--ro-bind").arg(file).arg(path);
        }
        for volume in service.volumes() {
            command.arg("--bind").arg(self.volume(name, ROOT)).arg(volume);
        }
        for (variable, value) in service.environment() {
            command.args(["--setenv", variable, value]);
        }
        command.arg("--").args(words);
        command
    }

    fn start(&self, name: &str, mut command: Command) -> RunningService {
        let log = self.path(&format!("{name}.log"));
        let file = File::create(&log).expect("a log");
        command.stdout(file.try_clone().expect("a log")).stderr(file);
        RunningService { process: command.spawn().expect("nsenter starts"), log }
    }

    /// Starts the Kafka of the tests with the properties that the image of Kafka makes of the environment.
    fn start_kafka(&self) -> RunningService {
        let service = compose_file().service("kafka");
        let environment = service.environment();
        let property = |(name, value): &(&str, &str)| {
            let name = name.strip_prefix("KAFKA_").filter(|name| *name != "HEAP_OPTS")?;
            Some(format!("{}={value}\n", name.to_lowercase().replace('_', ".")))
        };
        let properties = self.path("server.properties");
        fs::write(&properties, environment.iter().filter_map(property).collect::<String>()).expect("a file");
        let script = "set -e; java -cp '/jars/*' kafka.tools.StorageTool format -t $CLUSTER_ID -c /server.properties; \
                      exec java $KAFKA_HEAP_OPTS -cp '/jars/*' kafka.Kafka /server.properties";
        let words = ["sh", "-c", script].map(str::to_owned);
        let more = [(jars(), "/jars".to_owned()), (properties, "/server.properties".to_owned())];
        self.start("kafka", self.stand_in("kafka", &words, &more))
    }

    /// Starts a service whose command is that of a program of this machine.
    fn start_stand_in(&self, name: &str, program: Option<&str>) -> RunningService {
        let own = compose_file().service(name).command().expect("a command");
        let words: Vec<String> = program.map(str::to_owned).into_iter().chain(own).collect();
        self.start(name, self.stand_in(name, &words, &[]))
    }

    /// Polls until `ask` returns a value.
    fn until<T>(&self, what: &str, services: &[&RunningService], mut ask: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            let said = || services.iter().map(|service| service.last_words()).collect::<Vec<_>>().join("\n");
            assert!(began.elapsed() < LIMIT, "not within {LIMIT:?}: {what}:\n{}", said());
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Value of a query of Prometheus; `None` without a result.
    fn query(&self, query: &str) -> Option<f64> {
        let query = format!("query={query}");
        let body = self.network.get("http://127.0.0.1:9090/api/v1/query", &["--data-urlencode", &query])?;
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

#[test]
fn the_services_of_the_compose_file_run_together() {
    if !is_root() {
        return;
    }
    let run = ComposeRun::new();
    let kafka = run.start_kafka();
    let checked = run.of_image("pacemeter", Some(&["check", "--offline"])).output().expect("nsenter starts");
    assert!(checked.status.success(), "{checked:?}");
    run.until("Kafka answers", &[&kafka], || {
        let probe = run.network.command("bash").args(["-c", "exec 3<>/dev/tcp/127.0.0.1/9092"]).output();
        probe.expect("bash starts").status.success().then_some(())
    });
    let mut history = run.start("history", run.of_image("history", None));
    assert!(history.ended("history").success(), "{}", history.said());

    let mut pacemeter = run.start("pacemeter", run.of_image("pacemeter", None));
    let programme = run.start("programme", run.of_image("programme", None));
    let prometheus = run.start_stand_in("prometheus", Some("prometheus"));
    let alertmanager = run.start_stand_in("alertmanager", Some("prometheus-alertmanager"));
    let webhook = run.start_stand_in("webhook", None);
    assert_alerts_arrive(&run, &alertmanager, &webhook);

    let servers = [&pacemeter, &prometheus];
    run.until("Prometheus has the figures", &servers, || run.query("pacemeter_ready == 1"));
    let applied = "sum(pacemeter_records_total{outcome=\"applied\"}) > 150000";
    run.until("Prometheus has the history", &servers, || run.query(applied));
    let rules = run.network.get("http://127.0.0.1:9090/api/v1/rules", &[]).expect("an answer");
    let rules: Value = serde_json::from_str(&rules).expect("JSON");
    let files = fs::read_dir("deploy/prometheus/rules").expect("the rules").count();
    assert!(rules["data"]["groups"].as_array().expect("a list").len() >= files, "{rules}");
    let targets = run.network.get("http://127.0.0.1:9090/api/v1/alertmanagers", &[]).expect("an answer");
    assert!(targets.contains("http://alertmanager:9093/api/v2/alerts"), "{targets}");
    assert!(run.network.get("http://127.0.0.1:9464/", &[]).is_some_and(|page| page.contains("<html")));
    assert!(programme.said().contains("writing about"), "{}", programme.said());

    let grace = compose_file().service("pacemeter").field("stop_grace_period").clone();
    assert_eq!(grace, "30s");
    let began = Instant::now();
    // SAFETY: kill takes no pointers; the process is a child of bwrap, which has not ended.
    assert_eq!(unsafe { libc::kill(first_process(pacemeter.process.id()), libc::SIGTERM) }, 0);
    assert!(pacemeter.ended("pacemeter").success(), "{}", pacemeter.said());
    assert!(began.elapsed() < Duration::from_secs(30));
}

/// Asserts that an alert which Alertmanager gets is printed by the webhook.
fn assert_alerts_arrive(run: &ComposeRun, alertmanager: &RunningService, webhook: &RunningService) {
    let alert = r#"[{"labels": {"alertname": "PacemeterWatchdog"}, "annotations": {"summary": "it works"}}]"#;
    let url = "http://127.0.0.1:9093/api/v2/alerts";
    run.until("Alertmanager takes an alert", &[alertmanager], || {
        let mut curl = run.network.command("curl");
        curl.args(["-sf", "-H", "Content-Type: application/json", "--data", alert, url]);
        curl.output().expect("curl starts").status.success().then_some(())
    });
    run.until("the alert is printed", &[alertmanager, webhook], || {
        webhook.said().contains("watchdog firing PacemeterWatchdog it works").then_some(())
    });
}
