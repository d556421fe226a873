//! Verification of stored cuts, which changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};

use super::unlisted::Finding;
use super::{CutStore, MISSED, REPLACED, UNSEALED, id_of, invalid, is_aside};
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
    /// Proof of the file that is there, nothing where an operator has accepted the loss, or what is wrong.
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
        let mut faults = BTreeMap::new();
        let listed: Vec<String> = chain.all_intact().map(|entry| entry.id.clone()).collect();
        for id in listed {
            let fault = match self.read(&id) {
                Ok(file) if chain.adopt(&id, &file.seal).is_some() => continue,
                Ok(_) => invalid(&id, REPLACED).to_string(),
                Err(fault) => fault.to_string(),
            };
            faults.insert(id, fault);
        }
        let ids = self.unlisted(&chain)?;
        self.examine(&mut chain, ids, &mut |id, finding| {
            let fault = match finding {
                Finding::Listed { .. } => return,
                Finding::Unsealed => UNSEALED.to_owned(),
                Finding::Stranger(what) => what.to_owned(),
                Finding::Unreadable(fault) => fault.to_string(),
            };
            faults.insert(id.to_owned(), fault);
        });
        for cut in last_cuts {
            if !chain.knows(cut) {
                chain.miss(cut);
                faults.insert(cut.id.clone(), MISSED.to_owned());
            }
        }
        verdicts.extend(verdicts_of(&chain, faults));
        let covered = chain.covered();
        for name in self.names()?.into_iter().filter(|name| is_aside(name)) {
            let result =
                if covered.contains(name.as_str()) { Ok(None) } else { Err("was quarantined as damaged".to_owned()) };
            verdicts.push(CutVerdict { id: name, result });
        }
        verdicts.retain(|verdict| only.is_none_or(|only| id_of(&verdict.id) == only || verdict.id == "chain"));
        Ok(verdicts)
    }

    /// Reads the list, and adds what is wrong with it. A list that cannot be read is made again, as at a start.
    fn chain_to_verify(&self, verdicts: &mut Vec<CutVerdict>) -> io::Result<Chain> {
        let mut wrong = |what: &str| verdicts.push(CutVerdict { id: "chain".to_owned(), result: Err(what.to_owned()) });
        let mut faults = match self.read_chain() {
            Ok(Some(chain)) => {
                if chain.rebuilt {
                    wrong("the list of cuts was once damaged or missing; cuts removed before are not known");
                }
                return Ok(chain);
            }
            Ok(None) => Vec::new(),
            Err(error) if error.kind() == ErrorKind::InvalidData => vec![error],
            Err(error) => return Err(error),
        };
        if let Some(error) = faults.first() {
            wrong(&error.to_string());
            return self.rebuild(&mut faults);
        }
        let chain = self.rebuild(&mut faults)?;
        if chain.rebuilt {
            wrong("the list of cuts was removed");
        }
        Ok(chain)
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
        // It may be stored, but not listed yet, or another file of it may be there again.
        if chain.intact(id).is_none() {
            self.examine(&mut chain, vec![id.to_owned()], &mut |_, _| {});
        } else if let Ok(file) = self.read(id) {
            chain.adopt(id, &file.seal);
        }
        for entry in chain.all_intact() {
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

/// One verdict for each cut of the list, then one for each other file. `faults` are what is wrong with files.
fn verdicts_of(chain: &Chain, mut faults: BTreeMap<String, String>) -> Vec<CutVerdict> {
    let (lost, mut seen, mut verdicts) = (chain.lost_ids(), BTreeSet::new(), Vec::new());
    for entry in chain.entries.iter().filter(|entry| seen.insert(entry.id.as_str())) {
        let id = entry.id.as_str();
        let result = match (faults.remove(id), chain.intact(id)) {
            (Some(fault), None) if lost.contains(id) && fault != MISSED => {
                Err(format!("was damaged or removed; the file in its place: {fault}"))
            }
            (Some(fault), _) => Err(fault),
            (None, Some(current)) if lost.contains(id) => {
                Err(format!("was damaged or removed; the cut taken again is whole, {}", current.seal.hash))
            }
            (None, Some(current)) => Ok(Some(current.seal.clone())),
            (None, None) if lost.contains(id) => Err("was damaged or removed".to_owned()),
            (None, None) => Ok(None),
        };
        verdicts.push(CutVerdict { id: id.to_owned(), result });
    }
    verdicts.extend(faults.into_iter().map(|(id, fault)| CutVerdict { id, result: Err(fault) }));
    verdicts
}
