//! The lock that reserves a state directory for one process.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::error::named;
use crate::file::{DIRECTORY_MODE, OpenDirectory};

/// Name of the file in the state directory.
pub(crate) const NAME: &str = "lock";

/// Maximum length of the content of a lock file in bytes: a process id and a line break.
const MAX_BYTES: usize = 20;

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
    /// Creates both if they do not exist. The directory may be a link, the file may not.
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { directory: directory.to_owned(), source };
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory).map_err(failed)?;
        let opened = OpenDirectory::open(directory).map_err(failed)?;
        let flags = OFlags::RDWR | OFlags::CREATE;
        let file = opened.open_file(NAME, flags).map_err(|error| failed(named("open", NAME)(error)))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = content(&file).filter(|text| is_process_id(text)).unwrap_or_default();
                return Err(LockError::Locked { directory: directory.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(named("lock", NAME)(source))),
        }
        // The process id is for people: a full disk must not prevent the start.
        let _ = write_process_id(&file);
        Ok(Self { _file: file })
    }
}

/// Writes the process id into a lock file. A file with further hard links, or with other content than that of a lock,
/// stays as it is: it may be somebody's.
fn write_process_id(mut file: &File) -> io::Result<()> {
    if file.metadata()?.nlink() > 1 {
        return Ok(());
    }
    if content(file).is_some_and(|text| text.is_empty() || is_process_id(&text)) {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
    }
    Ok(())
}

/// Content of a lock file, without the white space and the zeros that a crash leaves; `None` if it is too long for one.
fn content(file: &File) -> Option<String> {
    let mut bytes = [0; MAX_BYTES + 1];
    let length = file.read_at(&mut bytes, 0).ok().filter(|length| *length <= MAX_BYTES)?;
    let text = std::str::from_utf8(&bytes[..length]).ok()?;
    Some(text.trim_matches(|character: char| character.is_ascii_whitespace() || character == '\0').to_owned())
}

fn is_process_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
