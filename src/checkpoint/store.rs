//! The checkpoints of all partitions in one state directory: finding, numbering, pruning.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use crate::runtime::failpoint;

use super::damage::Damage;
use super::file::{CheckpointFile, CheckpointStart, WrittenCheckpoint};
use super::index::DaysFile;
use super::names::{DIRECTORY, Kind, Name, PartitionDir};
use super::reader::{CheckpointReader, references};
use super::seal::CheckpointKey;
use super::write_error::WriteError;
use crate::disk::Disk;

/// Number of intact checkpoints that are kept per partition.
pub(super) const MAX_CHECKPOINTS: usize = 3;

/// Maximum distance between two sequence numbers in a directory; 136 years of a checkpoint a second.
const MAX_GAP: u64 = 1 << 32;

/// The checkpoints of all partitions in one state directory. Clones share the disk.
#[derive(Clone)]
pub struct CheckpointStore {
    disk: Arc<dyn Disk>,
    key: Option<CheckpointKey>,
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
}

impl CheckpointChain {
    /// Marks a checkpoint as permanently damaged: it is pruned and does not count among those that are kept.
    pub fn mark_damaged(&mut self, sequence: u64) {
        self.damaged.insert(sequence);
    }

    /// Adds what an earlier search found damaged.
    pub fn inherit_damaged(&mut self, earlier: &CheckpointChain) {
        self.damaged.extend(&earlier.damaged);
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
        Self { disk, key: None }
    }

    /// Opens the store of a state directory with the key of its seals.
    pub fn with_key(disk: Arc<dyn Disk>, key: CheckpointKey) -> Self {
        Self { disk, key: Some(key) }
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
        CheckpointReader::open(&self.disk, dir, sequence, self.key.as_ref())
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
        for sequence in listing.checkpoints.into_iter().filter(is_before) {
            match self.open(dir, sequence) {
                Ok(reader) => {
                    candidates.reader = Some(reader);
                    break;
                }
                Err(damage) => {
                    if damage.is_permanent() {
                        candidates.chain.mark_damaged(sequence);
                    }
                    let is_newer = damage.is_newer();
                    candidates.damaged.push((Name::checkpoint(sequence).to_string(), damage));
                    if is_newer {
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
        CheckpointFile::begin(Arc::clone(&self.disk), self.key.clone(), chain.highest, &chain.days_files, start)
    }

    /// Removes the oldest file that is not needed, and returns whether there was one. To be called only after a
    /// checkpoint is durable.
    ///
    /// Not needed are the mark of a cleared partition, then checkpoints that are damaged or beyond the newest three,
    /// then closed days that no remaining checkpoint refers to.
    ///
    /// # Errors
    /// Returns an error if the disk refuses; the file stays.
    pub(super) fn prune_one(&self, dir: PartitionDir, chain: &mut CheckpointChain) -> Result<bool, WriteError> {
        if self.is_cleared(dir) {
            self.remove(&cleared_mark(dir))?;
            return Ok(true);
        }
        let listing =
            self.list(dir).map_err(|error| WriteError::new(format_args!("list {}", dir.directory()), &error))?;
        let (damaged, intact): (Vec<u64>, Vec<u64>) =
            listing.checkpoints.iter().partition(|sequence| chain.damaged.contains(sequence));
        // What comes after the newest was made by somebody else, and must not displace it.
        let intact: Vec<u64> = intact.into_iter().filter(|sequence| *sequence <= chain.highest).collect();
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

    /// Removes all files of a partition and leaves a mark that this was intended.
    ///
    /// The oldest file goes first, so that what an interruption leaves is the newest state.
    ///
    /// # Errors
    /// Returns an error if the disk refuses; some files may be gone.
    pub fn clear(&self, dir: PartitionDir) -> Result<(), WriteError> {
        let failed = |error| WriteError::new(format_args!("clear {}", dir.directory()), &error);
        let names = self.disk.list(&dir.directory()).map_err(failed)?;
        let mut names: Vec<Name> = names.iter().filter_map(|name| Name::parse(name)).collect();
        names.sort_by_key(|name| (name.kind == Kind::Days, name.sequence));
        for name in names {
            self.disk.remove(&dir.path(name)).map_err(failed)?;
        }
        // An empty file is complete as soon as it exists, so it needs no temporary name.
        self.disk.create(&cleared_mark(dir)).and_then(|mut mark| mark.sync()).map_err(failed)?;
        self.disk.sync_directory(&dir.directory()).map_err(failed)
    }

    /// True if a partition was cleared intentionally and has had no checkpoint since.
    pub fn is_cleared(&self, dir: PartitionDir) -> bool {
        self.disk.open(&cleared_mark(dir)).is_ok()
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
            match references(&self.disk, dir, *sequence) {
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

/// Path of the mark of a partition that was cleared intentionally.
fn cleared_mark(dir: PartitionDir) -> String {
    format!("{}/cleared", dir.directory())
}
