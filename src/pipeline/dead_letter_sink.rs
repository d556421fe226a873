//! Where records go that are set aside.

use crate::record::PartitionIndex;
use crate::source::{DeadLetter, DeadLetterCounts, DeadLetters};
use std::time::Duration;

pub trait DeadLetterSink: Send {
    fn send(&self, letter: &DeadLetter<'_>);
    /// The offset up to which every letter of a partition is written or failed for good, but no more than `next_offset`.
    fn acknowledged_below(&self, slot: PartitionIndex, next_offset: i64) -> i64;
    fn counts(&self) -> DeadLetterCounts;
    /// Waits until none is under way, for at most `deadline`; false if some still are.
    fn flush(&self, deadline: Duration) -> bool;
}

impl DeadLetterSink for DeadLetters {
    fn send(&self, letter: &DeadLetter<'_>) {
        DeadLetters::send(self, letter);
    }

    fn acknowledged_below(&self, slot: PartitionIndex, next_offset: i64) -> i64 {
        DeadLetters::acknowledged_below(self, slot, next_offset)
    }

    fn counts(&self) -> DeadLetterCounts {
        DeadLetters::counts(self)
    }

    fn flush(&self, deadline: Duration) -> bool {
        DeadLetters::flush(self, deadline)
    }
}
