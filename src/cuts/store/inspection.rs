//! Comparison of the directory with the list in memory, while the process runs: before a further cut is stored.
//!
//! The list in memory was verified at the start and is good. What happens to the directory meanwhile must neither keep
//! the next cut from being stored nor pass unnoticed until the next start.

use std::io::{self, ErrorKind};

use super::{CHAIN, CutStore, DIRECTORY, MAX_REPORTED, StoreState, is_damage, log_faults, name_of, path_of};
use crate::cuts::chain::Chain;

impl CutStore {
    /// Quarantines a stored list that cannot be used, and marks the cuts whose files are gone as lost. Logs both, and
    /// returns the stored list.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn inspect(&self, state: &mut StoreState, chain: &mut Chain) -> io::Result<Option<Chain>> {
        let stored = match self.read_chain() {
            Ok(stored) => stored,
            // Another key cannot have come in beside the list in memory: somebody exchanged the file.
            Err(error) if is_damage(&error) || error.kind() == ErrorKind::Unsupported => {
                self.quarantine("chain")?;
                log_faults(&[io::Error::new(error.kind(), format!("{error}; written again from memory"))]);
                return self.lose_missing(state, chain).map(|()| None);
            }
            Err(error) => return Err(error),
        };
        if stored.is_none() && !chain.entries.is_empty() {
            let message = format!("{CHAIN}: was removed; written again from memory");
            log_faults(&[io::Error::new(ErrorKind::NotFound, message)]);
        }
        self.lose_missing(state, chain)?;
        Ok(stored)
    }

    fn lose_missing(&self, state: &mut StoreState, chain: &mut Chain) -> io::Result<()> {
        let names = self.names()?;
        let is_missing = |id: &String| names.binary_search(&name_of(id)).is_err();
        let missing: Vec<String> = chain.all_intact().map(|entry| entry.id.clone()).filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let fault = |message: String| io::Error::new(ErrorKind::NotFound, message);
        let mut faults: Vec<_> =
            missing.iter().take(MAX_REPORTED).map(|id| fault(format!("{}: was removed", path_of(id)))).collect();
        let rest = missing.len() - faults.len();
        if rest > 0 {
            faults.push(fault(format!("{DIRECTORY}: {rest} further cuts were removed")));
        }
        log_faults(&faults);
        for id in missing {
            chain.lose(&id);
            state.unreadable.remove(&id);
        }
        // Before anything is written: a retry must not report them again.
        self.keep(state, chain.clone());
        Ok(())
    }
}
