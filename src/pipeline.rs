//! The threads and the task that join source, decode, aggregate and view.
//!
//! ```text
//! poll thread  -- records, positions, events of the client -->  task  -- snapshot --> board --> readers
//! ends thread  -- ends of the partitions ------------------->   (owns every partition's state)
//! poll thread  <-- read, commit, refetch ---------------------
//! checkpoint thread  <-- pages to write -- -- what became of them --> task
//! ```
//!
//! One bounded channel leads to the task, so what it is told keeps its order: a position is never ahead of the records before it. The task
//! is the only writer of state; readers take snapshots from the [`SnapshotPublisher`] and never meet it.
//!
//! What happens at a start is in `restore`: the poll thread says what logs there are, the task finds a state for each and says where to read
//! on. When a checkpoint is made is in `checkpoint_scheduler`; a thread of its own writes it. The figures are shown when every partition has reached the
//! end that was asked for after the start.

mod batch_decoder;
mod checkpoint_scheduler;
mod compatibility;
mod cut_scheduler;
mod dead_letter_sink;
mod ends;
mod freshness;
mod keying_audit;
mod message;
mod metrics;
mod partitions;
mod poller;
mod restore;
mod task;
mod unsaved;
mod watchdog;
mod worker;

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use self::batch_decoder::{
    BatchDecoder, DecodedBatch, DecodedRecord, LogMismatch, Original, Originals, PartitionStats, ResumePoint,
};
pub use self::compatibility::{ClusterInfo, Compatibility};
pub use self::dead_letter_sink::DeadLetterSink;
pub use self::message::{Command, CutOutcome, CutRequest, LogInfo, LogInventory, Message, RecordBatch};
pub use self::metrics::PipelineMetrics;
use self::poller::Poller;
pub use self::restore::Policy;
use self::task::PipelineTask;
use self::watchdog::Heartbeat;
pub use self::worker::{Outputs, Worker, WorkerOptions};
use crate::aggregate::{Rules, ViewConfig};
use crate::allowlists::Allowlists;
use crate::checkpoint::{BytesInFlight, CheckpointHandle, CheckpointStore, CheckpointThread};
use crate::clock::Clock;
use crate::cuts::CutStore;
use crate::decode::{self, Decoder, PseudonymKey};
use crate::record::PerStream;
use crate::runtime::{Exit, Failure, Shutdown};
use crate::settings::{OffsetRange, SettingsReader};
use crate::source::{self, DeadLetters};
use crate::targets::Targets;
use crate::telemetry::Metrics;
use crate::view::closed_periods::ClosedPeriods;
use crate::view::snapshot::SnapshotPublisher;

/// How long the poll thread may take to end after the task. Nothing depends on it any more.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// How the pipeline runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Batches that may wait for the task.
    pub queue_batches: usize,
    pub publish_interval: Duration,
    /// By [`Stream`]: records that are set aside unread.
    pub excluded: PerStream<Vec<OffsetRange>>,
    /// A task that does nothing for this long is wedged.
    pub wedge_timeout: Duration,
    /// How long the end of the pipeline may take.
    pub shutdown_deadline: Duration,
    pub restore: restore::Settings,
    pub checkpoint_scheduler: checkpoint_scheduler::Settings,
    pub cut_scheduler: cut_scheduler::Settings,
}

impl Settings {
    pub fn read(reader: &mut SettingsReader) -> Self {
        let second = Duration::from_secs(1);
        Self {
            queue_batches: reader.integer("pipeline.queue_batches", 1..=1_000) as usize,
            publish_interval: reader.duration("pipeline.publish_interval", second / 100..=second * 60),
            excluded: PerStream::from_fn(|stream| reader.offset_ranges(&format!("streams.{}.exclude", stream.name()))),
            wedge_timeout: reader.duration("pipeline.wedge_timeout", second..=second * 86_400),
            shutdown_deadline: reader.duration("shutdown.deadline", second / 10..=second * 600),
            restore: restore::Settings::read(reader),
            checkpoint_scheduler: checkpoint_scheduler::Settings::read(reader),
            cut_scheduler: cut_scheduler::Settings::read(reader),
        }
    }
}

/// What the pipeline is made of.
pub struct Dependencies {
    pub source: source::Settings,
    pub settings: Settings,
    pub rules: Rules,
    pub allowlists: Arc<Allowlists>,
    /// Other targets are shown once they are filled.
    pub targets: watch::Receiver<Arc<Targets>>,
    pub decode: decode::Settings,
    pub key: PseudonymKey,
    /// In a directory that is locked.
    pub store: CheckpointStore,
    pub cuts: CutStore,
    /// What the cuts there are say.
    pub closed_periods: Arc<ClosedPeriods>,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub publisher: Arc<SnapshotPublisher>,
    pub shutdown: Shutdown,
}

/// Starts the pipeline. It ends with `Ok` after a requested shutdown, and with the failure when reading cannot go on.
///
/// # Errors
/// If the Kafka client refuses its configuration.
pub fn start(parts: Dependencies) -> Result<JoinHandle<Result<(), Failure>>, Failure> {
    let Dependencies {
        source,
        settings,
        rules,
        allowlists,
        mut targets,
        decode,
        key,
        store,
        cuts,
        closed_periods,
        clock,
        metrics,
        publisher,
        shutdown,
    } = parts;
    let dead_letters = DeadLetters::open(&source)
        .map_err(|error| Failure { exit: Exit::Configuration, message: error.to_string() })?;
    let compatibility = Compatibility { rules, decode, excluded: settings.excluded.clone(), key_id: key.key_id() };
    let (messages, inbox) = tokio::sync::mpsc::channel(settings.queue_batches);
    let (commands, orders) = mpsc::channel();
    let (checkpoints, reports) = start_keeper(store.clone())?;
    let (cuts, stored_cuts) = start_cut_keeper(cuts)?;
    let metrics = PipelineMetrics::new(metrics, &source.topics, settings.queue_batches);
    let view_config = ViewConfig { allowlists, targets: Arc::clone(&targets.borrow_and_update()) };
    let outputs = Outputs { commands, dead_letters: Box::new(dead_letters), publisher, metrics, checkpoints, cuts };
    let worker = Worker::new(WorkerOptions {
        stall_timeout: source.stall_timeout,
        settings: settings.clone(),
        compatibility,
        view_config,
        clock: clock.clone(),
        store,
        closed_periods,
        outputs,
    });
    let pulse = Heartbeat::new();
    let task = PipelineTask {
        worker,
        settings: settings.clone(),
        commit_interval: source.commit_interval,
        reports,
        stored_cuts,
        targets,
        pulse: pulse.clone(),
    };
    let decoder = Decoder::new(decode, key);
    let poller = Poller {
        source,
        settings: settings.clone(),
        decoder,
        clock,
        shutdown: shutdown.clone(),
        messages,
        commands: orders,
    };
    let thread = spawn("poll", move || poller.run())?;
    spawn("watchdog", move || pulse.watch(settings.wedge_timeout))?;
    // A thread of its own: what state grows by and gives back stays in one arena of the allocator, and readers never wait behind a batch.
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| Failure::from_io("the runtime of the task", &error))?;
    Ok(tokio::task::spawn_blocking(move || {
        let result = runtime.block_on(task.run(inbox, shutdown));
        // The poll thread closes the client, unless it waits for a broker: then it ends with the process.
        let deadline = Instant::now() + CLOSE_WITHIN.min(settings.shutdown_deadline);
        while !thread.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        result
    }))
}

/// Starts the thread that writes checkpoints. It ends when nobody can order any more.
fn start_keeper(
    store: CheckpointStore,
) -> Result<(CheckpointHandle, tokio::sync::mpsc::UnboundedReceiver<crate::checkpoint::CheckpointOutcome>), Failure> {
    let (orders, inbox) = mpsc::channel();
    let (reports, told) = tokio::sync::mpsc::unbounded_channel();
    let in_flight = BytesInFlight::default();
    let keeper = CheckpointThread::new(store, in_flight.clone());
    // Once the task is gone nobody listens.
    spawn("checkpoint", move || keeper.run(&inbox, |report| drop(reports.send(report))))?;
    Ok((CheckpointHandle::new(orders, in_flight), told))
}

/// Starts the thread that stores cuts: a disk may take its time. It ends when nobody can order any more.
fn start_cut_keeper(
    cuts: CutStore,
) -> Result<(mpsc::Sender<CutRequest>, tokio::sync::mpsc::UnboundedReceiver<CutOutcome>), Failure> {
    let (orders, inbox) = mpsc::channel::<CutRequest>();
    let (stored, told) = tokio::sync::mpsc::unbounded_channel();
    spawn("cuts", move || {
        for CutRequest { cut, oldest } in inbox {
            let result = cuts.put(&cut);
            if let Err(error) = cuts.prune(oldest) {
                tracing::warn!(event = "pacemeter.cut.not_pruned", error = %error, "old cut not removed");
            }
            // Once the task is gone nobody listens.
            drop(stored.send(CutOutcome { cut, result }));
        }
    })?;
    Ok((orders, told))
}

fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>, Failure> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread
        .map_err(|error| Failure { exit: Exit::TryAgain, message: format!("cannot start the thread {name}: {error}") })
}

/// Waits, but not beyond a requested shutdown.
fn pause(shutdown: &Shutdown, duration: Duration) {
    let until = Instant::now() + duration;
    while !shutdown.is_requested() && Instant::now() < until {
        thread::sleep(until.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)));
    }
}
