//! The soak test: the built program under a steady load on a real Kafka, with one fault after another. `scripts/soak`
//! runs it.
//!
//! More than a year of a programme is replayed in half an hour, so that days close and state is forgotten all the time.
//! The first two thirds have every fault. The last third has only faults that the process survives, and its memory is
//! measured.
//!
//! The load pauses while figures are compared, as the oracle reads the whole log each time.

mod faults;
mod report;

use std::time::{Duration, Instant};

use pacemeter::clock::{Clock, DAY, HOUR, Timestamp};
use pacemeter::oracle::{Horizons, OracleRules};
use pacemeter::record::{Outcome, Stream};
use pacemeter::simulate::{FaultRates, LiveOptions, LiveProgramme, PartitionCounts};
use tempfile::TempDir;

use crate::end_to_end::figures::test_record;
use crate::end_to_end::handwritten::TestRecord;
use crate::end_to_end::kills::Counters;
use crate::end_to_end::test_log::TestLog;
use crate::kafka::Kafka;
use crate::program::Pacemeter;
use faults::{Fault, plan};
use report::{Report, Sample};

const PARTITIONS: i32 = 2;

/// Share of the run that may be spent on comparing every figure.
const COMPARING_SHARE: f64 = 0.15;

/// Duration of a simulated day.
const SECONDS_A_DAY: f64 = 4.0;

/// Least time between two writes of the load, as each creates its own producers.
const TICK: Duration = Duration::from_millis(250);

struct Options {
    minutes: f64,
    faults: usize,
    rate: f64,
    seed: u64,
}

impl Options {
    fn of_environment() -> Self {
        let number =
            |name: &str, default: f64| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
        let seed = std::env::var("PACEMETER_SOAK_SEED")
            .map_or_else(|_| fastrand::u64(..), |text| text.parse().expect("a number"));
        Self {
            minutes: number("PACEMETER_SOAK_MINUTES", 30.0),
            faults: number("PACEMETER_SOAK_FAULTS", 200.0) as usize,
            rate: number("PACEMETER_SOAK_RATE", 1_000.0),
            seed,
        }
    }
}

/// A simulated programme whose records are taken bit by bit.
struct Programme {
    live: LiveProgramme,
    simulated_until: Timestamp,
    until: Timestamp,
    records: std::vec::IntoIter<TestRecord>,
}

impl Programme {
    /// A programme of `days` days up to `now`, with about `records` records.
    fn new(seed: u64, days: i64, records: f64, now: Timestamp) -> Self {
        let usual = |scale, days| LiveOptions::of(seed, scale, PartitionCounts::each(PARTITIONS), now - days * DAY);
        let options = |scale, days| {
            let usual = usual(scale, days);
            LiveOptions { faults: FaultRates::HOSTILE, horizons: horizons(), ..usual }
        };
        // Records a day at a scale of 1.
        let sample = LiveProgramme::new(options(0.05, 14)).advance_to(now).len() as f64 / 14.0 / 0.05;
        let scale = records / (sample * days as f64);
        let simulated_until = now - (days + 5) * DAY;
        Self {
            live: LiveProgramme::new(options(scale, days)),
            simulated_until,
            until: now,
            records: Vec::new().into_iter(),
        }
    }

    fn next(&mut self, count: usize) -> Vec<TestRecord> {
        let mut records = Vec::new();
        loop {
            records.extend(self.records.by_ref().take(count - records.len()));
            if records.len() == count || self.simulated_until == self.until {
                return records;
            }
            self.simulated_until = (self.simulated_until + 6 * HOUR).min(self.until);
            self.records =
                self.live.advance_to(self.simulated_until).into_iter().map(test_record).collect::<Vec<_>>().into_iter();
        }
    }
}

/// Short horizons, so that days are closed and much is forgotten.
fn horizons() -> Horizons {
    Horizons { disbursement: 92 * DAY, call: DAY, milestone: DAY }
}

struct Soak<'a> {
    kafka: &'a Kafka,
    options: Options,
    test_log: TestLog<'a>,
    programme: Programme,
    /// Number of records written to each stream.
    written: [u64; 3],
    written_at: Instant,
    sampled_at: Instant,
    state: TempDir,
    /// The running process; `None` only during a fault.
    pacemeter: Option<Pacemeter>,
    counters: Counters,
    random: fastrand::Rng,
    report: Report,
}

impl<'a> Soak<'a> {
    fn new(kafka: &'a Kafka, options: Options) -> Self {
        let seconds = options.minutes * 60.0;
        let days = (seconds / SECONDS_A_DAY).ceil() as i64;
        let now = Clock::wall().now();
        let mut soak = Self {
            kafka,
            test_log: TestLog::with_rules(
                kafka,
                PARTITIONS,
                OracleRules { horizons: horizons(), ..OracleRules::default() },
            ),
            programme: Programme::new(options.seed, days, options.rate * seconds, now),
            written: [0; 3],
            written_at: Instant::now(),
            sampled_at: Instant::now(),
            state: tempfile::tempdir().expect("a temporary directory"),
            pacemeter: None,
            counters: Counters::default(),
            random: fastrand::Rng::with_seed(options.seed),
            report: Report::begin(),
            options,
        };
        soak.write(1_000);
        soak.start();
        soak
    }

    fn settings(&self) -> Vec<String> {
        let mut settings = self.test_log.settings();
        let more = [
            "streams.call.horizon=1d",
            "streams.milestone.horizon=1d",
            "state.fine_history=1d",
            "kafka.end_offset_interval=100ms",
        ];
        settings.extend(more.map(str::to_owned));
        settings
    }

    /// Starts the process, without waiting.
    fn start(&mut self) {
        assert!(self.pacemeter.is_none(), "one process at a time");
        self.pacemeter = Some(Pacemeter::start(&self.state, &self.settings()));
        self.report.lives += 1;
    }

    fn process(&mut self) -> &mut Pacemeter {
        self.pacemeter.as_mut().expect("a process is running")
    }

    fn write(&mut self, count: usize) {
        let records = self.programme.next(count);
        self.write_records(records);
    }

    fn write_records(&mut self, records: Vec<TestRecord>) {
        for record in &records {
            self.written[record.stream as usize] += 1;
        }
        self.test_log.write(records);
    }

    /// Writes what is due at the steady rate. A pause of the load is made up for in part.
    fn load(&mut self) {
        let waited = self.written_at.elapsed();
        if waited >= TICK {
            self.written_at = Instant::now();
            self.write((waited.min(8 * TICK).as_secs_f64() * self.options.rate) as usize);
        }
    }

    /// Continues the load for a while; samples counters, memory and descriptors once a second.
    fn run_for(&mut self, time: Duration) {
        let started = Instant::now();
        while started.elapsed() < time {
            self.load();
            if self.sampled_at.elapsed() > Duration::from_secs(1) {
                self.sample();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn sample(&mut self) {
        self.sampled_at = Instant::now();
        let pacemeter = self.pacemeter.as_ref().expect("a process is running");
        self.counters.observe(pacemeter);
        let scrape = pacemeter.scrape();
        let value = |name: &str| scrape.value(name, &[]).expect("metrics of the process");
        let sample = Sample {
            life: self.report.lives,
            at: self.report.elapsed(),
            resident: value("process_resident_memory_bytes"),
            files: value("process_open_fds"),
            written: self.written.iter().sum(),
        };
        self.report.samples.push(sample);
    }

    /// Waits until everything written is in the figures and lag is 0. Then compares the numbers of records, and every
    /// figure if there is time or `always`.
    fn settle(&mut self, always: bool) {
        let mut pacemeter = self.pacemeter.take().expect("a process is running");
        pacemeter.wait_ready();
        self.test_log.wait_complete(&mut pacemeter);
        pacemeter.until("lag is 0", |pacemeter| {
            let scrape = pacemeter.scrape();
            let mut lags = scrape.all("pacemeter_kafka_consumer_lag_records").map(|(_, lag)| lag).peekable();
            assert!(lags.peek().is_some(), "lag is shown");
            lags.all(|lag| lag == 0.0).then_some(())
        });
        let scrape = pacemeter.scrape();
        for stream in Stream::ALL {
            let of = |outcome: &Outcome| {
                scrape.value("pacemeter_records_total", &[("stream", stream.name()), ("outcome", outcome.name())])
            };
            let taken: f64 = Outcome::ALL.iter().filter_map(of).sum();
            assert_eq!(taken, self.written[stream as usize] as f64, "records taken of {}", stream.name());
        }
        self.counters.observe(&pacemeter);
        let started = Instant::now();
        if always || self.report.comparing.as_secs_f64() < COMPARING_SHARE * self.report.elapsed() {
            self.test_log.assert_figures(&pacemeter);
            self.report.compared(started.elapsed());
        }
        self.pacemeter = Some(pacemeter);
    }

    /// Causes one fault and waits for exact figures.
    fn run_fault(&mut self, number: usize, fault: Fault) {
        let before = self.report.lives;
        self.report.fault_began();
        fault.cause(self);
        let struck = Instant::now();
        self.settle(false);
        if self.report.lives > before {
            let scrape = self.process().scrape();
            self.report.restored(
                scrape.all("pacemeter_restores_total").map(|(series, count)| (series.labels["source"].clone(), count)),
            );
        }
        self.sample();
        self.report.fault_ended(number, fault, struck.elapsed());
    }
}

#[test]
#[ignore = "30 minutes: scripts/soak"]
fn half_an_hour_of_faults_keeps_figures_exact_and_memory_flat() {
    let options = Options::of_environment();
    let (minutes, count, rate, seed) = (options.minutes, options.faults, options.rate, options.seed);
    println!("seed {seed}: {count} faults in {minutes} minutes, {rate} records/s");
    let kafka = Kafka::reserve();
    kafka.start();
    let faults = plan(&mut fastrand::Rng::with_seed(seed), count);
    let mut soak = Soak::new(&kafka, options);
    soak.settle(true);
    for (number, fault) in faults.into_iter().enumerate() {
        let next = minutes * 60.0 * (number as f64 + 0.5) / count as f64;
        let rest = (next - soak.report.elapsed()).max(0.2);
        soak.run_for(Duration::from_secs_f64(rest));
        soak.run_fault(number + 1, fault);
    }
    let rest = minutes * 60.0 - soak.report.elapsed();
    soak.run_for(Duration::from_secs_f64(rest.max(0.0)));
    soak.sample();
    let during = soak.written.iter().sum::<u64>();
    let seconds = soak.report.elapsed();
    soak.settle(true);
    for outcome in Outcome::ALL {
        let records = soak.test_log.expected(outcome);
        println!("{records} records {}", outcome.name());
        assert!(records >= 50, "only {records} records are {}", outcome.name());
    }
    assert_eq!(soak.pacemeter.take().expect("a process is running").stop().code, Some(0));
    println!("{during} records in {seconds:.0} s, {:.0}/s", during as f64 / seconds);
    soak.report.print();
    soak.report.assert_flat(minutes * 60.0 / 6.0);
}
