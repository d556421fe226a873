//! How the process ends: exit codes, signals, bugs.
//!
//! Whoever wants the program to end asks [`Shutdown`]; every task waits on it and drains. A second signal, and a bug, end it at once:
//! state on disk is exact at any moment, so nothing is saved by lingering.

mod bug;
mod failpoint;
mod shutdown;

#[cfg(test)]
mod tests;

pub use bug::install_panic_hook;
pub use failpoint::failpoint;
pub use shutdown::{Hangup, Shutdown};

use crate::settings::SettingsFaults;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

/// How the process ended, after sysexits.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Ok,
    /// What was compared differs (`demo`).
    Different,
    /// The command line cannot be understood.
    Usage,
    /// The stored state cannot be used.
    StateUnusable,
    Bug,
    /// Another process holds the state directory.
    StateLocked,
    /// The disk is full or failing.
    Disk,
    /// Ended before it was done; another try may succeed.
    TryAgain,
    /// A right is missing.
    Denied,
    /// The settings, or what they refer to, must be changed first.
    Configuration,
}

impl Exit {
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
        }
    }

    /// Ends the process immediately with `_exit`: no destructors, and no `atexit` handlers, which would tear down a C library while
    /// another thread still runs in it.
    pub fn at_once(self) -> ! {
        // What was just logged is on its way through the log's own thread.
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

/// The program's top error: what to tell, and how to exit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub exit: Exit,
    /// Lower case, no full stop; may have several lines; holds no secret.
    pub message: String,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// A file or stream that cannot be used: 77 if a right is missing, else 74. `what` says which, and what for.
    pub fn from_io(what: impl std::fmt::Display, error: &io::Error) -> Self {
        let is_denied = matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem);
        Self::new(if is_denied { Exit::Denied } else { Exit::Disk }, format!("{what}: {error}"))
    }
}

impl From<SettingsFaults> for Failure {
    fn from(faults: SettingsFaults) -> Self {
        Self::new(Exit::Configuration, faults.to_string())
    }
}

/// Writes a command's answer to standard output. A reader that has gone (`pacemeter run --print-config | head -1`) is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::from_io("standard output", &error)),
        _ => Ok(()),
    }
}
