//! Execution of commands.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use super::cut::{CutArgs, CutCommand};
use super::demo::{self, Subject};
use super::{Command, RunArgs, StateCommand, cut, health, manual, period, produce, status, targets};
use crate::app;
use crate::clock::Clock;
use crate::http::MAX_RENDERINGS;
use crate::runtime::{Exit, Failure, Hangup, ServiceManager, Shutdown, arm_failpoint, print};
use crate::settings::SettingsReader;
use crate::telemetry::log::Guard;

/// Threads for blocking work: the pipeline task, the reading of targets, and the renderings of answers.
const BLOCKING_THREADS: usize = 2 + MAX_RENDERINGS;

/// Maximum time for these threads to start. A thread starts in less than a millisecond.
const THREADS_WITHIN: Duration = Duration::from_secs(2);

/// Executes a command to its end.
///
/// # Errors
/// Message and exit code of the process.
pub(super) fn execute(command: &Command) -> Result<Exit, Failure> {
    let clock = Clock::wall();
    match command {
        Command::Run(arguments) => run(arguments),
        Command::Demo(arguments) => demo::run(arguments, &hooked_clock()?.0, InProcessApp::start),
        Command::Check(arguments) => {
            let reader = SettingsReader::load(&arguments.settings.layers());
            let checked = app::check(reader, &clock, arguments.offline)?;
            print(&checked.to_string())?;
            if arguments.deny_warnings {
                checked.deny_warnings()?
            }
            Ok(Exit::Ok)
        }
        Command::Targets(arguments) => targets::run(arguments).map(|()| Exit::Ok),
        Command::Status(arguments) => status::run(arguments).map(|()| Exit::Ok),
        Command::Cut(CutArgs { command: Some(CutCommand::Verify(arguments)), .. }) => {
            cut::verify(arguments).map(|()| Exit::Ok)
        }
        Command::Cut(CutArgs { command: Some(CutCommand::Accept(arguments)), .. }) => {
            cut::accept(arguments, &clock).map(|()| Exit::Ok)
        }
        Command::Cut(arguments) => cut::run(arguments).map(|()| Exit::Ok),
        Command::Period(arguments) => period::run(arguments).map(|()| Exit::Ok),
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
        Command::Health(arguments) => health::run(arguments).map(|()| Exit::Ok),
        Command::Man(arguments) => manual::run(arguments, super::command(), &clock).map(|()| Exit::Ok),
        Command::Completions(arguments) => print(&arguments.script()).map(|()| Exit::Ok),
    }
}

/// System clock, or that of a test; true in the second case.
fn hooked_clock() -> Result<(Clock, bool), Failure> {
    Clock::from_environment().map_err(|error| Failure::new(Exit::Usage, error.to_string()))
}

/// Runs the pipeline. From the moment that there is a log it has the failure, too; where it is JSON it alone.
fn run(arguments: &RunArgs) -> Result<Exit, Failure> {
    let (clock, is_shifted) = hooked_clock()?;
    arm_failpoint().map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let reader = SettingsReader::load(&arguments.log.add_to(arguments.settings.layers()));
    if arguments.print_config {
        reader.finish()?;
        return print(&reader.effective()).map(|()| Exit::Ok);
    }
    let (configuration, log) = app::configure(reader);
    if is_shifted {
        tracing::warn!(event = "pacemeter.clock.moved", now_ms = clock.now().as_millis(), "clock moved for a test");
    }
    let manager = ServiceManager::from_environment();
    match run_until_stopped(configuration, &log, clock, manager.clone()) {
        Ok(()) => Ok(Exit::Ok),
        Err(failure) => {
            app::log_failure(&failure);
            manager.stopping(&format!("failed with exit code {}: {failure}", failure.exit.code()));
            if log.is_json() { Ok(failure.exit) } else { Err(failure) }
        }
    }
}

fn run_until_stopped(
    configuration: app::Configuration,
    log: &Guard,
    clock: Clock,
    manager: ServiceManager,
) -> Result<(), Failure> {
    let reload = Arc::new(Notify::new());
    let shutdown = Shutdown::on_signals(Hangup::Reload(Arc::clone(&reload)))?;
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let started = app::start(configuration, log, clock, shutdown, reload, manager).await?;
        let Some(running) = started else { return Ok(()) };
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
    _log: Guard,
}

impl InProcessApp {
    fn start(reader: SettingsReader, clock: Clock) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let (configuration, log) = app::configure(reader);
        let (shutdown, reload, manager) = (Shutdown::new(), Arc::default(), ServiceManager::default());
        let running = runtime.block_on(app::start(configuration, &log, clock, shutdown, reload, manager))?;
        let running = running.ok_or_else(|| Failure::new(Exit::TryAgain, "the shutdown was requested at the start"))?;
        Ok(Self { runtime, running, _log: log })
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

/// Creates the runtime, with all threads that it needs for blocking work.
///
/// tokio starts those threads when there is work for them. If it cannot start one, the work waits for another thread to
/// become free; with none, for ever. So they are started here, where a shortage is an error, and stay.
fn runtime() -> Result<Runtime, Failure> {
    const WHAT: &str = "the asynchronous runtime";
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).thread_name("task").thread_keep_alive(Duration::MAX).enable_all();
    let runtime = builder.build().map_err(|error| Failure::from_spawn(WHAT, &error))?;
    let (arrive, arrivals) = mpsc::channel();
    let holds: Vec<_> = (0..BLOCKING_THREADS)
        .map(|_| {
            let (arrive, (hold, release)) = (arrive.clone(), mpsc::channel::<()>());
            runtime.spawn_blocking(move || {
                // Fails if the start was given up, or when `hold` is dropped; the thread is free then.
                let _ = arrive.send(()).map(|()| release.recv());
            });
            hold
        })
        .collect();
    let until = Instant::now() + THREADS_WITHIN;
    let arrived = (0..BLOCKING_THREADS)
        .take_while(|_| arrivals.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok())
        .count();
    drop(holds);
    if arrived < BLOCKING_THREADS {
        runtime.shutdown_background();
        let error = io::Error::other(format!("only {arrived} of {BLOCKING_THREADS} threads"));
        return Err(Failure::from_spawn(WHAT, &error));
    }
    Ok(runtime)
}
