//! The index of a checkpoint: which section holds which pages, day or bytes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::aggregate::image::{PageRange, TableLayout};
use crate::clock::Timestamp;

use super::compression::{CompressedSection, can_expand_to};
use super::container::{Hash, Section, SectionReader};
use super::damage::Damage;

/// Maximum size of a chunk (bytes).
pub(super) const MAX_CHUNK_BYTES: u64 = 64 * 1_024 * 1_024;

/// The index. Fields are in the order of the sections in the file; `layouts` and `days_files` describe no section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    pub head: Section,
    /// Bytes per page and number of pages of each table.
    pub layouts: Vec<(u32, u32)>,
    pub chunks: Vec<ChunkEntry>,
    /// Days that may still change.
    pub days: Vec<DayEntry>,
    pub body: CompressedSection,
    /// Files of closed days.
    pub days_files: Vec<DaysFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChunkEntry {
    /// Table, first page, number of pages.
    pub ranges: Vec<(u16, u32, u32)>,
    pub is_compressed: bool,
    pub section: Section,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DayEntry {
    pub start: Timestamp,
    pub content: CompressedSection,
}

/// A file of closed days that a checkpoint refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaysFile {
    /// Sequence number of the checkpoint with which it was written, which is its name.
    pub sequence: u64,
    pub(super) bytes: u64,
    /// Identifies the content of the file.
    pub(super) root_hash: Hash,
    /// Starts of those of its days that the checkpoint has.
    pub starts: Vec<Timestamp>,
}

impl DaysFile {
    /// Returns the length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Offset of each section of a checkpoint.
pub(super) struct SectionOffsets {
    pub head: u64,
    pub chunks: Vec<u64>,
    pub days: Vec<u64>,
    pub body: u64,
}

impl ChunkEntry {
    pub(super) fn new(ranges: &[PageRange], is_compressed: bool, section: Section) -> Self {
        let ranges = ranges.iter().map(|range| (range.region, range.first, range.count)).collect();
        Self { ranges, is_compressed, section }
    }

    pub(super) fn ranges(&self) -> impl Iterator<Item = PageRange> + '_ {
        self.ranges.iter().map(|(region, first, count)| PageRange { region: *region, first: *first, count: *count })
    }
}

impl Index {
    pub(super) fn layouts(&self) -> Vec<TableLayout> {
        self.layouts.iter().map(|(page_bytes, pages)| TableLayout { page_bytes: *page_bytes, pages: *pages }).collect()
    }

    /// Checks everything that can be checked without reading sections.
    ///
    /// After this, each section lies within the file, each page is in exactly one chunk, and the length that anything
    /// decompresses to is plausible for the size of the file.
    pub(super) fn check(&self, file: &SectionReader) -> Result<SectionOffsets, Damage> {
        let chunks = self.chunks.iter().map(|chunk| &chunk.section);
        let days = self.days.iter().map(|day| &day.content.section);
        let sections = [&self.head].into_iter().chain(chunks).chain(days).chain([&self.body.section]);
        let mut offsets = file.offsets(sections)?;
        let layouts = self.layouts();
        for chunk in &self.chunks {
            check_chunk(chunk, &layouts)?;
        }
        if find_fault(&layouts, self.chunks.iter().flat_map(ChunkEntry::ranges)).is_some() {
            return Err(Damage::Malformed("pages missing or present twice"));
        }
        if !self.body.is_plausible() || !self.days.iter().all(|day| day.content.is_plausible()) {
            return Err(Damage::Malformed("length of a section"));
        }
        self.check_days()?;
        let missing = Damage::Malformed("sections");
        let (Some(body), head) = (offsets.pop(), offsets[0]) else { return Err(missing) };
        let days = offsets.split_off(1 + self.chunks.len());
        Ok(SectionOffsets { head, chunks: offsets.split_off(1), days, body })
    }

    fn check_days(&self) -> Result<(), Damage> {
        let mut seen = BTreeSet::new();
        let closed = self.days_files.iter().flat_map(|file| file.starts.iter());
        let is_first = |start: &Timestamp| seen.insert(*start);
        if self.days.iter().map(|day| &day.start).chain(closed).all(is_first) {
            Ok(())
        } else {
            Err(Damage::Malformed("days present twice"))
        }
    }
}

fn check_chunk(chunk: &ChunkEntry, layouts: &[TableLayout]) -> Result<(), Damage> {
    let bytes = bytes_of(chunk.ranges(), layouts).ok_or(Damage::Malformed("pages of a chunk"))?;
    let stored = chunk.section.length;
    let is_right = if chunk.is_compressed { can_expand_to(stored, bytes) } else { bytes == stored };
    if is_right && bytes <= MAX_CHUNK_BYTES { Ok(()) } else { Err(Damage::Malformed("length of a chunk")) }
}

/// Returns the size of ranges of pages in bytes; `None` if one names a table that does not exist, or the sum overflows.
pub(super) fn bytes_of(mut ranges: impl Iterator<Item = PageRange>, layouts: &[TableLayout]) -> Option<u64> {
    ranges.try_fold(0_u64, |sum, range| {
        let page_bytes = layouts.get(usize::from(range.region))?.page_bytes;
        sum.checked_add(u64::from(range.count) * u64::from(page_bytes))
    })
}

/// Explains why `ranges` do not cover every page of every table exactly once; `None` if they do. Allocates memory for
/// the ranges, not for the pages that they claim.
pub(super) fn find_fault(layouts: &[TableLayout], ranges: impl Iterator<Item = PageRange>) -> Option<String> {
    if layouts.iter().any(|layout| layout.page_bytes == 0 && layout.pages > 0) {
        return Some("pages without bytes".to_owned());
    }
    let mut sorted: Vec<(u16, u32, u32)> = ranges.map(|range| (range.region, range.first, range.count)).collect();
    sorted.sort_unstable();
    let mut rest = sorted.iter().peekable();
    for (table, layout) in layouts.iter().enumerate() {
        let mut next = 0;
        while let Some((_, first, count)) = rest.next_if(|(of, _, _)| usize::from(*of) == table) {
            if *first != next || *count == 0 {
                return Some(format!("table {table}: page {next} expected, {count} from {first} found"));
            }
            let Some(end) = next.checked_add(*count) else {
                return Some(format!("table {table}: too many pages"));
            };
            next = end;
        }
        if next != layout.pages {
            return Some(format!("table {table}: {next} of {} pages", layout.pages));
        }
    }
    rest.next().map(|(table, _, _)| format!("table {table} does not exist"))
}
