//! Messages of the program to the service manager, whose socket the test is.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::faults::mock::Mock;
use crate::faults::probes::await_reached;
use crate::program::{LIMIT, Pacemeter, run_with};

/// Socket of a service manager, and the messages that came.
struct Manager {
    socket: UnixDatagram,
    name: String,
    heard: Vec<String>,
    _directory: TempDir,
}

impl Manager {
    fn bind(is_abstract: bool) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("notify").display().to_string();
        let (address, name) = if is_abstract {
            (SocketAddr::from_abstract_name(&path).expect("short"), format!("@{path}"))
        } else {
            (SocketAddr::from_pathname(&path).expect("short"), path)
        };
        let socket = UnixDatagram::bind_addr(&address).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a limit");
        Self { socket, name, heard: Vec::new(), _directory: directory }
    }

    /// Takes the messages that have come.
    fn listen(&mut self) {
        let mut buffer = [0; 4_096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            self.heard.push(String::from_utf8(buffer[..length].to_vec()).expect("UTF-8"));
        }
    }

    /// Waits for a message that begins so, and forgets those up to it.
    fn wait(&mut self, beginning: &str) -> String {
        let started = Instant::now();
        loop {
            if let Some(at) = self.heard.iter().position(|message| message.starts_with(beginning)) {
                return self.heard.drain(..=at).next_back().expect("it is there");
            }
            assert!(started.elapsed() < LIMIT, "{beginning} did not come, but {:?}", self.heard);
            self.listen();
        }
    }

    /// Number of pings within a time; all other messages are forgotten.
    fn pings(&mut self, within: Duration) -> usize {
        let started = Instant::now();
        self.listen();
        self.heard.clear();
        while started.elapsed() < within {
            self.listen();
        }
        self.heard.drain(..).filter(|message| message == "WATCHDOG=1").count()
    }
}

/// Monotonic time in microseconds, as systemd reads it.
fn monotonic_micros() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a value that lives during the call.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) }, 0);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

#[test]
fn systemd_hears_of_start_reload_and_end() {
    let absent = ["kafka.bootstrap_servers=127.0.0.1:1".to_owned()];
    for is_abstract in [false, true] {
        let mut manager = Manager::bind(is_abstract);
        let state = tempfile::tempdir().expect("a temporary directory");
        let pacemeter = Pacemeter::start_with(&state, &absent, &[("NOTIFY_SOCKET", &manager.name)]);
        assert_eq!(manager.wait("STATUS="), "STATUS=starting: opening the state directory");
        manager.wait("READY=1");
        assert_eq!(pacemeter.get("/livez").status, 200, "it was ready when it said so");
        assert!(manager.wait("STATUS=").starts_with("STATUS=not ready: "), "there is no Kafka");
        let asked = monotonic_micros();
        pacemeter.signal(libc::SIGHUP);
        let reloading = manager.wait("RELOADING=1");
        let time: i64 =
            reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|time| time.parse().ok()).expect("a time");
        assert!((asked..=monotonic_micros()).contains(&time), "{asked} {time}");
        manager.wait("READY=1");
        assert_eq!(pacemeter.stop().code, Some(0));
        assert_eq!(manager.wait("STOPPING=1"), "STOPPING=1\nSTATUS=stopping: saving the state");
        manager.listen();
        assert!(manager.heard.is_empty(), "without WATCHDOG_USEC nothing pings: {:?}", manager.heard);
    }
}

#[test]
fn systemd_hears_why_a_start_failed() {
    let mut manager = Manager::bind(false);
    let state = tempfile::tempdir().expect("a temporary directory");
    let environment = [("NOTIFY_SOCKET", manager.name.as_str()), ("PACEMETER_KAFKA__REQUEST_TIMEOUT", "soon")];
    assert_eq!(run_with(&state, &["run"], &environment).code, Some(78));
    let message = manager.wait("STOPPING=1");
    assert!(
        message.contains("\nSTATUS=failed with exit code 78: ") && message.contains("request_timeout"),
        "{message}"
    );
    assert!(!manager.heard.iter().any(|message| message == "READY=1"));
}

#[test]
fn a_stuck_pipeline_is_not_pinged() {
    let mut manager = Manager::bind(true);
    let mock = Mock::start(1, 1);
    let state = tempfile::tempdir().expect("a temporary directory");
    let environment = [
        ("NOTIFY_SOCKET", manager.name.as_str()),
        ("WATCHDOG_USEC", "1000000"),
        ("PACEMETER_TEST_FAILPOINT", "batch.applied:2:hang"),
    ];
    let mut pacemeter = Pacemeter::start_with(&state, &mock.settings(&[]), &environment);
    manager.wait("READY=1");
    manager.wait("WATCHDOG=1");
    pacemeter.wait_ready();
    manager.wait("STATUS=ready");
    mock.write(0, 1);
    await_reached(&mut pacemeter, 1);
    let pings = manager.pings(Duration::from_secs(2));
    assert!((3..=9).contains(&pings), "one is due each quarter of a second: {pings}");
    mock.write(0, 1);
    // The record is on its way for a moment.
    let started = Instant::now();
    while manager.pings(Duration::from_secs(1)) > 0 {
        assert!(started.elapsed() < LIMIT, "the pings go on");
    }
    assert_eq!(manager.pings(Duration::from_secs(2)), 0);
    assert!(!pacemeter.has_ended() && pacemeter.get("/livez").status == 200, "the process itself lives");
}
