//! `pacemeter produce`: simulated events to the topics of a real Kafka, and what figures they must give.

mod progress;
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
use crate::clock::{Clock, Millis, millis};
use crate::oracle::{Oracle, OracleRules};
use crate::runtime::{Exit, Failure, Hangup, Shutdown, print};
use crate::settings::{SettingsReader, format_duration, parse_duration};
use crate::simulate::{Envelopes, FaultRates, Load, PartitionCounts};
use crate::source;

use progress::Progress;

/// The longest sleep to keep a rate: a request to end is heard after it.
const NAP: Duration = Duration::from_millis(50);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(60);
/// Share of milestones among the events.
const MILESTONES: f64 = 0.005;

/// Simulation, beside its number of events.
#[derive(Args)]
pub struct SimulationArgs {
    /// Event times are spread over this long before now.
    #[arg(long, value_name = "DURATION", default_value = "5d", value_parser = parse_duration)]
    pub span: Duration,
    /// Share of call-centre events, from 0 to 0.9.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = parse_share)]
    pub calls: f64,
    /// Rate of faults: duplicates, conflicts, expired and malformed records.
    #[arg(long, value_name = "KIND", value_enum, default_value_t = FaultLevel::Usual)]
    pub faults: FaultLevel,
    /// Create the topics that are missing, with six partitions and a configuration that keeps figures exact.
    #[arg(long)]
    pub create_topics: bool,
}

/// Level of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FaultLevel {
    /// Nothing.
    None,
    /// One record in a hundred comes twice.
    Duplicates,
    /// Faults of a usual day.
    Usual,
    /// Much, for tests.
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

/// Plan made from the settings. Holds secrets, so it cannot be printed.
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

    /// Properties of every client.
    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("client.id", "pacemeter-produce");
        for (key, value) in &self.source.properties {
            client.set(key, value);
        }
        client.set("bootstrap.servers", &self.source.bootstrap_servers);
        client
    }
}

/// Writes the events and says how many.
///
/// # Errors
/// The settings or arguments will not do, a topic is missing, Kafka does not take the records, the ledger cannot be
/// written.
pub fn run(arguments: &super::ProduceArgs, clock: &Clock) -> Result<(), Failure> {
    let shutdown = Shutdown::on_signals(Hangup::Shutdown)?;
    run_until(arguments, clock, &shutdown)
}

fn run_until(arguments: &super::ProduceArgs, clock: &Clock, shutdown: &Shutdown) -> Result<(), Failure> {
    let mut reader = SettingsReader::load(&arguments.settings.layers());
    let plan = Plan::read(&mut reader);
    reader.finish()?;
    let writer = KafkaWriter::new(&plan.client(), plan.source.topics.clone())?;
    let partitions = topics::ready(&plan, &writer, arguments.simulation.create_topics)?;
    if arguments.oracle_file.is_some() {
        topics::note_earlier_records(&plan, &writer, partitions)?;
    }
    let now = clock.now();
    let seed = arguments.seed.unwrap_or(now as u64);
    let load = load(arguments, &plan, partitions, seed, now)?;
    let mut ledger = arguments.oracle_file.as_ref().map(|_| Oracle::new(plan.rules.clone()));
    let begun = Instant::now();
    let written = produce(&writer, load, arguments.rate, ledger.as_mut(), shutdown)?;
    writer.flush(FLUSH_TIMEOUT)?;
    let seconds = begun.elapsed().as_secs_f64();
    if let (Some(path), Some(ledger)) = (&arguments.oracle_file, &ledger) {
        write_ledger(path, ledger, seed, clock.now())?;
    }
    print(&format!(
        "{} records written in {seconds:.1} s ({:.0} a second), seed {seed}\n",
        HumanCount(written),
        written as f64 / seconds
    ))
}

fn load(
    arguments: &super::ProduceArgs,
    plan: &Plan,
    partitions: PartitionCounts,
    seed: u64,
    now: Millis,
) -> Result<Load, Failure> {
    let mix = &arguments.simulation;
    let (span, disorder) = (millis(mix.span), millis(arguments.disorder));
    let horizons = plan.rules.horizons;
    let calls_horizon = if mix.calls > 0.0 { horizons.call } else { Millis::MAX };
    let horizon = horizons.disbursement.min(horizons.milestone).min(calls_horizon);
    if span.saturating_add(disorder) >= horizon {
        let horizon = format_duration(Duration::from_millis(horizon.unsigned_abs()));
        let message = format!(
            "--span and --disorder together must be shorter than the shortest horizon ({horizon}): what is older expires"
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let faults = mix.faults.faults();
    let supports = Load::supports_for(arguments.events, mix.calls, MILESTONES, faults);
    Ok(Load {
        supports,
        people: arguments.people.unwrap_or((supports * 2 / 5).max(1)),
        calls: mix.calls,
        milestones: MILESTONES,
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

/// Writes until the load or somebody's patience ends; the number of records.
fn produce(
    writer: &KafkaWriter,
    load: Load,
    rate: Option<u64>,
    mut ledger: Option<&mut Oracle>,
    shutdown: &Shutdown,
) -> Result<u64, Failure> {
    let mut progress = Progress::new(load.expected_records());
    let begun = Instant::now();
    let mut written = 0_u64;
    for emission in load.emissions() {
        if written.is_multiple_of(256) {
            progress.show(written);
        }
        if shutdown.is_requested() {
            break;
        }
        writer.send(&emission)?;
        if let Some(ledger) = ledger.as_deref_mut() {
            ledger.record(emission.stream, emission.partition, emission.sent);
        }
        written += 1;
        if let Some(rate) = rate {
            let due = begun + Duration::from_secs_f64(written as f64 / rate as f64);
            // A nap too early is made good by the next one; that keeps high rates, too.
            while Instant::now() + NAP < due && !shutdown.is_requested() {
                std::thread::sleep(NAP);
                progress.show(written);
            }
        }
    }
    progress.end(written);
    Ok(written)
}

/// The figures to be expected at `now`, as JSON:
/// `{"now": ..., "now_milliseconds": ..., "seed": ..., "records": ..., "figures": {series: value}}`.
fn write_ledger(path: &Path, ledger: &Oracle, seed: u64, now: Millis) -> Result<(), Failure> {
    let figures: serde_json::Value =
        serde_json::from_str(&ledger.figures(now).to_json()).expect("the ledger writes JSON");
    let json = serde_json::json!({
        "now": jiff::Timestamp::from_millisecond(now).map(|now| now.to_string()).unwrap_or_default(),
        "now_milliseconds": now,
        "seed": seed,
        "records": ledger.len(),
        "figures": figures,
    });
    let text = serde_json::to_string_pretty(&json).expect("a value is JSON") + "\n";
    std::fs::write(path, text).map_err(|error| Failure::from_io(format!("the ledger {}", path.display()), &error))
}
