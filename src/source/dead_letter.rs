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
//! | `pacemeter-value-bytes` | the size of the value that was left out, as the letter does not fit with it |
//!
//! A broker refuses a batch as a whole if it is too large, or one of its letters is. The letters of such a batch are
//! sent again, each alone ([`resender`]); one that is refused alone is sent without its value. Only then it has failed.
//!
//! The letter's own Kafka timestamp is the time of writing, so that retention counts from there.

mod attempt;
mod delivery;
mod resend_queue;
mod resender;
mod tracker;

use self::attempt::Attempt;
use self::delivery::Delivery;
use self::resend_queue::RefusedLetter;
use self::resender::Resender;
use self::tracker::{InFlight, Patience, Ticket, Tracker};
use super::client::{self, Context};
use super::factory;
use super::{DeadLetterSettings, Settings, SourceError};
use crate::record::{JsonFault, PartitionIndex, RawRecord, TopicPartition};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header as OwnedHeader, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

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
    writer: Option<Writer>,
    topic: String,
    limit: InFlight,
    tracker: Arc<Tracker>,
}

/// The clients of dead letters. The first is dropped first: until its end it hands letters to the other.
struct Writer {
    producer: ThreadedProducer<Delivery>,
    resender: Resender,
}

impl Writer {
    fn open(settings: &Settings, tracker: &Arc<Tracker>) -> Result<Self, SourceError> {
        let resender = Resender::start(settings, tracker)?;
        let config = client::producer(settings);
        let delivery = Delivery { context: Context::new(&config), failures: resender.failures().clone() };
        Ok(Self { producer: factory::create_producer(&config, delivery)?, resender })
    }
}

impl DeadLetters {
    /// Creates the client and its threads. No network.
    ///
    /// # Errors
    ///
    /// [`SourceError::Configuration`], [`SourceError::Shortage`].
    pub fn open(settings: &Settings) -> Result<Self, SourceError> {
        let DeadLetterSettings { enabled, topic, max_in_flight, max_in_flight_bytes } = &settings.dead_letter;
        let limit = InFlight { letters: u64::from(*max_in_flight), bytes: *max_in_flight_bytes };
        let tracker = Arc::new(Tracker::default());
        let writer = enabled.then(|| Writer::open(settings, &tracker)).transpose()?;
        Ok(Self { writer, topic: topic.clone(), limit, tracker })
    }

    /// Hands a dead letter to the client; waits for room if too many, or too many bytes, are in flight.
    ///
    /// A dead letter that finds no room while none is acknowledged for three seconds fails. Those after it fail at once
    /// until the broker acknowledges one again. So a flood is written, and an outage holds up nothing. A letter that
    /// finds no room for five seconds, whatever is acknowledged, fails too: the caller has other work.
    ///
    /// A letter whose batch the broker refuses is sent again alone, and then without its value. It is in flight until
    /// the last of these.
    pub fn send(&self, letter: &DeadLetter<'_>) {
        let Some(Writer { producer, resender }) = &self.writer else { return };
        let ticket = Ticket {
            index: letter.index,
            offset: letter.record.offset,
            stream: letter.partition.stream,
            partition: letter.partition.partition,
            bytes: size(&letter.record),
            attempt: Attempt::Batched,
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
            let RawRecord { key, value, .. } = letter.record;
            let copy = |ticket| RefusedLetter::new(ticket, key, value, headers(letter));
            resender.failures().resend_or_fail(ticket, &error, value, copy);
        }
    }

    /// Offset below which every dead letter of a partition is written or has failed, at most `next_offset`: as far as
    /// offsets may be committed.
    pub fn acknowledged_below(&self, index: PartitionIndex, next_offset: i64) -> i64 {
        self.tracker.oldest(index).map_or(next_offset, |oldest| oldest.min(next_offset))
    }

    /// Counts since the start.
    pub fn counts(&self) -> DeadLetterCounts {
        self.tracker.counts()
    }

    /// Waits until no dead letter is in flight, for at most `deadline`; returns false if some still are.
    pub fn flush(&self, deadline: Duration) -> bool {
        let Some(Writer { producer, .. }) = &self.writer else { return true };
        let began = Instant::now();
        // Besides waiting, it ends the client's wait for a batch to fill. Refused letters stay in flight after it.
        let _ = producer.flush(deadline);
        while !self.tracker.is_idle() {
            if began.elapsed() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
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
