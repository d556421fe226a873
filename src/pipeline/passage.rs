//! Decides what to pass over where reading is stuck: excluded offsets whose records cannot be read.

use std::ops::RangeInclusive;

use crate::record::PartitionIndex;
use crate::settings::OffsetRange;

/// Excluded offsets of a partition that reading has passed over, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExcludedPassage {
    /// The partition.
    pub index: PartitionIndex,
    /// First offset passed over.
    pub first_offset: i64,
    /// Last offset passed over.
    pub last_offset: i64,
}

/// Place at which the client is stuck.
#[derive(Debug, Clone, Copy)]
pub(super) struct StuckAt {
    /// Offset of the error: that of the batch, which may begin before the next record, or behind offsets that are no
    /// records.
    pub(super) offset: i64,
    /// Offset of the next record to read.
    pub(super) next_offset: i64,
    /// End offset of the log. What is written later is read, and passed over if it has to be.
    pub(super) end_offset: i64,
}

/// Excluded offsets to pass over; `None` if the records there are not excluded. Ranges that touch are one.
pub(super) fn excluded_at(excluded: &[OffsetRange], partition: i32, stuck: StuckAt) -> Option<RangeInclusive<i64>> {
    let range_at = |offset| excluded.iter().find(|range| range.holds(partition, offset));
    let range = range_at(stuck.next_offset).or_else(|| range_at(stuck.offset.max(stuck.next_offset)))?;
    let mut last_offset = range.last_offset;
    while let Some(next) = last_offset.checked_add(1).and_then(range_at) {
        last_offset = next.last_offset;
    }
    let passed = range.first_offset.max(stuck.next_offset)..=last_offset.min(stuck.end_offset - 1);
    (!passed.is_empty()).then_some(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(ranges: &[(i32, i64, i64)], (offset, next_offset): (i64, i64)) -> Option<RangeInclusive<i64>> {
        let range = |&(partition, first_offset, last_offset)| OffsetRange { partition, first_offset, last_offset };
        let ranges: Vec<OffsetRange> = ranges.iter().map(range).collect();
        excluded_at(&ranges, 1, StuckAt { offset, next_offset, end_offset: 1_000 })
    }

    #[test]
    fn only_excluded_offsets_of_the_partition_are_passed_over() {
        assert_eq!(excluded(&[(1, 10, 14)], (10, 10)), Some(10..=14));
        assert_eq!(excluded(&[(1, 10, 14)], (15, 15)), None);
        assert_eq!(excluded(&[(1, 11, 14)], (10, 10)), None, "the record at 10 is not excluded");
        assert_eq!(excluded(&[(0, 10, 14)], (10, 10)), None);
    }

    #[test]
    fn a_passage_begins_at_the_next_offset_in_the_range() {
        assert_eq!(excluded(&[(1, 5, 14)], (10, 10)), Some(10..=14), "records before it were read");
        assert_eq!(excluded(&[(1, 10, 14)], (8, 10)), Some(10..=14), "the batch begins before it");
        assert_eq!(excluded(&[(1, 12, 14)], (12, 10)), Some(12..=14), "10 and 11 are no records");
    }

    #[test]
    fn ranges_that_touch_are_passed_over_at_once() {
        assert_eq!(excluded(&[(1, 15, 20), (1, 10, 14), (1, 18, 30), (1, 32, 40)], (10, 10)), Some(10..=30));
    }

    #[test]
    fn a_passage_ends_at_the_end_of_the_log() {
        assert_eq!(excluded(&[(1, 10, i64::MAX)], (10, 10)), Some(10..=999));
        assert_eq!(excluded(&[(1, 1_000, i64::MAX)], (1_000, 1_000)), None);
    }
}
