//! Metrics of the process in groups, one per stage.

use std::time::Duration;

use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::{
    AGGREGATES, CHECKPOINT_DAMAGE, CHECKPOINT_FAILURES, HTTP_STATUSES, KAFKA_ERROR_KINDS, MetricBuilder,
    RESTORE_SOURCES, TimestampGauge, UNAUTHORIZED_REASONS,
};
use crate::clock::Timestamp;
use crate::record::Stream;
use crate::telemetry::catalogue::{business, own};
use crate::telemetry::histogram::Histograms;

/// Metrics of the Kafka client and the partitions it reads.
pub struct KafkaMetrics {
    /// Records received, by topic.
    pub records: IntCounterVec,
    /// Size of their keys and values, by topic (bytes).
    pub bytes: IntCounterVec,
    /// Lag by topic and partition (records).
    pub consumer_lag: IntGaugeVec,
    /// Number of partitions read, by topic.
    pub assigned_partitions: IntGaugeVec,
    /// Errors by kind, of which there are few.
    pub errors: IntCounterVec,
    /// Offset commits requested.
    pub commits: IntCounter,
    /// Offset commits failed.
    pub commit_failures: IntCounter,
    /// Time of the last offset commit.
    pub last_commit: TimestampGauge,
    /// 1 for a topic whose retention is shorter than the horizon, else 0.
    pub retention_shorter_than_horizon: IntGaugeVec,
    /// Partitions fetched again after a stall.
    pub refetches: IntCounter,
    /// 1 for a stalled partition, else 0; by topic and partition.
    pub partition_stalled: IntGaugeVec,
}

impl KafkaMetrics {
    pub(super) fn new(builder: &MetricBuilder<'_>, topics: &[String]) -> Self {
        let topics = || topics.iter().map(String::as_str);
        Self {
            records: builder.counters(&own::KAFKA_RECORDS, topics()),
            bytes: builder.counters(&own::KAFKA_BYTES, topics()),
            consumer_lag: builder.gauges(&own::KAFKA_CONSUMER_LAG, []),
            assigned_partitions: builder.gauges(&own::KAFKA_ASSIGNED_PARTITIONS, topics()),
            errors: builder.counters(&own::KAFKA_ERRORS, KAFKA_ERROR_KINDS),
            commits: builder.counter(&own::KAFKA_COMMITS),
            commit_failures: builder.counter(&own::KAFKA_COMMIT_FAILURES),
            last_commit: builder.timestamp(&own::KAFKA_LAST_COMMIT),
            retention_shorter_than_horizon: builder.gauges(&own::KAFKA_RETENTION_SHORTER_THAN_HORIZON, []),
            refetches: builder.counter(&own::KAFKA_REFETCHES),
            partition_stalled: builder.gauges(&own::PARTITION_STALLED, []),
        }
    }
}

/// Metrics of the queues between stages.
pub struct QueueMetrics {
    length: IntGaugeVec,
    capacity: IntGaugeVec,
}

impl QueueMetrics {
    pub(super) fn new(builder: &MetricBuilder<'_>) -> Self {
        Self { length: builder.gauges(&own::QUEUE_LENGTH, []), capacity: builder.gauges(&own::QUEUE_CAPACITY, []) }
    }

    /// Sets the capacity of the queue `name` and returns the gauge of its length.
    pub fn register(&self, name: &str, capacity: usize) -> IntGauge {
        self.capacity.with_label_values(&[name]).set(i64::try_from(capacity).unwrap_or(i64::MAX));
        self.length.with_label_values(&[name])
    }
}

/// Metrics of the records on their way into the state.
pub struct RecordMetrics {
    /// Delay from an event's time until it was applied, by stream.
    pub delay: Histograms,
    /// Time from a record's receipt until it was applied, by stream.
    pub processing: Histograms,
    /// Time at which a record was last processed, by stream.
    pub last_processed: TimestampGauge,
}

impl RecordMetrics {
    pub(super) fn new(builder: &MetricBuilder<'_>) -> Self {
        let streams = || Stream::ALL.map(Stream::name);
        Self {
            delay: builder.register(Histograms::new(&own::EVENT_DELAY, streams())),
            processing: builder.register(Histograms::new(&own::EVENT_PROCESSING, streams())),
            last_processed: builder.timestamp(&own::LAST_PROCESSED),
        }
    }
}

/// Metrics of the state in memory.
pub struct StateMetrics {
    /// Keys in memory, by aggregate (one of [`AGGREGATES`]).
    pub keys: IntGaugeVec,
    /// Values outside the allowlist, by label; a total to [`raise`](super::raise).
    pub unlisted_labels: IntCounterVec,
    /// Keys of the sample that are in more than one partition, by stream.
    pub misplaced_keys: IntGaugeVec,
}

impl StateMetrics {
    pub(super) fn new(builder: &MetricBuilder<'_>, labels: &[&str]) -> Self {
        Self {
            keys: builder.gauges(&own::AGGREGATE_KEYS, AGGREGATES),
            unlisted_labels: builder.counters(&own::UNLISTED_LABELS, labels.iter().copied()),
            misplaced_keys: builder.gauges(&own::MISPLACED_KEYS, Stream::ALL.map(Stream::name)),
        }
    }
}

/// Metrics of checkpoints.
pub struct CheckpointMetrics {
    /// Checkpoints written.
    pub written: IntCounter,
    /// Bytes written to them.
    pub written_bytes: IntCounter,
    /// Failed checkpoints, by reason (one of [`CHECKPOINT_FAILURES`]).
    pub failures: IntCounterVec,
    /// Age of the oldest unsaved record (seconds).
    pub age: Gauge,
    /// Time of the last checkpoint.
    pub last_success: TimestampGauge,
    /// Duration of the last checkpoint (seconds).
    pub duration: Gauge,
    /// Longest pause in applying records during the last round (seconds).
    pub hold: Gauge,
    /// Size of the newest checkpoints of all partitions (bytes).
    pub size: Gauge,
    /// Checkpoints found damaged at start, by reason (one of [`CHECKPOINT_DAMAGE`]).
    pub damaged: IntCounterVec,
    /// Unfinished files found at start.
    pub incomplete: IntCounter,
}

impl CheckpointMetrics {
    pub(super) fn new(builder: &MetricBuilder<'_>) -> Self {
        Self {
            written: builder.counter(&own::CHECKPOINTS),
            written_bytes: builder.counter(&own::CHECKPOINT_WRITTEN_BYTES),
            failures: builder.counters(&own::CHECKPOINT_FAILURES, CHECKPOINT_FAILURES),
            age: builder.gauge(&own::CHECKPOINT_AGE),
            last_success: builder.timestamp(&own::CHECKPOINT_LAST_SUCCESS),
            duration: builder.gauge(&own::CHECKPOINT_DURATION),
            hold: builder.gauge(&own::CHECKPOINT_HOLD),
            size: builder.gauge(&own::CHECKPOINT_SIZE),
            damaged: builder.counters(&own::CHECKPOINTS_DAMAGED, CHECKPOINT_DAMAGE),
            incomplete: builder.counter(&own::CHECKPOINTS_INCOMPLETE),
        }
    }
}

/// Metrics of the restore at start and the replay after it.
pub struct RestoreMetrics {
    /// Partitions restored, by source of their state (one of [`RESTORE_SOURCES`]).
    pub partitions: IntCounterVec,
    /// Duration of reading the checkpoints (seconds).
    pub duration: Gauge,
    /// Share of the states that is restored, from 0 to 1.
    pub progress: Gauge,
    /// Number of records replayed.
    pub replayed_records: Gauge,
    /// Duration of the replay (seconds).
    pub replay_duration: Gauge,
}

impl RestoreMetrics {
    pub(super) fn new(builder: &MetricBuilder<'_>) -> Self {
        Self {
            partitions: builder.counters(&own::RESTORES, RESTORE_SOURCES),
            duration: builder.gauge(&own::RESTORE_DURATION),
            progress: builder.gauge(&own::RESTORE_PROGRESS),
            replayed_records: builder.gauge(&own::RESTORE_REPLAYED),
            replay_duration: builder.gauge(&own::RESTORE_REPLAY_DURATION),
        }
    }
}

/// Metrics of the dead-letter topic.
pub struct DeadLetterMetrics {
    /// Dead letters acknowledged by the broker.
    pub acknowledged: IntCounter,
    /// Dead letters that could not be written.
    pub failed: IntCounter,
}

impl DeadLetterMetrics {
    pub(super) fn new(builder: &MetricBuilder<'_>) -> Self {
        let records = builder.counters(&own::DEAD_LETTER_RECORDS, []);
        Self {
            acknowledged: records.with_label_values(&["acknowledged"]),
            failed: records.with_label_values(&["failed"]),
        }
    }
}

/// Metrics of the stored cuts.
pub struct CutMetrics {
    lost: Gauge,
}

impl CutMetrics {
    pub(super) fn new(builder: &MetricBuilder<'_>) -> Self {
        Self { lost: builder.gauge(&own::CUTS_LOST) }
    }

    /// Sets the number of cuts that are damaged or missing.
    pub fn set_lost(&self, cuts: usize) {
        self.lost.set(cuts as f64);
    }
}

/// Metrics of the files of targets and calendars.
pub struct TargetMetrics {
    last_reload_successful: Gauge,
    last_reload_success: TimestampGauge,
}

impl TargetMetrics {
    pub(super) fn new(builder: &MetricBuilder<'_>) -> Self {
        Self {
            last_reload_successful: builder.gauge(&own::CONFIG_LAST_RELOAD_SUCCESSFUL),
            last_reload_success: builder.timestamp(&own::CONFIG_LAST_RELOAD_SUCCESS),
        }
    }

    /// Records a successful reload at `now`.
    pub fn reloaded(&self, now: Timestamp) {
        self.last_reload_successful.set(1.0);
        self.last_reload_success.set(&[], now);
    }

    /// Records a reload that was refused because of faults in the files.
    pub fn reload_refused(&self) {
        self.last_reload_successful.set(0.0);
    }
}

/// Metrics of the HTTP server.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    /// Connections refused because too many were open.
    pub refused: IntCounter,
    /// Connections closed to make room for others.
    pub evicted: IntCounter,
    /// Connections closed because no request arrived in time.
    pub timed_out: IntCounter,
    /// Connections reset because the client did not take its answer in time.
    pub aborted: IntCounter,
    /// TLS handshakes that failed.
    pub handshakes_failed: IntCounter,
    /// Requests without access by reason, one of [`UNAUTHORIZED_REASONS`].
    unauthorized: IntCounterVec,
    /// Success of the last reading of the web configuration.
    web_config_successful: Gauge,
    /// End of the validity of the server certificate.
    certificate_not_after: TimestampGauge,
    /// Responses by status, one of [`HTTP_STATUSES`].
    responses: IntCounterVec,
}

impl HttpMetrics {
    pub(super) fn new(builder: &MetricBuilder<'_>) -> Self {
        Self {
            refused: builder.counter(&own::HTTP_CONNECTIONS_REFUSED),
            evicted: builder.counter(&own::HTTP_CONNECTIONS_EVICTED),
            timed_out: builder.counter(&own::HTTP_CONNECTIONS_TIMED_OUT),
            aborted: builder.counter(&own::HTTP_CONNECTIONS_ABORTED),
            handshakes_failed: builder.counter(&own::HTTP_HANDSHAKES_FAILED),
            unauthorized: builder.counters(&own::HTTP_UNAUTHORIZED, UNAUTHORIZED_REASONS),
            web_config_successful: builder.gauge(&own::HTTP_WEB_CONFIG_SUCCESSFUL),
            certificate_not_after: builder.timestamp(&own::HTTP_CERTIFICATE_NOT_AFTER),
            responses: builder.counters(&own::HTTP_RESPONSES, HTTP_STATUSES),
        }
    }

    /// Counts a request without access, for one of [`UNAUTHORIZED_REASONS`].
    pub fn unauthorized(&self, reason: &str) {
        self.unauthorized.with_label_values(&[reason]).inc();
    }

    /// Notes that a web configuration is in force, with the end of its certificate's validity.
    pub fn web_config_loaded(&self, not_after: Option<Timestamp>) {
        self.web_config_successful.set(1.0);
        match not_after {
            Some(time) => self.certificate_not_after.set(&[], time),
            None => self.certificate_not_after.clear(),
        }
    }

    /// Notes that a changed web configuration is refused.
    pub fn web_config_refused(&self) {
        self.web_config_successful.set(0.0);
    }

    /// Counts a response.
    pub fn responded(&self, status: u16) {
        let status = status.to_string();
        let known = HTTP_STATUSES.into_iter().find(|known| *known == status).unwrap_or("other");
        self.responses.with_label_values(&[known]).inc();
    }

    /// Returns the number of responses with a status of [`HTTP_STATUSES`].
    #[cfg(test)]
    pub(crate) fn responses(&self, status: &str) -> u64 {
        self.responses.with_label_values(&[status]).get()
    }
}

/// Metrics of the exposition itself.
pub struct ExpositionMetrics {
    duration: GaugeVec,
    series_dropped: IntCounterVec,
}

impl ExpositionMetrics {
    pub(super) fn new(builder: &MetricBuilder<'_>) -> Self {
        let labelled = business::ALL.iter().filter(|family| !family.labels.is_empty()).map(|family| family.name);
        Self {
            duration: builder.absent_gauge(&own::SCRAPE_DURATION),
            series_dropped: builder.counters(&own::SERIES_DROPPED, labelled),
        }
    }

    /// Records the duration of a rendering.
    pub fn rendered(&self, duration: Duration) {
        self.duration.with_label_values::<&str>(&[]).set(duration.as_secs_f64());
    }

    /// Counts series of a family that a rendering omitted.
    pub fn series_dropped(&self, family: &str, series: u64) {
        self.series_dropped.with_label_values(&[family]).inc_by(series);
    }
}
