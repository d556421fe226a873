//! Failpoints: named points at which a test kills the process, as with `kill -9`. The environment variable
//! [`TEST_FAILPOINT`] arms one: `name`, `name:N` for its Nth pass, or `name:N:hang` to block there forever.

use std::env;
use std::env::VarError;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::settings::TEST_FAILPOINT;

static ARMED: OnceLock<Failpoint> = OnceLock::new();

/// Malformed value of the environment variable `PACEMETER_TEST_FAILPOINT`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "environment variable {TEST_FAILPOINT} is malformed; unset it, or for tests write NAME, NAME:N for the Nth pass, or NAME:N:hang to block \
     there"
)]
pub(crate) struct FailpointVariableError;

#[derive(Debug)]
struct Failpoint {
    name: String,
    /// Passes left until it triggers.
    left: AtomicU64,
    hangs: bool,
}

/// Arms the failpoint that the environment variable `PACEMETER_TEST_FAILPOINT` names, if there is one. Only `run` calls
/// it: no other command dies of the variable.
///
/// # Errors
///
/// The variable is malformed.
pub(crate) fn arm_failpoint() -> Result<(), FailpointVariableError> {
    let text = match env::var(TEST_FAILPOINT) {
        Ok(text) => text,
        Err(VarError::NotPresent) => return Ok(()),
        Err(VarError::NotUnicode(_)) => return Err(FailpointVariableError),
    };
    let failpoint = parse(&text).ok_or(FailpointVariableError)?;
    // The first call decides; there is no second one.
    let _ = ARMED.set(failpoint);
    Ok(())
}

/// Logs the armed failpoint, so that nobody looks for the cause of such a death elsewhere.
pub(crate) fn log_failpoint() {
    if let Some(Failpoint { name, left, hangs }) = ARMED.get() {
        let pass = left.load(Ordering::Relaxed);
        tracing::warn!(
            event = "pacemeter.failpoint.armed",
            failpoint = name,
            pass,
            hangs,
            "failpoint armed for a test"
        );
    }
}

/// Kills the process with SIGKILL if this failpoint is armed and this is the pass to trigger at. If none is armed, the
/// cost is one load.
pub(crate) fn failpoint(name: &str) {
    if let Some(armed) = ARMED.get().filter(|armed| armed.triggers(name)) {
        if armed.hangs {
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Returns `None` if there is no name, or the count is not a number or is 0.
fn parse(text: &str) -> Option<Failpoint> {
    let (text, hangs) = text.strip_suffix(":hang").map_or((text, false), |text| (text, true));
    let (name, count) = text.rsplit_once(':').unwrap_or((text, "1"));
    let count = count.parse().ok().filter(|count| *count > 0 && !name.is_empty())?;
    Some(Failpoint { name: name.to_owned(), left: AtomicU64::new(count), hangs })
}

impl Failpoint {
    /// Counts a pass; true if it is the one to act on.
    fn triggers(&self, name: &str) -> bool {
        // After the last pass the counter wraps below zero, and does not reach 1 again.
        self.name == name && self.left.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn it_triggers_once_at_the_counted_pass() {
        let armed = parse("checkpoint.synced:3").unwrap();
        let passes = ["checkpoint.synced", "other", "checkpoint.synced", "checkpoint.synced", "checkpoint.synced"];
        assert_eq!(passes.map(|name| armed.triggers(name)), [false, false, false, true, false]);
        assert!(parse("checkpoint.synced").unwrap().triggers("checkpoint.synced"));
        for malformed in
            ["", ":", ":1", ":hang", "checkpoint.synced:0", "checkpoint.synced:x", "checkpoint.synced:1:wait"]
        {
            assert!(parse(malformed).is_none(), "{malformed:?}");
        }
    }
}
