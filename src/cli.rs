//! Command line: definitions of commands and arguments; [`execute`] runs them.

mod api_client;
mod client_tls;
mod cut;
mod demo;
mod execute;
mod expectation;
mod figures;
mod health;
mod help;
mod http_config;
mod kafka;
mod log_format;
mod manual;
mod period;
mod produce;
mod progress;
mod refusal;
mod scrape;
mod status;
mod targets;
mod terminal;
mod watch;
mod words;

use crate::record::Stream;
use crate::runtime::{Exit, Failure, print_error};
use crate::settings::{CONFIG_FILE, Layers, Redactor, parse_duration, printable_lines, redacted_parts};
use crate::source;
use crate::telemetry::process::REVISION;
use clap::builder::RangedU64ValueParser;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use log_format::LogFormatArgs;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

/// Parses the command line (program name first), runs its command and prints the failure, if any.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Exit {
    let command = match parse(arguments) {
        Ok(command) => command,
        Err(exit) => return exit,
    };
    execute::execute(&command).unwrap_or_else(|failure| {
        let exit = failure.exit;
        // Whoever closed the pipe knows.
        if exit == Exit::ClosedPipe {
            return exit;
        }
        // A pipe that nobody reads must not hold up the end; the exit code is enough then. Without a thread to end the
        // process, the failure is printed all the same: it may be that there are no threads.
        let deadline = move || {
            thread::sleep(PRINT_LIMIT);
            exit.at_once()
        };
        let _ = thread::Builder::new().name("print".into()).spawn(deadline);
        // A command line may have a secret where none belongs.
        print_error(&Redactor::default().redact(&format!("pacemeter: {failure}")));
        exit
    })
}

/// Maximum time to print a failure.
const PRINT_LIMIT: Duration = Duration::from_secs(2);

/// Parses the command line; prints help, version and usage errors.
///
/// # Errors
/// Exit code if there is no command to run: [`Exit::Ok`] after help or version, [`Exit::Usage`] after a usage error.
fn parse(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Command, Exit> {
    matched(arguments).map(|cli| cli.command).map_err(|error| {
        let text = redacted_parts(&error.render().to_string());
        if printable_lines(&text) == error.render().to_string() {
            // In colours. If standard error is closed, only the exit code is left.
            if let Err(failed) = error.print()
                && !error.use_stderr()
            {
                return Failure::from_stdout(&failed).exit;
            }
        } else {
            print_error(text.trim_end());
        }
        exit_of(&error)
    })
}

fn matched(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Cli, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command()))
}

/// Returns the definitions of all commands, with their examples and exit codes.
fn command() -> clap::Command {
    help::with_texts(Cli::command())
}

/// clap reports help and version as errors, too; those go to standard output.
fn exit_of(error: &clap::Error) -> Exit {
    if error.use_stderr() { Exit::Usage } else { Exit::Ok }
}

/// Exact rolling figures of a social programme, from Kafka to Prometheus.
#[derive(Parser)]
#[command(
    name = "pacemeter",
    version = VERSION.as_str(),
    long_version = LONG_VERSION.as_str(),
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Version and revision.
static VERSION: LazyLock<String> = LazyLock::new(|| format!("{} (revision {REVISION})", env!("CARGO_PKG_VERSION")));

/// Version, revision, and a line for each C library.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut text = VERSION.clone();
    for (name, version) in source::linked_libraries().versions() {
        text.push_str(&format!("\n{name} {version}"));
    }
    text
});

/// Command with its arguments. No `Debug`, because settings may contain secrets.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Consume events from Kafka and serve metrics on /metrics until SIGTERM or SIGINT.
    Run(RunArgs),
    /// Run pacemeter on an embedded Kafka with a simulated programme; nothing to install.
    ///
    /// At the end (Ctrl-C or --for) every figure is compared with an independent calculation from all sent records:
    /// exit code 0 if all are equal, 1 if any differs.
    ///
    /// With --live it runs at the speed of the clock, with a history behind it, so that a Prometheus can be connected.
    Demo(DemoArgs),
    /// Check the settings and the topics in Kafka; exit code 78 if the configuration must be fixed.
    ///
    /// Warnings are printed, and are no faults: each says what is wrong, where, and what to do.
    Check(CheckArgs),
    /// Print a table with the progress of each target of a running pacemeter.
    ///
    /// The full bar is the goal; the mark in it is the plan to date. "behind" is plan minus actual, negative if ahead
    /// of plan.
    /// "needs/h" is the required amount per remaining working hour, "had/h" the amount per working hour so far.
    /// "left" is the remaining working time.
    Targets(targets::TargetsArgs),
    /// Print whether the figures of a running pacemeter can be relied on, its partitions, and the outcomes of records.
    Status(status::StatusArgs),
    /// Print a cut (the figures at one instant) of a running pacemeter, compared with the figures known now.
    Cut(cut::CutArgs),
    /// Print the figures of a day, week or month of a running pacemeter: as it closed, and as known now.
    Period(period::PeriodArgs),
    /// Write simulated events to the topics of a Kafka cluster, for trials and load tests.
    ///
    /// The payments are invented. Refused (exit code 78) for brokers that are not on this machine and for topics that
    /// hold records, unless an option for each permits it.
    Produce(ProduceArgs),
    /// Inspect or verify the state directory, or rebuild the figures from the logs.
    #[command(subcommand)]
    State(StateCommand),
    /// Check that the pacemeter of this machine is ready, as the health check of a container.
    ///
    /// Asks /readyz of the address that the settings name; if that is all addresses, on loopback. Whoever listens there is
    /// trusted, as the probes of Kubernetes do, so that a certificate that is being renewed ends nothing. A note says if it
    /// is not the one of http.web_config_file. An option of access or --address verifies it.
    ///
    /// Without an option no password is sent: list /readyz and /livez in auth_excluded_paths of that file.
    Health(health::HealthArgs),
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
    /// Write the manual, a page for each command, to a directory.
    Man(manual::ManualArgs),
}

/// Subcommands of `pacemeter state`.
#[derive(Subcommand)]
pub(crate) enum StateCommand {
    /// List the checkpoints, and the cuts with what is damaged; safe beside a running process.
    Inspect(StateArgs),
    /// Read every byte of every checkpoint and cut; exit code 65 if one is damaged or a cut is missing.
    Verify(StateArgs),
    /// Remove the checkpoints, so that the next start rebuilds the figures from the beginning of the logs.
    ///
    /// Refused (exit code 65) if a log now begins later than the state did, since figures of earlier records would be lost,
    /// and if partitions were added to a topic, since people would count twice.
    Rebuild(RebuildArgs),
}

/// Arguments of `pacemeter state rebuild`.
#[derive(Args)]
pub(crate) struct RebuildArgs {
    /// Rebuild only this stream: disbursement, call or milestone.
    #[arg(long, value_name = "STREAM", value_parser = parse_stream)]
    pub(crate) stream: Option<Stream>,
    /// Rebuild even if figures of records no longer in the logs are lost. Does not accept added partitions, which
    /// state.accept_added_partitions does.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// Sources of settings, apart from the environment.
#[derive(Args)]
pub(crate) struct SettingsArgs {
    /// Configuration file (TOML); repeatable, later files override earlier ones. Default: $PACEMETER_CONFIG, else the first
    /// of ./pacemeter.toml and /etc/pacemeter/pacemeter.toml that exists.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Vec<PathBuf>,
    /// One setting, as in `--set http.listen=0.0.0.0:9464`; repeatable, later ones override earlier ones.
    ///
    /// KEY is a TOML key; its names are joined with dots, so `kafka.properties.linger.ms` needs no quotes. VALUE is parsed
    /// as TOML, or taken as a string if that fails. Other users of this machine can see it: put
    /// passwords in a file or in the environment.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

impl SettingsArgs {
    /// Returns the layers from these arguments, the process environment and the default place of the configuration.
    pub(crate) fn layers(&self) -> Layers {
        let named = std::env::var_os(CONFIG_FILE).map(PathBuf::from);
        let default = named.or_else(|| CONFIG_PLACES.map(PathBuf::from).into_iter().find(|place| place.exists()));
        let mut layers = self.own_layers();
        if layers.files.is_empty() {
            layers.files.extend(default);
        }
        layers
    }

    /// Returns the layers from these arguments and the process environment alone.
    pub(crate) fn own_layers(&self) -> Layers {
        Layers { files: self.config.clone(), environment: Layers::process_environment(), overrides: self.set.clone() }
    }
}

/// Places of the configuration file if nothing names one; the first that exists is read.
const CONFIG_PLACES: [&str; 2] = ["pacemeter.toml", "/etc/pacemeter/pacemeter.toml"];

/// Arguments of `pacemeter run`.
#[derive(Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    #[command(flatten)]
    pub(crate) log: LogFormatArgs,
    /// Print the effective settings as TOML, with their origins and without secrets, and exit.
    #[arg(long)]
    pub(crate) print_config: bool,
}

/// Arguments of `pacemeter demo`.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Stop after this much real time; default: at Ctrl-C.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_run_time)]
    pub(crate) run_time: Option<Duration>,
    /// Simulated seconds per real second, from 1 to 86400.
    #[arg(long, value_name = "FACTOR", default_value_t = demo::A_WEEK_IN_90_SECONDS, value_parser = parse_speed)]
    pub(crate) speed: f64,
    /// Run at the speed of the clock, after the history of the last week and this one.
    #[arg(long, conflicts_with = "speed")]
    pub(crate) live: bool,
    /// Seed of the simulation; equal seeds simulate equal programmes.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) log: LogFormatArgs,
    #[command(flatten)]
    pub(crate) scenario: demo::DemoScenario,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// Arguments of `pacemeter check`.
#[derive(Args)]
pub(crate) struct CheckArgs {
    /// Check the settings and the files that they name without asking Kafka, as on a build server.
    #[arg(long)]
    pub(crate) offline: bool,
    /// End with exit code 78 if there is a warning.
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// Arguments of `pacemeter state inspect` and `verify`.
#[derive(Args)]
pub(crate) struct StateArgs {
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// Arguments of `pacemeter produce`.
#[derive(Args)]
pub(crate) struct ProduceArgs {
    /// Approximate number of events to write.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub(crate) events: u64,
    /// Events per second; default: as fast as the brokers accept them.
    #[arg(long, value_name = "PER_SECOND", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub(crate) rate: Option<u64>,
    /// Number of distinct people in the programme; default: one per eight events.
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub(crate) people: Option<u64>,
    /// Seed of the simulation; equal seeds write equal events, at times relative to now; default: a new one each run.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Maximum displacement of an event from its place in time order; 0s keeps the order.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub(crate) disorder: Duration,
    /// Write the expected figures to this file, as JSON.
    #[arg(long = "ledger", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) oracle_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) simulation: produce::SimulationArgs,
    #[command(flatten)]
    pub(crate) permissions: produce::PermissionArgs,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// Arguments of `pacemeter completions`.
#[derive(Args)]
pub(crate) struct CompletionsArgs {
    /// Target shell.
    pub(crate) shell: Shell,
}

impl CompletionsArgs {
    /// Returns the completion script.
    pub(crate) fn script(&self) -> String {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command(), "pacemeter", &mut script);
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

    fn parsed(line: &str) -> Result<Command, Exit> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.command).map_err(|error| exit_of(&error))
    }

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_takes_files_and_settings_in_order() {
        let Ok(Command::Run(run)) =
            parsed("pacemeter run --config a --set x.y=1 --config b --set x.y=a=b --print-config")
        else {
            panic!("run")
        };
        assert_eq!(run.settings.config, [PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!(run.settings.layers().overrides, ["x.y=1", "x.y=a=b"]);
        assert!(run.print_config);
    }

    #[test]
    fn check_asks_kafka_and_allows_warnings_by_default() {
        for (line, expected) in [("", (false, false)), (" --offline --deny-warnings", (true, true))] {
            let Ok(Command::Check(check)) = parsed(&format!("pacemeter check{line}")) else { panic!("check") };
            assert_eq!((check.offline, check.deny_warnings), expected);
        }
    }

    #[test]
    fn demo_and_produce_need_no_arguments() {
        let Ok(Command::Demo(demo)) = parsed("pacemeter demo") else { panic!("demo") };
        assert_eq!((demo.run_time, demo.speed, demo.seed), (None, 6720.0, DEFAULT_SEED));
        let Ok(Command::Produce(produce)) = parsed("pacemeter produce") else { panic!("produce") };
        assert_eq!(
            (produce.events, produce.rate, produce.people, produce.disorder),
            (100_000, None, None, Duration::from_secs(600))
        );
    }

    #[test]
    fn invalid_durations_and_numbers_are_usage_errors() {
        let Ok(Command::Demo(demo)) = parsed("pacemeter demo --for 30s --speed 3600 --seed 7") else { panic!("demo") };
        assert_eq!((demo.run_time, demo.speed, demo.seed), (Some(Duration::from_secs(30)), 3600.0, 7));
        for wrong in [
            "demo --for 30",
            "demo --for 0s",
            "demo --speed 0",
            "demo --story 1810",
            "demo --keep",
            "demo --story 2020 --speed 60",
            "demo --story 2020 --scale 2",
            "demo --story 2020 --live",
            "demo --story 2020 --behind",
            "demo --story 2020 --for 30s",
            "demo --speed NaN",
            "demo --log-format xml",
            "produce --events 0",
            "produce --rate -1",
        ] {
            assert_eq!(parsed(&format!("pacemeter {wrong}")).err(), Some(Exit::Usage), "{wrong}");
        }
    }

    #[test]
    fn targets_and_cut_take_an_address() {
        let Ok(Command::Targets(targets)) = parsed("pacemeter targets --json --address [::1]:9464") else {
            panic!("targets")
        };
        assert_eq!((targets.json, targets.endpoint.address), (true, "[::1]:9464".parse().ok()));
        let Ok(Command::Cut(cut)) = parsed("pacemeter cut 20200515T230000Z --set http.listen=127.0.0.1:1") else {
            panic!("cut")
        };
        assert_eq!(
            (cut.id.as_deref(), cut.list, cut.json, cut.endpoint.address),
            (Some("20200515T230000Z"), false, false, None)
        );
        for (line, id) in [("cut verify", None), ("cut verify 20200515T230000Z", Some("20200515T230000Z"))] {
            let Ok(Command::Cut(cut)) = parsed(&format!("pacemeter {line}")) else { panic!("{line}") };
            let Some(cut::CutCommand::Verify(arguments)) = cut.command else { panic!("{line}") };
            assert_eq!(arguments.id.as_deref(), id);
        }
        for wrong in ["cut --list 20200515T230000Z", "cut a b", "targets --address localhost", "targets weekly"] {
            assert_eq!(parsed(&format!("pacemeter {wrong}")).err(), Some(Exit::Usage), "{wrong}");
        }
    }

    #[test]
    fn faults_exit_with_usage_and_help_and_version_with_ok() {
        for wrong in
            ["pacemeter", "pacemeter walk", "pacemeter run --listen x", "pacemeter run --set", "pacemeter completions"]
        {
            assert_eq!(parsed(wrong).err(), Some(Exit::Usage), "{wrong}");
        }
        for command in ["", " run", " demo", " check", " targets", " cut", " produce", " completions"] {
            assert_eq!(parsed(&format!("pacemeter{command} --help")).err(), Some(Exit::Ok), "{command}");
            assert_eq!(parsed(&format!("pacemeter{command} --version")).err(), Some(Exit::Ok), "{command}");
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
            let script = CompletionsArgs { shell }.script();
            assert!(script.contains("print-config"), "{shell}");
            assert_eq!(printable_lines(&script), script, "printed as it is");
        }
    }
}
