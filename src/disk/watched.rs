//! A disk that counts its calls, so that another thread sees whether work on it advances.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Disk, DiskReader, DiskWriter};

/// Progress of work on the disk: the number of calls that have returned, and the one in progress.
#[derive(Debug, Default)]
pub(crate) struct DiskProgress {
    calls: AtomicU64,
    current: Mutex<String>,
}

impl DiskProgress {
    /// Returns the number of calls that have returned.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Returns the call in progress, or else the last one: what it does, and the path.
    pub(crate) fn current(&self) -> String {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a call, and counts it once it returns. `action` is a verb in its -ing form.
    pub(crate) fn track<T>(&self, action: &str, path: &str, call: impl FnOnce() -> T) -> T {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = format!("{action} {path}");
        let result = call();
        self.calls.fetch_add(1, Ordering::Relaxed);
        result
    }
}

/// A disk whose calls are counted.
pub(crate) struct WatchedDisk<D> {
    disk: D,
    progress: Arc<DiskProgress>,
}

impl<D: Disk> WatchedDisk<D> {
    /// Counts the calls to a disk.
    pub(crate) fn new(disk: D, progress: Arc<DiskProgress>) -> Self {
        Self { disk, progress }
    }

    fn watched<F>(&self, file: F, path: &str) -> WatchedFile<F> {
        WatchedFile { file, path: path.to_owned(), progress: Arc::clone(&self.progress) }
    }
}

impl<D: Disk> Disk for WatchedDisk<D> {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.progress.track("listing", directory, || self.disk.list(directory))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskWriter>> {
        let file = self.progress.track("creating", path, || self.disk.create(path))?;
        Ok(Box::new(self.watched(file, path)))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskReader>> {
        let file = self.progress.track("opening", path, || self.disk.open(path))?;
        Ok(Box::new(self.watched(file, path)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.progress.track("renaming", from, || self.disk.rename(from, to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.progress.track("removing", path, || self.disk.remove(path))
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        self.progress.track("syncing", directory, || self.disk.sync_directory(directory))
    }
}

struct WatchedFile<F> {
    file: F,
    path: String,
    progress: Arc<DiskProgress>,
}

impl DiskReader for WatchedFile<Box<dyn DiskReader>> {
    fn len(&self) -> io::Result<u64> {
        self.progress.track("reading", &self.path, || self.file.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.progress.track("reading", &self.path, || self.file.read_exact_at(buffer, offset))
    }
}

impl DiskWriter for WatchedFile<Box<dyn DiskWriter>> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = &mut self.file;
        self.progress.track("writing", &self.path, || file.append(bytes))
    }

    fn sync(&mut self) -> io::Result<()> {
        let file = &mut self.file;
        self.progress.track("syncing", &self.path, || file.sync())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{AtomicFile, MemoryDisk};

    #[test]
    fn every_call_is_counted_with_its_path() {
        let progress = Arc::new(DiskProgress::default());
        let disk = Arc::new(WatchedDisk::new(MemoryDisk::default(), Arc::clone(&progress)));
        let mut file = AtomicFile::create(Arc::clone(&disk) as _, "cuts/one".to_owned()).unwrap();
        assert_eq!((progress.calls(), progress.current().as_str()), (1, "creating cuts/one.tmp"));
        file.append(b"12").unwrap();
        file.commit().unwrap();
        assert_eq!((progress.calls(), progress.current().as_str()), (5, "syncing cuts"));
        let reader = disk.open("cuts/one").unwrap();
        let mut content = [0; 2];
        reader.read_exact_at(&mut content, 0).unwrap();
        assert_eq!((reader.len().unwrap(), &content), (2, b"12"));
        assert_eq!(disk.list("cuts").unwrap(), ["one"]);
        disk.remove("cuts/one").unwrap();
        assert!(disk.open("cuts/one").is_err());
        assert_eq!((progress.calls(), progress.current().as_str()), (11, "opening cuts/one"));
    }
}
