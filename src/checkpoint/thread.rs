//! The thread that writes: orders in, reports out. A simulator gives the same orders, one at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use crate::aggregate::image::{PageChunk, PageSink};
use crate::clock::thread_cpu_time;

use super::fault::WriteError;
use super::file::{CheckpointFile, CheckpointStart, WrittenCheckpoint};
use super::names::PartitionDir;
use super::store::{CheckpointChain, CheckpointStore};

/// One checkpoint of one partition, from its begin to its report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointId {
    pub dir: PartitionDir,
    /// Grows from job to job.
    pub number: u64,
}

/// What the writing thread is told of a [`CheckpointId`]: `CheckpointStart`, then pieces, then `Finish` or at any time `Abandon`.
pub enum CheckpointRequest {
    /// What is known of a place, from [`CheckpointStore::newest`]. A place of which nothing is said is looked at when its first job begins, and follows
    /// no checkpoint.
    Follow(PartitionDir, CheckpointChain),
    /// Comes before the first piece. A job of the same place that is under way is abandoned.
    Begin(CheckpointId, Box<CheckpointStart>),
    Pages(CheckpointId, PageChunk),
    /// Every page has come, and whatever else the checkpoint had to wait for. Before this nothing is renamed.
    Finish(CheckpointId),
    Abandon(CheckpointId),
}

/// Outcome of a checkpoint; exactly one for each that began and was not abandoned.
#[derive(Debug)]
pub struct CheckpointOutcome {
    /// The checkpoint that ended.
    pub id: CheckpointId,
    /// The durable checkpoint, or the step that failed.
    pub result: Result<WrittenCheckpoint, WriteError>,
    /// CPU time of the checkpoint thread.
    pub cpu_time: Duration,
    /// Why a file that is no longer needed could not be removed. The checkpoint is durable all the same; the next one tries again.
    pub prune_error: Option<WriteError>,
}

impl CheckpointOutcome {
    pub(crate) fn failed(id: CheckpointId, error: WriteError) -> Self {
        Self { id, result: Err(error), cpu_time: Duration::ZERO, prune_error: None }
    }
}

/// The bytes of pieces that were handed over and are not written yet. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct BytesInFlight(Arc<AtomicU64>);

impl BytesInFlight {
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, chunk: &PageChunk) {
        self.0.fetch_add(chunk.bytes.len() as u64, Ordering::Relaxed);
    }

    fn remove(&self, chunk: &PageChunk) {
        self.0.fetch_sub(chunk.bytes.len() as u64, Ordering::Relaxed);
    }
}

/// Where orders are given: the other end is [`CheckpointThread::run`].
#[derive(Debug, Clone)]
pub struct CheckpointHandle {
    orders: Sender<CheckpointRequest>,
    in_flight: BytesInFlight,
}

impl CheckpointHandle {
    pub fn new(orders: Sender<CheckpointRequest>, in_flight: BytesInFlight) -> Self {
        Self { orders, in_flight }
    }

    /// Takes the pages of a job's image.
    pub fn sink(&self, id: CheckpointId) -> PageSink {
        let checkpoints = self.clone();
        Arc::new(move |chunk| checkpoints.order(CheckpointRequest::Pages(id, chunk)))
    }

    /// Gives an order. Once the thread is gone, which only a bug or the end of the process brings about, orders go nowhere.
    pub fn order(&self, order: CheckpointRequest) {
        if let CheckpointRequest::Pages(_, chunk) = &order {
            self.in_flight.add(chunk);
        }
        if let Err(returned) = self.orders.send(order)
            && let CheckpointRequest::Pages(_, chunk) = returned.0
        {
            self.in_flight.remove(&chunk);
        }
    }

    /// Bytes that are on their way.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.bytes()
    }
}

/// Carries out orders for all partitions, one at a time. Starts no threads; only [`CheckpointThread::run`] looks at a clock.
pub struct CheckpointThread {
    store: CheckpointStore,
    in_flight: BytesInFlight,
    lineages: BTreeMap<PartitionDir, CheckpointChain>,
    work: BTreeMap<PartitionDir, Work>,
}

struct Work {
    id: CheckpointId,
    state: State,
    cpu_time: Duration,
}

enum State {
    Writing(Box<CheckpointFile>),
    /// It stays; what it makes superfluous is being removed.
    Pruning(Box<WrittenCheckpoint>),
    /// Reported; what may still come of it is dropped.
    Over,
}

impl CheckpointThread {
    pub fn new(store: CheckpointStore, in_flight: BytesInFlight) -> Self {
        Self { store, in_flight, lineages: BTreeMap::new(), work: BTreeMap::new() }
    }

    /// Carries out orders until nobody can give any more.
    pub fn run(mut self, orders: &Receiver<CheckpointRequest>, mut report: impl FnMut(CheckpointOutcome)) {
        for order in orders {
            let dir = order.dir();
            let started = thread_cpu_time();
            let mut told = self.handle(order);
            let cpu_time = thread_cpu_time().saturating_sub(started);
            if let Some(work) = self.work.get_mut(&dir) {
                work.cpu_time += cpu_time;
                told = told.map(|report| CheckpointOutcome { cpu_time: work.cpu_time, ..report });
            }
            told.into_iter().for_each(&mut report);
        }
    }

    /// Carries out an order to its end.
    ///
    /// # Panics
    /// If a piece or `Finish` comes before its begin, or as [`CheckpointFile::chunk`] and [`CheckpointFile::advance`].
    pub fn handle(&mut self, order: CheckpointRequest) -> Option<CheckpointOutcome> {
        match order {
            CheckpointRequest::Follow(dir, lineage) => {
                self.lineages.insert(dir, lineage);
                None
            }
            CheckpointRequest::Begin(id, begin) => self.begin(id, *begin),
            CheckpointRequest::Pages(id, chunk) => {
                let result = self.chunk(id, &chunk);
                self.in_flight.remove(&chunk);
                result.err().map(|error| self.failed(id, error))
            }
            CheckpointRequest::Finish(id) => {
                while self.is_under_way(id) {
                    if let Some(report) = self.finish_step(id) {
                        return Some(report);
                    }
                }
                None
            }
            CheckpointRequest::Abandon(id) => {
                if self.is_under_way(id) {
                    self.end(id);
                }
                None
            }
        }
    }

    /// One step of what [`CheckpointRequest::Finish`] asks for, for who wants to look, or crash, between steps. None is left once it gives a report, or if
    /// the job failed before.
    pub fn finish_step(&mut self, id: CheckpointId) -> Option<CheckpointOutcome> {
        let work = self.work.get_mut(&id.dir).filter(|work| work.id == id)?;
        match &mut work.state {
            State::Over => None,
            State::Writing(writer) => match writer.advance() {
                Err(error) => Some(self.failed(id, error)),
                Ok(None) => None,
                Ok(Some(written)) => {
                    self.store.add(self.lineages.entry(id.dir).or_default(), &written);
                    work.state = State::Pruning(Box::new(written));
                    None
                }
            },
            State::Pruning(written) => {
                let lineage = self.lineages.entry(id.dir).or_default();
                let prune_error = match self.store.prune_one(id.dir, lineage) {
                    Ok(true) => return None,
                    Ok(false) => None,
                    Err(error) => Some(error),
                };
                let result = Ok((**written).clone());
                work.state = State::Over;
                Some(CheckpointOutcome { id, result, cpu_time: Duration::ZERO, prune_error })
            }
        }
    }

    fn begin(&mut self, id: CheckpointId, begin: CheckpointStart) -> Option<CheckpointOutcome> {
        assert_eq!(begin.head.dir(), id.dir, "a job is of the place that its head names");
        if let Some(work) = self.work.get(&id.dir) {
            assert!(work.id.number < id.number, "numbers of jobs grow");
        }
        self.work.insert(id.dir, Work { id, state: State::Over, cpu_time: Duration::ZERO });
        let lineage = match self.lineages.entry(id.dir) {
            std::collections::btree_map::Entry::Occupied(known) => Ok(known.into_mut()),
            std::collections::btree_map::Entry::Vacant(unknown) => {
                self.store.lineage(id.dir).map(|lineage| unknown.insert(lineage))
            }
        };
        let lineage =
            lineage.map_err(|error| WriteError::new(format_args!("list the checkpoints of {}", id.dir), &error));
        match lineage.and_then(|lineage| self.store.begin(lineage, begin)) {
            Ok(writer) => {
                self.work
                    .insert(id.dir, Work { id, state: State::Writing(Box::new(writer)), cpu_time: Duration::ZERO });
                None
            }
            Err(error) => Some(self.failed(id, error)),
        }
    }

    fn chunk(&mut self, id: CheckpointId, chunk: &PageChunk) -> Result<(), WriteError> {
        let work = self.work.get_mut(&id.dir).filter(|work| work.id.number >= id.number);
        let work = work.expect("a job is begun before its first piece");
        match &mut work.state {
            State::Writing(writer) if work.id == id => writer.chunk(chunk),
            _ => Ok(()),
        }
    }

    fn is_under_way(&self, id: CheckpointId) -> bool {
        self.work.get(&id.dir).is_some_and(|work| work.id == id && !matches!(work.state, State::Over))
    }

    /// Gives a job up and frees the disk of it as far as that can be done.
    fn end(&mut self, id: CheckpointId) {
        if let Some(work) = self.work.get_mut(&id.dir)
            && let State::Writing(writer) = std::mem::replace(&mut work.state, State::Over)
        {
            writer.discard();
        }
    }

    fn failed(&mut self, id: CheckpointId, error: WriteError) -> CheckpointOutcome {
        self.end(id);
        CheckpointOutcome::failed(id, error)
    }
}

impl CheckpointRequest {
    fn dir(&self) -> PartitionDir {
        match self {
            CheckpointRequest::Follow(dir, _) => *dir,
            CheckpointRequest::Begin(id, _)
            | CheckpointRequest::Pages(id, _)
            | CheckpointRequest::Finish(id)
            | CheckpointRequest::Abandon(id) => id.dir,
        }
    }
}
