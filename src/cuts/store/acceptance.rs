//! Acceptance of losses: the decision of an operator ends a fault, and is itself sealed in the list of cuts.
//!
//! A cut has an acceptance of its own while there is room. Files that were never cuts share one: anybody can put
//! thousands of them there.

use std::io::{self, ErrorKind};

use super::unlisted::Finding;
use super::{CutStore, STRANGER, StoreState, id_of, is_aside, name_of};
use crate::clock::Timestamp;
use crate::cuts::chain::{Chain, CutAcceptance, CutSeal, MAX_ACCEPTANCES, SealKind};
use crate::cuts::settlement::CutSettlement;

/// Id of the acceptance of all files that were never cuts.
const STRANGERS: &str = "strangers";
/// Id of the acceptance of more cuts than there is room for.
const CUTS: &str = "cuts";
/// Maximum number of quarantined files of one cut that its acceptance names. Anybody can make more, and the names stay in
/// the list.
const MAX_FILES_OF_CUT: usize = 20;
/// Maximum number of quarantined files that the acceptances of one call name.
const MAX_FILES: usize = 10_000;
/// Number of names of strangers in their acceptance.
const SHOWN_STRANGERS: usize = 5;

/// Result of an acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptanceReport {
    /// Decisions, which stay in the list.
    pub accepted: Vec<CutAcceptance>,
    /// Ids of cuts without a keyed hash that stay outside the list: they need [`CutStore::adopt_unsealed`].
    pub unsealed: Vec<String>,
}

/// Files outside the list.
#[derive(Default)]
struct UnlistedFiles {
    /// Whole cuts without a keyed hash, of instants that the list does not have.
    unsealed: Vec<(String, CutSeal)>,
    /// Names of files that were never cuts.
    strangers: Vec<String>,
}

/// Decisions of one call, before anything is renamed or saved.
struct Decisions<'a> {
    only: Option<&'a str>,
    reason: &'a str,
    now: Timestamp,
    accepted: Vec<CutAcceptance>,
    /// Names of files that were never cuts, or are too many to name.
    strangers: Vec<String>,
    /// Number of quarantined files that the decisions name.
    files: usize,
}

impl CutStore {
    /// Accepts everything that is lost or quarantined, or only what concerns one cut (`chain` for the list).
    ///
    /// Whole files of lost cuts are restored first, and everything else damaged is quarantined, as at a start. Files that
    /// were never cuts are renamed, and are not reported any more. Cuts without a keyed hash stay as they are: to believe
    /// them is another decision.
    ///
    /// # Errors
    /// If the disk refuses, or the list has no room for further acceptances; then no stranger is renamed.
    pub fn accept(&self, only: Option<&str>, reason: &str, now: Timestamp) -> io::Result<AcceptanceReport> {
        let mut guard = self.lock();
        let mut chain = self.load()?.chain;
        let mut decisions = Decisions::new(only, reason, now);
        decisions.accept_losses(&mut chain);
        let UnlistedFiles { unsealed, strangers } = self.unlisted_files(&mut chain, &decisions)?;
        decisions.strangers = strangers;
        let covered = chain.covered();
        for name in self.names()?.into_iter().filter(|name| is_aside(name) && !covered.contains(name.as_str())) {
            decisions.accept_aside(&chain, name);
        }
        decisions.fit(&chain)?;
        let accepted = self.carry_out(&mut guard, chain, decisions)?;
        Ok(AcceptanceReport { accepted, unsealed: unsealed.into_iter().map(|(id, _)| id).collect() })
    }

    /// Adds cuts without a keyed hash to the list, all or one: an older version stored them, as the operator says. Decides
    /// nothing else. Cuts of the list are never replaced.
    ///
    /// # Errors
    /// See [`CutStore::accept`].
    pub fn adopt_unsealed(&self, only: Option<&str>, reason: &str, now: Timestamp) -> io::Result<Vec<CutAcceptance>> {
        let mut guard = self.lock();
        let mut chain = self.load()?.chain;
        let mut decisions = Decisions::new(only, reason, now);
        for (id, seal) in self.unlisted_files(&mut chain, &decisions)?.unsealed {
            // Versions that stored no keyed hash knew no provisional cuts.
            chain.push(&id, seal, CutSettlement::default());
            decisions.push(&id, "has no keyed hash from when it was stored");
        }
        decisions.fit(&chain)?;
        self.carry_out(&mut guard, chain, decisions)
    }

    /// Tells cuts without a keyed hash from strangers among the files outside the list.
    fn unlisted_files(&self, chain: &mut Chain, decisions: &Decisions<'_>) -> io::Result<UnlistedFiles> {
        let (mut files, mut unsealed, mut refused) = (UnlistedFiles::default(), Vec::new(), None);
        let ids = self.unlisted(chain)?.into_iter().filter(|id| decisions.is_meant(id)).collect();
        self.examine(chain, ids, &mut |id, finding| match finding {
            Finding::Listed { .. } => {}
            Finding::Unsealed => unsealed.push(id.to_owned()),
            Finding::Unreadable(fault) if fault.kind() != ErrorKind::PermissionDenied => refused = Some(fault),
            // Who puts a file there can also forbid to read it.
            Finding::Stranger(_) | Finding::Unreadable(_) => files.strangers.push(name_of(id)),
        });
        if let Some(fault) = refused {
            return Err(fault);
        }
        unsealed.sort_unstable();
        for id in unsealed {
            match self.read_whole(&id)? {
                Some(file) if file.seal.kind == SealKind::Unsealed => files.unsealed.push((id, file.seal)),
                _ => files.strangers.push(name_of(&id)),
            }
        }
        files.strangers.sort_unstable();
        Ok(files)
    }

    /// Renames the strangers, then saves the decisions: after a crash between them there is less to accept.
    fn carry_out(
        &self,
        state: &mut StoreState,
        mut chain: Chain,
        decisions: Decisions<'_>,
    ) -> io::Result<Vec<CutAcceptance>> {
        if !decisions.strangers.is_empty() {
            self.set_aside(&decisions.strangers, STRANGER)?;
        }
        let accepted = decisions.accepted;
        chain.acceptances.extend(accepted.iter().cloned());
        if !accepted.is_empty() {
            self.save(&chain)?;
        }
        self.keep(state, chain);
        Ok(accepted)
    }
}

impl<'a> Decisions<'a> {
    fn new(only: Option<&'a str>, reason: &'a str, now: Timestamp) -> Self {
        Self { only, reason, now, accepted: Vec::new(), strangers: Vec::new(), files: 0 }
    }

    fn is_meant(&self, id: &str) -> bool {
        self.only.is_none_or(|only| only == id)
    }

    fn decision(&self, id: &str, what: &str) -> CutAcceptance {
        let (id, what, reason) = (id.to_owned(), what.to_owned(), self.reason.to_owned());
        CutAcceptance { id, at_ms: self.now, what, reason, files: Vec::new() }
    }

    fn push(&mut self, id: &str, what: &str) {
        self.accepted.push(self.decision(id, what));
    }

    fn accept_losses(&mut self, chain: &mut Chain) {
        if chain.rebuilt && self.is_meant("chain") {
            chain.rebuilt = false;
            self.push("chain", "the list of cuts was damaged or missing");
        }
        let mut lost: Vec<String> = Vec::new();
        for entry in chain.losses().filter(|entry| self.is_meant(&entry.id)) {
            if !lost.contains(&entry.id) {
                lost.push(entry.id.clone());
            }
        }
        for id in lost {
            chain.accept(&id);
            self.push(&id, "was damaged or removed");
        }
    }

    /// Accepts a quarantined file: with its cut, or as a stranger if there never was such a cut or its files are too many
    /// to name.
    fn accept_aside(&mut self, chain: &Chain, name: String) {
        let id = id_of_aside(&name).to_owned();
        if !self.is_meant(&id) {
            return;
        }
        if (id != "chain" && !chain.has(&id)) || self.files == MAX_FILES {
            return self.strangers.push(name);
        }
        match self.accepted.iter_mut().find(|acceptance| acceptance.id == id) {
            Some(acceptance) if acceptance.files.len() == MAX_FILES_OF_CUT => return self.strangers.push(name),
            Some(acceptance) => acceptance.files.push(name),
            None => {
                let files = vec![name];
                self.accepted.push(CutAcceptance { files, ..self.decision(&id, "was quarantined as damaged") });
            }
        }
        self.files += 1;
    }

    /// Makes the decisions fit into the list: strangers are one, and cuts as well if there is no room for each.
    ///
    /// # Errors
    /// If there is no room even so.
    fn fit(&mut self, chain: &Chain) -> io::Result<()> {
        let room = MAX_ACCEPTANCES.saturating_sub(chain.acceptances.len());
        let strangers = usize::from(!self.strangers.is_empty());
        let files: Vec<String> = self.accepted.iter().flat_map(|acceptance| acceptance.files.clone()).collect();
        if self.accepted.len() + strangers > room && self.accepted.len() > 1 {
            let what = format!("{} losses, too many to name", self.accepted.len());
            self.accepted = vec![CutAcceptance { files, ..self.decision(CUTS, &what) }];
        }
        if self.accepted.len() + strangers > room {
            let what = format!("the list of cuts holds at most {MAX_ACCEPTANCES} acceptances; investigate the disk");
            return Err(no_room(&what));
        }
        if !self.strangers.is_empty() {
            let count = self.strangers.len();
            let names = self.strangers[..count.min(SHOWN_STRANGERS)].join(", ");
            let what = format!(
                "renamed to <name>{STRANGER}<n>, as never a cut or too many to name: {count} files, such as {names}"
            );
            // No covered files: another file may get the old name.
            self.push(self.only.unwrap_or(STRANGERS), &what);
        }
        Ok(())
    }
}

fn no_room(what: &str) -> io::Error {
    io::Error::new(ErrorKind::StorageFull, what.to_owned())
}

/// Id in the name of a quarantined file; `chain` for a list.
fn id_of_aside(name: &str) -> &str {
    if name.starts_with("chain.") { "chain" } else { id_of(name) }
}
