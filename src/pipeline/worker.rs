//! The owner of every partition's state: restores it, applies messages in order, saves it, and publishes what readers
//! see.
//!
//! Synchronous: `task` drives it in the process, a simulator in tests. It waits for nothing but room for dead letters.
//!
//! Whoever drives it calls [`Worker::tend`] before each piece of work, which does what is due by the clock. A piece of
//! work is a message ([`Worker::take`]) or a step of the batch in progress ([`Worker::apply_step`]), so what is due
//! waits for a step at most. Nothing else may depend on the queue being empty.

mod apply;
mod client_events;
mod cut;
mod keying;
mod observe_targets;
mod publish;
mod restore;
mod settle_cuts;
mod stage_targets;
mod summary;
mod unlisted;

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use self::apply::{BatchInProgress, StepSize};
use self::cut::{CutStorage, MissedCut};
use self::observe_targets::TargetObserver;
use self::summary::SummaryLog;
use self::unlisted::UnlistedLog;
use super::Settings;
use super::checkpoint_scheduler::CheckpointScheduler;
use super::compatibility::{Compatibility, labels_fingerprint};
use super::cut_confirmation::CutConfirmation;
use super::cut_scheduler::CutScheduler;
use super::cut_settlement::UnsettledCuts;
use super::cut_thread::CutRequest;
use super::dead_letter_sink::DeadLetterSink;
use super::duties::{Duties, Duty};
use super::keying_audit::KeyingAudit;
use super::message::{LogInfo, PollerCommand, WorkerMessage};
use super::metrics::PipelineMetrics;
use super::partitions::Partitions;
use super::publication::PublicationLog;
use super::rejection_log::RejectionLog;
use super::watchdog::Heartbeat;
use crate::aggregate::{PartitionState, ViewConfig};
use crate::checkpoint::{CheckpointHandle, CheckpointOutcome, CheckpointStore, LastCut};
use crate::clock::Clock;
use crate::cuts::{CutOffset, UnsettledCut};
use crate::record::PartitionIndex;
use crate::runtime::{Exit, Failure};
use crate::source::TopicIds;
use crate::view::closed_periods::ClosedPeriods;
use crate::view::held_statuses::HeldStatuses;
use crate::view::merged::ViewMerger;
use crate::view::progress::Evaluator;
use crate::view::snapshot::{BrokerOutage, Phase, SnapshotPublisher};

/// Time between two steps of a checkpoint or a backfill in progress.
const STEP_INTERVAL: Duration = Duration::from_millis(2);

/// Destinations of the worker's effects.
pub struct Outputs {
    /// Commands to the poll thread.
    pub commands: Sender<PollerCommand>,
    /// Rejected and expired records.
    pub dead_letters: Box<dyn DeadLetterSink>,
    /// Snapshots for readers.
    pub publisher: Arc<SnapshotPublisher>,
    /// Metrics of the process.
    pub metrics: PipelineMetrics,
    /// Requests to the checkpoint thread; outcomes come back through [`Worker::report`].
    pub checkpoints: CheckpointHandle,
    /// Requests to the cut thread; outcomes come back through [`Worker::cut_stored`].
    pub cuts: Sender<CutRequest>,
}

/// Everything a worker starts with.
pub struct WorkerOptions {
    /// Time without progress after which a partition is stalled.
    pub stall_timeout: Duration,
    /// Time between two commits of offsets.
    pub commit_interval: Duration,
    /// Settings of the pipeline.
    pub settings: Settings,
    /// Settings and key that a state depends on.
    pub compatibility: Compatibility,
    /// Targets and allowlists with which state is shown.
    pub view_config: ViewConfig,
    /// Source of the present.
    pub clock: Clock,
    /// Checkpoints of earlier processes.
    pub store: CheckpointStore,
    /// Closed periods as the stored cuts report them.
    pub closed_periods: Arc<ClosedPeriods>,
    /// The newest cut of the list, as the start verified it.
    pub newest_cut: Option<LastCut>,
    /// Ends of the newest stored cut.
    pub cut_offsets: Vec<CutOffset>,
    /// Stored cuts that are provisional.
    pub unsettled_cuts: Vec<UnsettledCut>,
    /// Destinations of effects.
    pub outputs: Outputs,
}

/// The pipeline's single writer of state.
pub struct Worker {
    settings: Settings,
    stall_timeout: Duration,
    view_config: ViewConfig,
    /// Configuration that replaces the present one once its targets are backfilled.
    next_view_config: Option<ViewConfig>,
    clock: Clock,
    store: CheckpointStore,
    /// Ends of the newest cut that was stored at the start.
    pub(super) cut_offsets: Vec<CutOffset>,
    outputs: Outputs,
    phase: Phase,
    outage: Option<BrokerOutage>,
    partitions: Partitions,
    view_merger: ViewMerger,
    checkpoint_scheduler: CheckpointScheduler,
    audit: KeyingAudit,
    unlisted_log: UnlistedLog,
    cut_scheduler: CutScheduler,
    /// The newest cut of the list at the start, until checkpoints are restored.
    newest_cut: Option<LastCut>,
    cut_storage: CutStorage,
    missed_cut: Option<MissedCut>,
    cut_confirmation: CutConfirmation,
    /// Stored cuts that are provisional, until partitions are restored.
    pub(super) stored_unsettled: Vec<UnsettledCut>,
    unsettled_cuts: UnsettledCuts,
    /// Topic ids that were unknown at the start and in the checkpoints, as brokers reported them first. Compared with
    /// later ones, and never stored: the state may be of an earlier topic.
    first_ids: TopicIds,
    /// Batch that is being applied; no message is taken until it is done.
    batch: Option<BatchInProgress>,
    step_size: StepSize,
    rejection_log: RejectionLog,
    summary_log: SummaryLog,
    duties: Duties,
    heartbeat: Heartbeat,
    progress_logged: Instant,
    /// Time of the last publication.
    published: Instant,
    publication_log: PublicationLog,
    target_observer: TargetObserver,
    /// Last time that the client had nothing more to hand over, of which everything before is applied.
    drained: Instant,
    /// Time at which positions were last taken.
    positions_taken: Instant,
    /// Time at which reading began; `None` once figures are shown.
    reading_since: Option<Instant>,
}

impl Worker {
    /// Creates a worker without partitions: the first [`WorkerMessage::LogsFound`] brings them.
    pub fn new(options: WorkerOptions) -> Self {
        let WorkerOptions {
            stall_timeout,
            commit_interval,
            settings,
            compatibility,
            view_config,
            clock,
            store,
            closed_periods,
            newest_cut,
            cut_offsets,
            unsettled_cuts,
            outputs,
        } = options;
        let now = clock.instant();
        let cut_times = view_config.targets.cut_times(&view_config.allowlists.zone);
        let checkpoints = outputs.checkpoints.clone();
        let evaluator = Evaluator::new(view_config.allowlists.zone.clone());
        let target_observer = TargetObserver::new(evaluator, HeldStatuses::new(settings.status_hold, &clock));
        Self {
            stall_timeout,
            phase: Phase::Starting("the pipeline is starting".to_owned()),
            outage: None,
            partitions: Partitions::new(compatibility, labels_fingerprint(view_config.allowlists.all())),
            view_merger: ViewMerger::default(),
            checkpoint_scheduler: CheckpointScheduler::new(settings.checkpoint_scheduler, clock.clone(), checkpoints),
            audit: KeyingAudit::default(),
            unlisted_log: UnlistedLog::default(),
            cut_scheduler: CutScheduler::new(settings.cut_scheduler, cut_times, closed_periods),
            newest_cut,
            cut_storage: CutStorage::Idle,
            missed_cut: None,
            cut_confirmation: CutConfirmation::default(),
            stored_unsettled: unsettled_cuts,
            unsettled_cuts: UnsettledCuts::default(),
            first_ids: TopicIds::default(),
            batch: None,
            step_size: StepSize::default(),
            rejection_log: RejectionLog::default(),
            summary_log: SummaryLog::new(now),
            duties: Duties::new(settings.publish_interval, commit_interval, now),
            heartbeat: Heartbeat::new(),
            progress_logged: now,
            published: now,
            publication_log: PublicationLog::new(clock.now()),
            target_observer,
            drained: now,
            positions_taken: now,
            reading_since: None,
            settings,
            view_config,
            next_view_config: None,
            clock,
            store,
            cut_offsets,
            outputs,
        }
    }

    /// True once partitions are read.
    pub fn is_reading(&self) -> bool {
        !self.partitions.is_empty()
    }

    /// States by index, for tests that compare them.
    pub fn states(&mut self) -> impl Iterator<Item = &mut PartitionState> {
        self.partitions.iter_mut().map(|partition| &mut partition.state)
    }

    /// Sign of life, for the watchdog.
    pub(super) fn heartbeat(&self) -> Heartbeat {
        self.heartbeat.clone()
    }

    /// True while a batch is being applied: [`Worker::apply_step`] comes before the next message.
    pub fn is_applying(&self) -> bool {
        self.batch.is_some()
    }

    /// True if [`Worker::step`] wants to be called again soon.
    pub fn is_saving(&self) -> bool {
        self.checkpoint_scheduler.is_busy()
    }

    /// True if messages may be taken: there is room for the pages that they change.
    pub fn has_room(&self) -> bool {
        self.checkpoint_scheduler.has_room()
    }

    /// Does what is due at this time. `waiting` is the number of messages in the queue.
    ///
    /// # Errors
    /// See [`Worker::report`].
    pub fn tend(&mut self, waiting: usize) -> Result<(), Failure> {
        let mut now = self.clock.instant();
        for duty in Duty::ALL {
            if !self.duties.is_due(duty, now) {
                continue;
            }
            match duty {
                Duty::Publish => self.publish(waiting),
                Duty::Commit => self.commit(),
                Duty::Save => self.step()?,
                Duty::SumUp => self.sum_up(),
            }
            let is_continued = duty == Duty::Save && (self.is_saving() || self.is_backfilling());
            let within = if is_continued { STEP_INTERVAL } else { Duration::MAX };
            let ended = self.clock.instant();
            self.duties.done(duty, now, ended, within);
            now = ended;
        }
        let has_nothing_to_apply = waiting == 0 && !self.is_applying();
        if has_nothing_to_apply || self.checkpoint_scheduler.is_patient(now) {
            self.heartbeat.beat();
        }
        Ok(())
    }

    /// Time at which [`Worker::tend`] has something to do again.
    pub fn next_due(&self) -> Instant {
        self.duties.next()
    }

    /// Takes a message. Records become the batch in progress. A message that follows records waits for the rest of the
    /// one before.
    ///
    /// # Errors
    /// Reason why the process cannot continue.
    pub fn take(&mut self, message: WorkerMessage) -> Result<(), Failure> {
        if message.follows_records() {
            while self.is_applying() {
                self.apply(usize::MAX);
            }
            self.heartbeat.beat();
        }
        let now = self.clock.instant();
        match message {
            WorkerMessage::Waiting(reason) => self.phase = Phase::Starting(reason),
            WorkerMessage::LogsFound(inventory) => {
                // Restoring has no time limit.
                self.heartbeat.suspend();
                self.restore(inventory)?;
                self.heartbeat.resume();
            }
            WorkerMessage::Records(batch) => self.begin_batch(batch),
            WorkerMessage::Passed(passage) => self.pass_excluded(passage),
            WorkerMessage::Positions { positions, drained } => {
                self.drained = drained.map_or(self.drained, |drained| drained.max(self.drained));
                self.positions_taken = now;
                for (index, position) in positions {
                    self.partitions[index].freshness.reach(position, now);
                }
            }
            WorkerMessage::LogMismatch(index) => return Err(self.log_mismatch(index)),
            WorkerMessage::Ends { asked, ends, missing } => {
                for index in missing {
                    self.partitions[index].missing = true;
                }
                ends.into_iter().try_for_each(|(index, end)| self.add_end(index, asked, end, now))?;
            }
            WorkerMessage::Outage(outage) => self.outage = outage,
            WorkerMessage::Topics { asked, asked_at, counts, ids } => {
                let has_partitions = self.count_partitions(asked, &counts)?;
                if self.compare_topic_ids(&ids)? && has_partitions {
                    self.confirm_cuts(asked_at);
                }
            }
            WorkerMessage::ClientEvents(events) => {
                self.log_interruptions(&events);
                return events.into_iter().try_for_each(|event| self.on_client_event(event));
            }
            WorkerMessage::Failed(failure) => return Err(failure),
            WorkerMessage::Stopped => {}
        }
        Ok(())
    }

    /// Continues the checkpoint in progress, or begins one that is due.
    ///
    /// # Errors
    /// See [`Worker::report`].
    pub fn step(&mut self) -> Result<(), Failure> {
        self.settle();
        self.backfill();
        let Self { checkpoint_scheduler: scheduler, partitions, clock, outputs, .. } = self;
        if scheduler.is_due(partitions, clock.instant()) {
            scheduler.begin_round(partitions);
        }
        if !scheduler.is_busy() {
            return Ok(());
        }
        match scheduler.step(partitions, &*outputs.dead_letters) {
            Some((index, outcome)) => self.end_checkpoint(index, outcome),
            None => Ok(()),
        }
    }

    /// Takes the outcome of a checkpoint.
    ///
    /// # Errors
    /// [`Exit::Disk`] after as many consecutive failures as the settings allow.
    pub fn report(&mut self, outcome: CheckpointOutcome) -> Result<(), Failure> {
        if let Some(error) = &outcome.prune_error {
            tracing::warn!(event = "pacemeter.checkpoint.not_pruned", error = %error, "old checkpoint not removed");
        }
        match self.checkpoint_scheduler.report(outcome, &mut self.partitions) {
            Some((index, outcome)) => self.end_checkpoint(index, outcome),
            None => Ok(()),
        }
    }

    fn end_checkpoint(&mut self, index: PartitionIndex, outcome: CheckpointOutcome) -> Result<(), Failure> {
        let bytes = self.partitions.checkpoint_bytes();
        self.outputs.metrics.checkpoint(&outcome, &self.checkpoint_scheduler, bytes, self.clock.now());
        match outcome.result {
            Ok(written) => {
                tracing::debug!(
                    event = "pacemeter.checkpoint.written",
                    topic = written.head.topic,
                    partition = written.head.partition,
                    sequence = written.head.sequence,
                    next_offset = written.head.next_offset,
                    bytes = written.bytes + written.days_bytes,
                    took_ms = self.checkpoint_scheduler.last_duration().as_millis() as u64,
                    "checkpoint written"
                );
                self.commit();
                Ok(())
            }
            Err(error) => {
                let in_a_row = self.partitions[index].unsaved.failures;
                tracing::error!(
                    event = "pacemeter.checkpoint.failed",
                    reason = error.reason.name(),
                    error = %error,
                    in_a_row,
                    "checkpoint failed"
                );
                if self.checkpoint_scheduler.has_failed_too_often(&self.partitions) {
                    let message = format!(
                        "{in_a_row} consecutive checkpoints could not be written: {error}; make room, or replace the disk"
                    );
                    return Err(Failure::new(Exit::Disk, message));
                }
                Ok(())
            }
        }
    }

    /// Begins a last round of checkpoints, which [`Worker::step`] continues.
    pub fn save_all(&mut self) {
        self.settle();
        if !self.checkpoint_scheduler.is_busy() {
            self.checkpoint_scheduler.begin_round(&self.partitions);
        }
    }

    /// Waits for the dead letters in flight, for at most `deadline`.
    pub fn flush_dead_letters(&self, deadline: Duration) {
        if !self.outputs.dead_letters.flush(deadline) {
            tracing::warn!(event = "pacemeter.dead_letter.unfinished", "dead letters not acknowledged before shutdown");
        }
    }

    /// Commits how far each partition is read, below its oldest dead letter in flight. Transaction markers, aborted and
    /// compacted records at the end of a log are read too, so lag tools reach 0.
    ///
    /// A partition of which nothing was ever applied has no state to resume, and a committed offset would say that it
    /// had. Nothing is committed behind what an earlier process did.
    pub fn commit(&mut self) {
        let Self { partitions, outputs, .. } = self;
        let offsets = partitions.indexes().filter_map(|index| {
            let partition = &partitions[index];
            let LogInfo { low, committed, .. } = partition.log;
            let next_offset = partition.state.next_offset();
            let has_state = next_offset > low || committed.is_some();
            // In the middle of a batch the position is the older one.
            let read = next_offset.max(partition.freshness.position());
            let safe = outputs.dead_letters.acknowledged_below(index, read);
            (has_state && safe > committed.unwrap_or(low)).then_some((index, safe))
        });
        let offsets: Vec<_> = offsets.collect();
        if !offsets.is_empty() {
            let _ = outputs.commands.send(PollerCommand::Commit(offsets));
        }
    }
}
