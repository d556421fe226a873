//! A disk that checks how much is read at once.

use std::io;

use crate::disk::{Disk, DiskReader, DiskWriter, MemoryDisk};

/// Panics if a single read asks for more bytes than the file has.
#[derive(Clone, Default)]
pub(super) struct WatchingDisk(pub MemoryDisk);

impl Disk for WatchingDisk {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.0.list(directory)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskWriter>> {
        self.0.create(path)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskReader>> {
        Ok(Box::new(WatchingReader(self.0.open(path)?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.0.remove(path)
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        self.0.sync_directory(directory)
    }
}

struct WatchingReader(Box<dyn DiskReader>);

impl DiskReader for WatchingReader {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        // The preamble is read before the length of the file is compared.
        assert!(buffer.len() as u64 <= self.len()?.max(64), "{} bytes allocated", buffer.len());
        self.0.read_exact_at(buffer, offset)
    }
}
