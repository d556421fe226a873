//! What the pipeline's threads tell each other: closed lists.

use std::io;
use std::time::Instant;

use super::intake::{Originals, Start, Taken};
use crate::clock::Millis;
use crate::cuts::Cut;
use crate::record::Stream;
use crate::runtime::Failure;
use crate::source::{ClientEvent, End, Partition, Slot};

/// Everything that can wake the task that owns the state. In the order in which it was sent.
pub enum Message {
    /// Not reading yet: why.
    Waiting(String),
    /// There are logs to read. The answer is [`Command::Read`].
    Found(FoundLogs),
    Records(Records),
    /// The client's positions after everything sent before.
    Positions(Vec<(Slot, i64)>),
    /// The record that state took last is not in the log: this is another one.
    TailDiffers(Slot),
    /// The ends that were asked for when the clock showed `asked`, and partitions that are not there.
    Ends {
        asked: Millis,
        ends: Vec<(Slot, End)>,
        missing: Vec<Slot>,
    },
    /// How many partitions each topic has now; none for a topic that is not there.
    PartitionCounts([Option<usize>; Stream::ALL.len()]),
    Client(Vec<ClientEvent>),
    /// Reading cannot go on.
    Failed(Failure),
    /// Nothing follows from the poll thread.
    Stopped,
}

/// What there is to read.
pub struct FoundLogs {
    /// As the brokers tell it.
    pub cluster_id: Option<String>,
    /// By slot.
    pub logs: Vec<FoundLog>,
    /// By [`Stream`]: whether the topic is kept for less than the horizon.
    pub short_retention: [bool; Stream::ALL.len()],
}

/// The log of a partition.
#[derive(Debug, Clone)]
pub struct FoundLog {
    pub partition: Partition,
    /// The first offset that is still there.
    pub low: i64,
    /// The last stable offset; none if it was not told.
    pub end: Option<i64>,
    /// Below it, dead letters were written by an earlier process.
    pub committed: Option<i64>,
}

/// A batch of records, decoded. The originals stay with them for the dead letters.
pub struct Records {
    pub taken: Taken,
    pub originals: Box<dyn Originals>,
    /// When the client handed them over.
    pub at: Instant,
}

/// A cut to be stored; those before `oldest` are no longer kept.
pub struct CutOrder {
    pub cut: Cut,
    pub oldest: Millis,
}

/// What became of a cut that was to be stored.
pub struct StoredCut {
    pub cut: Cut,
    pub result: io::Result<()>,
}

/// What the task asks of the poll thread.
pub enum Command {
    /// By slot.
    Read(Vec<Start>),
    Commit(Vec<(Slot, i64)>),
    Refetch(Slot),
}
