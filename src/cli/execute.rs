//! Execution of commands.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use super::cut::{CutArgs, CutCommand};
use super::demo::{self, Subject};
use super::{Command, RunArgs, StateCommand, cut, produce, targets};
use crate::app;
use crate::clock::Clock;
use crate::runtime::{Exit, Failure, Hangup, Shutdown, print};
use crate::settings::SettingsReader;

/// Executes a command to its end.
///
/// # Errors
/// Message and exit code of the process.
pub(super) fn execute(command: &Command) -> Result<Exit, Failure> {
    let clock = Clock::wall();
    match command {
        Command::Run(arguments) => run(arguments).map(|()| Exit::Ok),
        Command::Demo(arguments) => demo::run(arguments, &clock, InProcessApp::start),
        Command::Check(arguments) => {
            print(&app::check(SettingsReader::load(&arguments.settings.layers()), &clock)?).map(|()| Exit::Ok)
        }
        Command::Targets(arguments) => targets::run(arguments).map(|()| Exit::Ok),
        Command::Cut(CutArgs { command: Some(CutCommand::Verify(arguments)), .. }) => {
            let reader = SettingsReader::load(&arguments.settings.layers());
            print(&app::state::verify_cuts(reader, arguments.id.as_deref())?).map(|()| Exit::Ok)
        }
        Command::Cut(arguments) => cut::run(arguments).map(|()| Exit::Ok),
        Command::Produce(arguments) => produce::run(arguments, &clock).map(|()| Exit::Ok),
        Command::State(StateCommand::Inspect(arguments)) => {
            print(&app::state::inspect(SettingsReader::load(&arguments.settings.layers()))?).map(|()| Exit::Ok)
        }
        Command::State(StateCommand::Verify(arguments)) => {
            print(&app::state::verify(SettingsReader::load(&arguments.settings.layers()))?).map(|()| Exit::Ok)
        }
        Command::State(StateCommand::Rebuild(arguments)) => {
            let reader = SettingsReader::load(&arguments.settings.layers());
            print(&app::state::rebuild(reader, arguments.stream, arguments.force)?).map(|()| Exit::Ok)
        }
        Command::Completions(arguments) => print(&arguments.script()).map(|()| Exit::Ok),
    }
}

fn run(arguments: &RunArgs) -> Result<(), Failure> {
    let (clock, is_shifted) =
        Clock::from_environment().map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let reader = SettingsReader::load(&arguments.settings.layers());
    if arguments.print_config {
        reader.finish()?;
        return print(&reader.effective());
    }
    let reload = Arc::new(Notify::new());
    let shutdown = Shutdown::on_signals(Hangup::Reload(Arc::clone(&reload)))?;
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let now = clock.now();
        let Some(running) = app::start(reader, clock, shutdown, reload).await? else { return Ok(()) };
        if is_shifted {
            tracing::warn!(event = "pacemeter.clock.moved", now_ms = now.as_millis(), "clock moved for a test");
        }
        running.wait().await
    });
    // Nothing is waited for that a disk or file system still blocks.
    runtime.shutdown_background();
    result
}

/// Pacemeter in this process, for synchronous callers.
struct InProcessApp {
    runtime: Runtime,
    running: app::RunningApp,
}

impl InProcessApp {
    fn start(reader: SettingsReader, clock: Clock) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let running = runtime.block_on(app::start(reader, clock, Shutdown::new(), Arc::default()))?;
        let running = running.ok_or_else(|| Failure::new(Exit::TryAgain, "the shutdown was requested at the start"))?;
        Ok(Self { runtime, running })
    }
}

impl Subject for InProcessApp {
    fn address(&self) -> SocketAddr {
        self.running.address()
    }

    fn stop(self) -> Result<(), Failure> {
        let result = self.runtime.block_on(self.running.stop());
        self.runtime.shutdown_background();
        result
    }
}

fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("task").enable_all().build();
    runtime.map_err(|error| Failure::from_spawn("the asynchronous runtime", &error))
}
