//! Why a checkpoint could not be written.

use std::fmt;
use std::io::{self, ErrorKind};

/// A step of writing that the disk refused. The file is given up; the next checkpoint is a new one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {what}: {message}")]
pub struct WriteError {
    pub reason: WriteReason,
    /// What was tried, and on which file.
    pub what: String,
    pub message: String,
}

/// Of which kind the refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteReason {
    /// The disk, or what may be used of it, is full.
    NoSpace,
    Denied,
    Io,
}

impl WriteReason {
    pub const ALL: [WriteReason; 3] = [WriteReason::NoSpace, WriteReason::Denied, WriteReason::Io];

    /// The value of the label `reason`.
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
        Self { reason, what: what.to_string(), message: error.to_string() }
    }
}
