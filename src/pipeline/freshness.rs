//! Completeness of the figures: end offsets that were asked for, when, and whether they have been reached since.
//!
//! Implements `spec/figures.md#complete-until`. The `ends` thread reads the clock, then asks for all end offsets. A
//! partition is complete until the latest such reading whose end offset it has reached; a stream, until the least of
//! its partitions. The position is the next offset to apply, or the client's own if that is higher: the client passes
//! transaction markers, aborted batches and compacted tails. Positions travel behind the records in the same channel,
//! so a position never outruns the records before it.
//!
//! Pure: all times come from outside.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::clock::Timestamp;
use crate::record::Stream;
use crate::source::End;

/// Maximum number of end offsets kept that are not reached yet. While a partition is behind, the oldest are reached
/// first; of the newer ones only the last is kept.
const MAX_ENDS: usize = 64;

/// Multiple of the stall time-out after which a partition is stalled though the client always had more of others.
const MAX_QUEUED: u32 = 10;

/// Freshness of one partition.
#[derive(Debug)]
pub(super) struct PartitionFreshness {
    stream: Stream,
    /// Next offset to apply, or the client's position beyond it.
    position: i64,
    /// End offsets that are not reached yet, oldest first, each with the reading of the clock before it was asked for.
    ends: VecDeque<(Timestamp, i64)>,
    newest_end: Option<End>,
    /// First time that an end offset was lower than one before: the records in between may never come.
    short_since: Option<Instant>,
    complete_until: Option<Timestamp>,
    /// Time at which the position last moved, or had nothing to move to.
    moved: Instant,
}

/// Least "complete until" of the stream's partitions: every record that was in its topic at that instant is applied.
/// `None` until all have one.
pub(super) fn complete_until<'a>(
    partitions: impl Iterator<Item = &'a PartitionFreshness>,
    stream: Stream,
) -> Option<Timestamp> {
    let partitions = partitions.filter(|partition| partition.stream == stream);
    partitions.map(|partition| partition.complete_until).min().flatten()
}

/// True if there are partitions, and every one has reached an end offset that was asked for after the start.
pub(super) fn are_caught_up<'a>(mut partitions: impl Iterator<Item = &'a PartitionFreshness> + Clone) -> bool {
    partitions.clone().next().is_some() && partitions.all(|partition| partition.complete_until.is_some())
}

impl PartitionFreshness {
    /// Starts at the offset from which a partition is read.
    pub(super) fn new(stream: Stream, position: i64, now: Instant) -> Self {
        Self {
            stream,
            position,
            ends: VecDeque::new(),
            newest_end: None,
            short_since: None,
            complete_until: None,
            moved: now,
        }
    }

    /// Takes an end offset that was asked for when the clock showed `asked`. A log that has ended before an earlier end
    /// offset for `stall_timeout` was truncated: that end is no longer waited for.
    pub(super) fn add_end(&mut self, asked: Timestamp, end: End, now: Instant, stall_timeout: Duration) {
        if !self.has_more() {
            self.moved = now;
        }
        self.newest_end = Some(end);
        if self.ends.iter().all(|&(_, before)| before <= end.stable) {
            self.short_since = None;
        } else if now.saturating_duration_since(*self.short_since.get_or_insert(now)) >= stall_timeout {
            // A new leader may lag behind for a moment, but not for so long.
            self.ends.retain(|&(_, before)| before <= end.stable);
        }
        if self.ends.len() == MAX_ENDS {
            self.ends.pop_back();
        }
        self.ends.push_back((asked, end.stable));
        self.settle();
    }

    /// Moves the position: everything below `offset` is applied.
    pub(super) fn reach(&mut self, offset: i64, now: Instant) {
        if offset > self.position {
            self.position = offset;
            self.moved = now;
            self.settle();
        }
    }

    /// Instant up to which every record that was in the partition is applied.
    pub(super) fn complete_until(&self) -> Option<Timestamp> {
        self.complete_until
    }

    /// Number of offsets between the position and the newest high watermark. Records held back by open transactions
    /// count, and so do offsets without a record.
    pub(super) fn lag(&self) -> Option<i64> {
        self.newest_end.map(|end| (end.high - self.position).max(0))
    }

    /// Newest high watermark known.
    pub(super) fn newest_end(&self) -> Option<i64> {
        self.newest_end.map(|end| end.high)
    }

    /// Next offset to apply, or the client's position beyond it.
    pub(super) fn position(&self) -> i64 {
        self.position
    }

    /// True if there is something to read and the position has not moved for `stall_timeout`, or somewhat longer.
    ///
    /// Everything that the client had fetched at `drained` is applied. What it fetched later may wait behind records of
    /// other partitions, however long those take, so only the time until then counts, up to a multiple of the time-out.
    pub(super) fn is_stalled(&self, drained: Instant, now: Instant, stall_timeout: Duration) -> bool {
        let is_overdue = |at: Instant, timeout| at.saturating_duration_since(self.moved) >= timeout;
        self.has_more() && (is_overdue(drained, stall_timeout) || is_overdue(now, stall_timeout * MAX_QUEUED))
    }

    /// True if there is something to read as far as is known; records held back by an open transaction do not count.
    fn has_more(&self) -> bool {
        self.newest_end.is_some_and(|end| end.stable > self.position)
    }

    fn settle(&mut self) {
        while let Some(&(asked, end)) = self.ends.front() {
            if self.position < end {
                break;
            }
            // The latest reading counts, even if the clock went back in between.
            self.complete_until = Some(asked);
            self.ends.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALL_TIMEOUT: Duration = Duration::from_secs(30);

    /// Three partitions, addressed by position.
    struct Partitions(Vec<PartitionFreshness>);

    impl Partitions {
        fn new(now: Instant) -> Self {
            let partitions = [(Stream::Call, 0), (Stream::Call, 10), (Stream::Milestone, 0)];
            Self(partitions.map(|(stream, position)| PartitionFreshness::new(stream, position, now)).into())
        }

        fn end(&mut self, partition: usize, asked: i64, end: End, now: Instant) {
            self.0[partition].add_end(Timestamp::from_millis(asked), end, now, STALL_TIMEOUT);
        }

        fn reach(&mut self, partition: usize, offset: i64, now: Instant) {
            self.0[partition].reach(offset, now);
        }

        fn complete_until(&self, stream: Stream) -> Option<i64> {
            complete_until(self.0.iter(), stream).map(Timestamp::as_millis)
        }

        fn stalled(&self, now: Instant) -> Vec<usize> {
            (0..self.0.len()).filter(|&partition| self.0[partition].is_stalled(now, now, STALL_TIMEOUT)).collect()
        }
    }

    fn at(offset: i64) -> End {
        End { stable: offset, high: offset }
    }

    #[test]
    fn a_stream_is_as_complete_as_its_least_complete_partition() {
        let now = Instant::now();
        let mut partitions = Partitions::new(now);
        partitions.end(0, 1_000, at(0), now);
        assert_eq!(partitions.complete_until(Stream::Call), None);
        partitions.end(1, 1_000, at(12), now);
        assert_eq!(partitions.complete_until(Stream::Call), None);
        partitions.reach(1, 12, now);
        assert_eq!(partitions.complete_until(Stream::Call), Some(1_000));
        partitions.end(0, 2_000, at(0), now);
        assert_eq!(partitions.complete_until(Stream::Call), Some(1_000));
        assert!(!are_caught_up(partitions.0.iter()));
        partitions.end(2, 2_000, at(0), now);
        assert!(are_caught_up(partitions.0.iter()));
        assert!(!are_caught_up([].iter()), "without partitions nothing is known");
    }

    #[test]
    fn an_idle_partition_stays_complete_and_one_behind_does_not() {
        let now = Instant::now();
        let mut partitions = Partitions::new(now);
        for asked in 1..200 {
            partitions.end(0, asked, at(0), now);
            partitions.end(1, asked, at(10 + asked), now);
        }
        partitions.reach(1, 15, now);
        assert_eq!(partitions.complete_until(Stream::Call), Some(5));
        partitions.reach(1, 209, now);
        assert_eq!(partitions.complete_until(Stream::Call), Some(199));
    }

    #[test]
    fn a_clock_that_goes_back_takes_the_claim_back_with_it() {
        let now = Instant::now();
        let mut partitions = Partitions::new(now);
        partitions.end(2, 9_000, at(0), now);
        partitions.end(2, 2_000, at(0), now);
        assert_eq!(partitions.complete_until(Stream::Milestone), Some(2_000));
    }

    #[test]
    fn a_truncated_end_is_dropped_after_the_stall_timeout() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut partitions = Partitions::new(start);
        partitions.reach(2, 5, start);
        partitions.end(2, 1_000, at(9), start);
        partitions.end(2, 2_000, at(5), after(1));
        partitions.end(2, 3_000, at(9), after(2));
        partitions.end(2, 4_000, at(5), after(3));
        partitions.end(2, 5_000, at(5), after(32));
        assert_eq!(partitions.complete_until(Stream::Milestone), None, "a new leader may not know of them yet");
        partitions.end(2, 6_000, at(5), after(33));
        assert_eq!(partitions.complete_until(Stream::Milestone), Some(6_000), "the log was truncated");
    }

    #[test]
    fn a_partition_stalls_only_with_something_to_read() {
        let start = Instant::now();
        let later = start + Duration::from_secs(31);
        let mut partitions = Partitions::new(start);
        partitions.end(0, 1, at(0), later);
        partitions.end(1, 1, at(11), start);
        partitions.end(2, 1, at(7), later);
        assert_eq!(partitions.stalled(later), [1], "an end that was first asked for a moment ago has not stalled");
        partitions.reach(1, 11, later);
        partitions.reach(2, 7, later);
        assert!(partitions.stalled(later).is_empty());
        partitions.end(1, 2, at(12), later + Duration::from_secs(60));
        assert!(
            partitions.stalled(later + Duration::from_secs(61)).is_empty(),
            "it has only just got something to read"
        );
    }

    #[test]
    fn an_open_transaction_is_lag_but_no_stall() {
        let start = Instant::now();
        let mut partitions = Partitions::new(start);
        partitions.end(2, 1_000, End { stable: 0, high: 20 }, start);
        assert_eq!((partitions.0[2].lag(), partitions.complete_until(Stream::Milestone)), (Some(20), Some(1_000)));
        assert!(partitions.stalled(start + Duration::from_secs(60)).is_empty());
        partitions.end(2, 2_000, End { stable: 20, high: 20 }, start + Duration::from_secs(60));
        assert_eq!(partitions.complete_until(Stream::Milestone), Some(1_000));
        partitions.reach(2, 20, start + Duration::from_secs(61));
        assert_eq!((partitions.0[2].lag(), partitions.complete_until(Stream::Milestone)), (Some(0), Some(2_000)));
    }
}
