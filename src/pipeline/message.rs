//! What the pipeline's threads tell each other: two closed lists.

use std::time::Instant;

use crate::clock::Millis;
use crate::event::{Event, Texts};
use crate::record::{Rejection, Stream};
use crate::runtime::Failure;
use crate::source::{Batch, ClientEvent, End, Partition, Slot};

/// Everything that can wake the task that owns the state. In the order in which it was sent.
pub enum Message {
    /// Not reading yet: why.
    Waiting(String),
    /// Reading begins.
    Assigned(Assignment),
    Records(Records),
    /// The client's positions after everything sent before.
    Positions(Vec<(Slot, i64)>),
    /// The ends that were asked for when the clock showed `asked`.
    Ends {
        asked: Millis,
        ends: Vec<(Slot, End)>,
    },
    Client(Vec<ClientEvent>),
    /// Reading cannot go on.
    Failed(Failure),
    /// Nothing follows from the poll thread.
    Stopped,
}

/// What is read from now on.
pub struct Assignment {
    /// By slot.
    pub partitions: Vec<Assigned>,
    /// By [`Stream`]: whether the topic is kept for less than the horizon.
    pub short_retention: [bool; Stream::ALL.len()],
}

/// A partition whose log is read from its beginning.
#[derive(Debug, Clone)]
pub struct Assigned {
    pub partition: Partition,
    pub first_offset: i64,
    /// Below it, dead letters were written by an earlier process.
    pub committed: Option<i64>,
}

/// A batch of records, decoded. The client's batch stays with them for the dead letters.
pub struct Records {
    pub decoded: Vec<Decoded>,
    pub texts: Texts,
    pub batch: Batch,
    /// When the client handed them over.
    pub taken: Instant,
    /// Bytes of keys and values, by slot.
    pub bytes: Vec<(Slot, u64)>,
}

/// A record after decoding; in the order of the client's batch.
pub struct Decoded {
    pub slot: Slot,
    pub offset: i64,
    pub event: Result<Event, Rejection>,
}

/// What the task asks of the poll thread.
pub enum Command {
    Commit(Vec<(Slot, i64)>),
    Refetch(Slot),
}
