//! Metrics of the pipeline itself, updated once a batch or once a publication.

use std::sync::Arc;
use std::time::Duration;

use prometheus::IntGauge;

use super::batch_decoder::{DecodedBatch, PartitionSpan};
use super::checkpoint_scheduler::CheckpointScheduler;
use super::keying_audit::KeyingAudit;
use super::message::LogInfo;
use super::restore::RestoredPartition;
use crate::aggregate::{KeyCounts, PartitionState};
use crate::allowlists::LabelKind;
use crate::checkpoint::{CheckpointOutcome, Damage};
use crate::clock::{Millis, Timestamp};
use crate::record::{PerStream, Stream};
use crate::source::{ClientEvent, DeadLetterCounts};
use crate::telemetry::Metrics;
use crate::telemetry::histogram::LocalHistogram;
use crate::telemetry::process::raise;
use crate::view::snapshot::Snapshot;

/// Updates the metrics of the pipeline.
pub struct PipelineMetrics {
    metrics: Arc<Metrics>,
    queue: IntGauge,
    /// Time from an event to its processing.
    delays: PerStream<LocalHistogram>,
    /// Time from a record's arrival to its processing.
    processing: PerStream<LocalHistogram>,
    /// Labels by partition index.
    partitions: Vec<PartitionLabels>,
    topics: PerStream<String>,
}

struct PartitionLabels {
    stream: Stream,
    topic: String,
    partition: String,
}

impl PipelineMetrics {
    /// Registers a queue of `queue_capacity` batches; partitions are added once their logs are found.
    pub fn new(metrics: Arc<Metrics>, topics: &PerStream<String>, queue_capacity: usize) -> Self {
        Self {
            queue: metrics.queues.register("records", queue_capacity),
            delays: PerStream::from_fn(|stream| metrics.records.delay.local(stream.name())),
            processing: PerStream::from_fn(|stream| metrics.records.processing.local(stream.name())),
            partitions: Vec::new(),
            topics: topics.clone(),
            metrics,
        }
    }

    pub(super) fn logs_found(&mut self, logs: &[LogInfo], short_retention: &PerStream<bool>) {
        let labels = |log: &LogInfo| PartitionLabels {
            stream: log.partition.stream,
            topic: log.partition.topic.clone(),
            partition: log.partition.partition.to_string(),
        };
        self.partitions = logs.iter().map(labels).collect();
        for (stream, topic) in self.topics.iter() {
            let assigned = self.partitions.iter().filter(|labels| labels.stream == stream).count();
            self.metrics.kafka.assigned_partitions.with_label_values(&[topic]).set(assigned as i64);
            self.metrics
                .kafka
                .retention_shorter_than_horizon
                .with_label_values(&[topic])
                .set(short_retention[stream].into());
        }
    }

    /// Counts an event that was applied `delay` milliseconds after its own time.
    pub(super) fn applied(&mut self, stream: Stream, delay: Millis) {
        self.delays[stream].observe(delay);
    }

    /// Counts records that were applied by `now`, `elapsed` after they were fetched.
    pub(super) fn processed(&mut self, spans: &[PartitionSpan], elapsed: Duration, now: Timestamp) {
        let mut counts = PerStream::<u64>::default();
        for span in spans {
            counts[self.partitions[span.index.index()].stream] += span.records;
        }
        let elapsed = elapsed.as_millis() as Millis;
        for (stream, &count) in counts.iter().filter(|&(_, &count)| count > 0) {
            self.metrics.kafka.records.with_label_values(&[&self.topics[stream]]).inc_by(count);
            self.metrics.records.last_processed.set(&[stream.name()], now);
            self.processing[stream].observe_many(elapsed, count);
        }
    }

    /// Counts the bytes of a batch that was applied.
    pub(super) fn batch(&mut self, batch: &DecodedBatch) {
        for stats in &batch.stats {
            let stream = self.partitions[stats.index.index()].stream;
            self.metrics.kafka.bytes.with_label_values(&[&self.topics[stream]]).inc_by(stats.bytes);
        }
    }

    pub(super) fn client_event(&mut self, event: &ClientEvent, now: Timestamp) {
        let metrics = &self.metrics;
        if let Some((kind, count)) = errors(event) {
            metrics.kafka.errors.with_label_values(&[kind]).inc_by(count);
        }
        match event {
            ClientEvent::Committed => {
                metrics.kafka.commits.inc();
                metrics.kafka.last_commit.set(&[], now);
            }
            ClientEvent::CommitFailed { .. } => {
                metrics.kafka.commits.inc();
                metrics.kafka.commit_failures.inc();
            }
            _ => {}
        }
    }

    /// Share of the restored state, from 0 to 1.
    pub(super) fn restoring(&self, progress: f64) {
        self.metrics.restore.progress.set(progress);
    }

    pub(super) fn damaged_checkpoint(&self, damage: &Damage) {
        self.metrics.checkpoints.damaged.with_label_values(&[damage.kind()]).inc();
    }

    pub(super) fn incomplete_checkpoints(&self, files: u64) {
        self.metrics.checkpoints.incomplete.inc_by(files);
    }

    /// Counts the restored partitions once all are.
    pub(super) fn restored(&self, restored: &[RestoredPartition], took: Duration) {
        for partition in restored {
            self.metrics.restore.partitions.with_label_values(&[partition.source.name()]).inc();
        }
        self.metrics.restore.duration.set(took.as_secs_f64());
    }

    /// Reports the replay, once after the start.
    pub(super) fn replayed(&self, records: u64, took: Duration) {
        self.metrics.restore.replayed_records.set(records as f64);
        self.metrics.restore.replay_duration.set(took.as_secs_f64());
    }

    /// Counts the outcome of a checkpoint. `bytes` is the size of the newest checkpoints of all partitions.
    pub(super) fn checkpoint(
        &self,
        outcome: &CheckpointOutcome,
        scheduler: &CheckpointScheduler,
        bytes: u64,
        now: Timestamp,
    ) {
        match &outcome.result {
            Ok(written) => {
                self.metrics.checkpoints.written.inc();
                self.metrics.checkpoints.written_bytes.inc_by(written.bytes + written.days_bytes);
                self.metrics.checkpoints.duration.set(scheduler.last_duration().as_secs_f64());
                self.saved(bytes);
                self.metrics.checkpoints.hold.set(scheduler.longest_hold().as_secs_f64());
                self.metrics.checkpoints.last_success.set(&[], now);
            }
            Err(error) => self.metrics.checkpoints.failures.with_label_values(&[error.reason.name()]).inc(),
        }
    }

    /// Size of the newest checkpoints on disk, in bytes.
    pub(super) fn saved(&self, bytes: u64) {
        self.metrics.checkpoints.size.set(bytes as f64);
    }

    /// Age of the oldest record that no checkpoint covers.
    pub(super) fn unsaved(&self, age: Duration) {
        self.metrics.checkpoints.age.set(age.as_secs_f64());
    }

    /// Number of keys of the sample that are in more than one partition.
    pub(super) fn misplaced_keys(&self, audit: &KeyingAudit) {
        for stream in Stream::ALL {
            self.metrics.state.misplaced_keys.with_label_values(&[stream.name()]).set(audit.misplaced(stream) as i64);
        }
    }

    pub(super) fn refetched(&self) {
        self.metrics.kafka.refetches.inc();
    }

    /// Updates everything that changes with a publication.
    pub(super) fn published<'a>(
        &mut self,
        snapshot: &Snapshot,
        states: impl Iterator<Item = &'a PartitionState>,
        dead_letters: DeadLetterCounts,
        waiting_messages: usize,
    ) {
        self.delays.iter_mut().chain(self.processing.iter_mut()).for_each(|(_, histogram)| histogram.flush());
        self.queue.set(waiting_messages as i64);
        raise(&self.metrics.dead_letters.acknowledged, dead_letters.acknowledged);
        raise(&self.metrics.dead_letters.failed, dead_letters.failed);
        for (labels, status) in self.partitions.iter().zip(&snapshot.partitions) {
            self.metrics
                .kafka
                .partition_stalled
                .with_label_values(&[&labels.topic, &labels.partition])
                .set(status.stalled.into());
            if let Some(lag) = status.lag {
                self.metrics.kafka.consumer_lag.with_label_values(&[&labels.topic, &labels.partition]).set(lag);
            }
        }
        let mut keys = KeyCounts::default();
        let mut unlisted = [0; LabelKind::ALL.len()];
        for state in states {
            keys = keys + state.keys();
            unlisted.iter_mut().zip(state.unlisted().counts()).for_each(|(sum, count)| *sum += count);
        }
        for (aggregate, count) in keys.by_name() {
            self.metrics.state.keys.with_label_values(&[aggregate]).set(count as i64);
        }
        for ((_, label), count) in LabelKind::ALL.into_iter().zip(unlisted) {
            raise(&self.metrics.state.unlisted_labels.with_label_values(&[label]), count);
        }
    }
}

/// Kind and number of the errors in an event of the client.
fn errors(event: &ClientEvent) -> Option<(&'static str, u64)> {
    Some(match event {
        ClientEvent::Errors { denied: true, count, .. } => ("denied", *count),
        ClientEvent::Errors { count, .. } => ("connection", *count),
        ClientEvent::Interrupted { .. } => ("partition", 1),
        ClientEvent::OutOfRange { .. } => ("out_of_range", 1),
        ClientEvent::Repeated { count } => ("repeated", *count),
        ClientEvent::Fatal { .. } => ("fatal", 1),
        ClientEvent::Committed | ClientEvent::CommitFailed { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::errors;
    use crate::checkpoint::{Damage, WriteReason};
    use crate::pipeline::restore::StateSource;
    use crate::record::PartitionIndex;
    use crate::source::ClientEvent;
    use crate::telemetry::process;
    use rdkafka::error::RDKafkaErrorCode;

    #[test]
    fn label_values_are_those_registered_at_the_start() {
        assert_eq!(StateSource::ALL.map(StateSource::name), process::RESTORE_SOURCES);
        assert_eq!(WriteReason::ALL.map(WriteReason::name), process::CHECKPOINT_FAILURES);
        assert_eq!(Damage::KINDS, process::CHECKPOINT_DAMAGE);
    }

    #[test]
    fn every_kind_of_kafka_error_is_counted_from_zero() {
        let (index, reason, code) = (PartitionIndex::new(0), String::new(), RDKafkaErrorCode::Fail);
        let error = |denied| ClientEvent::Errors { code, reason: reason.clone(), count: 1, denied };
        let interrupted = ClientEvent::Interrupted {
            index,
            offset: 0,
            next_offset: 0,
            code,
            reason: reason.clone(),
            denied: false,
            unreadable: false,
        };
        let events = [
            error(true),
            error(false),
            interrupted,
            ClientEvent::OutOfRange { index, next_offset: 0, reason: reason.clone() },
            ClientEvent::Repeated { count: 1 },
            ClientEvent::Fatal { reason: reason.clone() },
        ];
        let kinds = events.each_ref().map(|event| errors(event).expect("it is an error").0);
        assert_eq!(kinds, process::KAFKA_ERROR_KINDS);
    }
}
