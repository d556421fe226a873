//! Where cuts lie: a file each, in a directory of the state directory.
//!
//! A file is the cut as JSON on one line, and the BLAKE3 hash of that line on a second. It is written under another name, synced, renamed, and the
//! directory synced: after that it stays, and is never written again.

use std::io;
use std::sync::Arc;

use super::record::{Cut, cut_id};
use crate::clock::Millis;
use crate::disk::{AtomicFile, Disk};
use crate::view::closed_periods::ClosedPeriods;

/// The name of their directory.
const DIRECTORY: &str = "cuts";
/// The most that a file may hold (bytes).
const MAX_BYTES: u64 = 64 * 1_024 * 1_024;

/// The cuts of a state directory. Clones are the same.
#[derive(Clone)]
pub struct CutStore {
    disk: Arc<dyn Disk>,
}

impl CutStore {
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    /// Stores a cut for good.
    ///
    /// # Errors
    /// If the disk fails; it may be tried again.
    pub fn put(&self, cut: &Cut) -> io::Result<()> {
        let line = serde_json::to_string(cut).map_err(io::Error::other)?;
        let hash = blake3::hash(line.as_bytes()).to_hex();
        let mut file = AtomicFile::create(Arc::clone(&self.disk), path_of(&cut.id))?;
        file.append(format!("{line}\n{hash}\n").as_bytes())?;
        file.commit()
    }

    /// The cut of a name; none if there is none.
    ///
    /// # Errors
    /// If the disk fails, or the file is damaged.
    pub fn get(&self, id: &str) -> io::Result<Option<Cut>> {
        if !self.names()?.iter().any(|name| name == id) {
            return Ok(None);
        }
        self.read(id).map(Some)
    }

    fn read(&self, id: &str) -> io::Result<Cut> {
        let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", path_of(id)));
        let file = self.disk.open(&path_of(id))?;
        let length = file.len()?;
        if length > MAX_BYTES {
            return Err(damaged("is larger than any cut"));
        }
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, 0)?;
        let text = String::from_utf8(bytes).map_err(|_| damaged("is not text"))?;
        let (line, hash) = text.trim_end_matches('\n').split_once('\n').ok_or_else(|| damaged("has no hash"))?;
        if blake3::hash(line.as_bytes()).to_hex().as_str() != hash {
            return Err(damaged("is damaged: its hash is another"));
        }
        let cut: Cut =
            serde_json::from_str(line).map_err(|error| damaged(&format!("is no cut of this version: {error}")))?;
        if cut.id == id { Ok(cut) } else { Err(damaged("is the file of another cut")) }
    }

    /// The names of all, the oldest first.
    fn names(&self) -> io::Result<Vec<String>> {
        let files = self.disk.list(DIRECTORY)?;
        let mut names: Vec<String> =
            files.iter().filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// What all cuts say, and what is wrong with those that cannot be read: they are left as they are, and taken again if the log still has them.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn closed_periods(&self) -> io::Result<(ClosedPeriods, Vec<io::Error>)> {
        let (mut closed_periods, mut faults) = (ClosedPeriods::default(), Vec::new());
        for name in self.names()? {
            match self.read(&name) {
                Ok(cut) => cut.report(&mut closed_periods),
                Err(fault) => faults.push(fault),
            }
        }
        Ok((closed_periods, faults))
    }

    /// Removes the cuts before an instant.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn prune(&self, before: Millis) -> io::Result<()> {
        let oldest = cut_id(before);
        for name in self.names()?.iter().filter(|name| **name < oldest) {
            self.disk.remove(&path_of(name))?;
        }
        self.disk.sync_directory(DIRECTORY)
    }
}

fn path_of(id: &str) -> String {
    format!("{DIRECTORY}/{id}.json")
}
