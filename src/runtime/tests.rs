use super::*;
use rustix::process::{Signal, getpid, kill_process};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;

#[test]
fn exit_codes_are_those_of_the_contract() {
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
    ];
    assert_eq!(exits.map(Exit::code), [0, 1, 64, 65, 70, 73, 74, 75, 77, 78]);
}

#[test]
fn a_missing_right_and_a_full_disk_are_told_apart() {
    let failure = |kind: io::ErrorKind| Failure::from_io("state directory /x", &kind.into());
    assert_eq!(
        failure(io::ErrorKind::PermissionDenied),
        Failure::new(Exit::Denied, "state directory /x: permission denied")
    );
    assert_eq!(failure(io::ErrorKind::StorageFull).exit, Exit::Disk);
}

#[tokio::test]
async fn a_request_reaches_those_who_wait_and_those_who_come_later() {
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

/// Runs the test named here again, alone in a child process, and says how that ended.
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
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn the_first_signal_requests_and_the_second_ends_at_once() {
    if !is_child() {
        assert_eq!(in_a_child("the_first_signal_requests_and_the_second_ends_at_once"), Some(75));
        return;
    }
    let reload = Arc::new(Notify::new());
    let shutdown = Shutdown::on_signals(Hangup::Reloads(reload.clone())).unwrap();
    raise(Signal::HUP);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(reload.notified());
    assert!(!shutdown.is_requested(), "SIGHUP asks for a reload");
    raise(Signal::TERM);
    wait_until(|| shutdown.is_requested());
    raise(Signal::INT);
    std::thread::sleep(Duration::from_secs(20));
}

#[test]
fn a_closed_terminal_ends_what_lives_in_it() {
    if !is_child() {
        assert_eq!(in_a_child("a_closed_terminal_ends_what_lives_in_it"), Some(0));
        return;
    }
    let shutdown = Shutdown::on_signals(Hangup::Ends).unwrap();
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
