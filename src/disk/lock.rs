//! The lock that reserves a state directory for one process.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::file::open_regular;

/// Exclusive use of a state directory while this value lives. The kernel releases the lock when the process ends,
/// however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Reason why a state directory could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process, or another [`Lock`] of this process, holds the lock.
    #[error("state directory {} is in use by another process{}", directory.display(), in_parentheses(holder))]
    Locked {
        /// The state directory.
        directory: PathBuf,
        /// Process id that the holder wrote into the file; empty if it has not written it yet.
        holder: String,
    },
    /// The directory or the file could not be created, opened or locked.
    #[error("cannot lock state directory {}: {source}", directory.display())]
    Io {
        /// The state directory.
        directory: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

fn in_parentheses(holder: &str) -> String {
    if holder.is_empty() { String::new() } else { format!(" (pid {holder})") }
}

impl Lock {
    /// Locks the file `lock` in `directory` without waiting, and writes the process id into it for people to read.
    /// Creates both if they do not exist.
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { directory: directory.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let mut options = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).clone();
        let named = |error: io::Error| failed(io::Error::new(error.kind(), format!("lock: {error}")));
        let mut file = open_regular(&directory.join("lock"), &mut options).map_err(named)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder only makes the message more helpful; an error here must not replace it.
                let _ = (&file).take(20).read_to_string(&mut holder);
                holder.retain(|character| character.is_ascii_digit());
                return Err(LockError::Locked { directory: directory.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // The process id is for people: a full disk must not prevent the start.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}
