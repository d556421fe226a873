//! Secrets that other users of the machine can read.

use std::fmt;
use std::path::Path;

use super::fault::printable;
use super::redaction::redacted_parts;

/// Mode bits with which group and others may read.
const OTHERS_READ: u32 = 0o044;
/// Mode bits with which group and others may write.
const OTHERS_WRITE: u32 = 0o022;

/// Mode bits with which everybody may read, or others than the owner write. A file that is there for a secret is refused
/// with one of them.
pub(crate) const UNSAFE_MODE: u32 = 0o026;

/// A place where other users can read or replace a secret: what it is and what to do, without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretExposure(String);

impl SecretExposure {
    /// Describes what is wrong and what to do: one line, lower case, no full stop.
    pub(crate) fn new(message: &str) -> Self {
        Self(printable(&redacted_parts(message)))
    }

    /// Returns what the mode of a file with a secret permits to other users, if anything.
    pub(crate) fn of_file(path: &Path, mode: u32, secret: &str) -> Option<Self> {
        let action = match (mode & OTHERS_READ != 0, mode & OTHERS_WRITE != 0) {
            (false, false) => return None,
            (true, false) => "read",
            (false, true) => "write",
            (true, true) => "read and write",
        };
        let (path, mode) = (path.display(), mode & 0o7777);
        Some(Self::new(&format!(
            "{path} has {secret}, and mode {mode:o} lets other users {action} it; chmod 600 {path}"
        )))
    }
}

impl fmt::Display for SecretExposure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
