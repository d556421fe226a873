use super::*;
use rustix::process::{Signal, getpid, kill_process};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;

#[test]
fn exit_codes_are_those_of_sysexits() {
    let exits = [
        Exit::Ok,
        Exit::Different,
        Exit::Usage,
        Exit::StateUnusable,
        Exit::Bug,
        Exit::StateLocked,
        Exit::Disk,
        Exit::TryAgain,
        Exit::Denied,
        Exit::Configuration,
        Exit::ClosedPipe,
    ];
    assert_eq!(exits.map(Exit::code), [0, 1, 64, 65, 70, 73, 74, 75, 77, 78, 141]);
}

#[test]
fn a_missing_permission_and_a_full_disk_differ() {
    let failure = |kind: io::ErrorKind| Failure::from_io("state directory /x", &kind.into());
    assert_eq!(
        failure(io::ErrorKind::PermissionDenied),
        Failure::new(Exit::Denied, "state directory /x: permission denied")
    );
    assert_eq!(failure(io::ErrorKind::StorageFull).exit, Exit::Disk);
}

#[test]
fn a_thread_that_cannot_be_started_is_a_reason_to_try_again() {
    let failure = Failure::from_spawn("the thread x", &io::ErrorKind::WouldBlock.into());
    assert_eq!(failure.exit, Exit::TryAgain);
    assert!(failure.message.starts_with("the thread x cannot be started: "), "{failure}");
}

#[tokio::test]
async fn a_request_reaches_present_and_later_waiters() {
    let shutdown = Shutdown::new();
    let waiting = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { shutdown.requested().await }
    });
    tokio::task::yield_now().await;
    assert!(!shutdown.is_requested() && !waiting.is_finished());
    shutdown.request();
    shutdown.request();
    waiting.await.unwrap();
    shutdown.clone().requested().await;
    assert!(shutdown.is_requested());
}

/// Runs a test again, alone in a child process, and returns its exit code.
fn in_a_child(test: &str) -> Option<i32> {
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args([format!("runtime::tests::{test}"), "--exact".into(), "--nocapture".into()])
        .env("RUNTIME_TEST_CHILD", "1")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    status.unwrap().code()
}

fn is_child() -> bool {
    std::env::var_os("RUNTIME_TEST_CHILD").is_some()
}

fn raise(signal: Signal) {
    kill_process(getpid(), signal).unwrap();
}

fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "the condition did not hold in time");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn the_second_signal_ends_the_process_immediately() {
    if !is_child() {
        assert_eq!(in_a_child("the_second_signal_ends_the_process_immediately"), Some(75));
        return;
    }
    let reload = Arc::new(Notify::new());
    let shutdown = Shutdown::on_signals(Hangup::Reload(reload.clone())).unwrap();
    raise(Signal::HUP);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(reload.notified());
    assert!(!shutdown.is_requested(), "SIGHUP asks for a reload");
    raise(Signal::TERM);
    wait_until(|| shutdown.is_requested());
    raise(Signal::INT);
    std::thread::sleep(Duration::from_secs(20));
}

#[test]
fn a_closed_terminal_requests_a_shutdown() {
    if !is_child() {
        assert_eq!(in_a_child("a_closed_terminal_requests_a_shutdown"), Some(0));
        return;
    }
    let shutdown = Shutdown::on_signals(Hangup::Shutdown).unwrap();
    raise(Signal::HUP);
    wait_until(|| shutdown.is_requested());
}

#[test]
fn a_panic_on_any_thread_ends_the_process_with_70() {
    if !is_child() {
        assert_eq!(in_a_child("a_panic_on_any_thread_ends_the_process_with_70"), Some(70));
        return;
    }
    install_panic_hook();
    let _ = std::thread::spawn(|| panic!("on purpose")).join();
    std::thread::sleep(Duration::from_secs(20));
}

#[test]
fn work_that_outlasts_the_shutdown_ends_with_75() {
    if !is_child() {
        assert_eq!(in_a_child("work_that_outlasts_the_shutdown_ends_with_75"), Some(75));
        return;
    }
    let shutdown = Shutdown::new();
    // Work that has ended in time ends nothing.
    drop(shutdown.enforce(Duration::from_millis(1)).unwrap());
    let _deadline = shutdown.enforce(Duration::from_millis(300)).unwrap();
    std::thread::sleep(Duration::from_millis(600));
    shutdown.request();
    std::thread::sleep(Duration::from_secs(20));
}
