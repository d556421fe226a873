//! The cuts of a state directory, one file each. The format is in the documentation of [`crate::cuts`].

mod acceptance;
mod inspection;
mod loading;
mod retention;
mod settlement;
mod unlisted;
mod verification;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::acceptance::AcceptanceReport;
use self::unlisted::Finding;
pub use self::verification::CutVerdict;
use super::chain::{Chain, ChainFault, CutFile, CutKey, CutSeal, CutStanding, Link};
use super::record::{Cut, instant_of};
use super::settlement::CutSettlement;
use crate::checkpoint::LastCut;
use crate::disk::{AtomicFile, Disk};
use crate::runtime::failpoint;
use crate::view::closed_periods::ClosedPeriods;

/// Directory of the cuts, relative to the state directory.
pub(crate) const DIRECTORY: &str = "cuts";
/// File of the list of all cuts.
const CHAIN: &str = "cuts/chain";
/// File beside the checkpoints that remembers that a list of cuts began: whoever removes all cuts with their list
/// leaves it behind, and whoever removes the checkpoints as well causes a rebuild.
const BEGUN: &str = "checkpoints/cuts-begun";
/// Maximum length of a file (bytes).
const MAX_BYTES: u64 = 64 * 1_024 * 1_024;

/// Maximum number of files that are reported one by one.
const MAX_REPORTED: usize = 20;

/// End of the name of a damaged file, before its number.
const DAMAGED: &str = ".damaged-";
/// End of the name of a file that was accepted as no cut, before its number.
const STRANGER: &str = ".stranger-";

/// The cuts of a state directory. Clones share the disk and the list of cuts.
#[derive(Clone)]
pub struct CutStore {
    disk: Arc<dyn Disk>,
    key: CutKey,
    state: Arc<Mutex<StoreState>>,
    lost: Arc<AtomicUsize>,
    /// Standing of the cuts that are not simply sealed and final, by id.
    unusual: Arc<Mutex<BTreeMap<String, CutStanding>>>,
}

/// Knowledge of the stored cuts, kept between calls.
#[derive(Debug, Default)]
struct StoreState {
    /// The list; `None` before the first use.
    chain: Option<Chain>,
    /// Cuts that may be stored without being listed, because a call failed or the disk did not return them.
    attempts: Vec<String>,
    /// Listed cuts that the disk did not return.
    unreadable: BTreeSet<String>,
}

impl CutStore {
    /// Opens the store of a state directory.
    pub fn new(disk: Arc<dyn Disk>, key: CutKey) -> Self {
        Self { disk, key, state: Arc::default(), lost: Arc::default(), unusual: Arc::default() }
    }

    /// Stores a cut durably with the atomic write of [`crate::disk`], then adds it to the list.
    ///
    /// A file that has its name already is quarantined, never overwritten, unless the list has it: then it is the cut.
    /// The directory is compared with the list first: stored cuts that are gone are lost from then on.
    ///
    /// # Errors
    /// If the disk refuses. The whole write may be repeated.
    pub fn put(&self, cut: &Cut) -> io::Result<CutSeal> {
        let mut state = self.lock();
        let mut chain = self.loaded(&mut state)?;
        self.list_attempts(&mut chain, &state.attempts)?;
        let stored = self.inspect(&mut state, &mut chain)?;
        if chain.has(&cut.id)
            && let Some(CutFile { seal, .. }) = self.read_whole(&cut.id)?
            && self.adopt(&mut chain, &cut.id, &seal)
        {
            self.save(&chain)?;
            state.attempts.clear();
            self.keep(&mut state, chain);
            return Ok(seal);
        }
        if self.exists(&path_of(&cut.id)) {
            self.quarantine(&name_of(&cut.id))?;
        }
        chain.lose(&cut.id);
        // The list stands before the first cut does: cuts without a list are a sign that somebody removed it.
        if stored.as_ref() != Some(&chain) {
            self.save(&chain)?;
        }
        state.attempts = vec![cut.id.clone()];
        let link = Link { previous: chain.head.clone(), retaken: chain.has(&cut.id) };
        let (text, seal) = CutFile::text(cut, &link, &self.key).map_err(io::Error::other)?;
        self.write(&path_of(&cut.id), &text)?;
        failpoint("cut.written");
        chain.push(&cut.id, seal.clone(), CutSettlement::of(cut));
        self.save(&chain)?;
        state.attempts.clear();
        self.keep(&mut state, chain);
        Ok(seal)
    }

    /// Reads the cut with this id and its proof; `None` if there is none. Its partitions are marked as they are known by
    /// now.
    ///
    /// # Errors
    /// If the disk refuses, or the cut is or was damaged or removed. A damaged file is quarantined.
    pub fn get(&self, id: &str) -> io::Result<Option<(Cut, CutSeal)>> {
        let mut state = self.lock();
        let mut chain = self.loaded(&mut state)?;
        if !chain.has(id) {
            return Ok(None);
        }
        let was_intact = chain.intact(id).is_some();
        let result = if was_intact { self.read_adopted(&mut chain, id) } else { self.read_restored(&mut chain, id) };
        match &result {
            Ok(file) => {
                chain.add_provisional(file);
                state.unreadable.remove(id);
                if state.chain.as_ref() != Some(&chain) {
                    self.save(&chain)?;
                }
            }
            Err(fault) if was_intact => {
                if self.lose(&mut chain, id, fault)? {
                    state.unreadable.remove(id);
                    self.save(&chain)?;
                } else {
                    state.unreadable.insert(id.to_owned());
                }
            }
            Err(_) => {}
        }
        let settlement = chain.intact(id).map(|entry| entry.settlement.clone()).unwrap_or_default();
        self.keep(&mut state, chain);
        result.map(|mut file| {
            settlement.mark(&mut file.cut);
            Some((file.cut, file.seal))
        })
    }

    /// Reads all cuts and checks them against the list; returns their closed periods, and what is wrong.
    ///
    /// A damaged file is quarantined under another name. Its cut is taken again, and marked as retaken, if the log is
    /// replayed past its instant.
    ///
    /// # Errors
    /// Returns an error if the directory or the list cannot be read.
    pub fn closed_periods(&self) -> io::Result<(ClosedPeriods, Vec<io::Error>)> {
        let mut state = self.lock();
        let loaded = self.load()?;
        state.attempts = loaded.attempts;
        state.unreadable = loaded.unreadable;
        self.keep(&mut state, loaded.chain);
        Ok((loaded.closed_periods, loaded.faults))
    }

    /// Compares the list with cuts that checkpoints name. Those that it does not have are lost from then on; returns
    /// what is wrong.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn compare(&self, last_cuts: &[LastCut]) -> io::Result<Vec<io::Error>> {
        let mut state = self.lock();
        let mut chain = self.loaded(&mut state)?;
        let mut faults = Vec::new();
        for cut in last_cuts {
            if !chain.knows(cut) {
                chain.miss(cut);
                faults.push(invalid(&cut.id, MISSED));
            }
        }
        if !faults.is_empty() {
            self.save(&chain)?;
            self.keep(&mut state, chain);
        }
        Ok(faults)
    }

    /// Number of cuts that are lost or unreadable, those taken again included, and one for a list that was. Never waits
    /// for the disk.
    pub(crate) fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }

    /// The newest cut of the list whose file was there when it was read last; `None` before the list is read.
    pub fn newest(&self) -> Option<LastCut> {
        let state = self.lock();
        let newest = state.chain.as_ref()?.all_intact().max_by(|one, other| one.id.cmp(&other.id))?;
        Some(LastCut { id: newest.id.clone(), hash: newest.seal.hash.clone() })
    }

    fn keep(&self, state: &mut StoreState, chain: Chain) {
        self.lost.store(chain.lost() + state.unreadable.len(), Ordering::Relaxed);
        *self.unusual.lock().unwrap_or_else(PoisonError::into_inner) = chain.unusual();
        state.chain = Some(chain);
    }

    fn lock(&self) -> MutexGuard<'_, StoreState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the list, and loads it at first use.
    fn loaded(&self, state: &mut StoreState) -> io::Result<Chain> {
        if let Some(chain) = &state.chain {
            return Ok(chain.clone());
        }
        let loaded = self.load()?;
        (state.attempts, state.unreadable) = (loaded.attempts, loaded.unreadable);
        self.keep(state, loaded.chain.clone());
        Ok(loaded.chain)
    }

    /// Lists those of these cuts whose files continue the list: they are cuts as any other, whichever is stored next.
    fn list_attempts(&self, chain: &mut Chain, attempts: &[String]) -> io::Result<()> {
        let mut refused = None;
        self.examine(chain, attempts.to_vec(), &mut |_, finding| {
            if let Finding::Unreadable(error) = finding {
                refused = Some(error);
            }
        });
        refused.map_or(Ok(()), Err)
    }

    /// Reads a cut that was lost, if its file is there again.
    fn read_restored(&self, chain: &mut Chain, id: &str) -> io::Result<CutFile> {
        let mut result = Err(invalid(id, LOST));
        self.examine(chain, vec![id.to_owned()], &mut |_, finding| match finding {
            Finding::Listed { file, is_restored } => {
                if is_restored {
                    log_restored(id);
                }
                result = Ok(*file);
            }
            Finding::Unreadable(fault) => result = Err(fault),
            Finding::Unsealed | Finding::Stranger(_) => {}
        });
        result
    }

    /// Makes the entry of a file the current one of its cut; false if the list has no such entry.
    fn adopt(&self, chain: &mut Chain, id: &str, seal: &CutSeal) -> bool {
        let adopted = chain.adopt(id, seal);
        if adopted == Some(true) {
            log_restored(id);
        }
        adopted.is_some()
    }

    /// Marks a listed cut as lost and quarantines its file if this fault proves it; true if so. A disk that refuses to
    /// read proves nothing.
    fn lose(&self, chain: &mut Chain, id: &str, fault: &io::Error) -> io::Result<bool> {
        if !is_damage(fault) {
            return Ok(false);
        }
        if fault.kind() != ErrorKind::NotFound {
            self.quarantine(&name_of(id))?;
        }
        chain.lose(id);
        Ok(true)
    }

    /// Renames a file to the first free name `<name>.damaged-<n>`.
    fn quarantine(&self, name: &str) -> io::Result<()> {
        let renamed = self.set_aside(&[name.to_owned()], DAMAGED)?;
        for file in renamed {
            tracing::error!(event = "pacemeter.cut.quarantined", file, "damaged file of cuts quarantined");
        }
        Ok(())
    }

    /// Renames files, each to the first free name `<name>.<suffix>-<n>`; returns the new names.
    fn set_aside(&self, files: &[String], suffix: &str) -> io::Result<Vec<String>> {
        let (names, mut renamed) = (self.names()?, Vec::new());
        for name in files {
            let mut free = (1..).map(|number| format!("{name}{suffix}{number}"));
            let Some(free) = free.find(|free| names.binary_search(free).is_err()) else { continue };
            self.disk.rename(&format!("{DIRECTORY}/{name}"), &format!("{DIRECTORY}/{free}"))?;
            renamed.push(free);
        }
        self.disk.sync_directory(DIRECTORY)?;
        Ok(renamed)
    }

    fn read_chain(&self) -> io::Result<Option<Chain>> {
        let text = match self.read_text(CHAIN) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let damaged = |what: &str| io::Error::new(ErrorKind::InvalidData, format!("{CHAIN}: {what}"));
        match Chain::parse(&text, &self.key) {
            Ok(chain) => Ok(Some(chain)),
            Err(ChainFault::Damaged(what)) => Err(damaged(&what)),
            // Anybody can write another key's identifier.
            Err(ChainFault::OtherKey(_)) if self.has_begun()? || self.has_cut_of_key()? => {
                Err(damaged("was edited: it names another pseudonym key than that of the cuts"))
            }
            Err(ChainFault::OtherKey(other)) => Err(io::Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{CHAIN}: was written with another pseudonym key (cut key {other}, not {}); restore that key, or \
                     move the directory {DIRECTORY} away",
                    self.key.id()
                ),
            )),
        }
    }

    /// Saves the list, then the mark that it began: a crash between them leaves a list without a mark, which is no
    /// fault.
    fn save(&self, chain: &Chain) -> io::Result<()> {
        self.write(CHAIN, &chain.text(&self.key).map_err(io::Error::other)?)?;
        if self.has_begun()? { Ok(()) } else { self.write(BEGUN, &self.mark()) }
    }

    /// Content of the mark that the list of this key began.
    fn mark(&self) -> String {
        format!("{}\n", self.key.id())
    }

    /// True if a list of this key was ever saved. The mark of another key says nothing of this one.
    fn has_begun(&self) -> io::Result<bool> {
        match self.read_text(BEGUN) {
            Ok(text) => Ok(text == self.mark()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn write(&self, path: &str, text: &str) -> io::Result<()> {
        let mut file = AtomicFile::create(Arc::clone(&self.disk), path.to_owned())?;
        file.append(text.as_bytes())?;
        file.commit()
    }

    fn read(&self, id: &str) -> io::Result<CutFile> {
        let text = self.read_text(&path_of(id)).map_err(|error| match error.kind() {
            ErrorKind::NotFound => io::Error::new(ErrorKind::NotFound, format!("{}: was removed", path_of(id))),
            _ => error,
        })?;
        CutFile::parse(&text, id, &self.key).map_err(|what| invalid(id, &what))
    }

    /// Reads a cut that the list has with this seal.
    fn read_listed(&self, id: &str, seal: &CutSeal) -> io::Result<Cut> {
        let file = self.read(id)?;
        if file.seal == *seal { Ok(file.cut) } else { Err(invalid(id, REPLACED)) }
    }

    /// Reads a cut that was stored, and makes the entry of its file the current one.
    fn read_adopted(&self, chain: &mut Chain, id: &str) -> io::Result<CutFile> {
        let file = self.read(id)?;
        if self.adopt(chain, id, &file.seal) { Ok(file) } else { Err(invalid(id, REPLACED)) }
    }

    /// True unless there is no such file.
    fn exists(&self, path: &str) -> bool {
        !matches!(self.disk.open(path), Err(error) if error.kind() == ErrorKind::NotFound)
    }

    /// Reads the file of a cut; `None` if it is damaged or missing. A disk that refuses to read proves neither, and is an
    /// error: a whole file must not be taken for a damaged one.
    fn read_whole(&self, id: &str) -> io::Result<Option<CutFile>> {
        match self.read(id) {
            Ok(file) => Ok(Some(file)),
            Err(error) if is_damage(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_text(&self, path: &str) -> io::Result<String> {
        let damaged = |what: &str| io::Error::new(ErrorKind::InvalidData, format!("{path}: {what}"));
        let file = self.disk.open(path)?;
        let length = file.len()?;
        if length > MAX_BYTES {
            return Err(damaged("is larger than it can be"));
        }
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, 0)?;
        String::from_utf8(bytes).map_err(|_| damaged("is not text"))
    }

    /// Names of all files, sorted.
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = self.disk.list(DIRECTORY)?;
        names.sort_unstable();
        Ok(names)
    }
}

/// Fault of a file that has no keyed hash.
const UNSEALED: &str = "has no keyed hash: an older version stored it, or somebody put it there; move it away, or adopt \
                        it with pacemeter cut accept --unsealed if it is genuine";
/// Fault of a file that has no keyed hash, although the cut of the list has one.
const UNSEALED_STRANGER: &str = "has no keyed hash, unlike the cut that was stored: it is another file; move it away";
/// Fault of a file whose cut is not in the list.
const UNLISTED: &str = "is not in the list of cuts and counts for nothing; move it away";
/// Fault of a file that is not read for its length.
const UNREAD: &str = "is not in the list of cuts and was not looked at: such files hold too many bytes; move it away";
/// Fault of a cut whose file is not there.
const LOST: &str = "was damaged or removed; see the log event pacemeter.cut.damaged, and pacemeter cut verify";
/// Fault of a listed cut that has the file of another.
const REPLACED: &str = "is another file than the one stored: its hash is not the one in the list";
/// Fault of a list without a cut that a checkpoint names.
const MISSED: &str = "was stored, as a checkpoint shows, and is not in the list of cuts: cuts were removed, or an older \
                      copy of them was put back";

/// True if a file is damaged or missing, as opposed to a disk that does not answer now.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}

/// Ids of the cuts among these file names, in their order.
fn ids(names: &[String]) -> Vec<String> {
    let id = |name: &String| name.strip_suffix(".json").filter(|id| instant_of(id).is_some()).map(str::to_owned);
    names.iter().filter_map(id).collect()
}

/// Id in the name of a file of a cut, quarantined or not.
fn id_of(name: &str) -> &str {
    name.split_once(".json").map_or(name, |(id, _)| id)
}

/// True for the name of a file that was quarantined as damaged.
fn is_aside(name: &str) -> bool {
    name.rsplit_once(DAMAGED).is_some_and(|(file, number)| {
        let is_ours = file == "chain" || file.strip_suffix(".json").is_some_and(|id| instant_of(id).is_some());
        is_ours && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Logs what is wrong with cuts, or with their list.
pub(crate) fn log_faults(faults: &[io::Error]) {
    for fault in faults {
        tracing::error!(event = "pacemeter.cut.damaged", error = %fault, "cut not readable");
    }
}

fn log_restored(id: &str) {
    tracing::warn!(event = "pacemeter.cut.restored", cut = id, "lost cut found whole again");
}

fn invalid(id: &str, what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{}: {what}", path_of(id)))
}

fn name_of(id: &str) -> String {
    format!("{id}.json")
}

fn path_of(id: &str) -> String {
    format!("{DIRECTORY}/{id}.json")
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
