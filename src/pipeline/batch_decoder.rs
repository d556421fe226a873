//! Decodes batches of records and checks that each log is the one that its state was built from.
//!
//! Reading resumes at the last applied record. The first record of a partition must be that one: same offset, timestamp
//! and keyed hash of key and value. Otherwise the topic was recreated or its log truncated, and nothing of it is
//! applied.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::mem;
use std::ops::Range;
use std::time::Instant;

use super::byte_budget::ByteShare;
use super::passage::{self, ExcludedPassage, StuckAt};
use crate::checkpoint::LastRecord;
use crate::clock::Timestamp;
use crate::decode::{DecodeMemory, Decoder, RecordHasher};
use crate::event::{Event, LabelArena};
use crate::record::{Header, PartitionIndex, PerStream, RawRecord, RawRecords, Reason, Rejection, TopicPartition};
use crate::settings::OffsetRange;

/// Point from which a partition is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResumePoint {
    /// Offset of the next record to apply.
    pub next_offset: i64,
    /// Last applied record, which the log must contain; `None` if there is none, or the log may have lost it
    /// legitimately.
    pub last_record: Option<LastRecord>,
}

impl ResumePoint {
    /// Offset to read from: that of the last applied record if it is to be checked, else the next one.
    pub fn read_from(&self) -> i64 {
        self.last_record.map_or(self.next_offset, |last_record| last_record.offset)
    }
}

/// A decoded batch. Keeps the raw records for the dead letters.
pub struct DecodedBatch {
    /// Records in the order of the batch, without those that were applied before.
    pub(super) records: Vec<DecodedRecord>,
    /// Labels of the events.
    pub(super) arena: LabelArena,
    /// Counts of each partition with at least one decoded record.
    pub(super) stats: Vec<PartitionStats>,
    /// Partitions whose log was found to contain the last applied record.
    pub(super) verified: Vec<PartitionIndex>,
    pub(super) raw: Box<dyn RawRecords>,
    pub(super) hasher: RecordHasher,
    /// Time at which the client handed over the batch.
    pub(super) fetched: Instant,
    /// Returned to the budget with the records, which are dropped before.
    pub(super) _share: Option<ByteShare>,
}

/// A decoded record.
pub(super) struct DecodedRecord {
    /// Position among the raw records.
    pub(super) position: u32,
    pub(super) index: PartitionIndex,
    pub(super) offset: i64,
    /// See [`RawRecord::written_after`]. Applying compares it for every record.
    pub(super) written_after: Option<Timestamp>,
    pub(super) event: Result<Event, Rejection>,
}

/// Counts of one partition's decoded records in a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartitionStats {
    pub(super) index: PartitionIndex,
    pub(super) records: u64,
    /// Size of keys and values, in bytes.
    pub(super) bytes: u64,
    pub(super) last_record: LastRecord,
}

/// Records of one partition in a part of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartitionSpan {
    pub(super) index: PartitionIndex,
    pub(super) records: u64,
    pub(super) last_record: LastRecord,
}

impl DecodedBatch {
    /// Spans of the partitions that have records at these positions of [`DecodedBatch::records`].
    pub(super) fn spans(&self, range: Range<usize>) -> Vec<PartitionSpan> {
        if range == (0..self.records.len()) {
            let span = |&PartitionStats { index, records, last_record, .. }: &PartitionStats| PartitionSpan {
                index,
                records,
                last_record,
            };
            return self.stats.iter().map(span).collect();
        }
        let mut found = BTreeMap::<PartitionIndex, (u64, u32)>::new();
        for run in self.records[range].chunk_by(|one, next| one.index == next.index) {
            let Some(last) = run.last() else { continue };
            let (records, position) = found.entry(last.index).or_default();
            (*records, *position) = (*records + run.len() as u64, last.position);
        }
        let mut spans = Vec::with_capacity(found.len());
        for (index, (records, position)) in found {
            let last_record = identify(self.hasher, &self.raw.without_headers(position as usize));
            spans.push(PartitionSpan { index, records, last_record });
        }
        spans
    }
}

/// Empties a list of headers for those of another record, and keeps its memory.
fn emptied<'b>(mut headers: Vec<Header<'_>>) -> Vec<Header<'b>> {
    headers.clear();
    headers.into_iter().map(|_| unreachable!("the list is empty")).collect()
}

fn identify(hasher: RecordHasher, record: &RawRecord<'_>) -> LastRecord {
    LastRecord { offset: record.offset, timestamp: record.timestamp, hash: hasher.hash(record.key, record.value) }
}

/// The log of a partition does not contain the record that its state applied last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogMismatch(pub PartitionIndex);

/// Fate of a record before decoding.
enum Admission {
    Decode,
    /// Applied before.
    Skip,
}

/// Counts of a partition while a batch is decoded.
#[derive(Clone, Default)]
struct Tally {
    records: u64,
    bytes: u64,
    /// Position of the last record.
    last: usize,
}

/// Decodes the batches of all partitions, in order.
pub struct BatchDecoder<'a> {
    decoder: &'a Decoder,
    hasher: RecordHasher,
    /// Offsets that are rejected without decoding.
    excluded: &'a PerStream<Vec<OffsetRange>>,
    partitions: Vec<TopicPartition>,
    /// Loses its last record once the log was found to contain it.
    resume_points: Vec<ResumePoint>,
    /// Memory that batches reuse.
    memory: DecodeMemory,
}

impl<'a> BatchDecoder<'a> {
    /// Creates a decoder for partitions, given by index, that are read from [`ResumePoint::read_from`].
    pub fn new(
        decoder: &'a Decoder,
        excluded: &'a PerStream<Vec<OffsetRange>>,
        partitions: Vec<TopicPartition>,
        resume_points: Vec<ResumePoint>,
    ) -> Self {
        assert_eq!(partitions.len(), resume_points.len());
        let (hasher, memory) = (decoder.record_hasher(), DecodeMemory::default());
        Self { decoder, hasher, excluded, partitions, resume_points, memory }
    }

    /// Decodes a batch that the client handed over at `fetched`.
    ///
    /// # Errors
    /// Returns an error if the first record of a partition is not its last applied one.
    pub fn decode(&mut self, raw: impl RawRecords + 'static, fetched: Instant) -> Result<DecodedBatch, LogMismatch> {
        let mut records = Vec::with_capacity(raw.len());
        let mut arena = LabelArena::default();
        let mut verified = Vec::new();
        let mut tallies = vec![Tally::default(); self.partitions.len()];
        let mut kept = Vec::new();
        // An error drops the memory with what it leaves there.
        let mut memory = mem::take(&mut self.memory);
        for start in (0..raw.len()).step_by(DecodeMemory::RECORDS) {
            let begun = records.len();
            for position in start..raw.len().min(start + DecodeMemory::RECORDS) {
                let index = raw.partition(position);
                let mut headers = emptied(kept);
                let record = raw.get(position, &mut headers);
                if let Admission::Decode = self.admit(index, &record, &mut verified)? {
                    let tally = &mut tallies[index.index()];
                    tally.records += 1;
                    tally.bytes += (record.value.map_or(0, <[u8]>::len) + record.key.map_or(0, <[u8]>::len)) as u64;
                    tally.last = position;
                    let event = self.begin(index, &record, &mut arena, &mut memory);
                    let (offset, written_after) = (record.offset, record.written_after());
                    records.push(DecodedRecord { position: position as u32, index, offset, written_after, event });
                }
                kept = emptied(headers);
            }
            self.decoder.finish(&mut memory, records[begun..].iter_mut().flat_map(|record| &mut record.event));
        }
        self.memory = memory;
        let mut stats = Vec::new();
        for (index, tally) in tallies.into_iter().enumerate().filter(|(_, tally)| tally.records > 0) {
            let Tally { records, bytes, last } = tally;
            let last_record = identify(self.hasher, &raw.without_headers(last));
            stats.push(PartitionStats { index: PartitionIndex::new(index), records, bytes, last_record });
        }
        Ok(DecodedBatch {
            records,
            arena,
            stats,
            verified,
            raw: Box::new(raw),
            hasher: self.hasher,
            fetched,
            _share: None,
        })
    }

    /// Checks that the client has not moved past a last applied record without handing it over.
    ///
    /// # Errors
    /// Returns an error if it has: that record is gone.
    pub fn check_positions(&self, positions: &[(PartitionIndex, i64)]) -> Result<(), LogMismatch> {
        let has_missed = |&&(index, position): &&(PartitionIndex, i64)| {
            self.resume_points[index.index()].last_record.is_some_and(|last_record| position > last_record.offset)
        };
        positions.iter().find(has_missed).map_or(Ok(()), |&(index, _)| Err(LogMismatch(index)))
    }

    /// Excluded offsets to pass over where reading a partition is stuck; `None` if the records there are not excluded.
    pub(super) fn passage(&self, index: PartitionIndex, stuck: StuckAt) -> Option<ExcludedPassage> {
        let TopicPartition { stream, partition, .. } = self.partitions[index.index()];
        let passed = passage::excluded_at(&self.excluded[stream], partition, stuck)?;
        Some(ExcludedPassage { index, first_offset: *passed.start(), last_offset: *passed.end() })
    }

    fn admit(
        &mut self,
        index: PartitionIndex,
        record: &RawRecord<'_>,
        verified: &mut Vec<PartitionIndex>,
    ) -> Result<Admission, LogMismatch> {
        let ResumePoint { next_offset, last_record } = self.resume_points[index.index()];
        if let Some(last_record) = last_record {
            if identify(self.hasher, record) != last_record {
                return Err(LogMismatch(index));
            }
            self.resume_points[index.index()].last_record = None;
            verified.push(index);
        }
        Ok(if record.offset < next_offset { Admission::Skip } else { Admission::Decode })
    }

    /// Decodes a record but for its hashes ([`Decoder::begin`]).
    fn begin(
        &self,
        index: PartitionIndex,
        record: &RawRecord<'_>,
        arena: &mut LabelArena,
        memory: &mut DecodeMemory,
    ) -> Result<Event, Rejection> {
        let TopicPartition { stream, partition, .. } = self.partitions[index.index()];
        if self.excluded[stream].iter().any(|range| range.holds(partition, record.offset)) {
            return Err(Rejection::of(Reason::Excluded));
        }
        self.decoder.begin(stream, record, arena, memory)
    }
}
