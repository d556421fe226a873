//! The cuts of a state directory, one file each. The format is in the documentation of [`crate::cuts`].

mod acceptance;
mod verification;

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::verification::CutVerdict;
use super::chain::{Chain, ChainFault, CutFile, CutKey, CutSeal, Link, SealKind};
use super::record::{Cut, cut_id, instant_of};
use crate::clock::Timestamp;
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

/// The cuts of a state directory. Clones share the disk and the list of cuts.
#[derive(Clone)]
pub struct CutStore {
    disk: Arc<dyn Disk>,
    key: CutKey,
    chain: Arc<Mutex<Option<Chain>>>,
    lost: Arc<AtomicUsize>,
}

impl CutStore {
    /// Opens the store of a state directory.
    pub fn new(disk: Arc<dyn Disk>, key: CutKey) -> Self {
        Self { disk, key, chain: Arc::default(), lost: Arc::default() }
    }

    /// Stores a cut durably with the atomic write of [`crate::disk`], then adds it to the list.
    ///
    /// A file that has its name already is quarantined, never overwritten, unless it is this call's own earlier attempt.
    ///
    /// # Errors
    /// If the disk refuses. The whole write may be repeated.
    pub fn put(&self, cut: &Cut) -> io::Result<CutSeal> {
        let mut guard = self.lock();
        let mut chain = self.loaded(&mut guard)?;
        let names = self.names()?;
        self.list_attempts(&names, &mut chain)?;
        if let Some(entry) = chain.intact(&cut.id)
            && self.read_whole(&cut.id)?.is_some_and(|file| file.seal == entry.seal)
        {
            let seal = entry.seal.clone();
            self.save(&chain)?;
            self.keep(&mut guard, chain);
            return Ok(seal);
        }
        let is_attempt = self.read_whole(&cut.id)?.is_some_and(|file| is_next(&file, &chain));
        if !is_attempt && names.contains(&name_of(&cut.id)) {
            self.quarantine(&name_of(&cut.id))?;
            chain.lose(&cut.id);
        }
        // The list stands before the first cut does: cuts without a list are a sign that somebody removed it.
        chain.lose(&cut.id);
        if self.read_chain()?.as_ref() != Some(&chain) {
            self.save(&chain)?;
        }
        let link = Link { previous: chain.head.clone(), retaken: chain.entry(&cut.id).is_some() };
        let (text, seal) = CutFile::text(cut, &link, &self.key).map_err(io::Error::other)?;
        self.write(&path_of(&cut.id), &text)?;
        failpoint("cut.written");
        chain.push(&cut.id, seal.clone());
        self.save(&chain)?;
        self.keep(&mut guard, chain);
        Ok(seal)
    }

    /// Reads the cut with this id and its proof; `None` if there is none.
    ///
    /// # Errors
    /// If the disk refuses, or the cut is or was damaged or removed. A damaged file is quarantined.
    pub fn get(&self, id: &str) -> io::Result<Option<(Cut, CutSeal)>> {
        let mut guard = self.lock();
        let mut chain = self.loaded(&mut guard)?;
        let Some(entry) = chain.entry(id).cloned() else { return Ok(None) };
        if entry.lost {
            return Err(invalid(
                id,
                "was damaged or removed; see the log event pacemeter.cut.damaged, and pacemeter cut verify",
            ));
        }
        let fault = match self.read(id) {
            Ok(file) if file.seal == entry.seal => return Ok(Some((file.cut, file.seal))),
            Ok(_) => invalid(id, "is another file than the one stored: its hash is not the one in the list"),
            Err(error) => error,
        };
        if let Some(fault) = self.lose(&mut chain, id, fault)? {
            self.save(&chain)?;
            self.keep(&mut guard, chain);
            return Err(fault);
        }
        Ok(None)
    }

    /// Reads all cuts and checks them against the list; returns their closed periods, and what is wrong.
    ///
    /// A damaged file is quarantined under another name. Its cut is taken again, and marked as retaken, if the log is
    /// replayed past its instant.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be listed, or the disk does not return a cut that is not listed yet.
    pub fn closed_periods(&self) -> io::Result<(ClosedPeriods, Vec<io::Error>)> {
        let mut guard = self.lock();
        let (chain, closed_periods, faults) = self.load()?;
        self.keep(&mut guard, chain);
        Ok((closed_periods, faults))
    }

    /// Removes the cuts of instants before `before`, and what was quarantined of them.
    ///
    /// # Errors
    /// Returns an error if the disk refuses; some cuts may be removed.
    pub fn prune(&self, before: Timestamp) -> io::Result<()> {
        let oldest = cut_id(before);
        let mut guard = self.lock();
        let mut chain = self.loaded(&mut guard)?;
        let old: Vec<String> =
            self.names()?.into_iter().filter(|name| *name != "chain" && id_of(name) < oldest.as_str()).collect();
        if old.is_empty() && chain.entries.iter().all(|entry| entry.id >= oldest) {
            return Ok(());
        }
        // The list first: a crash leaves files below its oldest id, which the next call removes.
        chain.entries.retain(|entry| entry.id >= oldest);
        chain.oldest = chain.oldest.max(oldest);
        self.save(&chain)?;
        self.keep(&mut guard, chain);
        for name in old {
            self.disk.remove(&format!("{DIRECTORY}/{name}"))?;
        }
        self.disk.sync_directory(DIRECTORY)
    }

    /// Number of cuts of the list that are damaged or missing, those taken again included. Never waits for the disk.
    pub(crate) fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }

    fn keep(&self, kept: &mut Option<Chain>, chain: Chain) {
        self.lost.store(chain.lost(), Ordering::Relaxed);
        *kept = Some(chain);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Chain>> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the list, and loads it at first use.
    fn loaded(&self, guard: &mut Option<Chain>) -> io::Result<Chain> {
        if let Some(chain) = guard {
            return Ok(chain.clone());
        }
        let chain = self.load()?.0;
        self.keep(guard, chain.clone());
        Ok(chain)
    }

    /// Reads the list and every cut, and quarantines what is damaged.
    fn load(&self) -> io::Result<(Chain, ClosedPeriods, Vec<io::Error>)> {
        let (mut closed_periods, mut faults) = (ClosedPeriods::default(), Vec::new());
        let stored = self.read_chain().or_else(|error| {
            if error.kind() != ErrorKind::InvalidData {
                return Err(error);
            }
            faults.push(error);
            self.quarantine("chain").map(|()| None)
        })?;
        let mut chain = match &stored {
            Some(chain) => chain.clone(),
            None => self.rebuild(&mut faults)?,
        };
        let listed: Vec<String> = chain.entries.iter().filter(|entry| !entry.lost).map(|e| e.id.clone()).collect();
        for id in listed {
            let expected = chain.intact(&id).map(|entry| entry.seal.clone());
            let fault = match self.read(&id) {
                Ok(file) if Some(&file.seal) == expected.as_ref() => {
                    file.cut.report(&mut closed_periods);
                    continue;
                }
                Ok(_) => invalid(&id, "is another file than the one stored: its hash is not the one in the list"),
                Err(error) => error,
            };
            if !is_damage(&fault) {
                // It is there, for all that is known: it must not be taken again.
                instant_of(&id).inspect(|&at| closed_periods.add_cut(at));
            }
            faults.extend(self.lose(&mut chain, &id, fault)?);
        }
        let is_unlisted = |id: &String| *id >= chain.oldest && chain.intact(id).is_none();
        let mut unlisted: Vec<String> = ids(&self.names()?).into_iter().filter(is_unlisted).collect();
        // A crash between storing a cut and saving the list leaves a cut whose link continues the list.
        while let Some((index, seal)) = self.next_unlisted(&unlisted, &chain)? {
            let id = unlisted.swap_remove(index);
            self.read(&id)?.cut.report(&mut closed_periods);
            chain.push(&id, seal);
        }
        for id in unlisted {
            match self.read_whole(&id)? {
                Some(file) if chain.restore(&id, &file.seal) => {
                    tracing::warn!(event = "pacemeter.cut.restored", cut = id, "lost cut found whole again");
                    file.cut.report(&mut closed_periods);
                    continue;
                }
                // Anybody can make such a file, so it counts only once an operator accepts it. It stays where it is.
                Some(file) if file.seal.kind == SealKind::Unsealed => {
                    faults.push(invalid(&id, UNSEALED));
                    continue;
                }
                Some(_) | None => {}
            }
            let fault = self.read(&id).err().unwrap_or_else(|| invalid(&id, "is not in the list of cuts"));
            faults.extend(self.lose(&mut chain, &id, fault)?);
        }
        if stored.as_ref() != Some(&chain) && chain != Chain::empty(&self.key) {
            // The cuts are usable without; the next cut saves the list as well.
            faults.extend(self.save(&chain).err());
        }
        Ok((chain, closed_periods, faults))
    }

    /// Makes a list from the files where there is none.
    fn rebuild(&self, faults: &mut Vec<io::Error>) -> io::Result<Chain> {
        let mut chain = Chain { rebuilt: !faults.is_empty(), ..Chain::empty(&self.key) };
        let mut files = Vec::new();
        for id in ids(&self.names()?) {
            files.extend(self.read_whole(&id)?.map(|file| (file.cut.taken_ms, id, file.seal)));
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

    /// Lists the cuts whose files continue the list: an earlier call stored one and failed before the list was saved. They
    /// are cuts as any other, whichever is stored next.
    fn list_attempts(&self, names: &[String], chain: &mut Chain) -> io::Result<()> {
        let is_unlisted = |id: &String| *id >= chain.oldest && chain.intact(id).is_none();
        let unlisted: Vec<String> = ids(names).into_iter().filter(is_unlisted).collect();
        while let Some((index, seal)) = self.next_unlisted(&unlisted, chain)? {
            chain.push(&unlisted[index], seal);
        }
        Ok(())
    }

    /// The one of these cuts whose link continues the list.
    fn next_unlisted(&self, ids: &[String], chain: &Chain) -> io::Result<Option<(usize, CutSeal)>> {
        for (index, id) in ids.iter().enumerate() {
            if let Some(file) = self.read_whole(id)?.filter(|file| is_next(file, chain)) {
                return Ok(Some((index, file.seal)));
            }
        }
        Ok(None)
    }

    /// Marks a cut as lost and quarantines its file; returns the fault. A disk that refuses to read proves nothing, and
    /// changes nothing.
    fn lose(&self, chain: &mut Chain, id: &str, fault: io::Error) -> io::Result<Option<io::Error>> {
        match fault.kind() {
            ErrorKind::NotFound => {
                chain.lose(id);
                Ok(Some(invalid(id, "was removed")))
            }
            _ if is_damage(&fault) => {
                self.quarantine(&name_of(id))?;
                chain.lose(id);
                Ok(Some(fault))
            }
            _ => Ok(Some(fault)),
        }
    }

    /// Renames a file to the first free name `<name>.damaged-<n>`.
    fn quarantine(&self, name: &str) -> io::Result<()> {
        let names = self.names()?;
        let mut aside = (1..).map(|number| format!("{name}.damaged-{number}"));
        let Some(aside) = aside.find(|aside| !names.contains(aside)) else { return Ok(()) };
        self.disk.rename(&format!("{DIRECTORY}/{name}"), &format!("{DIRECTORY}/{aside}"))?;
        tracing::error!(event = "pacemeter.cut.quarantined", file = aside, "damaged file of cuts quarantined");
        self.disk.sync_directory(DIRECTORY)
    }

    fn read_chain(&self) -> io::Result<Option<Chain>> {
        match self.read_text(CHAIN) {
            Ok(text) => Chain::parse(&text, &self.key).map(Some).map_err(|fault| match fault {
                ChainFault::Damaged(what) => io::Error::new(ErrorKind::InvalidData, format!("{CHAIN}: {what}")),
                ChainFault::OtherKey(other) => io::Error::new(ErrorKind::Unsupported, format!(
                    "{CHAIN}: was written with another pseudonym key (cut key {other}, not {}); restore that key, or \
                     move the directory {DIRECTORY} away",
                    self.key.id()
                )),
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
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
        CutFile::parse(&self.read_text(&path_of(id))?, id, &self.key).map_err(|what| invalid(id, &what))
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
const UNSEALED: &str = "has no keyed hash: an older version stored it, or somebody put it there; accept it with \
                        pacemeter cut accept if it is genuine";

/// True if a file is damaged or missing, as opposed to a disk that does not answer now.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}

/// True if the link of a file continues the list.
fn is_next(file: &CutFile, chain: &Chain) -> bool {
    file.link.as_ref().is_some_and(|link| link.previous == chain.head)
}

/// Ids of the cuts among these file names, in their order.
fn ids(names: &[String]) -> Vec<String> {
    names.iter().filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect()
}

/// Id in the name of a file of a cut, quarantined or not.
fn id_of(name: &str) -> &str {
    name.split_once(".json").map_or(name, |(id, _)| id)
}

fn is_aside(name: &str) -> bool {
    name.contains(".damaged-")
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
