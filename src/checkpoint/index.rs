//! The index of a checkpoint: where each page, day and byte of it is.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::aggregate::image::{PageRange, TableLayout};
use crate::clock::Millis;

use super::container::{Hash, Section, SectionReader};
use super::damage::Damage;
use super::packed::{PackedSection, is_possible};

/// The most that a piece may hold (bytes).
pub const MAX_PIECE_BYTES: u64 = 64 * 1_024 * 1_024;

/// In the order of the parts in the file, but for `shapes` and `closed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    pub head: Section,
    /// Bytes a page and pages, by region.
    pub shapes: Vec<(u32, u32)>,
    pub chunks: Vec<ChunkEntry>,
    /// Days that are not closed.
    pub days: Vec<DayEntry>,
    pub body: PackedSection,
    /// Days that are.
    pub closed: Vec<DaysFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChunkEntry {
    /// Region, first page, number of pages.
    pub runs: Vec<(u16, u32, u32)>,
    pub is_packed: bool,
    pub part: Section,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DayEntry {
    pub start: Millis,
    pub content: PackedSection,
}

/// A file of closed days that a checkpoint refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaysFile {
    /// Of the checkpoint with which it was written; its name.
    pub sequence: u64,
    pub(super) bytes: u64,
    /// Stands for all of its content.
    pub(super) root: Hash,
    /// Those of its days that the checkpoint has.
    pub starts: Vec<Millis>,
}

impl DaysFile {
    /// Its length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Where the parts of a file begin.
pub(super) struct Places {
    pub head: u64,
    pub chunks: Vec<u64>,
    pub days: Vec<u64>,
    pub body: u64,
}

impl ChunkEntry {
    pub(super) fn new(runs: &[PageRange], is_packed: bool, part: Section) -> Self {
        Self { runs: runs.iter().map(|run| (run.region, run.first, run.count)).collect(), is_packed, part }
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = PageRange> + '_ {
        self.runs.iter().map(|(region, first, count)| PageRange { region: *region, first: *first, count: *count })
    }
}

impl Index {
    pub(super) fn shapes(&self) -> Vec<TableLayout> {
        self.shapes.iter().map(|(page_bytes, pages)| TableLayout { page_bytes: *page_bytes, pages: *pages }).collect()
    }

    /// Checks all that can be checked without reading parts. From here on each part lies within the file, each page is in exactly one piece,
    /// and all that is unpacked has a size that the file could hold.
    pub(super) fn check(&self, file: &SectionReader) -> Result<Places, Damage> {
        let chunks = self.chunks.iter().map(|chunk| &chunk.part);
        let days = self.days.iter().map(|day| &day.content.part);
        let parts = [&self.head].into_iter().chain(chunks).chain(days).chain([&self.body.part]);
        let mut places = file.places(parts)?;
        let shapes = self.shapes();
        for chunk in &self.chunks {
            check_piece(chunk, &shapes)?;
        }
        if find_fault(&shapes, self.chunks.iter().flat_map(ChunkEntry::runs)).is_some() {
            return Err(Damage::MalformedState("pages that are missing or there twice"));
        }
        if !self.body.is_possible() || !self.days.iter().all(|day| day.content.is_possible()) {
            return Err(Damage::MalformedState("a part's length"));
        }
        self.check_days()?;
        let missing = Damage::MalformedState("parts");
        let (Some(body), head) = (places.pop(), places[0]) else { return Err(missing) };
        let days = places.split_off(1 + self.chunks.len());
        Ok(Places { head, chunks: places.split_off(1), days, body })
    }

    fn check_days(&self) -> Result<(), Damage> {
        let mut seen = BTreeSet::new();
        let closed = self.closed.iter().flat_map(|file| file.starts.iter());
        let is_new = |start: &Millis| seen.insert(*start);
        if self.days.iter().map(|day| &day.start).chain(closed).all(is_new) {
            Ok(())
        } else {
            Err(Damage::MalformedState("days that are there twice"))
        }
    }
}

fn check_piece(chunk: &ChunkEntry, shapes: &[TableLayout]) -> Result<(), Damage> {
    let bytes = piece_bytes(chunk.runs(), shapes).ok_or(Damage::MalformedState("a piece's pages"))?;
    let stored = chunk.part.length;
    let is_right = if chunk.is_packed { is_possible(bytes, stored) } else { bytes == stored };
    if is_right && bytes <= MAX_PIECE_BYTES { Ok(()) } else { Err(Damage::MalformedState("a piece's length")) }
}

/// What a piece holds (bytes); none if it names a region that is not there, or comes to more than any file.
pub(super) fn piece_bytes(mut runs: impl Iterator<Item = PageRange>, shapes: &[TableLayout]) -> Option<u64> {
    runs.try_fold(0_u64, |sum, run| {
        let page_bytes = shapes.get(usize::from(run.region))?.page_bytes;
        sum.checked_add(u64::from(run.count) * u64::from(page_bytes))
    })
}

/// Why runs do not have every page of every region exactly once; none if they do. Takes room for the runs, not for the pages.
pub(super) fn find_fault(shapes: &[TableLayout], runs: impl Iterator<Item = PageRange>) -> Option<String> {
    if shapes.iter().any(|shape| shape.page_bytes == 0 && shape.pages > 0) {
        return Some("pages without bytes".to_owned());
    }
    let mut sorted: Vec<(u16, u32, u32)> = runs.map(|run| (run.region, run.first, run.count)).collect();
    sorted.sort_unstable();
    let mut rest = sorted.iter().peekable();
    for (region, shape) in shapes.iter().enumerate() {
        let mut next = 0;
        while let Some((_, first, count)) = rest.next_if(|(of, _, _)| usize::from(*of) == region) {
            if *first != next || *count == 0 {
                return Some(format!("region {region}: page {next} expected, {count} from {first} found"));
            }
            let Some(end) = next.checked_add(*count) else {
                return Some(format!("region {region}: pages without end"));
            };
            next = end;
        }
        if next != shape.pages {
            return Some(format!("region {region}: {next} of {} pages", shape.pages));
        }
    }
    rest.next().map(|(region, _, _)| format!("region {region} is not there"))
}
