//! Loading: reads the list and every cut at the start.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;

use super::unlisted::Finding;
use super::{CHAIN, CutStore, DIRECTORY, MAX_REPORTED, UNSEALED, invalid, log_restored};
use crate::cuts::chain::Chain;
use crate::cuts::record::instant_of;
use crate::cuts::settlement::CutSettlement;
use crate::view::closed_periods::ClosedPeriods;

/// The cuts of a directory, as a start finds them.
pub(super) struct LoadedCuts {
    pub(super) chain: Chain,
    pub(super) closed_periods: ClosedPeriods,
    pub(super) faults: Vec<io::Error>,
    /// Cuts that may be stored without being listed, because the disk does not return them.
    pub(super) attempts: Vec<String>,
    /// Listed cuts that the disk does not return.
    pub(super) unreadable: BTreeSet<String>,
}

impl CutStore {
    /// Reads the list and every cut, and quarantines what is damaged of the list.
    pub(super) fn load(&self) -> io::Result<LoadedCuts> {
        let mut faults = Vec::new();
        let stored = self.read_chain().or_else(|error| {
            if error.kind() != ErrorKind::InvalidData {
                return Err(error);
            }
            faults.push(error);
            self.quarantine("chain").map(|()| None)
        })?;
        let chain = match &stored {
            Some(chain) => chain.clone(),
            None => self.rebuild(&mut faults)?,
        };
        let (closed_periods, attempts, unreadable) = Default::default();
        let mut loaded = LoadedCuts { chain, closed_periods, faults, attempts, unreadable };
        self.load_listed(&mut loaded)?;
        self.load_unlisted(&mut loaded)?;
        if stored.as_ref() != Some(&loaded.chain) && loaded.chain != Chain::empty(&self.key) {
            // The cuts are usable without; the next cut saves the list as well.
            loaded.faults.extend(self.save(&loaded.chain).err());
        }
        Ok(loaded)
    }

    /// Makes a list from the files where there is none.
    pub(super) fn rebuild(&self, faults: &mut Vec<io::Error>) -> io::Result<Chain> {
        let mut chain = Chain { rebuilt: !faults.is_empty(), ..Chain::empty(&self.key) };
        let mut files = Vec::new();
        // What cannot be read is reported with the files that are not in the list.
        let unread = self.read_sealed(&mut |file| {
            files.push((file.cut, file.seal));
            ControlFlow::Continue(())
        })?;
        if faults.is_empty() && (!files.is_empty() || self.has_begun()?) {
            faults.push(io::Error::new(ErrorKind::InvalidData, format!("{CHAIN}: was removed; made again")));
            chain.rebuilt = true;
        }
        if unread > 0 {
            let message =
                format!("{DIRECTORY}: {unread} files were not looked at for the new list: they hold too many bytes");
            faults.push(io::Error::new(ErrorKind::InvalidData, message));
        }
        files.sort_unstable_by(|(one, _), (other, _)| (one.taken_ms, &one.id).cmp(&(other.taken_ms, &other.id)));
        for (cut, seal) in files {
            chain.push(&cut.id, seal, CutSettlement::of(&cut));
        }
        Ok(chain)
    }

    fn load_listed(&self, loaded: &mut LoadedCuts) -> io::Result<()> {
        let listed: Vec<String> = loaded.chain.all_intact().map(|entry| entry.id.clone()).collect();
        for id in listed {
            match self.read_adopted(&mut loaded.chain, &id) {
                Ok(file) => {
                    loaded.chain.add_provisional(&file);
                    file.cut.report(&mut loaded.closed_periods);
                }
                Err(fault) => {
                    if !self.lose(&mut loaded.chain, &id, &fault)? {
                        loaded.has_unreadable(&id);
                        loaded.unreadable.insert(id);
                    }
                    loaded.faults.push(fault);
                }
            }
        }
        Ok(())
    }

    /// Lists the files that a crash has left out of the list and those of lost cuts, and reports all others. Those stay
    /// where they are: anybody can make a file, and it counts for nothing.
    fn load_unlisted(&self, loaded: &mut LoadedCuts) -> io::Result<()> {
        let (mut chain, mut faults) = (loaded.chain.clone(), BTreeMap::new());
        let ids = self.unlisted(&chain)?;
        self.examine(&mut chain, ids, &mut |id, finding| {
            let fault = match finding {
                Finding::Listed { file, is_restored } => {
                    if is_restored {
                        log_restored(id);
                    }
                    return file.cut.report(&mut loaded.closed_periods);
                }
                Finding::Unsealed => invalid(id, UNSEALED),
                Finding::Stranger(what) => invalid(id, what),
                Finding::Unreadable(fault) => {
                    // Who puts a file there can also forbid to read it; a disk that fails may hide a cut.
                    if fault.kind() != ErrorKind::PermissionDenied {
                        loaded.has_unreadable(id);
                        loaded.attempts.push(id.to_owned());
                    }
                    fault
                }
            };
            faults.insert(id.to_owned(), fault);
        });
        loaded.chain = chain;
        let rest = faults.len().saturating_sub(MAX_REPORTED);
        loaded.faults.extend(faults.into_values().take(MAX_REPORTED));
        if rest > 0 {
            let message = format!("{rest} further files are not in the list of cuts; move them away");
            loaded.faults.push(io::Error::new(ErrorKind::InvalidData, message));
        }
        Ok(())
    }
}

impl LoadedCuts {
    /// Notes a cut that the disk does not return: it is there, for all that is known, and must not be taken again.
    fn has_unreadable(&mut self, id: &str) {
        instant_of(id).inspect(|&at| self.closed_periods.add_cut(at));
    }
}
