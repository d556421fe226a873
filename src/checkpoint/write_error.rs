//! The error of a checkpoint that could not be written.

use std::fmt;
use std::io::{self, ErrorKind};

/// A step of a checkpoint that the disk refused. The attempt is over; the next checkpoint is a new file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {what}: {message}")]
pub struct WriteError {
    /// Kind of refusal.
    pub reason: WriteReason,
    /// The step and its file, as a verb phrase.
    pub what: String,
    /// Description of the error by the operating system.
    pub message: String,
}

/// Kind of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteReason {
    /// The disk or the quota is full.
    NoSpace,
    /// A permission is missing, or the file system is read-only.
    Denied,
    /// Any other error.
    Io,
}

impl WriteReason {
    /// All reasons.
    pub const ALL: [WriteReason; 3] = [WriteReason::NoSpace, WriteReason::Denied, WriteReason::Io];

    /// Value of the label `reason`.
    pub fn name(self) -> &'static str {
        match self {
            WriteReason::NoSpace => "no_space",
            WriteReason::Denied => "denied",
            WriteReason::Io => "io",
        }
    }
}

impl WriteError {
    pub(super) fn new(what: impl fmt::Display, error: &io::Error) -> Self {
        let reason = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => WriteReason::NoSpace,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => WriteReason::Denied,
            _ => WriteReason::Io,
        };
        // `what` has the path already, which errors of the disk name as well.
        let cause = error.get_ref().and_then(|inner| inner.source());
        let message = cause.map_or_else(|| error.to_string(), ToString::to_string);
        Self { reason, what: what.to_string(), message }
    }
}
