//! How complete the figures are: what was asked of Kafka, when, and whether it has been reached since.
//!
//! Contract, section 3, "complete until": of a stream, the least over its partitions of the latest clock reading taken before a question for the
//! end offset was sent that answered E, where the position has reached E. Pure: times come from outside.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::clock::Millis;
use crate::record::Stream;
use crate::source::End;

/// The most unanswered ends kept a partition. While it is behind, old questions are the ones that will be reached first; of the newer ones
/// only the last is kept.
const MAX_ENDS: usize = 64;

/// What is known of the freshness of every partition.
#[derive(Debug)]
pub struct Freshness {
    partitions: Vec<Progress>,
    stall_timeout: Duration,
}

#[derive(Debug)]
struct Progress {
    stream: Stream,
    /// The next offset to apply, or the client's position beyond it.
    reached: i64,
    /// Ends that are not reached yet, oldest first: when they were asked for, and what they were.
    ends: VecDeque<(Millis, i64)>,
    newest_end: Option<End>,
    /// Since when ends are told that are lower than one before: what was promised may never come.
    short_since: Option<Instant>,
    complete_until: Option<Millis>,
    /// When it last moved, or had nothing to move to.
    moved: Instant,
}

impl Freshness {
    /// Partitions by slot, each with the offset that its reading begins at.
    pub fn new(partitions: impl Iterator<Item = (Stream, i64)>, stall_timeout: Duration, now: Instant) -> Self {
        let progress = |(stream, reached)| Progress {
            stream,
            reached,
            ends: VecDeque::new(),
            newest_end: None,
            short_since: None,
            complete_until: None,
            moved: now,
        };
        Self { partitions: partitions.map(progress).collect(), stall_timeout }
    }

    /// The end of a partition, asked for when the clock showed `asked`.
    pub fn end(&mut self, slot: usize, asked: Millis, end: End, now: Instant) {
        let partition = &mut self.partitions[slot];
        if !partition.has_more() {
            partition.moved = now;
        }
        partition.newest_end = Some(end);
        if partition.ends.iter().all(|&(_, before)| before <= end.stable) {
            partition.short_since = None;
        } else if now.saturating_duration_since(*partition.short_since.get_or_insert(now)) >= self.stall_timeout {
            // The log was cut beyond what was read; no new leader needs so long to know better.
            partition.ends.retain(|&(_, before)| before <= end.stable);
        }
        if partition.ends.len() == MAX_ENDS {
            partition.ends.pop_back();
        }
        partition.ends.push_back((asked, end.stable));
        partition.settle();
    }

    /// Everything below `offset` is applied.
    pub fn reached(&mut self, slot: usize, offset: i64, now: Instant) {
        let partition = &mut self.partitions[slot];
        if offset > partition.reached {
            partition.reached = offset;
            partition.moved = now;
            partition.settle();
        }
    }

    /// The instant up to which every record that was in the stream's topic is applied.
    pub fn complete_until(&self, stream: Stream) -> Option<Millis> {
        let partitions = self.partitions.iter().filter(|partition| partition.stream == stream);
        partitions.map(|partition| partition.complete_until).min().flatten()
    }

    /// The same of one partition.
    pub fn complete_until_of(&self, slot: usize) -> Option<Millis> {
        self.partitions[slot].complete_until
    }

    /// Whether every partition has reached an end that was asked for since the start.
    pub fn caught_up(&self) -> bool {
        !self.partitions.is_empty() && self.partitions.iter().all(|partition| partition.complete_until.is_some())
    }

    /// Records up to the newest high watermark known that are not applied: what open transactions hold back counts, and so do offsets that
    /// hold no record.
    pub fn lag(&self, slot: usize) -> Option<i64> {
        let partition = &self.partitions[slot];
        partition.newest_end.map(|end| (end.high - partition.reached).max(0))
    }

    /// The newest high watermark known.
    pub fn newest_end(&self, slot: usize) -> Option<i64> {
        self.partitions[slot].newest_end.map(|end| end.high)
    }

    pub fn position(&self, slot: usize) -> i64 {
        self.partitions[slot].reached
    }

    /// Partitions that have something to read and have not moved for the stall time-out.
    pub fn stalled(&self, now: Instant) -> impl Iterator<Item = usize> {
        let is_stalled = move |partition: &Progress| {
            partition.has_more() && now.saturating_duration_since(partition.moved) >= self.stall_timeout
        };
        self.partitions.iter().enumerate().filter(move |(_, partition)| is_stalled(partition)).map(|(slot, _)| slot)
    }
}

impl Progress {
    /// Whether there is something to read, as far as is known; what an open transaction holds back is not.
    fn has_more(&self) -> bool {
        self.newest_end.is_some_and(|end| end.stable > self.reached)
    }

    fn settle(&mut self) {
        while let Some(&(asked, end)) = self.ends.front() {
            if self.reached < end {
                break;
            }
            // The latest question, also when the clock went back meanwhile.
            self.complete_until = Some(asked);
            self.ends.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn freshness(now: Instant) -> Freshness {
        let partitions = [(Stream::Call, 0), (Stream::Call, 10), (Stream::Milestone, 0)];
        Freshness::new(partitions.into_iter(), Duration::from_secs(30), now)
    }

    fn at(offset: i64) -> End {
        End { stable: offset, high: offset }
    }

    #[test]
    fn a_stream_is_as_complete_as_its_least_complete_partition() {
        let now = Instant::now();
        let mut freshness = freshness(now);
        freshness.end(0, 1_000, at(0), now);
        assert_eq!(freshness.complete_until(Stream::Call), None);
        freshness.end(1, 1_000, at(12), now);
        assert_eq!(freshness.complete_until(Stream::Call), None);
        freshness.reached(1, 12, now);
        assert_eq!(freshness.complete_until(Stream::Call), Some(1_000));
        freshness.end(0, 2_000, at(0), now);
        assert_eq!(freshness.complete_until(Stream::Call), Some(1_000));
        assert!(!freshness.caught_up());
        freshness.end(2, 2_000, at(0), now);
        assert!(freshness.caught_up());
    }

    #[test]
    fn an_idle_partition_stays_complete_and_one_behind_does_not() {
        let now = Instant::now();
        let mut freshness = freshness(now);
        for asked in 1..200 {
            freshness.end(0, asked, at(0), now);
            freshness.end(1, asked, at(10 + asked), now);
        }
        freshness.reached(1, 15, now);
        assert_eq!(freshness.complete_until(Stream::Call), Some(5));
        freshness.reached(1, 209, now);
        assert_eq!(freshness.complete_until(Stream::Call), Some(199));
    }

    #[test]
    fn a_clock_that_goes_back_takes_the_claim_back_with_it() {
        let now = Instant::now();
        let mut freshness = freshness(now);
        freshness.end(2, 9_000, at(0), now);
        freshness.end(2, 2_000, at(0), now);
        assert_eq!(freshness.complete_until(Stream::Milestone), Some(2_000));
    }

    #[test]
    fn an_end_that_went_for_good_is_not_waited_for_but_one_that_comes_again_is() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut freshness = freshness(start);
        freshness.reached(2, 5, start);
        freshness.end(2, 1_000, at(9), start);
        freshness.end(2, 2_000, at(5), after(1));
        freshness.end(2, 3_000, at(9), after(2));
        freshness.end(2, 4_000, at(5), after(3));
        freshness.end(2, 5_000, at(5), after(32));
        assert_eq!(freshness.complete_until(Stream::Milestone), None, "a new leader may not know of them yet");
        freshness.end(2, 6_000, at(5), after(33));
        assert_eq!(freshness.complete_until(Stream::Milestone), Some(6_000), "the log was cut");
    }

    #[test]
    fn a_partition_stalls_only_with_something_to_read() {
        let start = Instant::now();
        let later = start + Duration::from_secs(31);
        let mut freshness = freshness(start);
        freshness.end(0, 1, at(0), later);
        freshness.end(1, 1, at(11), start);
        freshness.end(2, 1, at(7), later);
        assert_eq!(
            freshness.stalled(later).collect::<Vec<_>>(),
            [1],
            "what was first asked for a moment ago has not stalled"
        );
        freshness.reached(1, 11, later);
        freshness.reached(2, 7, later);
        assert_eq!(freshness.stalled(later).count(), 0);
        freshness.end(1, 2, at(12), later + Duration::from_secs(60));
        assert_eq!(
            freshness.stalled(later + Duration::from_secs(61)).count(),
            0,
            "it has only just got something to read"
        );
    }

    #[test]
    fn what_an_open_transaction_holds_back_is_lag_and_neither_a_stall_nor_incomplete() {
        let start = Instant::now();
        let mut freshness = freshness(start);
        freshness.end(2, 1_000, End { stable: 0, high: 20 }, start);
        assert_eq!((freshness.lag(2), freshness.complete_until(Stream::Milestone)), (Some(20), Some(1_000)));
        assert_eq!(freshness.stalled(start + Duration::from_secs(60)).count(), 0);
        freshness.end(2, 2_000, End { stable: 20, high: 20 }, start + Duration::from_secs(60));
        assert_eq!(freshness.complete_until(Stream::Milestone), Some(1_000));
        freshness.reached(2, 20, start + Duration::from_secs(61));
        assert_eq!((freshness.lag(2), freshness.complete_until(Stream::Milestone)), (Some(0), Some(2_000)));
    }
}
