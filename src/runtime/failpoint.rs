//! Named places at which a test lets the process die as if by `kill -9`.

use std::env;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The variable that arms one: `name`, or `name:N` for the Nth pass through it, or `name:N:hang` to do nothing any more there. For tests only, and no setting: it is in no file.
const VARIABLE: &str = "FAILPOINT";

struct Armed {
    name: String,
    left: AtomicU64,
    hangs: bool,
}

/// Ends the process with SIGKILL if the environment variable `FAILPOINT` names this place and this is the pass that it counts to.
/// The variable is read once; without it this is a look at a constant.
pub fn failpoint(name: &str) {
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
    let armed = ARMED.get_or_init(|| env::var(VARIABLE).ok().and_then(|text| parse(&text)));
    if let Some(armed) = armed.as_ref().filter(|armed| armed.strikes(name)) {
        if armed.hangs {
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// None if the count is no number or 0.
fn parse(text: &str) -> Option<Armed> {
    let (text, hangs) = text.strip_suffix(":hang").map_or((text, false), |text| (text, true));
    let (name, count) = text.rsplit_once(':').unwrap_or((text, "1"));
    let count = count.parse().ok().filter(|count| *count > 0)?;
    Some(Armed { name: name.to_owned(), left: AtomicU64::new(count), hangs })
}

impl Armed {
    /// Whether this is the pass that was counted to.
    fn strikes(&self, name: &str) -> bool {
        // Below zero it wraps, and is never 1 again.
        self.name == name && self.left.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn it_strikes_once_at_the_counted_pass_of_its_name() {
        let armed = parse("checkpoint.synced:3").unwrap();
        let passes = ["checkpoint.synced", "other", "checkpoint.synced", "checkpoint.synced", "checkpoint.synced"];
        assert_eq!(passes.map(|name| armed.strikes(name)), [false, false, false, true, false]);
        assert!(parse("checkpoint.synced").unwrap().strikes("checkpoint.synced"));
        assert!(parse("checkpoint.synced:0").is_none());
        assert!(parse("checkpoint.synced:x").is_none());
    }
}
