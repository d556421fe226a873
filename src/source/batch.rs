//! Records as the client holds them.

use super::native::Messages;
use crate::record::{Header, PartitionIndex, RawRecord, RawRecords};

/// Records in the memory of the client that fetched them, freed when this is dropped. May be sent to another thread.
///
/// Keeps the client alive: [`super::Consumer::close`] waits for the last batch.
pub struct Batch(Messages<PartitionIndex>);

impl Batch {
    pub(super) fn new(messages: Messages<PartitionIndex>) -> Self {
        Self(messages)
    }

    /// Memory that the records take, in bytes.
    pub fn bytes(&self) -> u64 {
        self.0.bytes() as u64
    }
}

impl RawRecords for Batch {
    fn len(&self) -> usize {
        self.0.as_slice().len()
    }

    fn partition(&self, position: usize) -> PartitionIndex {
        self.0.as_slice()[position].1
    }

    fn get<'a, 'b>(&'b self, position: usize, headers: &'a mut Vec<Header<'b>>) -> RawRecord<'a> {
        headers.clear();
        let is_readable = self.0.as_slice()[position].0.append_headers(headers);
        RawRecord { headers, has_unreadable_headers: !is_readable, ..self.without_headers(position) }
    }

    fn without_headers(&self, position: usize) -> RawRecord<'_> {
        let (message, _) = &self.0.as_slice()[position];
        let (timestamp, is_producer_time) = message.timestamp().unzip();
        RawRecord {
            offset: message.offset(),
            timestamp,
            is_producer_time: is_producer_time.unwrap_or(false),
            key: message.key(),
            value: message.value(),
            ..RawRecord::default()
        }
    }
}
