//! The poll thread: waits for the topics, reads and decodes their records, and does what the task asks of Kafka.
//!
//! It hands over batches through a bounded channel: when the task is behind, this thread waits, the client's queue fills, and fetching
//! pauses. Memory never grows with the backlog.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::SendError;

use super::batch_decoder::{BatchDecoder, LogMismatch, ResumePoint};
use super::message::{Command, LogInfo, LogInventory, Message, RecordBatch};
use super::{Settings, ends, pause};
use crate::clock::Clock;
use crate::decode::Decoder;
use crate::record::PerStream;
use crate::record::{PartitionIndex, TopicPartition};
use crate::runtime::{Failure, Shutdown};
use crate::source::{Consumer, PartitionLog, SourceError, Topology, check};

/// How long a batch may take to fill.
const BATCH_WAIT: Duration = Duration::from_millis(20);
/// How often positions are told.
const POSITIONS_INTERVAL: Duration = Duration::from_millis(100);
/// How often something that is missing is looked for.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How often the log says that the same is still missing.
const WAITING_LOG_INTERVAL: Duration = Duration::from_secs(30);

pub struct Poller {
    pub source: crate::source::Settings,
    pub settings: Settings,
    pub decoder: Decoder,
    pub clock: Clock,
    pub shutdown: Shutdown,
    pub messages: Sender<Message>,
    pub commands: Receiver<Command>,
}

/// By slot.
type Ends = Vec<Result<i64, SourceError>>;

/// What is read, and from where; by slot.
struct Assignment {
    partitions: Vec<TopicPartition>,
    starts: Vec<ResumePoint>,
}

/// The task is gone: there is nobody to read for.
struct TaskGone;

impl<T> From<SendError<T>> for TaskGone {
    fn from(_: SendError<T>) -> Self {
        TaskGone
    }
}

impl Poller {
    /// Runs until a shutdown is requested or reading cannot go on; then until the task asks for nothing more.
    pub fn run(self) {
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

    /// Waits for the topics, judges them, tells what there is to read and where, and assigns it from where the task says. None if a shutdown
    /// comes first.
    fn begin(&self, consumer: &mut Consumer) -> Result<Option<Assignment>, Failure> {
        let Some((topology, ends)) = self.wait_for_topics(consumer)? else { return Ok(None) };
        let short_retention = self.judge_topics()?;
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
            // An offset beyond the end was committed in an earlier life of the topic.
            let committed = committed.filter(|&committed| end.is_none_or(|end| committed <= end));
            LogInfo { partition: described.partition, low: described.low, end, committed }
        };
        let logs = topology.partitions.into_iter().zip(ends).zip(committed).map(log).collect();
        let cluster_id = consumer.cluster_id();
        let found = Message::Found(LogInventory { cluster_id, logs, short_retention });
        if self.messages.blocking_send(found).is_err() {
            return Ok(None);
        }
        let Some(starts) = self.wait_for_starts() else { return Ok(None) };
        let from = |start: &ResumePoint| start.last_record.map_or(start.next_offset, |last_record| last_record.offset);
        let offsets: Vec<_> = partitions.iter().cloned().zip(starts.iter().map(from)).collect();
        consumer.assign(&offsets)?;
        Ok(Some(Assignment { partitions, starts }))
    }

    /// Where to begin. None if the task is gone.
    fn wait_for_starts(&self) -> Option<Vec<ResumePoint>> {
        loop {
            match self.commands.recv() {
                Ok(Command::Read(starts)) => return Some(starts),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// Refuses topics that would break exactness. Returns the streams whose topic is kept for less than the horizon.
    fn judge_topics(&self) -> Result<PerStream<bool>, Failure> {
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
                    let is_news =
                        logged.as_ref().is_none_or(|(at, last)| at.elapsed() >= WAITING_LOG_INTERVAL || *last != error);
                    if is_news {
                        self.log_waiting(&error);
                        logged = Some((Instant::now(), error.clone()));
                    }
                    let reason = format!("{error} (kafka.bootstrap_servers is {})", self.source.bootstrap_servers);
                    if self.messages.blocking_send(Message::Waiting(reason)).is_err() {
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
                bootstrap_servers = self.source.bootstrap_servers,
                "waiting for kafka"
            ),
        }
    }

    fn read(&self, consumer: &mut Consumer, Assignment { partitions, starts }: Assignment) -> Result<(), TaskGone> {
        let probe = consumer.ends(&partitions);
        let _asking = ends::start(
            probe,
            self.source.end_offset_interval,
            self.clock.clone(),
            self.messages.clone(),
            self.shutdown.clone(),
        );
        let mut intake = BatchDecoder::new(&self.decoder, &self.settings.excluded, partitions, starts);
        let mut told = Instant::now();
        while !self.shutdown.is_requested() {
            let batch = consumer.next_batch(self.source.batch_records, BATCH_WAIT);
            if !batch.is_empty() {
                let at = Instant::now();
                match intake.take(&batch) {
                    Ok(taken) => self.messages.blocking_send(Message::Records(RecordBatch {
                        taken,
                        originals: Box::new(batch),
                        at,
                    }))?,
                    Err(LogMismatch(slot)) => return self.stop_reading(slot),
                }
            }
            if told.elapsed() >= POSITIONS_INTERVAL {
                told = Instant::now();
                let positions = consumer.positions();
                if let Err(LogMismatch(slot)) = intake.passed(&positions) {
                    return self.stop_reading(slot);
                }
                self.messages.blocking_send(Message::Positions(positions))?;
            }
            self.serve(consumer)?;
            while let Ok(command) = self.commands.try_recv() {
                obey(consumer, command);
            }
        }
        Ok(())
    }

    fn stop_reading(&self, slot: PartitionIndex) -> Result<(), TaskGone> {
        Ok(self.messages.blocking_send(Message::LogMismatch(slot))?)
    }

    /// After the last record: obeys until the task hangs up.
    fn finish(&self, consumer: &mut Consumer) {
        if self.messages.blocking_send(Message::Stopped).is_err() {
            return;
        }
        let deadline = Instant::now() + self.settings.shutdown_deadline;
        let mut committing = false;
        // An earlier commit may be under way still: then the last one waits for its answer.
        let mut unsent = None;
        while Instant::now() < deadline {
            match self.commands.recv_timeout(BATCH_WAIT) {
                Ok(Command::Commit(offsets)) => unsent = Some(offsets),
                Ok(command) => obey(consumer, command),
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

    fn serve(&self, consumer: &mut Consumer) -> Result<(), TaskGone> {
        let events = consumer.serve();
        if !events.is_empty() {
            self.messages.blocking_send(Message::Client(events))?;
        }
        Ok(())
    }

    fn fail(&self, failure: Failure) {
        // If the task is gone, the process is ending already.
        let _ = self.messages.blocking_send(Message::Failed(failure));
    }
}

/// The partitions, and where each ends.
fn describe(consumer: &Consumer) -> Result<(Topology, Ends), SourceError> {
    let topology = consumer.describe()?;
    let partitions: Vec<TopicPartition> =
        topology.partitions.iter().map(|described| described.partition.clone()).collect();
    let ends = consumer.ends(&partitions).query_all()?;
    Ok((topology, ends))
}

fn obey(consumer: &mut Consumer, command: Command) {
    match command {
        // An earlier commit that is under way is followed by the next one soon.
        Command::Commit(offsets) => drop(consumer.commit(&offsets)),
        Command::Refetch(slot) => consumer.refetch(slot),
        // Comes once, before reading.
        Command::Read(_) => {}
    }
}
