//! `pacemeter produce`: writes simulated events to a Kafka cluster, and the expected figures to a file.

mod permission;
#[cfg(test)]
mod tests;
mod topics;

use std::path::Path;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::HumanCount;
use rdkafka::ClientConfig;

use super::expectation;
use super::kafka::KafkaWriter;
use crate::clock::{Clock, Millis, Timestamp, millis};
use crate::file;
use crate::oracle::{Oracle, OracleRules};
use crate::runtime::{Exit, Failure, Hangup, Shutdown, print, print_error};
use crate::settings::{SettingsReader, format_duration, parse_duration};
use crate::simulate::{Envelopes, FaultRates, Load, PartitionCounts};
use crate::source;

use super::progress::{Progress, ProgressOutput};

pub(crate) use permission::PermissionArgs;

/// Longest pause while a rate is kept; bounds the reaction time to shutdown.
const RATE_PAUSE: Duration = Duration::from_millis(50);
/// Span of events that are written at once.
const USUAL_SPAN: Duration = Duration::from_secs(5 * 86_400);
/// Span of events that come at a rate. All of them are in the present week, and most weeks in the present day, so that
/// its figures move.
const RATED_SPAN: Duration = Duration::from_secs(3_600);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(60);
/// Maximum time to write the file of expected figures.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// Next step after a failure of the Kafka client.
const ADVICE: &str = "pacemeter check asks the same brokers and says what to do";
/// Share of milestones among the events.
const MILESTONE_SHARE: f64 = 0.005;

/// Arguments that shape the simulated events.
#[derive(Args)]
pub(crate) struct SimulationArgs {
    /// Length of the time before now over which events are spread; default: 5d, or 1h with --rate.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    span: Option<Duration>,
    /// Share of call-centre events, from 0 to 0.9.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = parse_share)]
    pub(super) calls: f64,
    /// Faults to simulate: duplicates, conflicts, expired and malformed records.
    #[arg(long, value_name = "KIND", value_enum, default_value_t = FaultLevel::Usual)]
    pub(super) faults: FaultLevel,
    /// Create missing topics, with six partitions and a configuration that keeps figures exact.
    #[arg(long)]
    pub(super) create_topics: bool,
}

/// Rate of simulated faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FaultLevel {
    /// No faults.
    None,
    /// One record in a hundred is duplicated.
    Duplicates,
    /// Faults of an ordinary day.
    Usual,
    /// Many faults, for tests.
    Hostile,
}

impl FaultLevel {
    fn faults(self) -> FaultRates {
        match self {
            FaultLevel::None => FaultRates::NONE,
            FaultLevel::Duplicates => FaultRates::DUPLICATES,
            FaultLevel::Usual => FaultRates::USUAL,
            FaultLevel::Hostile => FaultRates::HOSTILE,
        }
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=0.9).contains(share));
    share.ok_or_else(|| "not a number from 0 to 0.9".into())
}

/// Settings in use. No `Debug`, because they may contain secrets.
struct Plan {
    source: source::Settings,
    rules: OracleRules,
    max_record_bytes: usize,
}

impl Plan {
    fn read(reader: &mut SettingsReader) -> Self {
        let source = source::Settings::read(reader);
        let (rules, max_record_bytes) = expectation::rules(reader);
        Self { source, rules, max_record_bytes }
    }

    /// Returns the configuration shared by all clients.
    fn client(&self) -> ClientConfig {
        let mut client = source::client_config(&self.source);
        if !self.source.properties.contains_key("client.id") {
            client.set("client.id", "pacemeter-produce");
        }
        client
    }

    fn writer(&self) -> Result<KafkaWriter, Failure> {
        KafkaWriter::new(&self.client(), self.source.topics.clone(), ADVICE)
    }
}

/// Writes the events and prints their number.
///
/// # Errors
/// Settings or arguments are invalid, a topic is missing, Kafka does not accept the records, or the file of expected
/// figures cannot be written.
pub(super) fn run(arguments: &super::ProduceArgs, clock: &Clock) -> Result<(), Failure> {
    let shutdown = Shutdown::on_signals(Hangup::Shutdown)?;
    let _deadline = shutdown.enforce(FLUSH_TIMEOUT + WRITE_TIMEOUT)?;
    run_until(arguments, clock, &shutdown)
}

fn run_until(arguments: &super::ProduceArgs, clock: &Clock, shutdown: &Shutdown) -> Result<(), Failure> {
    let mut reader = SettingsReader::load(&arguments.settings.layers());
    let plan = Plan::read(&mut reader);
    let exposures = plan.source.check_files(&mut reader);
    reader.finish()?;
    for exposure in reader.exposures().iter().chain(&exposures) {
        print_error(&format!("pacemeter: warning: {exposure}"));
    }
    arguments.permissions.check_servers(&plan)?;
    let writer = plan.writer()?;
    arguments.permissions.check_cluster(&plan, &writer)?;
    let partitions = topics::ensure(&plan, &writer, arguments.simulation.create_topics)?;
    if arguments.oracle_file.is_some() {
        topics::warn_of_earlier_records(&plan, &writer, partitions)?;
    }
    let now = clock.now();
    let seed = arguments.seed.unwrap_or(now.as_millis() as u64);
    let load = load(arguments, &plan, partitions, seed, now)?;
    announce(&plan, &load)?;
    let mut oracle = arguments.oracle_file.as_ref().map(|_| Oracle::new(plan.rules.clone()));
    let begun = Instant::now();
    let written = produce(&writer, load, arguments.rate, oracle.as_mut(), shutdown)?;
    writer.flush(FLUSH_TIMEOUT)?;
    let seconds = begun.elapsed().as_secs_f64();
    if let (Some(path), Some(oracle)) = (&arguments.oracle_file, &oracle) {
        write_expected_figures(path, oracle, seed, clock.now())?;
    }
    print(&format!(
        "{} records written in {seconds:.1} s ({:.0} a second), seed {seed}\n",
        HumanCount(written),
        written as f64 / seconds
    ))
}

/// Prints what will be written, and where.
fn announce(plan: &Plan, load: &Load) -> Result<(), Failure> {
    let topics: Vec<&str> = plan.source.topics.iter().map(|(_, topic)| topic.as_str()).collect();
    let span = format_duration(Duration::from_millis((load.end - load.start).unsigned_abs()));
    print(&format!(
        "writing about {} invented records of the last {span} to {} at {}\n",
        HumanCount(load.expected_records()),
        topics.join(", "),
        plan.source.shown_servers()
    ))
}

fn load(
    arguments: &super::ProduceArgs,
    plan: &Plan,
    partitions: PartitionCounts,
    seed: u64,
    now: Timestamp,
) -> Result<Load, Failure> {
    let simulation = &arguments.simulation;
    let usual_span = if arguments.rate.is_some() { RATED_SPAN } else { USUAL_SPAN };
    let (span, disorder) = (millis(simulation.span.unwrap_or(usual_span)), millis(arguments.disorder));
    let horizons = plan.rules.horizons;
    let calls_horizon = if simulation.calls > 0.0 { horizons.call } else { Millis::MAX };
    let horizon = horizons.disbursement.min(horizons.milestone).min(calls_horizon);
    if span.saturating_add(disorder) >= horizon {
        let horizon = format_duration(Duration::from_millis(horizon.unsigned_abs()));
        let message = format!(
            "--span and --disorder together must be shorter than the shortest horizon ({horizon}), because older events expire; \
             shorten one of them"
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let faults = simulation.faults.faults();
    let supports = Load::supports_for(arguments.events, simulation.calls, MILESTONE_SHARE, faults);
    Ok(Load {
        supports,
        // At a rate, the first support is paid within seconds.
        max_open: arguments.rate.map(|rate| (rate / 2).max(1)),
        people: arguments.people.unwrap_or((supports * 2 / 5).max(1)),
        calls: simulation.calls,
        milestones: MILESTONE_SHARE,
        seed,
        partitions,
        disorder,
        start: now - span,
        end: now,
        faults,
        envelopes: Envelopes::Mixed,
        horizons,
        max_record_bytes: plan.max_record_bytes,
    })
}

/// Writes until the load ends or shutdown is requested; returns the number of records.
fn produce(
    writer: &KafkaWriter,
    load: Load,
    rate: Option<u64>,
    mut oracle: Option<&mut Oracle>,
    shutdown: &Shutdown,
) -> Result<u64, Failure> {
    let mut progress = Progress::new(load.expected_records(), ProgressOutput::Stdout);
    let begun = Instant::now();
    let mut written = 0_u64;
    for emission in load.emissions() {
        if written.is_multiple_of(256) {
            progress.update(written)?;
        }
        if shutdown.is_requested() {
            break;
        }
        writer.send(&emission)?;
        if let Some(oracle) = oracle.as_deref_mut() {
            oracle.record(emission.stream, emission.partition, emission.sent);
        }
        written += 1;
        if let Some(rate) = rate {
            let due = begun + Duration::from_secs_f64(written as f64 / rate as f64);
            // Due times are absolute, so an early wake-up is corrected by the next pause, at high rates, too.
            while Instant::now() + RATE_PAUSE < due && !shutdown.is_requested() {
                std::thread::sleep(RATE_PAUSE);
                progress.update(written)?;
            }
        }
    }
    progress.finish(written);
    Ok(written)
}

/// Writes the expected figures at `now` as JSON:
/// `{"now": ..., "now_milliseconds": ..., "seed": ..., "records": ..., "figures": {series: value}}`.
fn write_expected_figures(path: &Path, oracle: &Oracle, seed: u64, now: Timestamp) -> Result<(), Failure> {
    let figures: serde_json::Value =
        serde_json::from_str(&oracle.figures(now).to_json()).expect("the oracle writes JSON");
    let json = serde_json::json!({
        "now": now.to_string(),
        "now_milliseconds": now,
        "seed": seed,
        "records": oracle.len(),
        "figures": figures,
    });
    let text = serde_json::to_string_pretty(&json).expect("a JSON value can be written") + "\n";
    let what = format!("the file of expected figures {}", path.display());
    let own_path = path.to_owned();
    // A pipe that nobody reads must not hold up the end.
    match file::within(WRITE_TIMEOUT, move || std::fs::write(own_path, text)) {
        Ok(Some(Ok(()))) => Ok(()),
        Ok(Some(Err(error))) | Err(error) => Err(Failure::from_io(what, &error)),
        Ok(None) => Err(Failure::new(
            Exit::Disk,
            format!("{what}: not written within {} s; name another file in --ledger", WRITE_TIMEOUT.as_secs()),
        )),
    }
}
