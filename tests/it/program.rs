//! The built program as its users see it: started with settings, queried over HTTP, stopped by a signal, judged by its
//! exit code.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::exposition::Exposition;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pacemeter");

/// Limit for anything that takes moments on an idle machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A running `pacemeter run`; it is killed when dropped.
pub struct Pacemeter {
    child: Child,
    /// Process that receives signals: the child, or the program in the sandbox that the child is.
    process: u32,
    address: String,
    log: Output,
    stdout: Output,
}

/// A process that has exited, and its output.
pub struct ExitedProcess {
    /// Exit code; `None` if a signal ended the process.
    pub code: Option<i32>,
    pub stdout: String,
    /// Standard error; after a failure in the log, also its reason as text.
    pub stderr: String,
    pub took: Duration,
}

/// Standard error with the reason of the failure that the log ends with, whose quotes and line breaks are escaped there.
fn with_reason(mut stderr: String) -> String {
    let last = stderr.lines().next_back().and_then(|line| serde_json::from_str::<Value>(line).ok());
    if let Some(line) = last.filter(|line| line["event"] == "pacemeter.failed") {
        stderr.push_str(line["reason"].as_str().expect("a text"));
    }
    stderr
}

/// An answer over HTTP.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Pacemeter {
    /// Starts the program with these settings (`key=value`) and this state directory, and waits until it logs its
    /// address.
    pub fn start(state: &TempDir, settings: &[String]) -> Self {
        Self::start_with(state, settings, &[])
    }

    /// Like [`Self::start`], with these environment variables.
    pub fn start_with(state: &TempDir, settings: &[String], environment: &[(&str, &str)]) -> Self {
        let mut command = command(&["run"], state, settings);
        Self::spawn(command.envs(environment.iter().copied()))
    }

    /// Starts a command with these arguments and settings in the state directory.
    pub fn start_in(state: &TempDir, arguments: &[&str], settings: &[String]) -> Self {
        Self::spawn(&mut command(arguments, state, settings))
    }

    /// Starts the demo with these arguments and environment variables, and waits until its log has its address.
    pub fn start_demo(state: &TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let settings = ["log.level=info", "log.format=json"].map(str::to_owned);
        let mut command = command(&[&["demo"], arguments].concat(), state, &settings);
        Self::spawn(command.envs(environment.iter().copied()))
    }

    /// Like [`Self::start`], as another user; only root can do that.
    pub fn start_as(user: u32, state: &TempDir, settings: &[String]) -> Self {
        Self::spawn(&mut command_as(user, &["run"], state, settings))
    }

    /// Starts a command that runs the program with pipes for its output, and waits until it logs its address.
    pub fn start_command(command: &mut Command) -> Self {
        Self::spawn(command)
    }

    /// Starts a command that runs the program in a sandbox, and waits until its log has its address.
    pub fn start_in_sandbox(command: &mut Command) -> Self {
        let mut pacemeter = Self::spawn(command);
        let child_of = |process: u32| {
            let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
            children.split_whitespace().next()?.parse().ok()
        };
        while let Some(child) = child_of(pacemeter.process) {
            pacemeter.process = child;
        }
        pacemeter
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let log = Output::of(child.stderr.take().expect("a pipe"));
        let stdout = Output::of(child.stdout.take().expect("a pipe"));
        let mut pacemeter = Self { process: child.id(), child, address: String::new(), log, stdout };
        pacemeter.address = pacemeter.until("it accepts connections", |pacemeter| {
            let line = pacemeter.events("pacemeter.http.listening").pop()?;
            Some(line["address"].as_str().expect("address is text").to_owned())
        });
        pacemeter
    }

    /// Starts the program with a log that nobody reads: a pipe that stays full, or one whose reader is gone. Returns
    /// the reading end of the pipe, if it is to stay open.
    pub fn start_with_unread_log(state: &TempDir, settings: &[String], is_closed: bool) -> (Self, Option<ChildStderr>) {
        // The address cannot be read from the log.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let settings = [settings, &[format!("http.listen={free}")]].concat();
        let mut child = command(&["run"], state, &settings).spawn().expect("the program starts");
        let pipe = child.stderr.take().filter(|_| !is_closed);
        let stdout = Output::of(child.stdout.take().expect("a pipe"));
        let mut pacemeter =
            Self { process: child.id(), child, address: free.to_string(), log: Output::of(std::io::empty()), stdout };
        pacemeter.until("it accepts connections", |pacemeter| TcpStream::connect(&pacemeter.address).ok());
        (pacemeter, pipe)
    }

    /// Peak of resident memory (bytes).
    pub fn peak_memory(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the process is there");
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .expect("the status of a process has its peak memory");
        peak.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Waits until the program is ready, so that business figures are exposed.
    pub fn wait_ready(&mut self) {
        self.until("it is ready", |pacemeter| (pacemeter.get("/readyz").status == 200).then_some(()));
    }

    /// Polls until `ask` returns a value. Panics with the end of the log after [`LIMIT`], or if the program has exited.
    pub fn until<T>(&mut self, what: &str, mut ask: impl FnMut(&mut Self) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(answer) = ask(self) {
                return answer;
            }
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                panic!("waiting until {what}, pacemeter ended with {status}; its log ends:\n{}", self.log.tail());
            }
            if started.elapsed() > LIMIT {
                panic!("not within {LIMIT:?}: {what}; the log ends:\n{}", self.log.tail());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn get(&self, path: &str) -> Answer {
        let config =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(20))).http_status_as_error(false);
        let agent = config.build().new_agent();
        let mut response = agent
            .get(format!("http://{}{path}", self.address))
            .call()
            .unwrap_or_else(|error| panic!("GET {path}: {error}; the log ends:\n{}", self.log.tail()));
        let body = response.body_mut().with_config().limit(1 << 30).read_to_string().expect("a text");
        Answer { status: response.status().as_u16(), body }
    }

    /// Answer of `/metrics`.
    pub fn scrape(&self) -> Exposition {
        Exposition::parse(&self.get("/metrics").body)
    }

    /// Answer of `/api/v1/status`.
    pub fn status(&self) -> Value {
        let answer = self.get("/api/v1/status");
        serde_json::from_str(&answer.body)
            .unwrap_or_else(|error| panic!("status is not JSON: {error}: {}", answer.body))
    }

    /// Standard output so far.
    pub fn printed(&self) -> String {
        self.stdout.text()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Log lines of one event so far.
    pub fn events(&self, name: &str) -> Vec<Value> {
        let log = self.log();
        let lines = log
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("not a JSON line: {line}")));
        lines.filter(|line| line["event"] == name).collect()
    }

    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: kill takes no pointers; the process is our child and not reaped, or that of a sandbox which is.
        let result = unsafe { libc::kill(self.process as libc::pid_t, signal) };
        assert_eq!(result, 0, "the process is there");
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_some()
    }

    /// Kills the process as `kill -9` does.
    pub fn kill(self) {
        // Dropping kills.
        drop(self);
    }

    /// Stops the process with SIGTERM and waits for its exit.
    pub fn stop(self) -> ExitedProcess {
        self.end(libc::SIGTERM)
    }

    pub fn end(mut self, signal: libc::c_int) -> ExitedProcess {
        let started = Instant::now();
        self.signal(signal);
        self.ended(started)
    }

    /// Waits until the process exits by itself.
    pub fn ended(&mut self, started: Instant) -> ExitedProcess {
        let code = wait(&mut self.child, started, &self.log);
        ExitedProcess {
            code,
            stdout: self.stdout.finish(),
            stderr: with_reason(self.log.finish()),
            took: started.elapsed(),
        }
    }
}

impl Drop for Pacemeter {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end.
pub fn run(arguments: &[&str], settings: &[String]) -> ExitedProcess {
    run_in(&tempfile::tempdir().expect("a temporary directory"), arguments, settings)
}

/// Like [`run`], with this state directory.
pub fn run_in(state: &TempDir, arguments: &[&str], settings: &[String]) -> ExitedProcess {
    run_to_end(&mut command(arguments, state, settings))
}

/// Like [`run_in`] without settings, with these environment variables.
pub fn run_with(state: &TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> ExitedProcess {
    run_to_end(command(arguments, state, &[]).envs(environment.iter().copied()))
}

/// Like [`run_in`], as another user; only root can do that.
pub fn run_as(user: u32, state: &TempDir, arguments: &[&str], settings: &[String]) -> ExitedProcess {
    run_to_end(&mut command_as(user, arguments, state, settings))
}

/// Says that a test tried nothing, past the capture of its output: it needs root, or something that this system lacks.
pub fn not_tried(what: &str) {
    let _ = writeln!(std::io::stderr(), "NOT TRIED: {what}");
}

fn run_to_end(command: &mut Command) -> ExitedProcess {
    let started = Instant::now();
    let mut child = command.spawn().expect("the program starts");
    let mut stderr = Output::of(child.stderr.take().expect("a pipe"));
    let mut stdout = Output::of(child.stdout.take().expect("a pipe"));
    let code = wait(&mut child, started, &stderr);
    ExitedProcess { code, stdout: stdout.finish(), stderr: with_reason(stderr.finish()), took: started.elapsed() }
}

/// A command of another user. The program is copied to where that user may start it: not every clone is such a place.
fn command_as(user: u32, arguments: &[&str], state: &TempDir, settings: &[String]) -> Command {
    let program = state.path().join("program");
    if !program.exists() {
        fs::copy(PROGRAM, &program).expect("a copy");
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("ours");
    }
    let mut command = command_of(&program, arguments, state, settings);
    command.uid(user).gid(user);
    command
}

fn command(arguments: &[&str], state: &TempDir, settings: &[String]) -> Command {
    command_of(Path::new(PROGRAM), arguments, state, settings)
}

fn command_of(program: &Path, arguments: &[&str], state: &TempDir, settings: &[String]) -> Command {
    let mut command = child_of(program, arguments);
    if !settings.is_empty() {
        command
            .arg("--set")
            .arg(format!("state.directory={}", state.path().display()))
            .args(["--set", "http.listen=127.0.0.1:0"]);
        for setting in settings {
            command.arg("--set").arg(setting);
        }
    }
    command.current_dir(state.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A command of the program that is killed with the thread that starts it.
pub fn child_command(arguments: &[&str]) -> Command {
    child_of(Path::new(PROGRAM), arguments)
}

fn child_of(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PACEMETER_")) {
        command.env_remove(name);
    }
    command.args(arguments);
    // SAFETY: prctl is async-signal-safe. The signal comes when the spawning thread ends, which owns the child.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    command
}

fn wait(child: &mut Child, started: Instant, log: &Output) -> Option<i32> {
    loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return status.code();
        }
        if started.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            panic!("pacemeter did not end within {LIMIT:?}; its log ends:\n{}", log.tail());
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Output of a pipe, collected by a thread.
struct Output {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            // Line by line, so that readers see whole lines.
            while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                sink.lock().expect("no reader panicked").push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn text(&self) -> String {
        self.text.lock().expect("no reader panicked").clone()
    }

    fn tail(&self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// The whole output, once the other side has closed the pipe.
    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no reader panicked");
        }
        self.text()
    }
}
