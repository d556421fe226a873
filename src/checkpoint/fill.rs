//! Chunks back into pages: read into a buffer that fits the processor's cache, checked, and copied to where they
//! belong.

use std::mem;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::aggregate::image::TableLayout;

use super::compression::Decompressor;
use super::container::{SectionReader, check};
use super::damage::Damage;
use super::index::{ChunkEntry, Index, bytes_of};

/// Bytes that are read at once, unless a single chunk is larger.
const READ_BYTES: u64 = 1_024 * 1_024;

/// Bytes of state that make one more thread worth its start.
const BYTES_PER_THREAD: u64 = 4 * 1_024 * 1_024;

/// Adjacent chunks that are read at once, and the pages that they fill.
struct FillTask<'a> {
    chunks: Range<usize>,
    pages: Vec<&'a mut [u8]>,
}

struct ChunkSource<'a> {
    file: &'a SectionReader,
    chunks: &'a [ChunkEntry],
    layouts: &'a [TableLayout],
    /// Offset of each chunk in the file.
    offsets: &'a [u64],
}

/// Implements [`super::CheckpointReader::fill`]. The index has been checked: each page is in one chunk, each chunk
/// within the file.
pub(super) fn fill(
    file: &SectionReader,
    index: &Index,
    offsets: &[u64],
    tables: &mut [Vec<&mut [u8]>],
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), Damage> {
    let layouts = index.layouts();
    assert_layouts(&layouts, tables);
    let source = ChunkSource { file, chunks: &index.chunks, layouts: &layouts, offsets };
    let mut slices: Vec<Vec<&mut [u8]>> =
        tables.iter_mut().map(|pages| pages.iter_mut().map(|page| &mut **page).collect()).collect();
    let with_pages = |chunks: Range<usize>| {
        let ranges = index.chunks[chunks.clone()].iter().flat_map(ChunkEntry::ranges);
        let numbers = ranges.flat_map(|range| {
            (range.first..range.first + range.count).map(move |page| (usize::from(range.region), page as usize))
        });
        let pages = numbers.map(|(table, page)| mem::take(&mut slices[table][page])).collect();
        FillTask { chunks, pages }
    };
    let tasks = Mutex::new(groups(&index.chunks).into_iter().map(with_pages).collect::<Vec<_>>().into_iter());
    let work = || -> Result<(), Damage> {
        let mut buffers = Buffers::new()?;
        loop {
            let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(task) = next else { return Ok(()) };
            let mut pages = task.pages.into_iter();
            let read = source.read(task.chunks, &mut buffers, |bytes| {
                scatter(bytes, &mut pages);
                progress(bytes.len() as u64);
            });
            if read.is_err() {
                // Leaves the other threads nothing to do.
                *tasks.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new().into_iter();
                return read;
            }
        }
    };
    let state_bytes: u64 = layouts.iter().map(TableLayout::bytes).sum();
    let threads = threads.min((state_bytes / BYTES_PER_THREAD) as usize);
    if threads <= 1 {
        return work();
    }
    thread::scope(|scope| {
        // This thread works too, so that there is one for the tasks if no other can be started.
        let workers: Vec<_> =
            (1..threads).map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok()).collect();
        let own = work();
        let results =
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        results.fold(own, Result::and)
    })
}

/// Copies bytes to the next pages, which they fill completely.
fn scatter<'a>(mut bytes: &[u8], pages: &mut impl Iterator<Item = &'a mut [u8]>) {
    while !bytes.is_empty() {
        let page = pages.next().expect("a page for all bytes of a chunk");
        let (content, rest) = bytes.split_at(page.len());
        page.copy_from_slice(content);
        bytes = rest;
    }
}

/// Implements [`super::CheckpointReader::verify`].
pub(super) fn verify(file: &SectionReader, index: &Index, offsets: &[u64]) -> Result<(), Damage> {
    let layouts = index.layouts();
    let source = ChunkSource { file, chunks: &index.chunks, layouts: &layouts, offsets };
    let mut buffers = Buffers::new()?;
    groups(&index.chunks).into_iter().try_for_each(|chunks| source.read(chunks, &mut buffers, |_| ()))
}

fn assert_layouts(layouts: &[TableLayout], tables: &[Vec<&mut [u8]>]) {
    assert_eq!(layouts.len(), tables.len(), "as many tables as the checkpoint has");
    for (layout, pages) in layouts.iter().zip(tables) {
        let is_equal =
            pages.len() == layout.pages as usize && pages.iter().all(|page| page.len() == layout.page_bytes as usize);
        assert!(is_equal, "pages of the checkpoint's layout");
    }
}

/// Groups adjacent chunks that are read at once.
fn groups(chunks: &[ChunkEntry]) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, chunk) in chunks.iter().enumerate() {
        if at > start && bytes + chunk.section.length > READ_BYTES {
            groups.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes += chunk.section.length;
    }
    if start < chunks.len() {
        groups.push(start..chunks.len());
    }
    groups
}

struct Buffers {
    stored: Vec<u8>,
    decompressed: Vec<u8>,
    decompressor: Decompressor,
}

impl Buffers {
    fn new() -> Result<Self, Damage> {
        Ok(Self { stored: Vec::new(), decompressed: Vec::new(), decompressor: Decompressor::new()? })
    }
}

impl ChunkSource<'_> {
    /// Reads adjacent chunks, checks each and passes its pages to `take`.
    fn read(&self, chunks: Range<usize>, buffers: &mut Buffers, mut take: impl FnMut(&[u8])) -> Result<(), Damage> {
        let Buffers { stored, decompressed, decompressor } = buffers;
        let entries = &self.chunks[chunks.clone()];
        let length: u64 = entries.iter().map(|chunk| chunk.section.length).sum();
        let length = usize::try_from(length).map_err(|_| Damage::Malformed("length of a chunk"))?;
        if stored.len() < length {
            stored.resize(length, 0);
        }
        self.file.read_unchecked(self.offsets[chunks.start], &mut stored[..length])?;
        let mut rest = &stored[..length];
        for chunk in entries {
            let (bytes, after) = rest.split_at(chunk.section.length as usize);
            rest = after;
            check(bytes, &chunk.section, "chunk")?;
            if chunk.is_compressed {
                let length = bytes_of(chunk.ranges(), self.layouts).ok_or(Damage::Malformed("pages of a chunk"))?;
                decompressor.decompress(bytes, length, decompressed, "chunk")?;
                take(decompressed);
            } else {
                take(bytes);
            }
        }
        Ok(())
    }
}
