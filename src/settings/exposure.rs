//! Secrets that other users of the machine can read.

use std::fmt;
use std::path::Path;

use super::fault::printable;
use super::redaction::redacted_parts;
use crate::file::SecretMode;

/// Mode bits with which group and others may read.
const OTHERS_READ: u32 = 0o044;
/// Mode bits with which group and others may write.
const OTHERS_WRITE: u32 = 0o022;

/// Mode bits of a secret with which others may read it, or anybody but its owner write it.
const UNSAFE_MODE: u32 = 0o026;

/// A place where other users can read or replace a secret: what it is and what to do, without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretExposure(String);

impl SecretExposure {
    /// Describes what is wrong and what to do: one line, lower case, no full stop.
    pub(crate) fn new(message: &str) -> Self {
        Self(printable(&redacted_parts(message)))
    }

    /// Refuses the mode of a file with a secret if anybody can read it, or others than its owner can write it.
    ///
    /// # Errors
    /// Path, mode and remedy: one line, lower case, no full stop.
    pub(crate) fn refuse_unsafe(path: &Path, mode: SecretMode) -> Result<(), String> {
        if mode.for_strangers & UNSAFE_MODE == 0 {
            return Ok(());
        }
        let (path, mode) = (path.display(), mode.actual);
        Err(format!("{path}, whose mode {mode:o} lets other users read or write it; chmod 600 {path}"))
    }

    /// Returns what the mode of a file with a secret permits to other users, if anything.
    pub(crate) fn of_file(path: &Path, mode: SecretMode, secret: &str) -> Option<Self> {
        let action = match (mode.for_strangers & OTHERS_READ != 0, mode.for_strangers & OTHERS_WRITE != 0) {
            (false, false) => return None,
            (true, false) => "read",
            (false, true) => "write",
            (true, true) => "read and write",
        };
        let (path, mode) = (path.display(), mode.actual);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_mode_that_the_file_has() {
        let (path, of_root) = (Path::new("a.key"), |mode: u32| SecretMode::new(0o100_000 | mode, true));
        // The group of the process may read it, and everybody else as well.
        let refused = SecretExposure::refuse_unsafe(path, of_root(0o644)).unwrap_err();
        assert!(refused.contains("whose mode 644 lets other users"), "{refused}");
        let exposed = SecretExposure::of_file(path, of_root(0o644), "a secret").unwrap().to_string();
        assert!(exposed.contains("mode 644 lets other users read it"), "{exposed}");
        assert!(SecretExposure::of_file(path, of_root(0o640), "a secret").is_none());
        assert!(SecretExposure::of_file(path, SecretMode::new(0o640, false), "a secret").is_some());
    }
}
