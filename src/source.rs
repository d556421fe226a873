//! The Kafka client: synchronous objects that the pipeline drives from its own threads.
//!
//! ```text
//! Consumer      poll thread: explicit offsets, batches from a private queue, positions, advisory commits
//! EndProbe      any thread:  end offsets, through a client of its own
//! check         at start:    topics that would break exactness
//! DeadLetters   any thread:  records that are rejected or expired, and the offset below which they are acknowledged
//! ```
//!
//! # The private queue
//!
//! `rd_kafka_consume_batch_queue` costs half of what polling record by record does, but returns records only. So the
//! assigned partitions forward to a queue of our own, from which batches are taken, and [`Consumer::serve`] polls the
//! client's main queue for everything else. `fetching` describes the protocol; `native` makes the calls, which are
//! `unsafe`.
//!
//! # Traps of librdkafka
//!
//! - Forwarding is cleared asynchronously when a fetch stops. A partition that is not forwarded is silent for ever.
//! - After an error of a partition the client's position is past the error, and the client may skip records. See
//!   `fetching`.
//! - Under load a batch may be delivered twice; records below the next expected offset are dropped.
//! - A client that is closed while a queue or a message of it lives hangs. See `native`.
//! - A client in a fatal state never finishes closing and burns a core; only the end of the process helps.
//! - A request without an answer within its time-out costs the client its connection.
//! - Each client is of its own (consumer, questions, dead letters), so that an answer does not wait behind a fetch.
//!
//! # Invariants
//!
//! - The records of a partition arrive in [`Batch`]es with ascending offsets, each at most once until the next
//!   [`Consumer::assign`].
//! - After an error of a partition none of its records is returned before it is fetched again from the next expected
//!   offset: librdkafka would skip what it cannot read (a failed checksum, an unknown format).
//! - [`Consumer::positions`] never returns a position beyond a record that was not returned in a batch.
//! - Nothing here decodes a value, waits for the pipeline or reads the wall clock.

pub mod check;

mod batch;
mod client;
mod consumer;
mod creation;
mod dead_letter;
mod error;
mod factory;
mod fetching;
#[allow(unsafe_code, reason = "calls of librdkafka that rdkafka does not wrap")]
mod native;
mod probe;
mod properties;
mod property_files;
mod property_lines;
mod reading;
mod settings;
mod unreachable;

#[cfg(test)]
mod tests;

use crate::telemetry::LinkedLibraries;

pub use batch::Batch;
pub(crate) use client::{base as client_config, default_to};
pub use consumer::{ClientEvent, Consumer};
pub use dead_letter::{DeadLetter, DeadLetterCounts, DeadLetters};
pub use error::SourceError;
pub(crate) use factory::{create_admin, create_producer};
pub use probe::{End, EndProbe};
pub use settings::{DeadLetterSettings, Settings};
pub use unreachable::{BrokerFailures, CertificateFault, UnreachableCause};

/// Makes an abort of a library or of an allocation, and the limit of processor time, end the process with 75 and a line
/// that says what to do.
///
/// # Errors
///
/// A handler cannot be installed.
pub fn handle_aborts() -> std::io::Result<()> {
    native::handle_aborts()
}

/// Returns the number of bytes that the other side of a TCP socket has not acknowledged. It has nothing to do with
/// Kafka, but `unsafe` calls of the system stand in this module.
pub(crate) fn unacknowledged_bytes(socket: impl std::os::fd::AsFd) -> usize {
    native::unacknowledged_bytes(socket)
}

/// Versions of the C libraries in the program.
pub fn linked_libraries() -> LinkedLibraries {
    native::linked_libraries()
}

use crate::record::{PerStream, Stream, TopicPartition};

/// The partitions of the three topics, in the order of `Stream::ALL` and of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    /// Partitions of all topics.
    pub partitions: Vec<PartitionLog>,
    /// Ids of the topics, asked for before the offsets of their logs.
    pub topic_ids: Result<TopicIds, SourceError>,
}

impl Topology {
    /// Number of partitions of a stream's topic.
    pub fn partition_count(&self, stream: Stream) -> i32 {
        let count = self.partitions.iter().filter(|log| log.partition.stream == stream).count();
        i32::try_from(count).unwrap_or(i32::MAX)
    }
}

/// Id that Kafka gave each topic, in the notation of its tools; `None` where the brokers report none. A topic that is
/// deleted and created again has another id.
pub type TopicIds = PerStream<Option<String>>;

/// A partition and the beginning of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionLog {
    /// The partition.
    pub partition: TopicPartition,
    /// Low watermark: the first offset that the broker still has, or the next one to be written in an empty log.
    pub low: i64,
}
