//! The logs of the simulated brokers: records as they are, and as they were meant.

use std::sync::Arc;

use pacemeter::clock::{Clock, HOUR, SECOND, Timestamp};
use pacemeter::decode::Decoder;
use pacemeter::event::{Event, LabelArena};
use pacemeter::oracle::SentRecord;
use pacemeter::record::{PerStream, RawRecord, Reason, Rejection, Stream, TopicPartition};
use pacemeter::source::check::TimestampSource;

use super::actions::{Defect, Setup};
use crate::oracle::{START, Step, Time, record, turn, zone};

/// A record as Kafka has it, its meaning, and its decoded event.
pub struct Entry {
    /// Key, unique in a run.
    pub key: [u8; 8],
    pub value: Option<String>,
    pub timestamp: Timestamp,
    pub sent: SentRecord,
    pub decoded: Result<Event, Rejection>,
    pub arena: LabelArena,
}

/// Log of a partition by offset; a marker has no record.
pub type Entries = Vec<Option<Arc<Entry>>>;

pub struct Log {
    pub partition: TopicPartition,
    pub entries: Entries,
    /// First offset that readers can get.
    pub low: i64,
    /// Version of the log; grows when it is truncated.
    pub version: u32,
    pub committed: Option<i64>,
}

impl Log {
    pub fn end(&self) -> i64 {
        self.entries.len() as i64
    }

    /// Offset of the first record at or after `offset`, or the end.
    pub fn next_record(&self, offset: i64) -> i64 {
        let first = self.entries.iter().skip(offset.max(0) as usize).position(Option::is_some);
        first.map_or(self.end().max(offset), |distance| offset + distance as i64)
    }

    pub fn entry(&self, offset: i64) -> Option<&Arc<Entry>> {
        self.entries.get(usize::try_from(offset).ok()?)?.as_ref()
    }
}

/// All logs, and the event time that they have reached.
pub struct Logs {
    pub logs: Vec<Log>,
    /// Index in `logs` of each stream's first partition.
    first: [usize; 3],
    partitions: [usize; 3],
    pub timestamps: TimestampSource,
    at: Timestamp,
    last: Timestamp,
    records: usize,
}

impl Logs {
    pub fn new(setup: &Setup) -> Self {
        let partitions = setup.partitions;
        let mut logs = Vec::new();
        let mut first = [0; 3];
        for stream in Stream::ALL {
            first[stream as usize] = logs.len();
            for partition in 0..partitions[stream as usize] {
                let partition = TopicPartition { stream, topic: stream.name().to_owned(), partition: partition as i32 };
                logs.push(Log { partition, entries: Vec::new(), low: 0, version: 0, committed: None });
            }
        }
        let timestamps = match setup.delay_is_unbounded {
            true => TimestampSource::Producer { is_delay_bounded: false },
            false => TimestampSource::Broker,
        };
        Self { logs, first, partitions, timestamps, at: START, last: START, records: 0 }
    }

    /// Number of partitions of each topic.
    pub fn partition_counts(&self) -> PerStream<Option<usize>> {
        PerStream::from_fn(|stream| Some(self.partitions[stream as usize]))
    }

    /// Appends a record to the log of its partition. The wall clock follows the event times.
    pub fn append(&mut self, step: &Step, defect: Defect, decoder: &Decoder, clock: &Clock) {
        let time = match step.time {
            Time::Ahead(by) => {
                self.at += by;
                clock.advance(by.min(SECOND), (by - SECOND).max(0));
                self.at
            }
            Time::Behind(by) => self.at - by,
            Time::Same => self.last,
            Time::Turn(after) => turn(self.at, &zone()) + after,
        };
        self.last = time;
        let id = step.id.map_or(self.records, |id| usize::from(id) % (self.records + 1));
        let mut record = record(step, format!("event-{id}"), time);
        let reject = |reason| SentRecord::Rejected(reason);
        let mut value = Some(std::mem::take(&mut record.value));
        let mut timestamp = record.timestamp;
        match defect {
            Defect::None => {}
            Defect::Empty => (value, record.sent) = (None, reject(Reason::Empty)),
            Defect::Truncated => (value, record.sent) = (Some("{\"id\": \"event".to_owned()), reject(Reason::NotJson)),
            Defect::Future => (timestamp, record.sent) = (timestamp - HOUR, reject(Reason::Future)),
        }
        let mut arena = LabelArena::default();
        let raw = RawRecord {
            value: value.as_ref().map(String::as_bytes),
            timestamp: Some(timestamp),
            ..RawRecord::default()
        };
        let decoded = decoder.decode(record.stream, &raw, &mut arena);
        let key = (self.records as u64).to_le_bytes();
        self.records += 1;
        let stream = record.stream as usize;
        let log = &mut self.logs[self.first[stream] + step.partition % self.partitions[stream]];
        log.entries.push(Some(Arc::new(Entry { key, value, timestamp, sent: record.sent, decoded, arena })));
    }
}
