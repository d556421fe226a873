//! Bytes to events: a record becomes an [`Event`] or a [`Rejection`].
//!
//! The specification is docs/spec/events.md. A record with several faults is rejected for the first one in the order of
//! spec/events.md#order-of-faults, which is the order of the code:
//!
//! ```text
//! record      empty, too large; frame of a schema registry, byte order mark              (payload)
//! envelope    content type; CloudEvents binary, structured or flat; JSON; known fields  (envelope, field, fields, scan)
//! attributes  id, source, type, time, the record's own timestamp                        (kind, rfc3339)
//! data        field by field; numbers from their own text                               (body, numbers)
//! ```
//!
//! Identifiers of people, supports and calls become keyed hashes (`pseudonym`), those of several records at once
//! (`hash_queue`, `blake3_lanes`). The known fields as given become a fingerprint (`fingerprint`), which distinguishes a
//! conflict from a plain duplicate.
//!
//! The labels of an event are ranges of the batch's [`LabelArena`], so `Event` is `Copy`. Nothing here allocates for a
//! valid record of a batch without escaped strings, reads a clock, recurses, or takes more than linear time. No content
//! of a record makes it panic, and no error holds any.
//!
//! JSON, times and numbers have hand-written parsers: `scan`, `rfc3339` and `numbers` say why. Whoever decodes many
//! records passes a [`DecodeMemory`], with which records that are spelled as earlier ones are read faster.

mod blake3_lanes;
mod body;
mod envelope;
mod field;
mod fields;
mod fingerprint;
mod hash_queue;
mod key_file;
mod kind;
mod memory;
mod numbers;
mod payload;
mod pseudonym;
mod rfc3339;
mod scan;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::clock::{Millis, Timestamp, millis};
use crate::event::{Event, Hash128, LabelArena};
use crate::record::{RawRecord, Reason, Rejection, Stream};
use crate::settings::{SettingsReader, format_duration};

use fields::{Field, Fields};
use hash_queue::HashQueue;
use kind::Kind;
use memory::Spellings;
use payload::Payload;
use pseudonym::Pseudonyms;
use scan::{Scan, Scanner, SerdeJson};

pub use key_file::KeyFile;
pub use memory::DecodeMemory;
pub use pseudonym::{KeyError, PseudonymKey, RecordHasher};

/// Maximum length of an event id. Bytes.
const MAX_ID_BYTES: usize = 128;
/// Maximum length of an event source. Bytes.
const MAX_SOURCE_BYTES: usize = 1_024;

/// Minimum of `records.max_record_bytes`: the longest valid event fits, if not all of it is escaped.
const LEAST_RECORD_BYTES: u64 = 4_096;
/// Maximum of `records.max_record_bytes`: far more than brokers accept.
const MOST_RECORD_BYTES: u64 = 64 * 1_024 * 1_024;
/// Maximum of `records.max_future_skew`. Beyond a day it does not protect the watermark.
const MOST_FUTURE_SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// Settings of decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Maximum size of a record value, frame included; a larger one is `too_large`. Bytes.
    pub max_record_bytes: usize,
    /// Maximum that an event's time may be later than its record's Kafka timestamp; beyond it the record is `future`.
    pub max_future_skew: Millis,
}

impl Settings {
    /// Names and values of the settings that state depends on.
    pub fn semantic_settings(&self) -> [(&'static str, String); 2] {
        [
            ("records.max_record_bytes", self.max_record_bytes.to_string()),
            ("records.max_future_skew", format_duration(Duration::from_millis(self.max_future_skew.unsigned_abs()))),
        ]
    }

    /// Reads `records.max_record_bytes` and `records.max_future_skew`.
    pub fn read(reader: &mut SettingsReader) -> Self {
        let bytes = reader.integer("records.max_record_bytes", LEAST_RECORD_BYTES..=MOST_RECORD_BYTES);
        let skew = reader.duration("records.max_future_skew", Duration::ZERO..=MOST_FUTURE_SKEW);
        Self { max_record_bytes: bytes as usize, max_future_skew: millis(skew) }
    }
}

/// Decodes records. Holds nothing of them, so one decoder serves all threads.
pub struct Decoder {
    settings: Settings,
    pseudonyms: Pseudonyms,
}

impl Decoder {
    /// A decoder that hashes identifiers under `key`.
    pub fn new(settings: Settings, key: PseudonymKey) -> Self {
        Self { settings, pseudonyms: Pseudonyms::new(&key) }
    }

    /// Decodes a record of a stream's topic. Appends the event's labels to `arena`; a rejected record appends nothing.
    ///
    /// Batches are decoded by [`Decoder::begin`] and [`Decoder::finish`], with the same result.
    ///
    /// # Errors
    ///
    /// Returns the first fault in the order of spec/events.md#order-of-faults, with the faulty field where there is
    /// one.
    pub fn decode(&self, stream: Stream, record: &RawRecord<'_>, arena: &mut LabelArena) -> Result<Event, Rejection> {
        self.decode_by::<Scanner>(stream, record, arena)
    }

    /// [`Decoder::decode`] with serde_json in place of our scanner: for tests.
    ///
    /// # Errors
    ///
    /// Same as [`Decoder::decode`].
    #[doc(hidden)]
    pub fn decode_with_serde_json(
        &self,
        stream: Stream,
        record: &RawRecord<'_>,
        arena: &mut LabelArena,
    ) -> Result<Event, Rejection> {
        self.decode_by::<SerdeJson>(stream, record, arena)
    }

    /// Decodes a record but for the hashes of its identifiers and its fingerprint, which are zero until
    /// [`Decoder::finish`]. A rejected record leaves nothing in the arena. Faster than [`Decoder::decode`] for records that are
    /// spelled as those before, which `memory` remembers.
    ///
    /// # Errors
    ///
    /// Same as [`Decoder::decode`].
    pub fn begin(
        &self,
        stream: Stream,
        record: &RawRecord<'_>,
        arena: &mut LabelArena,
        memory: &mut DecodeMemory,
    ) -> Result<Event, Rejection> {
        self.begin_by::<Scanner>(stream, record, arena, &mut memory.queue, Some(&mut memory.spellings))
    }

    /// Completes the events that were begun with the memory, in the same order.
    ///
    /// # Panics
    ///
    /// Panics if `events` are not those that were begun.
    pub fn finish<'e>(&self, memory: &mut DecodeMemory, events: impl IntoIterator<Item = &'e mut Event>) {
        memory.queue.finish(&self.pseudonyms, events);
    }

    fn decode_by<S: Scan>(
        &self,
        stream: Stream,
        record: &RawRecord<'_>,
        arena: &mut LabelArena,
    ) -> Result<Event, Rejection> {
        let mut queue = HashQueue::default();
        let mut decoded = self.begin_by::<S>(stream, record, arena, &mut queue, None);
        queue.finish(&self.pseudonyms, &mut decoded);
        decoded
    }

    #[inline]
    fn begin_by<S: Scan>(
        &self,
        stream: Stream,
        record: &RawRecord<'_>,
        arena: &mut LabelArena,
        queue: &mut HashQueue,
        mut spellings: Option<&mut Spellings>,
    ) -> Result<Event, Rejection> {
        let payload = self.payload(record)?;
        if record.has_unreadable_headers {
            return Err(Rejection::field(Reason::UnsupportedFormat, "headers"));
        }
        let mut fields = Fields::none();
        envelope::open::<S>(payload, record.headers, &mut fields, spellings.as_deref_mut())?;

        let id = fields.required(Field::Id, MAX_ID_BYTES)?;
        let source = fields.optional(Field::Source, MAX_SOURCE_BYTES)?;
        let kind = kind_of(&fields, stream, spellings)?;
        let time = self.time_of(&fields, record.timestamp)?;

        queue.fingerprints.begin(kind.event(), time);
        let reader = body::Reader { fields: &fields, pseudonyms: &self.pseudonyms, queue: &mut *queue };
        let body = reader.read(kind, arena)?;
        queue.push_event(&self.pseudonyms, source.as_deref(), &id);
        Ok(Event { id: Hash128::default(), fingerprint: 0, time, body })
    }

    /// Hasher of records under the decoder's key, by whose hashes a restart recognises a record.
    pub fn record_hasher(&self) -> RecordHasher {
        self.pseudonyms.record()
    }

    /// Value with something to read, and not too large.
    fn payload<'a>(&self, record: &RawRecord<'a>) -> Result<Payload<'a>, Rejection> {
        let value = record.value.unwrap_or_default();
        let payload = Payload::new(value);
        if payload.json().is_empty() {
            return Err(Rejection::of(Reason::Empty));
        }
        if value.len() > self.settings.max_record_bytes {
            return Err(Rejection::of(Reason::TooLarge));
        }
        Ok(payload)
    }

    fn time_of(&self, fields: &Fields<'_>, timestamp: Option<Timestamp>) -> Result<Timestamp, Rejection> {
        let text = fields.string(Field::Time)?.ok_or_else(|| Field::Time.missing())?;
        let time = rfc3339::parse(&text).ok_or_else(|| Field::Time.invalid())?;
        let timestamp = timestamp.ok_or(Rejection::field(Reason::InvalidField, "timestamp"))?;
        if time > timestamp.saturating_add(self.settings.max_future_skew) {
            return Err(Rejection::field(Reason::Future, Field::Time.name()));
        }
        Ok(time)
    }
}

fn kind_of(fields: &Fields<'_>, stream: Stream, spellings: Option<&mut Spellings>) -> Result<Kind, Rejection> {
    let name = fields.string(Field::Type)?.ok_or_else(|| Field::Type.missing())?;
    let kind = match spellings {
        Some(spellings) => spellings.kinds.parse(&name),
        None => Kind::parse(&name),
    };
    let kind = kind.ok_or(Rejection::field(Reason::UnknownType, Field::Type.name()))?;
    if kind.stream() == stream { Ok(kind) } else { Err(Rejection::field(Reason::WrongStream, Field::Type.name())) }
}
