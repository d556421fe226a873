//! What a record is and what becomes of it, whatever it says: streams, outcomes, reasons of rejection, headers.

mod partition;
mod per_stream;

pub use self::per_stream::PerStream;
use crate::clock::Millis;
pub use partition::{PartitionIndex, TopicPartition};

/// One kind of event on one topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    Disbursement,
    Call,
    Milestone,
}

impl Stream {
    pub const ALL: [Stream; 3] = [Stream::Disbursement, Stream::Call, Stream::Milestone];

    /// The value of the label `stream`, and the name in settings and event types.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Disbursement => "disbursement",
            Stream::Call => "call",
            Stream::Milestone => "milestone",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.name() == name)
    }
}

/// What became of a record that was read: exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    Applied,
    Duplicate,
    Rejected,
    Expired,
}

impl Outcome {
    pub const ALL: [Outcome; 4] = [Outcome::Applied, Outcome::Duplicate, Outcome::Rejected, Outcome::Expired];

    pub fn name(self) -> &'static str {
        match self {
            Outcome::Applied => "applied",
            Outcome::Duplicate => "duplicate",
            Outcome::Rejected => "rejected",
            Outcome::Expired => "expired",
        }
    }
}

/// Why a record was rejected; the whole list of the contract, in the order in which faults are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    Empty,
    TooLarge,
    UnsupportedFormat,
    NotJson,
    MissingField,
    InvalidField,
    UnknownType,
    WrongStream,
    Future,
    Excluded,
}

impl Reason {
    pub const ALL: [Reason; 10] = [
        Reason::Empty,
        Reason::TooLarge,
        Reason::UnsupportedFormat,
        Reason::NotJson,
        Reason::MissingField,
        Reason::InvalidField,
        Reason::UnknownType,
        Reason::WrongStream,
        Reason::Future,
        Reason::Excluded,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Reason::Empty => "empty",
            Reason::TooLarge => "too_large",
            Reason::UnsupportedFormat => "unsupported_format",
            Reason::NotJson => "not_json",
            Reason::MissingField => "missing_field",
            Reason::InvalidField => "invalid_field",
            Reason::UnknownType => "unknown_type",
            Reason::WrongStream => "wrong_stream",
            Reason::Future => "future",
            Reason::Excluded => "excluded",
        }
    }
}

/// A rejected record: the reason, and the field at fault where one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{}", reason.name(), if field.is_some() { " " } else { "" }, field.unwrap_or(""))]
pub struct Rejection {
    pub reason: Reason,
    pub field: Option<&'static str>,
}

impl Rejection {
    pub fn of(reason: Reason) -> Self {
        Self { reason, field: None }
    }

    pub fn field(reason: Reason, field: &'static str) -> Self {
        Self { reason, field: Some(field) }
    }
}

/// A record header: its name and, unless null, its value.
pub type Header<'a> = (&'a str, Option<&'a [u8]>);

/// What decoding needs of a Kafka record, borrowed from the client's memory.
#[derive(Debug, Clone, Copy)]
pub struct RawRecord<'a> {
    pub value: Option<&'a [u8]>,
    /// The record's Kafka timestamp; absent for message formats that have none.
    pub timestamp: Option<Millis>,
    pub headers: &'a [Header<'a>],
}
