//! A simulated programme: records for the demo, for load and for tests.
//!
//! Three drivers share one generator:
//!
//! - [`LiveProgramme`] simulates time and returns what was sent until an instant. Its volumes are those of the real
//!   programme in May 2020, times a scale, spread over a week by a profile.
//! - [`Load`] makes a given number of events as fast as they can be written.
//! - [`story::StoryProgramme`] plays the programme of 2020 with its public figures, to the unit.
//!
//! All make *occurrences* ([`occurrence`]), which the emitter ([`emitter`]) turns into records ([`write`], [`style`],
//! [`text`]). It also adds what goes wrong in practice: duplicates, conflicts, expired and malformed records
//! ([`malformed`]). Each record comes with its meaning ([`sent`]), taken from the occurrence and never from the bytes,
//! so that an [`Oracle`](crate::oracle::Oracle) can work out the figures.
//!
//! Invariants: the same seed gives the same records; nothing here reads a clock; every personal identifier begins with
//! [`CANARY`].

mod emitter;
mod live;
mod load;
mod malformed;
mod occurrence;
mod sent;
pub mod story;
mod style;
#[cfg(test)]
mod tests;
mod text;
mod week;
mod write;

use crate::clock::Timestamp;
use crate::oracle::SentRecord;
use crate::record::Stream;

pub use emitter::FaultRates;
pub use live::{LiveOptions, LiveProgramme, PaymentStall};
pub use load::{Emissions, Load};
pub use occurrence::{LABELS, ProgrammeLabels, SUPPORT};
pub use style::Envelopes;
pub use text::CANARY;
pub use week::week_start;

/// A record to produce, and its meaning.
#[derive(Debug, Clone)]
pub struct Emission {
    /// Stream whose topic the record goes to.
    pub stream: Stream,
    /// Partition, by a stable hash of the key.
    pub partition: i32,
    /// Record key.
    pub key: Vec<u8>,
    /// Record value.
    pub value: Vec<u8>,
    /// Names and values of the headers.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// Kafka timestamp of the record: the time at which it was sent.
    pub timestamp: Timestamp,
    /// Meaning of the record, for the oracle.
    pub sent: SentRecord,
}

/// Number of partitions of each topic; at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionCounts {
    /// Partitions of the topic of disbursements.
    pub disbursement: i32,
    /// Partitions of the topic of calls.
    pub call: i32,
    /// Partitions of the topic of milestones.
    pub milestone: i32,
}

impl PartitionCounts {
    /// One number for every topic.
    pub fn each(count: i32) -> Self {
        Self { disbursement: count, call: count, milestone: count }
    }

    /// Number of partitions of a stream's topic.
    pub fn of(self, stream: Stream) -> i32 {
        match stream {
            Stream::Disbursement => self.disbursement,
            Stream::Call => self.call,
            Stream::Milestone => self.milestone,
        }
    }
}
