//! Files of the state directory, and the one way to make a file durable.
//!
//! [`RealDisk`] is the machine's file system. Tests replace it with a disk in memory ([`MemoryDisk`]), or with one that
//! fails, lies or loses its cache; [`Disk`] is all that the rest of the program knows of either. [`Lock`] reserves the
//! directory for one process.
//!
//! # Atomic write
//!
//! `AtomicFile` makes a file appear under its name complete and durable, or not at all. Checkpoints, files of closed
//! days and cuts are written with it and with nothing else:
//!
//! | step | call | `<path>`, if the machine crashes after the step |
//! |---|---|---|
//! | create | clear the name `<path>.tmp`; create a file there, for its owner alone | as before |
//! | append, any number | `write` | as before |
//! | sync | `fsync` of the file | as before; the new content is durable under the temporary name |
//! | rename | `rename` to `<path>` | as before, or complete |
//! | sync the directory | `fsync` of the directory | complete |
//!
//! Each step consumes the value of the step before (`AtomicFile`, `SyncedFile`, `RenamedFile`), so the compiler rejects
//! any other order. A failed step consumes it as well, so it cannot be retried. After a failed `fsync` the kernel may
//! have dropped the unwritten pages and marked them clean; a second `fsync` would then report success for data that is
//! lost ("fsyncgate", PostgreSQL 2018). A caller that still wants the file writes it again from memory, into a new
//! temporary file.
//!
//! A temporary file that a crash left behind is never read, and the next attempt removes it. So it does with whatever else
//! has the name: a link, a pipe or an empty directory is removed, a directory with content is renamed to
//! `<path>.tmp.moved-<n>`. A directory with the name `<path>` makes room in the same way.
//!
//! # Links
//!
//! The state directory may be a link. Nothing in it is: links are neither read nor written through, whether they are in
//! place of a file or of a directory.

mod atomic;
mod error;
mod lock;
mod memory;
mod real;
mod rights;
#[cfg(test)]
pub(crate) mod tests;
mod watched;

pub(crate) use atomic::{AtomicFile, RenamedFile, SyncedFile, TEMPORARY_SUFFIX};
pub(crate) use lock::NAME as LOCK_NAME;
pub use lock::{Lock, LockError};
pub use memory::MemoryDisk;
pub use real::RealDisk;
pub(crate) use watched::{DiskProgress, WatchedDisk};

use std::io;

/// A directory tree of plain files. Paths are relative to the state directory, with `/` between names. Errors name the
/// path.
pub trait Disk: Send + Sync {
    /// Returns the names of the files and directories in a directory, in any order; empty if the directory does not
    /// exist.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;
    /// Creates an empty file and its missing parent directories, readable by their owner alone. Replaces what has its
    /// name.
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskWriter>>;
    /// Opens a file for reading; `NotFound` if it does not exist, `InvalidData` if it is no regular file.
    fn open(&self, path: &str) -> io::Result<Box<dyn DiskReader>>;
    /// Renames a file, replacing what has the new name. Durable only after [`Disk::sync_directory`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes what has a name; `NotFound` if nothing has it. Durable only after [`Disk::sync_directory`].
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Makes the creations, renames and removals in a directory durable.
    fn sync_directory(&self, directory: &str) -> io::Result<()>;
}

/// A file that is written once, from beginning to end.
pub trait DiskWriter: Send {
    /// Appends all of `bytes`. After an error an unknown part of them has been written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes everything that was appended durable. Must not be retried: after an error the content on disk is unknown.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file that does not change while it is read.
#[expect(clippy::len_without_is_empty, reason = "a file, not a collection")]
pub trait DiskReader: Send + Sync {
    /// Returns the length of the file in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Fills `buffer` from `offset` (bytes); `UnexpectedEof` if the file ends before that.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}
