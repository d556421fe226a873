//! Records on their way in: the last one that state took is recognised, those behind it are decoded.

use crate::checkpoint::LastRecord;
use crate::clock::Millis;
use crate::decode::Decoder;
use crate::event::{Event, LabelArena};
use crate::record::{Header, PerStream, RawRecord, Reason, Rejection};
use crate::record::{PartitionIndex, TopicPartition};
use crate::settings::OffsetRange;
use crate::source::Batch;

/// Records as Kafka gave them.
pub trait Originals: Send {
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The record at `index`. Its headers are appended to `headers`.
    fn original<'a>(&'a self, index: usize, headers: &mut Vec<Header<'a>>) -> Original<'a>;
}

#[derive(Debug, Clone, Copy)]
pub struct Original<'a> {
    pub slot: PartitionIndex,
    pub offset: i64,
    pub timestamp: Option<Millis>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
}

impl Originals for Batch {
    fn len(&self) -> usize {
        Batch::len(self)
    }

    fn original<'a>(&'a self, index: usize, headers: &mut Vec<Header<'a>>) -> Original<'a> {
        let message = self.get(index);
        message.append_headers(headers);
        Original {
            slot: message.index(),
            offset: message.offset(),
            timestamp: message.timestamp(),
            key: message.key(),
            value: message.value(),
        }
    }
}

/// Where to begin with a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResumePoint {
    /// The next record to take.
    pub next_offset: i64,
    /// The last record that was taken: if it is still there it has to be the same.
    pub last_record: Option<LastRecord>,
}

/// A batch after decoding.
#[derive(Default)]
pub struct DecodedBatch {
    pub decoded: Vec<DecodedRecord>,
    pub arena: LabelArena,
    /// Of each partition that there is anything of.
    pub sums: Vec<PartitionStats>,
    /// Partitions whose log was found to be the one that state is of.
    pub verified: Vec<PartitionIndex>,
}

/// What a batch has of a partition.
#[derive(Debug, Clone, Copy)]
pub struct PartitionStats {
    pub slot: PartitionIndex,
    pub records: u64,
    /// Of keys and values.
    pub bytes: u64,
    /// Its last record.
    pub last_record: LastRecord,
}

/// A record after decoding.
pub struct DecodedRecord {
    /// Among the originals.
    pub index: u32,
    pub slot: PartitionIndex,
    pub offset: i64,
    /// As Kafka gave it.
    pub timestamp: Option<Millis>,
    pub event: Result<Event, Rejection>,
}

/// The log of a partition is not the one that its state is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogMismatch(pub PartitionIndex);

/// What is to be done with a record.
enum Admission {
    Decode,
    /// State has it already.
    Skip,
}

pub struct BatchDecoder<'a> {
    decoder: &'a Decoder,
    /// By [`Stream`]: records that are set aside unread.
    excluded: &'a PerStream<Vec<OffsetRange>>,
    partitions: Vec<TopicPartition>,
    starts: Vec<ResumePoint>,
}

impl<'a> BatchDecoder<'a> {
    /// Partitions by slot, and where each begins: at the tail, if there is one, else at the next offset.
    pub fn new(
        decoder: &'a Decoder,
        excluded: &'a PerStream<Vec<OffsetRange>>,
        partitions: Vec<TopicPartition>,
        starts: Vec<ResumePoint>,
    ) -> Self {
        assert_eq!(partitions.len(), starts.len());
        Self { decoder, excluded, partitions, starts }
    }

    /// Decodes a batch.
    ///
    /// # Errors
    /// If the first record of a partition is not the one that state took last.
    pub fn take(&mut self, originals: &impl Originals) -> Result<DecodedBatch, LogMismatch> {
        let mut taken = DecodedBatch::default();
        taken.decoded.reserve(originals.len());
        let mut headers = Vec::new();
        // By slot: records, bytes, and the index of the last.
        let mut sums = vec![(0_u64, 0_u64, 0_usize); self.partitions.len()];
        for index in 0..originals.len() {
            headers.clear();
            let original = originals.original(index, &mut headers);
            let Original { slot, offset, timestamp, .. } = original;
            if let Admission::Skip = self.admit(&original, &mut taken.verified)? {
                continue;
            }
            let (records, bytes, last) = &mut sums[slot.index()];
            *records += 1;
            *bytes += (original.value.map_or(0, <[u8]>::len) + original.key.map_or(0, <[u8]>::len)) as u64;
            *last = index;
            let event = self.decode(&original, &headers, &mut taken.arena);
            taken.decoded.push(DecodedRecord { index: index as u32, slot, offset, timestamp, event });
        }
        for (slot, (records, bytes, last)) in sums.into_iter().enumerate().filter(|(_, (records, ..))| *records > 0) {
            headers.clear();
            let last_record = self.last_record(&originals.original(last, &mut headers));
            taken.sums.push(PartitionStats { slot: PartitionIndex::new(slot), records, bytes, last_record });
        }
        Ok(taken)
    }

    /// Looks for partitions that the client has passed the tail of without handing it over.
    ///
    /// # Errors
    /// If there is one: the record that state took last is gone.
    pub fn passed(&self, positions: &[(PartitionIndex, i64)]) -> Result<(), LogMismatch> {
        let is_past = |slot: PartitionIndex, position: i64| {
            self.starts[slot.index()].last_record.is_some_and(|last_record| position > last_record.offset)
        };
        positions
            .iter()
            .find(|&&(slot, position)| is_past(slot, position))
            .map_or(Ok(()), |&(slot, _)| Err(LogMismatch(slot)))
    }

    fn admit(&mut self, original: &Original<'_>, verified: &mut Vec<PartitionIndex>) -> Result<Admission, LogMismatch> {
        let start = self.starts[original.slot.index()];
        if let Some(last_record) = start.last_record {
            if self.last_record(original) != last_record {
                return Err(LogMismatch(original.slot));
            }
            self.starts[original.slot.index()].last_record = None;
            verified.push(original.slot);
        }
        Ok(if original.offset < start.next_offset { Admission::Skip } else { Admission::Decode })
    }

    fn last_record(&self, original: &Original<'_>) -> LastRecord {
        let hash = self.decoder.record_hash(original.key, original.value);
        LastRecord { offset: original.offset, timestamp: original.timestamp, hash }
    }

    fn decode(
        &self,
        original: &Original<'_>,
        headers: &[Header<'_>],
        arena: &mut LabelArena,
    ) -> Result<Event, Rejection> {
        let partition = &self.partitions[original.slot.index()];
        let ranges = &self.excluded[partition.stream];
        if ranges.iter().any(|range| range.holds(partition.partition, original.offset)) {
            return Err(Rejection::of(Reason::Excluded));
        }
        self.decoder.decode(
            partition.stream,
            &RawRecord { value: original.value, timestamp: original.timestamp, headers },
            arena,
        )
    }
}
