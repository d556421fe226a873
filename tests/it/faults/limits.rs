//! Limits of the system that are signals by default: an error or an exit code, and a line, instead.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::mock::Mock;
use super::probes::await_reached;
use crate::program::{LIMIT, Pacemeter};

/// Runs the program in a directory under a limit in the words of `prlimit`; returns its exit code and standard error.
fn run_under(limit: &str, state: &tempfile::TempDir, arguments: &[&str], stdout: Stdio) -> (Option<i32>, String) {
    let output = Command::new("prlimit")
        .arg(limit)
        .arg(env!("CARGO_BIN_EXE_pacemeter"))
        .args(arguments)
        .current_dir(state)
        .stdout(stdout)
        .output()
        .expect("prlimit runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Sets the maximum size of a file in bytes, for a program that runs.
fn limit_file_size(pacemeter: &Pacemeter, limit: &str) {
    let pid = pacemeter.id().to_string();
    let status = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={limit}")]).status();
    assert!(status.expect("prlimit runs").success());
}

#[test]
fn a_key_larger_than_a_file_may_be_ends_the_start_with_74() {
    let state = tempfile::tempdir().expect("a temporary directory");
    let settings = ["run", "--set", "state.directory=state", "--set", "http.listen=127.0.0.1:0"];
    let (code, stderr) = run_under("--fsize=10", &state, &settings, Stdio::null());
    assert_eq!(code, Some(74), "{stderr}");
    assert!(stderr.contains("pseudonym.key: File too large"), "{stderr}");
    let left: Vec<_> = fs::read_dir(state.path().join("state")).expect("a directory").collect();
    assert_eq!(left.len(), 1, "the lock alone: {left:?}");
}

#[test]
fn output_larger_than_a_file_may_be_ends_with_74() {
    let state = tempfile::tempdir().expect("a temporary directory");
    let path = state.path().join("out");
    for arguments in [&["completions", "bash"][..], &["run", "--print-config"]] {
        let out = File::create(&path).expect("a file");
        let (code, stderr) = run_under("--fsize=10", &state, arguments, out.into());
        assert_eq!(code, Some(74), "{arguments:?}: {stderr}");
        assert!(stderr.contains("standard output: File too large"), "{stderr}");
    }
}

#[test]
fn checkpoints_larger_than_a_file_may_be_fail_and_are_reported() {
    let mock = Mock::start(1, 1);
    let state = tempfile::tempdir().expect("a temporary directory");
    let settings =
        mock.settings(&["checkpoint.max_interval=200ms", "log.burst=1000", "checkpoint.exit_after_failures=20"]);
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    limit_file_size(&pacemeter, "100:unlimited");
    let written = mock.write(0, 10);
    await_reached(&mut pacemeter, written);
    let failures = |pacemeter: &Pacemeter| {
        pacemeter.scrape().value("pacemeter_checkpoint_failures_total", &[("reason", "io")]).unwrap_or(0.0)
    };
    let failed = pacemeter.until("a checkpoint fails", |pacemeter| {
        pacemeter.events("pacemeter.checkpoint.failed").pop().filter(|_| failures(pacemeter) >= 1.0)
    });
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("File too large")), "{failed}");
    limit_file_size(&pacemeter, "unlimited:unlimited");
    pacemeter.until("a checkpoint is made", |pacemeter| {
        pacemeter.scrape().value("pacemeter_checkpoints_total", &[]).filter(|count| *count >= 1.0)
    });
    limit_file_size(&pacemeter, "100:unlimited");
    mock.write(0, 10);
    let ended = pacemeter.ended(Instant::now());
    assert_eq!(ended.code, Some(74), "after twenty failures: {}", ended.stderr);
}

#[test]
fn the_limit_of_processor_time_ends_it_with_75_and_a_line() {
    let mock = Mock::start(1, 1);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &mock.settings(&[]));
    pacemeter.wait_ready();
    let ended = pacemeter.end(libc::SIGXCPU);
    assert_eq!(ended.code, Some(75), "{}", ended.stderr);
    assert!(ended.stderr.contains("the limit of processor time is reached"), "{}", ended.stderr);
    assert!(ended.took < LIMIT);
}
