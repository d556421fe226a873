//! Acceptance of losses: the decision of an operator ends a fault, and is itself sealed in the list of cuts.

use std::io::{self, ErrorKind};

use super::{CutStore, id_of, is_aside, name_of};
use crate::clock::Timestamp;
use crate::cuts::chain::{CutAcceptance, MAX_ACCEPTANCES, SealKind};

impl CutStore {
    /// Accepts everything that is lost, unproven or quarantined, or only what concerns one cut (`chain` for the list).
    /// Returns what was accepted, which stays in the list.
    ///
    /// Whole files of lost cuts are restored first, and everything else damaged is quarantined, as at a start.
    ///
    /// # Errors
    /// If the disk refuses, or the list has no room for further acceptances.
    pub fn accept(&self, only: Option<&str>, reason: &str, now: Timestamp) -> io::Result<Vec<CutAcceptance>> {
        let mut guard = self.lock();
        let mut chain = self.load()?.chain;
        let is_meant = |id: &str| only.is_none_or(|only| only == id);
        let mut accepted: Vec<CutAcceptance> = Vec::new();
        let decision = |id: &str, what: &str| CutAcceptance {
            id: id.to_owned(),
            at_ms: now,
            what: what.to_owned(),
            reason: reason.to_owned(),
            files: Vec::new(),
        };
        if chain.rebuilt && is_meant("chain") {
            chain.rebuilt = false;
            accepted.push(decision("chain", "the list of cuts was damaged or missing"));
        }
        for entry in chain.entries.iter_mut().filter(|entry| entry.lost && !entry.accepted && is_meant(&entry.id)) {
            entry.accepted = true;
            accepted.push(decision(&entry.id, "was damaged or removed"));
        }
        for id in self.unlisted(&chain)?.into_iter().filter(|id| is_meant(id)) {
            match self.read_unlisted(&id)? {
                Some(file) if file.seal.kind == SealKind::Unsealed => {
                    chain.push(&id, file.seal);
                    accepted.push(decision(&id, "has no keyed hash from when it was stored"));
                }
                _ => self.quarantine(&name_of(&id))?,
            }
        }
        let aside = self.names()?.into_iter().filter(|name| is_aside(name) && !chain.covers(name));
        for name in aside.filter(|name| is_meant(id_of_aside(name))).collect::<Vec<_>>() {
            let id = id_of_aside(&name).to_owned();
            match accepted.iter_mut().find(|acceptance| acceptance.id == id) {
                Some(acceptance) => acceptance.files.push(name),
                None => {
                    accepted.push(CutAcceptance { files: vec![name], ..decision(&id, "was quarantined as damaged") })
                }
            }
        }
        if accepted.is_empty() {
            self.keep(&mut guard, chain);
            return Ok(accepted);
        }
        if chain.acceptances.len() + accepted.len() > MAX_ACCEPTANCES {
            let message = format!("the list of cuts holds at most {MAX_ACCEPTANCES} acceptances; investigate the disk");
            return Err(io::Error::new(ErrorKind::StorageFull, message));
        }
        chain.acceptances.extend(accepted.iter().cloned());
        self.save(&chain)?;
        self.keep(&mut guard, chain);
        Ok(accepted)
    }
}

/// Id in the name of a quarantined file; `chain` for a list.
fn id_of_aside(name: &str) -> &str {
    if name.starts_with("chain.") { "chain" } else { id_of(name) }
}
