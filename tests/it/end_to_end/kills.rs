//! `kill -9` at every failpoint and at random instants, under load. After each the figures equal the oracle's, and no
//! counter has gone down.
//!
//! `KILL_ROUNDS` is the number of kills at each failpoint (4; `scripts/kills` makes 50).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pacemeter::clock::{Clock, DAY};
use pacemeter::oracle::{Horizons, OracleRules};
use pacemeter::simulate::{FaultRates, LiveOptions, LiveProgramme, PartitionCounts};
use pacemeter::telemetry::catalogue::{self, MetricKind};

use tempfile::TempDir;

use super::figures::test_record;
use super::handwritten::TestRecord;
use super::test_log::TestLog;
use crate::exposition::Series;
use crate::kafka::Kafka;
use crate::program::{LIMIT, Pacemeter};

/// Failpoints in the order in which a process passes them, with the maximum number of the pass that is chosen.
pub const FAILPOINTS: [(&str, u64); 14] = [
    ("restore.done", 1),
    ("batch.applied", 9),
    ("saving.begun", 7),
    ("checkpoint.created", 7),
    ("checkpoint.chunk_written", 7),
    ("saving.copied", 7),
    ("checkpoint.days_renamed", 1),
    ("checkpoint.before_sync", 7),
    ("checkpoint.synced", 7),
    ("checkpoint.renamed", 7),
    ("checkpoint.directory_synced", 7),
    ("checkpoint.pruned_one", 4),
    ("shutdown.drained", 1),
    ("shutdown.saved", 1),
];

const PARTITIONS: i32 = 2;

/// Highest value of every business counter that a scrape showed.
#[derive(Default)]
pub struct Counters(BTreeMap<Series, f64>);

impl Counters {
    /// Scrapes, and asserts that no counter went down.
    pub fn observe(&mut self, pacemeter: &Pacemeter) {
        let scrape = pacemeter.scrape();
        for family in catalogue::all().filter(|family| family.business && family.kind != MetricKind::Gauge) {
            let names = match family.kind {
                MetricKind::Histogram => vec![format!("{}_count", family.name), format!("{}_sum", family.name)],
                _ => vec![family.name.to_owned()],
            };
            for (series, value) in names.iter().flat_map(|name| scrape.all(name)) {
                let highest = self.0.entry(series.clone()).or_insert(value);
                assert!(value >= *highest, "{series} went down from {highest} to {value}");
                *highest = value;
            }
        }
    }
}

/// Runs the program until it dies at its failpoint (`place:pass`); `load` is called meanwhile.
pub fn await_death(mut pacemeter: Pacemeter, failpoint: &str, mut load: impl FnMut()) {
    let started = Instant::now();
    let mut asked_to_end = false;
    while !pacemeter.has_ended() {
        assert!(
            started.elapsed() < LIMIT,
            "{failpoint} was not passed within {LIMIT:?}; the log:\n{}",
            pacemeter.log()
        );
        load();
        if failpoint.starts_with("shutdown") && !asked_to_end && started.elapsed() > Duration::from_millis(700) {
            pacemeter.signal(libc::SIGTERM);
            asked_to_end = true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let ended = pacemeter.ended(started);
    assert_eq!(ended.code, None, "{failpoint}: it was killed by a signal; the log:\n{}", ended.stderr);
}

/// A log that is written bit by bit, and a process that is killed again and again.
struct KillTest<'a> {
    test_log: TestLog<'a>,
    records: std::vec::IntoIter<TestRecord>,
    state: TempDir,
    counters: Counters,
    random: fastrand::Rng,
}

impl KillTest<'_> {
    fn settings(&self) -> Vec<String> {
        let mut settings = self.test_log.settings();
        let more = [
            "streams.call.horizon=1d",
            "streams.milestone.horizon=1d",
            "state.fine_history=1d",
            "checkpoint.max_interval=20ms",
            "kafka.end_offset_interval=100ms",
            "pipeline.publish_interval=50ms",
            "kafka.batch_records=40",
        ];
        settings.extend(more.map(str::to_owned));
        settings
    }

    fn write(&mut self, records: usize) {
        let records = self.records.by_ref().take(records).collect();
        self.test_log.write(records);
    }

    /// Runs the process until it dies at a failpoint.
    fn die_at(&mut self, place: &str, pass: u64) {
        let failpoint = format!("{place}:{pass}");
        let pacemeter =
            Pacemeter::start_with(&self.state, &self.settings(), &[("PACEMETER_TEST_FAILPOINT", &failpoint)]);
        // A day is closed once a later one begins.
        let records = if place == "checkpoint.days_renamed" { 100 } else { 10 };
        await_death(pacemeter, &failpoint, || self.write(records));
    }

    /// Restarts the process, compares every figure, and kills it at a random instant of its further work.
    fn recover(&mut self) {
        let mut pacemeter = Pacemeter::start(&self.state, &self.settings());
        pacemeter.wait_ready();
        self.test_log.wait_complete(&mut pacemeter);
        self.test_log.assert_figures(&pacemeter);
        self.counters.observe(&pacemeter);
        let records = self.random.usize(0..12);
        self.write(records);
        std::thread::sleep(Duration::from_millis(self.random.u64(0..60)));
        self.counters.observe(&pacemeter);
        pacemeter.kill();
    }
}

#[test]
fn a_process_killed_anywhere_resumes_with_exact_figures() {
    let rounds: u64 = std::env::var("KILL_ROUNDS").map_or(4, |rounds| rounds.parse().expect("a number"));
    let seed = fastrand::u64(..);
    println!("seed {seed}, {rounds} rounds of {} failpoints", FAILPOINTS.len());
    let kafka = Kafka::reserve();
    kafka.start();
    let now = Clock::wall().now();
    for round in 0..rounds {
        // Short horizons, so that days are closed.
        let usual = LiveOptions::of(seed ^ round, 0.004, PartitionCounts::each(PARTITIONS), now - 40 * DAY);
        let horizons = Horizons { call: DAY, milestone: DAY, ..usual.horizons };
        let mut live = LiveProgramme::new(LiveOptions { faults: FaultRates::HOSTILE, horizons, ..usual });
        let records: Vec<TestRecord> = live.advance_to(now).into_iter().map(test_record).collect();
        let state = tempfile::tempdir().expect("a temporary directory");
        let test_log = TestLog::with_rules(&kafka, PARTITIONS, OracleRules { horizons, ..OracleRules::default() });
        let random = fastrand::Rng::with_seed(seed ^ round);
        let mut test =
            KillTest { test_log, records: records.into_iter(), state, counters: Counters::default(), random };
        test.write(400);
        for (place, passes) in FAILPOINTS {
            let pass = test.random.u64(1..=passes);
            test.die_at(place, pass);
            test.recover();
            test.write(100);
        }
        let mut pacemeter = Pacemeter::start(&test.state, &test.settings());
        pacemeter.wait_ready();
        let restores = |source: &str| {
            pacemeter.scrape().value("pacemeter_restores_total", &[("source", source)]).unwrap_or_default()
        };
        assert!(
            restores("newest") >= 4.0 && restores("older") + restores("rebuild") == 0.0,
            "partitions resume from their newest checkpoints"
        );
        assert_eq!(pacemeter.stop().code, Some(0));
    }
}
