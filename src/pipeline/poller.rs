//! The poll thread: waits for the topics, reads and decodes their records, and carries out the task's commands.
//!
//! Batches go through a bounded channel. When the task is behind, this thread waits, the client's queue fills, and
//! fetching pauses: memory never grows with the backlog. While it waits, for room or for the task's answer, it still
//! carries out commands and serves the client ([`Poller::tend`]): commits do not depend on an idle queue.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use super::batch_decoder::{BatchDecoder, DecodedBatch, LogMismatch, ResumePoint};
use super::byte_budget::ByteBudget;
use super::message::{LogInfo, LogInventory, PollerCommand, TaskGone, WorkerMessage};
use super::passage::StuckAt;
use super::task_channel::{TaskChannel, WAIT};
use super::{Settings, ends, pause};
use crate::clock::Clock;
use crate::decode::Decoder;
use crate::record::{PerStream, RawRecords as _, TopicPartition};
use crate::runtime::{Failure, Shutdown};
use crate::source::check::TimestampSource;
use crate::source::{ClientEvent, Consumer, PartitionLog, SourceError, TopicIds, Topology, check};

/// Maximum time for a batch to fill.
const BATCH_WAIT: Duration = Duration::from_millis(20);
/// Time between two reports of the positions.
const POSITIONS_INTERVAL: Duration = Duration::from_millis(100);
/// Time between two attempts to find the broker and the topics.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two log lines while the same broker or topic is missing.
const WAITING_LOG_INTERVAL: Duration = Duration::from_secs(30);

/// Number of client events kept while the task takes none; more stay with the client, which counts them together.
const MAX_WAITING_EVENTS: usize = 1_000;

/// Everything that the poll thread owns.
pub(super) struct Poller {
    pub(super) source: crate::source::Settings,
    pub(super) settings: Settings,
    pub(super) decoder: Decoder,
    pub(super) clock: Clock,
    pub(super) shutdown: Shutdown,
    pub(super) channel: TaskChannel,
    pub(super) reports: Sender<WorkerMessage>,
    pub(super) commands: Receiver<PollerCommand>,
}

/// End offsets by partition index.
type Ends = Vec<Result<i64, SourceError>>;

/// Partitions to read and where to resume them, both by index.
struct Assignment {
    partitions: Vec<TopicPartition>,
    resume_points: Vec<ResumePoint>,
}

/// The client, and its reports that were not sent yet.
struct ServedClient {
    consumer: Consumer,
    events: Vec<ClientEvent>,
    /// Reports of batches that cannot be read, which may be excluded.
    unreadable: Vec<ClientEvent>,
}

impl Poller {
    /// Runs until a shutdown is requested or reading cannot continue; then until the task sends no more commands.
    pub(super) fn run(self) {
        let mut client = match Consumer::open(&self.source) {
            Ok(consumer) => ServedClient { consumer, events: Vec::new(), unreadable: Vec::new() },
            Err(error) => return self.fail(error.into()),
        };
        match self.begin(&mut client) {
            Ok(assignment) => {
                // A task that is gone at a shutdown has sent its last commit.
                let _ = assignment
                    .map_or(Ok(()), |assignment| self.read(&mut client, assignment))
                    .and_then(|()| self.send(&mut client, WorkerMessage::Stopped));
                self.finish(&mut client.consumer);
            }
            Err(failure) => self.fail(failure),
        }
        if !client.consumer.close(self.settings.shutdown_deadline) {
            tracing::warn!(event = "pacemeter.kafka.close_timeout", "kafka client not closed in time");
        }
    }

    /// Waits for the topics, checks them, sends their logs to the task, and assigns the partitions where the task
    /// resumes them. Returns `None` if a shutdown comes first.
    fn begin(&self, client: &mut ServedClient) -> Result<Option<Assignment>, Failure> {
        let Some((topology, ends)) = self.wait_for_topics(client)? else { return Ok(None) };
        let (timestamps, short_retention) = self.check_topics()?;
        let partitions: Vec<TopicPartition> =
            topology.partitions.iter().map(|described| described.partition.clone()).collect();
        let committed = client.consumer.committed(&partitions, self.source.request_timeout);
        let committed_fault = committed.as_ref().err().map(ToString::to_string);
        if let Some(error) = &committed_fault {
            tracing::warn!(event = "pacemeter.kafka.committed_unknown", error, "committed offsets not available");
        }
        let committed = committed.unwrap_or_default().into_iter().chain(std::iter::repeat(None));
        let log = |((described, end), committed): ((PartitionLog, Result<i64, SourceError>), Option<i64>)| {
            let end = end.ok();
            // An offset beyond the end was committed before the topic was recreated.
            let committed = committed.filter(|&committed| end.is_none_or(|end| committed <= end));
            LogInfo { partition: described.partition, low: described.low, end, committed }
        };
        let topic_ids = topic_ids(topology.topic_ids, &self.source);
        let logs = topology.partitions.into_iter().zip(ends).zip(committed).map(log).collect();
        let cluster_id = client.consumer.cluster_id();
        let found = WorkerMessage::LogsFound(LogInventory {
            cluster_id,
            topic_ids,
            logs,
            committed_fault,
            timestamps,
            short_retention,
        });
        if self.send(client, found).is_err() {
            return Ok(None);
        }
        let Some(resume_points) = self.wait_for_resume_points(client) else { return Ok(None) };
        let offsets = resume_points.iter().map(ResumePoint::read_from);
        let offsets: Vec<_> = partitions.iter().cloned().zip(offsets).collect();
        client.consumer.assign(&offsets)?;
        ends::start(
            client.consumer.ends(&partitions),
            self.source.end_offset_interval,
            self.clock.clone(),
            self.reports.clone(),
            self.shutdown.clone(),
        )?;
        Ok(Some(Assignment { partitions, resume_points }))
    }

    /// Waits for [`PollerCommand::Read`]; `None` if the task is gone.
    fn wait_for_resume_points(&self, client: &mut ServedClient) -> Option<Vec<ResumePoint>> {
        loop {
            match self.commands.recv_timeout(WAIT) {
                Ok(PollerCommand::Read(resume_points)) => return Some(resume_points),
                Ok(_) => {}
                // The task restores its state, which may take long.
                Err(RecvTimeoutError::Timeout) => self.report_events(client),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Refuses topics that would break exactness. Returns true for streams whose topic has a shorter retention than the
    /// horizon.
    fn check_topics(&self) -> Result<(PerStream<TimestampSource>, PerStream<bool>), Failure> {
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
        Ok((findings.timestamps, short_retention))
    }

    fn wait_for_topics(&self, client: &mut ServedClient) -> Result<Option<(Topology, Ends)>, Failure> {
        let mut logged: Option<(Instant, SourceError)> = None;
        while !self.shutdown.is_requested() {
            self.tend(client);
            match describe(&client.consumer) {
                Ok(described) => {
                    self.check_rights()?;
                    return Ok(Some(described));
                }
                Err(error) if error.is_retriable() => {
                    let must_log =
                        logged.as_ref().is_none_or(|(at, last)| at.elapsed() >= WAITING_LOG_INTERVAL || *last != error);
                    if must_log {
                        self.log_waiting(&error);
                        logged = Some((Instant::now(), error.clone()));
                    }
                    let reason = format!("{error} (kafka.bootstrap_servers is {})", self.source.shown_servers());
                    if self.send(client, WorkerMessage::Waiting(reason)).is_err() {
                        return Ok(None);
                    }
                    pause(&self.shutdown, RETRY_INTERVAL);
                }
                Err(error) => {
                    if matches!(error, SourceError::Denied { .. }) {
                        self.check_rights()?;
                    }
                    return Err(error.into());
                }
            }
        }
        Ok(None)
    }

    /// Refuses to start with a missing right, which would be noticed late or never, and reports all of them.
    fn check_rights(&self) -> Result<(), Failure> {
        match check::missing_rights(&self.source) {
            Ok(missing) => check::refuse_missing_rights(&missing),
            // The requests that need the rights follow, and handle an outage.
            Err(error) if error.is_retriable() => Ok(()),
            Err(error) => Err(error.into()),
        }
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

    fn read(&self, client: &mut ServedClient, assignment: Assignment) -> Result<(), TaskGone> {
        let Assignment { partitions, resume_points } = assignment;
        let mut decoder = BatchDecoder::new(&self.decoder, &self.settings.excluded, partitions, resume_points);
        let budget = ByteBudget::new(self.settings.queue_bytes);
        let (mut reported, mut drained) = (Instant::now(), None);
        while !self.shutdown.is_requested() {
            let asked = Instant::now();
            let batch = client.consumer.next_batch(self.source.batch_records, BATCH_WAIT);
            if batch.len() < self.source.batch_records {
                drained = Some(asked);
            }
            if !batch.is_empty() {
                let fetched = Instant::now();
                let share = Some(budget.take(batch.bytes(), WAIT, || self.tend(client)));
                match decoder.decode(batch, fetched) {
                    Ok(decoded) => {
                        self.send(client, WorkerMessage::Records(DecodedBatch { _share: share, ..decoded }))?;
                    }
                    Err(mismatch) => return self.stop_reading(client, mismatch),
                }
            }
            if reported.elapsed() >= POSITIONS_INTERVAL {
                reported = Instant::now();
                let positions = client.consumer.positions();
                if let Err(mismatch) = decoder.check_positions(&positions) {
                    return self.stop_reading(client, mismatch);
                }
                self.send(client, WorkerMessage::Positions { positions, drained })?;
            }
            self.tend(client);
            self.pass_excluded(client, &decoder)?;
        }
        Ok(())
    }

    /// Carries out the task's commands, and serves the client.
    fn tend(&self, client: &mut ServedClient) {
        while let Ok(command) = self.commands.try_recv() {
            execute(&mut client.consumer, command);
        }
        self.report_events(client);
    }

    /// Sends a message to the task, and tends the client while there is no room.
    fn send(&self, client: &mut ServedClient, message: WorkerMessage) -> Result<(), TaskGone> {
        self.channel.send(message, || self.tend(client))
    }

    fn stop_reading(&self, client: &mut ServedClient, LogMismatch(index): LogMismatch) -> Result<(), TaskGone> {
        self.send(client, WorkerMessage::LogMismatch(index))
    }

    /// Carries out commands after the last record, until the task is gone and the last commit is answered.
    fn finish(&self, consumer: &mut Consumer) {
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

    /// Continues behind excluded offsets where the client is stuck at them; reports the other batches that cannot be
    /// read.
    fn pass_excluded(&self, client: &mut ServedClient, decoder: &BatchDecoder<'_>) -> Result<(), TaskGone> {
        for event in std::mem::take(&mut client.unreadable) {
            let passage = match &event {
                &ClientEvent::Interrupted { index, offset, next_offset, .. } => {
                    let stuck = |end_offset| StuckAt { offset, next_offset, end_offset };
                    let end_offset = client.consumer.high_watermark(index);
                    end_offset.and_then(|end_offset| decoder.passage(index, stuck(end_offset)))
                }
                _ => None,
            };
            let Some(passage) = passage else {
                client.events.push(event);
                continue;
            };
            client.consumer.pass(passage.index, passage.last_offset + 1);
            // Sent after the last record before it, and before the first behind it.
            self.send(client, WorkerMessage::Passed(passage))?;
        }
        Ok(())
    }

    /// Serves the client and passes its reports on. They stay with it while the task takes none.
    fn report_events(&self, client: &mut ServedClient) {
        client.serve();
        if client.events.is_empty() {
            return;
        }
        let events = std::mem::take(&mut client.events);
        if let Err(TrySendError::Full(WorkerMessage::ClientEvents(events))) =
            self.reports.try_send(WorkerMessage::ClientEvents(events))
        {
            client.events = events;
        }
    }

    fn fail(&self, failure: Failure) {
        // If the task is gone, the process is exiting already.
        let _ = self.channel.send(WorkerMessage::Failed(failure), || {});
    }
}

impl ServedClient {
    /// Serves the client, and keeps its reports until they are sent.
    fn serve(&mut self) {
        if self.events.len() >= MAX_WAITING_EVENTS {
            return;
        }
        for event in self.consumer.serve() {
            let is_unreadable = matches!(event, ClientEvent::Interrupted { unreadable: true, .. });
            if is_unreadable { self.unreadable.push(event) } else { self.events.push(event) }
        }
    }
}

/// Ids of the topics; logs those that are not known, whose recreation would go unnoticed.
fn topic_ids(answer: Result<TopicIds, SourceError>, source: &crate::source::Settings) -> TopicIds {
    let (ids, reason) = match answer {
        Ok(ids) => (ids, "the brokers report none".to_owned()),
        Err(error) => (TopicIds::default(), error.to_string()),
    };
    let unknown = ids.iter().filter(|(_, id)| id.is_none()).map(|(stream, _)| source.topic(stream));
    let topics: Vec<&str> = unknown.collect();
    if !topics.is_empty() {
        tracing::info!(
            event = "pacemeter.topic.id_unknown",
            topics = topics.join(", "),
            reason,
            "topic ids not available"
        );
    }
    ids
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
        PollerCommand::GiveUp(index) => consumer.give_up(index),
        // Comes once, before reading.
        PollerCommand::Read(_) => {}
    }
}
