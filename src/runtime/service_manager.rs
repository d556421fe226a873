//! Messages to the service manager that started the process: systemd's protocol of `sd_notify`.
//!
//! Each message is one datagram of lines `KEY=VALUE` to the socket that `NOTIFY_SOCKET` names. Without the variable there
//! is no manager, and every call does nothing. The manager never holds up the process: a datagram that it does not take
//! within [`SEND_WITHIN`] is dropped.
//!
//! | message | when |
//! |---|---|
//! | `READY=1` | settings are valid, the state directory is open, the server listens, all threads run |
//! | `STATUS=...` | the process starts, its readiness changes, it stops, it fails |
//! | `WATCHDOG=1` | the pipeline has shown a sign of life |
//! | `RELOADING=1`, `MONOTONIC_USEC=...`, later `READY=1` | SIGHUP, and once the files are read again |
//! | `STOPPING=1` | a shutdown is requested, or the process fails |

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Maximum time for which a message waits for room in the manager's queue.
const SEND_WITHIN: Duration = Duration::from_secs(1);

/// Maximum length of a status, in characters.
const MAX_STATUS: usize = 400;

/// Number of pings within the time after which the manager ends the process.
const PINGS: u32 = 4;

/// Connection to the service manager, if there is one. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ServiceManager(Option<Arc<Connection>>);

#[derive(Debug)]
struct Connection {
    socket: UnixDatagram,
    address: SocketAddr,
    /// Time without a ping after which the manager ends the process.
    watchdog: Option<Duration>,
    /// True once a message that was not delivered is logged.
    has_failed: AtomicBool,
}

impl ServiceManager {
    /// Returns the manager that `NOTIFY_SOCKET` names. A socket that cannot be used is logged.
    pub(crate) fn from_environment() -> Self {
        let variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"].map(env::var_os);
        Self::from_variables(variables).unwrap_or_else(|error| {
            log_unreachable(&error);
            Self::default()
        })
    }

    fn from_variables([socket, watchdog, pid]: [Option<OsString>; 3]) -> io::Result<Self> {
        let Some(name) = socket.filter(|name| !name.is_empty()) else { return Ok(Self::default()) };
        let address = address(&name)?;
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(SEND_WITHIN))?;
        let is_ours = number(pid.as_deref()).is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number(watchdog.as_deref()).filter(|&micros| is_ours && micros > 0).map(Duration::from_micros);
        Ok(Self(Some(Arc::new(Connection { socket, address, watchdog, has_failed: AtomicBool::new(false) }))))
    }

    /// Time between two pings; `None` if the manager watches nothing.
    pub(crate) fn ping_interval(&self) -> Option<Duration> {
        self.0.as_ref()?.watchdog.map(|timeout| timeout / PINGS)
    }

    /// Reports that the process has started, or has read its files again.
    pub(crate) fn ready(&self) {
        self.send("READY=1");
    }

    /// Reports a status: a sentence for people.
    pub(crate) fn status(&self, text: &str) {
        self.send(&status_line(text));
    }

    /// Reports that files are read again, until [`ServiceManager::ready`].
    pub(crate) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        // systemd compares this time with that of its request to reload.
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// Reports that the process is about to end.
    pub(crate) fn stopping(&self, status: &str) {
        self.send(&format!("STOPPING=1\n{}", status_line(status)));
    }

    fn ping(&self) {
        self.send("WATCHDOG=1");
    }

    fn send(&self, message: &str) {
        let Some(connection) = &self.0 else { return };
        if let Err(error) = connection.socket.send_to_addr(message.as_bytes(), &connection.address)
            && !connection.has_failed.swap(true, Ordering::Relaxed)
        {
            log_unreachable(&error);
        }
    }
}

/// Pings to the manager's watchdog, which ends the process if they cease.
#[derive(Debug)]
pub(crate) struct WatchdogPings {
    manager: ServiceManager,
    interval: Option<Duration>,
    sent: Option<Instant>,
}

impl WatchdogPings {
    pub(crate) fn new(manager: ServiceManager) -> Self {
        Self { interval: manager.ping_interval(), manager, sent: None }
    }

    /// Sends a ping, if one is due at `now`. Call it only after a sign of life.
    pub(crate) fn ping_if_due(&mut self, now: Instant) {
        let Some(interval) = self.interval else { return };
        if self.sent.is_none_or(|sent| now.saturating_duration_since(sent) >= interval) {
            self.manager.ping();
            self.sent = Some(now);
        }
    }
}

/// Address of a socket: a path, or `@` and an abstract name.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name),
        [b'@', abstract_name @ ..] => SocketAddr::from_abstract_name(abstract_name),
        _ => Err(io::Error::new(ErrorKind::InvalidInput, "NOTIFY_SOCKET is neither a path nor an abstract name")),
    }
}

fn number(text: Option<&OsStr>) -> Option<u64> {
    text?.to_str()?.parse().ok()
}

/// Line of a status with the lines of `text`, as a message has one assignment a line.
fn status_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = words.chars().filter(|character| !character.is_control()).take(MAX_STATUS).collect();
    format!("STATUS={shown}")
}

fn log_unreachable(error: &io::Error) {
    tracing::warn!(
        event = "pacemeter.service_manager.unreachable",
        error = %error,
        "message to service manager not delivered"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(socket: &str, watchdog: Option<&str>, pid: Option<&str>) -> io::Result<ServiceManager> {
        ServiceManager::from_variables([Some(socket), watchdog, pid].map(|value| value.map(OsString::from)))
    }

    fn received(socket: &UnixDatagram) -> Option<String> {
        let mut buffer = [0; 4_096];
        let length = socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
    }

    #[test]
    fn pings_stop_with_the_signs_of_life_and_keep_their_distance() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let manager = manager(path.to_str().unwrap(), Some("4000000"), None).unwrap();
        let (mut pings, start) = (WatchdogPings::new(manager), Instant::now());
        let mut sent_at = |millis| {
            pings.ping_if_due(start + Duration::from_millis(millis));
            received(&socket)
        };
        assert_eq!(sent_at(0).as_deref(), Some("WATCHDOG=1"));
        assert_eq!(sent_at(999), None);
        assert_eq!(sent_at(1_000).as_deref(), Some("WATCHDOG=1"));
        assert_eq!(sent_at(1_500), None);
    }

    #[test]
    fn only_the_process_that_is_watched_pings() {
        let own = std::process::id().to_string();
        let interval = |watchdog, pid| manager("@pacemeter-nobody", watchdog, pid).unwrap().ping_interval();
        assert_eq!(interval(Some("8000000"), Some(&own)), Some(Duration::from_secs(2)));
        assert_eq!(interval(Some("8000000"), None), Some(Duration::from_secs(2)));
        assert_eq!(interval(Some("8000000"), Some("1")), None);
        assert_eq!(interval(Some("0"), None), None);
        assert_eq!(interval(Some("soon"), None), None);
        assert_eq!(interval(None, Some(&own)), None);
    }

    #[test]
    fn a_status_is_one_printable_line() {
        assert_eq!(status_line("replaying\nWATCHDOG=1"), "STATUS=replaying WATCHDOG=1");
        assert_eq!(status_line("a\u{1b}[31mb"), "STATUS=a[31mb");
        assert_eq!(status_line(&"x".repeat(1_000)).len(), "STATUS=".len() + MAX_STATUS);
    }

    #[test]
    fn without_a_usable_socket_nothing_is_sent() {
        ServiceManager::default().ready();
        manager("", None, None).unwrap().ready();
        manager("@pacemeter-nobody", None, None).unwrap().ready();
        for unusable in ["relative", "vsock:2:1", &format!("/{}", "x".repeat(200))] {
            assert_eq!(manager(unusable, None, None).unwrap_err().kind(), ErrorKind::InvalidInput, "{unusable}");
        }
    }
}
