//! Directory in which commands of a page run as their reader would run them: the programs have their names, and the
//! addresses of the page are replaced by free ones.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::alerts::scaled::scaled;
use crate::alerts::servers::free_address;
use crate::tidy::root;
use crate::{kafka, shared_kafka};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pacemeter");
const LIMIT: Duration = Duration::from_secs(90);
/// Beginnings of commands that do not end by themselves.
const STAYING: [&str; 8] = [
    "pacemeter run ",
    "pacemeter produce --config pacemeter.toml --rate ",
    "target/release/pacemeter demo ",
    "cargo run --release -- demo",
    "python3 docs/examples/webhook.py",
    "prometheus ",
    "prometheus-alertmanager ",
    "cargo run --release -- run",
];
const STREAMS: [(&str, &str); 3] = [
    ("DISBURSEMENT", "pacemeter.disbursements.v1"),
    ("CALL", "pacemeter.calls.v1"),
    ("MILESTONE", "pacemeter.milestones.v1"),
];
const DEAD_LETTERS: &str = "pacemeter.dead-letter.v1";

pub struct Workplace {
    directory: TempDir,
    /// Text of pages and files, and what stands in its place.
    replaced: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    staying: Vec<StayingCommand>,
}

/// Command that runs until it is stopped.
struct StayingCommand {
    command: String,
    child: Child,
}

impl Drop for StayingCommand {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Workplace {
    /// Makes a workplace whose topics on the shared Kafka begin with `name`.
    pub fn new(name: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut replaced = vec![("127.0.0.1:9092".to_owned(), shared_kafka().bootstrap())];
        for address in ["127.0.0.1:9464", "127.0.0.1:9090", "127.0.0.1:9093", "127.0.0.1:18080"] {
            replaced.push((address.to_owned(), free_address()));
        }
        let mut environment = vec![("PACEMETER_HTTP__LISTEN".to_owned(), replaced[1].1.clone())];
        for (stream, topic) in STREAMS {
            environment.push((format!("PACEMETER_STREAMS__{stream}__TOPIC"), format!("{name}.{topic}")));
            replaced.push((topic.to_owned(), format!("{name}.{topic}")));
        }
        environment.push(("PACEMETER_DEAD_LETTER__TOPIC".to_owned(), format!("{name}.{DEAD_LETTERS}")));
        environment.push(("PACEMETER_KAFKA__GROUP_ID".to_owned(), name.to_owned()));
        replaced.push((DEAD_LETTERS.to_owned(), format!("{name}.{DEAD_LETTERS}")));
        let port = replaced[4].1.rsplit(':').next().expect("a port").to_owned();
        replaced.push(("docs/examples/webhook.py".to_owned(), format!("docs/examples/webhook.py {port}")));
        let workplace = Self { directory, replaced, environment, staying: Vec::new() };
        workplace.furnish();
        workplace
    }

    /// Links the files of the repository, and gives the programs their names.
    fn furnish(&self) {
        for entry in ["config", "docs"] {
            symlink(root().join(entry), self.path(entry)).expect("a link");
        }
        fs::create_dir_all(self.path("target/release")).expect("a directory");
        symlink(PROGRAM, self.path("target/release/pacemeter")).expect("a link");
        fs::create_dir(self.path("bin")).expect("a directory");
        self.write_program("pacemeter", &format!("exec '{PROGRAM}' \"$@\""));
        // The program is built; only what comes after `--` is left to do.
        let cargo = format!("[ \"$1 $2 $3\" = 'run --release --' ] && shift 3 && exec '{PROGRAM}' \"$@\"\nexit 1");
        self.write_program("cargo", &cargo);
        let jars = kafka::jars();
        let tool = |class: &str| format!("exec java -XX:TieredStopAtLevel=1 -cp '{}/*' {class} \"$@\"", jars.display());
        self.write_program("kafka-topics.sh", &tool("org.apache.kafka.tools.TopicCommand"));
    }

    fn write_program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/bash\n{script}\n")).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("ours");
    }

    /// Copies the files of Prometheus and Alertmanager, with durations divided by `speed`.
    pub fn copy_deploy(&self, speed: u32) {
        for (directory, file) in [("prometheus", "prometheus.yml"), ("alertmanager", "alertmanager.yml")] {
            let text = fs::read_to_string(root().join("deploy").join(directory).join(file)).expect("a configuration");
            let text = text.replace("_interval: 15s", "_interval: 100ms").replace("_interval: 1m", "_interval: 200ms");
            let target = self.path("deploy").join(directory);
            fs::create_dir_all(target.join("rules")).expect("a directory");
            fs::write(target.join(file), self.replaced(&scaled(&text, speed))).expect("a configuration");
        }
        for entry in fs::read_dir(root().join("deploy/prometheus/rules")).expect("the rules") {
            let entry = entry.expect("an entry");
            let rules = fs::read_to_string(entry.path()).expect("rules");
            let target = self.path("deploy/prometheus/rules").join(entry.file_name());
            // The programme of the page lives at the speed of the clock.
            fs::write(target, scaled(&rules, speed).replace(crate::alerts::scaled::PROGRAMME_TIME, "time()"))
                .expect("rules");
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes what the reader pastes.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), self.replaced(text)).expect("a file");
    }

    /// Has this text of a page replaced by another one than usual.
    pub fn replace(&mut self, from: &str, to: &str) {
        self.replaced.retain(|(text, _)| text != from);
        self.replaced.push((from.to_owned(), to.to_owned()));
    }

    /// Sets an environment variable of all commands.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Returns the text with the addresses and topics of this workplace.
    pub fn replaced(&self, text: &str) -> String {
        self.replaced.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    fn shell(&self, command: &str, directory: &Path) -> Command {
        let mut shell = Command::new("bash");
        let path = std::env::var("PATH").expect("a path");
        shell.args(["-e", "-o", "pipefail", "-c", command]).current_dir(directory);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PACEMETER_")) {
            shell.env_remove(name);
        }
        shell.envs(self.environment.iter().map(|(name, value)| (name, value)));
        shell.env("PATH", format!("{}:{path}", self.path("bin").display())).stdin(Stdio::null());
        // SAFETY: prctl is async-signal-safe.
        unsafe {
            shell.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        shell
    }

    /// Runs every command of a block: those that stay in the background, the others to their end. Returns what the latter
    /// print.
    pub fn run(&mut self, block: &str) -> String {
        let directory = self.directory.path().to_owned();
        let mut printed = String::new();
        for command in commands(block) {
            if STAYING.iter().any(|begin| format!("{command} ").starts_with(begin)) {
                self.start(&command);
            } else {
                printed.push_str(&self.run_in(&directory, &command));
            }
        }
        printed
    }

    /// Runs a command in a directory to its end; it must succeed.
    pub fn run_in(&self, directory: &Path, command: &str) -> String {
        let output = self.shell(&self.replaced(command), directory).output().expect("bash starts");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {}\n{printed}\n{errors}", output.status);
        printed
    }

    /// Starts a command in the background; its output is in `output-<number>`.
    fn start(&mut self, command: &str) {
        let name = format!("output-{}", self.staying.len());
        let output = File::create(self.path(&name)).expect("a file");
        let mut shell = self.shell(&format!("exec {}", self.replaced(command)), self.directory.path());
        let child = shell.stdout(output.try_clone().expect("a file")).stderr(output).spawn().expect("bash starts");
        self.staying.push(StayingCommand { command: command.to_owned(), child });
    }

    /// Output so far of the last command that begins so and stays.
    pub fn output(&self, begin: &str) -> String {
        let number =
            self.staying.iter().rposition(|staying| staying.command.starts_with(begin)).expect("it was started");
        fs::read_to_string(self.path(&format!("output-{number}"))).expect("text")
    }

    /// Ends the last command that begins so, with Ctrl-C.
    pub fn interrupt(&mut self, begin: &str) -> ExitStatus {
        let mut found = self.staying.iter_mut().rev();
        let staying = found.find(|staying| staying.command.starts_with(begin)).expect("it was started");
        // SAFETY: kill takes no pointers; the process is our child and not reaped, so the id is still its own.
        let sent = unsafe { libc::kill(staying.child.id() as libc::pid_t, libc::SIGINT) };
        assert_eq!(sent, 0, "{begin} is there");
        staying.child.wait().expect("it is our child")
    }

    /// Waits until the output of a command that stays has this text.
    pub fn wait_for_output(&self, begin: &str, text: &str) {
        self.wait_until(text, |workplace| workplace.output(begin).contains(text));
    }

    /// Waits until this address of the page answers 200.
    pub fn wait_for_answer(&self, url: &str) {
        let url = self.replaced(url);
        self.wait_until(&url, |_| ureq::get(&url).call().is_ok());
    }

    pub fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            let outputs =
                self.staying.iter().map(|staying| format!("{}\n{}", staying.command, self.output(&staying.command)));
            assert!(started.elapsed() < LIMIT, "not within {LIMIT:?}: {what}\n{}", outputs.collect::<String>());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Commands of a block: its lines, those that end with a backslash joined with the next.
pub fn commands(block: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut is_continued = false;
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let (text, continues) = line.strip_suffix('\\').map_or((line, false), |text| (text, true));
        match commands.last_mut().filter(|_| is_continued) {
            Some(last) => last.push_str(text.trim_start()),
            None => commands.push(text.to_owned()),
        }
        is_continued = continues;
    }
    commands
}
