//! Threads and the task that join source, decode, aggregate and view.
//!
//! ```text
//! poll thread ---- records, positions -------------------+
//! poll thread ---- client events ------------------------+
//! ends thread ---- end offsets, counts, topic ids -------+--> task (owns every state) --> SnapshotPublisher --> readers
//!                                                              |  ^
//! poll thread <--- read, commit, refetch ----------------------+  |
//! checkpoint thread <--- pages to write -----------------------+  |
//! cut thread <---------- cuts to store ------------------------+  |
//! checkpoint and cut thread ---- outcomes ------------------------+
//! ```
//!
//! | thread | work | ends |
//! |---|---|---|
//! | `poll` | reads and decodes batches, carries out commands | once the task is gone and the last commit answered |
//! | `ends` | queries end offsets, partition counts and topic ids | at a shutdown |
//! | task, on a blocking thread | applies messages, does what is due; the only writer of state | at a shutdown, or with a failure |
//! | `checkpoint` | writes checkpoints | when the task drops its handle |
//! | `cuts` | stores cuts | when the task drops its sender |
//! | `watchdog` | exits the process if records wait and none is applied; else pings the service manager | with the process |
//!
//! **Two channels.** A bounded channel (`pipeline.queue_batches`) leads from `poll` to the task, so messages keep their
//! order: a position never overtakes the records before it. When the task is behind, `poll` waits, the client's queue
//! fills, and fetching pauses. Client events and end offsets have a bounded channel of their own, and overtake records:
//! they mean the same before them, and must not wait for slow ones. All other channels are unbounded; the task limits
//! what it sends: pages by the bytes in flight, cuts to one at a time.
//!
//! **Time.** No duty of a thread depends on another one being idle, or on an empty queue. The task asks a schedule
//! before each step of records (`duties`), applies a batch in steps, and reads no timers while there is work (`task`).
//! The poll thread serves client and commands while it waits for room (`poller`). The watchdog asks whether records are
//! applied, not whether a timer fired. A reader sees by the snapshot's own time that no later one was published.
//!
//! **Worker.** [`Worker`] is the synchronous part of the task. `task` drives it in the process; a simulator drives it
//! in tests, with logs, disk, clock and scheduler of its own. The seams are [`RawRecords`](crate::record::RawRecords),
//! [`DeadLetterSink`], `Disk` and `Clock`. Records are applied one at a time, so the size of a batch cannot change a
//! figure.
//!
//! **Start.** `poll` finds the topics and sends their logs ([`LogInventory`]). The task restores a state for each
//! (`restore`) and answers with a [`ResumePoint`] for each. `poll` reads from the last applied record, which
//! `batch_decoder` checks. Figures are shown once that record was found wherever there is one, and every partition has
//! reached an end offset that was queried after the start (`freshness`).
//!
//! **Publication.** Every `pipeline.publish_interval` the task publishes a snapshot by swapping a pointer: neither the
//! task nor a reader waits for the other.
//!
//! **Checkpoints and commits.** The task copies pages between two messages (`checkpoint_scheduler`). A checkpoint is
//! finished once the dead letters that it covers are acknowledged. Every `kafka.commit_interval` the task commits, up
//! to the oldest dead letter in flight and never back; a restart does not write the dead letters below the committed
//! offset again. No figure depends on committed offsets.
//!
//! **Recomputation.** [`Recomputation`] makes a stored cut again from the log, one partition after the other, with the
//! same consumer, decoder and state. It runs beside the process and shares nothing with it.
//!
//! **Shutdown.** `poll` stops reading and sends [`WorkerMessage::Stopped`]. The task applies everything before it, for at
//! most a fifth of `shutdown.deadline`; the next start reads the rest. It waits for dead letters for at most half of
//! `shutdown.deadline`, makes a last round of checkpoints until
//! 4/5 of it, and commits.

mod batch_decoder;
mod byte_budget;
mod checkpoint_scheduler;
mod compatibility;
mod cut_confirmation;
mod cut_scheduler;
mod cut_settlement;
mod cut_thread;
mod dead_letter_sink;
mod duties;
mod ends;
mod freshness;
mod keying_audit;
mod message;
mod metrics;
mod partition_counts;
mod partitions;
mod passage;
mod poller;
mod publication;
mod recomputation;
mod rejection_log;
mod restore;
mod shared_causes;
mod task;
mod task_channel;
mod unsaved;
mod watchdog;
mod worker;

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{mpsc as async_mpsc, watch};
use tokio::task::JoinHandle;

pub use self::batch_decoder::{BatchDecoder, DecodedBatch, LogMismatch, ResumePoint};
pub use self::compatibility::Compatibility;
pub use self::cut_thread::{CutOutcome, CutRequest, CutThread};
pub use self::dead_letter_sink::DeadLetterSink;
pub use self::message::{LogInfo, LogInventory, PollerCommand, WorkerMessage};
pub use self::metrics::PipelineMetrics;
pub use self::passage::ExcludedPassage;
use self::poller::Poller;
pub use self::recomputation::{Recomputation, RecomputedCut};
pub use self::restore::{Policy, newest_cut_offsets};
use self::task::PipelineTask;
use self::task_channel::TaskChannel;
pub use self::worker::{Outputs, Worker, WorkerOptions};
use crate::aggregate::{Rules, ViewConfig};
use crate::allowlists::Allowlists;
use crate::checkpoint::{BytesInFlight, CheckpointHandle, CheckpointOutcome, CheckpointStore, CheckpointThread};
use crate::clock::{Clock, Millis, millis};
use crate::cuts::{CutOffset, CutStore, UnsettledCut};
use crate::decode::{self, Decoder, PseudonymKey};
use crate::record::PerStream;
use crate::runtime::{Failure, ServiceManager, Shutdown, ThreadRuntime};
use crate::settings::{OffsetRange, SettingsReader};
use crate::source::{self, DeadLetters};
use crate::targets::Targets;
use crate::telemetry::Metrics;
use crate::view::closed_periods::ClosedPeriods;
use crate::view::snapshot::SnapshotPublisher;

/// Maximum time for the poll thread to end after the task. Nothing depends on it any more.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// Number of reports that may wait for the task.
const MAX_REPORTS: usize = 64;

/// Settings of the pipeline.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Number of messages that may wait for the task.
    pub queue_batches: usize,
    /// Size of the records that may wait for the task, in bytes.
    pub queue_bytes: u64,
    /// Time between two snapshots.
    pub publish_interval: Duration,
    /// Time for which another judgement of a target must hold before it is shown, by the programme's clock.
    pub status_hold: Millis,
    /// Offsets that are rejected without decoding.
    pub excluded: PerStream<Vec<OffsetRange>>,
    /// Time after which the task is stuck if records wait and none is applied.
    pub wedge_timeout: Duration,
    /// Maximum duration of a shutdown.
    pub shutdown_deadline: Duration,
    /// Settings of restoring.
    pub restore: restore::Settings,
    /// Settings of checkpoints.
    pub checkpoint_scheduler: checkpoint_scheduler::Settings,
    /// Settings of cuts.
    pub cut_scheduler: cut_scheduler::Settings,
}

impl Settings {
    /// Reads `pipeline.*`, `targets.status_hold`, `streams.*.exclude`, `shutdown.deadline`, and the settings of restoring, checkpoints and
    /// cuts.
    pub fn read(reader: &mut SettingsReader) -> Self {
        let second = Duration::from_secs(1);
        Self {
            queue_batches: reader.integer("pipeline.queue_batches", 1..=1_000) as usize,
            queue_bytes: reader.integer("pipeline.queue_bytes", 1 << 20..=1 << 40),
            publish_interval: reader.duration("pipeline.publish_interval", second / 100..=second * 60),
            status_hold: millis(reader.duration("targets.status_hold", Duration::ZERO..=second * 86_400)),
            excluded: PerStream::from_fn(|stream| reader.offset_ranges(&format!("streams.{}.exclude", stream.name()))),
            wedge_timeout: reader.duration("pipeline.wedge_timeout", second..=second * 86_400),
            shutdown_deadline: reader.duration("shutdown.deadline", second / 10..=second * 600),
            restore: restore::Settings::read(reader),
            checkpoint_scheduler: checkpoint_scheduler::Settings::read(reader),
            cut_scheduler: cut_scheduler::Settings::read(reader),
        }
    }
}

/// Everything that the pipeline is built from.
pub struct Dependencies {
    /// Settings of the Kafka clients.
    pub source: source::Settings,
    /// Settings of the pipeline itself.
    pub settings: Settings,
    /// Rules of aggregation.
    pub rules: Rules,
    /// Label values that are shown.
    pub allowlists: Arc<Allowlists>,
    /// Present targets; later ones are shown once they are backfilled.
    pub targets: watch::Receiver<Arc<Targets>>,
    /// Settings of decoding.
    pub decode: decode::Settings,
    /// Key under which identifiers are hashed.
    pub key: PseudonymKey,
    /// Checkpoints in the state directory, which this process has locked.
    pub store: CheckpointStore,
    /// Stored cuts.
    pub cuts: CutStore,
    /// Closed periods as the stored cuts report them.
    pub closed_periods: Arc<ClosedPeriods>,
    /// Ends of the newest stored cut.
    pub cut_offsets: Vec<CutOffset>,
    /// Stored cuts that are provisional.
    pub unsettled_cuts: Vec<UnsettledCut>,
    /// Source of the present.
    pub clock: Clock,
    /// Metrics of the process.
    pub metrics: Arc<Metrics>,
    /// Destination of snapshots.
    pub publisher: Arc<SnapshotPublisher>,
    /// Request to shut down.
    pub shutdown: Shutdown,
    /// Service manager whose watchdog is pinged while the task lives.
    pub manager: ServiceManager,
}

/// Starts the pipeline. Its task ends with `Ok` after a requested shutdown, and with a failure when reading cannot
/// continue.
///
/// # Errors
/// Returns an error if the Kafka client refuses its configuration, or a thread cannot be started.
pub fn start(dependencies: Dependencies) -> Result<JoinHandle<Result<(), Failure>>, Failure> {
    let Dependencies { source, settings, decode, key, .. } = &dependencies;
    let (messages, received) = async_mpsc::channel(settings.queue_batches);
    let (reports, received_reports) = async_mpsc::channel(MAX_REPORTS);
    let (commands, received_commands) = mpsc::channel();
    let decoder = Decoder::new(*decode, key.clone());
    let poller = Poller {
        source: source.clone(),
        settings: settings.clone(),
        decoder,
        clock: dependencies.clock.clone(),
        shutdown: dependencies.shutdown.clone(),
        channel: TaskChannel::new(messages)?,
        reports,
        commands: received_commands,
    };
    let (shutdown, manager) = (dependencies.shutdown.clone(), dependencies.manager.clone());
    let Settings { wedge_timeout, shutdown_deadline, .. } = *settings;
    let task = build_task(dependencies, commands)?;
    let heartbeat = task.worker.heartbeat();
    let poll_thread = spawn("poll", move || poller.run())?;
    spawn("watchdog", move || heartbeat.watch(wedge_timeout, manager))?;
    // A thread of its own: memory that state takes and returns stays in one arena of the allocator, and readers never
    // wait behind a batch.
    let runtime = ThreadRuntime::new("the pipeline task")?;
    Ok(tokio::task::spawn_blocking(move || {
        let result = runtime.block_on(task.run(received, received_reports, shutdown));
        // The poll thread closes the client, unless it waits for a broker: then it ends with the process.
        let deadline = Instant::now() + CLOSE_WITHIN.min(shutdown_deadline);
        while !poll_thread.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        result
    }))
}

/// Builds the task, and starts the threads that write its checkpoints and cuts.
fn build_task(dependencies: Dependencies, commands: mpsc::Sender<PollerCommand>) -> Result<PipelineTask, Failure> {
    let Dependencies { source, settings, rules, allowlists, mut targets, decode, key, store, .. } = dependencies;
    let dead_letters = DeadLetters::open(&source)?;
    let clock = dependencies.clock;
    let (checkpoints, checkpoint_outcomes) = start_checkpoint_thread(store.clone())?;
    let newest_cut = dependencies.cuts.newest();
    let (cuts, cut_outcomes) = start_cut_thread(dependencies.cuts)?;
    let worker = Worker::new(WorkerOptions {
        stall_timeout: source.stall_timeout,
        commit_interval: source.commit_interval,
        settings: settings.clone(),
        compatibility: Compatibility { rules, decode, excluded: settings.excluded.clone(), key_id: key.key_id() },
        view_config: ViewConfig { allowlists, targets: Arc::clone(&targets.borrow_and_update()) },
        clock: clock.clone(),
        store,
        closed_periods: dependencies.closed_periods,
        newest_cut,
        cut_offsets: dependencies.cut_offsets,
        unsettled_cuts: dependencies.unsettled_cuts,
        outputs: Outputs {
            commands,
            dead_letters: Box::new(dead_letters),
            publisher: dependencies.publisher,
            metrics: PipelineMetrics::new(dependencies.metrics, &source.topics, settings.queue_batches),
            checkpoints,
            cuts,
        },
    });
    Ok(PipelineTask { worker, settings, clock, checkpoint_outcomes, cut_outcomes, targets })
}

/// Starts the thread that writes checkpoints. It ends when the handle is dropped.
fn start_checkpoint_thread(
    store: CheckpointStore,
) -> Result<(CheckpointHandle, UnboundedReceiver<CheckpointOutcome>), Failure> {
    let (requests, received_requests) = mpsc::channel();
    let (outcomes, received_outcomes) = async_mpsc::unbounded_channel();
    let in_flight = BytesInFlight::default();
    let writer = CheckpointThread::new(store, in_flight.clone());
    // Outcomes that arrive after the task has ended are dropped.
    spawn("checkpoint", move || writer.run(&received_requests, |outcome| drop(outcomes.send(outcome))))?;
    Ok((CheckpointHandle::new(requests, in_flight), received_outcomes))
}

/// Starts the thread that stores cuts. It ends when the sender is dropped.
fn start_cut_thread(cuts: CutStore) -> Result<(mpsc::Sender<CutRequest>, UnboundedReceiver<CutOutcome>), Failure> {
    let (requests, received_requests) = mpsc::channel();
    let (outcomes, received_outcomes) = async_mpsc::unbounded_channel();
    let mut thread = CutThread::new(cuts);
    spawn("cuts", move || {
        for request in received_requests {
            // Outcomes that arrive after the task has ended are dropped.
            thread.handle(request, |outcome| drop(outcomes.send(outcome)));
        }
    })?;
    Ok((requests, received_outcomes))
}

fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>, Failure> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(run);
    started.map_err(|error| Failure::from_spawn(format_args!("the thread {name}"), &error))
}

/// Sleeps for `duration`, or until a shutdown is requested.
fn pause(shutdown: &Shutdown, duration: Duration) {
    let until = Instant::now() + duration;
    while !shutdown.is_requested() && Instant::now() < until {
        thread::sleep(until.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)));
    }
}
