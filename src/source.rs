//! Everything that talks to Kafka on behalf of the pipeline, as synchronous objects that the pipeline drives from its own threads.
//!
//! ```text
//! Consumer      poll thread: explicit offsets, batches from a private queue, positions, advisory commits
//! EndProbe      any thread:  end offsets, through a client of its own
//! check         at start:    topics that would break exactness
//! DeadLetters   any thread:  records set aside, and up to where they are safe
//! ```
//!
//! # The private queue
//!
//! `rd_kafka_consume_batch_queue` costs half of what polling record by record does, but returns records only. So the assigned partitions
//! forward to a queue of our own, from which batches are taken, and [`Consumer::serve`] polls the client's main queue for all the rest.
//! What that takes is told in `fetching`; the calls themselves are in `native`, the only file with `unsafe`.
//!
//! # Invariants
//!
//! - What a [`Batch`] hands over of a partition has ascending offsets, each at most once until [`Consumer::assign`] is called again.
//! - Nothing of a partition is handed over after an error of that partition before it is fetched anew from where the handing over ended:
//!   librdkafka skips what it cannot read (a failed checksum, an unknown format) and goes on.
//! - [`Consumer::positions`] never shows a position beyond a record that was not handed over.
//! - Nothing here decodes a value, waits for the pipeline or reads the wall clock.

pub mod check;

mod batch;
mod client;
mod consumer;
mod dead_letter;
mod error;
mod fetching;
mod native;
mod probe;
mod reading;
mod settings;

#[cfg(test)]
mod tests;

pub use batch::{Batch, Message};
pub use consumer::{ClientEvent, Consumer};
pub use dead_letter::{DeadLetter, DeadLetterCounts, DeadLetters};
pub use error::SourceError;
pub use probe::{End, EndProbe};
pub use settings::{DeadLetterSettings, Settings};

use crate::record::Stream;

/// The index of an assigned partition: its place in the list that was given to [`Consumer::assign`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionIndex(pub u16);

impl PartitionIndex {
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    fn at(index: usize) -> Self {
        Self(u16::try_from(index).expect("assign refuses more partitions than slots"))
    }
}

/// A partition of an input topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopicPartition {
    pub stream: Stream,
    pub topic: String,
    pub partition: i32,
}

/// The partitions of the three topics, in the order of [`Stream::ALL`] and of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    pub partitions: Vec<PartitionLog>,
}

/// A partition and where its log begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionLog {
    pub partition: TopicPartition,
    /// The low watermark: the first offset that is still there, or where the next record goes if none is.
    pub low: i64,
}
