//! The atomic write, one type per step. The protocol and its reasons are in the documentation of [`crate::disk`].

use std::io;
use std::sync::Arc;

use super::{Disk, DiskWriter};

/// Ends the name of a file that is not complete.
pub(crate) const TEMPORARY_SUFFIX: &str = ".tmp";

/// A file on its way to `path`, open under its temporary name.
pub(crate) struct AtomicFile {
    destination: Destination,
    file: Box<dyn DiskWriter>,
}

/// A closed file under its temporary name, its content durable.
#[must_use]
pub(crate) struct SyncedFile(Destination);

/// A file under its own name, which a crash may still undo.
#[must_use]
pub(crate) struct RenamedFile(Destination);

struct Destination {
    disk: Arc<dyn Disk>,
    path: String,
}

impl AtomicFile {
    /// Creates `<path>.tmp`. Removes what an earlier attempt left there.
    pub(crate) fn create(disk: Arc<dyn Disk>, path: String) -> io::Result<Self> {
        let file = disk.create(&temporary(&path))?;
        Ok(Self { destination: Destination { disk, path }, file })
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.append(bytes)
    }

    /// Makes the content durable, and closes the file in any case.
    pub(crate) fn sync(mut self) -> io::Result<SyncedFile> {
        self.file.sync()?;
        Ok(SyncedFile(self.destination))
    }

    /// Takes all steps from [`AtomicFile::sync`] on.
    pub(crate) fn commit(self) -> io::Result<()> {
        self.sync()?.rename()?.sync_directory()
    }
}

impl SyncedFile {
    /// Gives the file its own name, replacing a file that has it.
    pub(crate) fn rename(self) -> io::Result<RenamedFile> {
        let Destination { disk, path } = &self.0;
        disk.rename(&temporary(path), path)?;
        Ok(RenamedFile(self.0))
    }
}

impl RenamedFile {
    /// Makes the name durable: from now on the file survives a crash.
    pub(crate) fn sync_directory(self) -> io::Result<()> {
        let Destination { disk, path } = &self.0;
        disk.sync_directory(path.rsplit_once('/').map_or("", |(directory, _)| directory))
    }
}

fn temporary(path: &str) -> String {
    format!("{path}{TEMPORARY_SUFFIX}")
}
