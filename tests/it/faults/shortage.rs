//! Too few threads or too little memory, at any place of the start: exit code 75 and a line that says what to do, or a
//! program that works. The program runs as users of its own: root has no limit of threads, and other processes of the
//! same user count.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::mock::Mock;

/// The lowest of the user ids; a limit of threads is one of a user. No account has them.
const FIRST_USER: u32 = 61_200;

/// Maximum time of a start, with all programs at once. A Kafka client that hangs for want of a thread ends after 20 s.
const WITHIN: Duration = Duration::from_secs(60);

const REMEDY: &str = "raise the limits of threads, open files and memory, or try again";

const MIB: u64 = 1 << 20;

#[derive(Debug, PartialEq)]
enum Outcome {
    /// Exit code and standard error.
    Ended(Option<i32>, String),
    /// Exit code and standard error after SIGTERM, once it was ready.
    Ready(Option<i32>, String),
    /// Standard error of a program that was neither in time.
    Stuck(String),
}

/// A copy of the program that all users can execute, wherever it was built.
fn program(directory: &TempDir) -> PathBuf {
    let copy = directory.path().join("pacemeter");
    fs::copy(env!("CARGO_BIN_EXE_pacemeter"), &copy).expect("a copy of the program");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
    copy
}

/// A command that runs others under a count of threads of their own: as this user, or, where only root could do that, in
/// a user namespace.
fn counted_apart(user: u32) -> Command {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups", "--pdeathsig=KILL"]);
        command
    } else {
        let mut command = Command::new("unshare");
        command.args(["--user", "--"]);
        command
    }
}

/// Starts the program as this user under a limit in the words of `prlimit`.
fn start(program: &Path, user: u32, limit: &str, state: &TempDir, settings: &[String]) -> Child {
    if rustix::process::geteuid().is_root() {
        chown(state.path(), Some(user), Some(user)).expect("the directory of another user");
    }
    let log = fs::File::create(state.path().join("log")).expect("a file");
    let mut command = counted_apart(user);
    command
        .args(["prlimit", limit])
        .arg(program)
        .args(["run", "--set", "http.listen=127.0.0.1:0", "--set"])
        .arg(format!("state.directory={}", state.path().join("state").display()))
        .args(settings.iter().flat_map(|setting| ["--set", setting]))
        .env_remove("RUST_BACKTRACE")
        .current_dir(state.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    command.spawn().expect("setpriv, unshare and prlimit of util-linux start")
}

/// Waits until the program ends or is ready; a ready one is stopped.
fn outcome(mut child: Child, state: &TempDir) -> Outcome {
    let log = || fs::read_to_string(state.path().join("log")).expect("its log");
    let started = Instant::now();
    let mut is_ready = false;
    loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return if is_ready { Outcome::Ready(status.code(), log()) } else { Outcome::Ended(status.code(), log()) };
        }
        if !is_ready && log().contains("\"event\":\"pacemeter.replay.finished\"") {
            is_ready = true;
            // SAFETY: kill takes no pointers; the process is our child and not reaped, so the id is still its own.
            unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) };
        }
        if started.elapsed() > WITHIN {
            let _ = child.kill();
            let _ = child.wait();
            return Outcome::Stuck(log());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Starts the program under each limit at once, and asserts that it works or ends with 75 and the remedy. Returns
/// whether it was ready, by limit.
fn sweep(first_user: u32, limits: &[String]) -> Vec<bool> {
    let mock = Mock::start(1, 1);
    let settings = mock.settings(&[]);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = program(&directory);
    let states: Vec<TempDir> = limits.iter().map(|_| tempfile::tempdir().expect("a temporary directory")).collect();
    let children: Vec<Child> = limits
        .iter()
        .zip(&states)
        .zip(first_user..)
        .map(|((limit, state), user)| start(&program, user, limit, state, &settings))
        .collect();
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let waiting: Vec<_> = children
            .into_iter()
            .zip(&states)
            .map(|(child, state)| scope.spawn(move || outcome(child, state)))
            .collect();
        waiting.into_iter().map(|waiting| waiting.join().expect("an outcome")).collect()
    });
    for (limit, outcome) in limits.iter().zip(&outcomes) {
        let is_right = match outcome {
            Outcome::Ended(code, log) => *code == Some(75) && log.contains(REMEDY),
            // A client may want another thread at any time.
            Outcome::Ready(code, log) => *code == Some(0) || *code == Some(75) && log.contains(REMEDY),
            Outcome::Stuck(_) => false,
        };
        assert!(is_right, "{limit}: {outcome:#?}");
    }
    outcomes.iter().map(|outcome| matches!(outcome, Outcome::Ready(..))).collect()
}

#[test]
fn too_few_threads_end_it_with_75_or_it_works() {
    let counts =
        [1, 2, 3, 4, 5, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 35, 200];
    let limits = counts.map(|count| format!("--nproc={count}:{count}"));
    let ready = sweep(FIRST_USER, &limits);
    println!("{:?}", counts.iter().zip(&ready).collect::<Vec<_>>());
    assert!(!ready[0] && ready[counts.len() - 1], "{ready:?}");
}

#[test]
fn too_little_memory_ends_it_with_75_or_it_works() {
    // Address space. Below 40 MiB the code of an unoptimised program does not fit; a thread takes 2 or 8 MiB and an arena
    // of 64.
    let sizes = [40, 50, 60, 80, 100, 120, 140, 160, 180, 200, 240, 300, 350, 420, 500, 600, 700, 800, 1_000, 16_000];
    let limits = sizes.map(|size| format!("--as={0}:{0}", size * MIB));
    let ready = sweep(FIRST_USER + 50, &limits);
    println!("{:?}", sizes.iter().zip(&ready).collect::<Vec<_>>());
    assert!(!ready[0] && ready[sizes.len() - 1], "{ready:?}");
}
