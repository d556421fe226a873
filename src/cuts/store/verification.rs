//! Verification of stored cuts, which changes nothing.

use std::io::{self, ErrorKind};

use super::loading::continue_list;
use super::{CutStore, MISSED, UNLISTED, id_of, is_aside};
use crate::checkpoint::LastCut;
use crate::cuts::Cut;
use crate::cuts::chain::{Chain, CutAcceptance, CutSeal};
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
    /// Verifies all cuts, or one, without changing anything. May run beside a running process. `last_cuts` are named by
    /// checkpoints that were read before.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn verify(&self, only: Option<&str>, last_cuts: &[LastCut]) -> io::Result<Vec<CutVerdict>> {
        let mut verdicts = self.verify_once(only, last_cuts)?;
        for _ in 1..VERIFY_ATTEMPTS {
            if verdicts.iter().all(|verdict| verdict.result.is_ok()) {
                break;
            }
            verdicts = self.verify_once(only, last_cuts)?;
        }
        Ok(verdicts)
    }

    fn verify_once(&self, only: Option<&str>, last_cuts: &[LastCut]) -> io::Result<Vec<CutVerdict>> {
        let mut verdicts = Vec::new();
        let mut chain = self.chain_to_verify(&mut verdicts)?;
        for entry in &chain.entries {
            let result = match self.read_listed(&entry.id, &entry.seal) {
                Ok(_) => Ok(Some(entry.seal.clone())),
                Err(_) if entry.lost && entry.accepted => Ok(None),
                Err(_) if entry.lost => Err("was damaged or removed".to_owned()),
                Err(fault) => Err(fault.to_string()),
            };
            verdicts.push(CutVerdict { id: entry.id.clone(), result });
        }
        let is_restored = |id: &str| chain.entry(id).is_some_and(|entry| self.read_listed(id, &entry.seal).is_ok());
        let mut files = Vec::new();
        for id in self.unlisted(&chain)?.into_iter().filter(|id| !is_restored(id)) {
            match self.read_unlisted(&id) {
                Ok(Some(file)) => files.push(file),
                Ok(None) => verdicts.push(CutVerdict { id, result: Err(UNLISTED.to_owned()) }),
                Err(fault) => verdicts.push(CutVerdict { id, result: Err(fault.to_string()) }),
            }
        }
        while let Some((id, seal)) = continue_list(&mut chain, &mut files) {
            verdicts.push(CutVerdict { id, result: Ok(Some(seal)) });
        }
        verdicts.extend(files.into_iter().map(|file| {
            let what = file.fault().to_owned();
            CutVerdict { id: file.id, result: Err(what) }
        }));
        for cut in last_cuts {
            if !chain.knows(cut) {
                chain.miss(cut);
                verdicts.push(CutVerdict { id: cut.id.clone(), result: Err(MISSED.to_owned()) });
            }
        }
        for name in self.names()?.into_iter().filter(|name| is_aside(name)) {
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

    /// Finds a cut and the closed periods of all cuts stored before it; `None` if its file is damaged or missing.
    ///
    /// # Errors
    /// If the disk refuses, or the list of cuts cannot be used.
    pub fn find(&self, id: &str) -> io::Result<Option<(Cut, ClosedPeriods)>> {
        let mut chain = self.read_chain()?.unwrap_or_else(|| Chain::empty(&self.key));
        let (mut closed_periods, mut found) = (ClosedPeriods::default(), None);
        if chain.intact(id).is_none() {
            // It may be stored, but not listed yet.
            continue_list(&mut chain, &mut self.read_unlisted(id)?.into_iter().collect());
        }
        for entry in chain.entries.iter().filter(|entry| !entry.lost) {
            let Ok(cut) = self.read_listed(&entry.id, &entry.seal) else { continue };
            if entry.id == id {
                found = Some(cut);
                break;
            }
            cut.report(&mut closed_periods);
        }
        Ok(found.map(|cut| (cut, closed_periods)))
    }
}
