//! Verification of stored cuts, which changes nothing.

use std::io::{self, ErrorKind};

use super::{CutStore, UNSEALED, id_of, ids, is_aside, is_next};
use crate::cuts::Cut;
use crate::cuts::chain::{Chain, ChainEntry, CutAcceptance, CutSeal, SealKind};
use crate::view::closed_periods::ClosedPeriods;

/// Number of times a verification starts again because a running process has stored a cut meanwhile.
const VERIFY_ATTEMPTS: usize = 3;

/// Result of the verification of one cut, or of the list of cuts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutVerdict {
    /// Id of the cut; `chain` for the list.
    pub id: String,
    /// Proof of an intact cut, nothing where an operator has accepted the loss, or what is wrong.
    pub result: Result<Option<CutSeal>, String>,
}

impl CutStore {
    /// Verifies all cuts, or one, without changing anything. May run beside a running process.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn verify(&self, only: Option<&str>) -> io::Result<Vec<CutVerdict>> {
        let mut verdicts = self.verify_once(only)?;
        for _ in 1..VERIFY_ATTEMPTS {
            if verdicts.iter().all(|verdict| verdict.result.is_ok()) {
                break;
            }
            verdicts = self.verify_once(only)?;
        }
        Ok(verdicts)
    }

    fn verify_once(&self, only: Option<&str>) -> io::Result<Vec<CutVerdict>> {
        let (names, mut verdicts) = (self.names()?, Vec::new());
        let mut chain = self.chain_to_verify(&mut verdicts)?;
        for entry in &chain.entries {
            let result = match self.read(&entry.id) {
                Ok(file) if file.seal == entry.seal => Ok(Some(file.seal)),
                _ if entry.lost && entry.accepted => Ok(None),
                _ if entry.lost => Err("was damaged or removed".to_owned()),
                Ok(_) => Err("is another file than the one stored".to_owned()),
                Err(error) if error.kind() == ErrorKind::NotFound => Err("was removed".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            verdicts.push(CutVerdict { id: entry.id.clone(), result });
        }
        let is_listed = |id: &str| chain.entry(id).is_some_and(|entry| !entry.lost || self.has_file_of(entry));
        let mut unlisted: Vec<String> =
            ids(&names).into_iter().filter(|id| *id >= chain.oldest && !is_listed(id)).collect();
        while let Some((index, seal)) = self.next_unlisted(&unlisted, &chain)? {
            let id = unlisted.swap_remove(index);
            chain.push(&id, seal.clone());
            verdicts.push(CutVerdict { id, result: Ok(Some(seal)) });
        }
        for id in unlisted {
            let is_unsealed = self.read(&id).is_ok_and(|file| file.seal.kind == SealKind::Unsealed);
            let what = if is_unsealed { UNSEALED } else { "is not in the list of cuts" };
            verdicts.push(CutVerdict { id, result: Err(what.to_owned()) });
        }
        for name in names.into_iter().filter(|name| is_aside(name)) {
            let result = if chain.covers(&name) { Ok(None) } else { Err("was quarantined as damaged".to_owned()) };
            verdicts.push(CutVerdict { id: name, result });
        }
        verdicts.retain(|verdict| only.is_none_or(|only| id_of(&verdict.id) == only || verdict.id == "chain"));
        Ok(verdicts)
    }

    /// Reads the list, and adds what is wrong with it. A list that cannot be read counts as empty.
    fn chain_to_verify(&self, verdicts: &mut Vec<CutVerdict>) -> io::Result<Chain> {
        let mut wrong = |what: String| verdicts.push(CutVerdict { id: "chain".to_owned(), result: Err(what) });
        match self.read_chain() {
            Ok(Some(chain)) => {
                if chain.rebuilt {
                    let what = "the list of cuts was once damaged or missing; cuts removed before are not known";
                    wrong(what.to_owned());
                }
                return Ok(chain);
            }
            Ok(None) if self.has_begun()? => wrong("the list of cuts was removed".to_owned()),
            Ok(None) => {}
            Err(error) if error.kind() == ErrorKind::InvalidData => wrong(error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(Chain::empty(&self.key))
    }

    /// Decisions of operators, in their order.
    ///
    /// # Errors
    /// If the disk refuses. A list that cannot be used has none.
    pub fn acceptances(&self) -> io::Result<Vec<CutAcceptance>> {
        match self.read_chain() {
            Ok(chain) => Ok(chain.map_or_else(Vec::new, |chain| chain.acceptances)),
            Err(error) if error.kind() == ErrorKind::InvalidData => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// True if the file of a lost cut is there again.
    fn has_file_of(&self, entry: &ChainEntry) -> bool {
        self.read(&entry.id).is_ok_and(|file| file.seal == entry.seal)
    }

    /// Finds a cut and the closed periods of all cuts stored before it; `None` if its file is damaged or missing.
    ///
    /// # Errors
    /// If the disk refuses, or the list of cuts cannot be used.
    pub fn find(&self, id: &str) -> io::Result<Option<(Cut, ClosedPeriods)>> {
        let mut chain = self.read_chain()?.unwrap_or_else(|| Chain::empty(&self.key));
        let (mut closed_periods, mut found) = (ClosedPeriods::default(), None);
        if chain.intact(id).is_none() && self.read(id).is_ok_and(|file| is_next(&file, &chain)) {
            // Stored, but not listed yet.
            chain.push(id, self.read(id)?.seal);
        }
        for entry in chain.entries.iter().filter(|entry| !entry.lost) {
            let Ok(file) = self.read(&entry.id) else { continue };
            if file.seal != entry.seal {
                continue;
            }
            if entry.id == id {
                found = Some(file.cut);
                break;
            }
            file.cut.report(&mut closed_periods);
        }
        Ok(found.map(|cut| (cut, closed_periods)))
    }
}
