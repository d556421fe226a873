//! A disk in memory, for tests.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Disk, DiskReader, DiskWriter};

type Content = Arc<Mutex<Vec<u8>>>;

/// A disk in memory that never fails and loses nothing in a crash. Clones share their files.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk {
    files: Arc<Mutex<BTreeMap<String, Content>>>,
}

impl MemoryDisk {
    fn with_files<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Content>) -> T) -> T {
        work(&mut self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the content of a file; `None` if it does not exist.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.with_files(|files| files.get(path).map(|content| lock(content).clone()))
    }

    /// Stores a file, replacing an existing one.
    pub fn put(&self, path: &str, content: Vec<u8>) {
        self.with_files(|files| files.insert(path.to_owned(), Arc::new(Mutex::new(content))));
    }

    /// Returns the paths of all files, sorted.
    pub fn paths(&self) -> Vec<String> {
        self.with_files(|files| files.keys().cloned().collect())
    }
}

fn lock(content: &Content) -> std::sync::MutexGuard<'_, Vec<u8>> {
    content.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_found() -> io::Error {
    ErrorKind::NotFound.into()
}

impl Disk for MemoryDisk {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{directory}/");
        let mut names: Vec<String> = self.with_files(|files| {
            let below = files.keys().filter_map(|path| path.strip_prefix(&prefix));
            below.filter_map(|rest| rest.split('/').next()).map(str::to_owned).collect()
        });
        names.dedup();
        Ok(names)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskWriter>> {
        let content = Content::default();
        self.with_files(|files| files.insert(path.to_owned(), Arc::clone(&content)));
        Ok(Box::new(OpenFile(content)))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskReader>> {
        let content = self.with_files(|files| files.get(path).cloned()).ok_or_else(not_found)?;
        Ok(Box::new(OpenFile(content)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.with_files(|files| {
            let content = files.remove(from).ok_or_else(not_found)?;
            files.insert(to.to_owned(), content);
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.with_files(|files| files.remove(path)).map(|_| ()).ok_or_else(not_found)
    }

    fn sync_directory(&self, _directory: &str) -> io::Result<()> {
        Ok(())
    }
}

struct OpenFile(Content);

impl DiskWriter for OpenFile {
    fn append(&mut self, more: &[u8]) -> io::Result<()> {
        lock(&self.0).extend_from_slice(more);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskReader for OpenFile {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.0).len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let content = lock(&self.0);
        let start = usize::try_from(offset).ok();
        let range = start.and_then(|start| content.get(start..start.checked_add(buffer.len())?));
        buffer.copy_from_slice(range.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
