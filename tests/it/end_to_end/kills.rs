//! `kill -9` at every named place and at random instants, under load: after each the figures are the ledger's, and no counter has gone down.
//!
//! `KILL_ROUNDS` sets how often each place is died at (4; `scripts/kills` runs 50).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pacemeter::clock::{Clock, DAY};
use pacemeter::oracle::{Horizons, OracleRules};
use pacemeter::simulate::{FaultRates, LiveOptions, LiveProgramme, PartitionCounts};
use pacemeter::telemetry::catalogue::{MetricKind, business};

use tempfile::TempDir;

use super::figures::line;
use super::story::Line;
use super::world::World;
use crate::exposition::Series;
use crate::kafka::Kafka;
use crate::program::{LIMIT, Pacemeter};

/// The places, in the order in which a process passes them, and up to how many passes are let by.
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

/// Every business counter at the highest value that a scrape ever showed.
#[derive(Default)]
pub struct Counters(BTreeMap<Series, f64>);

impl Counters {
    /// Takes a scrape, if the figures are there.
    pub fn look(&mut self, pacemeter: &Pacemeter) {
        let scrape = pacemeter.scrape();
        for family in business::ALL.iter().filter(|family| family.kind != MetricKind::Gauge) {
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

/// Lets the program run until it dies at its failpoint (`place:pass`), with `load` written meanwhile.
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

/// The log that is written bit by bit, and the process that dies again and again.
struct Story<'a> {
    world: World<'a>,
    lines: std::vec::IntoIter<Line>,
    state: TempDir,
    counters: Counters,
    random: fastrand::Rng,
}

impl Story<'_> {
    fn settings(&self) -> Vec<String> {
        let mut settings = self.world.settings();
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

    fn write(&mut self, lines: usize) {
        let lines = self.lines.by_ref().take(lines).collect();
        self.world.write(lines);
    }

    /// Runs until it dies at a place.
    fn die_at(&mut self, place: &str, pass: u64) {
        let failpoint = format!("{place}:{pass}");
        let pacemeter = Pacemeter::start_with(&self.state, &self.settings(), &[("FAILPOINT", &failpoint)]);
        // A day closes once a later one begins.
        let lines = if place == "checkpoint.days_renamed" { 100 } else { 10 };
        await_death(pacemeter, &failpoint, || self.write(lines));
    }

    /// Starts it again, compares every figure, and kills it somewhere in the work that follows.
    fn recover(&mut self) {
        let mut pacemeter = Pacemeter::start(&self.state, &self.settings());
        pacemeter.wait_ready();
        self.world.wait_complete(&mut pacemeter);
        self.world.assert_figures(&pacemeter);
        self.counters.look(&pacemeter);
        let lines = self.random.usize(0..12);
        self.write(lines);
        std::thread::sleep(Duration::from_millis(self.random.u64(0..60)));
        self.counters.look(&pacemeter);
        pacemeter.kill();
    }
}

#[test]
fn a_process_that_is_killed_anywhere_goes_on_with_every_figure_exact() {
    let rounds: u64 = std::env::var("KILL_ROUNDS").map_or(4, |rounds| rounds.parse().expect("a number"));
    let seed = fastrand::u64(..);
    println!("seed {seed}, {rounds} rounds of {} places", FAILPOINTS.len());
    let kafka = Kafka::reserve();
    kafka.start();
    let now = Clock::wall().now();
    for round in 0..rounds {
        // Short horizons, so that days are closed.
        let usual = LiveOptions::of(seed ^ round, 0.004, PartitionCounts::each(PARTITIONS), now - 40 * DAY);
        let horizons = Horizons { call: DAY, milestone: DAY, ..usual.horizons };
        let mut live = LiveProgramme::new(LiveOptions { faults: FaultRates::HOSTILE, horizons, ..usual });
        let lines: Vec<Line> = live.advance_to(now).into_iter().map(line).collect();
        let state = tempfile::tempdir().expect("a temporary directory");
        let world = World::with_rules(&kafka, PARTITIONS, OracleRules { horizons, ..OracleRules::default() });
        let random = fastrand::Rng::with_seed(seed ^ round);
        let mut story = Story { world, lines: lines.into_iter(), state, counters: Counters::default(), random };
        story.write(400);
        for (place, passes) in FAILPOINTS {
            let pass = story.random.u64(1..=passes);
            story.die_at(place, pass);
            story.recover();
            story.write(100);
        }
        let mut pacemeter = Pacemeter::start(&story.state, &story.settings());
        pacemeter.wait_ready();
        let restores = |source: &str| {
            pacemeter.scrape().value("pacemeter_restores_total", &[("source", source)]).unwrap_or_default()
        };
        assert!(
            restores("newest") >= 4.0 && restores("older") + restores("rebuild") == 0.0,
            "partitions go on from their newest checkpoints"
        );
        assert_eq!(pacemeter.stop().code, Some(0));
    }
}
