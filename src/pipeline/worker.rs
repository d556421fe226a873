//! What owns every partition's state: restores it, applies what it is told, in order, saves it, and publishes what readers see.
//!
//! Synchronous: `task` drives it in the process, a simulator in tests. It waits for nobody, but for room among dead letters.

mod apply;
mod client_events;
mod cut;
mod publish;
mod restore;
mod stage_targets;

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::Settings;
use super::checkpoint_scheduler::{CheckpointResult, CheckpointScheduler, PartitionStates};
use super::compatibility::{ClusterInfo, Compatibility, labels_fingerprint};
use super::cut_scheduler::CutScheduler;
use super::dead_letter_sink::DeadLetterSink;
use super::freshness::Freshness;
use super::keying_audit::KeyingAudit;
use super::message::{Command, CutRequest, LogInfo, Message};
use super::metrics::PipelineMetrics;
use super::snapshot::{Phase, SnapshotPublisher};
use crate::aggregate::image::{PageSink, StateImage};
use crate::aggregate::{PartitionState, ViewConfig};
use crate::checkpoint::{CheckpointHandle, CheckpointOutcome, CheckpointStore, Head, LastRecord};
use crate::clock::{Clock, Millis};
use crate::cuts::ClosedPeriods;
use crate::record::Outcome;
use crate::runtime::{Exit, Failure};
use crate::source::PartitionIndex;
use crate::view::PartitionView;

/// Where the effects go.
pub struct Outputs {
    pub commands: Sender<Command>,
    pub dead_letters: Box<dyn DeadLetterSink>,
    pub publisher: Arc<SnapshotPublisher>,
    pub metrics: PipelineMetrics,
    /// Where checkpoints are ordered; what becomes of each is told to [`Worker::report`].
    pub checkpoints: CheckpointHandle,
    /// Where cuts are stored; what becomes of each is told to [`Worker::cut_stored`].
    pub cuts: Sender<CutRequest>,
}

/// What earlier processes left.
pub struct Kept {
    pub store: CheckpointStore,
    /// What the cuts say.
    pub closed_periods: Arc<ClosedPeriods>,
}

pub struct Worker {
    settings: Settings,
    stall_timeout: Duration,
    compatibility: Compatibility,
    view_config: ViewConfig,
    /// What will be shown, once it is filled.
    next_view_config: Option<ViewConfig>,
    labels: [u8; 16],
    clock: Clock,
    store: CheckpointStore,
    outputs: Outputs,
    phase: Phase,
    cluster: ClusterInfo,
    partitions: Vec<OwnedPartition>,
    freshness: Freshness,
    checkpoint_scheduler: CheckpointScheduler,
    audit: KeyingAudit,
    cut_scheduler: CutScheduler,
    /// A cut is being stored, or is tried again then.
    storing: Option<Instant>,
    progress_logged: Instant,
    /// When figures were last published.
    published: Instant,
    /// When reading began, while the figures are not there yet.
    reading_since: Option<Instant>,
}

/// A partition that is read here.
struct OwnedPartition {
    log: LogInfo,
    state: PartitionState,
    last_record: Option<LastRecord>,
    /// Whether the log is known to be the one that the state is of.
    verified: bool,
    built: Millis,
    /// Where reading began at this start.
    started_at: i64,
    view: Arc<PartitionView>,
    /// Applied something since the view was made.
    changed: bool,
    /// The minute in which the view was made.
    minute: Millis,
    stalled: bool,
    /// Its topic is not there.
    missing: bool,
    /// The highest end of its log that is known of.
    highest_end: i64,
    /// Since when the log ends before what was applied.
    short_since: Option<Instant>,
    /// When it was last fetched anew, while it is stalled.
    refetched: Option<Instant>,
}

impl Worker {
    pub fn new(
        stall_timeout: Duration,
        settings: Settings,
        compatibility: Compatibility,
        view_config: ViewConfig,
        clock: Clock,
        kept: Kept,
        outputs: Outputs,
    ) -> Self {
        let now = clock.instant();
        Self {
            stall_timeout,
            labels: labels_fingerprint(&view_config.allowlists),
            phase: Phase::Starting("the pipeline is starting".to_owned()),
            cluster: ClusterInfo::default(),
            partitions: Vec::new(),
            freshness: Freshness::new(std::iter::empty(), stall_timeout, now),
            checkpoint_scheduler: CheckpointScheduler::new(
                settings.checkpoint_scheduler,
                clock.clone(),
                outputs.checkpoints.clone(),
                std::iter::empty(),
            ),
            audit: KeyingAudit::default(),
            cut_scheduler: CutScheduler::new(
                settings.cut_scheduler,
                view_config.targets.cut_times(&view_config.allowlists.zone),
                kept.closed_periods,
            ),
            storing: None,
            progress_logged: now,
            published: now,
            reading_since: None,
            settings,
            compatibility,
            view_config,
            next_view_config: None,
            clock,
            store: kept.store,
            outputs,
        }
    }

    /// Whether anything is read yet.
    pub fn is_reading(&self) -> bool {
        !self.partitions.is_empty()
    }

    /// The partitions' states, by slot: for who compares them.
    pub fn states(&mut self) -> impl Iterator<Item = &mut PartitionState> {
        self.partitions.iter_mut().map(|owned| &mut owned.state)
    }

    /// Whether [`Worker::step`] wants to be called again soon.
    pub fn is_saving(&self) -> bool {
        self.checkpoint_scheduler.is_busy()
    }

    /// Whether messages may be taken: what they change may have to be copied first.
    pub fn has_room(&self) -> bool {
        self.checkpoint_scheduler.has_room()
    }

    /// Takes a message.
    ///
    /// # Errors
    /// Why it cannot go on.
    pub fn take(&mut self, message: Message) -> Result<(), Failure> {
        let now = self.clock.instant();
        match message {
            Message::Waiting(reason) => self.phase = Phase::Starting(reason),
            Message::Found(found) => self.restore(found)?,
            Message::RecordBatch(records) => self.apply(&records),
            Message::Positions(positions) => {
                positions.into_iter().for_each(|(slot, position)| self.freshness.reached(slot.index(), position, now));
            }
            Message::LogMismatch(slot) => return Err(self.log_mismatch(slot)),
            Message::Ends { asked, ends, missing } => {
                for slot in missing {
                    self.partitions[slot.index()].missing = true;
                }
                ends.into_iter().try_for_each(|(slot, end)| self.end_known(slot, asked, end, now))?;
            }
            Message::PartitionCounts(counts) => return self.count_partitions(&counts),
            Message::Client(events) => return events.into_iter().try_for_each(|event| self.on_client_event(event)),
            Message::Failed(failure) => return Err(failure),
            Message::Stopped => {}
        }
        Ok(())
    }

    /// Goes on with the checkpoint that is being made, or begins one that is due.
    ///
    /// # Errors
    /// As [`Worker::report`].
    pub fn step(&mut self) -> Result<(), Failure> {
        self.fill();
        if self.checkpoint_scheduler.is_due(self.clock.instant()) {
            self.checkpoint_scheduler.begin_round();
        }
        if !self.checkpoint_scheduler.is_busy() {
            return Ok(());
        }
        let Self {
            checkpoint_scheduler,
            partitions,
            cut_scheduler,
            compatibility,
            cluster,
            labels,
            clock,
            outputs,
            ..
        } = self;
        let ended = checkpoint_scheduler.step(
            &mut OwnedPartitions { partitions, cut_scheduler, compatibility, cluster, labels: *labels, clock },
            &*outputs.dead_letters,
        );
        ended.map_or(Ok(()), |ended| self.end_checkpoint(ended))
    }

    /// Takes note of how a checkpoint ended.
    ///
    /// # Errors
    /// [`Exit::Disk`] after as many failures in a row as the settings allow.
    pub fn report(&mut self, report: CheckpointOutcome) -> Result<(), Failure> {
        let Self { checkpoint_scheduler, partitions, cut_scheduler, compatibility, cluster, labels, clock, .. } = self;
        let mut closed_periods =
            OwnedPartitions { partitions, cut_scheduler, compatibility, cluster, labels: *labels, clock };
        if let Err(error) = &report.pruned {
            tracing::warn!(event = "pacemeter.checkpoint.not_pruned", error = %error, "old checkpoint not removed");
        }
        let ended = checkpoint_scheduler.report(report, &mut closed_periods);
        ended.map_or(Ok(()), |ended| self.end_checkpoint(ended))
    }

    fn end_checkpoint(&mut self, ended: CheckpointResult) -> Result<(), Failure> {
        self.outputs.metrics.checkpoint(&ended, &self.checkpoint_scheduler, self.clock.now());
        match ended {
            CheckpointResult::Saved { slot, written, took } => {
                let partition = &self.partitions[slot.index()].log.partition;
                tracing::debug!(
                    event = "pacemeter.checkpoint.written",
                    topic = partition.topic,
                    partition = partition.partition,
                    sequence = written.head.sequence,
                    next_offset = written.head.next_offset,
                    bytes = written.bytes + written.days_bytes,
                    took_ms = took.as_millis() as u64,
                    "checkpoint written"
                );
                self.commit();
                Ok(())
            }
            CheckpointResult::Failed { error, in_a_row, .. } => {
                tracing::error!(
                    event = "pacemeter.checkpoint.failed",
                    reason = error.reason.name(),
                    error = %error,
                    in_a_row,
                    "checkpoint failed"
                );
                if self.checkpoint_scheduler.has_failed_for_good() {
                    let message = format!(
                        "{in_a_row} checkpoints in a row could not be written: {error}; make room or mend the disk"
                    );
                    return Err(Failure::new(Exit::Disk, message));
                }
                Ok(())
            }
        }
    }

    /// Begins a last round of checkpoints: [`Worker::step`] goes on with it.
    pub fn save_all(&mut self) {
        if !self.checkpoint_scheduler.is_busy() {
            self.checkpoint_scheduler.begin_round();
        }
    }

    /// Waits for the dead letters that are under way, for at most `deadline`.
    pub fn flush_letters(&self, deadline: Duration) {
        if !self.outputs.dead_letters.flush(deadline) {
            tracing::warn!(event = "pacemeter.dead_letter.unfinished", "dead letters not acknowledged before shutdown");
        }
    }

    /// Commits as far as dead letters are safe, and never back behind what an earlier process committed.
    pub fn commit(&mut self) {
        let offsets = self.partitions.iter_mut().enumerate().filter_map(|(slot, owned)| {
            let slot = PartitionIndex(slot as u16);
            let safe = self.outputs.dead_letters.acknowledged_below(slot, owned.state.next_offset());
            let moved = owned.log.committed.map_or(safe > owned.log.low, |committed| safe > committed);
            moved.then_some((slot, safe))
        });
        let offsets: Vec<_> = offsets.collect();
        if !offsets.is_empty() {
            let _ = self.outputs.commands.send(Command::Commit(offsets));
        }
    }

    pub fn sum_up(&self) {
        let outcomes = |outcome: Outcome| -> u64 {
            self.partitions.iter().map(|owned| owned.view.counts.outcomes[outcome as usize]).sum()
        };
        let lag: i64 = (0..self.partitions.len()).filter_map(|slot| self.freshness.lag(slot)).sum();
        tracing::info!(
            event = "pacemeter.summary",
            applied = outcomes(Outcome::Applied),
            duplicate = outcomes(Outcome::Duplicate),
            rejected = outcomes(Outcome::Rejected),
            expired = outcomes(Outcome::Expired),
            lag_records = lag,
            unsaved_ms = self.checkpoint_scheduler.age(self.clock.instant()).as_millis() as u64,
            live = self.phase == Phase::Live,
            "summary of records"
        );
    }
}

/// The partitions as saving sees them.
struct OwnedPartitions<'a> {
    partitions: &'a mut [OwnedPartition],
    cut_scheduler: &'a CutScheduler,
    compatibility: &'a Compatibility,
    cluster: &'a ClusterInfo,
    labels: [u8; 16],
    clock: &'a Clock,
}

impl PartitionStates for OwnedPartitions<'_> {
    fn state(&mut self, slot: usize) -> &mut PartitionState {
        &mut self.partitions[slot].state
    }

    fn begin_image(&mut self, slot: usize, sink: &dyn Fn() -> PageSink) -> (Head, StateImage) {
        let OwnedPartition { log, state, last_record, built, .. } = &mut self.partitions[slot];
        let head = self.compatibility.head(&log.partition, state, self.cluster, self.labels, *last_record, *built);
        (
            Head { written: self.clock.now(), parts: self.cut_scheduler.parts_of(slot), ..head },
            state.begin_image(&sink()),
        )
    }
}
