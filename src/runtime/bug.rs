//! A panic is a bug: it is logged and ends the whole process, whatever thread it is on.

use super::Exit;
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::time::Duration;

/// The longest that logging a bug may hold up the end.
const LOG_DEADLINE: Duration = Duration::from_secs(1);

/// The most of a panic's message that is logged, in characters.
const MAX_MESSAGE: usize = 200;

/// From now on a panic anywhere logs `pacemeter.bug` and ends the process with 70. Going on with half a state would be worse than a restart,
/// which is exact.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(end));
}

fn end(panic: &PanicHookInfo<'_>) {
    // The panicking thread may hold what logging needs; then the end comes without the line.
    let deadline = || {
        std::thread::sleep(LOG_DEADLINE);
        Exit::Bug.at_once()
    };
    let _ = std::thread::Builder::new().name("bug".into()).spawn(deadline);
    let location = panic.location().map_or("unknown".to_owned(), ToString::to_string);
    let current = std::thread::current();
    let thread = current.name().unwrap_or("unnamed");
    let bug = safe_part(panic.payload_as_str().unwrap_or(""));
    if tracing::dispatcher::has_been_set() {
        tracing::error!(event = "pacemeter.bug", location, thread, bug, "bug; exiting");
    } else {
        // Where standard error is gone, the exit code still tells.
        let _ = writeln!(std::io::stderr(), "bug, ending at once: {bug} at {location} in thread {thread}");
    }
    Exit::Bug.at_once()
}

/// A panic's message up to the first quotation: slicing a string, or unwrapping an error, quotes data that may name people.
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
    fn what_a_panic_quotes_is_not_told() {
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
