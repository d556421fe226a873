//! One run of the demo: sends the programme's records, advances the clock behind them, and compares the figures at the
//! end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::HumanCount;

use super::comparison::{Comparison, falsify};
use super::dashboard::Dashboard;
use super::embedded::{Embedded, PARTITIONS};
use super::environment;
use super::flow::Flow;
use super::ledger::DemoLedger;
use super::programme::DemoProgramme;
use super::story::StoryAnswers;
use super::timeline::Timeline;
use crate::cli::scrape::{self, Samples};
use crate::cli::{DemoArgs, terminal};
use crate::clock::{Clock, Timestamp};
use crate::oracle::SeriesValues;
use crate::record::Stream;
use crate::runtime::{Exit, Failure, Shutdown, print};
use crate::simulate::Emission;
use crate::simulate::story as told;
use crate::targets::Targets;

/// Maximum number of records in the oracle, some 500 bytes each, to bound memory. The demo ends there; a live one goes on
/// without its oracle.
const MAX_RECORDS: usize = 1_500_000;

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

/// Programme, pacemeter and ledger of one run.
pub(super) struct DemoSession<'a> {
    pub(super) embedded: &'a Embedded,
    pub(super) address: SocketAddr,
    pub(super) timeline: Timeline,
    /// Time to which the clock advances once Kafka has all pending emissions.
    pub(super) target: Timestamp,
    /// Instant at which the programme ends; `None` if it goes on until it is stopped.
    pub(super) end: Option<Timestamp>,
    pub(super) clock: Clock,
    pub(super) programme: DemoProgramme,
    /// Emissions until `target` that are not yet sent.
    pub(super) pending: std::vec::IntoIter<Emission>,
    /// `None` once there are too many records.
    pub(super) ledger: Option<DemoLedger>,
    pub(super) targets: Arc<Targets>,
    pub(super) flow: Flow,
    pub(super) dashboard: Dashboard,
    /// Partition whose start offset is checked next, numbered across all streams.
    pub(super) next_gap_check: i32,
}

impl DemoSession<'_> {
    pub(super) fn announce(&self, arguments: &DemoArgs, has_other_port: bool) -> Result<(), Failure> {
        if has_other_port {
            let (address, usual) = (self.address, environment::LISTEN);
            self.dashboard.print(&format!("{usual} is in use, so the figures are at http://{address}/metrics"))?;
            self.dashboard.print(&format!("see them with: pacemeter targets --address {address}"))?;
        }
        if self.end.is_some() {
            let days = format!("from {} to {}", self.dashboard.local(self.target), self.dashboard.local(told::END));
            return self.dashboard.print(&format!("the story of 2020, {days}, in less than two minutes"));
        }
        let pace = if arguments.live {
            "at the speed of the clock".to_owned()
        } else {
            format!("{} times as fast", HumanCount(arguments.speed as u64))
        };
        self.dashboard.print(&format!("first the history since {}, then {pace}", self.dashboard.local(self.target)))
    }

    /// Runs the programme until its end, until shutdown is requested or until the run time has passed.
    pub(super) fn play(&mut self, shutdown: &Shutdown, run_time: Option<Duration>) -> Result<(), Failure> {
        let begun = Instant::now();
        let (mut status_due, mut dashboard_due) = (begun, begun);
        loop {
            if shutdown.is_requested()
                || self.has_ended()
                || run_time.is_some_and(|run_time| begun.elapsed() >= run_time)
            {
                return Ok(());
            }
            if self.ledger.as_ref().is_some_and(|ledger| ledger.kept() >= MAX_RECORDS) {
                if !self.timeline.is_live() {
                    return self.dashboard.print("the demo ends here: the maximum number of records has been sent");
                }
                self.dashboard.print("too many records for a comparison at the end; the demo goes on without one")?;
                self.ledger = None;
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

    /// True if the programme has an end, and all until then is sent.
    fn has_ended(&self) -> bool {
        self.end.is_some_and(|end| self.clock.now() >= end)
    }

    /// Sends pending emissions while there is room, and advances the clock behind them. Returns true if there is nothing
    /// more to do at the moment.
    pub(super) fn advance(&mut self) -> Result<bool, Failure> {
        // Bounds the time until shutdown is checked again.
        const MAX_EMISSIONS: usize = 2_000;
        if self.pending.as_slice().is_empty() {
            let next = self.timeline.next(self.target, Instant::now());
            self.target = self.end.map_or(next, |end| next.min(end));
            if self.target == self.clock.now() {
                return Ok(true);
            }
            self.pending = self.programme.advance_to(self.target).into_iter();
        }
        for _ in 0..MAX_EMISSIONS {
            let Some(next) = self.pending.as_slice().first() else { break };
            if !self.flow.has_room(next) {
                return Ok(true);
            }
            let next = self.pending.next().expect("the slice is not empty");
            self.embedded.writer.send(&next)?;
            self.flow.sent(&next);
            if let Some(ledger) = &mut self.ledger {
                ledger.record(next);
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
            let message = format!(
                "the embedded kafka dropped unread records of {topic} partition {partition}; lower --speed or --scale"
            );
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
    pub(super) fn compare(&mut self, falsified: Option<&str>) -> Result<Exit, Failure> {
        let Some(ledger) = self.ledger.take() else {
            self.dashboard.finish();
            print("stopped; not compared, since too many records were sent\n")?;
            return Ok(Exit::Ok);
        };
        self.dashboard.print("programme stopped; waiting until all records are read")?;
        self.embedded.writer.flush(FLUSH_TIMEOUT)?;
        let now = self.target;
        self.clock.set(now);
        let text = self.complete_exposition(now)?;
        let mut actual =
            SeriesValues::parse_exposition(&text).map_err(|error| Failure::new(Exit::Different, error.to_string()))?;
        let mut expected = ledger.figures(&self.targets, now, newest_cut(&Samples::parse(&text)));
        if let Some(prefix) = falsified {
            falsify(&mut expected, prefix)?;
        }
        let left_out = ledger.leave_out(&mut actual, &self.targets);
        self.dashboard.finish();
        let comparison = Comparison::new(&expected, &actual);
        print(&comparison.table(ledger.len(), now, terminal::columns()))?;
        if left_out > 0 {
            let text = "calls were compared day by day; not compared: what targets derive from counts of calls";
            print(&format!("{text} ({left_out} series)\n"))?;
        }
        Ok(if comparison.is_equal() { Exit::Ok } else { Exit::Different })
    }

    /// Prints the public figures of a story, each compared, and with `keep` serves them until shutdown is requested.
    /// `exit` is the result so far.
    pub(super) fn tell(&mut self, exit: Exit, keep: bool, shutdown: &Shutdown) -> Result<Exit, Failure> {
        if self.end.is_none() {
            return Ok(exit);
        }
        if !self.has_ended() {
            print("stopped before the end of the story; its public figures are not compared\n")?;
            return Ok(exit);
        }
        let answer = |path: &str| {
            let malformed = |error| Failure::new(Exit::Bug, format!("{path} is not json: {error}"));
            serde_json::from_str(&self.get(path)?).map_err(malformed)
        };
        let cut = answer(&format!("/api/v1/cuts/{}", told::FIGURES_AT.to_jiff().strftime("%Y%m%dT%H%M%SZ")))?;
        let (table, differing) = StoryAnswers { cut, now: answer("/api/v1/now")? }.table();
        print(&table)?;
        let address = self.address;
        if keep {
            print(&format!("\nhttp://{address}/ shows these figures until Ctrl-C\n"))?;
            while !shutdown.is_requested() {
                std::thread::sleep(UNHURRIED.idle);
            }
        } else {
            print(&format!("\nwith --keep, http://{address}/ goes on showing these figures\n"))?;
        }
        Ok(if differing > 0 { Exit::Different } else { exit })
    }

    /// True if a story is not at its end, or its last cut is taken.
    fn has_last_cut(&self, samples: &Samples) -> bool {
        !self.has_ended() || self.end.is_none() || newest_cut(samples) >= Some(told::FIGURES_AT)
    }

    /// Waits for an exposition that is complete until `now`, with the last cut of a story, and returns it.
    fn complete_exposition(&mut self, now: Timestamp) -> Result<String, Failure> {
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        loop {
            let text = self.get("/metrics")?;
            let samples = Samples::parse(&text);
            let complete = samples.least("pacemeter_complete_until_timestamp_seconds", Stream::ALL.len());
            let is_complete = complete.is_some_and(|seconds| Timestamp::from_seconds(seconds) >= now);
            if is_complete && self.has_last_cut(&samples) {
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

/// Instant of the newest cut; `None` before the first.
fn newest_cut(samples: &Samples) -> Option<Timestamp> {
    samples.least("pacemeter_cut_last_timestamp_seconds", 1).map(Timestamp::from_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::{GOAL, options, timeline};
    use crate::cli::{Command, parse};
    use crate::clock::DAY;
    use crate::oracle::OracleRules;
    use crate::settings::SettingsReader;
    use crate::simulate::LiveProgramme;

    /// A partition must not look complete until an instant whose records are on their way.
    #[test]
    fn the_clock_never_outruns_the_log() {
        let Ok(Command::Demo(arguments)) = parse("pacemeter demo --scale 0.5".split(' ')) else { panic!("a demo") };
        let wall = Clock::manual(Timestamp::from_millis(1_795_413_600_000));
        let embedded = Embedded::start().unwrap();
        let options = options(&arguments, wall.now());
        let (start, ledger) = (options.start, Some(DemoLedger::whole(OracleRules::default())));
        let mut session = DemoSession {
            embedded: &embedded,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            timeline: timeline(&arguments, &wall),
            target: start,
            clock: Clock::driven(start),
            end: None,
            programme: DemoProgramme::Live(Box::new(LiveProgramme::new(options))),
            pending: Vec::new().into_iter(),
            ledger,
            targets: crate::cli::expectation::targets(&mut SettingsReader::load(&arguments.settings.layers())),
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
