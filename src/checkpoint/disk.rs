//! What checkpoints need of a file system; a trait, so that tests can have one that fails as disks do.

mod memory;
mod real;

pub use memory::MemoryDisk;
pub use real::RealDisk;

use std::io;

/// A directory tree of plain files. Paths are relative to the state directory, with `/` between names.
pub trait Disk: Send + Sync {
    /// The names of the files and directories in a directory, in any order; none if there is no such directory.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;
    /// Makes an empty file, over one that may be there, and the directories that it lies in. Only its owner may read it.
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskWriter>>;
    fn open(&self, path: &str) -> io::Result<Box<dyn DiskReader>>;
    /// Over a file that may be there.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Makes sure that what was created, renamed and removed in a directory stays so.
    fn sync_directory(&self, directory: &str) -> io::Result<()>;
}

/// A file that is written once, from its beginning to its end.
pub trait DiskWriter: Send {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes sure that what was appended stays. After a failure nothing is known of the file's content: it must not be tried again.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file that does not change while it is read.
#[expect(clippy::len_without_is_empty, reason = "a file, not a collection")]
pub trait DiskReader: Send + Sync {
    /// Bytes.
    fn len(&self) -> io::Result<u64>;
    /// Fills the buffer with what begins at `offset` (bytes); `UnexpectedEof` if the file ends before.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}
