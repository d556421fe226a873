//! The command line: definitions only, `app` does what they say.

pub mod cut;
pub mod demo;
mod execute;
pub mod produce;
pub mod targets;

mod api_client;
mod expectation;
mod kafka;
mod scrape;
mod words;

pub use execute::execute;

use crate::record::Stream;
use crate::runtime::Exit;
use crate::settings::{Layers, parse_duration};
use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Reads the command line, the program's name first. Help, version and faults are printed here.
///
/// # Errors
/// The exit code, where there is nothing more to do: [`Exit::Ok`] after help or version, [`Exit::Usage`] after a fault.
pub fn parse(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Command, Exit> {
    Cli::try_parse_from(arguments).map(|cli| cli.command).map_err(|error| {
        // There is nobody left to tell that it cannot be told.
        let _ = error.print();
        exit_of(&error)
    })
}

/// Help and version come as errors, too; they go to standard output.
fn exit_of(error: &clap::Error) -> Exit {
    if error.use_stderr() { Exit::Usage } else { Exit::Ok }
}

/// Exact rolling figures of a social programme, from Kafka to Prometheus.
#[derive(Parser)]
#[command(
    name = "pacemeter",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 ok, 1 figures differ (demo), 64 usage, 65 state unusable, 70 bug, 73 state locked, 74 disk, 75 try again, 77 denied, \
78 configuration.";

const SETTINGS_HELP: &str = "\
Settings, weakest first: built-in defaults, --config files in order, environment (PACEMETER_KAFKA__BOOTSTRAP_SERVERS: prefix, then __ \
between levels), --set. `pacemeter run --print-config` shows them all.";

/// Command to run. Its settings may hold secrets, so it cannot be printed.
#[derive(Subcommand)]
pub enum Command {
    /// Read events from Kafka and serve their figures on /metrics until SIGTERM or SIGINT.
    #[command(after_help = SETTINGS_HELP)]
    Run(Run),
    /// Show it at work on an embedded Kafka with a simulated programme; nothing needs to be installed.
    ///
    /// At the end (Ctrl-C, or --for) every figure is compared with a ledger of what was sent: exit code 0 if all are
    /// equal, 1 if not.
    #[command(after_help = SETTINGS_HELP)]
    Demo(DemoArgs),
    /// Check the settings, and ask Kafka for the topics; 78 if something must be changed first.
    #[command(after_help = SETTINGS_HELP)]
    Check(Check),
    /// Ask a running pacemeter how far each target is, and print a table.
    ///
    /// The bar is the goal, the mark in it the plan to date. "behind" is plan less actual, negative where more was
    /// reached; "needs/h" is what each hour of working time left must bring, "had/h" what each has brought so far;
    /// "left" is working time.
    #[command(after_help = SETTINGS_HELP)]
    Targets(targets::TargetsArgs),
    /// Ask a running pacemeter for a cut (the figures of an instant), and print it beside what is known today.
    #[command(after_help = SETTINGS_HELP)]
    Cut(cut::CutArgs),
    /// Write simulated events to the topics of a real Kafka, for trials and load tests.
    #[command(after_help = SETTINGS_HELP)]
    Produce(Produce),
    /// Look at what is in the state directory, verify it, or have the figures counted anew.
    #[command(subcommand, after_help = SETTINGS_HELP)]
    State(State),
    /// Print a completion script for a shell.
    Completions(Completions),
}

#[derive(Subcommand)]
pub enum State {
    /// List the checkpoints; may be done beside a running process.
    Inspect(Check),
    /// Read every byte of every checkpoint; 65 if something is damaged.
    Verify(Check),
    /// Remove the checkpoints, so that the next start counts from the beginning of the logs.
    ///
    /// Refused (65) if a log begins later by now than the state did: what came before would be lost.
    Rebuild(Rebuild),
}

#[derive(Args)]
pub struct Rebuild {
    /// Only this stream: disbursement, call or milestone.
    #[arg(long, value_name = "STREAM", value_parser = parse_stream)]
    pub stream: Option<Stream>,
    /// Also if the figures will know less than before.
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub settings: Settings,
}

/// Sources of settings beside the environment.
#[derive(Args)]
pub struct Settings {
    /// Configuration file (TOML); may be given several times, the later wins.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Vec<PathBuf>,
    /// One setting, as in `--set http.listen=0.0.0.0:9464`; may be given several times, the later wins.
    ///
    /// VALUE is read as a TOML value; if it is not one, as a string. Others on this machine can see it: put passwords
    /// in a file or the environment.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl Settings {
    /// The layers that these arguments and this process' environment make.
    pub fn layers(&self) -> Layers {
        Layers { files: self.config.clone(), environment: Layers::process_environment(), overrides: self.set.clone() }
    }
}

#[derive(Args)]
pub struct Run {
    #[command(flatten)]
    pub settings: Settings,
    /// Print the effective settings as TOML, with their origins and without secrets, and end.
    #[arg(long)]
    pub print_config: bool,
}

#[derive(Args)]
pub struct DemoArgs {
    /// End after this much real time; without it, at Ctrl-C.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_run_time)]
    pub run_time: Option<Duration>,
    /// Simulated seconds a second, from 1 to 86400.
    #[arg(long, value_name = "FACTOR", default_value_t = demo::A_WEEK_IN_90_SECONDS, value_parser = parse_speed)]
    pub speed: f64,
    /// Seed of the simulated programme; the same seed simulates the same programme.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    pub seed: u64,
    #[command(flatten)]
    pub scene: demo::DemoScenario,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Args)]
pub struct Produce {
    /// Write about this many events.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub events: u64,
    /// Events a second; without it, as fast as the brokers take them.
    #[arg(long, value_name = "PER_SECOND", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub rate: Option<u64>,
    /// Distinct people in the programme; without it, one for every eight events.
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub people: Option<u64>,
    /// Seed of the events, spread over the time before now; without it, every run writes others.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Maximum disorder of events in time; 0s keeps them in order.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub disorder: Duration,
    /// Write the figures to be expected to this file, as JSON.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ledger: Option<PathBuf>,
    #[command(flatten)]
    pub mix: produce::SimulationArgs,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Args)]
pub struct Completions {
    /// The shell that will read it.
    pub shell: Shell,
}

impl Completions {
    /// The script.
    pub fn script(&self) -> String {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut <Cli as clap::CommandFactory>::command(), "pacemeter", &mut script);
        String::from_utf8_lossy(&script).into_owned()
    }
}

const DEFAULT_SEED: u64 = 2020;

fn parse_run_time(text: &str) -> Result<Duration, String> {
    let run_time = parse_duration(text).map_err(|error| error.to_string())?;
    if run_time.is_zero() { Err("must be longer than 0s".into()) } else { Ok(run_time) }
}

fn parse_stream(text: &str) -> Result<Stream, String> {
    Stream::from_name(text).ok_or_else(|| format!("not one of {}", Stream::ALL.map(Stream::name).join(", ")))
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let speed = text.parse::<f64>().ok().filter(|speed| (1.0..=86_400.0).contains(speed));
    speed.ok_or_else(|| "not a number from 1 to 86400".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn given(line: &str) -> Result<Command, Exit> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.command).map_err(|error| exit_of(&error))
    }

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_takes_files_and_settings_in_order() {
        let Ok(Command::Run(run)) =
            given("pacemeter run --config a --set x.y=1 --config b --set x.y=a=b --print-config")
        else {
            panic!("run")
        };
        assert_eq!(run.settings.config, [PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!(run.settings.layers().overrides, ["x.y=1", "x.y=a=b"]);
        assert!(run.print_config);
    }

    #[test]
    fn demo_and_produce_need_no_arguments() {
        let Ok(Command::Demo(demo)) = given("pacemeter demo") else { panic!("demo") };
        assert_eq!((demo.run_time, demo.speed, demo.seed), (None, 6720.0, DEFAULT_SEED));
        let Ok(Command::Produce(produce)) = given("pacemeter produce") else { panic!("produce") };
        assert_eq!(
            (produce.events, produce.rate, produce.people, produce.disorder),
            (100_000, None, None, Duration::from_secs(600))
        );
    }

    #[test]
    fn durations_and_numbers_are_checked_here() {
        let Ok(Command::Demo(demo)) = given("pacemeter demo --for 30s --speed 3600 --seed 7") else { panic!("demo") };
        assert_eq!((demo.run_time, demo.speed, demo.seed), (Some(Duration::from_secs(30)), 3600.0, 7));
        for wrong in [
            "demo --for 30",
            "demo --for 0s",
            "demo --speed 0",
            "demo --speed NaN",
            "produce --events 0",
            "produce --rate -1",
        ] {
            assert_eq!(given(&format!("pacemeter {wrong}")).err(), Some(Exit::Usage), "{wrong}");
        }
    }

    #[test]
    fn targets_and_cuts_are_asked_for_by_address() {
        let Ok(Command::Targets(targets)) = given("pacemeter targets --json --address [::1]:9464") else {
            panic!("targets")
        };
        assert_eq!((targets.json, targets.peer.address), (true, "[::1]:9464".parse().ok()));
        let Ok(Command::Cut(cut)) = given("pacemeter cut 20200515T230000Z --set http.listen=127.0.0.1:1") else {
            panic!("cut")
        };
        assert_eq!(
            (cut.id.as_deref(), cut.list, cut.json, cut.peer.address),
            (Some("20200515T230000Z"), false, false, None)
        );
        for wrong in ["cut --list 20200515T230000Z", "cut a b", "targets --address localhost", "targets weekly"] {
            assert_eq!(given(&format!("pacemeter {wrong}")).err(), Some(Exit::Usage), "{wrong}");
        }
    }

    #[test]
    fn faults_are_usage_errors_and_help_and_version_are_none() {
        for wrong in
            ["pacemeter", "pacemeter walk", "pacemeter run --listen x", "pacemeter run --set", "pacemeter completions"]
        {
            assert_eq!(given(wrong).err(), Some(Exit::Usage), "{wrong}");
        }
        for command in ["", " run", " demo", " check", " targets", " cut", " produce", " completions"] {
            assert_eq!(given(&format!("pacemeter{command} --help")).err(), Some(Exit::Ok), "{command}");
            assert_eq!(given(&format!("pacemeter{command} --version")).err(), Some(Exit::Ok), "{command}");
        }
    }

    #[test]
    fn every_command_and_argument_has_a_help_text() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
        }
    }

    #[test]
    fn completions_know_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            assert!(Completions { shell }.script().contains("print-config"), "{shell}");
        }
    }
}
