//! Life of the process: exit codes, signals, panics, and messages to the service manager.
//!
//! A shutdown is requested through [`Shutdown`]; every task waits for it and drains. A second signal or a panic ends
//! the process immediately. Nothing is lost by that, since the state on disk is exact at any moment.

mod bug;
mod failpoint;
mod limits;
mod service_manager;
mod shortage;
mod shutdown;

#[cfg(test)]
mod tests;
mod thread_runtime;

pub(crate) use bug::has_panicked;
pub use bug::install_panic_hook;
pub(crate) use failpoint::{arm_failpoint, failpoint, log_failpoint};
pub use limits::survive_file_size_limit;
pub use service_manager::ServiceManager;
pub(crate) use service_manager::WatchdogPings;
pub(crate) use shortage::{SHORTAGE_REMEDY, end_for_shortage};
pub use shutdown::Shutdown;
pub(crate) use shutdown::{Hangup, ShutdownDeadline};
pub(crate) use thread_runtime::ThreadRuntime;

use crate::settings::{SettingsFaults, printable_lines};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Exit code of the process, after `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Ok,
    /// 1: figures differ (`demo`).
    Different,
    /// 64: the command line is invalid.
    Usage,
    /// 65: the stored state cannot be used.
    StateUnusable,
    /// 70: a panic.
    Bug,
    /// 73: another process has locked the state directory.
    StateLocked,
    /// 74: the disk is full or failing.
    Disk,
    /// 75: a temporary failure; another try may succeed.
    TryAgain,
    /// 77: a permission is missing.
    Denied,
    /// 78: the settings, or what they refer to, must be changed first.
    Configuration,
    /// 141: nobody reads standard output any more, as behind `| head -1`. Shells report 128 + SIGPIPE then.
    ClosedPipe,
}

impl Exit {
    /// All exit codes, in their order.
    pub(crate) const ALL: [Self; 11] = [
        Self::Ok,
        Self::Different,
        Self::Usage,
        Self::StateUnusable,
        Self::Bug,
        Self::StateLocked,
        Self::Disk,
        Self::TryAgain,
        Self::Denied,
        Self::Configuration,
        Self::ClosedPipe,
    ];

    /// Returns the meaning for people: lower case, no full stop.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Exit::Ok => "done",
            Exit::Different => "figures differ",
            Exit::Usage => "the command line is invalid, or names what does not exist",
            Exit::StateUnusable => "stored state cannot be used; the message says what to do",
            Exit::Bug => "a bug; report the message",
            Exit::StateLocked => "another process uses the state directory",
            Exit::Disk => "a file cannot be read or written",
            Exit::TryAgain => "not ready, or no answer; try again",
            Exit::Denied => "a permission, password or certificate is missing",
            Exit::Configuration => "settings or what they name must be changed first",
            Exit::ClosedPipe => "standard output was closed",
        }
    }

    /// Returns the number that the operating system receives.
    pub fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Different => 1,
            Exit::Usage => 64,
            Exit::StateUnusable => 65,
            Exit::Bug => 70,
            Exit::StateLocked => 73,
            Exit::Disk => 74,
            Exit::TryAgain => 75,
            Exit::Denied => 77,
            Exit::Configuration => 78,
            Exit::ClosedPipe => 141,
        }
    }

    /// Ends the process at once with `_exit`: without destructors, and without `atexit` handlers, which would tear down
    /// a C library while another thread still runs in it.
    pub(crate) fn at_once(self) -> ! {
        // Gives the log's own thread time to write the last lines.
        std::thread::sleep(Duration::from_millis(50));
        // The standard library has no safe `_exit`; signal-hook's is the same call.
        signal_hook::low_level::exit(self.code().into())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// Error that ends the program: a message for people, and the exit code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Exit code.
    pub exit: Exit,
    /// Failure, reason and remedy: lower case, no full stop, without secrets. May have several lines.
    pub message: String,
}

impl Failure {
    /// Creates a failure with this exit code and message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// Failure of a file or stream: 77 if a permission is missing, 75 if memory or open files are short, else 74. `what`
    /// names the file or stream and its purpose.
    pub fn from_io(what: impl std::fmt::Display, error: &io::Error) -> Self {
        if shortage::is_shortage(error) {
            return Self::new(Exit::TryAgain, format!("{what}: {error}; {SHORTAGE_REMEDY}"));
        }
        let is_denied = matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem);
        let remedy = if error.kind() == io::ErrorKind::FileTooLarge { "; raise the limit of file sizes" } else { "" };
        Self::new(if is_denied { Exit::Denied } else { Exit::Disk }, format!("{what}: {error}{remedy}"))
    }

    /// Failure to write to standard output: 141 if its pipe is closed.
    pub(crate) fn from_stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::ClosedPipe, "standard output is closed"),
            _ => Self::from_io("standard output", error),
        }
    }

    /// Failure to start a thread or an asynchronous runtime: 75, since the machine may have threads and memory again
    /// later.
    pub(crate) fn from_spawn(what: impl std::fmt::Display, error: &io::Error) -> Self {
        Self::new(Exit::TryAgain, format!("{what} cannot be started: {error}; {SHORTAGE_REMEDY}"))
    }
}

impl From<SettingsFaults> for Failure {
    fn from(faults: SettingsFaults) -> Self {
        Self::new(Exit::Configuration, faults.to_string())
    }
}

/// Writes lines to standard output, with what is not printable escaped.
///
/// # Errors
/// 141 if nobody reads standard output any more (`pacemeter demo | head -1`); 74 or 77 if it cannot be written.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_styled(&printable_lines(text))
}

/// Writes lines to standard output as they are: their colours are ours, and text from outside is escaped already.
///
/// # Errors
/// The errors of [`print`].
pub(crate) fn print_styled(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| Failure::from_stdout(&error))
}

/// Writes a line, or several, to standard error, with what is not printable escaped.
pub(crate) fn print_error(text: &str) {
    // If standard error is closed, the exit code still tells.
    let _ = writeln!(io::stderr(), "{}", printable_lines(text));
}
