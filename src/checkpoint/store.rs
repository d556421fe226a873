//! The checkpoints of all partitions in one state directory: finding, numbering, pruning.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use crate::runtime::failpoint;

use super::damage::Damage;
use super::file::{CheckpointFile, CheckpointStart, WrittenCheckpoint};
use super::index::DaysFile;
use super::mark::{self, StartMark};
use super::names::{DIRECTORY, Kind, Name, PartitionDir};
use super::reader::{CheckpointReader, references};
use super::seal::{CheckpointKey, SealTrust};
use super::write_error::WriteError;
use crate::disk::{AtomicFile, Disk, DiskReader};

/// Number of intact checkpoints that are kept per partition.
pub(super) const MAX_CHECKPOINTS: usize = 3;

/// Maximum distance between two sequence numbers in a directory; 136 years of a checkpoint a second.
pub(super) const MAX_GAP: u64 = 1 << 32;

/// The checkpoints of all partitions in one state directory. Clones share the disk.
#[derive(Clone)]
pub struct CheckpointStore {
    disk: Arc<dyn Disk>,
    trust: SealTrust,
}

/// The files of a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Sequence numbers of its checkpoints, newest first.
    pub checkpoints: Vec<u64>,
    /// Sequence numbers of its files of closed days, newest first.
    pub days: Vec<u64>,
    /// Number of temporary files: in progress, or left behind by a crash.
    pub incomplete: u64,
    /// Highest sequence number that a file has by counting, temporary or not; 0 if there are none.
    pub highest: u64,
}

/// Known files of a partition while checkpoints are written: the checkpoint that the state was restored from, and all
/// later ones.
///
/// [`CheckpointStore::newest`] and `CheckpointStore::chain` create it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckpointChain {
    /// Highest sequence number that any file has had.
    highest: u64,
    /// Files of closed days that hold days of the current state.
    days_files: Vec<DaysFile>,
    /// Files of closed days by the checkpoint that refers to them, as far as they have been looked up.
    references: BTreeMap<u64, Vec<u64>>,
    /// Checkpoints that nobody will be able to use.
    damaged: BTreeSet<u64>,
    /// Checkpoints that are not proven, beside one that is: they do not count among those that are kept, and stay.
    of_elsewhere: BTreeSet<u64>,
}

impl CheckpointChain {
    /// Marks a checkpoint as permanently damaged: it is pruned and does not count among those that are kept.
    pub fn mark_damaged(&mut self, sequence: u64) {
        self.damaged.insert(sequence);
    }

    /// Adds what an earlier search found damaged.
    pub fn inherit_damaged(&mut self, earlier: &CheckpointChain) {
        self.damaged.extend(&earlier.damaged);
        self.of_elsewhere.extend(&earlier.of_elsewhere);
    }

    /// Records that the state was restored from this checkpoint, so that its closed days need not be written again.
    /// Without this, as after a rebuild, the next checkpoint refers to nothing that earlier ones wrote.
    pub fn resume_from(&mut self, checkpoint: &CheckpointReader) {
        self.days_files = checkpoint.days_files().to_vec();
    }

    /// Appends a durable checkpoint; files that it makes unnecessary may then be pruned.
    pub(super) fn append(&mut self, written: &WrittenCheckpoint) {
        self.days_files.clone_from(&written.days_files);
        self.references.insert(written.head.sequence, written.days_files.iter().map(|file| file.sequence).collect());
    }
}

/// Result of a search for the newest usable checkpoint.
pub struct CheckpointCandidates {
    /// The newest checkpoint with intact head, index, body and days; `None` if there is none, or if the search met a
    /// newer format.
    pub reader: Option<CheckpointReader>,
    /// Names and damage of newer checkpoints, newest first. If the last one [`Damage::is_newer`], older ones were not
    /// tried.
    pub damaged: Vec<(String, Damage)>,
    /// Number of temporary files.
    pub incomplete: u64,
    /// Chain to continue with.
    pub chain: CheckpointChain,
}

impl CheckpointStore {
    /// Opens the store of a state directory without a key: it compares no seals, and a store with a key takes what it
    /// writes for damaged.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, trust: SealTrust { key: None, accepts_unsealed: true } }
    }

    /// Opens the store of a state directory with the key of its seals. It takes formats without a seal for damaged.
    pub fn with_key(disk: Arc<dyn Disk>, key: CheckpointKey) -> Self {
        Self { disk, trust: SealTrust { key: Some(key), accepts_unsealed: false } }
    }

    /// Returns the store with formats without a seal accepted, where no sealed checkpoint is there.
    pub fn accepting_unsealed(mut self, accepts_unsealed: bool) -> Self {
        self.trust.accepts_unsealed = accepts_unsealed;
        self
    }

    /// Returns the partitions that have a directory, sorted.
    pub fn partitions(&self) -> io::Result<Vec<PartitionDir>> {
        let names = self.disk.list(DIRECTORY)?;
        Ok(names.iter().filter_map(|name| PartitionDir::from_name(name)).collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// Lists the files of a partition.
    pub fn list(&self, dir: PartitionDir) -> io::Result<Listing> {
        let names = self.disk.list(&dir.directory())?;
        let mut names: Vec<Name> = names.iter().filter_map(|name| Name::parse(name)).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.sequence));
        let complete = |kind| {
            names.iter().filter(|name| name.kind == kind && !name.is_temporary).map(|name| name.sequence).collect()
        };
        Ok(Listing {
            checkpoints: complete(Kind::Checkpoint),
            days: complete(Kind::Days),
            incomplete: names.iter().filter(|name| name.is_temporary).count() as u64,
            highest: highest(names.iter().rev().map(|name| name.sequence)),
        })
    }

    /// Opens a checkpoint and checks everything but its pages.
    pub fn open(&self, dir: PartitionDir, sequence: u64) -> Result<CheckpointReader, Damage> {
        CheckpointReader::open(&self.disk, dir, sequence, &self.trust)
    }

    /// Finds the newest usable checkpoint of a partition; changes nothing on disk. Pages are not read: if they turn out
    /// damaged, ask [`CheckpointStore::newest_before`] for an older one.
    pub fn newest(&self, dir: PartitionDir) -> io::Result<CheckpointCandidates> {
        self.newest_before(dir, None)
    }

    /// Finds the newest usable checkpoint with a sequence number below `before`; `None`: among all.
    pub fn newest_before(&self, dir: PartitionDir, before: Option<u64>) -> io::Result<CheckpointCandidates> {
        let listing = self.list(dir)?;
        let chain = CheckpointChain { highest: listing.highest, ..CheckpointChain::default() };
        let mut candidates =
            CheckpointCandidates { reader: None, damaged: Vec::new(), incomplete: listing.incomplete, chain };
        let is_before = |sequence: &u64| before.is_none_or(|before| *sequence < before);
        let mut of_elsewhere = BTreeSet::new();
        for sequence in listing.checkpoints.into_iter().filter(is_before) {
            let has_unsealed = candidates.reader.is_some();
            match self.open(dir, sequence) {
                Ok(reader) if reader.is_sealed() => {
                    // Anybody can put an unsealed one beside it.
                    if let Some(unsealed) = candidates.reader.replace(reader) {
                        let (sequence, found) = (unsealed.head().sequence, unsealed.version());
                        of_elsewhere.insert(sequence);
                        candidates.damaged.push((Name::checkpoint(sequence).to_string(), Damage::Unsealed { found }));
                    }
                    candidates.chain.of_elsewhere = of_elsewhere;
                    break;
                }
                Ok(_) if has_unsealed => {}
                Ok(unsealed) => candidates.reader = Some(unsealed),
                Err(damage) => {
                    if damage.is_permanent() {
                        candidates.chain.mark_damaged(sequence);
                    }
                    if damage.is_of_elsewhere() {
                        of_elsewhere.insert(sequence);
                    }
                    let is_newer = damage.is_newer();
                    candidates.damaged.push((Name::checkpoint(sequence).to_string(), damage));
                    if is_newer {
                        candidates.reader = None;
                        break;
                    }
                }
            }
        }
        Ok(candidates)
    }

    /// Returns the chain of a partition without opening any file.
    pub(super) fn chain(&self, dir: PartitionDir) -> io::Result<CheckpointChain> {
        Ok(CheckpointChain { highest: self.list(dir)?.highest, ..CheckpointChain::default() })
    }

    /// Begins a checkpoint of the partition that its head names, under the next sequence number.
    ///
    /// # Errors
    /// Returns an error if the disk refuses. The sequence number is used up all the same.
    pub fn begin(&self, chain: &mut CheckpointChain, start: CheckpointStart) -> Result<CheckpointFile, WriteError> {
        chain.highest += 1;
        CheckpointFile::begin(Arc::clone(&self.disk), self.trust.key.clone(), chain.highest, &chain.days_files, start)
    }

    /// Removes the oldest file that is not needed, and returns whether there was one. To be called only after a
    /// checkpoint is durable.
    ///
    /// Not needed are marks of a partition without checkpoints, then checkpoints that are damaged or beyond the newest three,
    /// then closed days that no remaining checkpoint refers to.
    ///
    /// # Errors
    /// Returns an error if the disk refuses; the file stays.
    pub(super) fn prune_one(&self, dir: PartitionDir, chain: &mut CheckpointChain) -> Result<bool, WriteError> {
        for path in mark::paths(dir) {
            if self.disk.open(&path).is_ok() {
                self.remove(&path)?;
                return Ok(true);
            }
        }
        let listing =
            self.list(dir).map_err(|error| WriteError::new(format_args!("list {}", dir.directory()), &error))?;
        let (damaged, intact): (Vec<u64>, Vec<u64>) =
            listing.checkpoints.iter().partition(|sequence| chain.damaged.contains(sequence));
        // What comes after the newest was made by somebody else, and must not displace it.
        let is_own = |sequence: &u64| *sequence <= chain.highest && !chain.of_elsewhere.contains(sequence);
        let intact: Vec<u64> = intact.into_iter().filter(is_own).collect();
        let (kept, surplus) = intact.split_at(intact.len().min(MAX_CHECKPOINTS));
        let name = match surplus.iter().chain(&damaged).min() {
            Some(sequence) => Name::checkpoint(*sequence),
            None => match self.oldest_unreferenced(dir, chain, kept, &listing.days) {
                Some(sequence) => Name::days(sequence),
                None => return Ok(false),
            },
        };
        self.remove(&dir.path(name))?;
        failpoint("checkpoint.pruned_one");
        Ok(true)
    }

    fn remove(&self, path: &str) -> Result<(), WriteError> {
        self.disk.remove(path).map_err(|error| WriteError::new(format_args!("remove {path}"), &error))
    }

    /// Removes all files of a partition, after it leaves a mark that this was intended.
    ///
    /// The oldest file goes first, so that what an interruption leaves is the newest state.
    ///
    /// # Errors
    /// Returns an error if the disk refuses; some files may be gone.
    pub fn clear(&self, dir: PartitionDir, mark: &StartMark) -> Result<(), WriteError> {
        self.mark_start(dir, mark)?;
        let failed = |error| WriteError::new(format_args!("clear {}", dir.directory()), &error);
        let names = self.disk.list(&dir.directory()).map_err(failed)?;
        let mut names: Vec<Name> = names.iter().filter_map(|name| Name::parse(name)).collect();
        names.sort_by_key(|name| (name.kind == Kind::Days, name.sequence));
        for name in names {
            self.disk.remove(&dir.path(name)).map_err(failed)?;
        }
        self.disk.sync_directory(&dir.directory()).map_err(failed)
    }

    /// Writes durably where the state of a partition without checkpoints begins.
    ///
    /// # Errors
    /// Returns an error if the disk refuses; no mark or an earlier one is there.
    pub fn mark_start(&self, dir: PartitionDir, mark: &StartMark) -> Result<(), WriteError> {
        let path = mark::path(dir, mark.reason);
        let text = mark::text(mark, dir, &self.mark_key());
        let write = || {
            let mut file = AtomicFile::create(Arc::clone(&self.disk), path.clone())?;
            file.append(text.as_bytes())?;
            file.commit()
        };
        write().map_err(|error| WriteError::new(format_args!("write {path}"), &error))
    }

    /// Returns the mark of a partition, and the paths of files that have the name of one and are none.
    pub fn start_mark(&self, dir: PartitionDir) -> (Option<StartMark>, Vec<String>) {
        let (mut found, mut refused) = (None, Vec::new());
        for path in mark::paths(dir) {
            let text = match self.disk.open(&path) {
                Ok(file) => read_mark(&*file).ok(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(_) => None,
            };
            match text.and_then(|text| mark::parse(&text, dir, &self.mark_key())) {
                Some(mark) => found = found.or(Some(mark)),
                None => refused.push(path),
            }
        }
        (found, refused)
    }

    fn mark_key(&self) -> CheckpointKey {
        self.trust.key.clone().unwrap_or_else(CheckpointKey::unknown)
    }

    /// Returns the oldest of `days` that none of the `kept` checkpoints refers to; `None` as well if it is unknown what
    /// one refers to.
    fn oldest_unreferenced(
        &self,
        dir: PartitionDir,
        chain: &mut CheckpointChain,
        kept: &[u64],
        days: &[u64],
    ) -> Option<u64> {
        chain.references.retain(|sequence, _| kept.contains(sequence));
        for sequence in kept {
            if chain.references.contains_key(sequence) {
                continue;
            }
            match references(&self.disk, dir, *sequence, &self.trust) {
                Ok(files) => chain.references.insert(*sequence, files),
                // Nobody can use the checkpoint, so it needs no days.
                Err(damage) if damage.is_permanent() => chain.references.insert(*sequence, Vec::new()),
                Err(_) => return None,
            };
        }
        let is_referenced = |sequence: &&u64| chain.references.values().flatten().any(|other| other == *sequence);
        days.iter().rev().find(|sequence| !is_referenced(sequence)).copied()
    }
}

/// Highest of these ascending sequence numbers that follows from counting. A name far beyond was made by somebody else:
/// numbers that continue it would soon be none.
fn highest(sequences: impl Iterator<Item = u64>) -> u64 {
    let mut highest = 0;
    for sequence in sequences {
        if sequence - highest > MAX_GAP {
            break;
        }
        highest = sequence;
    }
    highest
}

fn read_mark(file: &dyn DiskReader) -> io::Result<String> {
    let length = file.len()?.min(mark::MAX_BYTES) as usize;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}
