//! `pacemeter demo`: a simulated programme on an embedded Kafka; everything else is real.
//!
//! ```text
//! live programme --> mock cluster --> pacemeter (as in `run`) --> /metrics --> dashboard
//!       |                                                            |
//!       +--> oracle ---------------- all figures equal? -------------+
//! ```
//!
//! Pacemeter and the programme share one clock, which the demo drives ([`timeline`]): through a history of some days, then
//! at a speed, or with `--live` at the wall clock's. At the end the programme and the clock stop, and every business
//! figure is compared with the oracle's, which is computed from all sent records.
//!
//! The mock cluster keeps 5 MiB per partition, then drops the oldest records. The programme therefore waits while more
//! than [`flow::MAX_UNREAD`] bytes of a partition are unread. A record dropped before it is read ends the demo.

mod comparison;
mod dashboard;
mod embedded;
mod environment;
mod flow;
mod timeline;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::HumanCount;

use super::expectation;
use super::scrape::{self, Samples};
use super::terminal;
use crate::clock::{Clock, DAY, HOUR, Millis, Timestamp};
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
use timeline::{Pace, Timeline};

/// Default speed: a simulated week takes 90 seconds.
pub(super) const A_WEEK_IN_90_SECONDS: f64 = 6_720.0;

/// Maximum number of records in the oracle, some 500 bytes each, to bound memory. The demo ends there; a live one goes on
/// without its oracle.
const MAX_RECORDS: usize = 1_500_000;

/// Target of the programme at scale 1, in people per week.
const GOAL: f64 = 100_000.0;

/// Accelerated time begins on Monday at this time of day, because little happens at night.
const START_TIME: Millis = 6 * HOUR;

/// Size of a live programme: its history of two to three weeks is simulated in seconds.
const LIVE_SCALE: f64 = 0.1;

/// Time between two tasks of the same kind.
struct Intervals {
    /// Pause when there is nothing to send.
    idle: Duration,
    status: Duration,
    dashboard: Duration,
}

const HURRIED: Intervals = Intervals {
    idle: Duration::from_millis(20),
    status: Duration::from_millis(100),
    dashboard: Duration::from_millis(500),
};

const UNHURRIED: Intervals =
    Intervals { idle: Duration::from_millis(100), status: Duration::from_secs(1), dashboard: Duration::from_secs(1) };

const HTTP_TIMEOUT: Duration = Duration::from_secs(10);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);
/// Time limit to read the remaining records after the programme stops.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Arguments that shape the simulated programme.
#[derive(Args)]
pub(crate) struct DemoScenario {
    /// Size of the programme and of its targets; 1 pays about 100,000 people a week; default: 1, or 0.1 with --live.
    #[arg(long, value_name = "FACTOR", value_parser = parse_scale)]
    scale: Option<f64>,
    /// Alter the first expected figure, or the first whose series begins with this, to see the comparison fail.
    #[arg(long, value_name = "SERIES-PREFIX", num_args = 0..=1, default_missing_value = "", hide = true)]
    pub(super) falsify: Option<String>,
}

impl super::DemoArgs {
    fn scale(&self) -> f64 {
        self.scenario.scale.unwrap_or(if self.live { LIVE_SCALE } else { 1.0 })
    }
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
    let mut environment = DemoEnvironment::create(arguments, Embedded::start()?)?;
    let mut reader = environment.reader();
    let (rules, max_record_bytes) = expectation::rules(&mut reader);
    let targets = expectation::targets(&mut reader);
    reader.finish()?;
    let options = LiveOptions { horizons: rules.horizons, max_record_bytes, ..options(arguments, wall.now()) };
    let clock = Clock::driven(options.start);
    environment.release_port();
    let subject = start(environment.reader(), clock.clone())?;
    let mut session = DemoSession {
        embedded: &environment.embedded,
        address: subject.address(),
        timeline: timeline(arguments, wall),
        target: options.start,
        clock,
        live: LiveProgramme::new(options),
        pending: Vec::new().into_iter(),
        oracle: Some(Oracle::new(rules)),
        targets,
        flow: Flow::new(PARTITIONS),
        dashboard: Dashboard::new(GOAL * arguments.scale()),
        next_gap_check: 0,
    };
    let result = session
        .announce(arguments, environment.has_other_port())
        .and_then(|()| session.play(&shutdown, arguments.run_time))
        .and_then(|()| session.compare(arguments.scenario.falsify.as_deref()));
    session.dashboard.finish();
    let stopped = subject.stop();
    let exit = result?;
    stopped?;
    Ok(exit)
}

/// Options of the programme, whose simulated time begins in the week of `now`, or a week earlier with `--live`.
fn options(arguments: &super::DemoArgs, now: Timestamp) -> LiveOptions {
    // The last week closes as a whole, and its targets with it.
    let monday = week_start(if arguments.live { now - 7 * DAY } else { now });
    LiveOptions::of(arguments.seed, arguments.scale(), PartitionCounts::each(PARTITIONS), monday)
}

fn timeline(arguments: &super::DemoArgs, wall: &Clock) -> Timeline {
    Timeline::new(if arguments.live {
        Pace::Wall(wall.clone())
    } else {
        Pace::Accelerated { from: week_start(wall.now()) + START_TIME, speed: arguments.speed }
    })
}

/// Programme, pacemeter and oracle of one run.
struct DemoSession<'a> {
    embedded: &'a Embedded,
    address: SocketAddr,
    timeline: Timeline,
    /// Time to which the clock advances once Kafka has all pending emissions.
    target: Timestamp,
    clock: Clock,
    live: LiveProgramme,
    /// Emissions until `target` that are not yet sent.
    pending: std::vec::IntoIter<Emission>,
    /// `None` once there are too many records.
    oracle: Option<Oracle>,
    targets: Arc<Targets>,
    flow: Flow,
    dashboard: Dashboard,
    /// Partition whose start offset is checked next, numbered across all streams.
    next_gap_check: i32,
}

impl DemoSession<'_> {
    fn announce(&self, arguments: &super::DemoArgs, has_other_port: bool) -> Result<(), Failure> {
        if has_other_port {
            let (address, usual) = (self.address, environment::LISTEN);
            self.dashboard.print(&format!("{usual} is in use, so the figures are at http://{address}/metrics"))?;
            self.dashboard.print(&format!("see them with: pacemeter targets --address {address}"))?;
        }
        let pace = if arguments.live {
            "at the speed of the clock".to_owned()
        } else {
            format!("{} times as fast", HumanCount(arguments.speed as u64))
        };
        self.dashboard.print(&format!("first the history since {}, then {pace}", self.dashboard.local(self.target)))
    }

    /// Runs the programme until shutdown is requested or the run time has passed.
    fn play(&mut self, shutdown: &Shutdown, run_time: Option<Duration>) -> Result<(), Failure> {
        let begun = Instant::now();
        let (mut status_due, mut dashboard_due) = (begun, begun);
        loop {
            if shutdown.is_requested() || run_time.is_some_and(|run_time| begun.elapsed() >= run_time) {
                return Ok(());
            }
            if self.oracle.as_ref().is_some_and(|oracle| oracle.len() >= MAX_RECORDS) {
                if !self.timeline.is_live() {
                    return self.dashboard.print("the demo ends here: the maximum number of records has been sent");
                }
                self.dashboard.print("too many records for a comparison at the end; the demo goes on without one")?;
                self.oracle = None;
            }
            let had_begun = self.timeline.has_begun();
            let idle = self.advance()?;
            if self.timeline.has_begun() && !had_begun {
                self.dashboard.begin(self.address)?;
            }
            let intervals = if self.timeline.is_live() { &UNHURRIED } else { &HURRIED };
            let now = Instant::now();
            if now >= status_due {
                self.check_progress()?;
                status_due = now + intervals.status;
            }
            if now >= dashboard_due {
                let text = self.get("/metrics")?;
                self.dashboard.update(&Samples::parse(&text), self.clock.now(), self.flow.unread_records())?;
                dashboard_due = now + intervals.dashboard;
            }
            if idle {
                std::thread::sleep(intervals.idle);
            }
        }
    }

    /// Sends pending emissions while there is room, and advances the clock behind them. Returns true if there is nothing
    /// more to do at the moment.
    fn advance(&mut self) -> Result<bool, Failure> {
        // Bounds the time until shutdown is checked again.
        const MAX_EMISSIONS: usize = 2_000;
        if self.pending.as_slice().is_empty() {
            self.target = self.timeline.next(self.target, Instant::now());
            if self.target == self.clock.now() {
                return Ok(true);
            }
            self.pending = self.live.advance_to(self.target).into_iter();
        }
        for _ in 0..MAX_EMISSIONS {
            let Some(next) = self.pending.as_slice().first() else { break };
            if !self.flow.has_room(next) {
                return Ok(true);
            }
            let next = self.pending.next().expect("the slice is not empty");
            self.embedded.writer.send(&next)?;
            self.flow.sent(&next);
            if let Some(oracle) = &mut self.oracle {
                oracle.record(next.stream, next.partition, next.sent);
            }
        }
        if self.pending.as_slice().is_empty() {
            self.embedded.writer.flush(FLUSH_TIMEOUT)?;
            self.clock.set(self.target);
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

    /// Stops the clock behind the last record, waits until all records are read, and compares the figures.
    fn compare(&mut self, falsified: Option<&str>) -> Result<Exit, Failure> {
        let Some(oracle) = self.oracle.take() else {
            self.dashboard.finish();
            print("stopped; not compared, since too many records were sent\n")?;
            return Ok(Exit::Ok);
        };
        self.dashboard.print("programme stopped; waiting until all records are read")?;
        self.embedded.writer.flush(FLUSH_TIMEOUT)?;
        let now = self.target;
        self.clock.set(now);
        let text = self.complete_exposition(now)?;
        let actual =
            SeriesValues::parse_exposition(&text).map_err(|error| Failure::new(Exit::Different, error.to_string()))?;
        let mut expected = oracle.figures(now);
        let newest_cut =
            Samples::parse(&text).least("pacemeter_cut_last_timestamp_seconds", 1).map(Timestamp::from_seconds);
        expected.0.extend(oracle.target_figures(&self.targets, now, newest_cut).0);
        if let Some(prefix) = falsified {
            falsify(&mut expected, prefix)?;
        }
        self.dashboard.finish();
        let comparison = Comparison::new(&expected, &actual);
        print(&comparison.table(oracle.len(), now, terminal::columns()))?;
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
            self.dashboard.update(&samples, now, self.flow.unread_records())?;
            std::thread::sleep(HURRIED.status);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command, parse};
    use crate::oracle::OracleRules;

    /// A partition must not look complete until an instant whose records are on their way.
    #[test]
    fn the_clock_never_outruns_the_log() {
        let Ok(Command::Demo(arguments)) = parse("pacemeter demo --scale 0.5".split(' ')) else { panic!("a demo") };
        let wall = Clock::manual(Timestamp::from_millis(1_795_413_600_000));
        let embedded = Embedded::start().unwrap();
        let options = options(&arguments, wall.now());
        let (start, oracle) = (options.start, Some(Oracle::new(OracleRules::default())));
        let mut session = DemoSession {
            embedded: &embedded,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            timeline: timeline(&arguments, &wall),
            target: start,
            clock: Clock::driven(start),
            live: LiveProgramme::new(options),
            pending: Vec::new().into_iter(),
            oracle,
            targets: expectation::targets(&mut SettingsReader::load(&arguments.settings.layers())),
            flow: Flow::new(PARTITIONS),
            dashboard: Dashboard::new(GOAL),
            next_gap_check: 0,
        };
        let mut portions = 0;
        while session.clock.now() < start + 2 * DAY {
            session.advance().unwrap();
            if session.clock.now() < session.target {
                portions += 1;
                continue;
            }
            let is_acknowledged = session.embedded.writer.flush(Duration::ZERO).is_ok();
            assert!(session.pending.as_slice().is_empty() && is_acknowledged, "at {}", session.clock.now());
        }
        assert!(portions > 0, "no step was sent in portions");
    }
}
