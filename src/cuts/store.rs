//! The cuts of a state directory, one file each. The format is in the documentation of [`crate::cuts`].

use std::io;
use std::sync::Arc;

use super::record::{Cut, cut_id};
use crate::clock::Timestamp;
use crate::disk::{AtomicFile, Disk};
use crate::view::closed_periods::ClosedPeriods;

/// Directory of the cuts, relative to the state directory.
const DIRECTORY: &str = "cuts";
/// Maximum length of a file (bytes).
const MAX_BYTES: u64 = 64 * 1_024 * 1_024;

/// The cuts of a state directory. Clones share the disk.
#[derive(Clone)]
pub struct CutStore {
    disk: Arc<dyn Disk>,
}

impl CutStore {
    /// Opens the store of a state directory.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    /// Stores a cut durably with the atomic write of [`crate::disk`], replacing one with the same id.
    ///
    /// # Errors
    /// Returns an error if the disk refuses. The whole write may be repeated.
    pub fn put(&self, cut: &Cut) -> io::Result<()> {
        let line = serde_json::to_string(cut).map_err(io::Error::other)?;
        let hash = blake3::hash(line.as_bytes()).to_hex();
        let mut file = AtomicFile::create(Arc::clone(&self.disk), path_of(&cut.id))?;
        file.append(format!("{line}\n{hash}\n").as_bytes())?;
        file.commit()
    }

    /// Reads the cut with this id; `None` if there is none.
    ///
    /// # Errors
    /// Returns an error if the disk refuses, or the file is damaged.
    pub fn get(&self, id: &str) -> io::Result<Option<Cut>> {
        if !self.ids()?.iter().any(|other| other == id) {
            return Ok(None);
        }
        self.read(id).map(Some)
    }

    fn read(&self, id: &str) -> io::Result<Cut> {
        let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", path_of(id)));
        let file = self.disk.open(&path_of(id))?;
        let length = file.len()?;
        if length > MAX_BYTES {
            return Err(damaged("is larger than a cut can be"));
        }
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, 0)?;
        let text = String::from_utf8(bytes).map_err(|_| damaged("is not text"))?;
        let (line, hash) = text.trim_end_matches('\n').split_once('\n').ok_or_else(|| damaged("has no hash"))?;
        if blake3::hash(line.as_bytes()).to_hex().as_str() != hash {
            return Err(damaged("is damaged: its hash differs"));
        }
        let cut: Cut =
            serde_json::from_str(line).map_err(|error| damaged(&format!("is not a cut of this version: {error}")))?;
        if cut.id == id { Ok(cut) } else { Err(damaged("has another cut")) }
    }

    /// Ids of all cuts, oldest first.
    fn ids(&self) -> io::Result<Vec<String>> {
        let files = self.disk.list(DIRECTORY)?;
        let mut ids: Vec<String> =
            files.iter().filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Reads all cuts; returns their closed periods, and the error of each cut that cannot be read.
    ///
    /// Damaged cuts are left where they are. They are taken again if the log still has their records.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be listed.
    pub fn closed_periods(&self) -> io::Result<(ClosedPeriods, Vec<io::Error>)> {
        let (mut closed_periods, mut faults) = (ClosedPeriods::default(), Vec::new());
        for id in self.ids()? {
            match self.read(&id) {
                Ok(cut) => cut.report(&mut closed_periods),
                Err(fault) => faults.push(fault),
            }
        }
        Ok((closed_periods, faults))
    }

    /// Removes the cuts of instants before `before`.
    ///
    /// # Errors
    /// Returns an error if the disk refuses; some cuts may be removed.
    pub fn prune(&self, before: Timestamp) -> io::Result<()> {
        let oldest = cut_id(before);
        for id in self.ids()?.iter().filter(|id| **id < oldest) {
            self.disk.remove(&path_of(id))?;
        }
        self.disk.sync_directory(DIRECTORY)
    }
}

fn path_of(id: &str) -> String {
    format!("{DIRECTORY}/{id}.json")
}
