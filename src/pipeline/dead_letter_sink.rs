//! Seam between the worker and the dead-letter topic, which a simulator replaces.

use std::time::Duration;

use crate::record::PartitionIndex;
use crate::source::{DeadLetter, DeadLetterCounts, DeadLetters};

/// Destination of rejected and expired records.
pub trait DeadLetterSink: Send {
    /// Sends a dead letter without waiting for its acknowledgement.
    fn send(&self, dead_letter: &DeadLetter<'_>);

    /// Offset below which every dead letter of a partition is acknowledged or has failed permanently, at most
    /// `next_offset`.
    fn acknowledged_below(&self, index: PartitionIndex, next_offset: i64) -> i64;

    /// Counts since the start.
    fn counts(&self) -> DeadLetterCounts;

    /// Waits until no dead letter is in flight, for at most `deadline`. Returns false if some still are.
    fn flush(&self, deadline: Duration) -> bool;
}

impl DeadLetterSink for DeadLetters {
    fn send(&self, dead_letter: &DeadLetter<'_>) {
        DeadLetters::send(self, dead_letter);
    }

    fn acknowledged_below(&self, index: PartitionIndex, next_offset: i64) -> i64 {
        DeadLetters::acknowledged_below(self, index, next_offset)
    }

    fn counts(&self) -> DeadLetterCounts {
        DeadLetters::counts(self)
    }

    fn flush(&self, deadline: Duration) -> bool {
        DeadLetters::flush(self, deadline)
    }
}
