//! A disk with a page cache: what is not synced may be lost, in part or whole, when the machine goes down.
//!
//! The bytes of a file are durable once it is synced, its name once its directory is. At a crash any subset of the
//! unsynced changes to a directory survives, and any subset of the unsynced blocks of a file. After a failed sync the
//! bytes never become durable, even if a second sync reports success.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pacemeter::disk::{Disk, DiskReader, DiskWriter};

use super::actions::DiskFault;

type Inode = usize;

/// Unit of bytes that survives a crash or does not.
const BLOCK: usize = 512;

#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    /// Number of bytes that are durable.
    safe: usize,
    /// True after a failed sync: no later sync makes the file durable.
    has_failed: bool,
}

enum Change {
    Name(String, Inode),
    Rename(String, String, Inode),
    Remove(String, Inode),
}

#[derive(Default)]
struct Inner {
    files: Vec<File>,
    names: BTreeMap<String, Inode>,
    /// Names that survive any crash.
    safe_names: BTreeMap<String, Inode>,
    changes: Vec<Change>,
    /// Number of calls before one fails, and whether it fails because the disk is full.
    fails: Option<(u8, bool)>,
    is_full: bool,
    lies: bool,
    /// Number of calls until the process is dead: from then on every call fails, until the crash.
    dies: Option<u8>,
    /// Number of failed calls.
    failures: u64,
}

/// Handle of the disk; clones share it.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<Inner>>);

/// Kinds of calls: those that need space, and others.
#[derive(PartialEq, Eq)]
enum Call {
    Grows,
    Other,
}

impl SimDisk {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of failed calls.
    pub fn failures(&self) -> u64 {
        self.inner().failures
    }

    pub fn inject(&self, fault: DiskFault) {
        let mut inner = self.inner();
        match fault {
            DiskFault::Fail { after, is_full } => inner.fails = Some((after, is_full)),
            DiskFault::Full => inner.is_full = true,
            DiskFault::Lies => inner.lies = true,
            DiskFault::Repaired => {
                (inner.fails, inner.is_full, inner.lies) = (None, false, false);
                inner.changes.clear();
                inner.safe_names = inner.names.clone();
                inner.files.iter_mut().for_each(|file| file.safe = file.bytes.len());
            }
            DiskFault::Decay { pattern } => inner.decay(pattern),
            DiskFault::Dies { after } => inner.dies = Some(after),
        }
    }

    /// Removes all files whose path has this prefix, as an operator can.
    pub fn remove_all(&self, prefix: &str) {
        let mut inner = self.inner();
        inner.names.retain(|path, _| !path.starts_with(prefix));
        inner.safe_names.retain(|path, _| !path.starts_with(prefix));
    }

    /// The process dies, or the machine goes down. `pattern` decides what survives of that which is not durable.
    pub fn crash(&self, pattern: u64) {
        let mut inner = self.inner();
        let mut random = fastrand::Rng::with_seed(pattern);
        (inner.fails, inner.dies) = (None, None);
        let Some(survives) = Survival::of(&mut random) else { return };
        let mut names = std::mem::take(&mut inner.safe_names);
        for change in std::mem::take(&mut inner.changes) {
            if survives.change(&mut random) {
                change.apply(&mut names);
            }
        }
        for file in &mut inner.files {
            survives.bytes(file, &mut random);
            (file.safe, file.has_failed) = (file.bytes.len(), false);
        }
        inner.names = names.clone();
        inner.safe_names = names;
    }
}

/// Survival of changes and bytes that are not durable.
enum Survival {
    Nothing,
    All,
    Some,
}

impl Survival {
    /// `None` if only the process dies: then nothing is lost, and nothing becomes durable.
    fn of(random: &mut fastrand::Rng) -> Option<Self> {
        match random.u8(..5) {
            0 => None,
            1 => Some(Survival::Nothing),
            2 => Some(Survival::All),
            _ => Some(Survival::Some),
        }
    }

    fn change(&self, random: &mut fastrand::Rng) -> bool {
        match self {
            Survival::Nothing => false,
            Survival::All => true,
            Survival::Some => random.bool(),
        }
    }

    fn bytes(&self, file: &mut File, random: &mut fastrand::Rng) {
        if file.safe == file.bytes.len() {
            return;
        }
        match self {
            Survival::All => {}
            Survival::Nothing => file.bytes.truncate(file.safe),
            Survival::Some => match random.u8(..3) {
                0 => file.bytes.truncate(random.usize(file.safe..=file.bytes.len())),
                1 => file.bytes[file.safe..].fill(0),
                _ => {
                    file.bytes[file.safe..].chunks_mut(BLOCK).filter(|_| random.bool()).for_each(|block| block.fill(0))
                }
            },
        }
    }
}

impl Change {
    fn apply(self, names: &mut BTreeMap<String, Inode>) {
        match self {
            Change::Name(path, inode) => {
                names.insert(path, inode);
            }
            Change::Rename(from, to, inode) => {
                if names.get(&from) == Some(&inode) {
                    names.remove(&from);
                }
                names.insert(to, inode);
            }
            Change::Remove(path, inode) => {
                if names.get(&path) == Some(&inode) {
                    names.remove(&path);
                }
            }
        }
    }

    fn path(&self) -> &str {
        match self {
            Change::Name(path, _) | Change::Rename(_, path, _) | Change::Remove(path, _) => path,
        }
    }
}

fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

impl Inner {
    /// Counts a call and fails it if that is due.
    fn call(&mut self, call: &Call) -> io::Result<()> {
        match &mut self.dies {
            Some(0) => return Err(ErrorKind::Other.into()),
            Some(left) => *left -= 1,
            None => {}
        }
        let mut error = (self.is_full && *call == Call::Grows).then_some(ErrorKind::StorageFull);
        match &mut self.fails {
            Some((0, is_full)) if !*is_full || *call == Call::Grows => {
                // There is no stable ErrorKind for EIO.
                error = Some(if *is_full { ErrorKind::StorageFull } else { ErrorKind::Other });
                self.fails = None;
            }
            Some((left, _)) => *left = left.saturating_sub(1),
            None => {}
        }
        let Some(error) = error else { return Ok(()) };
        self.failures += 1;
        Err(error.into())
    }

    fn inode(&self, path: &str) -> io::Result<Inode> {
        self.names.get(path).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Flips bits of a file, more often near its end, where the index of a checkpoint is.
    fn decay(&mut self, pattern: u64) {
        let mut random = fastrand::Rng::with_seed(pattern);
        let inodes: Vec<Inode> = self.names.values().copied().collect();
        let Some(&inode) = random.choice(&inodes) else { return };
        let bytes = &mut self.files[inode].bytes;
        for _ in 0..*random.choice(&[1, 1, 3]).expect("some") {
            let first = if random.bool() { bytes.len().saturating_sub(1_024) } else { 0 };
            if first < bytes.len() {
                let at = random.usize(first..bytes.len());
                bytes[at] ^= 1 << random.u8(..8);
            }
        }
    }
}

impl Disk for SimDisk {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let mut inner = self.inner();
        inner.call(&Call::Other)?;
        let prefix = format!("{directory}/");
        let below = inner.names.keys().filter_map(|path| path.strip_prefix(&prefix));
        let mut names: Vec<String> = below.filter_map(|rest| rest.split('/').next()).map(str::to_owned).collect();
        names.dedup();
        Ok(names)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskWriter>> {
        let mut inner = self.inner();
        inner.call(&Call::Grows)?;
        inner.files.push(File::default());
        let inode = inner.files.len() - 1;
        inner.names.insert(path.to_owned(), inode);
        inner.changes.push(Change::Name(path.to_owned(), inode));
        Ok(Box::new(Open { disk: self.clone(), inode }))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskReader>> {
        let mut inner = self.inner();
        inner.call(&Call::Other)?;
        Ok(Box::new(Open { disk: self.clone(), inode: inner.inode(path)? }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.inner();
        inner.call(&Call::Grows)?;
        let inode = inner.inode(from)?;
        inner.names.remove(from);
        inner.names.insert(to.to_owned(), inode);
        inner.changes.push(Change::Rename(from.to_owned(), to.to_owned(), inode));
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut inner = self.inner();
        inner.call(&Call::Other)?;
        let inode = inner.inode(path)?;
        inner.names.remove(path);
        inner.changes.push(Change::Remove(path.to_owned(), inode));
        Ok(())
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        let mut inner = self.inner();
        inner.call(&Call::Other)?;
        if inner.lies {
            return Ok(());
        }
        let changes = std::mem::take(&mut inner.changes);
        let (synced, others) = changes.into_iter().partition(|change| directory_of(change.path()) == directory);
        inner.changes = others;
        let synced: Vec<Change> = synced;
        synced.into_iter().for_each(|change| change.apply(&mut inner.safe_names));
        Ok(())
    }
}

/// An open file; renaming and removing do not affect it.
struct Open {
    disk: SimDisk,
    inode: Inode,
}

impl DiskWriter for Open {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.disk.inner();
        let called = inner.call(&Call::Grows);
        let written = if called.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        inner.files[self.inode].bytes.extend_from_slice(written);
        called
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut inner = self.disk.inner();
        let called = inner.call(&Call::Other);
        let lies = inner.lies;
        let file = &mut inner.files[self.inode];
        file.has_failed |= called.is_err();
        if !file.has_failed && !lies {
            file.safe = file.bytes.len();
        }
        called
    }
}

impl DiskReader for Open {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.inner().files[self.inode].bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut inner = self.disk.inner();
        inner.call(&Call::Other)?;
        let bytes = &inner.files[self.inode].bytes;
        let start = usize::try_from(offset).ok();
        let range = start.and_then(|start| bytes.get(start..start.checked_add(buffer.len())?));
        buffer.copy_from_slice(range.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
