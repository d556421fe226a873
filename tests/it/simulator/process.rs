//! The process in the simulator: the real core, checkpoint codec and worker, in a shell that does what `poller`, `task` and the writing thread
//! do, a little at a time and when it is told.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use pacemeter::checkpoint::{
    BytesInFlight, CheckpointHandle, CheckpointId, CheckpointOutcome, CheckpointRequest, CheckpointStore,
    CheckpointThread,
};
use pacemeter::clock::Clock;
use pacemeter::cuts::CutStore;
use pacemeter::pipeline::{
    BatchDecoder, Command, CutOutcome, CutRequest, LogInfo, LogInventory, LogMismatch, Message, Original, Originals,
    Outputs, PipelineMetrics, Policy, RecordBatch, ResumePoint, Settings, Worker, WorkerOptions,
};
use pacemeter::record::PartitionIndex;
use pacemeter::record::{Header, PerStream};
use pacemeter::runtime::Failure;
use pacemeter::source::ClientEvent;
use pacemeter::view::snapshot::{Snapshot, SnapshotPublisher};

use super::actions::Config;
use super::disk::SimDisk;
use super::letters::PostOffice;
use super::logs::{Entry, Logs};
use super::shared::{Shared, Variant};

/// Batches that may wait for the task.
const QUEUE: usize = 8;
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

pub struct Process<'a> {
    pub variant: &'a Variant,
    pub config: Config,
    pub worker: Worker,
    keeper: CheckpointThread,
    orders: Receiver<CheckpointRequest>,
    /// What is being finished, a step at a time.
    finishing: Option<CheckpointId>,
    /// Jobs that have ended.
    over: BTreeSet<u64>,
    reports: VecDeque<CheckpointOutcome>,
    cuts: CutStore,
    cut_orders: Receiver<CutRequest>,
    commands: Receiver<Command>,
    inbox: VecDeque<Message>,
    intake: BatchDecoder<'a>,
    /// By slot: the next offset to hand over.
    pub positions: Vec<i64>,
    /// By slot: it cannot be read any more.
    halted: Vec<bool>,
    is_reading: bool,
    answers: VecDeque<Message>,
    publisher: Arc<SnapshotPublisher>,
    clock: Clock,
    letters: PostOffice,
}

/// Records of a batch.
struct Batch(Vec<(PartitionIndex, i64, Arc<Entry>)>);

impl Originals for Batch {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn original<'a>(&'a self, index: usize, _headers: &mut Vec<Header<'a>>) -> Original<'a> {
        let (slot, offset, entry) = &self.0[index];
        Original {
            slot: *slot,
            offset: *offset,
            timestamp: Some(entry.timestamp),
            key: Some(&entry.key),
            value: entry.value.as_ref().map(String::as_bytes),
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

impl<'a> Process<'a> {
    /// Starts it: it restores its state, and says from where it reads.
    pub fn start(
        shared: &'a Shared,
        config: Config,
        logs: &Logs,
        disk: &SimDisk,
        letters: &PostOffice,
        clock: &Clock,
    ) -> Result<Self, Failure> {
        let variant = shared.variant(config.semantic_settings, config.list);
        let settings = settings_of(variant, config);
        let store = CheckpointStore::new(Arc::new(disk.clone()));
        let (orders, order_inbox) = mpsc::channel();
        let (cut_orders, cut_inbox) = mpsc::channel();
        let cuts = CutStore::new(Arc::new(disk.clone()));
        let (commands, command_inbox) = mpsc::channel();
        let in_flight = BytesInFlight::default();
        let publisher = Arc::new(SnapshotPublisher::new(clock.now(), Arc::default()));
        let outputs = Outputs {
            commands,
            dead_letters: Box::new(letters.clone()),
            publisher: Arc::clone(&publisher),
            metrics: PipelineMetrics::new(Arc::clone(&shared.metrics), &shared.topics, QUEUE),
            checkpoints: CheckpointHandle::new(orders, in_flight.clone()),
            cuts: cut_orders,
        };
        let view_config = variant.view_config.clone();
        let (closed_periods, _) = cuts.closed_periods().map_err(|error| Failure::from_io("the cuts", &error))?;
        let mut worker = Worker::new(WorkerOptions {
            stall_timeout: STALL_TIMEOUT,
            settings,
            compatibility: variant.compatibility.clone(),
            view_config,
            clock: clock.clone(),
            store: store.clone(),
            closed_periods: Arc::new(closed_periods),
            outputs,
        });
        let found = |log: &super::logs::Log| LogInfo {
            partition: log.partition.clone(),
            low: log.low,
            end: config.ends_known.then(|| log.end()),
            committed: log.committed.filter(|committed| !config.ends_known || *committed <= log.end()),
        };
        let found = LogInventory {
            cluster_id: Some("simulated".to_owned()),
            logs: logs.logs.iter().map(found).collect(),
            short_retention: PerStream::default(),
        };
        worker.take(Message::Found(found))?;
        let Ok(Command::Read(starts)) = command_inbox.try_recv() else {
            panic!("a worker that has found logs says where to read")
        };
        let from = |start: &ResumePoint| start.last_record.map_or(start.next_offset, |last_record| last_record.offset);
        let partitions = logs.logs.iter().map(|log| log.partition.clone()).collect();
        Ok(Self {
            variant,
            config,
            worker,
            keeper: CheckpointThread::new(store, in_flight),
            orders: order_inbox,
            finishing: None,
            over: BTreeSet::new(),
            reports: VecDeque::new(),
            cuts,
            cut_orders: cut_inbox,
            commands: command_inbox,
            inbox: VecDeque::new(),
            positions: starts.iter().map(from).collect(),
            halted: vec![false; starts.len()],
            intake: BatchDecoder::new(&shared.decoder, &shared.excluded, partitions, starts),
            is_reading: true,
            answers: VecDeque::new(),
            publisher,
            clock: clock.clone(),
            letters: letters.clone(),
        })
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.publisher.newest()
    }

    pub fn publisher(&self) -> Arc<SnapshotPublisher> {
        Arc::clone(&self.publisher)
    }

    /// The client hands over up to `most` records, of partitions as `order` has them.
    pub fn fetch(&mut self, logs: &Logs, most: usize, order: u64) {
        if !self.is_reading || self.inbox.len() >= QUEUE {
            return;
        }
        let mut random = fastrand::Rng::with_seed(order);
        let mut batch = Vec::new();
        while batch.len() < most {
            let next = |slot: usize| logs.logs[slot].next_record(self.positions[slot]);
            let has_more = |slot: &usize| !self.halted[*slot] && next(*slot) < logs.logs[*slot].end();
            let readable: Vec<usize> = (0..logs.logs.len()).filter(has_more).collect();
            let Some(&slot) = random.choice(&readable) else { break };
            for _ in 0..random.u8(1..9) {
                let offset = logs.logs[slot].next_record(self.positions[slot]);
                let Some(entry) = logs.logs[slot].entry(offset) else { break };
                batch.push((PartitionIndex::new(slot), offset, Arc::clone(entry)));
                self.positions[slot] = offset + 1;
            }
        }
        if batch.is_empty() {
            return;
        }
        let batch = Batch(batch);
        match self.intake.take(&batch) {
            Ok(taken) => {
                let records = RecordBatch { taken, originals: Box::new(batch), at: self.clock.instant() };
                self.inbox.push_back(Message::Records(records));
            }
            Err(LogMismatch(slot)) => self.stop_reading(slot),
        }
    }

    fn stop_reading(&mut self, slot: PartitionIndex) {
        self.is_reading = false;
        self.inbox.push_back(Message::LogMismatch(slot));
    }

    /// The client tells how far it is, beyond what holds no record.
    pub fn tell_positions(&mut self, logs: &Logs) {
        if !self.is_reading {
            return;
        }
        for (slot, log) in logs.logs.iter().enumerate().filter(|(slot, _)| !self.halted[*slot]) {
            self.positions[slot] = log.next_record(self.positions[slot]);
        }
        let positions: Vec<_> =
            self.positions.iter().enumerate().map(|(slot, position)| (PartitionIndex::new(slot), *position)).collect();
        match self.intake.passed(&positions) {
            Ok(()) => self.inbox.push_back(Message::Positions(positions)),
            Err(LogMismatch(slot)) => self.stop_reading(slot),
        }
    }

    /// What is to be read next of a partition is gone.
    pub fn halt(&mut self, slot: usize) {
        if self.halted[slot] || !self.is_reading {
            return;
        }
        self.halted[slot] = true;
        let event = ClientEvent::OutOfRange {
            index: PartitionIndex::new(slot),
            next_offset: self.positions[slot],
            reason: "simulated".to_owned(),
        };
        self.inbox.push_back(Message::Client(vec![event]));
    }

    pub fn ask_ends(&mut self, logs: &Logs, unanswered: u8) {
        let answered = logs.logs.iter().enumerate().filter(|(slot, _)| *slot != usize::from(unanswered));
        let ends = answered
            .map(|(slot, log)| {
                (PartitionIndex::new(slot), pacemeter::source::End { stable: log.end(), high: log.end() })
            })
            .collect();
        self.answers.push_back(Message::Ends { asked: self.clock.now(), ends, missing: Vec::new() });
    }

    pub fn answer_ends(&mut self) {
        self.inbox.extend(self.answers.pop_front());
    }

    /// The client does what it was asked.
    pub fn serve(&mut self, logs: &mut Logs, commit_is_lost: bool) {
        while let Ok(command) = self.commands.try_recv() {
            let Command::Commit(offsets) = command else { continue };
            let event = if commit_is_lost {
                ClientEvent::CommitFailed { reason: "simulated".to_owned(), denied: false }
            } else {
                offsets.iter().for_each(|(slot, offset)| logs.logs[slot.index()].committed = Some(*offset));
                ClientEvent::Committed
            };
            self.inbox.push_back(Message::Client(vec![event]));
        }
    }

    /// The task takes messages, as long as it has room.
    pub fn take(&mut self, most: usize) -> Result<(), Failure> {
        for _ in 0..most {
            if !self.worker.has_room() {
                break;
            }
            let Some(message) = self.inbox.pop_front() else { break };
            self.worker.take(message)?;
            self.worker.step()?;
        }
        Ok(())
    }

    pub fn report(&mut self) -> Result<(), Failure> {
        while let Some(report) = self.reports.pop_front() {
            self.worker.report(report)?;
            self.worker.step()?;
        }
        Ok(())
    }

    pub fn publish(&mut self) {
        self.worker.publish(self.inbox.len());
        self.store_cut();
    }

    /// The writing thread takes a step; gives what it reports.
    pub fn keep(&mut self) -> Option<&CheckpointOutcome> {
        let report = match self.finishing {
            Some(job) => self.keeper.finish_step(job),
            None => match self.orders.try_recv() {
                Ok(CheckpointRequest::Finish(job)) if !self.over.contains(&job.number) => {
                    self.finishing = Some(job);
                    None
                }
                Ok(CheckpointRequest::Finish(_)) | Err(_) => None,
                Ok(order) => self.keeper.handle(order),
            },
        };
        let report = report?;
        self.over.insert(report.id.number);
        self.finishing = None;
        self.reports.push_back(report);
        self.reports.back()
    }

    /// The thread that stores cuts stores one.
    pub fn store_cut(&mut self) {
        if let Ok(CutRequest { cut, oldest }) = self.cut_orders.try_recv() {
            let result = self.cuts.put(&cut);
            // What stays of old ones does no harm.
            let _ = self.cuts.prune(oldest);
            self.worker.cut_stored(CutOutcome { cut, result });
        }
    }

    /// The end in order begins, as `task` does it: what was read is applied, dead letters are waited for.
    pub fn begin_stop(&mut self) -> Result<(), Failure> {
        self.is_reading = false;
        while let Some(message) = self.inbox.pop_front() {
            // Room comes from the writing thread, which is not held up in life.
            while !self.worker.has_room() && self.keep().is_none() {}
            self.worker.take(message)?;
            self.worker.step()?;
        }
        self.worker.flush_dead_letters(Duration::ZERO);
        self.worker.publish(0);
        Ok(())
    }

    /// Letters of it that are under way are lost to it.
    pub fn end(self) {
        self.letters.abandon();
    }
}
