//! Processes and their resource usage.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Resources used by a process.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    wall: Duration,
    cpu: Duration,
    resident_kib: i64,
    peak_kib: i64,
}

impl Usage {
    /// Runs a child until it prints its usage ([`Usage::print`]), and to its end.
    pub fn of_child(mut command: Command) -> Self {
        let started = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a child starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("the child prints its usage");
        let wall = started.elapsed();
        let status = child.wait().expect("it is our child");
        assert!(status.success(), "the child ended with {status}");
        let numbers: Vec<i64> = line.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        let [cpu_ticks, resident_kib, peak_kib] = numbers[..] else { panic!("the child printed: {line}") };
        Self { wall, cpu: of_ticks(cpu_ticks), resident_kib, peak_kib }
    }

    /// Prints the usage of this process so far to standard output.
    pub fn print() {
        let id = std::process::id();
        println!("{} {} {}", cpu_ticks(id), memory_kib(id, "VmRSS:"), memory_kib(id, "VmHWM:"));
    }

    pub fn wall_seconds(&self) -> f64 {
        self.wall.as_secs_f64()
    }

    pub fn cpu_seconds(&self) -> f64 {
        self.cpu.as_secs_f64()
    }

    pub fn resident_megabytes(&self) -> f64 {
        megabytes(self.resident_kib)
    }

    pub fn peak_megabytes(&self) -> f64 {
        megabytes(self.peak_kib)
    }
}

/// User and system time of all threads of a process.
fn cpu_ticks(process: u32) -> i64 {
    ticks_in(Path::new(&format!("/proc/{process}")))
}

/// User and system time of a process or of one thread, by its directory in procfs.
fn ticks_in(directory: &Path) -> i64 {
    let stat = fs::read_to_string(directory.join("stat")).expect("its statistics");
    // The name, in parentheses, may hold anything; user and system time are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<i64>().expect("ticks")).sum()
}

fn of_ticks(ticks: i64) -> Duration {
    // SAFETY: sysconf takes no pointers.
    let ticks_per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    Duration::from_secs_f64(ticks as f64 / ticks_per_second)
}

fn memory_kib(process: u32, name: &str) -> i64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("its status");
    let line = status.lines().find(|line| line.starts_with(name)).expect("a line of its status");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number of KiB")
}

fn megabytes(kib: i64) -> f64 {
    kib as f64 * 1_024.0 / 1e6
}

/// Program of this build.
pub const OWN: &str = env!("CARGO_BIN_EXE_pacemeter");

/// A running `pacemeter run`.
pub struct Pacemeter {
    child: Child,
    address: String,
    started: Instant,
    memory: MemoryWatch,
    state: Option<TempDir>,
}

impl Pacemeter {
    pub fn start(settings: &[String]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary directory"), settings)
    }

    /// Starts in a state directory that may have content.
    pub fn start_in(state: TempDir, settings: &[String]) -> Self {
        Self::start_program(Path::new(OWN), state, settings)
    }

    /// Starts another build of the program.
    pub fn start_program(program: &Path, state: TempDir, settings: &[String]) -> Self {
        // Without a key one would be created, with a warning.
        let key = state.path().join("benchmark.key");
        fs::write(&key, "5a".repeat(32))
            .and_then(|()| fs::set_permissions(&key, fs::Permissions::from_mode(0o600)))
            .expect("a key file");
        let mut command = Command::new(program);
        command.arg("run").args(["--set", "http.listen=127.0.0.1:0", "--set", "log.format=json"]);
        command.arg("--set").arg(format!("state.directory={}", state.path().display()));
        command.arg("--set").arg(format!("state.pseudonym_key_file={}", key.display()));
        for setting in settings {
            command.arg("--set").arg(setting);
        }
        let started = Instant::now();
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("pacemeter starts");
        let address = listening_address(&mut child);
        let memory = MemoryWatch::start(child.id());
        Self { child, address, started, memory, state: Some(state) }
    }

    /// Waits until the program is ready and returns its usage since its start.
    pub fn measure_until_ready(&mut self) -> Usage {
        while !self.is_ready() {
            assert!(self.child.try_wait().expect("it is our child").is_none(), "pacemeter ended");
            thread::sleep(Duration::from_millis(20));
        }
        self.measure()
    }

    /// Usage since the start of the process.
    pub fn measure(&self) -> Usage {
        let id = self.child.id();
        Usage {
            wall: self.started.elapsed(),
            cpu: self.cpu(),
            resident_kib: memory_kib(id, "VmRSS:"),
            peak_kib: memory_kib(id, "VmHWM:"),
        }
    }

    /// User and system time of all its threads.
    pub fn cpu(&self) -> Duration {
        of_ticks(cpu_ticks(self.child.id()))
    }

    fn is_ready(&self) -> bool {
        ureq::get(format!("http://{}/readyz", self.address)).call().is_ok()
    }

    /// Answer of `/metrics`, compressed or plain, and the time that it took.
    pub fn scrape(&self, compressed: bool) -> (String, Duration) {
        let encoding = if compressed { "gzip" } else { "identity" };
        let started = Instant::now();
        let mut response = ureq::get(format!("http://{}/metrics", self.address))
            .header("accept-encoding", encoding)
            .call()
            .expect("a scrape");
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string().expect("a text");
        (text, started.elapsed())
    }

    /// Sum of a family's series.
    pub fn value(&self, family: &str) -> f64 {
        let (text, _) = self.scrape(false);
        let samples =
            text.lines().filter(|line| line.strip_prefix(family).is_some_and(|rest| rest.starts_with(['{', ' '])));
        samples.map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a value")).sum()
    }

    /// Largest rise of resident memory within 100 ms.
    pub fn largest_jump_megabytes(&self) -> f64 {
        megabytes(self.memory.largest_kib.load(Ordering::Relaxed))
    }

    /// CPU time of the process's threads of this name.
    pub fn cpu_of_thread(&self, name: &str) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("its threads");
        let tasks = tasks.map(|task| task.expect("a thread").path());
        let is_named = |task: &PathBuf| fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim_end() == name);
        of_ticks(tasks.filter(is_named).map(|task| ticks_in(&task)).sum())
    }

    pub fn state_directory(&self) -> &std::path::Path {
        self.state.as_ref().expect("it has one until it is killed").path()
    }

    /// Kills the process as `kill -9` does, and returns its state directory.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().and_then(|()| self.child.wait()).expect("it is our child");
        self.state.take().expect("it has one until now")
    }

    pub fn stop(mut self) {
        // SAFETY: kill takes no pointers; the process is our child and not reaped.
        unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM) };
        let status = self.child.wait().expect("it is our child");
        assert!(status.success(), "pacemeter ended with {status}");
    }
}

impl Drop for Pacemeter {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Address from the log of the process. Log lines of warnings and errors are passed on.
fn listening_address(child: &mut Child) -> String {
    let (sender, receiver) = mpsc::channel();
    let log = BufReader::new(child.stderr.take().expect("a pipe"));
    thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            let fields: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if fields["event"] == "pacemeter.http.listening" {
                // The receiver is gone if it timed out.
                let _ = sender.send(fields["address"].as_str().unwrap_or_default().to_owned());
            }
            if !matches!(fields["level"].as_str(), Some("info" | "debug" | "INFO" | "DEBUG")) {
                eprintln!("{line}");
            }
        }
    });
    receiver.recv_timeout(Duration::from_secs(30)).expect("pacemeter logs its address")
}

/// Samples the resident memory of a process ten times a second.
struct MemoryWatch {
    largest_kib: Arc<AtomicI64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl MemoryWatch {
    fn start(process: u32) -> Self {
        let (largest_kib, stop) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
        let (largest, stopped) = (Arc::clone(&largest_kib), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut before = None;
            while !stopped.load(Ordering::Relaxed) {
                // Pages have 4 KiB on the machines this runs on; the file may be gone with the process.
                let statm = fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
                let Some(pages) = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<i64>().ok()) else {
                    return;
                };
                let resident = pages * 4;
                largest.fetch_max(resident - before.unwrap_or(resident), Ordering::Relaxed);
                before = Some(resident);
                thread::sleep(Duration::from_millis(100));
            }
        });
        Self { largest_kib, stop, thread: Some(thread) }
    }
}

impl Drop for MemoryWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed already.
            let _ = thread.join();
        }
    }
}
