//! Messages between the pipeline's threads, as closed lists.

use std::time::Instant;

use tokio::sync::mpsc::error::SendError;

use super::batch_decoder::{DecodedBatch, ResumePoint};
use super::passage::ExcludedPassage;
use crate::clock::Timestamp;
use crate::record::{PartitionIndex, PerStream, TopicPartition};
use crate::runtime::Failure;
use crate::source::check::TimestampSource;
use crate::source::{ClientEvent, End, TopicIds};
use crate::view::snapshot::BrokerOutage;

/// Message to the task that owns the state. Those that follow records arrive in the order in which they were sent; the
/// others are reports, which overtake them.
pub enum WorkerMessage {
    /// Nothing can be read yet, for this reason.
    Waiting(String),
    /// Logs to read. The answer is [`PollerCommand::Read`].
    LogsFound(LogInventory),
    /// Records to apply.
    Records(DecodedBatch),
    /// Excluded offsets that cannot be read and were passed over.
    Passed(ExcludedPassage),
    /// The client's positions after everything sent before.
    Positions {
        /// Positions, as far as they are known.
        positions: Vec<(PartitionIndex, i64)>,
        /// Last time that the client had nothing more to hand over; `None` if it always had.
        drained: Option<Instant>,
    },
    /// The log of a partition does not contain the last applied record.
    LogMismatch(PartitionIndex),
    /// Answers to the end offsets query.
    Ends {
        /// Clock reading before the query was sent.
        asked: Timestamp,
        /// End offsets, as far as they are known.
        ends: Vec<(PartitionIndex, End)>,
        /// Partitions whose topic does not exist.
        missing: Vec<PartitionIndex>,
    },
    /// State of the brokers: `None` once they answer again.
    Outage(Option<BrokerOutage>),
    /// Answer to the queries for the topics.
    Topics {
        /// Clock reading before the first query was sent.
        asked: Timestamp,
        /// Monotonic instant of that reading.
        asked_at: Instant,
        /// Number of partitions of each topic; `None` for a topic that does not exist.
        counts: PerStream<Option<usize>>,
        /// Ids of the topics, as far as they are known.
        ids: TopicIds,
    },
    /// Events of the Kafka client.
    ClientEvents(Vec<ClientEvent>),
    /// Reading cannot continue.
    Failed(Failure),
    /// Last message of the poll thread.
    Stopped,
}

impl WorkerMessage {
    /// True if the message has its place behind the records sent before it. False for a report, which means the same
    /// before them: the task must know of it even if they take long.
    pub fn follows_records(&self) -> bool {
        !matches!(self, Self::Ends { .. } | Self::Outage(_) | Self::Topics { .. } | Self::ClientEvents(_))
    }
}

/// Error of sending to a task that has ended: the process is exiting.
pub(super) struct TaskGone;

impl<T> From<SendError<T>> for TaskGone {
    fn from(_: SendError<T>) -> Self {
        TaskGone
    }
}

/// Logs of all assigned partitions.
pub struct LogInventory {
    /// Cluster id as the brokers report it.
    pub cluster_id: Option<String>,
    /// Ids of the topics as the brokers report them.
    pub topic_ids: TopicIds,
    /// Logs by partition index.
    pub logs: Vec<LogInfo>,
    /// Why the committed offsets are unknown; `None` if they are known.
    pub committed_fault: Option<String>,
    /// Source of the timestamps of each topic.
    pub timestamps: PerStream<TimestampSource>,
    /// True for a topic whose retention is shorter than the stream's horizon.
    pub short_retention: PerStream<bool>,
}

/// The log of a partition.
#[derive(Debug, Clone)]
pub struct LogInfo {
    /// Partition of the log.
    pub partition: TopicPartition,
    /// First offset that retention has left.
    pub low: i64,
    /// Last stable offset; `None` if the broker did not report it.
    pub end: Option<i64>,
    /// Committed offset, if there is one and it is known; dead letters of the records below it were written by an earlier process.
    pub committed: Option<i64>,
}

/// Command from the task to the poll thread.
pub enum PollerCommand {
    /// Read the partitions, given by index, from these points.
    Read(Vec<ResumePoint>),
    /// Commit these offsets.
    Commit(Vec<(PartitionIndex, i64)>),
    /// Fetch a stalled partition again from its position.
    Refetch(PartitionIndex),
    /// Fetch a partition again that yielded nothing after a first time, and report it like a batch that cannot be read.
    GiveUp(PartitionIndex),
}
