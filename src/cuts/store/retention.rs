//! Retention: removes old cuts, and keeps the evidence of losses that nobody has accepted.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};

use super::{CutStore, DIRECTORY, id_of, is_aside};
use crate::clock::Timestamp;
use crate::cuts::record::{cut_id, instant_of};

impl CutStore {
    /// Removes the cuts of instants before `before`, and what was quarantined of them. What is lost stays until an
    /// operator accepts it.
    ///
    /// # Errors
    /// Returns an error if the disk refuses; some cuts may be removed.
    pub fn prune(&self, before: Timestamp) -> io::Result<()> {
        let oldest = cut_id(before);
        let mut state = self.lock();
        let mut chain = self.loaded(&mut state)?;
        let is_old = |id: &str| id < oldest.as_str() && instant_of(id).is_some();
        let covered = chain.covered();
        let is_evidence = |name: &String| is_aside(name) && !covered.contains(name.as_str());
        let mut old = self.names()?;
        old.retain(|name| is_old(id_of(name)) && !is_evidence(name));
        let losses: BTreeSet<String> = chain.losses().map(|entry| entry.seal.hash.clone()).collect();
        let listed = chain.entries.len();
        chain.entries.retain(|entry| entry.id >= oldest || losses.contains(&entry.seal.hash));
        if old.is_empty() && chain.entries.len() == listed {
            return Ok(());
        }
        // The list first: a crash leaves files below its oldest id, which the next call removes.
        chain.oldest = chain.oldest.max(oldest);
        self.save(&chain)?;
        self.keep(&mut state, chain);
        for name in old {
            match self.disk.remove(&format!("{DIRECTORY}/{name}")) {
                // Such as a name that is not UTF-8, which is none of ours.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        self.disk.sync_directory(DIRECTORY)
    }
}
