//! The simulated dead-letter topic: dead letters are in flight until they are written or fail.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pacemeter::pipeline::DeadLetterSink;
use pacemeter::record::PartitionIndex;
use pacemeter::source::{DeadLetter, DeadLetterCounts};

/// Dead letters of the running process that are in flight, and the keys of those of all processes that are not.
#[derive(Default)]
struct State {
    in_flight: Vec<(PartitionIndex, i64, Vec<u8>)>,
    counts: DeadLetterCounts,
    /// Keys of records whose dead letter was written or counted as failed.
    settled: BTreeSet<Vec<u8>>,
    /// True if a flush writes what is in flight.
    flush_writes: bool,
}

/// Sink of all processes of a run. Clones share it.
#[derive(Clone, Default)]
pub struct SimDeadLetters(Arc<Mutex<State>>);

impl SimDeadLetters {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the oldest dead letters in flight, at most `most`, or lets them fail permanently.
    pub fn settle(&self, most: usize, are_written: bool) {
        let mut state = self.state();
        let count = most.min(state.in_flight.len());
        let settled: Vec<_> = state.in_flight.drain(..count).collect();
        let counter = if are_written { &mut state.counts.acknowledged } else { &mut state.counts.failed };
        *counter += count as u64;
        state.settled.extend(settled.into_iter().map(|(_, _, key)| key));
    }

    /// Drops what is in flight, because its process is gone.
    pub fn abandon(&self) {
        let mut state = self.state();
        state.in_flight.clear();
        state.counts = DeadLetterCounts::default();
    }

    pub fn set_flush(&self, writes: bool) {
        self.state().flush_writes = writes;
    }

    /// True if the dead letter of the record with this key was written or counted as failed.
    pub fn is_settled(&self, key: &[u8]) -> bool {
        self.state().settled.contains(key)
    }
}

impl DeadLetterSink for SimDeadLetters {
    fn send(&self, dead_letter: &DeadLetter<'_>) {
        let mut state = self.state();
        state.counts.sent += 1;
        let record = &dead_letter.record;
        state.in_flight.push((dead_letter.index, record.offset, record.key.unwrap_or_default().to_vec()));
    }

    fn acknowledged_below(&self, index: PartitionIndex, next_offset: i64) -> i64 {
        let state = self.state();
        let offsets = state.in_flight.iter().filter(|(other, _, _)| *other == index).map(|(_, offset, _)| *offset);
        offsets.min().map_or(next_offset, |oldest| oldest.min(next_offset))
    }

    fn counts(&self) -> DeadLetterCounts {
        self.state().counts
    }

    fn flush(&self, _deadline: Duration) -> bool {
        if self.state().flush_writes {
            self.settle(usize::MAX, true);
        }
        self.state().in_flight.is_empty()
    }
}
