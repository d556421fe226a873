//! Records without a value.

use super::SLOW;
use crate::clock::{Millis, Timestamp};
use crate::record::{Header, PartitionIndex, RawRecord, RawRecords};

/// Rejected records of one partition, a [`SLOW`] apart.
pub(super) struct EmptyRecords {
    pub index: PartitionIndex,
    pub first_offset: i64,
    pub count: usize,
    /// Kafka timestamp of offset 0.
    pub start: Timestamp,
}

impl RawRecords for EmptyRecords {
    fn len(&self) -> usize {
        self.count
    }

    fn partition(&self, _position: usize) -> PartitionIndex {
        self.index
    }

    fn get<'a, 'b>(&'b self, position: usize, _headers: &'a mut Vec<Header<'b>>) -> RawRecord<'a> {
        self.without_headers(position)
    }

    fn without_headers(&self, position: usize) -> RawRecord<'_> {
        let offset = self.first_offset + position as i64;
        let timestamp = self.start + offset * SLOW.as_millis() as Millis;
        RawRecord { offset, timestamp: Some(timestamp), ..RawRecord::default() }
    }
}
