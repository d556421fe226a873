//! Records that are not decoded yet.

use super::PartitionIndex;
use crate::clock::{HOUR, Millis, Timestamp};

/// Maximum that a producer's timestamp may be ahead of the broker's clock.
pub const MAX_TIMESTAMP_AHEAD: Millis = HOUR;
/// Maximum that a producer's timestamp is expected to be behind the broker's clock.
pub const MAX_TIMESTAMP_BEHIND: Millis = HOUR;

/// Name of a record header, and its value unless that is null.
pub type Header<'a> = (&'a str, Option<&'a [u8]>);

/// A Kafka record, borrowed from the memory of whoever fetched it.
#[derive(Debug, Clone, Copy, Default)]
pub struct RawRecord<'a> {
    /// Offset in the partition.
    pub offset: i64,
    /// Kafka timestamp; `None` for message formats without one.
    pub timestamp: Option<Timestamp>,
    /// True if the producer set the timestamp, false if the broker did.
    pub is_producer_time: bool,
    /// Record key; `None` for a null key.
    pub key: Option<&'a [u8]>,
    /// Record value; `None` for a null value.
    pub value: Option<&'a [u8]>,
    /// Headers in the order of the record, without those whose name is not UTF-8.
    pub headers: &'a [Header<'a>],
    /// True if the record has headers that cannot be read, so that `headers` is empty.
    pub has_unreadable_headers: bool,
}

impl RawRecord<'_> {
    /// Latest instant that was certainly over when the record was written, if clocks are right; `None` without a
    /// timestamp. A producer's timestamp may be [`MAX_TIMESTAMP_AHEAD`] ahead.
    pub fn written_after(&self) -> Option<Timestamp> {
        let ahead = if self.is_producer_time { MAX_TIMESTAMP_AHEAD } else { 0 };
        self.timestamp.map(|timestamp| timestamp.saturating_sub(ahead))
    }
}

/// A batch of raw records by position; those of one partition have ascending offsets.
pub trait RawRecords: Send {
    /// Number of records.
    fn len(&self) -> usize;

    /// True if there are no records.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Partition that the record at a position was read from.
    ///
    /// # Panics
    /// Panics if `position` is not below [`RawRecords::len`].
    fn partition(&self, position: usize) -> PartitionIndex;

    /// Record at a position. Its headers replace the content of `headers`, so that one list serves all records of a
    /// batch.
    ///
    /// # Panics
    /// Panics if `position` is not below [`RawRecords::len`].
    fn get<'a, 'b>(&'b self, position: usize, headers: &'a mut Vec<Header<'b>>) -> RawRecord<'a>;

    /// Record at a position without its headers.
    ///
    /// # Panics
    /// Panics if `position` is not below [`RawRecords::len`].
    fn without_headers(&self, position: usize) -> RawRecord<'_>;
}
