//! Loading: reads the list and every cut at the start.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};

use super::{CHAIN, CutStore, UNLISTED, UNSEALED, ids, invalid};
use crate::cuts::chain::{Chain, CutSeal, Link, SealKind};
use crate::cuts::record::instant_of;
use crate::view::closed_periods::ClosedPeriods;

/// Maximum number of files outside the list that are reported one by one.
const MAX_REPORTED: usize = 20;

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

/// File of a cut that is not in the list.
pub(super) struct UnlistedFile {
    pub(super) id: String,
    link: Option<Link>,
    pub(super) seal: CutSeal,
}

impl UnlistedFile {
    /// Fault of a file that stays outside the list.
    pub(super) fn fault(&self) -> &'static str {
        if self.seal.kind == SealKind::Unsealed { UNSEALED } else { UNLISTED }
    }
}

/// Lists the one of these files whose link continues the list, and returns its cut. A crash or a failure between
/// storing a cut and saving the list leaves such a file; nobody without the key can make one.
pub(super) fn continue_list(chain: &mut Chain, files: &mut Vec<UnlistedFile>) -> Option<(String, CutSeal)> {
    let is_next = |file: &UnlistedFile| file.link.as_ref().is_some_and(|link| link.previous == chain.head);
    let UnlistedFile { id, seal, .. } = files.swap_remove(files.iter().position(is_next)?);
    chain.push(&id, seal.clone());
    Some((id, seal))
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
    fn rebuild(&self, faults: &mut Vec<io::Error>) -> io::Result<Chain> {
        let mut chain = Chain { rebuilt: !faults.is_empty(), ..Chain::empty(&self.key) };
        let mut files = Vec::new();
        for id in ids(&self.names()?) {
            // What cannot be read is reported with the files that are not in the list.
            files.extend(self.read(&id).ok().map(|file| (file.cut.taken_ms, id, file.seal)));
        }
        files.retain(|(.., seal)| seal.kind != SealKind::Unsealed);
        if faults.is_empty() && (!files.is_empty() || self.has_begun()?) {
            faults.push(io::Error::new(ErrorKind::InvalidData, format!("{CHAIN}: was removed; made again")));
            chain.rebuilt = true;
        }
        files.sort_unstable_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        for (_, id, seal) in files {
            chain.push(&id, seal);
        }
        Ok(chain)
    }

    fn load_listed(&self, loaded: &mut LoadedCuts) -> io::Result<()> {
        let listed = loaded.chain.all_intact().into_iter().map(|entry| (entry.id.clone(), entry.seal.clone()));
        for (id, seal) in listed.collect::<Vec<_>>() {
            match self.read_listed(&id, &seal) {
                Ok(cut) => cut.report(&mut loaded.closed_periods),
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

    /// Lists the files that a crash has left out of the list, and reports all others. Those stay where they are: anybody
    /// can make a file, and it counts for nothing.
    fn load_unlisted(&self, loaded: &mut LoadedCuts) -> io::Result<()> {
        let (mut files, mut faults) = (Vec::new(), Vec::new());
        for id in self.unlisted(&loaded.chain)? {
            match self.read_unlisted(&id) {
                Ok(Some(file)) => files.push(file),
                Ok(None) => faults.push(invalid(&id, UNLISTED)),
                Err(fault) => {
                    // Who puts a file there can also forbid to read it; a disk that fails may hide a cut.
                    if fault.kind() != ErrorKind::PermissionDenied {
                        loaded.has_unreadable(&id);
                        loaded.attempts.push(id);
                    }
                    faults.push(fault);
                }
            }
        }
        while let Some((id, _)) = continue_list(&mut loaded.chain, &mut files) {
            self.read(&id)?.cut.report(&mut loaded.closed_periods);
        }
        for file in files {
            if loaded.chain.restore(&file.id, &file.seal) {
                tracing::warn!(event = "pacemeter.cut.restored", cut = file.id, "lost cut found whole again");
                self.read(&file.id)?.cut.report(&mut loaded.closed_periods);
            } else {
                faults.push(invalid(&file.id, file.fault()));
            }
        }
        let rest = faults.len().saturating_sub(MAX_REPORTED);
        faults.truncate(MAX_REPORTED);
        loaded.faults.append(&mut faults);
        if rest > 0 {
            let message = format!("{rest} further files are not in the list of cuts; move them away");
            loaded.faults.push(io::Error::new(ErrorKind::InvalidData, message));
        }
        Ok(())
    }

    /// Ids of the files that are not in the list, in their order.
    pub(super) fn unlisted(&self, chain: &Chain) -> io::Result<Vec<String>> {
        Ok(ids(&self.names()?).into_iter().filter(|id| chain.has_no_file_of(id)).collect())
    }

    /// Reads a file that is not in the list; `None` if it is damaged or missing.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn read_unlisted(&self, id: &str) -> io::Result<Option<UnlistedFile>> {
        let file = self.read_whole(id)?;
        Ok(file.map(|file| UnlistedFile { id: id.to_owned(), link: file.link, seal: file.seal }))
    }
}

impl LoadedCuts {
    /// Notes a cut that the disk does not return: it is there, for all that is known, and must not be taken again.
    fn has_unreadable(&mut self, id: &str) {
        instant_of(id).inspect(|&at| self.closed_periods.add_cut(at));
    }
}
