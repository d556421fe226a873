//! At a start: what each partition goes on from, or why it must not.
//!
//! The newest checkpoint that is whole and fits the log and the settings; where files are damaged, an older one. A state that does not fit is
//! refused, or given up for a rebuild where the settings allow it; and a rebuild that would know less than the state before it is refused
//! unless that is accepted too. Nothing is passed over in silence.

use super::compatibility::{ClusterInfo, Compatibility, labels_fingerprint};
use super::message::LogInfo;
use crate::aggregate::{PartitionState, StateLoader, ViewConfig};
use crate::checkpoint::{
    CheckpointChain, CheckpointHandle, CheckpointReader, CheckpointRequest, CheckpointStore, Damage, Head, LastRecord,
    Mismatch, PartitionDir,
};
use crate::clock::Millis;
use crate::record::TopicPartition;
use crate::runtime::{Exit, Failure};
use crate::settings::SettingsReader;
use crate::view::cut::PartitionCut;

/// What to do about a state that cannot be gone on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    Fail,
    Rebuild,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Where there is no checkpoint, or none that is whole.
    pub on_missing: Policy,
    /// Where there is one that does not fit.
    pub on_mismatch: Policy,
    /// A rebuild may know less than the state before it.
    pub accept_lost_history: bool,
    /// Partitions may have been added to a topic.
    pub accept_added_partitions: bool,
    /// Compaction may take the last record that a state took.
    pub accept_compacted_topics: bool,
}

impl Settings {
    pub fn read(reader: &mut SettingsReader) -> Self {
        let mut policy = |key: &str| match reader.choice(key, &["fail", "rebuild"]).as_str() {
            "rebuild" => Policy::Rebuild,
            _ => Policy::Fail,
        };
        Self {
            on_missing: policy("state.on_missing"),
            on_mismatch: policy("state.on_mismatch"),
            accept_lost_history: reader.boolean("state.accept_lost_history"),
            accept_added_partitions: reader.boolean("state.accept_added_partitions"),
            accept_compacted_topics: reader.boolean("kafka.accept_compacted_topics"),
        }
    }
}

/// A partition's state, and where it is from.
pub struct RestoredPartition {
    pub state: PartitionState,
    pub source: StateSource,
    /// The last record taken.
    pub last_record: Option<LastRecord>,
    /// When the state was begun to be built; none if that is now.
    pub built: Option<Millis>,
    /// What it took on disk (bytes); 0 if it is not from there.
    pub bytes: u64,
    /// The checkpoint on disk, if there is one, says something else: a new one is wanted, records or not.
    pub is_news: bool,
    /// The cluster that the checkpoint was of, if it said so.
    pub cluster_id: Option<String>,
    /// What it has of cuts that were not stored yet.
    pub parts: Vec<(Millis, PartitionCut)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateSource {
    Newest,
    /// A newer checkpoint is damaged.
    Older,
    /// There was nothing yet.
    New,
    /// There was something, and it is given up.
    Rebuild,
}

impl StateSource {
    #[cfg(test)]
    pub(super) const ALL: [Self; 4] = [Self::Newest, Self::Older, Self::New, Self::Rebuild];

    /// The value of the label `source`.
    pub fn name(self) -> &'static str {
        match self {
            StateSource::Newest => "newest",
            StateSource::Older => "older",
            StateSource::New => "new",
            StateSource::Rebuild => "rebuild",
        }
    }
}

/// What is told on the way.
pub trait RestoreObserver: Sync {
    /// A file was passed over.
    fn damaged(&self, file: &str, damage: &Damage);
    /// Files that were never finished were found.
    fn incomplete(&self, files: u64);
    /// The pages of a state of so many bytes are going to be read.
    fn begins(&self, bytes: u64);
    /// So many bytes of state more are in place.
    fn filled(&self, bytes: u64);
}

pub struct Restorer<'a> {
    pub settings: Settings,
    pub compatibility: &'a Compatibility,
    pub cluster: &'a ClusterInfo,
    pub store: &'a CheckpointStore,
    pub view_config: &'a ViewConfig,
    pub checkpoints: &'a CheckpointHandle,
    pub threads: usize,
    pub now: Millis,
    pub progress: &'a dyn RestoreObserver,
}

/// A checkpoint that does not fit, or none where one is needed.
struct Unusable {
    reasons: Vec<String>,
    policy: Policy,
    /// Where the state began that is lost, if that is known.
    first_offset: Option<i64>,
}

impl Restorer<'_> {
    /// # Errors
    /// [`Exit::StateUnusable`], with all that is wrong and what can be done; [`Exit::Disk`].
    pub fn restore(&self, log: &LogInfo) -> Result<RestoredPartition, Failure> {
        let dir = dir_of(&log.partition);
        let mut newest_sequence = None;
        let mut is_first = true;
        let mut damaged = CheckpointChain::default();
        loop {
            let failed = |error| Failure::from_io(format_args!("cannot list the checkpoints of {dir}"), &error);
            let mut found = self.store.newest_before(dir, newest_sequence).map_err(failed)?;
            found.chain.inherit_damaged(&damaged);
            found.damaged.iter().for_each(|(file, damage)| self.progress.damaged(&format!("{dir}/{file}"), damage));
            if newest_sequence.is_none() && found.incomplete > 0 {
                self.progress.incomplete(found.incomplete);
            }
            if let Some((file, damage)) = found.damaged.last().filter(|(_, damage)| damage.is_newer()) {
                return Err(Failure::new(
                    Exit::StateUnusable,
                    format!("checkpoint {dir}/{file} {damage}; run that version, or a newer one"),
                ));
            }
            is_first &= found.damaged.is_empty();
            let Some(opened) = found.reader else {
                self.checkpoints.send(CheckpointRequest::SetChain(dir, found.chain));
                return if is_first {
                    self.begin(log)
                } else {
                    self.give_up(log, &nothing_whole(dir, self.settings.on_missing))
                };
            };
            match self.open(log, &opened)? {
                Ok(state) => {
                    found.chain.resume_from(&opened);
                    self.checkpoints.send(CheckpointRequest::SetChain(dir, found.chain));
                    let Head { last_record, built, labels, partition_count, .. } = *opened.head();
                    let source = if is_first { StateSource::Newest } else { StateSource::Older };
                    // Other allowlists move counters from one label to another.
                    let is_shown_as_before = labels == labels_fingerprint(&self.view_config.allowlists);
                    let built = is_shown_as_before.then_some(built);
                    let is_news =
                        !is_shown_as_before || partition_count != self.cluster.partition_count(log.partition.stream);
                    let cluster_id = opened.head().cluster_id.clone();
                    return Ok(RestoredPartition {
                        state,
                        source,
                        last_record,
                        built,
                        bytes: opened.bytes(),
                        is_news,
                        cluster_id,
                        parts: opened.head().pending_cuts.clone(),
                    });
                }
                Err(Fault::Unfit(mismatches)) => {
                    self.checkpoints.send(CheckpointRequest::SetChain(dir, found.chain));
                    let unusable = Unusable {
                        reasons: mismatches.iter().map(|mismatch| format!("{dir}: {mismatch}")).collect(),
                        policy: self.settings.on_mismatch,
                        first_offset: Some(opened.head().first_offset),
                    };
                    return self.give_up(log, &unusable);
                }
                Err(Fault::Damaged(damage)) => {
                    is_first = false;
                    let sequence = *newest_sequence.insert(opened.head().sequence);
                    damaged = found.chain;
                    damaged.mark_damaged(sequence);
                    self.progress.damaged(&format!("{dir} number {sequence}"), &damage);
                }
            }
        }
    }

    /// The state of a checkpoint, if it fits and is whole.
    fn open(&self, log: &LogInfo, opened: &CheckpointReader) -> Result<Result<PartitionState, Fault>, Failure> {
        let head = opened.head();
        let mut mismatches = self.compatibility.expected(log, self.cluster, head.next_offset).mismatches(head);
        mismatches.retain(|mismatch| !self.is_accepted(mismatch));
        if !mismatches.is_empty() {
            return Ok(Err(Fault::Unfit(mismatches)));
        }
        let malformed = |reason: &dyn std::fmt::Display| {
            Failure::new(
                Exit::StateUnusable,
                format!(
                    "checkpoint {} of {}: {reason}; it was written by {}",
                    head.sequence,
                    head.dir(),
                    head.written_by
                ),
            )
        };
        let mut restoring =
            StateLoader::new(log.partition.stream, opened.body(), opened.days()).map_err(|error| malformed(&error))?;
        if restoring.shapes() != opened.layouts() {
            return Err(malformed(&"tables of other sizes than those it speaks of"));
        }
        self.progress.begins(opened.layouts().iter().map(|shape| shape.bytes()).sum());
        if let Err(damage) = opened.fill(&mut restoring.pages(), self.threads, &|bytes| self.progress.filled(bytes)) {
            return Ok(Err(Fault::Damaged(damage)));
        }
        Ok(Ok(restoring.finish(self.compatibility.rules, self.view_config, self.now)))
    }

    fn is_accepted(&self, mismatch: &Mismatch) -> bool {
        let Mismatch::PartitionCount { topic, found, expected } = mismatch else { return false };
        let is_accepted = self.settings.accept_added_partitions && expected > found;
        if is_accepted {
            tracing::warn!(
                event = "pacemeter.topic.partitions_accepted",
                topic,
                found = *expected,
                expected = *found,
                "added partitions accepted by setting"
            );
        }
        is_accepted
    }

    /// Where nothing was before, or was cleared on purpose.
    fn begin(&self, log: &LogInfo) -> Result<RestoredPartition, Failure> {
        let dir = dir_of(&log.partition);
        let Some(committed) = log.committed.filter(|_| !self.store.is_cleared(dir)) else {
            let source = if self.store.is_cleared(dir) { StateSource::Rebuild } else { StateSource::New };
            return Ok(self.anew(log, source));
        };
        if self.settings.on_missing == Policy::Fail {
            return Err(Failure::new(
                Exit::StateUnusable,
                format!(
                    "{dir}: there is no checkpoint, though an earlier process committed offset {committed} of topic {}; point state.directory \
                     to where its state is, or set state.on_missing = \"rebuild\" to count from the beginning of the log",
                    log.partition.topic
                ),
            ));
        }
        self.log_rebuild(
            log,
            &format!("there is no checkpoint, though an earlier process committed offset {committed}"),
        );
        Ok(self.anew(log, StateSource::Rebuild))
    }

    /// Rebuilds, where that is allowed.
    fn give_up(&self, log: &LogInfo, unusable: &Unusable) -> Result<RestoredPartition, Failure> {
        let refuse = |reason: String| Err(Failure::new(Exit::StateUnusable, reason));
        if unusable.policy == Policy::Fail {
            return refuse(unusable.reasons.join("\n"));
        }
        if let Some(lost) = lost_history(log, unusable.first_offset).filter(|_| !self.settings.accept_lost_history) {
            return refuse(format!("{}\n{}: {lost}", unusable.reasons.join("\n"), dir_of(&log.partition)));
        }
        self.log_rebuild(log, &unusable.reasons.join("; "));
        Ok(self.anew(log, StateSource::Rebuild))
    }

    fn log_rebuild(&self, log: &LogInfo, reason: &str) {
        tracing::warn!(
            event = "pacemeter.state.rebuild",
            topic = log.partition.topic,
            partition = log.partition.partition,
            reason,
            first_offset = log.low,
            "state discarded; rebuilding from the log"
        );
    }

    fn anew(&self, log: &LogInfo, source: StateSource) -> RestoredPartition {
        let state =
            PartitionState::new(log.partition.stream, log.low, self.compatibility.rules, self.view_config, self.now);
        RestoredPartition {
            state,
            source,
            last_record: None,
            built: None,
            bytes: 0,
            is_news: source == StateSource::Rebuild,
            cluster_id: None,
            parts: Vec::new(),
        }
    }
}

enum Fault {
    Unfit(Vec<Mismatch>),
    Damaged(Damage),
}

fn nothing_whole(dir: PartitionDir, policy: Policy) -> Unusable {
    let reason = format!(
        "{dir}: every checkpoint is damaged (the log says how); restore the state directory from a backup, or set state.on_missing = \
         \"rebuild\" to count from the beginning of the log"
    );
    Unusable { reasons: vec![reason], policy, first_offset: None }
}

/// Why a rebuild would know less than the state before it, if it would: that state began at `first_offset`, if that is known.
fn lost_history(log: &LogInfo, first_offset: Option<i64>) -> Option<String> {
    let from = first_offset.map_or_else(|| "an unknown offset".to_owned(), |offset| format!("offset {offset}"));
    (log.low > first_offset.unwrap_or(0)).then(|| {
        format!(
            "the state began at {from} of topic {}, of which the log now begins at {}: a rebuild would know less, so it is refused; accept it \
             with state.accept_lost_history = true",
            log.partition.topic, log.low
        )
    })
}

pub fn dir_of(partition: &TopicPartition) -> PartitionDir {
    PartitionDir { stream: partition.stream, partition: partition.partition }
}
