//! Identities of partitions.

use super::Stream;

/// A partition of an input topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopicPartition {
    /// Stream that the topic carries.
    pub stream: Stream,
    /// Name of the topic in Kafka.
    pub topic: String,
    /// Number of the partition in its topic.
    pub partition: i32,
}

/// Index of an assigned partition, the same for as long as it is assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionIndex(pub u16);

impl PartitionIndex {
    /// Maximum number of assigned partitions.
    pub const LIMIT: usize = u16::MAX as usize + 1;

    /// Index of the partition at a position of the list of assigned ones.
    ///
    /// # Panics
    /// At [`PartitionIndex::LIMIT`] and beyond, which an assignment refuses.
    pub fn new(position: usize) -> Self {
        Self(u16::try_from(position).expect("an assignment has at most PartitionIndex::LIMIT partitions"))
    }

    /// Position in the list of assigned partitions.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}
