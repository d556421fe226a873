//! The checkpoints of all partitions in one state directory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use crate::runtime::failpoint;

use super::damage::Damage;
use super::fault::WriteError;
use super::file::{CheckpointFile, CheckpointStart, WrittenCheckpoint};
use super::index::DaysFile;
use super::names::{DIRECTORY, Kind, Name, PartitionDir};
use super::reader::{CheckpointReader, references};
use crate::disk::Disk;

/// Checkpoints that are kept of a partition.
pub const KEPT: usize = 3;

/// Cheap to clone.
#[derive(Clone)]
pub struct CheckpointStore {
    disk: Arc<dyn Disk>,
}

/// The files of a place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Sequence numbers, newest first.
    pub checkpoints: Vec<u64>,
    /// Files of closed days by the checkpoint with which they were written, newest first.
    pub days: Vec<u64>,
    /// Files that are not whole: left by a crash, or being written.
    pub incomplete: u64,
    /// The highest sequence number in any name, of files that are not whole too.
    pub highest: u64,
}

/// What is known of a place's files while checkpoints are written there. Begun by [`CheckpointStore::newest`] or [`CheckpointStore::lineage`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckpointChain {
    highest: u64,
    /// Files of closed days that hold days of this state.
    closed: Vec<DaysFile>,
    /// The files of closed days that a checkpoint refers to, where that is known.
    references: BTreeMap<u64, Vec<u64>>,
    /// Of no use to anybody.
    damaged: BTreeSet<u64>,
}

impl CheckpointChain {
    /// Says that a checkpoint of the place is of no use to anybody.
    pub fn note_damaged(&mut self, sequence: u64) {
        self.damaged.insert(sequence);
    }

    /// Takes over what an earlier look found damaged.
    pub fn keep_damaged(&mut self, earlier: &CheckpointChain) {
        self.damaged.extend(&earlier.damaged);
    }

    /// Says that the state of the partition was taken from this checkpoint of the place. Its closed days need not be written again. Without it,
    /// as after a rebuild, nothing of earlier checkpoints is referred to.
    pub fn follow(&mut self, opened: &CheckpointReader) {
        self.closed = opened.closed().to_vec();
    }

    fn add(&mut self, written: &WrittenCheckpoint) {
        self.closed.clone_from(&written.closed);
        self.references.insert(written.head.sequence, written.closed.iter().map(|file| file.sequence).collect());
    }
}

/// What [`CheckpointStore::newest`] found.
pub struct CheckpointCandidates {
    /// The newest checkpoint that is whole in head, index, body and days. None if there is none, or if a newer program wrote one.
    pub opened: Option<CheckpointReader>,
    /// Checkpoints that were tried before it, newest first, by name. If the last one [`Damage::is_newer`], older ones were not tried.
    pub damaged: Vec<(String, Damage)>,
    /// Files that were never finished.
    pub incomplete: u64,
    pub lineage: CheckpointChain,
}

impl CheckpointStore {
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    /// The partitions that have a directory, in order.
    pub fn places(&self) -> io::Result<Vec<PartitionDir>> {
        let names = self.disk.list(DIRECTORY)?;
        Ok(names.iter().filter_map(|name| PartitionDir::from_name(name)).collect::<BTreeSet<_>>().into_iter().collect())
    }

    pub fn list(&self, dir: PartitionDir) -> io::Result<Listing> {
        let names = self.disk.list(&dir.directory())?;
        let mut names: Vec<Name> = names.iter().filter_map(|name| Name::parse(name)).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.sequence));
        let of = |kind| {
            names.iter().filter(|name| name.kind == kind && !name.is_temporary).map(|name| name.sequence).collect()
        };
        Ok(Listing {
            checkpoints: of(Kind::Checkpoint),
            days: of(Kind::Days),
            incomplete: names.iter().filter(|name| name.is_temporary).count() as u64,
            highest: names.first().map_or(0, |name| name.sequence),
        })
    }

    pub fn open(&self, dir: PartitionDir, sequence: u64) -> Result<CheckpointReader, Damage> {
        CheckpointReader::open(&self.disk, dir, sequence)
    }

    /// Looks for the newest checkpoint that is whole, changing nothing. Pieces are not read yet: should one turn out damaged later, ask
    /// [`CheckpointStore::newest_before`].
    pub fn newest(&self, dir: PartitionDir) -> io::Result<CheckpointCandidates> {
        self.newest_before(dir, None)
    }

    /// Finds the newest usable checkpoint among those with a sequence number below `before`; `None`: among all.
    pub fn newest_before(&self, dir: PartitionDir, before: Option<u64>) -> io::Result<CheckpointCandidates> {
        let listing = self.list(dir)?;
        let lineage = CheckpointChain { highest: listing.highest, ..CheckpointChain::default() };
        let mut found =
            CheckpointCandidates { opened: None, damaged: Vec::new(), incomplete: listing.incomplete, lineage };
        for sequence in
            listing.checkpoints.into_iter().filter(|sequence| before.is_none_or(|before| *sequence < before))
        {
            match self.open(dir, sequence) {
                Ok(opened) => {
                    found.opened = Some(opened);
                    break;
                }
                Err(damage) => {
                    if damage.is_for_good() {
                        found.lineage.damaged.insert(sequence);
                    }
                    let is_newer = damage.is_newer();
                    found.damaged.push((Name::checkpoint(sequence).to_string(), damage));
                    if is_newer {
                        break;
                    }
                }
            }
        }
        Ok(found)
    }

    /// What is known of a place without opening anything.
    pub fn lineage(&self, dir: PartitionDir) -> io::Result<CheckpointChain> {
        Ok(CheckpointChain { highest: self.list(dir)?.highest, ..CheckpointChain::default() })
    }

    /// Begins a checkpoint of the place that its head names, under the next sequence number.
    pub fn begin(&self, lineage: &mut CheckpointChain, begin: CheckpointStart) -> Result<CheckpointFile, WriteError> {
        lineage.highest += 1;
        CheckpointFile::begin(Arc::clone(&self.disk), lineage.highest, &lineage.closed, begin)
    }

    /// Takes note of a checkpoint that is there to stay; what it makes superfluous may be pruned.
    pub fn add(&self, lineage: &mut CheckpointChain, written: &WrittenCheckpoint) {
        lineage.add(written);
    }

    /// Removes one file that is no longer needed, oldest first, and says whether there was one: checkpoints that are damaged or beyond the
    /// newest [`KEPT`], then closed days that no kept checkpoint refers to. Only to be called after a checkpoint was written.
    pub fn prune_one(&self, dir: PartitionDir, lineage: &mut CheckpointChain) -> Result<bool, WriteError> {
        if self.is_cleared(dir) {
            let path = cleared(dir);
            self.disk.remove(&path).map_err(|error| WriteError::new(format_args!("remove {path}"), &error))?;
            return Ok(true);
        }
        let listing =
            self.list(dir).map_err(|error| WriteError::new(format_args!("list {}", dir.directory()), &error))?;
        let (damaged, whole): (Vec<u64>, Vec<u64>) =
            listing.checkpoints.iter().partition(|sequence| lineage.damaged.contains(sequence));
        let kept = &whole[..whole.len().min(KEPT)];
        let superfluous = whole[kept.len()..].iter().chain(&damaged).min();
        let name = match superfluous {
            Some(sequence) => Name::checkpoint(*sequence),
            None => match self.unreferred(dir, lineage, kept, &listing.days) {
                Some(sequence) => Name::days(sequence),
                None => return Ok(false),
            },
        };
        let path = dir.path(name);
        self.disk.remove(&path).map_err(|error| WriteError::new(format_args!("remove {path}"), &error))?;
        failpoint("checkpoint.pruned_one");
        Ok(true)
    }

    /// Removes everything of a place and leaves a mark that this was done on purpose; oldest first, so that what an end in the middle leaves is
    /// the newest.
    pub fn clear(&self, dir: PartitionDir) -> Result<(), WriteError> {
        let failed = |error| WriteError::new(format_args!("clear {}", dir.directory()), &error);
        let names = self.disk.list(&dir.directory()).map_err(failed)?;
        let mut names: Vec<Name> = names.iter().filter_map(|name| Name::parse(name)).collect();
        names.sort_by_key(|name| (name.kind == Kind::Days, name.sequence));
        for name in names {
            self.disk.remove(&dir.path(name)).map_err(failed)?;
        }
        self.disk.create(&cleared(dir)).and_then(|mut mark| mark.sync()).map_err(failed)?;
        self.disk.sync_directory(&dir.directory()).map_err(failed)
    }

    /// Whether a place was cleared on purpose, and nothing was written there since.
    pub fn is_cleared(&self, dir: PartitionDir) -> bool {
        self.disk.open(&cleared(dir)).is_ok()
    }

    /// The oldest of `days` that none of `kept` refers to. None too as long as it is unknown what they refer to.
    fn unreferred(&self, dir: PartitionDir, lineage: &mut CheckpointChain, kept: &[u64], days: &[u64]) -> Option<u64> {
        lineage.references.retain(|sequence, _| kept.contains(sequence));
        for sequence in kept {
            if lineage.references.contains_key(sequence) {
                continue;
            }
            match references(&self.disk, dir, *sequence) {
                Ok(files) => lineage.references.insert(*sequence, files),
                // It holds on to nothing, since nobody can use it.
                Err(damage) if damage.is_for_good() => lineage.references.insert(*sequence, Vec::new()),
                Err(_) => return None,
            };
        }
        let is_referred = |sequence: &&u64| lineage.references.values().flatten().any(|other| other == *sequence);
        days.iter().rev().find(|sequence| !is_referred(sequence)).copied()
    }
}

/// The mark of a place that was cleared on purpose.
fn cleared(dir: PartitionDir) -> String {
    format!("{}/cleared", dir.directory())
}
