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
//! `--story` plays the programme of 2020 instead of a live one ([`story`]), and ends with its public figures.
//!
//! The mock cluster keeps 5 MiB per partition, then drops the oldest records. The programme therefore waits while more
//! than [`flow::MAX_UNREAD`] bytes of a partition are unread. A record dropped before it is read ends the demo.

mod comparison;
mod dashboard;
mod embedded;
mod environment;
mod flow;
mod ledger;
mod programme;
mod session;
mod story;
mod timeline;

use std::net::SocketAddr;

use clap::Args;

use super::expectation;
use crate::clock::{Clock, DAY, HOUR, Millis, Timestamp};
use crate::oracle::OracleRules;
use crate::runtime::{Exit, Failure, Hangup, Shutdown};
use crate::settings::SettingsReader;
use crate::simulate::story::{self as told, StoryProgramme};
use crate::simulate::{LiveOptions, LiveProgramme, PartitionCounts, PaymentStall, week_start};

use dashboard::Dashboard;
use embedded::{Embedded, PARTITIONS};
use environment::DemoEnvironment;
use flow::Flow;
use ledger::DemoLedger;
use programme::DemoProgramme;
use session::DemoSession;
use story::DemoStory;
use timeline::{Pace, Timeline};

/// Default speed: a simulated week takes 90 seconds.
pub(super) const A_WEEK_IN_90_SECONDS: f64 = 6_720.0;

/// Target of the programme at scale 1, in people per week.
const GOAL: f64 = 100_000.0;

/// Accelerated time begins on Monday at this time of day, because little happens at night.
const START_TIME: Millis = 6 * HOUR;

/// Size of a live programme: its history of two to three weeks is simulated in seconds.
const LIVE_SCALE: f64 = 0.1;

/// Arguments that shape the simulated programme.
#[derive(Args)]
pub(crate) struct DemoScenario {
    /// Size of the programme and of its targets; 1 pays about 100,000 people a week; default: 1, or 0.1 with --live.
    #[arg(long, value_name = "FACTOR", value_parser = parse_scale)]
    scale: Option<f64>,
    /// Play the programme as it was told in public instead, in less than two minutes, and compare its figures: 2020.
    #[arg(long, value_name = "YEAR", value_enum, hide_possible_values = true,
          conflicts_with_all = ["scale", "speed", "live", "run_time"])]
    story: Option<DemoStory>,
    /// Let the payments of the largest programme stall from Tuesday noon to Thursday noon, so that the week falls behind its plan.
    #[arg(long, conflicts_with = "story")]
    behind: bool,
    /// After the story leave pacemeter running on its last figures, until Ctrl-C.
    #[arg(long, requires = "story")]
    keep: bool,
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

/// Runs the demo with the pacemeter that `start_subject` returns, until shutdown is requested or the run time has passed.
/// Returns [`Exit::Ok`] if all figures are right, [`Exit::Different`] if not. `wall` determines the simulated week.
///
/// # Errors
/// Settings are invalid, or something other than a figure failed.
pub(super) fn run<S: Subject>(
    arguments: &super::DemoArgs,
    wall: &Clock,
    start_subject: impl FnOnce(SettingsReader, Clock) -> Result<S, Failure>,
) -> Result<Exit, Failure> {
    let shutdown = Shutdown::on_signals(Hangup::Shutdown)?;
    let mut environment = DemoEnvironment::create(arguments, Embedded::start()?)?;
    let mut reader = environment.reader();
    let (rules, max_record_bytes) = expectation::rules(&mut reader);
    let targets = expectation::targets(&mut reader);
    reader.finish()?;
    let (programme, start, ledger) = programme(arguments, wall, rules, max_record_bytes);
    let clock = Clock::driven(start);
    environment.release_port();
    let subject = start_subject(environment.reader(), clock.clone())?;
    let mut session = DemoSession {
        embedded: &environment.embedded,
        address: subject.address(),
        timeline: timeline(arguments, wall),
        target: start,
        end: arguments.scenario.story.map(|_| told::END),
        clock,
        programme,
        pending: Vec::new().into_iter(),
        ledger: Some(ledger),
        targets,
        flow: Flow::new(PARTITIONS),
        dashboard: Dashboard::new(GOAL * arguments.scale()),
        next_gap_check: 0,
    };
    let result = session
        .announce(arguments, environment.has_other_port())
        .and_then(|()| session.play(&shutdown, arguments.run_time))
        .and_then(|()| session.compare(arguments.scenario.falsify.as_deref()))
        .and_then(|exit| session.tell(exit, arguments.scenario.keep, &shutdown));
    session.dashboard.finish();
    let stopped = subject.stop();
    let exit = result?;
    stopped?;
    Ok(exit)
}

/// Returns the programme, its beginning, and a ledger that can hold its records.
fn programme(
    arguments: &super::DemoArgs,
    wall: &Clock,
    rules: OracleRules,
    max_record_bytes: usize,
) -> (DemoProgramme, Timestamp, DemoLedger) {
    if arguments.scenario.story.is_some() {
        let story = StoryProgramme::new(arguments.seed, PartitionCounts::each(PARTITIONS));
        return (DemoProgramme::Story(Box::new(story)), told::START, DemoLedger::by_days(rules));
    }
    let options = LiveOptions { horizons: rules.horizons, max_record_bytes, ..options(arguments, wall.now()) };
    let start = options.start;
    (DemoProgramme::Live(Box::new(LiveProgramme::new(options))), start, DemoLedger::whole(rules))
}

/// Options of the programme, whose simulated time begins in the week of `now`, or a week earlier with `--live`.
fn options(arguments: &super::DemoArgs, now: Timestamp) -> LiveOptions {
    // The last week closes as a whole, and its targets with it.
    let monday = week_start(if arguments.live { now - 7 * DAY } else { now });
    let stall = arguments.scenario.behind.then(|| PaymentStall::of_week(week_start(now)));
    LiveOptions {
        stall,
        ..LiveOptions::of(arguments.seed, arguments.scale(), PartitionCounts::each(PARTITIONS), monday)
    }
}

fn timeline(arguments: &super::DemoArgs, wall: &Clock) -> Timeline {
    if arguments.scenario.story.is_some() {
        return Timeline::new(Pace::Accelerated { from: told::START, speed: story::SPEED });
    }
    Timeline::new(if arguments.live {
        Pace::Wall(wall.clone())
    } else {
        Pace::Accelerated { from: week_start(wall.now()) + START_TIME, speed: arguments.speed }
    })
}
