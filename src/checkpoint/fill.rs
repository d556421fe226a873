//! Pieces back into pages: from the file through a buffer that stays in the processor's cache, checked, to where they belong.

use std::mem;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::aggregate::image::TableLayout;

use super::container::{SectionReader, check};
use super::damage::Damage;
use super::index::{ChunkEntry, Index, piece_bytes};
use super::packed::Unpacker;

/// What is read at once (bytes), unless a single piece is larger.
const READ_BYTES: u64 = 1_024 * 1_024;

/// A thread more is worth its start for this much more of state (bytes).
const BYTES_A_THREAD: u64 = 4 * 1_024 * 1_024;

/// Pieces that lie one after the other, and the slices that they fill.
struct Task<'a> {
    chunks: Range<usize>,
    targets: Vec<&'a mut [u8]>,
}

struct Source<'a> {
    file: &'a SectionReader,
    chunks: &'a [ChunkEntry],
    shapes: &'a [TableLayout],
    places: &'a [u64],
}

/// See [`super::CheckpointReader::fill`]. The index was checked: each page is in one piece, each piece in the file.
pub(super) fn fill(
    file: &SectionReader,
    index: &Index,
    places: &[u64],
    regions: &mut [Vec<&mut [u8]>],
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), Damage> {
    let shapes = index.shapes();
    assert_shapes(&shapes, regions);
    let source = Source { file, chunks: &index.chunks, shapes: &shapes, places };
    let mut slices: Vec<Vec<&mut [u8]>> =
        regions.iter_mut().map(|pages| pages.iter_mut().map(|page| &mut **page).collect()).collect();
    let with_targets = |chunks: Range<usize>| {
        let runs = index.chunks[chunks.clone()].iter().flat_map(ChunkEntry::runs);
        let pages = runs.flat_map(|run| {
            (run.first..run.first + run.count).map(move |page| (usize::from(run.region), page as usize))
        });
        let targets = pages.map(|(region, page)| mem::take(&mut slices[region][page])).collect();
        Task { chunks, targets }
    };
    let tasks = Mutex::new(groups(&index.chunks).into_iter().map(with_targets).collect::<Vec<_>>().into_iter());
    let work = || -> Result<(), Damage> {
        let mut buffers = Buffers::new()?;
        loop {
            let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(task) = next else { return Ok(()) };
            let mut targets = task.targets.into_iter();
            let read = source.read(task.chunks, &mut buffers, |bytes| {
                scatter(bytes, &mut targets);
                progress(bytes.len() as u64);
            });
            if read.is_err() {
                // The others may stop too.
                *tasks.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new().into_iter();
                return read;
            }
        }
    };
    let state_bytes: u64 = shapes.iter().map(TableLayout::bytes).sum();
    let threads = threads.min((state_bytes / BYTES_A_THREAD) as usize);
    if threads <= 1 {
        return work();
    }
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let results =
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        results.fold(Ok(()), Result::and)
    })
}

/// Copies bytes to the next pages, which they fill.
fn scatter<'a>(mut bytes: &[u8], targets: &mut impl Iterator<Item = &'a mut [u8]>) {
    while !bytes.is_empty() {
        let target = targets.next().expect("a page for all that a piece holds");
        let (page, rest) = bytes.split_at(target.len());
        target.copy_from_slice(page);
        bytes = rest;
    }
}

/// See [`super::CheckpointReader::verify`].
pub(super) fn verify(file: &SectionReader, index: &Index, places: &[u64]) -> Result<(), Damage> {
    let shapes = index.shapes();
    let source = Source { file, chunks: &index.chunks, shapes: &shapes, places };
    let mut buffers = Buffers::new()?;
    groups(&index.chunks).into_iter().try_for_each(|chunks| source.read(chunks, &mut buffers, |_| ()))
}

fn assert_shapes(shapes: &[TableLayout], regions: &[Vec<&mut [u8]>]) {
    assert_eq!(shapes.len(), regions.len(), "as many regions as the checkpoint has");
    for (shape, pages) in shapes.iter().zip(regions) {
        let is_right =
            pages.len() == shape.pages as usize && pages.iter().all(|page| page.len() == shape.page_bytes as usize);
        assert!(is_right, "pages of the shape that the checkpoint has");
    }
}

/// Pieces that are read at once.
fn groups(chunks: &[ChunkEntry]) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, chunk) in chunks.iter().enumerate() {
        if at > start && bytes + chunk.part.length > READ_BYTES {
            groups.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes += chunk.part.length;
    }
    if start < chunks.len() {
        groups.push(start..chunks.len());
    }
    groups
}

struct Buffers {
    stored: Vec<u8>,
    unpacked: Vec<u8>,
    unpacker: Unpacker,
}

impl Buffers {
    fn new() -> Result<Self, Damage> {
        Ok(Self { stored: Vec::new(), unpacked: Vec::new(), unpacker: Unpacker::new()? })
    }
}

impl Source<'_> {
    /// Reads pieces, checks each and hands over its bytes.
    fn read(&self, chunks: Range<usize>, buffers: &mut Buffers, mut take: impl FnMut(&[u8])) -> Result<(), Damage> {
        let Buffers { stored, unpacked, unpacker } = buffers;
        let entries = &self.chunks[chunks.clone()];
        let length: u64 = entries.iter().map(|chunk| chunk.part.length).sum();
        let length = usize::try_from(length).map_err(|_| Damage::MalformedState("a piece's length"))?;
        if stored.len() < length {
            stored.resize(length, 0);
        }
        self.file.read_raw(self.places[chunks.start], &mut stored[..length])?;
        let mut rest = &stored[..length];
        for chunk in entries {
            let (bytes, after) = rest.split_at(chunk.part.length as usize);
            rest = after;
            check(bytes, &chunk.part, "piece")?;
            if chunk.is_packed {
                let length = piece_bytes(chunk.runs(), self.shapes).ok_or(Damage::MalformedState("a piece's pages"))?;
                unpacker.unpack(bytes, length, unpacked, "piece")?;
                take(unpacked);
            } else {
                take(bytes);
            }
        }
        Ok(())
    }
}
