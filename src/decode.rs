//! Bytes to events: one record in, one [`Event`] or the reason why it is none.
//!
//! The contract's section 1 is the specification. A record goes through it in the order in which faults count:
//!
//! ```text
//! record      empty, too large; the frame of a schema registry is taken off
//! envelope    content type; CloudEvents binary, structured or flat; JSON; where the known fields are   (envelope, fields, scan)
//! attributes  id, source, type, time, the record's own timestamp                                       (kind, rfc3339)
//! data        field by field; numbers from their own text                                              (body, numbers)
//! ```
//!
//! On the way identifiers of people, supports and calls become keyed hashes (`pseudonym`), and all that was given becomes a fingerprint by
//! which a repeated id is told from a conflicting one (`fingerprint`).
//!
//! Nothing here allocates for a valid record without escaped strings, reads a clock, recurses, or takes more than linear time; nothing that
//! a record says can make it panic, and no error holds any of a record's content.

mod body;
mod envelope;
mod fields;
mod fingerprint;
mod kind;
mod numbers;
mod pseudonym;
mod rfc3339;
mod scan;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::clock::{Millis, millis};
use crate::event::{Event, Hash128, LabelArena};
use crate::record::{RawRecord, Reason, Rejection, Stream};
use crate::settings::{SettingsReader, format_duration};

use fields::{Field, Fields};
use fingerprint::Fingerprint;
use kind::Kind;
use pseudonym::Pseudonyms;

pub use pseudonym::{KeyError, PseudonymKey};

/// The longest event id (bytes).
const MAX_ID_BYTES: usize = 128;
/// The longest event source (bytes).
const MAX_SOURCE_BYTES: usize = 1_024;

/// The least that `records.max_record_bytes` may be: the longest valid event fits, if not all of it is escaped.
const LEAST_RECORD_BYTES: u64 = 4_096;
/// The most that `records.max_record_bytes` may be: far more than brokers take, far less than what an index cannot hold.
const MOST_RECORD_BYTES: u64 = 64 * 1_024 * 1_024;
/// The most that `records.max_future_skew` may be. Beyond a day it protects the watermark from nothing.
const MOST_FUTURE_SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// What decoding can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// A larger record value is `too_large`, as it came, frame and all (bytes).
    pub max_record_bytes: usize,
    /// An event whose time is later than its record's Kafka timestamp by more than this is `future`.
    pub max_future_skew: Millis,
}

impl Settings {
    /// What state depends on, by setting.
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

/// Decodes records. Holds nothing of them, so one serves all threads.
pub struct Decoder {
    settings: Settings,
    pseudonyms: Pseudonyms,
}

impl Decoder {
    pub fn new(settings: Settings, key: PseudonymKey) -> Self {
        Self { settings, pseudonyms: Pseudonyms::new(&key) }
    }

    /// Decodes a record of a stream's topic. The event's labels are appended to `arena`; a rejected record appends nothing.
    ///
    /// # Errors
    ///
    /// The first fault in the contract's order, with the field at fault where there is one.
    pub fn decode(&self, stream: Stream, record: &RawRecord<'_>, arena: &mut LabelArena) -> Result<Event, Rejection> {
        let value = self.payload(record)?;
        let mut fields = Fields::none();
        envelope::open(value, record.headers, &mut fields)?;

        let id = fields.required(Field::Id, MAX_ID_BYTES)?;
        let source = fields.optional(Field::Source, MAX_SOURCE_BYTES)?;
        let kind = kind_of(&fields, stream)?;
        let time = self.time_of(&fields, record.timestamp)?;

        let mut fingerprint = Fingerprint::new(kind.event(), time);
        let reader = body::Reader { fields: &fields, pseudonyms: &self.pseudonyms, fingerprint: &mut fingerprint };
        let body = reader.read(kind, arena)?;
        Ok(Event { id: self.pseudonyms.event(source.as_deref(), &id), fingerprint: fingerprint.finish(), time, body })
    }

    /// By which a record is known again: a keyed hash of its key and value.
    pub fn record_hash(&self, key: Option<&[u8]>, value: Option<&[u8]>) -> Hash128 {
        self.pseudonyms.record(key, value)
    }

    /// The value without a frame, not empty and not too large.
    fn payload<'a>(&self, record: &RawRecord<'a>) -> Result<&'a [u8], Rejection> {
        let value = record.value.unwrap_or_default();
        let payload = envelope::unframe(value);
        if payload.is_empty() {
            return Err(Rejection::of(Reason::Empty));
        }
        if value.len() > self.settings.max_record_bytes {
            return Err(Rejection::of(Reason::TooLarge));
        }
        Ok(payload)
    }

    fn time_of(&self, fields: &Fields<'_>, timestamp: Option<Millis>) -> Result<Millis, Rejection> {
        let text = fields.string(Field::Time)?.ok_or_else(|| Field::Time.missing())?;
        let time = rfc3339::parse(&text).ok_or_else(|| Field::Time.invalid())?;
        let timestamp = timestamp.ok_or(Rejection::field(Reason::InvalidField, "timestamp"))?;
        if time > timestamp.saturating_add(self.settings.max_future_skew) {
            return Err(Rejection::field(Reason::Future, Field::Time.name()));
        }
        Ok(time)
    }
}

fn kind_of(fields: &Fields<'_>, stream: Stream) -> Result<Kind, Rejection> {
    let name = fields.string(Field::Type)?.ok_or_else(|| Field::Type.missing())?;
    let kind = Kind::parse(&name).ok_or(Rejection::field(Reason::UnknownType, Field::Type.name()))?;
    if kind.stream() == stream { Ok(kind) } else { Err(Rejection::field(Reason::WrongStream, Field::Type.name())) }
}
