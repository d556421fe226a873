//! `pacemeter demo`: a simulated programme in an embedded Kafka, and everything else real.
//!
//! ```text
//! live programme --> mock cluster --> pacemeter (as in `run`) --> /metrics --> panel
//!       |                                                            |
//!       +--> ledger ---------------- all figures equal? -------------+
//! ```
//!
//! Pacemeter and the programme live on one accelerated clock. At the end the programme stops, the clock is frozen, and
//! every business figure is compared with the ledger of what was sent.
//!
//! The mock cluster keeps 5 MiB a partition and then forgets the oldest records. So the programme waits while more than
//! [`flow::MAX_UNREAD`] of a partition are unread, and a record that is gone before it is read ends the demo.

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
use crate::clock::{Clock, HOUR, Millis};
use crate::oracle::{Oracle, SeriesValues};
use crate::record::Stream;
use crate::runtime::{Exit, Failure, Hangup, Shutdown, print};
use crate::settings::SettingsReader;
use crate::simulate::{Emission, LiveOptions, LiveProgramme, PartitionCounts, week_start};
use crate::targets::Targets;

use dashboard::Dashboard;
use embedded::{Embedded, PARTITIONS};
use environment::DemoEnvironment;
use flow::Flow;

/// The default speed: a simulated week passes in a minute and a half.
pub const A_WEEK_IN_90_SECONDS: f64 = 6_720.0;

/// A record of the ledger takes some 500 bytes; the demo ends by itself rather than fill the machine.
const MAX_RECORDS: usize = 1_500_000;

/// The show begins on Monday morning, as little happens in the night.
const SUNRISE: Millis = 6 * HOUR;

/// Pause of the programme when nothing is due.
const NAP: Duration = Duration::from_millis(20);
const STATUS_INTERVAL: Duration = Duration::from_millis(100);
const PANEL_INTERVAL: Duration = Duration::from_millis(500);
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum time to read the remaining records once the programme has stopped.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Scenario of the simulation, beside its speed.
#[derive(Args)]
pub struct DemoScenario {
    /// Size of the programme: 1 pays about 100,000 people a week.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = parse_scale)]
    pub scale: f64,
    /// Alter the first expected figure, or the first whose series begins with this, to see the comparison fail.
    #[arg(long, value_name = "SERIES-PREFIX", num_args = 0..=1, default_missing_value = "", hide = true)]
    pub falsify: Option<String>,
}

fn parse_scale(text: &str) -> Result<f64, String> {
    let scale = text.parse().ok().filter(|scale| (0.001..=10.0).contains(scale));
    scale.ok_or_else(|| "not a number from 0.001 to 10".into())
}

/// The pacemeter that is shown.
pub trait Subject {
    /// Address that serves /metrics.
    fn address(&self) -> SocketAddr;

    /// Ends it cleanly.
    ///
    /// # Errors
    /// It did not end cleanly, or had failed before.
    fn stop(self) -> Result<(), Failure>;
}

/// Shows `start`'s pacemeter at work until somebody asks it to end, and says whether all figures were right:
/// [`Exit::Ok`] or [`Exit::Different`]. `wall` says which week is the present one.
///
/// # Errors
/// The settings will not do, or something failed that is not a wrong figure.
pub fn run<S: Subject>(
    arguments: &super::DemoArgs,
    wall: &Clock,
    start: impl FnOnce(SettingsReader, Clock) -> Result<S, Failure>,
) -> Result<Exit, Failure> {
    let shutdown = Shutdown::on_signals(Hangup::Shutdown)?;
    let stage = DemoEnvironment::set(arguments, Embedded::start()?)?;
    let mut reader = stage.reader();
    let (rules, max_record_bytes) = expectation::rules(&mut reader);
    let targets = expectation::targets(&mut reader);
    reader.finish()?;
    let monday = week_start(wall.now());
    let clock = Clock::accelerated(monday + SUNRISE, arguments.speed);
    let subject = start(stage.reader(), clock.clone())?;
    let options = LiveOptions {
        horizons: rules.horizons,
        max_record_bytes,
        ..LiveOptions::of(arguments.seed, arguments.scenario.scale, PartitionCounts::each(PARTITIONS), monday)
    };
    let mut show = DemoSession {
        embedded: &stage.embedded,
        address: subject.address(),
        clock,
        live: LiveProgramme::new(options),
        pending: Vec::new().into_iter(),
        ledger: Oracle::new(rules),
        targets,
        flow: Flow::new(PARTITIONS),
        panel: Dashboard::new(subject.address(), arguments.speed, arguments.scenario.scale),
        next_gap_check: 0,
    };
    let played =
        show.play(&shutdown, arguments.run_time).and_then(|()| show.compare(arguments.scenario.falsify.as_deref()));
    show.panel.end();
    let stopped = subject.stop();
    let exit = played?;
    stopped?;
    Ok(exit)
}

struct DemoSession<'a> {
    embedded: &'a Embedded,
    address: SocketAddr,
    clock: Clock,
    live: LiveProgramme,
    /// Records that occurred and are not sent yet.
    pending: std::vec::IntoIter<Emission>,
    ledger: Oracle,
    targets: Arc<Targets>,
    flow: Flow,
    panel: Dashboard,
    /// The partition whose beginning is asked for next, counted over all streams.
    next_gap_check: i32,
}

impl DemoSession<'_> {
    /// Lets the programme live until somebody asks it to end.
    fn play(&mut self, shutdown: &Shutdown, run_time: Option<Duration>) -> Result<(), Failure> {
        let begun = Instant::now();
        let (mut status_due, mut panel_due) = (begun, begun);
        loop {
            if shutdown.is_requested() || run_time.is_some_and(|run_time| begun.elapsed() >= run_time) {
                return Ok(());
            }
            if self.ledger.len() >= MAX_RECORDS {
                self.panel.say("the ledger is full, so the demo ends here");
                return Ok(());
            }
            let idle = self.send_what_is_due()?;
            let now = Instant::now();
            if now >= status_due {
                self.watch_reading()?;
                status_due = now + STATUS_INTERVAL;
            }
            if now >= panel_due {
                let text = self.get("/metrics")?;
                self.panel.show(&Samples::parse(&text), self.clock.now(), self.flow.unread_records());
                panel_due = now + PANEL_INTERVAL;
            }
            if idle {
                std::thread::sleep(NAP);
            }
        }
    }

    /// Sends what has happened until now, as far as there is room; whether there is nothing more to do at the moment.
    fn send_what_is_due(&mut self) -> Result<bool, Failure> {
        // So many at once, then somebody looks at the clock again.
        const AT_ONCE: usize = 2_000;
        for _ in 0..AT_ONCE {
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
            let next = self.pending.next().expect("it was just seen");
            self.embedded.writer.send(&next)?;
            self.flow.sent(&next);
            self.ledger.record(next.stream, next.partition, next.sent);
        }
        Ok(false)
    }

    /// Asks how far pacemeter has read, and whether what it is to read next is still there.
    fn watch_reading(&mut self) -> Result<(), Failure> {
        let (stream, partition) =
            (Stream::ALL[(self.next_gap_check / PARTITIONS) as usize], self.next_gap_check % PARTITIONS);
        self.next_gap_check = (self.next_gap_check + 1) % (PARTITIONS * Stream::ALL.len() as i32);
        // First where the log begins, then how far it was read: the other way round it might have been read meanwhile.
        let (low, _) = self.embedded.writer.watermarks(stream, partition, HTTP_TIMEOUT)?;
        let status = self.get("/api/v1/status")?;
        self.flow.read(&status).map_err(|message| Failure::new(Exit::Bug, message))?;
        if self.flow.position(stream, partition) < low {
            let topic = self.embedded.writer.topic(stream);
            let message = format!(
                "the embedded kafka has dropped records of {topic} partition {partition} before they were read"
            );
            return Err(Failure::new(Exit::Different, message));
        }
        Ok(())
    }

    fn get(&self, path: &str) -> Result<String, Failure> {
        let failure = |what: String| Failure::new(Exit::TryAgain, format!("pacemeter does not answer {path}: {what}"));
        match scrape::get(self.address, path, HTTP_TIMEOUT) {
            Ok((200, body)) => Ok(body),
            Ok((status, _)) => Err(failure(format!("status {status}"))),
            Err(error) => Err(failure(error.to_string())),
        }
    }

    /// Stops the clock, waits until all is read and compares.
    fn compare(&mut self, falsify: Option<&str>) -> Result<Exit, Failure> {
        self.panel.say("the programme has stopped; waiting until everything is read");
        self.embedded.writer.flush(FLUSH_TIMEOUT)?;
        let now = self.clock.freeze();
        let text = self.settled(now)?;
        let actual =
            SeriesValues::parse_exposition(&text).map_err(|error| Failure::new(Exit::Different, error.to_string()))?;
        let mut expected = self.ledger.figures(now);
        let newest_cut = Samples::parse(&text)
            .least("pacemeter_cut_last_timestamp_seconds", 1)
            .map(|seconds| (seconds * 1_000.0).round() as Millis);
        expected.0.extend(self.ledger.target_figures(&self.targets, now, newest_cut).0);
        if let Some(prefix) = falsify {
            comparison::falsify(&mut expected, prefix)?;
        }
        self.panel.end();
        let verdict = comparison::Comparison::of(&expected, &actual);
        print(&verdict.table(self.ledger.len(), now))?;
        Ok(if verdict.is_equal() { Exit::Ok } else { Exit::Different })
    }

    /// The exposition once it is complete until `now`.
    fn settled(&mut self, now: Millis) -> Result<String, Failure> {
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        loop {
            let text = self.get("/metrics")?;
            let samples = Samples::parse(&text);
            let complete = samples.least("pacemeter_complete_until_timestamp_seconds", Stream::ALL.len());
            if complete.is_some_and(|seconds| (seconds * 1_000.0).round() as Millis >= now) {
                return Ok(text);
            }
            if Instant::now() >= deadline {
                let message = format!(
                    "not everything was read within {} s after the programme stopped",
                    SETTLE_TIMEOUT.as_secs()
                );
                return Err(Failure::new(Exit::Different, message));
            }
            self.watch_reading()?;
            self.panel.show(&samples, now, self.flow.unread_records());
            std::thread::sleep(STATUS_INTERVAL);
        }
    }
}
