//! Per partition, what the client is doing about it, and what may be handed over.
//!
//! The protocol, told once. A partition is *assigned* to librdkafka at an offset, and what is fetched of it is *forwarded* to our queue:
//!
//! - Forward before the assign and after it, again and again until the partition's first record: stopping a fetch is asynchronous and
//!   clears the forwarding, and one that is lost is silent for ever. Repeating it is cheap and mends a lost one without loss.
//! - An error of a partition in the queue ends what we take of it. The client raises its own position past the offset of the error, and
//!   after some errors skips what it could not read; so whatever follows is dropped and the partition fetched anew from `next`. After a batch
//!   of a wrong checksum it even takes the next bytes for an offset, asks for that, and reports that there is no such offset.
//! - To fetch anew: unassign, wait until the client has forgotten its position (it has stopped then, and a position shown later is of the
//!   new fetch), assign at `next`.
//! - Drop what lies below `next`: under load a batch was seen to come twice.
//!
//! ```text
//! Stopping --position forgotten: assign--> Starting --first record--> Reading
//!     ^                                        |                         |
//!     +------- pause over: unassign ------- Interrupted <----- error ----+----- offset not there ----> OutOfRange
//! ```

use super::native::NativeMessage;
use super::{PartitionIndex, TopicPartition};
use rdkafka::{Offset, TopicPartitionList};
use std::ffi::{CStr, CString};
use std::time::{Duration, Instant};

/// A partition in error is left alone for this long before it is fetched anew.
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
    /// The next offset to hand over.
    next: i64,
    state: State,
}

/// The slots of one topic by partition number.
struct TopicPartitions {
    name: CString,
    slots: Vec<Option<PartitionIndex>>,
}

/// The topics met in a batch: mark and index into `Fetching::topics`. Marks are addresses, good for as long as the batch is taken.
#[derive(Default)]
pub(super) struct Marks(Vec<(usize, Option<usize>)>);

/// All assigned partitions.
#[derive(Default)]
pub(super) struct Fetching {
    fetches: Vec<Fetch>,
    topics: Vec<TopicPartitions>,
    /// Records that came again and were dropped, since last asked.
    repeated: u64,
}

impl Fetching {
    /// Each to be fetched from its offset, once the client has stopped fetching it for whatever was assigned before.
    ///
    /// # Panics
    ///
    /// If the number of a partition is negative.
    pub(super) fn new(partitions: &[(TopicPartition, i64)]) -> Self {
        let mut fetching = Self::default();
        for (partition, next) in partitions {
            let slot = PartitionIndex::at(fetching.fetches.len());
            // A broker's topic names have no NUL, ours are checked when they are read.
            let name = CString::new(partition.topic.as_str()).unwrap_or_default();
            let number = usize::try_from(partition.partition).expect("partition numbers are not negative");
            let topic = fetching.topics.iter().position(|topic| topic.name == name).unwrap_or_else(|| {
                fetching.topics.push(TopicPartitions { name, slots: Vec::new() });
                fetching.topics.len() - 1
            });
            let slots = &mut fetching.topics[topic].slots;
            slots.resize(slots.len().max(number + 1), None);
            slots[number] = Some(slot);
            fetching.fetches.push(Fetch { partition: partition.clone(), next: *next, state: State::Stopping });
        }
        fetching
    }

    fn slots(&self) -> impl Iterator<Item = (PartitionIndex, &Fetch)> {
        self.fetches.iter().enumerate().map(|(index, fetch)| (PartitionIndex::at(index), fetch))
    }

    /// The next offset to hand over of a partition.
    pub(super) fn next(&self, slot: PartitionIndex) -> i64 {
        self.fetches[slot.index()].next
    }

    pub(super) fn slot(&self, topic: &CStr, partition: i32) -> Option<PartitionIndex> {
        let topic = self.topics.iter().find(|known| known.name.as_c_str() == topic)?;
        *topic.slots.get(usize::try_from(partition).ok()?)?
    }

    /// As [`Self::slot`], without comparing the names of topics again within a batch.
    pub(super) fn slot_of(&self, message: &NativeMessage, marks: &mut Marks) -> Option<PartitionIndex> {
        let mark = message.topic_address();
        let topic = match marks.0.iter().find(|(known, _)| *known == mark) {
            Some((_, topic)) => *topic,
            None => {
                let topic = self.topics.iter().position(|topic| topic.name.as_c_str() == message.topic());
                marks.0.push((mark, topic));
                topic
            }
        };
        *self.topics[topic?].slots.get(usize::try_from(message.partition()).ok()?)?
    }

    /// Whether a record is to be handed over; then the next one is expected after it.
    pub(super) fn accept(&mut self, slot: PartitionIndex, offset: i64) -> bool {
        let fetch = &mut self.fetches[slot.index()];
        match fetch.state {
            State::Starting => fetch.state = State::Reading,
            State::Reading => {}
            State::Stopping | State::Interrupted { .. } | State::OutOfRange => return false,
        }
        if offset < fetch.next {
            self.repeated += 1;
            return false;
        }
        fetch.next = offset + 1;
        true
    }

    /// Takes nothing more of a partition until it is fetched anew, which is tried after a pause.
    pub(super) fn interrupt(&mut self, slot: PartitionIndex, now: Instant) {
        let state = &mut self.fetches[slot.index()].state;
        if matches!(state, State::Starting | State::Reading) {
            *state = State::Interrupted { retry_at: now + RETRY_PAUSE };
        }
    }

    /// Takes nothing more of a partition: where it is to go on there is nothing.
    pub(super) fn out_of_range(&mut self, slot: PartitionIndex) {
        self.fetches[slot.index()].state = State::OutOfRange;
    }

    /// Fetches a partition anew at once. One that is stopping will be anyway.
    pub(super) fn refetch(&mut self, slot: PartitionIndex, now: Instant) {
        let state = &mut self.fetches[slot.index()].state;
        if *state != State::Stopping {
            *state = State::Interrupted { retry_at: now };
        }
    }

    pub(super) fn take_repeated(&mut self) -> u64 {
        std::mem::take(&mut self.repeated)
    }

    /// Whether nothing needs to be done but to take batches.
    pub(super) fn is_settled(&self) -> bool {
        self.fetches.iter().all(|fetch| matches!(fetch.state, State::Reading | State::OutOfRange))
    }

    /// Partitions to be unassigned now, which are stopping from here on.
    pub(super) fn begin_stopping(&mut self, now: Instant) -> Vec<PartitionIndex> {
        let due = |fetch: &Fetch| matches!(fetch.state, State::Interrupted { retry_at } if retry_at <= now);
        let slots: Vec<PartitionIndex> = self.slots().filter(|(_, fetch)| due(fetch)).map(|(slot, _)| slot).collect();
        for slot in &slots {
            self.fetches[slot.index()].state = State::Stopping;
        }
        slots
    }

    /// Partitions that wait for the client to forget its position.
    pub(super) fn stopping(&self) -> Vec<PartitionIndex> {
        self.slots().filter(|(_, fetch)| fetch.state == State::Stopping).map(|(slot, _)| slot).collect()
    }

    /// Says that a partition is assigned.
    pub(super) fn started(&mut self, slot: PartitionIndex) {
        self.fetches[slot.index()].state = State::Starting;
    }

    /// Whether the client is fetching where we want it to: only then can its position be believed, or what it says of an offset.
    pub(super) fn is_fetching(&self, slot: PartitionIndex) -> bool {
        matches!(self.fetches[slot.index()].state, State::Starting | State::Reading)
    }

    /// Partitions whose first record has not come yet, to be forwarded: topic and number.
    pub(super) fn starting(&self) -> impl Iterator<Item = (&CStr, i32)> {
        self.topics.iter().flat_map(|topic| {
            let starting = |slot: &PartitionIndex| self.fetches[slot.index()].state == State::Starting;
            topic.slots.iter().flatten().filter(move |slot| starting(slot)).map(|slot| {
                let number = self.fetches[slot.index()].partition.partition;
                (topic.name.as_c_str(), number)
            })
        })
    }

    /// The client's form of some partitions, each at the next offset to hand over.
    pub(super) fn list(&self, slots: impl IntoIterator<Item = PartitionIndex>) -> TopicPartitionList {
        let offset = |slot: PartitionIndex| (slot, self.next(slot));
        self.list_at(slots.into_iter().map(offset))
    }

    /// The client's form of some partitions, each at an offset.
    pub(super) fn list_at(&self, offsets: impl IntoIterator<Item = (PartitionIndex, i64)>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (slot, offset) in offsets {
            let partition = &self.fetches[slot.index()].partition;
            // An offset that librdkafka cannot hold stays unset; none that a broker gives is so.
            let _ = list.add_partition(&partition.topic, partition.partition).set_offset(Offset::Offset(offset));
        }
        list
    }
}
