//! The poll thread: waits for the topics, reads and decodes their records, and carries out the task's commands.
//!
//! Batches go through a bounded channel. When the task is behind, this thread waits, the client's queue fills, and
//! fetching pauses: memory never grows with the backlog.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;

use super::batch_decoder::{BatchDecoder, DecodedBatch, LogMismatch, ResumePoint};
use super::byte_budget::ByteBudget;
use super::message::{LogInfo, LogInventory, PollerCommand, TaskGone, WorkerMessage};
use super::passage::StuckAt;
use super::{Settings, ends, pause};
use crate::clock::Clock;
use crate::decode::Decoder;
use crate::record::{PerStream, RawRecords as _, TopicPartition};
use crate::runtime::{Failure, Shutdown};
use crate::source::{ClientEvent, Consumer, PartitionLog, SourceError, Topology, check};

/// Maximum time for a batch to fill.
const BATCH_WAIT: Duration = Duration::from_millis(20);
/// Time between two reports of the positions.
const POSITIONS_INTERVAL: Duration = Duration::from_millis(100);
/// Time between two attempts to find the broker and the topics.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two log lines while the same broker or topic is missing.
const WAITING_LOG_INTERVAL: Duration = Duration::from_secs(30);

/// Everything that the poll thread owns.
pub(super) struct Poller {
    pub(super) source: crate::source::Settings,
    pub(super) settings: Settings,
    pub(super) decoder: Decoder,
    pub(super) clock: Clock,
    pub(super) shutdown: Shutdown,
    pub(super) messages: Sender<WorkerMessage>,
    pub(super) commands: Receiver<PollerCommand>,
}

/// End offsets by partition index.
type Ends = Vec<Result<i64, SourceError>>;

/// Partitions to read and where to resume them, both by index.
struct Assignment {
    partitions: Vec<TopicPartition>,
    resume_points: Vec<ResumePoint>,
}

impl Poller {
    /// Runs until a shutdown is requested or reading cannot continue; then until the task sends no more commands.
    pub(super) fn run(self) {
        let mut consumer = match Consumer::open(&self.source) {
            Ok(consumer) => consumer,
            Err(error) => return self.fail(error.into()),
        };
        match self.begin(&mut consumer) {
            Ok(Some(assignment)) => {
                if self.read(&mut consumer, assignment).is_ok() {
                    self.finish(&mut consumer);
                }
            }
            Ok(None) => self.finish(&mut consumer),
            Err(failure) => self.fail(failure),
        }
        if !consumer.close(self.settings.shutdown_deadline) {
            tracing::warn!(event = "pacemeter.kafka.close_timeout", "kafka client not closed in time");
        }
    }

    /// Waits for the topics, checks them, sends their logs to the task, and assigns the partitions where the task
    /// resumes them. Returns `None` if a shutdown comes first.
    fn begin(&self, consumer: &mut Consumer) -> Result<Option<Assignment>, Failure> {
        let Some((topology, ends)) = self.wait_for_topics(consumer)? else { return Ok(None) };
        let short_retention = self.check_topics()?;
        let partitions: Vec<TopicPartition> =
            topology.partitions.iter().map(|described| described.partition.clone()).collect();
        let committed = consumer.committed(&partitions, self.source.request_timeout).unwrap_or_else(|error| {
            tracing::warn!(
                event = "pacemeter.kafka.committed_unknown",
                error = %error,
                "committed offsets not available"
            );
            Vec::new()
        });
        let committed = committed.into_iter().chain(std::iter::repeat(None));
        let log = |((described, end), committed): ((PartitionLog, Result<i64, SourceError>), Option<i64>)| {
            let end = end.ok();
            // An offset beyond the end was committed before the topic was recreated.
            let committed = committed.filter(|&committed| end.is_none_or(|end| committed <= end));
            LogInfo { partition: described.partition, low: described.low, end, committed }
        };
        let logs = topology.partitions.into_iter().zip(ends).zip(committed).map(log).collect();
        let cluster_id = consumer.cluster_id();
        let found = WorkerMessage::LogsFound(LogInventory { cluster_id, logs, short_retention });
        if self.messages.blocking_send(found).is_err() {
            return Ok(None);
        }
        let Some(resume_points) = self.wait_for_resume_points() else { return Ok(None) };
        let offsets = resume_points.iter().map(ResumePoint::read_from);
        let offsets: Vec<_> = partitions.iter().cloned().zip(offsets).collect();
        consumer.assign(&offsets)?;
        ends::start(
            consumer.ends(&partitions),
            self.source.end_offset_interval,
            self.clock.clone(),
            self.messages.clone(),
            self.shutdown.clone(),
        )?;
        Ok(Some(Assignment { partitions, resume_points }))
    }

    /// Waits for [`PollerCommand::Read`]; `None` if the task is gone.
    fn wait_for_resume_points(&self) -> Option<Vec<ResumePoint>> {
        loop {
            match self.commands.recv() {
                Ok(PollerCommand::Read(resume_points)) => return Some(resume_points),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// Refuses topics that would break exactness. Returns true for streams whose topic has a shorter retention than the
    /// horizon.
    fn check_topics(&self) -> Result<PerStream<bool>, Failure> {
        let findings = check::topic_faults(&self.source)?;
        findings.refuse()?;
        for fault in &findings.faults {
            tracing::warn!(
                event = "pacemeter.topic.accepted",
                topic = fault.topic,
                risk = fault.what,
                "topic risk accepted by setting"
            );
        }
        let mut short_retention = PerStream::default();
        for warning in &findings.warnings {
            short_retention[warning.stream] = true;
            tracing::warn!(
                event = "pacemeter.topic.retention_short",
                topic = warning.topic,
                retention_ms = warning.retention,
                retention_bytes = warning.retention_bytes,
                horizon_ms = warning.horizon,
                "topic retention shorter than horizon"
            );
        }
        for warning in &findings.large_batches {
            tracing::warn!(
                event = "pacemeter.topic.batches_large",
                topic = warning.topic,
                accepted_bytes = warning.accepted_bytes,
                read_bytes = warning.read_bytes,
                "topic accepts batches too large to read"
            );
        }
        Ok(short_retention)
    }

    fn wait_for_topics(&self, consumer: &mut Consumer) -> Result<Option<(Topology, Ends)>, Failure> {
        let mut logged: Option<(Instant, SourceError)> = None;
        while !self.shutdown.is_requested() {
            if self.serve(consumer).is_err() {
                return Ok(None);
            }
            match describe(consumer) {
                Ok(described) => return Ok(Some(described)),
                Err(error) if error.is_retriable() => {
                    let must_log =
                        logged.as_ref().is_none_or(|(at, last)| at.elapsed() >= WAITING_LOG_INTERVAL || *last != error);
                    if must_log {
                        self.log_waiting(&error);
                        logged = Some((Instant::now(), error.clone()));
                    }
                    let reason = format!("{error} (kafka.bootstrap_servers is {})", self.source.shown_servers());
                    if self.messages.blocking_send(WorkerMessage::Waiting(reason)).is_err() {
                        return Ok(None);
                    }
                    pause(&self.shutdown, RETRY_INTERVAL);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    fn log_waiting(&self, error: &SourceError) {
        match error {
            SourceError::TopicMissing { topic } => {
                tracing::warn!(event = "pacemeter.topic.waiting", topic, "waiting for topic");
            }
            _ => tracing::warn!(
                event = "pacemeter.kafka.waiting",
                reason = %error,
                bootstrap_servers = self.source.shown_servers(),
                "waiting for kafka"
            ),
        }
    }

    fn read(&self, consumer: &mut Consumer, assignment: Assignment) -> Result<(), TaskGone> {
        let Assignment { partitions, resume_points } = assignment;
        let mut decoder = BatchDecoder::new(&self.decoder, &self.settings.excluded, partitions, resume_points);
        let budget = ByteBudget::new(self.settings.queue_bytes);
        let mut reported = Instant::now();
        while !self.shutdown.is_requested() {
            let batch = consumer.next_batch(self.source.batch_records, BATCH_WAIT);
            if !batch.is_empty() {
                let fetched = Instant::now();
                let share = Some(budget.take(batch.bytes()));
                match decoder.decode(batch, fetched) {
                    Ok(decoded) => {
                        self.messages
                            .blocking_send(WorkerMessage::Records(DecodedBatch { _share: share, ..decoded }))?;
                    }
                    Err(mismatch) => return self.stop_reading(mismatch),
                }
            }
            if reported.elapsed() >= POSITIONS_INTERVAL {
                reported = Instant::now();
                let positions = consumer.positions();
                if let Err(mismatch) = decoder.check_positions(&positions) {
                    return self.stop_reading(mismatch);
                }
                self.messages.blocking_send(WorkerMessage::Positions(positions))?;
            }
            self.serve_reading(consumer, &decoder)?;
            while let Ok(command) = self.commands.try_recv() {
                execute(consumer, command);
            }
        }
        Ok(())
    }

    fn stop_reading(&self, LogMismatch(index): LogMismatch) -> Result<(), TaskGone> {
        Ok(self.messages.blocking_send(WorkerMessage::LogMismatch(index))?)
    }

    /// Carries out commands after the last record, until the task is gone and the last commit is answered.
    fn finish(&self, consumer: &mut Consumer) {
        if self.messages.blocking_send(WorkerMessage::Stopped).is_err() {
            return;
        }
        let deadline = Instant::now() + self.settings.shutdown_deadline;
        let mut committing = false;
        // While an earlier commit is in flight, the last one waits for its answer.
        let mut unsent = None;
        while Instant::now() < deadline {
            match self.commands.recv_timeout(BATCH_WAIT) {
                Ok(PollerCommand::Commit(offsets)) => unsent = Some(offsets),
                Ok(command) => execute(consumer, command),
                Err(RecvTimeoutError::Disconnected) if !committing && unsent.is_none() => return,
                Err(RecvTimeoutError::Disconnected) => thread::sleep(BATCH_WAIT),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if unsent.as_ref().is_some_and(|offsets| consumer.commit(offsets)) {
                (unsent, committing) = (None, true);
                continue;
            }
            let answered = consumer.serve().iter().any(|event| {
                use crate::source::ClientEvent::{CommitFailed, Committed};
                matches!(event, Committed | CommitFailed { .. })
            });
            committing &= !answered;
        }
    }

    /// Serves the client; where it is stuck at excluded offsets, continues behind them.
    fn serve_reading(&self, consumer: &mut Consumer, decoder: &BatchDecoder<'_>) -> Result<(), TaskGone> {
        let mut events = consumer.serve();
        let mut passages = Vec::new();
        events.retain(|event| {
            let &ClientEvent::Interrupted { index, offset, next_offset, unreadable: true, .. } = event else {
                return true;
            };
            let end_offset = consumer.high_watermark(index);
            let stuck = end_offset.map(|end_offset| StuckAt { offset, next_offset, end_offset });
            let passage = stuck.and_then(|stuck| decoder.passage(index, stuck));
            passages.extend(passage);
            passage.is_none()
        });
        if !events.is_empty() {
            self.messages.blocking_send(WorkerMessage::ClientEvents(events))?;
        }
        for passage in passages {
            consumer.pass(passage.index, passage.last_offset + 1);
            // Sent after the last record before it, and before the first behind it.
            self.messages.blocking_send(WorkerMessage::Passed(passage))?;
        }
        Ok(())
    }

    fn serve(&self, consumer: &mut Consumer) -> Result<(), TaskGone> {
        let events = consumer.serve();
        if !events.is_empty() {
            self.messages.blocking_send(WorkerMessage::ClientEvents(events))?;
        }
        Ok(())
    }

    fn fail(&self, failure: Failure) {
        // If the task is gone, the process is exiting already.
        let _ = self.messages.blocking_send(WorkerMessage::Failed(failure));
    }
}

/// Describes the partitions and queries their end offsets.
fn describe(consumer: &Consumer) -> Result<(Topology, Ends), SourceError> {
    let topology = consumer.describe()?;
    let partitions: Vec<TopicPartition> =
        topology.partitions.iter().map(|described| described.partition.clone()).collect();
    let ends = consumer.ends(&partitions).query_all()?;
    Ok((topology, ends))
}

fn execute(consumer: &mut Consumer, command: PollerCommand) {
    match command {
        // Dropped while an earlier commit is in flight: the next one follows soon.
        PollerCommand::Commit(offsets) => drop(consumer.commit(&offsets)),
        PollerCommand::Refetch(index) => consumer.refetch(index),
        // Comes once, before reading.
        PollerCommand::Read(_) => {}
    }
}
