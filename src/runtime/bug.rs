//! A panic on any thread is a bug, unless a library panics because it cannot start a thread: it is logged and ends the
//! whole process.

use super::{Exit, print_error, shortage};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Longest time that logging may delay the exit.
const LOG_DEADLINE: Duration = Duration::from_secs(1);

/// Longest part of a panic message that is logged, in characters.
const MAX_MESSAGE: usize = 200;

static PANICKED: AtomicBool = AtomicBool::new(false);

/// True once a thread has panicked for another reason than a shortage of threads. Safe in a signal handler.
pub(crate) fn has_panicked() -> bool {
    PANICKED.load(Ordering::Relaxed)
}

/// Makes a panic on any thread log `pacemeter.bug` and end the process with 70. A restart is exact; continuing with a
/// partly changed state would not be. A library's panic for want of a thread is a shortage: 75.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(end));
}

fn end(panic: &PanicHookInfo<'_>) {
    // The panicking thread may hold a lock that logging needs. Then the process ends without the log line.
    let deadline = || {
        std::thread::sleep(LOG_DEADLINE);
        Exit::Bug.at_once()
    };
    let _ = std::thread::Builder::new().name("bug".into()).spawn(deadline);
    let location = panic.location().map_or("unknown".to_owned(), ToString::to_string);
    let current = std::thread::current();
    let thread = current.name().unwrap_or("unnamed");
    let message = panic.payload_as_str().unwrap_or("");
    if shortage::is_thread_panic(message) {
        shortage::end_for_shortage("a thread cannot be started");
    }
    PANICKED.store(true, Ordering::Relaxed);
    let bug = safe_part(message);
    if tracing::dispatcher::has_been_set() {
        tracing::error!(event = "pacemeter.bug", location, thread, bug, "bug; exiting");
    } else {
        print_error(&format!("bug; exiting immediately: {bug} at {location} in thread {thread}"));
    }
    Exit::Bug.at_once()
}

/// Returns the message up to the first quotation. Slicing a string and unwrapping an error quote data, which may name
/// people.
fn safe_part(message: &str) -> String {
    message
        .chars()
        .take_while(|character| !matches!(character, '`' | '\'' | '"' | '\n' | '(' | '{' | '['))
        .take(MAX_MESSAGE)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::safe_part;

    #[test]
    fn data_quoted_in_a_panic_is_not_logged() {
        assert_eq!(
            safe_part("index out of bounds: the len is 3 but the index is 5"),
            "index out of bounds: the len is 3 but the index is 5"
        );
        assert_eq!(
            safe_part("end byte index 9 is out of bounds of `CURP canary`"),
            "end byte index 9 is out of bounds of "
        );
        assert_eq!(safe_part("the batch holds\ncanary"), "the batch holds");
    }
}
