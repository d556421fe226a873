//! What the pipeline's threads tell each other: closed lists.

use std::io;
use std::time::Instant;

use super::batch_decoder::{DecodedBatch, Originals, ResumePoint};
use crate::clock::Millis;
use crate::cuts::Cut;
use crate::record::PerStream;
use crate::record::{PartitionIndex, TopicPartition};
use crate::runtime::Failure;
use crate::source::{ClientEvent, End};

/// Everything that can wake the task that owns the state. In the order in which it was sent.
pub enum Message {
    /// Not reading yet: why.
    Waiting(String),
    /// There are logs to read. The answer is [`Command::Read`].
    Found(LogInventory),
    Records(RecordBatch),
    /// The client's positions after everything sent before.
    Positions(Vec<(PartitionIndex, i64)>),
    /// The record that state took last is not in the log: this is another one.
    LogMismatch(PartitionIndex),
    /// The ends that were asked for when the clock showed `asked`, and partitions that are not there.
    Ends {
        asked: Millis,
        ends: Vec<(PartitionIndex, End)>,
        missing: Vec<PartitionIndex>,
    },
    /// How many partitions each topic has now; none for a topic that is not there.
    PartitionCounts(PerStream<Option<usize>>),
    Client(Vec<ClientEvent>),
    /// Reading cannot go on.
    Failed(Failure),
    /// Nothing follows from the poll thread.
    Stopped,
}

/// What there is to read.
pub struct LogInventory {
    /// As the brokers tell it.
    pub cluster_id: Option<String>,
    /// By slot.
    pub logs: Vec<LogInfo>,
    /// By [`Stream`]: whether the topic is kept for less than the horizon.
    pub short_retention: PerStream<bool>,
}

/// The log of a partition.
#[derive(Debug, Clone)]
pub struct LogInfo {
    pub partition: TopicPartition,
    /// The first offset that is still there.
    pub low: i64,
    /// The last stable offset; none if it was not told.
    pub end: Option<i64>,
    /// Below it, dead letters were written by an earlier process.
    pub committed: Option<i64>,
}

/// A batch of records, decoded. The originals stay with them for the dead letters.
pub struct RecordBatch {
    pub taken: DecodedBatch,
    pub originals: Box<dyn Originals>,
    /// When the client handed them over.
    pub at: Instant,
}

/// A cut to be stored; those before `oldest` are no longer kept.
pub struct CutRequest {
    pub cut: Cut,
    pub oldest: Millis,
}

/// What became of a cut that was to be stored.
pub struct CutOutcome {
    pub cut: Cut,
    pub result: io::Result<()>,
}

/// What the task asks of the poll thread.
pub enum Command {
    /// By slot.
    Read(Vec<ResumePoint>),
    Commit(Vec<(PartitionIndex, i64)>),
    Refetch(PartitionIndex),
}
