//! A disk with a page cache: what is not synced may be lost, in part or whole, when the machine goes down.
//!
//! A file's bytes are safe once it is synced, its name once its directory is. At a crash any of the changes to a directory that were not
//! synced may survive, whatever became of the others, and any blocks of the bytes that were not. After a failed sync those bytes stay
//! unsafe for good, though a second sync would say otherwise.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pacemeter::disk::{Disk, DiskReader, DiskWriter};

use super::actions::Trouble;

type Inode = usize;

/// What survives or not by itself.
const BLOCK: usize = 512;

#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    /// So many of them are safe.
    safe: usize,
    /// A sync failed: no other makes it safe.
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
    /// As a crash would leave them at least.
    safe_names: BTreeMap<String, Inode>,
    changes: Vec<Change>,
    /// Calls until one fails, and whether it is for want of room.
    fails: Option<(u8, bool)>,
    is_full: bool,
    lies: bool,
    /// Failures so far.
    failures: u64,
}

/// Clones are the same.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<Inner>>);

/// Calls that need room, and those that do not.
#[derive(PartialEq, Eq)]
enum Call {
    Grows,
    Other,
}

impl SimDisk {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls failed so far.
    pub fn failures(&self) -> u64 {
        self.inner().failures
    }

    pub fn trouble(&self, trouble: Trouble) {
        let mut inner = self.inner();
        match trouble {
            Trouble::Fail { after, is_full } => inner.fails = Some((after, is_full)),
            Trouble::Full => inner.is_full = true,
            Trouble::Lies => inner.lies = true,
            Trouble::Mended => {
                (inner.fails, inner.is_full, inner.lies) = (None, false, false);
                inner.changes.clear();
                inner.safe_names = inner.names.clone();
                inner.files.iter_mut().for_each(|file| file.safe = file.bytes.len());
            }
            Trouble::Decay { pattern } => inner.decay(pattern),
        }
    }

    /// Somebody removes all files whose path begins so.
    pub fn remove_all(&self, prefix: &str) {
        let mut inner = self.inner();
        inner.names.retain(|path, _| !path.starts_with(prefix));
        inner.safe_names.retain(|path, _| !path.starts_with(prefix));
    }

    /// The process dies, or the machine goes down: what is not safe survives as `pattern` has it.
    pub fn crash(&self, pattern: u64) {
        let mut inner = self.inner();
        let mut random = fastrand::Rng::with_seed(pattern);
        inner.fails = None;
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

/// What a crash spares.
enum Survival {
    Nothing,
    All,
    Some,
}

impl Survival {
    /// None if only the process dies: then nothing is lost, nor any safer than before.
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
    /// Whether a call goes well.
    fn call(&mut self, call: &Call) -> io::Result<()> {
        let mut error = (self.is_full && *call == Call::Grows).then_some(ErrorKind::StorageFull);
        match &mut self.fails {
            Some((0, is_full)) if !*is_full || *call == Call::Grows => {
                // There is no stable kind for EIO.
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

    /// Flips bits of a file, more often near its end, where its index is.
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

/// A file that stays what it is under whatever name.
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
