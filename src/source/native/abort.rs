//! The end of the process by an abort, or by its limit of processor time. librdkafka aborts when it gets no memory, or in
//! places no thread; Rust aborts when an allocation fails; the C library aborts when it finds its own state corrupt.

use crate::runtime::{Exit, has_panicked};
use signal_hook::consts::{SIGABRT, SIGXCPU};
use signal_hook::low_level::{exit, register};
use std::io;
use std::os::fd::BorrowedFd;

/// Descriptor of standard error.
const STDERR: i32 = 2;

/// Text that is written after an abort. The line before, from whoever aborted, tells the cause.
const ABORTED: &[u8] =
    b"pacemeter: aborted; the line before tells the cause; if that is memory or threads, raise the limits of threads, open files and memory, or try again\n";

/// Text that is written at the limit of processor time.
const OUT_OF_TIME: &[u8] =
    b"pacemeter: the limit of processor time is reached (ulimit -t); raise it, or start the program again\n";

/// Makes an abort, and the limit of processor time, end the process with 75 and a line that says what to do, instead of
/// a signal.
///
/// # Errors
///
/// A handler cannot be installed.
pub(in crate::source) fn handle_aborts() -> io::Result<()> {
    end_on(SIGABRT, ABORTED)?;
    end_on(SIGXCPU, OUT_OF_TIME)
}

/// Makes a signal end the process with 75 and a line.
fn end_on(signal: i32, line: &'static [u8]) -> io::Result<()> {
    let end = move || {
        // A panic while a panic is reported aborts too.
        if has_panicked() {
            exit(Exit::Bug.code().into());
        }
        // SAFETY: the descriptor of standard error is open, or the write fails.
        let _ = rustix::io::write(unsafe { BorrowedFd::borrow_raw(STDERR) }, line);
        exit(Exit::TryAgain.code().into())
    };
    // SAFETY: the action makes async-signal-safe calls only: it reads an atomic, writes to a file descriptor, and
    // exits without destructors or `atexit` handlers. It does not allocate, lock or return.
    unsafe { register(signal, end) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::handle_aborts;
    use crate::runtime::install_panic_hook;
    use std::process::Command;
    use tracing::{Event, Subscriber};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

    const CHILD: &str = "ABORT_TEST_CHILD";

    /// Runs a test of this module again as a process of its own; returns its exit code and standard error.
    fn in_a_child(test: &str) -> (Option<i32>, String) {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([format!("source::native::abort::tests::{test}"), "--exact".into(), "--nocapture".into()])
            .env(CHILD, "1")
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn is_child() -> bool {
        std::env::var_os(CHILD).is_some()
    }

    #[test]
    fn a_failed_allocation_ends_the_process_with_75_and_a_line() {
        if !is_child() {
            let (code, text) = in_a_child("a_failed_allocation_ends_the_process_with_75_and_a_line");
            assert_eq!(code, Some(75), "{text}");
            assert!(text.contains("memory allocation of 70368744177664 bytes failed"), "{text}");
            assert!(text.ends_with("raise the limits of threads, open files and memory, or try again\n"), "{text}");
            return;
        }
        handle_aborts().unwrap();
        let block: Vec<u8> = std::hint::black_box(Vec::with_capacity(1 << 46));
        unreachable!("{} bytes", block.capacity());
    }

    /// Log that cannot write a line without a panic.
    struct PanickingLog;

    impl<S: Subscriber> Layer<S> for PanickingLog {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            panic!("in the log");
        }
    }

    #[test]
    fn a_panic_while_a_panic_is_logged_is_a_bug() {
        if !is_child() {
            let (code, text) = in_a_child("a_panic_while_a_panic_is_logged_is_a_bug");
            assert_eq!(code, Some(70), "{text}");
            return;
        }
        handle_aborts().unwrap();
        install_panic_hook();
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(PanickingLog)).unwrap();
        panic!("on purpose");
    }
}
