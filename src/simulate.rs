//! A programme that lives: events for the demo, for load and for tests.
//!
//! Two drivers over the same generator:
//!
//! - [`LiveProgramme`]: simulated time flows, and what happens until an instant is asked for. Its volumes are those of the real programme in May 2020,
//!   times a scale, with the profile of a week.
//! - [`Load`]: a number of events, as fast as they can be written.
//!
//! Both make *facts* ([`fact`]), which the outbox ([`outbox`]) turns into records ([`write`], [`style`], [`text`]) and between which it puts
//! what goes wrong in practice: duplicates, conflicts, expired and malformed records ([`malformed`]). Beside each record stands what it means
//! ([`sent`]), told from the fact, so that a [`Oracle`](crate::oracle::Oracle) can say what the figures must be.
//!
//! Invariants: the same seed gives the same records; nothing here reads a clock; every personal identifier begins with [`CANARY`].

mod emitter;
mod live;
mod load;
mod malformed;
mod occurrence;
mod sent;
mod style;
#[cfg(test)]
mod tests;
mod text;
mod week;
mod write;

use crate::clock::Millis;
use crate::oracle::SentRecord;
use crate::record::Stream;

pub use emitter::FaultRates;
pub use live::{LiveOptions, LiveProgramme};
pub use load::{Emissions, Load};
pub use occurrence::{LABELS, ProgrammeLabels, SUPPORT};
pub use style::Envelopes;
pub use text::CANARY;
pub use week::week_start;

/// A record to be produced, and what it means.
#[derive(Debug, Clone)]
pub struct Emission {
    pub stream: Stream,
    /// By a stable hash of the key.
    pub partition: i32,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// The record's Kafka timestamp: when it was sent.
    pub timestamp: Millis,
    pub sent: SentRecord,
}

/// How many partitions each topic has; at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionCounts {
    pub disbursement: i32,
    pub call: i32,
    pub milestone: i32,
}

impl PartitionCounts {
    /// The same number for each.
    pub fn each(count: i32) -> Self {
        Self { disbursement: count, call: count, milestone: count }
    }

    pub fn of(self, stream: Stream) -> i32 {
        match stream {
            Stream::Disbursement => self.disbursement,
            Stream::Call => self.call,
            Stream::Milestone => self.milestone,
        }
    }
}
