use crate::clock::Timestamp;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::*;
use crate::telemetry::catalogue::{self, own};
use crate::telemetry::log::Settings;

fn log() -> Arc<LogCounters> {
    Arc::new(LogCounters::new(&Settings::OF_TESTS))
}

fn metrics() -> Metrics {
    Metrics::new(&["payments".to_owned(), "calls".to_owned()], &["programme", "queue"], log())
}

fn libraries() -> LinkedLibraries {
    let [librdkafka, openssl, zstd, zlib, lz4] = ["2.1", "3.1", "1.5", "1.3", "5.1"].map(str::to_owned);
    LinkedLibraries { librdkafka, openssl, zstd, zlib, lz4 }
}

fn text(metrics: &Metrics) -> String {
    let mut text = String::new();
    metrics.write(&mut text);
    text
}

/// Returns the value of a series.
fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = text(metrics);
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

fn names(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

#[test]
fn known_series_start_at_zero_and_unknown_are_absent() {
    let metrics = metrics();
    for series in [
        "pacemeter_kafka_records_total{topic=\"payments\"}",
        "pacemeter_kafka_commits_total",
        "pacemeter_http_connections_refused_total",
        "pacemeter_http_connections_aborted_total",
        "pacemeter_dead_letter_records_total{result=\"failed\"}",
        "pacemeter_aggregate_keys{aggregate=\"people\"}",
        "pacemeter_unlisted_labels_total{label=\"queue\"}",
        "pacemeter_series_dropped_total{metric=\"pacemeter_agents\"}",
        "pacemeter_event_delay_seconds_count{stream=\"milestone\"}",
        "pacemeter_log_messages_total{level=\"error\"}",
        "pacemeter_log_dropped_total",
    ] {
        assert_eq!(value(&metrics, series), Some(0.0), "{series}");
    }
    let text = text(&metrics);
    for family in
        [own::KAFKA_LAST_COMMIT, own::LAST_PROCESSED, own::SCRAPE_DURATION, own::KAFKA_RETENTION_SHORTER_THAN_HORIZON]
    {
        assert!(!text.contains(family.name), "{} is not known yet", family.name);
    }
}

#[test]
fn the_build_info_names_each_library_with_its_version() {
    let metrics = metrics();
    metrics.add_build_info(&libraries());
    let labels = format!(
        "librdkafka=\"2.1\",lz4=\"5.1\",openssl=\"3.1\",revision=\"{REVISION}\",version=\"{}\",zlib=\"1.3\",zstd=\"1.5\"",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(value(&metrics, &format!("pacemeter_build_info{{{labels}}}")), Some(1.0));
    // Each label after the first two is the library of that name.
    assert_eq!(own::BUILD_INFO.labels[2..], libraries().versions().map(|(name, _)| name));
}

#[test]
fn every_family_of_the_process_is_exposed() {
    let log = log();
    let metrics = Metrics::new(&[], &[], log.clone());
    metrics.add_build_info(&libraries());
    metrics.kafka.records.with_label_values(&["calls"]).inc_by(2_000);
    metrics.kafka.bytes.with_label_values(&["calls"]).inc_by(640_000);
    metrics.kafka.assigned_partitions.with_label_values(&["calls"]).set(6);
    metrics.state.unlisted_labels.with_label_values(&["queue"]).inc();
    metrics.kafka.consumer_lag.with_label_values(&["calls", "3"]).set(12);
    metrics.kafka.errors.with_label_values(&["transport"]).inc_by(2);
    metrics.kafka.retention_shorter_than_horizon.with_label_values(&["calls"]).set(1);
    metrics.kafka.last_commit.set(&[], Timestamp::from_millis(1_795_284_000_123));
    metrics.kafka.partition_stalled.with_label_values(&["calls", "3"]).set(0);
    metrics.checkpoints.last_success.set(&[], Timestamp::from_millis(1_795_284_000_000));
    metrics.records.last_processed.set(&["call"], Timestamp::from_millis(1_795_284_000_000));
    metrics.queues.register("batches", 8).set(3);
    metrics.exposition.rendered(Duration::from_micros(1_500));
    metrics.targets.reloaded(Timestamp::from_millis(1_795_284_000_000));
    metrics.targets.reload_refused();
    metrics.http.web_config_loaded(Some(Timestamp::from_millis(1_798_761_600_000)));
    (0..3).for_each(|_| drop(log.admit("pacemeter.test", Timestamp::EPOCH)));
    let text = text(&metrics);
    // `export` writes these.
    let exported = [
        own::READY.name,
        own::COMPLETE_UNTIL.name,
        own::TIME.name,
        own::CALENDAR_OPEN.name,
        own::TARGET_STATUS.name,
        own::CALENDAR_COVERED_UNTIL.name,
    ];
    let expected =
        own::ALL.iter().map(|family| family.name).filter(|name| !exported.contains(name)).collect::<BTreeSet<_>>();
    assert_eq!(names(&text), expected);
    for name in names(&text) {
        let family = catalogue::find(name).unwrap();
        assert!(
            text.contains(&format!("# HELP {name} {}\n# TYPE {name} {}\n", family.help, family.kind.name())),
            "{name}"
        );
    }
    assert_eq!(value(&metrics, "pacemeter_kafka_last_commit_timestamp_seconds"), Some(1_795_284_000.123));
    assert_eq!(value(&metrics, "pacemeter_kafka_consumer_lag_records{partition=\"3\",topic=\"calls\"}"), Some(12.0));
    assert_eq!(value(&metrics, "pacemeter_queue_capacity{queue=\"batches\"}"), Some(8.0));
    assert_eq!(value(&metrics, "pacemeter_scrape_duration_seconds"), Some(0.0015));
    assert_eq!(value(&metrics, "pacemeter_config_last_reload_successful"), Some(0.0));
    assert_eq!(value(&metrics, "pacemeter_config_last_reload_success_timestamp_seconds"), Some(1_795_284_000.0));
    assert_eq!(value(&metrics, "pacemeter_log_suppressed_total{event=\"pacemeter.test\"}"), Some(2.0));
}

#[test]
fn cpu_time_is_not_rounded_to_seconds() {
    let metrics = metrics();
    let used = || value(&metrics, "process_cpu_seconds_total").unwrap();
    let (before, started) = (used(), Instant::now());
    while used() - before < 0.02 {
        assert!(started.elapsed() < Duration::from_secs(60), "no CPU time is counted");
    }
    assert!(used() - before < 0.9, "it moves in steps of a clock tick");
}

#[test]
fn the_kernel_reports_the_resources_of_the_process() {
    let metrics = metrics();
    let text = text(&metrics);
    let seven = names(&text).into_iter().filter(|name| name.starts_with("process_")).count();
    assert_eq!(seven, 7);
    assert!(value(&metrics, "process_resident_memory_bytes").unwrap() > 1e6);
    assert!(value(&metrics, "process_start_time_seconds").unwrap() > 1.5e9);
    assert!(value(&metrics, "process_open_fds").unwrap() <= value(&metrics, "process_max_fds").unwrap());
}

#[test]
fn a_counter_follows_a_total_and_never_falls() {
    let metrics = metrics();
    [5, 7, 7, 3, 8].into_iter().for_each(|total| raise(&metrics.dead_letters.failed, total));
    assert_eq!(metrics.dead_letters.failed.get(), 8);
}
