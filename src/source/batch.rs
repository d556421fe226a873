//! Records as the client holds them.

use super::native::{Messages, NativeMessage};
use crate::clock::Millis;
use crate::record::Header;
use crate::record::PartitionIndex;

/// Records in the memory of the client that fetched them, freed when this is dropped. May be sent to another thread.
///
/// Keeps the client alive: [`super::Consumer::close`] waits for the last batch.
pub struct Batch(Messages<PartitionIndex>);

impl Batch {
    pub(super) fn new(messages: Messages<PartitionIndex>) -> Self {
        Self(messages)
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.0.as_slice().len()
    }

    /// True if there are no records.
    pub fn is_empty(&self) -> bool {
        self.0.as_slice().is_empty()
    }

    /// The record at `index`.
    ///
    /// # Panics
    ///
    /// Panics if `index` is not below [`Batch::len`].
    pub fn get(&self, index: usize) -> Message<'_> {
        Message::new(&self.0.as_slice()[index])
    }

    /// The records in order of arrival; those of one partition by ascending offset.
    pub fn iter(&self) -> impl Iterator<Item = Message<'_>> {
        self.0.as_slice().iter().map(Message::new)
    }
}

/// A record of a [`Batch`].
#[derive(Clone, Copy)]
pub struct Message<'a> {
    native: &'a NativeMessage,
    index: PartitionIndex,
}

impl<'a> Message<'a> {
    fn new((native, index): &'a (NativeMessage, PartitionIndex)) -> Self {
        Self { native, index: *index }
    }

    /// Partition that the record was read from.
    pub fn index(&self) -> PartitionIndex {
        self.index
    }

    /// Offset in the partition.
    pub fn offset(&self) -> i64 {
        self.native.offset()
    }

    /// Kafka timestamp; `None` for message formats without one.
    pub fn timestamp(&self) -> Option<Millis> {
        self.native.timestamp()
    }

    /// Record key; `None` for a null key.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.native.key()
    }

    /// Record value; `None` for a null value.
    pub fn value(&self) -> Option<&'a [u8]> {
        self.native.value()
    }

    /// Appends the headers to a list, which may serve for the next record of the batch. A header whose name is not
    /// UTF-8 is left out.
    pub fn append_headers(&self, headers: &mut Vec<Header<'a>>) {
        self.native.append_headers(headers);
    }
}
