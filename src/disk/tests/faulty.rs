//! A disk that fails on demand.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::disk::error::named;
use crate::disk::{Disk, DiskReader, DiskWriter, MemoryDisk};

/// An operation of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    List,
    Create,
    Append,
    Sync,
    Open,
    Rename,
    Remove,
    SyncDirectory,
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub op: Op,
    /// Path of the call; for a rename, the old one.
    pub path: String,
    pub is_refused: bool,
}

/// Records all calls and refuses some of them. A refused append writes the first half of its bytes.
#[derive(Clone, Default)]
pub(crate) struct FaultyDisk {
    pub disk: MemoryDisk,
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    calls: Vec<Call>,
    refused: std::ops::Range<usize>,
    kind: Option<ErrorKind>,
}

impl FaultyDisk {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.script().calls.clone()
    }

    /// Lets `after` calls pass, then refuses `count` calls.
    pub(crate) fn refuse(&self, after: usize, count: usize, kind: ErrorKind) {
        let mut script = self.script();
        let start = script.calls.len() + after;
        (script.refused, script.kind) = (start..start.saturating_add(count), Some(kind));
    }

    /// Refuses nothing any more.
    pub(crate) fn heal(&self) {
        self.script().refused = 0..0;
    }

    fn call(&self, op: Op, path: &str) -> io::Result<()> {
        let mut script = self.script();
        let number = script.calls.len();
        let refused = script.kind.filter(|_| script.refused.contains(&number));
        script.calls.push(Call { op, path: path.to_owned(), is_refused: refused.is_some() });
        refused.map_or(Ok(()), |kind| Err(named("use", path)(kind.into())))
    }
}

impl Disk for FaultyDisk {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.call(Op::List, directory)?;
        self.disk.list(directory)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskWriter>> {
        self.call(Op::Create, path)?;
        Ok(Box::new(FaultyFile { disk: self.clone(), path: path.to_owned(), file: self.disk.create(path)? }))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskReader>> {
        self.call(Op::Open, path)?;
        self.disk.open(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.call(Op::Rename, from)?;
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.call(Op::Remove, path)?;
        self.disk.remove(path)
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        self.call(Op::SyncDirectory, directory)
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    path: String,
    file: Box<dyn DiskWriter>,
}

impl DiskWriter for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let result = self.disk.call(Op::Append, &self.path);
        self.file.append(if result.is_ok() { bytes } else { &bytes[..bytes.len() / 2] })?;
        result
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.call(Op::Sync, &self.path)
    }
}
