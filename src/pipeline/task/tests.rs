//! The task with a queue that is never empty and records that are slow: each is rejected, and its dead letter advances
//! the clock. No real time passes, and every run is the same.

mod ages;
mod commits;
mod cuts;
mod empty_records;
mod keying;
mod liveness;
mod partition_counts;
mod settling;
mod starts;
mod topic_ids;

use std::sync::{Mutex, PoisonError, mpsc};

use tokio::runtime::Builder;
use tokio::sync::mpsc as async_mpsc;

use self::empty_records::EmptyRecords;
use super::*;
use crate::aggregate::{Rules, ViewConfig};
use crate::checkpoint::{
    BytesInFlight, CheckpointHandle, CheckpointRequest, CheckpointStore, CheckpointThread, Head, LastCut,
};
use crate::clock::{DAY, Millis, Timestamp};
use crate::cuts::{Cut, SettlementDecision};
use crate::decode::{self, Decoder, PseudonymKey};
use crate::disk::MemoryDisk;
use crate::pipeline::batch_decoder::{BatchDecoder, ResumePoint};
use crate::pipeline::cut_thread::CutRequest;
use crate::pipeline::dead_letter_sink::DeadLetterSink;
use crate::pipeline::message::{LogInfo, LogInventory, PollerCommand};
use crate::pipeline::watchdog::Watch;
use crate::pipeline::worker::{Outputs, WorkerOptions};
use crate::pipeline::{Compatibility, PipelineMetrics};
use crate::record::{PartitionIndex, PerStream, Stream, TopicPartition};
use crate::settings::{Layers, SettingsReader};
use crate::source::{DeadLetter, DeadLetterCounts, End, TopicIds};
use crate::telemetry::{Metrics, log};
use crate::view::snapshot::SnapshotPublisher;

/// Time of a record.
const SLOW: Duration = Duration::from_millis(40);
/// Number of records in a batch, which takes four seconds.
const BATCH: i64 = 100;
/// Time by which something due may be late: a step of records, which a slow record ends, and what else is due.
const LATE: Duration = Duration::from_millis(100);

/// Outputs that the rest of the process sees, and when.
struct Observer {
    clock: Clock,
    publisher: Arc<SnapshotPublisher>,
    commands: mpsc::Receiver<PollerCommand>,
    checkpoint_requests: mpsc::Receiver<CheckpointRequest>,
    checkpoint_thread: CheckpointThread,
    checkpoint_outcomes: async_mpsc::UnboundedSender<CheckpointOutcome>,
    cut_requests: mpsc::Receiver<CutRequest>,
    /// Called after each record with the number of records so far.
    after_record: Box<dyn FnMut(u64) + Send>,
    records: u64,
    /// Longest time by which a snapshot was late.
    latest_snapshot: Duration,
    commits: Vec<Instant>,
    /// Offsets of the last commit.
    committed: Vec<(PartitionIndex, i64)>,
    /// Offset of a dead letter that is not acknowledged.
    unacknowledged: Option<i64>,
    checkpoints: Vec<(Instant, Head)>,
    /// Requests to store a cut, and to remove those before an instant.
    cuts: Vec<(Instant, Cut, Timestamp)>,
    decisions: Vec<SettlementDecision>,
    refetches: u64,
}

impl Observer {
    fn record_applied(&mut self) {
        self.clock.advance(SLOW.as_millis() as Millis, 0);
        self.records += 1;
        (self.after_record)(self.records);
        self.look();
    }

    fn look(&mut self) {
        let now = self.clock.instant();
        let late = now.saturating_duration_since(self.publisher.newest().due);
        self.latest_snapshot = self.latest_snapshot.max(late);
        for command in self.commands.try_iter() {
            match command {
                PollerCommand::Commit(offsets) => {
                    self.commits.push(now);
                    self.committed = offsets;
                }
                PollerCommand::Refetch(_) | PollerCommand::GiveUp(_) => self.refetches += 1,
                PollerCommand::Read(_) => {}
            }
        }
        for request in self.checkpoint_requests.try_iter() {
            if let CheckpointRequest::Begin(_, start) = &request {
                self.checkpoints.push((now, start.head.clone()));
            }
            if let Some(outcome) = self.checkpoint_thread.handle(request) {
                // A task that has ended waits for none.
                drop(self.checkpoint_outcomes.send(outcome));
            }
        }
        for request in self.cut_requests.try_iter() {
            match request {
                CutRequest::Store { cut, oldest } => self.cuts.push((now, cut, oldest)),
                CutRequest::Settle(decisions) => self.decisions.extend(decisions),
                CutRequest::Compare(_) => {}
            }
        }
    }
}

/// Sink whose dead letters are slow.
#[derive(Clone)]
struct SlowLetters(Arc<Mutex<Observer>>);

impl SlowLetters {
    fn observe<T>(&self, observe: impl FnOnce(&mut Observer) -> T) -> T {
        observe(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl DeadLetterSink for SlowLetters {
    fn send(&self, _letter: &DeadLetter<'_>) {
        self.observe(Observer::record_applied);
    }

    fn acknowledged_below(&self, _index: PartitionIndex, next_offset: i64) -> i64 {
        self.observe(|seen| seen.unacknowledged.map_or(next_offset, |offset| offset.min(next_offset)))
    }

    fn counts(&self) -> DeadLetterCounts {
        DeadLetterCounts::default()
    }

    fn flush(&self, _deadline: Duration) -> bool {
        true
    }
}

/// A task on a clock that stands still between records, and its observer.
struct Rig {
    task: PipelineTask,
    letters: SlowLetters,
    metrics: Arc<Metrics>,
    clock: Clock,
    start: Timestamp,
    partitions: Vec<TopicPartition>,
}

impl Rig {
    /// A task whose logs are found, at this time.
    fn new(partitions: i32, start: &str, overrides: &[&str]) -> Self {
        let mut rig = Self::on(CheckpointStore::new(Arc::new(MemoryDisk::default())), partitions, start, overrides);
        rig.task.worker.take(WorkerMessage::LogsFound(inventory(&rig.partitions))).unwrap();
        rig
    }

    /// A task with these checkpoints, whose logs are not found yet.
    fn on(store: CheckpointStore, partitions: i32, start: &str, overrides: &[&str]) -> Self {
        Self::with_cut(store, None, partitions, start, overrides)
    }

    /// Such a task whose list of cuts ends with this one.
    fn with_cut(
        store: CheckpointStore,
        newest_cut: Option<LastCut>,
        partitions: i32,
        start: &str,
        overrides: &[&str],
    ) -> Self {
        let overrides = overrides.iter().map(|&setting| setting.to_owned()).collect();
        let mut reader = SettingsReader::load(&Layers { overrides, ..Layers::default() });
        let start: Timestamp = start.parse().unwrap();
        let clock = Clock::manual(start);
        let publisher = Arc::new(SnapshotPublisher::new(start, Arc::default(), clock.instant()));
        let in_flight = BytesInFlight::default();
        let (request_checkpoint, checkpoint_requests) = mpsc::channel();
        let (report_checkpoint, checkpoint_outcomes) = async_mpsc::unbounded_channel();
        let (cuts, cut_requests) = mpsc::channel();
        let (commands, received_commands) = mpsc::channel();
        let letters = SlowLetters(Arc::new(Mutex::new(Observer {
            clock: clock.clone(),
            publisher: Arc::clone(&publisher),
            commands: received_commands,
            checkpoint_requests,
            checkpoint_thread: CheckpointThread::new(store.clone(), in_flight.clone()),
            checkpoint_outcomes: report_checkpoint,
            cut_requests,
            after_record: Box::new(|_| {}),
            records: 0,
            latest_snapshot: Duration::ZERO,
            commits: Vec::new(),
            committed: Vec::new(),
            unacknowledged: None,
            checkpoints: Vec::new(),
            cuts: Vec::new(),
            decisions: Vec::new(),
            refetches: 0,
        })));
        let topics = PerStream::from_fn(|stream| stream.name().to_owned());
        let counters = Arc::new(log::LogCounters::new(&log::Settings::read(&mut reader)));
        let metrics = Arc::new(Metrics::new(&[], &[], counters));
        let outputs = Outputs {
            commands,
            dead_letters: Box::new(letters.clone()),
            publisher,
            metrics: PipelineMetrics::new(Arc::clone(&metrics), &topics, 1),
            checkpoints: CheckpointHandle::new(request_checkpoint, in_flight),
            cuts,
        };
        let settings = Settings::read(&mut reader);
        let worker = worker(&mut reader, &settings, &clock, store, newest_cut, outputs);
        let partition = |partition| {
            let stream = Stream::Milestone;
            TopicPartition { stream, topic: topics[stream].clone(), partition }
        };
        let partitions: Vec<_> = (0..partitions).map(partition).collect();
        let (_, cut_outcomes) = async_mpsc::unbounded_channel();
        let (_, targets) = watch::channel(Arc::default());
        let task = PipelineTask { worker, settings, clock: clock.clone(), checkpoint_outcomes, cut_outcomes, targets };
        Self { task, letters, metrics, clock, start, partitions }
    }

    /// Batches of the first partition that follow each other.
    fn batches(&self, count: i64) -> Vec<WorkerMessage> {
        let (decoder, excluded) = (decoder(), PerStream::default());
        let resume_points = vec![ResumePoint { next_offset: 0, last_record: None }; self.partitions.len()];
        let mut decoder = BatchDecoder::new(&decoder, &excluded, self.partitions.clone(), resume_points);
        let batch = |number| {
            let (index, first_offset) = (PartitionIndex::new(0), number * BATCH);
            let records = EmptyRecords { index, first_offset, count: BATCH as usize, start: self.start };
            WorkerMessage::Records(decoder.decode(records, self.clock.instant()).unwrap())
        };
        (0..count).map(batch).collect()
    }

    /// Confirms the cuts that are whole.
    fn confirm_cuts(&mut self) {
        for _ in 0..2 {
            self.clock.advance(1, 0);
            let answer = topics(&self.clock, Some(self.partitions.len()), PerStream::default());
            self.task.worker.take(answer).unwrap();
        }
        self.letters.observe(Observer::look);
    }

    /// Saves the state of every partition.
    fn save(&mut self) {
        self.task.worker.save_all();
        while self.task.worker.is_saving() {
            self.task.worker.step().unwrap();
            self.letters.observe(Observer::look);
            while let Ok(outcome) = self.task.checkpoint_outcomes.try_recv() {
                self.task.worker.report(outcome).unwrap();
            }
        }
    }

    /// Runs the task with these messages in its queue, then the last one.
    fn run(self, messages: Vec<WorkerMessage>, shutdown: Shutdown) -> Result<(), Failure> {
        self.run_with_reports(messages, async_mpsc::channel(1).1, shutdown)
    }

    fn run_with_reports(
        self,
        messages: Vec<WorkerMessage>,
        reports: Receiver<WorkerMessage>,
        shutdown: Shutdown,
    ) -> Result<(), Failure> {
        let (send, received) = async_mpsc::channel(messages.len() + 1);
        for message in messages.into_iter().chain([WorkerMessage::Stopped]) {
            assert!(send.try_send(message).is_ok(), "the channel has room for all");
        }
        Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(self.task.run(received, reports, shutdown))
    }
}

fn worker(
    reader: &mut SettingsReader,
    settings: &Settings,
    clock: &Clock,
    store: CheckpointStore,
    newest_cut: Option<LastCut>,
    outputs: Outputs,
) -> Worker {
    Worker::new(WorkerOptions {
        stall_timeout: Duration::from_secs(30),
        commit_interval: Duration::from_secs(1),
        settings: settings.clone(),
        compatibility: Compatibility {
            rules: Rules::default(),
            decode: decode::Settings::read(reader),
            excluded: PerStream::default(),
            key_id: String::new(),
        },
        view_config: ViewConfig::default(),
        clock: clock.clone(),
        store,
        closed_periods: Arc::default(),
        newest_cut,
        cut_offsets: Vec::new(),
        unsettled_cuts: Vec::new(),
        outputs,
    })
}

fn decoder() -> Decoder {
    let reader = SettingsReader::load(&Layers::default());
    Decoder::new(decode::Settings::read(&mut { reader }), PseudonymKey::from_hex(&"5a".repeat(32)).unwrap())
}

fn inventory(partitions: &[TopicPartition]) -> LogInventory {
    let log = |partition: &TopicPartition| LogInfo {
        partition: partition.clone(),
        low: 0,
        end: Some(1_000_000),
        committed: None,
    };
    let logs = partitions.iter().map(log).collect();
    LogInventory {
        cluster_id: None,
        topic_ids: PerStream::default(),
        logs,
        committed_fault: None,
        timestamps: PerStream::default(),
        short_retention: PerStream::default(),
    }
}

/// An answer about the topics to a question that is asked now.
fn topics(clock: &Clock, milestones: Option<usize>, ids: TopicIds) -> WorkerMessage {
    let counts = PerStream::from_fn(|stream| milestones.filter(|_| stream == Stream::Milestone));
    WorkerMessage::Topics { asked: clock.now(), asked_at: clock.instant(), counts, ids }
}

fn longest_gap(times: &[Instant]) -> Duration {
    times.windows(2).map(|pair| pair[1] - pair[0]).max().expect("several")
}

#[test]
fn what_is_due_is_done_though_the_queue_is_never_empty() {
    // Midnight in Mexico is after 20 s.
    let overrides = ["checkpoint.max_interval=2s", "checkpoint.max_cpu_percent=100", "shutdown.deadline=100ms"];
    let rig = Rig::new(1, "2026-09-22T05:59:40Z", &overrides);
    let (letters, started, clock) = (rig.letters.clone(), rig.clock.instant(), rig.clock.clone());
    let batches = rig.batches(20);
    let (report, reports) = async_mpsc::channel(1);
    letters.observe(|seen| {
        seen.after_record = Box::new(move |_| {
            // One that is not taken yet is asked for again.
            let _ = report.try_send(topics(&clock, Some(1), PerStream::default()));
        });
    });
    rig.run_with_reports(batches, reports, Shutdown::new()).unwrap();
    letters.observe(|seen| {
        assert_eq!(seen.records, 20 * BATCH as u64);
        assert!(seen.latest_snapshot <= LATE, "a snapshot was late by {:?}", seen.latest_snapshot);
        let second = Duration::from_secs(1);
        assert!(longest_gap(&seen.commits) <= second + LATE, "{:?}", longest_gap(&seen.commits));
        let begun: Vec<Instant> = seen.checkpoints.iter().map(|(at, _)| *at).collect();
        assert!(longest_gap(&begun) <= second * 2 + LATE * 3, "{:?}", longest_gap(&begun));
        let heads = || seen.checkpoints.iter().map(|(_, head)| head);
        assert!(heads().any(|head| head.next_offset % BATCH != 0), "some are of the middle of a batch");
        let last_offset = |head: &Head| head.last_record.map(|last| last.offset);
        assert!(heads().all(|head| last_offset(head) == Some(head.next_offset - 1)));
        let (at, ref cut, _) = seen.cuts[0];
        assert_eq!(cut.at_ms, "2026-09-22T06:00:00Z".parse().unwrap());
        // The first record after midnight is the 502nd; a cut is requested with the second answer from then on.
        let passed = started + SLOW * 502;
        assert!(at >= passed && at - passed <= Duration::from_millis(250) + LATE, "{:?}", at - passed);
    });
}

#[test]
fn a_shutdown_does_not_wait_for_all_records() {
    let rig = Rig::new(1, "2026-09-22T12:00:00Z", &["shutdown.deadline=1s"]);
    let (letters, shutdown) = (rig.letters.clone(), Shutdown::new());
    let requested = shutdown.clone();
    letters.observe(|seen| {
        seen.after_record = Box::new(move |records| {
            if records == 150 {
                requested.request();
            }
        });
    });
    let batches = rig.batches(20);
    rig.run(batches, shutdown).unwrap();
    letters.observe(Observer::look);
    letters.observe(|seen| {
        assert!((150..160).contains(&seen.records), "{} records: a fifth of a second's are five", seen.records);
        let head = &seen.checkpoints.last().expect("state is saved").1;
        assert_eq!(head.next_offset as u64, seen.records);
        assert!(!seen.commits.is_empty());
    });
}

#[test]
fn reports_do_not_wait_for_records() {
    let mut rig = Rig::new(1, "2026-09-22T12:00:00Z", &[]);
    let batches = rig.batches(1);
    let worker = &mut rig.task.worker;
    batches.into_iter().for_each(|batch| worker.take(batch).unwrap());
    worker.apply_step();
    let ends = vec![(PartitionIndex::new(0), End { stable: BATCH, high: BATCH })];
    worker.take(WorkerMessage::Ends { asked: rig.start, ends, missing: Vec::new() }).unwrap();
    worker.publish(0);
    let lag = |seen: &mut Observer| (seen.records as i64, seen.publisher.newest().partitions[0].lag);
    let (records, lag) = rig.letters.observe(lag);
    assert!(records < BATCH && worker.is_applying());
    assert_eq!(lag, Some(BATCH - records));
}

#[test]
fn a_report_in_the_middle_of_a_batch_is_taken_at_once() {
    let rig = Rig::new(1, "2026-09-22T12:00:00Z", &["shutdown.deadline=100ms"]);
    let (letters, asked) = (rig.letters.clone(), rig.start);
    // As many messages as tokio lets through before it makes a task yield.
    let positions = || WorkerMessage::Positions { positions: Vec::new(), drained: None };
    let messages = std::iter::repeat_with(positions).take(127).chain(rig.batches(1)).collect();
    let (report, reports) = async_mpsc::channel(1);
    letters.observe(|seen| {
        let publisher = Arc::clone(&seen.publisher);
        seen.after_record = Box::new(move |records| {
            if records == 20 {
                let ends = vec![(PartitionIndex::new(0), End { stable: BATCH, high: BATCH })];
                let ends = WorkerMessage::Ends { asked, ends, missing: Vec::new() };
                assert!(report.try_send(ends).is_ok(), "there is room");
            }
            let is_known = publisher.newest().partitions.iter().all(|status| status.end.is_some());
            assert!(is_known || records < 40, "the end offset is not known by record {records}");
        });
    });
    rig.run_with_reports(messages, reports, Shutdown::new()).unwrap();
}

#[test]
fn a_log_that_grows_below_what_was_applied_is_too_short() {
    let mut rig = Rig::new(1, "2026-09-22T12:00:00Z", &["kafka.stall_timeout=30s"]);
    let letters = rig.letters.clone();
    let batches = rig.batches(1);
    let worker = &mut rig.task.worker;
    batches.into_iter().for_each(|batch| worker.take(batch).unwrap());
    while worker.is_applying() {
        worker.apply_step();
    }
    let mut take_end = |stable: i64, high: i64| {
        let asked = letters.observe(|seen| {
            seen.clock.advance(10_000, 0);
            seen.clock.now()
        });
        let ends = vec![(PartitionIndex::new(0), End { stable, high })];
        worker.take(WorkerMessage::Ends { asked, ends, missing: Vec::new() })
    };
    for _ in 0..5 {
        take_end(0, BATCH).expect("an open transaction holds nothing back that was applied");
    }
    take_end(BATCH - 1, BATCH - 1).expect("the answer may be old");
    take_end(BATCH, BATCH).unwrap();
    (50..53).for_each(|end| take_end(end, end).expect("a new leader may lag behind for a moment"));
    assert_eq!(take_end(53, 53).map_err(|failure| failure.exit), Err(Exit::StateUnusable));
}
