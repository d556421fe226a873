//! The simulated dead-letter topic: letters are under way until they are written or fail.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pacemeter::pipeline::DeadLetterSink;
use pacemeter::record::PartitionIndex;
use pacemeter::source::{DeadLetter, DeadLetterCounts};

/// What a process waits for, and what became of all letters of all processes.
#[derive(Default)]
struct Post {
    under_way: Vec<(PartitionIndex, i64, Vec<u8>)>,
    counts: DeadLetterCounts,
    /// Keys of records whose letter was written, or counted as failed.
    settled: BTreeSet<Vec<u8>>,
    /// What flushing comes to.
    flush_writes: bool,
}

/// Clones are the same.
#[derive(Clone, Default)]
pub struct PostOffice(Arc<Mutex<Post>>);

impl PostOffice {
    fn post(&self) -> MutexGuard<'_, Post> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest letters are written, or fail for good.
    pub fn settle(&self, most: usize, are_written: bool) {
        let mut post = self.post();
        let count = most.min(post.under_way.len());
        let settled: Vec<_> = post.under_way.drain(..count).collect();
        let counter = if are_written { &mut post.counts.acknowledged } else { &mut post.counts.failed };
        *counter += count as u64;
        post.settled.extend(settled.into_iter().map(|(_, _, key)| key));
    }

    /// Its process is gone: what is under way never arrives.
    pub fn abandon(&self) {
        let mut post = self.post();
        post.under_way.clear();
        post.counts = DeadLetterCounts::default();
    }

    pub fn set_flush(&self, writes: bool) {
        self.post().flush_writes = writes;
    }

    pub fn is_settled(&self, key: &[u8]) -> bool {
        self.post().settled.contains(key)
    }
}

impl DeadLetterSink for PostOffice {
    fn send(&self, letter: &DeadLetter<'_>) {
        let mut post = self.post();
        post.counts.sent += 1;
        post.under_way.push((letter.index, letter.offset, letter.key.unwrap_or_default().to_vec()));
    }

    fn acknowledged_below(&self, slot: PartitionIndex, next_offset: i64) -> i64 {
        let post = self.post();
        let oldest = post.under_way.iter().filter(|(other, _, _)| *other == slot).map(|(_, offset, _)| *offset).min();
        oldest.map_or(next_offset, |oldest| oldest.min(next_offset))
    }

    fn counts(&self) -> DeadLetterCounts {
        self.post().counts
    }

    fn flush(&self, _deadline: Duration) -> bool {
        if self.post().flush_writes {
            self.settle(usize::MAX, true);
        }
        self.post().under_way.is_empty()
    }
}
