//! The checkpoint thread: requests in, outcomes out.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use crate::aggregate::image::{PageChunk, PageSink};
use crate::clock::thread_cpu_time;

use super::file::{CheckpointFile, CheckpointStart, WrittenCheckpoint};
use super::mark::StartMark;
use super::names::PartitionDir;
use super::store::{CheckpointChain, CheckpointStore};
use super::write_error::WriteError;

/// Identifies one attempt to write a checkpoint of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointId {
    /// The partition.
    pub dir: PartitionDir,
    /// Number of the attempt; grows from attempt to attempt.
    pub number: u64,
}

/// A request to the checkpoint thread. A checkpoint is one `Begin`, any number of `Pages`, and `Finish`; `Abandon` may
/// come at any time.
pub enum CheckpointRequest {
    /// Sets what is known of a partition's files, from [`CheckpointStore::newest`]. If it never comes, the first
    /// `Begin` lists the directory, and its checkpoint refers to no earlier closed days.
    SetChain(PartitionDir, CheckpointChain),
    /// Begins a checkpoint. Abandons an earlier one of the partition that is still in progress.
    Begin(CheckpointId, Box<CheckpointStart>),
    /// Appends copied pages.
    Pages(CheckpointId, PageChunk),
    /// Completes the checkpoint: all pages have been sent, and its dead letters are acknowledged. Nothing is renamed
    /// before this.
    Finish(CheckpointId),
    /// Abandons the checkpoint; it has no outcome.
    Abandon(CheckpointId),
    /// Marks where the state of a partition without checkpoints begins. It comes before the first `Begin` of any
    /// partition, so that no other has a checkpoint while this one has neither.
    MarkStart(PartitionDir, StartMark),
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
    /// Why a file that is not needed could not be removed. The checkpoint is durable all the same; the next one tries
    /// again.
    pub prune_error: Option<WriteError>,
}

impl CheckpointOutcome {
    pub(crate) fn failed(id: CheckpointId, error: WriteError) -> Self {
        Self { id, result: Err(error), cpu_time: Duration::ZERO, prune_error: None }
    }
}

/// Number of bytes of pages that were sent to the checkpoint thread and are not written yet. Clones share the number.
#[derive(Debug, Clone, Default)]
pub struct BytesInFlight(Arc<AtomicU64>);

impl BytesInFlight {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, chunk: &PageChunk) {
        self.0.fetch_add(chunk.bytes.len() as u64, Ordering::Relaxed);
    }

    fn remove(&self, chunk: &PageChunk) {
        self.0.fetch_sub(chunk.bytes.len() as u64, Ordering::Relaxed);
    }
}

/// Sends requests to the checkpoint thread.
#[derive(Debug, Clone)]
pub struct CheckpointHandle {
    requests: Sender<CheckpointRequest>,
    bytes_in_flight: BytesInFlight,
}

impl CheckpointHandle {
    /// Creates the handle of a thread that receives `requests` and shares `bytes_in_flight`.
    pub fn new(requests: Sender<CheckpointRequest>, bytes_in_flight: BytesInFlight) -> Self {
        Self { requests, bytes_in_flight }
    }

    /// Returns a sink that sends pages of the checkpoint `id`.
    pub fn sink(&self, id: CheckpointId) -> PageSink {
        let handle = self.clone();
        Arc::new(move |chunk| handle.send(CheckpointRequest::Pages(id, chunk)))
    }

    /// Sends a request. It is lost if the thread has ended, which only a bug or the end of the process causes.
    pub fn send(&self, request: CheckpointRequest) {
        if let CheckpointRequest::Pages(_, chunk) = &request {
            self.bytes_in_flight.add(chunk);
        }
        if let Err(returned) = self.requests.send(request)
            && let CheckpointRequest::Pages(_, chunk) = returned.0
        {
            self.bytes_in_flight.remove(&chunk);
        }
    }

    /// Number of bytes of pages that are not written yet.
    pub fn bytes_in_flight(&self) -> u64 {
        self.bytes_in_flight.get()
    }
}

/// Writes the checkpoints of all partitions, one request at a time. Only [`CheckpointThread::run`] reads a clock, for
/// CPU time.
pub struct CheckpointThread {
    store: CheckpointStore,
    bytes_in_flight: BytesInFlight,
    chains: BTreeMap<PartitionDir, CheckpointChain>,
    /// The newest attempt of each partition.
    attempts: BTreeMap<PartitionDir, Attempt>,
}

struct Attempt {
    id: CheckpointId,
    stage: AttemptStage,
    cpu_time: Duration,
}

enum AttemptStage {
    Writing(Box<CheckpointFile>),
    /// Durable; files that it makes unnecessary are being removed.
    Pruning(Box<WrittenCheckpoint>),
    /// Reported or abandoned; chunks that still arrive are dropped.
    Ended,
}

impl CheckpointThread {
    /// Creates the thread's state; `bytes_in_flight` is shared with the [`CheckpointHandle`].
    pub fn new(store: CheckpointStore, bytes_in_flight: BytesInFlight) -> Self {
        Self { store, bytes_in_flight, chains: BTreeMap::new(), attempts: BTreeMap::new() }
    }

    /// Handles requests until every [`CheckpointHandle`] is dropped.
    pub fn run(mut self, requests: &Receiver<CheckpointRequest>, mut report: impl FnMut(CheckpointOutcome)) {
        for request in requests {
            let dir = request.dir();
            let started = thread_cpu_time();
            let mut outcome = self.handle(request);
            let cpu_time = thread_cpu_time().saturating_sub(started);
            if let Some(attempt) = self.attempts.get_mut(&dir) {
                attempt.cpu_time += cpu_time;
                outcome = outcome.map(|outcome| CheckpointOutcome { cpu_time: attempt.cpu_time, ..outcome });
            }
            outcome.into_iter().for_each(&mut report);
        }
    }

    /// Handles a request completely.
    ///
    /// # Panics
    /// Panics if `Pages` or `Finish` come before their `Begin`, and where [`CheckpointFile::write_chunk`] and
    /// [`CheckpointFile::advance`] do.
    pub fn handle(&mut self, request: CheckpointRequest) -> Option<CheckpointOutcome> {
        match request {
            CheckpointRequest::SetChain(dir, chain) => {
                self.chains.insert(dir, chain);
                None
            }
            CheckpointRequest::Begin(id, start) => self.begin(id, *start),
            CheckpointRequest::Pages(id, chunk) => {
                let result = self.write_chunk(id, &chunk);
                self.bytes_in_flight.remove(&chunk);
                result.err().map(|error| self.fail(id, error))
            }
            CheckpointRequest::Finish(id) => {
                while self.is_in_progress(id) {
                    if let Some(outcome) = self.finish_step(id) {
                        return Some(outcome);
                    }
                }
                None
            }
            CheckpointRequest::Abandon(id) => {
                if self.is_in_progress(id) {
                    self.discard(id);
                }
                None
            }
            CheckpointRequest::MarkStart(dir, mark) => {
                if let Err(error) = self.store.mark_start(dir, &mark) {
                    tracing::warn!(event = "pacemeter.checkpoint.unmarked", error = %error, "start of a state not marked");
                }
                None
            }
        }
    }

    /// Takes one step of [`CheckpointRequest::Finish`], for callers that look, or crash, between steps. There is no
    /// step left once it has returned an outcome, or if the checkpoint failed before.
    pub fn finish_step(&mut self, id: CheckpointId) -> Option<CheckpointOutcome> {
        let attempt = self.attempts.get_mut(&id.dir).filter(|attempt| attempt.id == id)?;
        match &mut attempt.stage {
            AttemptStage::Ended => None,
            AttemptStage::Writing(file) => match file.advance() {
                Err(error) => Some(self.fail(id, error)),
                Ok(None) => None,
                Ok(Some(written)) => {
                    self.chains.entry(id.dir).or_default().append(&written);
                    attempt.stage = AttemptStage::Pruning(Box::new(written));
                    None
                }
            },
            AttemptStage::Pruning(written) => {
                let prune_error = match self.store.prune_one(id.dir, self.chains.entry(id.dir).or_default()) {
                    Ok(true) => return None,
                    Ok(false) => None,
                    Err(error) => Some(error),
                };
                let result = Ok((**written).clone());
                attempt.stage = AttemptStage::Ended;
                Some(CheckpointOutcome { id, result, cpu_time: Duration::ZERO, prune_error })
            }
        }
    }

    fn begin(&mut self, id: CheckpointId, start: CheckpointStart) -> Option<CheckpointOutcome> {
        assert_eq!(start.head.dir(), id.dir, "the head names the partition of the request");
        if let Some(attempt) = self.attempts.get(&id.dir) {
            assert!(attempt.id.number < id.number, "numbers of attempts grow");
        }
        self.attempts.insert(id.dir, Attempt { id, stage: AttemptStage::Ended, cpu_time: Duration::ZERO });
        let chain = match self.chains.entry(id.dir) {
            Entry::Occupied(chain) => Ok(chain.into_mut()),
            Entry::Vacant(entry) => self.store.chain(id.dir).map(|chain| entry.insert(chain)),
        };
        let chain = chain.map_err(|error| WriteError::new(format_args!("list the checkpoints of {}", id.dir), &error));
        match chain.and_then(|chain| self.store.begin(chain, start)) {
            Ok(file) => {
                let stage = AttemptStage::Writing(Box::new(file));
                self.attempts.insert(id.dir, Attempt { id, stage, cpu_time: Duration::ZERO });
                None
            }
            Err(error) => Some(self.fail(id, error)),
        }
    }

    fn write_chunk(&mut self, id: CheckpointId, chunk: &PageChunk) -> Result<(), WriteError> {
        let attempt = self.attempts.get_mut(&id.dir).filter(|attempt| attempt.id.number >= id.number);
        let attempt = attempt.expect("a checkpoint begins before its first chunk");
        match &mut attempt.stage {
            AttemptStage::Writing(file) if attempt.id == id => file.write_chunk(chunk),
            _ => Ok(()),
        }
    }

    fn is_in_progress(&self, id: CheckpointId) -> bool {
        let attempt = self.attempts.get(&id.dir).filter(|attempt| attempt.id == id);
        attempt.is_some_and(|attempt| !matches!(attempt.stage, AttemptStage::Ended))
    }

    /// Ends an attempt and removes what it wrote, as far as the disk permits.
    fn discard(&mut self, id: CheckpointId) {
        if let Some(attempt) = self.attempts.get_mut(&id.dir)
            && let AttemptStage::Writing(file) = std::mem::replace(&mut attempt.stage, AttemptStage::Ended)
        {
            file.discard();
        }
    }

    fn fail(&mut self, id: CheckpointId, error: WriteError) -> CheckpointOutcome {
        self.discard(id);
        CheckpointOutcome::failed(id, error)
    }
}

impl CheckpointRequest {
    fn dir(&self) -> PartitionDir {
        match self {
            CheckpointRequest::SetChain(dir, _) | CheckpointRequest::MarkStart(dir, _) => *dir,
            CheckpointRequest::Begin(id, _)
            | CheckpointRequest::Pages(id, _)
            | CheckpointRequest::Finish(id)
            | CheckpointRequest::Abandon(id) => id.dir,
        }
    }
}
