//! Shortage of threads, memory or open files: another try may succeed, a change of the program would not help.

use std::error::Error as _;
use std::io;

use rustix::io::Errno;

use super::Exit;

/// Advice in every message about a shortage.
pub(crate) const SHORTAGE_REMEDY: &str = "raise the limits of threads, open files and memory, or try again";

/// Beginnings of the panics of libraries that cannot start a thread. Their callers get no error to handle.
const THREAD_PANICS: [&str; 6] = [
    // tokio: the first worker of a runtime, and blocking work if there is no thread at all.
    "OS can't spawn worker thread",
    // tracing-appender: the thread that writes the log.
    "failed to spawn `tracing-appender` non-blocking worker thread",
    // rdkafka: the threads of a producer and of an admin client.
    "Failed to start polling thread",
    // The standard library: `thread::spawn`, and what each new thread maps for itself.
    "failed to spawn thread",
    "failed to allocate an alternative stack",
    "failed to set up alternative stack guard page",
];

/// True for a panic because a thread could not be started.
pub(super) fn is_thread_panic(message: &str) -> bool {
    THREAD_PANICS.iter().any(|beginning| message.starts_with(beginning))
}

/// True if an operating-system call failed for want of threads, memory or open files. The error may stand in another one
/// that names a path.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    const SHORTAGES: [Errno; 4] = [Errno::AGAIN, Errno::NOMEM, Errno::MFILE, Errno::NFILE];
    let inner = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    error.kind() == io::ErrorKind::OutOfMemory
        || error.raw_os_error().is_some_and(|code| SHORTAGES.contains(&Errno::from_raw_os_error(code)))
        || inner.is_some_and(is_shortage)
}

/// Logs a shortage and ends the process at once with 75. A restart is exact; what goes on without one of its threads
/// would be stuck without a sign.
pub(crate) fn end_for_shortage(reason: &str) -> ! {
    if tracing::dispatcher::has_been_set() {
        tracing::error!(
            event = "pacemeter.shortage",
            reason,
            remedy = SHORTAGE_REMEDY,
            "threads or memory ran out; exiting"
        );
    } else {
        // If standard error is closed, the exit code is left.
        let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("pacemeter: {reason}; {SHORTAGE_REMEDY}\n"));
    }
    Exit::TryAgain.at_once()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open a file: {0}")]
    struct Named(#[source] io::Error);

    #[test]
    fn only_shortages_are_shortages() {
        for code in [Errno::AGAIN, Errno::NOMEM, Errno::MFILE, Errno::NFILE] {
            assert!(is_shortage(&code.into()), "{code}");
            assert!(is_shortage(&io::Error::other(Named(code.into()))), "{code} in an error that names a path");
        }
        for code in [Errno::NOSPC, Errno::IO, Errno::ACCESS, Errno::NOENT] {
            assert!(!is_shortage(&code.into()), "{code}");
        }
        assert!(!is_shortage(&io::Error::other("a panic")));
    }
}
