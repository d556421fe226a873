//! One process a state directory.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A state directory is ours as long as this lives. The lock goes with the process, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// `holder` is what the file says of who holds it: a process id, or nothing yet.
    #[error("state directory {} is in use by another process{}", directory.display(), shown(holder))]
    Locked { directory: PathBuf, holder: String },
    #[error("cannot lock state directory {}: {source}", directory.display())]
    Io { directory: PathBuf, source: io::Error },
}

fn shown(holder: &str) -> String {
    if holder.is_empty() { String::new() } else { format!(" (pid {holder})") }
}

impl Lock {
    /// Locks the file `lock` in `directory`, which is made if there is none, and writes the process id into it for people.
    /// Never waits: a directory that is held, even by this process, is [`LockError::Locked`].
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { directory: directory.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).clone();
        let mut file = options.open(directory.join("lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is only helps people; that it is held is known.
                let _ = (&file).take(20).read_to_string(&mut holder);
                holder.retain(|character| character.is_ascii_digit());
                return Err(LockError::Locked { directory: directory.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // A full disk must not keep it from starting.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}
