//! The consumer that the poll thread owns, and what it hands over.

use super::client::{self, Client, Context};
use super::error::{SourceError, is_denial};
use super::fetching::{Fetching, Marks};
use super::native::{self, NativeMessage, Queue};
use super::probe::{EndProbe, Lookup};
use super::{Batch, PartitionIndex, Settings, TopicPartition, Topology};
use crate::record::Stream;
use rdkafka::Message as _;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use std::ffi::CString;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// The most events taken from the client's main queue at once: log lines of a storm wait for the next call.
const MAX_EVENTS: usize = 1_000;

/// How long the client may take to learn of a topic that was just described.
const PRIMING_TIMEOUT: Duration = Duration::from_secs(1);

/// Reads the assigned partitions from explicit offsets. Owned by one thread; no method waits longer than it says.
pub struct Consumer {
    queue: Queue,
    client: Arc<Client>,
    lookup: Lookup,
    topics: [String; Stream::ALL.len()],
    fetching: Fetching,
    /// All partitions by slot, to ask for positions.
    list: TopicPartitionList,
    events: Vec<ClientEvent>,
    is_fatal: bool,
}

/// What the client has to say besides records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientEvent {
    /// Errors that the client deals with itself, such as a broker that is away; all of one kind since the last call.
    Errors {
        code: RDKafkaErrorCode,
        reason: String,
        count: u64,
        denied: bool,
    },
    /// An error of one partition: nothing of it is handed over until it is fetched anew, which is tried after a second.
    Interrupted {
        slot: PartitionIndex,
        offset: i64,
        code: RDKafkaErrorCode,
        reason: String,
        denied: bool,
    },
    /// Where a partition is to go on there is nothing: retention has passed by, or the log was cut. It stands still until it is assigned.
    OutOfRange {
        slot: PartitionIndex,
        next_offset: i64,
        reason: String,
    },
    /// Records came again and were dropped.
    Repeated {
        count: u64,
    },
    /// The offsets of the last [`Consumer::commit`] are stored.
    Committed,
    CommitFailed {
        reason: String,
        denied: bool,
    },
    /// The client is beyond use; reported once. Closing it may never end: leave the process.
    Fatal {
        reason: String,
    },
}

impl Consumer {
    /// Makes the clients. No network: a broker that is away is met later.
    ///
    /// # Errors
    ///
    /// [`SourceError::Configuration`].
    pub fn open(settings: &Settings) -> Result<Self, SourceError> {
        let client: Client = client::consumer(settings)
            .create_with_context(Context::default())
            .map_err(|error| SourceError::configuration(&error))?;
        let client = Arc::new(client);
        Ok(Self {
            queue: Queue::new(&client),
            client,
            lookup: Lookup::open(settings)?,
            topics: settings.topics.clone(),
            fetching: Fetching::default(),
            list: TopicPartitionList::new(),
            events: Vec::new(),
            is_fatal: false,
        })
    }

    /// Asks for the partitions of the three topics and where each begins. Waits for `kafka.request_timeout` a request at most.
    ///
    /// # Errors
    ///
    /// [`SourceError::TopicMissing`], [`SourceError::Denied`], [`SourceError::Unavailable`].
    pub fn describe(&self) -> Result<Topology, SourceError> {
        let topology = self.lookup.describe(&self.topics)?;
        for topic in &self.topics {
            // Lets the client know the leaders before it is to fetch; else it would find out a second later. If this fails, it will then.
            let _ = self.client.fetch_metadata(Some(topic), PRIMING_TIMEOUT);
        }
        Ok(topology)
    }

    /// Reads these partitions, each from its offset, and no others. The place in the list is the [`PartitionIndex`]. May be called again, with other
    /// partitions or offsets; batches taken before are not touched.
    ///
    /// # Errors
    ///
    /// [`SourceError::Fatal`]; [`SourceError::Configuration`] if these are more partitions than there are slots.
    pub fn assign(&mut self, partitions: &[(TopicPartition, i64)]) -> Result<(), SourceError> {
        if partitions.len() > usize::from(u16::MAX) {
            return Err(SourceError::Configuration {
                reason: format!("{} partitions, at most {} can be read", partitions.len(), u16::MAX),
            });
        }
        self.client.unassign().map_err(|error| SourceError::Fatal { reason: error.to_string() })?;
        self.fetching = Fetching::new(partitions);
        self.list = self.fetching.list((0..partitions.len()).map(PartitionIndex::at));
        self.upkeep(Instant::now());
        Ok(())
    }

    /// Takes up to `max_records`, waiting for that many for at most `timeout`: the shorter it is, the smaller the batches of a slow topic.
    pub fn next_batch(&mut self, max_records: usize, timeout: Duration) -> Batch {
        if !self.fetching.is_settled() {
            self.upkeep(Instant::now());
        }
        let Self { queue, client, fetching, events, .. } = self;
        let mut marks = Marks::default();
        Batch::new(queue.take(max_records, timeout, |message| {
            let slot = fetching.slot_of(message, &mut marks);
            match (message.error(), slot) {
                (None, slot) => slot.filter(|slot| fetching.accept(*slot, message.offset())),
                (Some(code), Some(slot)) => {
                    events.extend(interrupted(fetching, slot, code, message));
                    None
                }
                (Some(code), None) => {
                    client.context().note_error(code, &message.error_text());
                    None
                }
            }
        }))
    }

    /// Keeps the assignment going and returns what the client reported since the last call. Does not wait.
    pub fn serve(&mut self) -> Vec<ClientEvent> {
        for _ in 0..native::waiting_events(&self.client).min(MAX_EVENTS) {
            match self.client.poll(Duration::ZERO) {
                // Counted by the context, but for this one.
                Some(Err(KafkaError::MessageConsumptionFatal(_))) => self.is_fatal |= self.report_fatal(),
                Some(Err(_)) | None => {}
                Some(Ok(record)) => {
                    // A record that is not forwarded. None was ever seen; it must not be lost if one comes.
                    let topic = CString::new(record.topic()).unwrap_or_default();
                    if let Some(slot) = self.fetching.slot(&topic, record.partition()) {
                        self.fetching.refetch(slot, Instant::now());
                    }
                }
            }
        }
        let context = self.client.context();
        for tally in context.take_errors() {
            let denied = tally.is_denial();
            self.events.push(ClientEvent::Errors {
                code: tally.code,
                reason: tally.reason,
                count: tally.count,
                denied,
            });
        }
        for result in context.take_commits() {
            self.events.push(match result {
                Ok(()) => ClientEvent::Committed,
                Err(error) => {
                    let denied = error.rdkafka_error_code().is_some_and(is_denial);
                    ClientEvent::CommitFailed { reason: error.to_string(), denied }
                }
            });
        }
        match self.fetching.take_repeated() {
            0 => {}
            count => self.events.push(ClientEvent::Repeated { count }),
        }
        std::mem::take(&mut self.events)
    }

    /// Reports the client's end unless that was done; true.
    fn report_fatal(&mut self) -> bool {
        if !self.is_fatal {
            let reason = self
                .client
                .client()
                .fatal_error()
                .map_or_else(String::new, |(code, reason)| format!("{code}: {reason}"));
            self.events.push(ClientEvent::Fatal { reason });
        }
        true
    }

    /// The next offset to be handed over of a partition.
    pub fn next_offset(&self, slot: PartitionIndex) -> i64 {
        self.fetching.next(slot)
    }

    /// How far the client has consumed each partition: past the last record taken, and past what is no record after it (transaction
    /// markers, aborted batches, what compaction removed). Only what is known. To be read after the batch was handed over, and to travel
    /// the same way. No network.
    pub fn positions(&mut self) -> Vec<(PartitionIndex, i64)> {
        native::positions(&self.client, &mut self.list);
        let elements = self.list.elements();
        let positions =
            elements.iter().enumerate().map(|(index, element)| (PartitionIndex::at(index), element.offset()));
        positions
            .filter_map(|(slot, offset)| match offset {
                Offset::Offset(position) if self.fetching.is_fetching(slot) => Some((slot, position)),
                _ => None,
            })
            .collect()
    }

    /// Fetches a partition anew from where the handing over ended; for one that has unread records and yields none.
    pub fn refetch(&mut self, slot: PartitionIndex) {
        self.fetching.refetch(slot, Instant::now());
        self.upkeep(Instant::now());
    }

    /// Sends offsets to the group's coordinator, for lag tools. The result comes as an event. False if an earlier commit is under way still:
    /// nothing is sent then.
    pub fn commit(&self, offsets: &[(PartitionIndex, i64)]) -> bool {
        if offsets.is_empty() || !self.client.context().begin_commit() {
            return false;
        }
        let list = self.fetching.list_at(offsets.iter().copied());
        if let Err(code) = native::commit(&self.client, &list) {
            self.client.context().end_commit(Err(KafkaError::ConsumerCommit(code)));
        }
        true
    }

    /// The committed offset of each partition, where there is one.
    ///
    /// # Errors
    ///
    /// [`SourceError::Denied`], [`SourceError::Unavailable`]; also if the group has no coordinator within `timeout`.
    pub fn committed(&self, partitions: &[TopicPartition], timeout: Duration) -> Result<Vec<Option<i64>>, SourceError> {
        const ACTION: &str = "asking for committed offsets";
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(&partition.topic, partition.partition);
        }
        let list = self.client.committed_offsets(list, timeout).map_err(|error| SourceError::of(ACTION, &error))?;
        let elements = list.elements();
        let offset = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
            element.error().map_err(|error| SourceError::of(ACTION, &error))?;
            Ok(match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            })
        };
        elements.iter().map(offset).collect()
    }

    /// A handle to ask for the ends of partitions.
    pub fn ends(&self, partitions: &[TopicPartition]) -> EndProbe {
        EndProbe::new(self.lookup.clone(), self.topics.clone(), partitions, &self.client)
    }

    /// The id of the cluster, if the brokers tell one.
    pub fn cluster_id(&self) -> Option<String> {
        self.lookup.cluster_id()
    }

    /// Closes the client on a thread of its own; false if that takes longer than `deadline`, when only the end of the process helps.
    /// Batches that live on hold it up. Commits under way are not waited for: see [`ClientEvent::Committed`].
    pub fn close(self, deadline: Duration) -> bool {
        let Self { queue, client, lookup, .. } = self;
        drop(queue);
        let (closed, answer) = mpsc::channel();
        let closing = thread::Builder::new().name("kafka-close".into()).spawn(move || {
            let mut client = client;
            loop {
                match Arc::try_unwrap(client) {
                    Ok(last) => break drop(last),
                    Err(shared) => client = shared,
                }
                thread::sleep(Duration::from_millis(5));
            }
            drop(lookup);
            // Nobody listens after the deadline.
            let _ = closed.send(());
        });
        closing.is_ok() && answer.recv_timeout(deadline).is_ok()
    }

    #[cfg(test)]
    pub(super) fn fail_fatally(&self) {
        native::fail_fatally(&self.client);
    }

    /// Moves each partition on that is not simply being read: see `fetching`.
    fn upkeep(&mut self, now: Instant) {
        let due = self.fetching.begin_stopping(now);
        if !due.is_empty() {
            // Fails for one that the client does not have, which is what we want.
            let _ = self.client.incremental_unassign(&self.fetching.list(due));
        }
        let stopping = self.fetching.stopping();
        if !stopping.is_empty() {
            self.start(&stopping);
        }
        for (topic, partition) in self.fetching.starting() {
            self.queue.forward(topic, partition);
        }
    }

    /// Assigns those of `stopping` that have stopped.
    fn start(&mut self, stopping: &[PartitionIndex]) {
        let mut list = self.fetching.list(stopping.iter().copied());
        native::positions(&self.client, &mut list);
        let positions: Vec<Offset> = list.elements().iter().map(|element| element.offset()).collect();
        let stopped: Vec<PartitionIndex> = stopping
            .iter()
            .zip(positions)
            .filter(|(_, position)| !matches!(position, Offset::Offset(_)))
            .map(|(slot, _)| *slot)
            .collect();
        if stopped.is_empty() {
            return;
        }
        let list = self.fetching.list(stopped.iter().copied());
        for slot in &stopped {
            self.fetching.started(*slot);
        }
        for (topic, partition) in self.fetching.starting() {
            self.queue.forward(topic, partition);
        }
        if let Err(error) = self.client.incremental_assign(&list) {
            self.client.context().note_error(RDKafkaErrorCode::State, &error.to_string());
            for slot in &stopped {
                self.fetching.interrupt(*slot, Instant::now());
            }
        }
    }
}

/// Takes note of an error of a partition; the event, unless the partition is in error already: the client then goes on behind the error from
/// wherever it takes the next record to be, and what it says of that place is not about us.
fn interrupted(
    fetching: &mut Fetching,
    slot: PartitionIndex,
    code: RDKafkaErrorCode,
    message: &NativeMessage,
) -> Option<ClientEvent> {
    if !fetching.is_fetching(slot) {
        return None;
    }
    let reason = message.error_text();
    if code == RDKafkaErrorCode::AutoOffsetReset {
        fetching.out_of_range(slot);
        return Some(ClientEvent::OutOfRange { slot, next_offset: fetching.next(slot), reason });
    }
    fetching.interrupt(slot, Instant::now());
    Some(ClientEvent::Interrupted { slot, offset: message.offset(), code, reason, denied: is_denial(code) })
}
