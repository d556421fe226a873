//! Dead letters: rejected and expired records, written to a topic with the reason and tracked until the broker
//! acknowledges them.
//!
//! A dead letter (spec/events.md#dead-letters) has the original key, value and headers, followed by these headers. Of a
//! repeated name the last is Pacemeter's:
//!
//! | header | value |
//! |---|---|
//! | `pacemeter-reason` | the reason of rejection, or `expired` |
//! | `pacemeter-field` | the faulty field; only where there is one |
//! | `pacemeter-detail` | the place of the fault and its class; only if the value is no JSON |
//! | `pacemeter-topic`, `pacemeter-partition`, `pacemeter-offset` | position of the record |
//! | `pacemeter-time` | the record's Kafka timestamp, RFC 3339 in UTC with milliseconds; only where there is one |
//!
//! The letter's own Kafka timestamp is the time of writing, so that retention counts from there.

use super::client::{self, Context};
use super::factory;
use super::{DeadLetterSettings, Settings, SourceError};
use crate::record::{JsonFault, PartitionIndex, RawRecord, Stream, TopicPartition};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header as OwnedHeader, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Maximum wait for room while no dead letter is acknowledged.
const PATIENCE: Duration = Duration::from_secs(1);

/// Maximum wait for room of one letter, however many are acknowledged: a large one may need the room of many.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Memory for one letter besides key, value and headers, in bytes: the client's own structs and Pacemeter's headers.
const LETTER_BYTES: usize = 1_024;
/// Memory for one header besides name and value, in bytes.
const HEADER_BYTES: usize = 64;

/// A record to be written to the dead-letter topic.
#[derive(Debug, Clone, Copy)]
pub struct DeadLetter<'a> {
    /// Index of the partition that the record was read from.
    pub index: PartitionIndex,
    /// The partition itself.
    pub partition: &'a TopicPartition,
    /// The record as it was read.
    pub record: RawRecord<'a>,
    /// The name of a [`crate::record::Reason`] or [`crate::record::Outcome`].
    pub reason: &'a str,
    /// Name of the faulty field, where there is one.
    pub field: Option<&'a str>,
    /// Place of the fault in a value that is no JSON.
    pub detail: Option<JsonFault>,
}

/// Counts of dead letters since the start: `sent` is the sum of the other two and of those in flight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeadLetterCounts {
    /// Number handed to the client.
    pub sent: u64,
    /// Number acknowledged by the broker.
    pub acknowledged: u64,
    /// Number that failed permanently.
    pub failed: u64,
}

/// Writes dead letters; usable from several threads. Only [`DeadLetters::flush`] waits, and [`DeadLetters::send`] for
/// room.
pub struct DeadLetters {
    /// `None` when dead letters are turned off: none is counted then, and none holds up a commit.
    producer: Option<ThreadedProducer<Delivery>>,
    topic: String,
    limit: InFlight,
    tracker: Arc<Tracker>,
}

impl DeadLetters {
    /// Creates the client and its thread. No network.
    ///
    /// # Errors
    ///
    /// [`SourceError::Configuration`], [`SourceError::Shortage`].
    pub fn open(settings: &Settings) -> Result<Self, SourceError> {
        let DeadLetterSettings { enabled, topic, max_in_flight, max_in_flight_bytes } = &settings.dead_letter;
        let limit = InFlight { letters: u64::from(*max_in_flight), bytes: *max_in_flight_bytes };
        let tracker = Arc::new(Tracker::default());
        let create = || {
            let config = client::producer(settings);
            let delivery = Delivery { context: Context::new(&config), tracker: Arc::clone(&tracker) };
            factory::create_producer(&config, delivery)
        };
        let producer = enabled.then(create).transpose()?;
        Ok(Self { producer, topic: topic.clone(), limit, tracker })
    }

    /// Hands a dead letter to the client; waits for room if too many, or too many bytes, are in flight.
    ///
    /// A dead letter that finds no room while none is acknowledged for a second fails. Those after it fail at once
    /// until the broker acknowledges one again. So a flood is written, and an outage holds up nothing. A letter that
    /// finds no room for five seconds, whatever is acknowledged, fails too: the caller has other work.
    pub fn send(&self, letter: &DeadLetter<'_>) {
        let Some(producer) = &self.producer else { return };
        let ticket = Ticket {
            index: letter.index,
            offset: letter.record.offset,
            stream: letter.partition.stream,
            partition: letter.partition.partition,
            bytes: size(&letter.record),
        };
        let mut patience = Patience::new(&self.tracker);
        while !self.tracker.has_room(ticket.bytes, self.limit) && patience.waits() {}
        if !self.tracker.begin(ticket, self.limit) {
            ticket.log_failure("too many dead letters wait for an acknowledgement");
            return;
        }
        let mut record = BaseRecord::with_opaque_to(&self.topic, Box::new(ticket)).headers(headers(letter));
        record.key = letter.record.key;
        record.payload = letter.record.value;
        let mut sent = producer.send::<[u8], [u8]>(record);
        // The client bounds bytes too, and counts a letter until all that were acknowledged together are reported.
        while let Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) = sent {
            let waits = patience.waits();
            sent = producer.send(record);
            if !waits {
                break;
            }
        }
        if let Err((error, _)) = sent {
            self.tracker.end(ticket, false);
            ticket.log_failure(&error.to_string());
        }
    }

    /// Offset below which every dead letter of a partition is written or has failed, at most `next_offset`: as far as
    /// offsets may be committed.
    pub fn acknowledged_below(&self, index: PartitionIndex, next_offset: i64) -> i64 {
        let oldest = self.tracker.in_flight().get(&index).and_then(|offsets| offsets.first().copied());
        oldest.map_or(next_offset, |oldest| oldest.min(next_offset))
    }

    /// Counts since the start.
    pub fn counts(&self) -> DeadLetterCounts {
        // Read against the order of counting, so that the sum of the other two is never above `sent`.
        let failed = self.tracker.failed.load(Ordering::Acquire);
        let acknowledged = self.tracker.acknowledged.load(Ordering::Acquire);
        DeadLetterCounts { sent: self.tracker.sent.load(Ordering::Acquire), acknowledged, failed }
    }

    /// Waits until no dead letter is in flight, for at most `deadline`; returns false if some still are.
    pub fn flush(&self, deadline: Duration) -> bool {
        self.producer.as_ref().is_none_or(|producer| producer.flush(deadline).is_ok())
    }
}

/// Memory that a letter takes until it is acknowledged, in bytes.
fn size(record: &RawRecord<'_>) -> u64 {
    let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + length(*value) + HEADER_BYTES).sum();
    (length(record.key) + length(record.value) + headers + LETTER_BYTES) as u64
}

fn headers(letter: &DeadLetter<'_>) -> OwnedHeaders {
    fn insert(headers: OwnedHeaders, key: &str, value: Option<&[u8]>) -> OwnedHeaders {
        headers.insert(OwnedHeader { key, value })
    }
    let mut headers = OwnedHeaders::new_with_capacity(letter.record.headers.len() + 7);
    for (name, value) in letter.record.headers {
        headers = insert(headers, name, *value);
    }
    headers = insert(headers, "pacemeter-reason", Some(letter.reason.as_bytes()));
    if let Some(field) = letter.field {
        headers = insert(headers, "pacemeter-field", Some(field.as_bytes()));
    }
    if let Some(detail) = letter.detail {
        headers = insert(headers, "pacemeter-detail", Some(detail.to_string().as_bytes()));
    }
    headers = insert(headers, "pacemeter-topic", Some(letter.partition.topic.as_bytes()));
    headers = insert(headers, "pacemeter-partition", Some(letter.partition.partition.to_string().as_bytes()));
    headers = insert(headers, "pacemeter-offset", Some(letter.record.offset.to_string().as_bytes()));
    if let Some(time) = letter.record.timestamp.map(|time| format!("{time:.3}")) {
        headers = insert(headers, "pacemeter-time", Some(time.as_bytes()));
    }
    headers
}

/// Position of a dead letter's record.
#[derive(Debug, Clone, Copy)]
struct Ticket {
    index: PartitionIndex,
    offset: i64,
    stream: Stream,
    partition: i32,
    bytes: u64,
}

/// Number and size of dead letters in flight.
#[derive(Debug, Clone, Copy, Default)]
struct InFlight {
    letters: u64,
    bytes: u64,
}

impl InFlight {
    /// True if one more letter of this size keeps to `limit`. A letter larger than the limit goes alone.
    fn has_room(self, bytes: u64, limit: Self) -> bool {
        self.letters < limit.letters && (self.letters == 0 || self.bytes + bytes <= limit.bytes)
    }
}

impl Ticket {
    fn log_failure(&self, error: &str) {
        let (stream, partition, offset) = (self.stream.name(), self.partition, self.offset);
        tracing::warn!(
            event = "pacemeter.dead_letter.failed",
            stream,
            partition,
            offset,
            error,
            "dead letter not acknowledged"
        );
    }
}

/// Dead letters in flight, and counts of all.
#[derive(Default)]
struct Tracker {
    in_flight: Mutex<HashMap<PartitionIndex, BTreeSet<i64>>>,
    /// Size of the dead letters in flight, in bytes.
    bytes: AtomicU64,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    failed: AtomicU64,
    /// One more than the number acknowledged when patience last ended; zero if it never did.
    stuck_at: AtomicU64,
}

impl Tracker {
    fn in_flight(&self) -> MutexGuard<'_, HashMap<PartitionIndex, BTreeSet<i64>>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn total(&self) -> InFlight {
        let done = self.acknowledged.load(Ordering::Acquire) + self.failed.load(Ordering::Acquire);
        let letters = self.sent.load(Ordering::Acquire).saturating_sub(done);
        InFlight { letters, bytes: self.bytes.load(Ordering::Acquire) }
    }

    fn has_room(&self, bytes: u64, limit: InFlight) -> bool {
        self.total().has_room(bytes, limit)
    }

    /// Counts a dead letter as in flight. Counts it as failed and returns false if there is no room for it.
    fn begin(&self, ticket: Ticket, limit: InFlight) -> bool {
        let mut in_flight = self.in_flight();
        let has_room = self.has_room(ticket.bytes, limit);
        self.sent.fetch_add(1, Ordering::AcqRel);
        if !has_room {
            self.failed.fetch_add(1, Ordering::AcqRel);
            return false;
        }
        self.bytes.fetch_add(ticket.bytes, Ordering::AcqRel);
        in_flight.entry(ticket.index).or_default().insert(ticket.offset);
        true
    }

    fn end(&self, ticket: Ticket, is_written: bool) {
        let mut in_flight = self.in_flight();
        if let Some(offsets) = in_flight.get_mut(&ticket.index) {
            offsets.remove(&ticket.offset);
        }
        self.bytes.fetch_sub(ticket.bytes, Ordering::AcqRel);
        let count = if is_written { &self.acknowledged } else { &self.failed };
        count.fetch_add(1, Ordering::AcqRel);
    }
}

/// A wait for room that lasts while dead letters are acknowledged.
struct Patience<'a> {
    tracker: &'a Tracker,
    acknowledged: u64,
    began: Instant,
    since: Instant,
}

impl<'a> Patience<'a> {
    fn new(tracker: &'a Tracker) -> Self {
        let now = Instant::now();
        Self { tracker, acknowledged: tracker.acknowledged.load(Ordering::Acquire), began: now, since: now }
    }

    /// Waits a millisecond; returns false without waiting once none was acknowledged for [`PATIENCE`], or the wait has
    /// lasted for [`MAX_WAIT`].
    fn waits(&mut self) -> bool {
        let is_stuck = self.tracker.stuck_at.load(Ordering::Acquire) == self.acknowledged + 1;
        if is_stuck || self.began.elapsed() >= MAX_WAIT {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
        let acknowledged = self.tracker.acknowledged.load(Ordering::Acquire);
        if acknowledged != self.acknowledged {
            (self.acknowledged, self.since) = (acknowledged, Instant::now());
        } else if self.since.elapsed() >= PATIENCE {
            self.tracker.stuck_at.store(acknowledged + 1, Ordering::Release);
        }
        true
    }
}

/// Receives the broker's acknowledgements, on the producer's thread.
struct Delivery {
    context: Context,
    tracker: Arc<Tracker>,
}

impl ClientContext for Delivery {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, detail: &str) {
        self.context.log(level, facility, detail);
    }

    /// Nothing: the client logs the error, and each dead letter reports its own result.
    fn error(&self, _error: KafkaError, _reason: &str) {}

    fn stats_raw(&self, _statistics: &[u8]) {}
}

impl ProducerContext for Delivery {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        if let Err((error, _)) = result {
            ticket.log_failure(&error.to_string());
        }
        self.tracker.end(*ticket, result.is_ok());
    }
}
