//! The simulated process: the real core, checkpoint codec and worker. What `poller`, `task` and the checkpoint thread
//! do around them happens here step by step, when an action calls for it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use pacemeter::checkpoint::{
    BytesInFlight, CheckpointHandle, CheckpointId, CheckpointOutcome, CheckpointRequest, CheckpointStore,
    CheckpointThread,
};
use pacemeter::clock::Clock;
use pacemeter::cuts::{CutKey, CutStore};
use pacemeter::pipeline::{
    BatchDecoder, CutRequest, CutThread, LogInfo, LogInventory, LogMismatch, Outputs, PipelineMetrics, Policy,
    PollerCommand, ResumePoint, Settings, Worker, WorkerMessage, WorkerOptions, newest_cut_offsets,
};
use pacemeter::record::{Header, PartitionIndex, PerStream, RawRecord, RawRecords};
use pacemeter::runtime::Failure;
use pacemeter::source::{ClientEvent, TopicIds};
use pacemeter::view::snapshot::{Snapshot, SnapshotPublisher};

use super::actions::Config;
use super::dead_letters::SimDeadLetters;
use super::disk::SimDisk;
use super::logs::{Entry, Log, Logs};
use super::shared::{Shared, Variant};

/// Number of messages that may wait for the task.
const QUEUE: usize = 8;
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
const COMMIT_INTERVAL: Duration = Duration::from_secs(5);

pub struct Process<'a> {
    pub variant: &'a Variant,
    pub config: Config,
    pub worker: Worker,
    checkpoint_thread: CheckpointThread,
    checkpoint_requests: Receiver<CheckpointRequest>,
    /// Checkpoint that is being finished step by step.
    finishing: Option<CheckpointId>,
    /// Numbers of checkpoints that have ended.
    ended: BTreeSet<u64>,
    checkpoint_outcomes: VecDeque<CheckpointOutcome>,
    pub cuts: CutStore,
    /// Faults of the stored cuts that the start found.
    pub cut_faults: Vec<String>,
    cut_requests: Receiver<CutRequest>,
    cut_thread: CutThread,
    commands: Receiver<PollerCommand>,
    /// Messages to the worker.
    messages: VecDeque<WorkerMessage>,
    decoder: BatchDecoder<'a>,
    /// Offset of the next record that the client hands over, by partition index.
    pub positions: Vec<i64>,
    /// True for partitions that can no longer be read, by partition index.
    halted: Vec<bool>,
    is_reading: bool,
    /// Answers to end offset queries that have not arrived yet.
    answers: VecDeque<[WorkerMessage; 2]>,
    publisher: Arc<SnapshotPublisher>,
    clock: Clock,
    dead_letters: SimDeadLetters,
}

/// Records that the client hands over together.
struct SimBatch(Vec<(PartitionIndex, i64, Arc<Entry>)>);

impl RawRecords for SimBatch {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn partition(&self, position: usize) -> PartitionIndex {
        self.0[position].0
    }

    fn get<'a, 'b>(&'b self, position: usize, _headers: &'a mut Vec<Header<'b>>) -> RawRecord<'a> {
        self.without_headers(position)
    }

    fn without_headers(&self, position: usize) -> RawRecord<'_> {
        let (_, offset, entry) = &self.0[position];
        RawRecord {
            offset: *offset,
            timestamp: Some(entry.timestamp),
            key: Some(&entry.key),
            value: entry.value.as_ref().map(String::as_bytes),
            ..RawRecord::default()
        }
    }
}

fn policy(rebuilds: bool) -> Policy {
    if rebuilds { Policy::Rebuild } else { Policy::Fail }
}

fn settings_of(variant: &Variant, config: Config) -> Settings {
    let mut settings = variant.settings.clone();
    settings.restore.on_mismatch = policy(config.rebuild_mismatch);
    settings.restore.on_missing = policy(config.rebuild_missing);
    settings.restore.accept_lost_history = config.accept_lost_history;
    settings.checkpoint_scheduler.max_replay_records = config.records;
    settings.checkpoint_scheduler.exit_after_failures = config.exit_after_failures;
    settings
}

fn topic_ids() -> TopicIds {
    PerStream::from_fn(|stream| Some(stream.name().to_owned()))
}

fn inventory(logs: &Logs, config: Config) -> LogInventory {
    let info = |log: &Log| LogInfo {
        partition: log.partition.clone(),
        low: log.low,
        end: config.ends_known.then(|| log.end()),
        committed: log.committed.filter(|committed| !config.ends_known || *committed <= log.end()),
    };
    LogInventory {
        cluster_id: Some("simulated".to_owned()),
        topic_ids: topic_ids(),
        logs: logs.logs.iter().map(info).collect(),
        committed_fault: None,
        timestamps: PerStream::from_fn(|_| logs.timestamps),
        short_retention: PerStream::default(),
    }
}

/// Points from which a worker that has found logs requests their records.
fn requested(commands: &mpsc::Receiver<PollerCommand>) -> Vec<ResumePoint> {
    let Ok(PollerCommand::Read(resume_points)) = commands.try_recv() else { panic!("it requests their records") };
    resume_points
}

impl<'a> Process<'a> {
    /// Starts the process: it restores its state and requests the records from there.
    pub fn start(
        shared: &'a Shared,
        config: Config,
        logs: &Logs,
        disk: &SimDisk,
        dead_letters: &SimDeadLetters,
        clock: &Clock,
    ) -> Result<Self, Failure> {
        let variant = shared.variant(config.semantic_settings, config.list);
        let store = CheckpointStore::new(Arc::new(disk.clone()));
        let cuts = CutStore::new(Arc::new(disk.clone()), CutKey::new([7; 32]));
        let periods = cuts.closed_periods();
        let (closed_periods, cut_faults) = periods.map_err(|error| Failure::from_io("the cuts", &error))?;
        let (request_checkpoint, checkpoint_requests) = mpsc::channel();
        let (request_cut, cut_requests) = mpsc::channel();
        let (command, commands) = mpsc::channel();
        let in_flight = BytesInFlight::default();
        let publisher = Arc::new(SnapshotPublisher::new(clock.now(), Arc::default(), clock.instant()));
        let mut worker = Worker::new(WorkerOptions {
            stall_timeout: STALL_TIMEOUT,
            commit_interval: COMMIT_INTERVAL,
            settings: settings_of(variant, config),
            compatibility: variant.compatibility.clone(),
            view_config: variant.view_config.clone(),
            clock: clock.clone(),
            store: store.clone(),
            cut_offsets: newest_cut_offsets(&cuts, &closed_periods),
            closed_periods: Arc::new(closed_periods),
            newest_cut: cuts.newest(),
            unsettled_cuts: cuts.unsettled().map_err(|error| Failure::from_io("the cuts", &error))?,
            outputs: Outputs {
                commands: command,
                dead_letters: Box::new(dead_letters.clone()),
                publisher: Arc::clone(&publisher),
                metrics: PipelineMetrics::new(Arc::clone(&shared.metrics), &shared.topics, QUEUE),
                checkpoints: CheckpointHandle::new(request_checkpoint, in_flight.clone()),
                cuts: request_cut,
            },
        });
        worker.take(WorkerMessage::LogsFound(inventory(logs, config)))?;
        let resume_points = requested(&commands);
        let partitions = logs.logs.iter().map(|log| log.partition.clone()).collect();
        let mut process = Self {
            variant,
            config,
            worker,
            checkpoint_thread: CheckpointThread::new(store, in_flight),
            checkpoint_requests,
            finishing: None,
            ended: BTreeSet::new(),
            checkpoint_outcomes: VecDeque::new(),
            cuts: cuts.clone(),
            cut_faults: cut_faults.iter().map(ToString::to_string).collect(),
            cut_requests,
            cut_thread: CutThread::new(cuts),
            commands,
            messages: VecDeque::new(),
            positions: resume_points.iter().map(ResumePoint::read_from).collect(),
            halted: vec![false; resume_points.len()],
            decoder: BatchDecoder::new(&shared.decoder, &shared.excluded, partitions, resume_points),
            is_reading: true,
            answers: VecDeque::new(),
            publisher,
            clock: clock.clone(),
            dead_letters: dead_letters.clone(),
        };
        // The list of cuts is compared with what the checkpoints name.
        process.store_cut();
        Ok(process)
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.publisher.newest()
    }

    pub fn publisher(&self) -> Arc<SnapshotPublisher> {
        Arc::clone(&self.publisher)
    }

    /// The client hands over up to `most` records; `order` is the seed of the order of partitions.
    pub fn fetch(&mut self, logs: &Logs, most: usize, order: u64) {
        if !self.is_reading || self.messages.len() >= QUEUE {
            return;
        }
        let mut random = fastrand::Rng::with_seed(order);
        let mut batch = Vec::new();
        while batch.len() < most {
            let next = |index: usize| logs.logs[index].next_record(self.positions[index]);
            let has_more = |index: &usize| !self.halted[*index] && next(*index) < logs.logs[*index].end();
            let readable: Vec<usize> = (0..logs.logs.len()).filter(has_more).collect();
            let Some(&index) = random.choice(&readable) else { break };
            for _ in 0..random.u8(1..9) {
                let offset = logs.logs[index].next_record(self.positions[index]);
                let Some(entry) = logs.logs[index].entry(offset) else { break };
                batch.push((PartitionIndex::new(index), offset, Arc::clone(entry)));
                self.positions[index] = offset + 1;
            }
        }
        if batch.is_empty() {
            return;
        }
        match self.decoder.decode(SimBatch(batch), self.clock.instant()) {
            Ok(batch) => self.messages.push_back(WorkerMessage::Records(batch)),
            Err(mismatch) => self.stop_reading(mismatch),
        }
    }

    fn stop_reading(&mut self, LogMismatch(index): LogMismatch) {
        self.is_reading = false;
        self.messages.push_back(WorkerMessage::LogMismatch(index));
    }

    /// The client reports its positions, past offsets without a record.
    pub fn report_positions(&mut self, logs: &Logs) {
        if !self.is_reading {
            return;
        }
        for (index, log) in logs.logs.iter().enumerate().filter(|(index, _)| !self.halted[*index]) {
            self.positions[index] = log.next_record(self.positions[index]);
        }
        let positions: Vec<_> = self
            .positions
            .iter()
            .enumerate()
            .map(|(index, position)| (PartitionIndex::new(index), *position))
            .collect();
        match self.decoder.check_positions(&positions) {
            Ok(()) => {
                let drained = Some(self.clock.instant());
                self.messages.push_back(WorkerMessage::Positions { positions, drained });
            }
            Err(mismatch) => self.stop_reading(mismatch),
        }
    }

    /// The next record of a partition is no longer in the log.
    pub fn halt(&mut self, index: usize) {
        if self.halted[index] || !self.is_reading {
            return;
        }
        self.halted[index] = true;
        let event = ClientEvent::OutOfRange {
            index: PartitionIndex::new(index),
            next_offset: self.positions[index],
            reason: "simulated".to_owned(),
        };
        self.messages.push_back(WorkerMessage::ClientEvents(vec![event]));
    }

    /// Queries all end offsets; that of the partition `unanswered` stays unknown.
    pub fn ask_ends(&mut self, logs: &Logs, unanswered: u8) {
        let answered = logs.logs.iter().enumerate().filter(|(index, _)| *index != usize::from(unanswered));
        let ends = answered
            .map(|(index, log)| {
                (PartitionIndex::new(index), pacemeter::source::End { stable: log.end(), high: log.end() })
            })
            .collect();
        self.answers.push_back([
            WorkerMessage::Ends { asked: self.clock.now(), ends, missing: Vec::new() },
            WorkerMessage::Topics {
                asked: self.clock.now(),
                asked_at: self.clock.instant(),
                counts: logs.partition_counts(),
                ids: topic_ids(),
            },
        ]);
    }

    pub fn answer_ends(&mut self) {
        self.messages.extend(self.answers.pop_front().into_iter().flatten());
    }

    /// The client carries out the worker's commands.
    pub fn serve(&mut self, logs: &mut Logs, commit_is_lost: bool) {
        while let Ok(command) = self.commands.try_recv() {
            let PollerCommand::Commit(offsets) = command else { continue };
            let event = if commit_is_lost {
                ClientEvent::CommitFailed { reason: "simulated".to_owned(), denied: false }
            } else {
                offsets.iter().for_each(|(index, offset)| logs.logs[index.index()].committed = Some(*offset));
                ClientEvent::Committed
            };
            self.messages.push_back(WorkerMessage::ClientEvents(vec![event]));
        }
    }

    /// The task takes up to `most` steps while it has room: the next records of the batch in progress, or the next
    /// message.
    pub fn take(&mut self, most: usize) -> Result<(), Failure> {
        for _ in 0..most {
            if !self.worker.has_room() {
                break;
            }
            let is_report = |message: &WorkerMessage| !message.follows_records();
            if let Some(report) = self.messages.iter().position(is_report) {
                let report = self.messages.remove(report).expect("it was found");
                self.worker.take(report)?;
            } else if self.worker.is_applying() {
                self.worker.apply(self.config.step_records);
            } else {
                let Some(message) = self.messages.pop_front() else { break };
                self.worker.take(message)?;
            }
            self.worker.step()?;
        }
        Ok(())
    }

    pub fn report(&mut self) -> Result<(), Failure> {
        while let Some(outcome) = self.checkpoint_outcomes.pop_front() {
            self.worker.report(outcome)?;
            self.worker.step()?;
        }
        Ok(())
    }

    /// Publishes a snapshot and handles one request of the cut thread.
    pub fn publish(&mut self) {
        self.worker.publish(self.messages.len());
        self.store_cut();
    }

    /// The checkpoint thread takes a step. Returns the outcome if that ends a checkpoint.
    pub fn step_checkpoint_thread(&mut self) -> Option<&CheckpointOutcome> {
        let outcome = match self.finishing {
            Some(id) => self.checkpoint_thread.finish_step(id),
            None => match self.checkpoint_requests.try_recv() {
                Ok(CheckpointRequest::Finish(id)) if !self.ended.contains(&id.number) => {
                    self.finishing = Some(id);
                    None
                }
                Ok(CheckpointRequest::Finish(_)) | Err(_) => None,
                Ok(request) => self.checkpoint_thread.handle(request),
            },
        };
        let outcome = outcome?;
        self.ended.insert(outcome.id.number);
        self.finishing = None;
        self.checkpoint_outcomes.push_back(outcome);
        self.checkpoint_outcomes.back()
    }

    /// The cut thread handles one request; false if there is none.
    pub fn store_cut(&mut self) -> bool {
        let Ok(request) = self.cut_requests.try_recv() else { return false };
        self.cut_thread.handle(request, |outcome| self.worker.cut_stored(outcome));
        true
    }

    /// Begins to stop in order, as `task` does: applies what was read, and waits for dead letters.
    pub fn begin_stop(&mut self) -> Result<(), Failure> {
        self.is_reading = false;
        while self.worker.is_applying() || !self.messages.is_empty() {
            // The checkpoint thread makes room; in a real process it runs meanwhile.
            while !self.worker.has_room() && self.step_checkpoint_thread().is_none() {}
            self.take(1)?;
        }
        self.worker.flush_dead_letters(Duration::ZERO);
        self.worker.publish(0);
        Ok(())
    }

    /// Ends the process. Its dead letters in flight never arrive.
    pub fn end(self) {
        self.dead_letters.abandon();
    }
}
