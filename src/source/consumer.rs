//! The consumer that the poll thread owns, and the events it reports.

use super::client::{self, Client, Context};
use super::error::{SourceError, is_denial, is_unreadable};
use super::factory;
use super::fetching::{Acceptance, Fetching, Marks};
use super::native::{self, NativeMessage, Queue, unpacking};
use super::probe::{EndProbe, Lookup};
use super::{Batch, Settings, Topology};
use crate::record::{PartitionIndex, PerStream, TopicPartition};
use rdkafka::Message as _;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use std::ffi::CString;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Maximum number of events taken from the client's main queue at once; the rest of a storm waits for the next call.
const MAX_EVENTS: usize = 1_000;

/// Time-out of the client's metadata request for a topic that was just described.
const PRIMING_TIMEOUT: Duration = Duration::from_secs(1);

/// Reads the assigned partitions from explicit offsets. Owned by one thread; no method waits longer than it says.
pub struct Consumer {
    queue: Queue,
    client: Arc<Client>,
    lookup: Lookup,
    topics: PerStream<String>,
    fetching: Fetching,
    /// All partitions by index, to ask for positions.
    list: TopicPartitionList,
    events: Vec<ClientEvent>,
    is_fatal: bool,
    stall_timeout: Duration,
}

/// A report of the client other than a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientEvent {
    /// Errors of one code since the last call that the client handles itself, such as an unavailable broker.
    Errors {
        /// librdkafka's code.
        code: RDKafkaErrorCode,
        /// The client's description of the last of them.
        reason: String,
        /// Number of errors.
        count: u64,
        /// True if access was denied.
        denied: bool,
    },
    /// An error of one partition. None of its records is returned until it is fetched again, after a second.
    Interrupted {
        /// The partition.
        index: PartitionIndex,
        /// Offset of the error: that of the next record, or of the batch that contains it.
        offset: i64,
        /// Offset of the next record to return.
        next_offset: i64,
        /// librdkafka's code.
        code: RDKafkaErrorCode,
        /// The client's description.
        reason: String,
        /// True if access was denied.
        denied: bool,
        /// True if the records there cannot be read, as opposed to a broker that does not deliver them now.
        unreadable: bool,
    },
    /// The broker lacks the next offset of a partition: retention removed it, or the log was truncated. Reading stops
    /// until it is assigned again.
    OutOfRange {
        /// The partition.
        index: PartitionIndex,
        /// Offset that was asked for.
        next_offset: i64,
        /// The client's description.
        reason: String,
    },
    /// Redelivered records that were dropped.
    Repeated {
        /// Number of records since the last report.
        count: u64,
    },
    /// The offsets of the last [`Consumer::commit`] are stored.
    Committed,
    /// The last [`Consumer::commit`] failed; the next one may succeed.
    CommitFailed {
        /// The client's description.
        reason: String,
        /// True if access was denied.
        denied: bool,
    },
    /// The client failed permanently; reported once. Closing it may never end, so exit the process.
    Fatal {
        /// The client's description.
        reason: String,
    },
}

impl Consumer {
    /// Creates the clients. No network: an unavailable broker shows later.
    ///
    /// # Errors
    ///
    /// [`SourceError::Configuration`], [`SourceError::Shortage`].
    pub fn open(settings: &Settings) -> Result<Self, SourceError> {
        unpacking::set_limit(client::max_batch_bytes(settings));
        let client = Arc::new(factory::create_reader(&client::consumer(settings))?);
        Ok(Self {
            queue: Queue::new(&client),
            client,
            lookup: Lookup::open(settings)?,
            topics: settings.topics.clone(),
            fetching: Fetching::default(),
            list: TopicPartitionList::new(),
            events: Vec::new(),
            is_fatal: false,
            stall_timeout: settings.stall_timeout,
        })
    }

    /// Asks for the partitions of the three topics and their low watermarks. Waits at most `kafka.request_timeout` for
    /// each request.
    ///
    /// # Errors
    ///
    /// [`SourceError::TopicMissing`], [`SourceError::Denied`], [`SourceError::Unavailable`].
    pub fn describe(&self) -> Result<Topology, SourceError> {
        let topology = self.lookup.describe(&self.topics)?;
        for (_, topic) in self.topics.iter() {
            // The client learns the leaders before it has to fetch, not a second later. If this fails, it still learns
            // them then.
            let _ = self.client.fetch_metadata(Some(topic), PRIMING_TIMEOUT);
        }
        Ok(topology)
    }

    /// Reads these partitions, each from its offset, and no others. The position in the list is the [`PartitionIndex`].
    ///
    /// May be called again with other partitions or offsets; earlier batches stay valid.
    ///
    /// # Errors
    ///
    /// [`SourceError::Fatal`]; [`SourceError::Configuration`] beyond 65,535 partitions.
    pub fn assign(&mut self, partitions: &[(TopicPartition, i64)]) -> Result<(), SourceError> {
        if partitions.len() > usize::from(u16::MAX) {
            return Err(SourceError::Configuration {
                reason: format!("{} partitions, at most {} can be read", partitions.len(), u16::MAX),
            });
        }
        self.client.unassign().map_err(|error| SourceError::Fatal { reason: error.to_string() })?;
        self.fetching = Fetching::new(partitions);
        self.list = self.fetching.list((0..partitions.len()).map(PartitionIndex::new));
        self.upkeep(Instant::now());
        Ok(())
    }

    /// Returns up to `max_records`, waiting for that many for at most `timeout`. A short time-out means small batches
    /// of a slow topic.
    pub fn next_batch(&mut self, max_records: usize, timeout: Duration) -> Batch {
        if !self.fetching.is_settled() {
            self.upkeep(Instant::now());
        }
        let Self { queue, client, fetching, events, .. } = self;
        let mut marks = Marks::default();
        Batch::new(queue.take(max_records, timeout, |message| {
            let index = fetching.index_of_message(message, &mut marks);
            match (message.error(), index) {
                (None, Some(index)) => {
                    let end = || native::high_watermark(client, message.topic(), message.partition());
                    match fetching.accept(index, message.offset(), end) {
                        Acceptance::Returned => Some(index),
                        Acceptance::Dropped => None,
                        Acceptance::Refused(what) => {
                            events.push(refused(fetching, index, message.offset(), what));
                            None
                        }
                    }
                }
                (None, None) => None,
                (Some(code), Some(index)) => {
                    events.extend(interrupted(fetching, index, code, message, client.context()));
                    None
                }
                (Some(code), None) => {
                    client.context().note_error(code, &message.error_text(client.context()));
                    None
                }
            }
        }))
    }

    /// Serves the client and returns its reports since the last call. Does not wait.
    pub fn serve(&mut self) -> Vec<ClientEvent> {
        for _ in 0..native::waiting_events(&self.client).min(MAX_EVENTS) {
            match self.client.poll(Duration::ZERO) {
                // The context counts all errors but this one.
                Some(Err(KafkaError::MessageConsumptionFatal(_))) => self.is_fatal |= self.report_fatal(),
                Some(Err(_)) | None => {}
                Some(Ok(record)) => {
                    // A record of a partition that is not forwarded. None was ever seen, but one must not be lost.
                    let topic = CString::new(record.topic()).unwrap_or_default();
                    if let Some(index) = self.fetching.index_of(&topic, record.partition()) {
                        self.fetching.refetch(index, Instant::now());
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

    /// Reports a fatal error unless that is done already; returns true.
    fn report_fatal(&mut self) -> bool {
        if !self.is_fatal {
            let reason = self
                .client
                .client()
                .fatal_error()
                .map_or_else(String::new, |(code, reason)| format!("{code}: {reason}"));
            let reason = self.client.context().redact(&reason);
            self.events.push(ClientEvent::Fatal { reason });
        }
        true
    }

    /// Next offset of a partition that a batch will return.
    pub fn next_offset(&self, index: PartitionIndex) -> i64 {
        self.fetching.next(index)
    }

    /// Known positions of the client: past the last record taken and past what is no record after it (transaction
    /// markers, aborted batches, compacted records; see spec/figures.md#position). No network.
    ///
    /// A position must not overtake the records before it: ask after taking a batch, and send both through the same
    /// channel.
    pub fn positions(&mut self) -> Vec<(PartitionIndex, i64)> {
        native::positions(&self.client, &mut self.list);
        let elements = self.list.elements();
        let positions =
            elements.iter().enumerate().map(|(index, element)| (PartitionIndex::new(index), element.offset()));
        positions
            .filter_map(|(index, offset)| match offset {
                Offset::Offset(position) if self.fetching.is_fetching(index) => Some((index, position)),
                _ => None,
            })
            .collect()
    }

    /// Fetches a partition again from the next expected offset; for one that has unread records and yields none.
    pub fn refetch(&mut self, index: PartitionIndex) {
        self.fetching.refetch(index, Instant::now());
        self.upkeep(Instant::now());
    }

    /// Fetches a partition again that yielded nothing after [`Consumer::refetch`], and reports it like a batch that cannot
    /// be read.
    ///
    /// Does nothing if it has yielded records meanwhile, and only fetches again if batches waited for room within the last
    /// `kafka.stall_timeout`: it may have waited behind them.
    pub fn give_up(&mut self, index: PartitionIndex) {
        if self.fetching.has_yielded(index) {
            return;
        }
        self.refetch(index);
        if unpacking::was_short_within(self.stall_timeout) {
            return;
        }
        let next_offset = self.fetching.next(index);
        self.events.push(ClientEvent::Interrupted {
            index,
            offset: next_offset,
            next_offset,
            code: RDKafkaErrorCode::Underflow,
            reason: "there are records, and none arrives after fetching again: the client takes the next batch for incomplete, or the broker \
                     does not deliver it"
                .to_owned(),
            denied: false,
            unreadable: true,
        });
    }

    /// Fetches a partition from `next_offset` on, passing over records before it that cannot be read.
    pub fn pass(&mut self, index: PartitionIndex, next_offset: i64) {
        self.fetching.pass(index, next_offset, Instant::now());
        self.upkeep(Instant::now());
    }

    /// End offset of a partition as of the last fetch, open transactions included; `None` before the first. No network.
    pub fn high_watermark(&self, index: PartitionIndex) -> Option<i64> {
        let (topic, partition) = self.fetching.log(index);
        native::high_watermark(&self.client, topic, partition)
    }

    /// Sends offsets to the group's coordinator, for lag tools. The result comes as an event.
    ///
    /// Returns false and sends nothing if there is nothing to send or an earlier commit is still in flight.
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

    /// Committed offset of each partition, in the order given; `None` where there is none.
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

    /// A handle that asks for the end offsets of partitions.
    pub fn ends(&self, partitions: &[TopicPartition]) -> EndProbe {
        EndProbe::new(self.lookup.clone(), self.topics.clone(), partitions, &self.client)
    }

    /// Id of the cluster; `None` if no broker reports it in time.
    pub fn cluster_id(&self) -> Option<String> {
        self.lookup.cluster_id()
    }

    /// Closes the client on a thread of its own. Returns false if that takes longer than `deadline`; then only the end
    /// of the process helps.
    ///
    /// Waits for the last [`Batch`] to be dropped, but not for a commit in flight: see [`ClientEvent::Committed`].
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

    /// Takes the next step for each partition that is not in state `Reading`: see `fetching`.
    fn upkeep(&mut self, now: Instant) {
        let due = self.fetching.begin_stopping(now);
        if !due.is_empty() {
            // It fails for a partition that the client does not have, which is the goal.
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

    /// Assigns those of `stopping` whose position the client has forgotten.
    fn start(&mut self, stopping: &[PartitionIndex]) {
        let mut list = self.fetching.list(stopping.iter().copied());
        native::positions(&self.client, &mut list);
        let positions: Vec<Offset> = list.elements().iter().map(|element| element.offset()).collect();
        let stopped: Vec<PartitionIndex> = stopping
            .iter()
            .zip(positions)
            .filter(|(_, position)| !matches!(position, Offset::Offset(_)))
            .map(|(index, _)| *index)
            .collect();
        if stopped.is_empty() {
            return;
        }
        let list = self.fetching.list(stopped.iter().copied());
        for index in &stopped {
            self.fetching.started(*index);
        }
        for (topic, partition) in self.fetching.starting() {
            self.queue.forward(topic, partition);
        }
        if let Err(error) = self.client.incremental_assign(&list) {
            self.client.context().note_error(RDKafkaErrorCode::State, &error.to_string());
            for index in &stopped {
                self.fetching.interrupt(*index, Instant::now());
            }
        }
    }
}

/// Stops reading a partition at a record that contradicts its log, and returns the event.
fn refused(fetching: &mut Fetching, index: PartitionIndex, offset: i64, what: &str) -> ClientEvent {
    fetching.interrupt(index, Instant::now());
    let next_offset = fetching.next(index);
    let code = RDKafkaErrorCode::BadMessage;
    let reason = format!("offset {offset}: {what}");
    ClientEvent::Interrupted { index, offset: next_offset, next_offset, code, reason, denied: false, unreadable: true }
}

/// Notes an error of a partition and returns the event.
///
/// Returns `None` if the partition is in error already: the client has moved on past the first error, and errors at its
/// new position do not concern ours.
fn interrupted(
    fetching: &mut Fetching,
    index: PartitionIndex,
    code: RDKafkaErrorCode,
    message: &NativeMessage,
    context: &Context,
) -> Option<ClientEvent> {
    if !fetching.is_fetching(index) {
        return None;
    }
    let mut reason = message.error_text(context);
    if code == RDKafkaErrorCode::AutoOffsetReset {
        fetching.out_of_range(index);
        return Some(ClientEvent::OutOfRange { index, next_offset: fetching.next(index), reason });
    }
    if code == RDKafkaErrorCode::BadCompression && unpacking::take_postponed(message.topic(), message.partition()) {
        // There was no room to unpack it; there is once the pipeline has applied what came before.
        fetching.refetch(index, Instant::now());
        return None;
    }
    if code == RDKafkaErrorCode::BadMessage {
        // See `native::soundness`: the client is given a wrong checksum of such a batch.
        reason.push_str(
            "; or its records contradict it: an offset outside of the batch, or a length outside of the record",
        );
    }
    fetching.interrupt(index, Instant::now());
    let next_offset = fetching.next(index);
    // A batch's checksum does not cover its offset, so the offset of a damaged batch may be any number.
    let offset = if code == RDKafkaErrorCode::BadMessage { next_offset } else { message.offset() };
    Some(ClientEvent::Interrupted {
        index,
        offset,
        next_offset,
        code,
        reason,
        denied: is_denial(code),
        unreadable: is_unreadable(code),
    })
}
