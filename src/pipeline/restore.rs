//! State that each partition starts with, or the reason why it cannot start.
//!
//! That is the newest checkpoint that is undamaged and matches the log and the settings; if files are damaged, an older
//! one. A checkpoint that does not match is refused, or discarded for a rebuild where the settings allow it. A rebuild
//! from a log that has lost history the checkpoint had is refused too, unless the settings accept it. Nothing is
//! discarded without a log line.

mod findings;
mod missing;

pub(super) use self::findings::RestoreFindings;
use self::missing::SkippedFiles;
pub use self::missing::newest_cut_offsets;
use super::compatibility::{ClusterInfo, Compatibility, labels_fingerprint};
use super::cut_scheduler::SavedProgress;
use super::message::LogInfo;
use crate::aggregate::{PartitionState, StateLoader, ViewConfig};
use crate::checkpoint::{
    CheckpointChain, CheckpointHandle, CheckpointReader, CheckpointRequest, CheckpointStore, Damage, Head, LastCut,
    LastRecord, Mismatch, PartitionDir,
};
use crate::clock::Timestamp;
use crate::cuts::CutOffset;
use crate::record::TopicPartition;
use crate::runtime::{Exit, Failure};
use crate::settings::SettingsReader;
use std::cell::RefCell;

/// Policy when the stored state cannot be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Exit with [`Exit::StateUnusable`].
    Fail,
    /// Discard the state and rebuild it from the log.
    Rebuild,
}

/// Settings of restoring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Policy when there is no checkpoint, or none without damage.
    pub on_missing: Policy,
    /// Policy when the checkpoint does not match the log or the settings.
    pub on_mismatch: Policy,
    /// True if a rebuild may have less history than the state before it.
    pub accept_lost_history: bool,
    /// True if a checkpoint in a format without a keyed hash may be resumed where no other is there.
    pub accept_unsealed_checkpoints: bool,
    /// True if a topic may have more partitions than the checkpoint knows, for resuming and for a rebuild alike.
    pub accept_added_partitions: bool,
    /// True if compaction may have removed the last applied record.
    pub accept_compacted_topics: bool,
}

impl Settings {
    pub(super) fn read(reader: &mut SettingsReader) -> Self {
        let mut policy = |key: &str| match reader.choice(key, &["fail", "rebuild"]).as_str() {
            "rebuild" => Policy::Rebuild,
            _ => Policy::Fail,
        };
        Self {
            on_missing: policy("state.on_missing"),
            on_mismatch: policy("state.on_mismatch"),
            accept_lost_history: reader.boolean("state.accept_lost_history"),
            accept_unsealed_checkpoints: reader.boolean("state.accept_unsealed_checkpoints"),
            accept_added_partitions: reader.boolean("state.accept_added_partitions"),
            accept_compacted_topics: reader.boolean("kafka.accept_compacted_topics"),
        }
    }
}

/// State of a partition, and its source.
pub(super) struct RestoredPartition {
    pub(super) state: PartitionState,
    pub(super) source: StateSource,
    pub(super) last_record: Option<LastRecord>,
    /// Time at which the state began to be built; `None` if it begins now, or with its first record.
    pub(super) built: Option<Timestamp>,
    /// Size of the checkpoint on disk, in bytes; 0 without one.
    pub(super) bytes: u64,
    /// True if the state differs from the checkpoint on disk: a new checkpoint is wanted even without records.
    pub(super) needs_checkpoint: bool,
    /// Cluster id in the checkpoint.
    pub(super) cluster_id: Option<String>,
    /// Id of the topic in the checkpoint.
    pub(super) topic_id: Option<String>,
    /// Progress through the cuts, with the parts of those that were not stored yet.
    pub(super) cuts: SavedProgress,
    /// Stored cut that the checkpoint names, whether it is resumed or discarded.
    pub(super) last_cut: Option<LastCut>,
}

/// Source of a restored state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StateSource {
    /// The newest checkpoint.
    Newest,
    /// An older checkpoint, because newer ones are damaged.
    Older,
    /// The beginning of the log; there was no state before.
    New,
    /// The beginning of the log; the state before was discarded.
    Rebuild,
}

impl StateSource {
    #[cfg(test)]
    pub(super) const ALL: [Self; 4] = [Self::Newest, Self::Older, Self::New, Self::Rebuild];

    /// Value of the label `source`.
    pub(super) fn name(self) -> &'static str {
        match self {
            StateSource::Newest => "newest",
            StateSource::Older => "older",
            StateSource::New => "new",
            StateSource::Rebuild => "rebuild",
        }
    }
}

/// Receives the progress of restoring.
pub(super) trait RestoreObserver: Sync {
    /// A damaged file was skipped.
    fn damaged(&self, damage: &Damage);
    /// Unfinished files of an earlier process were found.
    fn incomplete(&self, files: u64);
    /// Reading of a state of `bytes` begins.
    fn begins(&self, bytes: u64);
    /// `bytes` more of the state were read.
    fn filled(&self, bytes: u64);
}

/// Restores partitions, one after the other.
pub(super) struct Restorer<'a> {
    pub(super) settings: Settings,
    pub(super) compatibility: &'a Compatibility,
    pub(super) cluster: &'a ClusterInfo,
    pub(super) store: &'a CheckpointStore,
    pub(super) view_config: &'a ViewConfig,
    pub(super) checkpoints: &'a CheckpointHandle,
    /// Ends of the newest stored cut.
    pub(super) cut_offsets: &'a [CutOffset],
    /// Why the committed offsets are unknown; `None` if they are known.
    pub(super) committed_fault: Option<&'a str>,
    /// Number of threads that read one checkpoint.
    pub(super) threads: usize,
    pub(super) now: Timestamp,
    pub(super) observer: &'a dyn RestoreObserver,
    pub(super) findings: RefCell<RestoreFindings>,
}

/// Refusal to start with the state of a partition.
pub(super) struct Refusal {
    pub(super) exit: Exit,
    /// Reasons with what to do; without the partition, since others may have the same reason.
    pub(super) reasons: Vec<String>,
}

impl Refusal {
    /// Refusal of a state that cannot be used.
    fn of_state(reasons: Vec<String>) -> Self {
        Self { exit: Exit::StateUnusable, reasons }
    }
}

impl From<Failure> for Refusal {
    fn from(Failure { exit, message }: Failure) -> Self {
        Self { exit, reasons: vec![message] }
    }
}

/// State that cannot be resumed: a checkpoint that does not match, or none where one is needed.
struct Unusable {
    reasons: Vec<String>,
    policy: Policy,
    /// First offset of the state; `None` if unknown.
    first_offset: Option<i64>,
}

/// Result of loading a checkpoint.
enum Loaded {
    State(Box<PartitionState>),
    Mismatched(Vec<Mismatch>),
    Damaged(Damage),
}

impl Restorer<'_> {
    /// Restores the partition of a log.
    ///
    /// # Errors
    /// [`Exit::StateUnusable`], with every reason and what to do; [`Exit::Disk`] if checkpoints cannot be listed.
    pub(super) fn restore(&self, log: &LogInfo) -> Result<RestoredPartition, Refusal> {
        let dir = dir_of(&log.partition);
        let mut newest_sequence = None;
        let mut is_newest = true;
        let mut damaged = CheckpointChain::default();
        let mut skipped = SkippedFiles::default();
        loop {
            let failed = |error| Failure::from_io("the checkpoints cannot be listed", &error);
            let mut found = self.store.newest_before(dir, newest_sequence).map_err(failed)?;
            found.chain.inherit_damaged(&damaged);
            for (file, damage) in &found.damaged {
                self.skip(log, &format!("{dir}/{file}"), damage);
                skipped.add(file, damage);
            }
            if newest_sequence.is_none() && found.incomplete > 0 {
                self.observer.incomplete(found.incomplete);
                self.findings.borrow_mut().add_incomplete(found.incomplete);
            }
            if let Some((file, damage)) = found.damaged.last().filter(|(_, damage)| damage.is_newer()) {
                return Err(Refusal::of_state(vec![format!(
                    "checkpoint checkpoints/{dir}/{file} {damage}; run that version, or a newer one. If no newer version ever ran on this \
                     state directory, remove the file: an older checkpoint is then used"
                )]));
            }
            is_newest &= found.damaged.is_empty();
            let Some(reader) = found.reader else {
                self.checkpoints.send(CheckpointRequest::SetChain(dir, found.chain));
                return if is_newest { self.begin(log) } else { self.begin_without(log, &skipped) };
            };
            match self.load(log, &reader)? {
                Loaded::State(state) => {
                    if !reader.is_sealed() {
                        let file = format!("{dir} number {}", reader.head().sequence);
                        self.findings.borrow_mut().add_unsealed(&log.partition, &file);
                    }
                    found.chain.resume_from(&reader);
                    self.checkpoints.send(CheckpointRequest::SetChain(dir, found.chain));
                    let source = if is_newest { StateSource::Newest } else { StateSource::Older };
                    return Ok(self.resume(log, &reader, *state, source));
                }
                Loaded::Mismatched(mismatches) => {
                    self.checkpoints.send(CheckpointRequest::SetChain(dir, found.chain));
                    let is_forbidden = mismatches.iter().any(Mismatch::forbids_rebuild);
                    let unusable = Unusable {
                        reasons: mismatches.iter().map(ToString::to_string).collect(),
                        policy: if is_forbidden { Policy::Fail } else { self.settings.on_mismatch },
                        first_offset: Some(reader.head().first_offset),
                    };
                    let last_cut = self.last_cut(reader.head());
                    return self.discard(log, &unusable).map(|restored| RestoredPartition { last_cut, ..restored });
                }
                Loaded::Damaged(damage) => {
                    is_newest = false;
                    let sequence = *newest_sequence.insert(reader.head().sequence);
                    damaged = found.chain;
                    damaged.mark_damaged(sequence);
                    skipped.add(&sequence.to_string(), &damage);
                    self.skip(log, &format!("{dir} number {sequence}"), &damage);
                }
            }
        }
    }

    /// Reports a damaged file.
    fn skip(&self, log: &LogInfo, file: &str, damage: &Damage) {
        self.observer.damaged(damage);
        self.findings.borrow_mut().add_damaged(&log.partition, file, damage);
    }

    fn resume(
        &self,
        log: &LogInfo,
        reader: &CheckpointReader,
        state: PartitionState,
        source: StateSource,
    ) -> RestoredPartition {
        let Head { last_record, built, labels, partition_count, ref cluster_id, ref topic_id, .. } = *reader.head();
        // Other allowlists move counters from one label to another, which may lower a counter: to readers that is a new
        // state.
        let has_same_labels = labels == labels_fingerprint(self.view_config.allowlists.all());
        RestoredPartition {
            state,
            source,
            last_record,
            built: has_same_labels.then_some(built),
            bytes: reader.bytes(),
            needs_checkpoint: !has_same_labels || partition_count != self.cluster.partition_count(log.partition.stream),
            cluster_id: cluster_id.clone(),
            topic_id: topic_id.clone(),
            cuts: SavedProgress::read(reader.head()),
            last_cut: self.last_cut(reader.head()),
        }
    }

    /// Stored cut that a checkpoint names. One of another key says nothing of the cuts of this key.
    fn last_cut(&self, head: &Head) -> Option<LastCut> {
        head.last_cut.clone().filter(|_| head.key_id == self.compatibility.key_id)
    }

    /// Loads the state of a checkpoint that matches the log and the settings.
    fn load(&self, log: &LogInfo, reader: &CheckpointReader) -> Result<Loaded, Refusal> {
        let head = reader.head();
        let mut mismatches = self.compatibility.expected(log, self.cluster, head.next_offset).mismatches(head);
        mismatches.retain(|mismatch| !self.is_accepted(mismatch));
        if !mismatches.is_empty() {
            return Ok(Loaded::Mismatched(mismatches));
        }
        let malformed = |reason: &dyn std::fmt::Display| {
            Refusal::of_state(vec![format!(
                "checkpoint {} cannot be loaded: {reason}; run version {}, which wrote it",
                head.sequence, head.written_by
            )])
        };
        let mut loader =
            StateLoader::new(log.partition.stream, reader.body(), reader.days()).map_err(|error| malformed(&error))?;
        if loader.shapes() != reader.layouts() {
            return Err(malformed(&"its tables have other sizes than its state"));
        }
        self.observer.begins(reader.layouts().iter().map(|layout| layout.bytes()).sum());
        match reader.fill(&mut loader.pages(), self.threads, &|bytes| self.observer.filled(bytes)) {
            Ok(()) => {
                let state = loader.finish(self.compatibility.rules, self.view_config, self.now);
                Ok(Loaded::State(Box::new(state)))
            }
            Err(damage) => Ok(Loaded::Damaged(damage)),
        }
    }

    fn is_accepted(&self, mismatch: &Mismatch) -> bool {
        let Mismatch::AddedPartitions { topic, found, expected } = mismatch else { return false };
        let is_accepted = self.settings.accept_added_partitions;
        if is_accepted {
            self.findings.borrow_mut().add_partitions(topic, *found, *expected);
        }
        is_accepted
    }

    /// Discards a state for a rebuild, where the settings allow it.
    fn discard(&self, log: &LogInfo, unusable: &Unusable) -> Result<RestoredPartition, Refusal> {
        if unusable.policy == Policy::Fail {
            return Err(Refusal::of_state(unusable.reasons.clone()));
        }
        self.refuse_loss(log, unusable)?;
        self.findings.borrow_mut().add_rebuilt(&log.partition, &unusable.reasons.join("; "));
        Ok(self.empty(log, StateSource::Rebuild))
    }

    /// Refuses a start that would lose history, unless the settings accept that.
    fn refuse_loss(&self, log: &LogInfo, unusable: &Unusable) -> Result<(), Refusal> {
        match lost_history(log, unusable.first_offset).filter(|_| !self.settings.accept_lost_history) {
            Some(lost) => Err(Refusal::of_state([&unusable.reasons[..], &[lost]].concat())),
            None => Ok(()),
        }
    }

    fn empty(&self, log: &LogInfo, source: StateSource) -> RestoredPartition {
        let state =
            PartitionState::new(log.partition.stream, log.low, self.compatibility.rules, self.view_config, self.now);
        RestoredPartition {
            state,
            source,
            last_record: None,
            built: None,
            bytes: 0,
            needs_checkpoint: source == StateSource::Rebuild,
            cluster_id: None,
            topic_id: None,
            cuts: SavedProgress::default(),
            last_cut: None,
        }
    }
}

/// Reason against a rebuild: the log has lost records that the discarded state, which began at `first_offset`, had.
/// `None` if it has not.
fn lost_history(log: &LogInfo, first_offset: Option<i64>) -> Option<String> {
    let from = first_offset.map_or_else(|| "an unknown offset".to_owned(), |offset| format!("offset {offset}"));
    (log.low > first_offset.unwrap_or(0)).then(|| {
        format!(
            "the state began at {from} of topic {}, whose log now begins at {}, so a rebuild would lose history; accept that with \
             state.accept_lost_history = true",
            log.partition.topic, log.low
        )
    })
}

/// Directory of a partition's checkpoints.
pub(super) fn dir_of(partition: &TopicPartition) -> PartitionDir {
    PartitionDir { stream: partition.stream, partition: partition.partition }
}
