//! `pacemeter demo`: a simulated programme on an embedded Kafka; everything else is real.
//!
//! ```text
//! live programme --> mock cluster --> pacemeter (as in `run`) --> /metrics --> dashboard
//!       |                                                            |
//!       +--> oracle ---------------- all figures equal? -------------+
//! ```
//!
//! Pacemeter and the programme share one accelerated clock. At the end the programme stops, the clock is frozen, and
//! every business figure is compared with the oracle's, which is computed from all sent records.
//!
//! The mock cluster keeps 5 MiB per partition, then drops the oldest records. The programme therefore waits while more
//! than [`flow::MAX_UNREAD`] bytes of a partition are unread. A record dropped before it is read ends the demo.

mod comparison;
mod dashboard;
mod embedded;
mod environment;
mod flow;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use super::expectation;
use super::scrape::{self, Samples};
use crate::clock::{Clock, HOUR, Millis, Timestamp};
use crate::oracle::{Oracle, SeriesValues};
use crate::record::Stream;
use crate::runtime::{Exit, Failure, Hangup, Shutdown, print};
use crate::settings::SettingsReader;
use crate::simulate::{Emission, LiveOptions, LiveProgramme, PartitionCounts, week_start};
use crate::targets::Targets;

use comparison::{Comparison, falsify};
use dashboard::Dashboard;
use embedded::{Embedded, PARTITIONS};
use environment::DemoEnvironment;
use flow::Flow;

/// Default speed: a simulated week takes 90 seconds.
pub(super) const A_WEEK_IN_90_SECONDS: f64 = 6_720.0;

/// Maximum number of records in the oracle, some 500 bytes each; the demo ends there to bound memory.
const MAX_RECORDS: usize = 1_500_000;

/// Simulation starts on Monday at this time of day, because little happens at night.
const START_TIME: Millis = 6 * HOUR;

/// Pause when there is nothing to send.
const IDLE_PAUSE: Duration = Duration::from_millis(20);
const STATUS_INTERVAL: Duration = Duration::from_millis(100);
const DASHBOARD_INTERVAL: Duration = Duration::from_millis(500);
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);
/// Time limit to read the remaining records after the programme stops.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Arguments that shape the simulated programme.
#[derive(Args)]
pub(crate) struct DemoScenario {
    /// Size of the programme; 1 pays about 100,000 people a week.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = parse_scale)]
    pub(super) scale: f64,
    /// Alter the first expected figure, or the first whose series begins with this, to see the comparison fail.
    #[arg(long, value_name = "SERIES-PREFIX", num_args = 0..=1, default_missing_value = "", hide = true)]
    pub(super) falsify: Option<String>,
}

fn parse_scale(text: &str) -> Result<f64, String> {
    let scale = text.parse().ok().filter(|scale| (0.001..=10.0).contains(scale));
    scale.ok_or_else(|| "not a number from 0.001 to 10".into())
}

/// Running pacemeter that the demo observes.
pub(super) trait Subject {
    /// Address of /metrics.
    fn address(&self) -> SocketAddr;

    /// Shuts it down.
    ///
    /// # Errors
    /// Shutdown was not clean, or pacemeter had failed before.
    fn stop(self) -> Result<(), Failure>;
}

/// Runs the demo with the pacemeter that `start` returns, until shutdown is requested or the run time has passed.
/// Returns [`Exit::Ok`] if all figures are right, [`Exit::Different`] if not. `wall` determines the simulated week.
///
/// # Errors
/// Settings are invalid, or something other than a figure failed.
pub(super) fn run<S: Subject>(
    arguments: &super::DemoArgs,
    wall: &Clock,
    start: impl FnOnce(SettingsReader, Clock) -> Result<S, Failure>,
) -> Result<Exit, Failure> {
    let shutdown = Shutdown::on_signals(Hangup::Shutdown)?;
    let environment = DemoEnvironment::create(arguments, Embedded::start()?)?;
    let mut reader = environment.reader();
    let (rules, max_record_bytes) = expectation::rules(&mut reader);
    let targets = expectation::targets(&mut reader);
    reader.finish()?;
    let monday = week_start(wall.now());
    let clock = Clock::accelerated(monday + START_TIME, arguments.speed);
    let subject = start(environment.reader(), clock.clone())?;
    let options = LiveOptions {
        horizons: rules.horizons,
        max_record_bytes,
        ..LiveOptions::of(arguments.seed, arguments.scenario.scale, PartitionCounts::each(PARTITIONS), monday)
    };
    let mut session = DemoSession {
        embedded: &environment.embedded,
        address: subject.address(),
        clock,
        live: LiveProgramme::new(options),
        pending: Vec::new().into_iter(),
        oracle: Oracle::new(rules),
        targets,
        flow: Flow::new(PARTITIONS),
        dashboard: Dashboard::new(subject.address(), arguments.speed, arguments.scenario.scale),
        next_gap_check: 0,
    };
    let result = session
        .play(&shutdown, arguments.run_time)
        .and_then(|()| session.compare(arguments.scenario.falsify.as_deref()));
    session.dashboard.finish();
    let stopped = subject.stop();
    let exit = result?;
    stopped?;
    Ok(exit)
}

/// Programme, pacemeter and oracle of one run.
struct DemoSession<'a> {
    embedded: &'a Embedded,
    address: SocketAddr,
    clock: Clock,
    live: LiveProgramme,
    /// Emissions that are due and not yet sent.
    pending: std::vec::IntoIter<Emission>,
    oracle: Oracle,
    targets: Arc<Targets>,
    flow: Flow,
    dashboard: Dashboard,
    /// Partition whose start offset is checked next, numbered across all streams.
    next_gap_check: i32,
}

impl DemoSession<'_> {
    /// Runs the programme until shutdown is requested or the run time has passed.
    fn play(&mut self, shutdown: &Shutdown, run_time: Option<Duration>) -> Result<(), Failure> {
        let begun = Instant::now();
        let (mut status_due, mut dashboard_due) = (begun, begun);
        loop {
            if shutdown.is_requested() || run_time.is_some_and(|run_time| begun.elapsed() >= run_time) {
                return Ok(());
            }
            if self.oracle.len() >= MAX_RECORDS {
                self.dashboard.print("the demo ends here: the maximum number of records has been sent");
                return Ok(());
            }
            let idle = self.send_due()?;
            let now = Instant::now();
            if now >= status_due {
                self.check_progress()?;
                status_due = now + STATUS_INTERVAL;
            }
            if now >= dashboard_due {
                let text = self.get("/metrics")?;
                self.dashboard.update(&Samples::parse(&text), self.clock.now(), self.flow.unread_records());
                dashboard_due = now + DASHBOARD_INTERVAL;
            }
            if idle {
                std::thread::sleep(IDLE_PAUSE);
            }
        }
    }

    /// Sends due emissions while there is room; returns true if there is nothing more to send at the moment.
    fn send_due(&mut self) -> Result<bool, Failure> {
        // Bounds the time until the clock and shutdown are checked again.
        const MAX_EMISSIONS: usize = 2_000;
        for _ in 0..MAX_EMISSIONS {
            let Some(next) = self.pending.as_slice().first() else {
                self.pending = self.live.advance_to(self.clock.now()).into_iter();
                if self.pending.as_slice().is_empty() {
                    return Ok(true);
                }
                continue;
            };
            if !self.flow.has_room(next) {
                return Ok(true);
            }
            let next = self.pending.next().expect("the slice is not empty");
            self.embedded.writer.send(&next)?;
            self.flow.sent(&next);
            self.oracle.record(next.stream, next.partition, next.sent);
        }
        Ok(false)
    }

    /// Updates read positions from pacemeter, and checks that the next record of one partition still exists.
    fn check_progress(&mut self) -> Result<(), Failure> {
        let (stream, partition) =
            (Stream::ALL[(self.next_gap_check / PARTITIONS) as usize], self.next_gap_check % PARTITIONS);
        self.next_gap_check = (self.next_gap_check + 1) % (PARTITIONS * Stream::ALL.len() as i32);
        // Start offset first: asked in the other order, records dropped after being read would look unread.
        let (low, _) = self.embedded.writer.watermarks(stream, partition, HTTP_TIMEOUT)?;
        let status = self.get("/api/v1/status")?;
        self.flow.update(&status).map_err(|message| Failure::new(Exit::Bug, message))?;
        if self.flow.position(stream, partition) < low {
            let topic = self.embedded.writer.topic(stream);
            let message = format!("the embedded kafka dropped unread records of {topic} partition {partition}");
            return Err(Failure::new(Exit::Different, message));
        }
        Ok(())
    }

    fn get(&self, path: &str) -> Result<String, Failure> {
        let failure =
            |reason: String| Failure::new(Exit::TryAgain, format!("pacemeter does not serve {path}: {reason}"));
        match scrape::get(self.address, path, HTTP_TIMEOUT) {
            Ok((200, body)) => Ok(body),
            Ok((status, _)) => Err(failure(format!("status {status}"))),
            Err(error) => Err(failure(error.to_string())),
        }
    }

    /// Freezes the clock, waits until all records are read, and compares the figures.
    fn compare(&mut self, falsified: Option<&str>) -> Result<Exit, Failure> {
        self.dashboard.print("programme stopped; waiting until all records are read");
        self.embedded.writer.flush(FLUSH_TIMEOUT)?;
        let now = self.clock.freeze();
        let text = self.complete_exposition(now)?;
        let actual =
            SeriesValues::parse_exposition(&text).map_err(|error| Failure::new(Exit::Different, error.to_string()))?;
        let mut expected = self.oracle.figures(now);
        let newest_cut =
            Samples::parse(&text).least("pacemeter_cut_last_timestamp_seconds", 1).map(Timestamp::from_seconds);
        expected.0.extend(self.oracle.target_figures(&self.targets, now, newest_cut).0);
        if let Some(prefix) = falsified {
            falsify(&mut expected, prefix)?;
        }
        self.dashboard.finish();
        let comparison = Comparison::new(&expected, &actual);
        print(&comparison.table(self.oracle.len(), now))?;
        Ok(if comparison.is_equal() { Exit::Ok } else { Exit::Different })
    }

    /// Waits for an exposition that is complete until `now`, and returns it.
    fn complete_exposition(&mut self, now: Timestamp) -> Result<String, Failure> {
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        loop {
            let text = self.get("/metrics")?;
            let samples = Samples::parse(&text);
            let complete = samples.least("pacemeter_complete_until_timestamp_seconds", Stream::ALL.len());
            if complete.is_some_and(|seconds| Timestamp::from_seconds(seconds) >= now) {
                return Ok(text);
            }
            if Instant::now() >= deadline {
                let message =
                    format!("records still unread {} s after the programme stopped", SETTLE_TIMEOUT.as_secs());
                return Err(Failure::new(Exit::Different, message));
            }
            self.check_progress()?;
            self.dashboard.update(&samples, now, self.flow.unread_records());
            std::thread::sleep(STATUS_INTERVAL);
        }
    }
}
