//! State machine of each partition's fetch: what the client is doing, and which records may be returned.
//!
//! The protocol. A partition is *assigned* to librdkafka at an offset, and what is fetched of it is *forwarded* to our
//! queue:
//!
//! - Forward before the assign and after it, repeatedly until the partition's first record. Stopping a fetch is
//!   asynchronous and clears the forwarding, and a partition that is not forwarded is silent for ever. Repeating is
//!   cheap and restores a lost one without loss.
//! - After an error of a partition, drop its records and fetch it again from `next`. The client raises its own position
//!   past the offset of the error and after some errors skips what it could not read. After a wrong checksum it even
//!   reads the next bytes as an offset, asks for that offset, and reports that it does not exist.
//! - To fetch again: unassign, wait until the client has forgotten its position, assign at `next`. By then the fetch
//!   has stopped, and a later position belongs to the new fetch.
//! - Drop records below `next`: under load a batch was seen to arrive twice.
//! - A record below `next` at an offset that was passed over as empty is no repetition: it was never returned. Where its
//!   batch is taken at its word, records are lost. Nor can a record stand behind the end of its log.
//! - What cannot be read is passed over only on request (`pass`): fetch again from an offset behind it.
//!
//! ```text
//! Stopping --position forgotten: assign--> Starting --first record--> Reading
//!     ^                                        |                         |
//!     +------- pause over: unassign ------- Interrupted <----- error ----+----- offset not there ----> OutOfRange
//! ```

use super::native::NativeMessage;
use crate::record::{PartitionIndex, TopicPartition};
use rdkafka::{Offset, TopicPartitionList};
use std::ffi::{CStr, CString};
use std::ops::Range;
use std::time::{Duration, Instant};

/// Pause between an error of a partition and fetching it again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Stopping,
    Starting,
    Reading,
    Interrupted { retry_at: Instant },
    OutOfRange,
}

struct Fetch {
    partition: TopicPartition,
    /// Next offset to return.
    next: i64,
    /// Latest offsets below `next` at which there was no record: transaction markers, aborted or compacted records.
    empty: Range<i64>,
    /// True once a record arrived in `empty`. It is fetched again, not what follows, until it is passed over.
    contradicted: bool,
    /// True if a record was returned since it was last fetched again.
    has_yielded: bool,
    state: State,
}

/// Treatment of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acceptance {
    /// Return it.
    Returned,
    /// Drop it: it was returned before, or will be fetched again.
    Dropped,
    /// Stop here: the log contradicts itself in this way.
    Refused(&'static str),
}

/// Indexes of one topic's partitions, by partition number.
struct TopicPartitions {
    name: CString,
    indexes: Vec<Option<PartitionIndex>>,
}

/// Topics met in a batch: address of the client's handle, and index into `Fetching::topics`. Addresses are valid while
/// the batch is taken.
#[derive(Default)]
pub(super) struct Marks(Vec<(usize, Option<usize>)>);

/// All assigned partitions.
#[derive(Default)]
pub(super) struct Fetching {
    fetches: Vec<Fetch>,
    topics: Vec<TopicPartitions>,
    /// Redelivered records that were dropped since last asked.
    repeated: u64,
}

impl Fetching {
    /// Partitions to be fetched from their offsets, once the client has stopped fetching for an earlier assignment.
    ///
    /// # Panics
    ///
    /// Panics if the number of a partition is negative.
    pub(super) fn new(partitions: &[(TopicPartition, i64)]) -> Self {
        let mut fetching = Self::default();
        for (partition, next) in partitions {
            let index = PartitionIndex::new(fetching.fetches.len());
            // A broker's topic names have no NUL, ours are checked when they are read.
            let name = CString::new(partition.topic.as_str()).unwrap_or_default();
            let number = usize::try_from(partition.partition).expect("partition numbers are not negative");
            let topic = fetching.topics.iter().position(|topic| topic.name == name).unwrap_or_else(|| {
                fetching.topics.push(TopicPartitions { name, indexes: Vec::new() });
                fetching.topics.len() - 1
            });
            let indexes = &mut fetching.topics[topic].indexes;
            indexes.resize(indexes.len().max(number + 1), None);
            indexes[number] = Some(index);
            fetching.fetches.push(Fetch {
                partition: partition.clone(),
                next: *next,
                empty: 0..0,
                contradicted: false,
                has_yielded: false,
                state: State::Stopping,
            });
        }
        fetching
    }

    fn indexed(&self) -> impl Iterator<Item = (PartitionIndex, &Fetch)> {
        self.fetches.iter().enumerate().map(|(index, fetch)| (PartitionIndex::new(index), fetch))
    }

    /// Next offset of a partition to return, or the first that contradicts what was returned.
    pub(super) fn next(&self, index: PartitionIndex) -> i64 {
        let fetch = &self.fetches[index.index()];
        if fetch.contradicted { fetch.empty.start } else { fetch.next }
    }

    pub(super) fn index_of(&self, topic: &CStr, partition: i32) -> Option<PartitionIndex> {
        let topic = self.topics.iter().find(|known| known.name.as_c_str() == topic)?;
        *topic.indexes.get(usize::try_from(partition).ok()?)?
    }

    /// Index of a message's partition; compares the names of topics once in a batch.
    pub(super) fn index_of_message(&self, message: &NativeMessage, marks: &mut Marks) -> Option<PartitionIndex> {
        let mark = message.topic_address();
        let topic = match marks.0.iter().find(|(known, _)| *known == mark) {
            Some((_, topic)) => *topic,
            None => {
                let topic = self.topics.iter().position(|topic| topic.name.as_c_str() == message.topic());
                marks.0.push((mark, topic));
                topic
            }
        };
        *self.topics[topic?].indexes.get(usize::try_from(message.partition()).ok()?)?
    }

    /// Decides on a record, and expects the next offset after one that is returned. `end` is the end of the log as far as
    /// it is known; it is asked for only where offsets are passed over.
    pub(super) fn accept(
        &mut self,
        index: PartitionIndex,
        offset: i64,
        end: impl FnOnce() -> Option<i64>,
    ) -> Acceptance {
        let fetch = &mut self.fetches[index.index()];
        match fetch.state {
            State::Starting => fetch.state = State::Reading,
            State::Reading => {}
            State::Stopping | State::Interrupted { .. } | State::OutOfRange => return Acceptance::Dropped,
        }
        if fetch.empty.contains(&offset) {
            fetch.contradicted = true;
            return Acceptance::Refused("a record stands where there was none, before one that was read already");
        }
        if offset < fetch.next {
            self.repeated += 1;
            return Acceptance::Dropped;
        }
        if offset > fetch.next && end().is_some_and(|end| offset >= end) {
            return Acceptance::Refused("a record stands behind the end of the log");
        }
        let Some(next) = offset.checked_add(1) else {
            return Acceptance::Refused("a record stands at an offset that nothing can follow");
        };
        if offset > fetch.next {
            fetch.empty = fetch.next..offset;
        }
        (fetch.next, fetch.has_yielded) = (next, true);
        Acceptance::Returned
    }

    /// Stops taking records of a partition until it is fetched again, after [`RETRY_PAUSE`].
    pub(super) fn interrupt(&mut self, index: PartitionIndex, now: Instant) {
        let state = &mut self.fetches[index.index()].state;
        if matches!(state, State::Starting | State::Reading) {
            *state = State::Interrupted { retry_at: now + RETRY_PAUSE };
        }
    }

    /// Stops taking records of a partition whose next offset does not exist.
    pub(super) fn out_of_range(&mut self, index: PartitionIndex) {
        self.fetches[index.index()].state = State::OutOfRange;
    }

    /// Fetches a partition again at once; one that is stopping will be anyway.
    pub(super) fn refetch(&mut self, index: PartitionIndex, now: Instant) {
        let Fetch { state, has_yielded, .. } = &mut self.fetches[index.index()];
        *has_yielded = false;
        if *state != State::Stopping {
            *state = State::Interrupted { retry_at: now };
        }
    }

    /// True if a record of a partition was returned since [`Self::refetch`].
    pub(super) fn has_yielded(&self, index: PartitionIndex) -> bool {
        self.fetches[index.index()].has_yielded
    }

    /// Fetches a partition from a later offset, passing over what stands before it.
    pub(super) fn pass(&mut self, index: PartitionIndex, next: i64, now: Instant) {
        let fetch = &mut self.fetches[index.index()];
        fetch.next = fetch.next.max(next);
        (fetch.empty, fetch.contradicted) = (0..0, false);
        self.refetch(index, now);
    }

    /// Topic and number of a partition.
    pub(super) fn log(&self, index: PartitionIndex) -> (&CStr, i32) {
        let partition = self.fetches[index.index()].partition.partition;
        let is_topic = |topic: &&TopicPartitions| {
            usize::try_from(partition).is_ok_and(|number| topic.indexes.get(number) == Some(&Some(index)))
        };
        (self.topics.iter().find(is_topic).map_or(c"", |topic| topic.name.as_c_str()), partition)
    }

    pub(super) fn take_repeated(&mut self) -> u64 {
        std::mem::take(&mut self.repeated)
    }

    /// True if nothing needs to be done but taking batches.
    pub(super) fn is_settled(&self) -> bool {
        self.fetches.iter().all(|fetch| matches!(fetch.state, State::Reading | State::OutOfRange))
    }

    /// Marks the partitions whose pause is over as stopping, and returns them to be unassigned.
    pub(super) fn begin_stopping(&mut self, now: Instant) -> Vec<PartitionIndex> {
        let due = |fetch: &Fetch| matches!(fetch.state, State::Interrupted { retry_at } if retry_at <= now);
        let indexes: Vec<PartitionIndex> =
            self.indexed().filter(|(_, fetch)| due(fetch)).map(|(index, _)| index).collect();
        for index in &indexes {
            self.fetches[index.index()].state = State::Stopping;
        }
        indexes
    }

    /// Partitions whose position the client still has to forget.
    pub(super) fn stopping(&self) -> Vec<PartitionIndex> {
        self.indexed().filter(|(_, fetch)| fetch.state == State::Stopping).map(|(index, _)| index).collect()
    }

    /// Notes that a partition is assigned.
    pub(super) fn started(&mut self, index: PartitionIndex) {
        self.fetches[index.index()].state = State::Starting;
    }

    /// True if the client is fetching the current assignment. Only then are its position and its errors about an offset
    /// to be trusted.
    pub(super) fn is_fetching(&self, index: PartitionIndex) -> bool {
        matches!(self.fetches[index.index()].state, State::Starting | State::Reading)
    }

    /// Partitions without a first record yet, to be forwarded: topic and partition number.
    pub(super) fn starting(&self) -> impl Iterator<Item = (&CStr, i32)> {
        self.topics.iter().flat_map(|topic| {
            let starting = |index: &PartitionIndex| self.fetches[index.index()].state == State::Starting;
            topic.indexes.iter().flatten().filter(move |index| starting(index)).map(|index| {
                let number = self.fetches[index.index()].partition.partition;
                (topic.name.as_c_str(), number)
            })
        })
    }

    /// librdkafka's list of some partitions, each at its next offset.
    pub(super) fn list(&self, indexes: impl IntoIterator<Item = PartitionIndex>) -> TopicPartitionList {
        let offset = |index: PartitionIndex| (index, self.next(index));
        self.list_at(indexes.into_iter().map(offset))
    }

    /// librdkafka's list of some partitions, each at an offset.
    pub(super) fn list_at(&self, offsets: impl IntoIterator<Item = (PartitionIndex, i64)>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (index, offset) in offsets {
            let partition = &self.fetches[index.index()].partition;
            // An offset that librdkafka cannot represent stays unset; no broker returns one.
            let _ = list.add_partition(&partition.topic, partition.partition).set_offset(Offset::Offset(offset));
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Stream;

    const FIRST: PartitionIndex = PartitionIndex(0);

    /// A partition that is read from offset 1.
    fn reading() -> Fetching {
        let partition = TopicPartition { stream: Stream::Call, topic: "calls".to_owned(), partition: 0 };
        let mut fetching = Fetching::new(&[(partition, 1)]);
        fetching.started(FIRST);
        fetching
    }

    /// True for each record that is returned; the log ends at 100.
    fn returned(fetching: &mut Fetching, offsets: &[i64]) -> Vec<bool> {
        let accept = |&offset: &i64| fetching.accept(FIRST, offset, || Some(100)) == Acceptance::Returned;
        offsets.iter().map(accept).collect()
    }

    fn is_refused(fetching: &mut Fetching, offset: i64) -> bool {
        matches!(fetching.accept(FIRST, offset, || Some(100)), Acceptance::Refused(_))
    }

    #[test]
    fn a_repeated_batch_is_dropped_and_gaps_are_no_fault() {
        let mut fetching = reading();
        assert_eq!(
            returned(&mut fetching, &[1, 2, 5, 6, 1, 2, 5, 6, 7]),
            [&[true; 4][..], &[false; 4], &[true]].concat()
        );
        assert_eq!((fetching.take_repeated(), fetching.next(FIRST)), (4, 8));
    }

    #[test]
    fn a_partition_has_yielded_until_it_is_fetched_again() {
        let mut fetching = reading();
        assert!(!fetching.has_yielded(FIRST));
        returned(&mut fetching, &[1]);
        assert!(fetching.has_yielded(FIRST));
        fetching.refetch(FIRST, Instant::now());
        fetching.started(FIRST);
        assert!(!fetching.has_yielded(FIRST));
        returned(&mut fetching, &[1]);
        assert!(!fetching.has_yielded(FIRST), "a repeated record is none");
    }

    #[test]
    fn a_record_at_an_offset_passed_over_is_refused_until_passed() {
        let mut fetching = reading();
        returned(&mut fetching, &[1, 5]);
        assert!(is_refused(&mut fetching, 3));
        assert_eq!(fetching.next(FIRST), 2, "it is fetched again, not what follows");
        fetching.refetch(FIRST, Instant::now());
        assert_eq!(fetching.accept(FIRST, 6, || None), Acceptance::Dropped);
        fetching.started(FIRST);
        assert!(is_refused(&mut fetching, 2));
        fetching.pass(FIRST, 6, Instant::now());
        fetching.started(FIRST);
        assert_eq!((fetching.next(FIRST), returned(&mut fetching, &[6, 7])), (6, vec![true, true]));
    }

    #[test]
    fn a_record_behind_the_end_of_the_log_is_refused() {
        let mut fetching = reading();
        assert!(is_refused(&mut fetching, 100) && is_refused(&mut fetching, i64::MAX));
        assert!(matches!(fetching.accept(FIRST, i64::MAX, || None), Acceptance::Refused(_)));
        assert_eq!(fetching.next(FIRST), 1);
        assert_eq!(returned(&mut fetching, &[1, 99]), [true, true]);
    }
}
