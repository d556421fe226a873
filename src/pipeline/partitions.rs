//! Partitions that this process owns, and everything it keeps of each.
//!
//! One partition is one [`OwnedPartition`]. Logic that spans partitions stands in the module of its subject and takes
//! this collection: how complete a stream is (`freshness`), which checkpoint is next (`checkpoint_scheduler`), which
//! cut is whole (`cut_scheduler`).
//!
//! An index stays the same for as long as its partition is owned. Nothing outside this module knows how indexes and
//! partitions lie in memory, so that partitions can come and go at run time.

use std::ops::{Index, IndexMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch_decoder::ResumePoint;
use super::compatibility::{ClusterInfo, Compatibility};
use super::cut_scheduler::{CutProgress, CutSpan};
use super::freshness::{self, PartitionFreshness};
use super::message::LogInfo;
use super::partition_counts::PartitionCountCheck;
use super::restore::{RestoredPartition, StateSource, dir_of};
use super::unsaved::Unsaved;
use crate::aggregate::image::{PageSink, StateImage};
use crate::aggregate::{PartitionState, ViewConfig};
use crate::checkpoint::{Head, LastCut, LastRecord};
use crate::clock::{MINUTE, Timestamp};
use crate::cuts::Cut;
use crate::record::{PartitionIndex, PerStream, Stream};
use crate::view::PartitionView;
use crate::view::cut::PartitionCut;
use crate::view::snapshot::{OutgrownTopic, PartitionStatus};

/// Owned partitions by index, and what the head of a checkpoint says of all of them.
pub(super) struct Partitions {
    owned: Vec<OwnedPartition>,
    pub(super) compatibility: Compatibility,
    pub(super) cluster: ClusterInfo,
    pub(super) count_checks: PerStream<PartitionCountCheck>,
    /// Fingerprint of the allowlists.
    labels: [u8; 16],
    /// Cut that was stored last.
    pub(super) last_cut: Option<LastCut>,
}

/// A partition: its log, its state, and how far each concern is with it.
pub(super) struct OwnedPartition {
    pub(super) log: LogInfo,
    pub(super) state: PartitionState,
    pub(super) last_record: Option<LastRecord>,
    /// True once the log is known to be the one that the state was built from.
    pub(super) verified: bool,
    /// Instant at which the state began to be built, in milliseconds since the epoch.
    built: Timestamp,
    /// True for a stored state, for one that replaces it, and where retention may have removed records that an earlier
    /// process has shown. Any other has no age before its first record: no counter depends on it.
    replaces_counters: bool,
    /// Offset from which this process reads.
    pub(super) started_at: i64,
    pub(super) freshness: PartitionFreshness,
    pub(super) unsaved: Unsaved,
    pub(super) cuts: CutProgress,
    view: Arc<PartitionView>,
    /// True if a record was applied after the view was made.
    pub(super) changed: bool,
    /// Minute in which the view was made.
    view_minute: Timestamp,
    pub(super) stalled: bool,
    /// True while the topic does not exist.
    pub(super) missing: bool,
    /// `None` while the log reaches what was applied.
    pub(super) short: Option<ShortLog>,
    /// Time of the last answer to a query for its end.
    pub(super) end_known: Option<Instant>,
    /// Time of the last refetch; `None` unless stalled.
    pub(super) refetched: Option<Instant>,
}

/// A log that ended below what was applied, by an answer that may be older than that.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShortLog {
    pub(super) since: Instant,
    /// Reading of the clock at that time: answers to what was asked before tell nothing.
    pub(super) noticed: Timestamp,
    /// Offset after the last record that was applied then.
    pub(super) next_offset: i64,
}

/// Instants at which states that are restored at one start count as built.
#[derive(Debug, Clone, Copy)]
pub(super) struct StateAges {
    /// Newest instant of the stored states; `None` without any.
    newest: Option<Timestamp>,
    /// Instant of a state that begins now.
    now: Timestamp,
}

impl StateAges {
    /// Finds the ages for a start at `now`. Readers see the newest one. A rebuild must advance it even if the clock was set
    /// back.
    pub(super) fn new(restored: &[RestoredPartition], now: Timestamp) -> Self {
        let newest = restored.iter().filter_map(|restored| restored.built).max();
        Self { newest, now: newest.map_or(now, |newest| now.max(newest + 1)) }
    }

    /// Age of a state without a checkpoint. Records that come to an empty log raise counters and restart none; an earlier
    /// process may have shown those that are there.
    fn of_new(self, log: &LogInfo, source: StateSource) -> Timestamp {
        let is_empty = log.end == Some(0);
        self.newest.filter(|_| is_empty && source == StateSource::New).unwrap_or(self.now)
    }
}

impl Partitions {
    /// Creates an empty collection.
    pub(super) fn new(compatibility: Compatibility, labels: [u8; 16]) -> Self {
        let (cluster, count_checks) = (ClusterInfo::default(), PerStream::default());
        Self { owned: Vec::new(), compatibility, cluster, count_checks, labels, last_cut: None }
    }

    /// Adds a partition and returns its index.
    pub(super) fn add(&mut self, partition: OwnedPartition) -> PartitionIndex {
        self.owned.push(partition);
        PartitionIndex::new(self.owned.len() - 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.owned.is_empty()
    }

    pub(super) fn indexes(&self) -> impl Iterator<Item = PartitionIndex> + use<> {
        (0..self.owned.len()).map(PartitionIndex::new)
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &OwnedPartition> + Clone {
        self.owned.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut OwnedPartition> {
        self.owned.iter_mut()
    }

    /// Name of a stream's topic; empty without partitions.
    pub(super) fn topic(&self, stream: Stream) -> &str {
        let mut logs = self.iter().map(|partition| &partition.log.partition);
        logs.find(|partition| partition.stream == stream).map_or("", |partition| &partition.topic)
    }

    /// Least "complete until" of the stream's partitions; `None` until all of them have one. Not later than partitions
    /// that are not read.
    pub(super) fn complete_until(&self, stream: Stream) -> Option<Timestamp> {
        let read = freshness::complete_until(self.iter().map(|partition| &partition.freshness), stream);
        self.count_checks[stream].bound(read)
    }

    /// Topics with more partitions than are read.
    pub(super) fn outgrown(&self) -> Vec<OutgrownTopic> {
        let outgrown = |(stream, check): (Stream, &PartitionCountCheck)| {
            let (topic, read) = (self.topic(stream).to_owned(), self.cluster.partition_counts[stream]);
            Some(OutgrownTopic { topic, read, found: check.found()? })
        };
        self.count_checks.iter().filter_map(outgrown).collect()
    }

    /// True once every partition has reached an end offset that was asked for after the start.
    pub(super) fn are_caught_up(&self) -> bool {
        freshness::are_caught_up(self.iter().map(|partition| &partition.freshness))
    }

    /// True once every log is known to be the one that its state was built from.
    pub(super) fn are_verified(&self) -> bool {
        self.iter().all(|partition| partition.verified)
    }

    /// Age of the oldest record that no checkpoint covers.
    pub(super) fn unsaved_age(&self, now: Instant) -> Duration {
        let oldest = self.iter().filter_map(|partition| partition.unsaved.since).min();
        oldest.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Instant at which the counters last restarted: that of the newest state. An empty one counts only while all are
    /// empty. `None` without partitions.
    pub(super) fn built(&self) -> Option<Timestamp> {
        let begun = self.iter().filter(|partition| partition.replaces_counters || partition.state.records() > 0);
        let newest = begun.map(|partition| partition.built).max();
        newest.or_else(|| self.iter().map(|partition| partition.built).max())
    }

    /// Size of the newest checkpoints on disk, in bytes.
    pub(super) fn checkpoint_bytes(&self) -> u64 {
        self.iter().map(|partition| partition.unsaved.checkpoint_bytes).sum()
    }

    /// Adds to a cut what a recomputation needs besides the log: settings, and the offsets at which the states began.
    pub(super) fn describe_cut(&self, mut cut: Cut, view_config: &ViewConfig) -> Cut {
        for (offset, partition) in cut.offsets.iter_mut().zip(&self.owned) {
            offset.first_offset = Some(partition.state.first_offset());
        }
        let cluster_id = self.cluster.cluster_id.as_deref();
        let settings = self.compatibility.cut_settings(&cut.offsets, cluster_id, view_config);
        Cut { settings, ..cut }
    }

    /// Begins an image of a partition at `now` and describes it; the pages go to `sink`.
    pub(super) fn begin_image(&mut self, index: PartitionIndex, now: Timestamp, sink: &PageSink) -> (Head, StateImage) {
        let Self { owned, compatibility, cluster, labels, last_cut, .. } = self;
        let OwnedPartition { log, state, last_record, built, cuts, .. } = &mut owned[index.index()];
        let head = compatibility.head(&log.partition, state, cluster, *labels, *last_record, *built);
        let head = cuts.saved().add_to(Head { written: now, last_cut: last_cut.clone(), ..head });
        (head, state.begin_image(sink))
    }
}

impl Index<PartitionIndex> for Partitions {
    type Output = OwnedPartition;

    fn index(&self, index: PartitionIndex) -> &OwnedPartition {
        &self.owned[index.index()]
    }
}

impl IndexMut<PartitionIndex> for Partitions {
    fn index_mut(&mut self, index: PartitionIndex) -> &mut OwnedPartition {
        &mut self.owned[index.index()]
    }
}

impl OwnedPartition {
    /// Takes over a restored partition. `now` is the reading of the clock and its monotonic instant.
    pub(super) fn new(
        log: LogInfo,
        restored: RestoredPartition,
        resume: &ResumePoint,
        cuts: CutProgress,
        (now, instant): (Timestamp, Instant),
        ages: StateAges,
    ) -> Self {
        let RestoredPartition { mut state, source, last_record, built, bytes, needs_checkpoint, .. } = restored;
        // A rebuilt state may dead-letter other records than an earlier one did.
        let committed = log.committed.filter(|_| source != StateSource::Rebuild);
        Self {
            last_record,
            verified: resume.last_record.is_none(),
            built: built.unwrap_or_else(|| ages.of_new(&log, source)),
            replaces_counters: source != StateSource::New || log.low > 0,
            started_at: state.next_offset(),
            freshness: PartitionFreshness::new(log.partition.stream, state.next_offset(), instant),
            unsaved: Unsaved::new(dir_of(&log.partition), bytes, needs_checkpoint.then_some(instant)),
            cuts,
            view: Arc::new(state.view(now)),
            changed: false,
            view_minute: now.floor(MINUTE),
            stalled: false,
            missing: false,
            short: None,
            end_known: None,
            refetched: None,
            log: LogInfo { committed, ..log },
            state,
        }
    }

    /// Renews the view if a record was applied or a minute began: views hold what depends on the clock in panes around
    /// their minute.
    pub(super) fn renew_view(&mut self, now: Timestamp) {
        if self.changed || self.view_minute != now.floor(MINUTE) {
            self.view = Arc::new(self.state.view(now));
            (self.changed, self.view_minute) = (false, now.floor(MINUTE));
        }
    }

    /// True if the state began to be built no later than this instant.
    pub(super) fn is_built_by(&self, instant: Timestamp) -> bool {
        self.built <= instant
    }

    pub(super) fn view(&self) -> &Arc<PartitionView> {
        &self.view
    }

    /// Status for the snapshot, with the view as last renewed.
    pub(super) fn status(&self) -> PartitionStatus {
        PartitionStatus {
            partition: self.log.partition.clone(),
            position: self.freshness.position(),
            end: self.freshness.newest_end(),
            lag: self.freshness.lag(),
            stalled: self.stalled,
            missing: self.missing,
            view: Arc::clone(&self.view),
        }
    }

    /// This partition's part of a cut at `at`, as the state is now, and how long it stands.
    pub(super) fn cut(state: &mut PartitionState, log: &LogInfo, view_config: &ViewConfig, at: Timestamp) -> CutSpan {
        let ViewConfig { targets, allowlists } = view_config;
        let slots = state.slots();
        let part = PartitionCut::of(&slots, log.partition.stream, targets, allowlists, at, state.next_offset());
        CutSpan { part, until: slots.unchanged_until(at), is_provisional: false }
    }
}
