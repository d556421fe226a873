//! Records before and after decoding: streams, partitions, raw records, outcomes, reasons for a rejection.

mod json_fault;
mod partition;
mod per_stream;
mod raw;

pub use self::json_fault::{Finding, JsonFault};
pub use self::per_stream::PerStream;
pub use partition::{PartitionIndex, TopicPartition};
pub use raw::{Header, MAX_TIMESTAMP_AHEAD, MAX_TIMESTAMP_BEHIND, RawRecord, RawRecords};

use std::fmt;

/// Family of events; each has a topic of its own (spec/events.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// Supports: applications, approvals, dispersals, returns.
    Disbursement,
    /// Calls of the call centre, and its agents.
    Call,
    /// Milestones of initiatives.
    Milestone,
}

impl Stream {
    /// Every stream, in the order of the discriminants.
    pub const ALL: [Stream; 3] = [Stream::Disbursement, Stream::Call, Stream::Milestone];

    /// Value of the label `stream`, and name in settings and event types.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Disbursement => "disbursement",
            Stream::Call => "call",
            Stream::Milestone => "milestone",
        }
    }

    /// Stream of that name; `None` if there is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.name() == name)
    }
}

/// Result of applying a record: every record read has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Counted in the figures.
    Applied,
    /// Id of an event that was applied before.
    Duplicate,
    /// Not a valid event; see [`Reason`].
    Rejected,
    /// Valid, but older than the stream's horizon.
    Expired,
}

impl Outcome {
    /// Every outcome, in the order of the discriminants.
    pub const ALL: [Outcome; 4] = [Outcome::Applied, Outcome::Duplicate, Outcome::Rejected, Outcome::Expired];

    /// Value of the label `outcome`.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Applied => "applied",
            Outcome::Duplicate => "duplicate",
            Outcome::Rejected => "rejected",
            Outcome::Expired => "expired",
        }
    }
}

/// Reason for a rejection, in the order in which faults are looked for (spec/events.md#order-of-faults).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No value, or nothing after the frame of a schema registry.
    Empty,
    /// Value larger than `records.max_record_bytes`.
    TooLarge,
    /// Content type other than JSON or one structured CloudEvent, or data in base64.
    UnsupportedFormat,
    /// Value is not a JSON object.
    NotJson,
    /// Required field is absent.
    MissingField,
    /// Field is malformed or out of bounds.
    InvalidField,
    /// Event type does not exist.
    UnknownType,
    /// Event type belongs to another stream's topic.
    WrongStream,
    /// Event time too far after the record's Kafka timestamp.
    Future,
    /// Offset lies in a range of `streams.STREAM.exclude`.
    Excluded,
}

impl Reason {
    /// Every reason, in the order of the discriminants.
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

    /// Value of the label `reason`.
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

/// Why a record was rejected. Holds nothing of the record's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct Rejection {
    /// First fault found.
    pub reason: Reason,
    /// Name of the faulty field; `None` if the fault is not in a field.
    pub field: Option<&'static str>,
    /// Place of the fault in a value that is [`Reason::NotJson`].
    pub detail: Option<JsonFault>,
}

impl Rejection {
    /// Rejection without a field.
    pub fn of(reason: Reason) -> Self {
        Self { reason, field: None, detail: None }
    }

    /// Rejection for a fault in `field`.
    pub fn field(reason: Reason, field: &'static str) -> Self {
        Self { reason, field: Some(field), detail: None }
    }

    /// Rejection of a value that is no JSON object.
    pub fn not_json(fault: JsonFault) -> Self {
        Self { reason: Reason::NotJson, field: None, detail: Some(fault) }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason.name())?;
        if let Some(field) = self.field {
            write!(formatter, " {field}")?;
        }
        self.detail.map_or(Ok(()), |fault| write!(formatter, " at {fault}"))
    }
}
