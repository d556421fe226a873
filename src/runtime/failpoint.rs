//! Failpoints: named points at which a test kills the process, as with `kill -9`.

use std::env;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Environment variable that arms a failpoint: `name`, `name:N` for its Nth pass, or `name:N:hang` to block there
/// forever. It is for tests only, and therefore not a setting.
const VARIABLE: &str = "FAILPOINT";

struct Failpoint {
    name: String,
    /// Passes left until it triggers.
    left: AtomicU64,
    hangs: bool,
}

/// Kills the process with SIGKILL if `FAILPOINT` names this failpoint and this is the pass to trigger at. The variable
/// is read once; without it the cost is one load.
pub(crate) fn failpoint(name: &str) {
    static ARMED: OnceLock<Option<Failpoint>> = OnceLock::new();
    let armed = ARMED.get_or_init(|| env::var(VARIABLE).ok().and_then(|text| parse(&text)));
    if let Some(armed) = armed.as_ref().filter(|armed| armed.triggers(name)) {
        if armed.hangs {
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Returns `None` if the count is not a number or is 0.
fn parse(text: &str) -> Option<Failpoint> {
    let (text, hangs) = text.strip_suffix(":hang").map_or((text, false), |text| (text, true));
    let (name, count) = text.rsplit_once(':').unwrap_or((text, "1"));
    let count = count.parse().ok().filter(|count| *count > 0)?;
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
        assert!(parse("checkpoint.synced:0").is_none());
        assert!(parse("checkpoint.synced:x").is_none());
    }
}
