//! Settlements in the list of cuts.

use std::collections::BTreeMap;
use std::io;
use std::sync::PoisonError;

use super::CutStore;
use crate::cuts::chain::CutStanding;
use crate::cuts::settlement::{SettlementDecision, UnsettledCut};

impl CutStore {
    /// Adds decisions to the list; returns the ids of the cuts that they settle. The whole call may be repeated.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn settle(&self, decisions: &[SettlementDecision]) -> io::Result<Vec<String>> {
        let mut state = self.lock();
        let mut chain = self.loaded(&mut state)?;
        let mut settled = Vec::new();
        for decision in decisions {
            if chain.settle(decision) == Some(true) {
                settled.push(decision.id.clone());
            }
        }
        if state.chain.as_ref() != Some(&chain) {
            self.save(&chain)?;
            self.keep(&mut state, chain);
        }
        Ok(settled)
    }

    /// The stored cuts that are provisional, the oldest first. One whose file cannot be read stays provisional.
    ///
    /// # Errors
    /// If the list cannot be read.
    pub fn unsettled(&self) -> io::Result<Vec<UnsettledCut>> {
        let mut state = self.lock();
        let chain = self.loaded(&mut state)?;
        let provisional = chain.all_intact().filter(|entry| entry.settlement.is_provisional());
        let cuts = provisional.filter_map(|entry| {
            let cut = self.read_listed(&entry.id, &entry.seal).ok()?;
            Some(entry.settlement.unsettled(&cut, &entry.seal.hash))
        });
        Ok(cuts.collect())
    }

    /// Standing of the cuts that are not simply sealed and final, by id. Never waits for the disk.
    pub(crate) fn unusual(&self) -> BTreeMap<String, CutStanding> {
        self.unusual.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
