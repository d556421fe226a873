//! Writes one checkpoint, a step at a time, where the caller says and when.

use std::io;
use std::sync::Arc;

use crate::aggregate::image::{PageChunk, StateImage, TableLayout};
use crate::runtime::failpoint;

use super::container::{self, CHECKPOINT, FinishedFile, Section, SectionWriter};
use super::days::{self, PackedDay, Plan};
use super::fault::WriteError;
use super::head::Head;
use super::index::{ChunkEntry, DaysFile, Index, MAX_PIECE_BYTES, find_fault, piece_bytes};
use super::names::{Name, PartitionDir};
use super::packed::{Packed, QUICK};
use crate::disk::{Disk, RenamedFile, SyncedFile};

/// What a checkpoint is begun with.
pub struct CheckpointStart {
    /// Its sequence is set by the writer.
    pub head: Head,
    pub image: StateImage,
}

/// A checkpoint that is there to stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenCheckpoint {
    pub head: Head,
    /// Of the file, and of the file of closed days that came with it (none: 0).
    pub bytes: u64,
    pub days_bytes: u64,
    /// The files of closed days that it refers to.
    pub closed: Vec<DaysFile>,
}

/// A checkpoint on its way to the disk. Once a step has failed nothing more may be asked of it than [`CheckpointFile::discard`].
pub struct CheckpointFile {
    disk: Arc<dyn Disk>,
    dir: PartitionDir,
    name: Name,
    head: Head,
    head_part: Section,
    shapes: Vec<TableLayout>,
    chunks: Vec<ChunkEntry>,
    plan: Plan,
    body: Packed,
    compressor: zstd::bulk::Compressor<'static>,
    stage: Stage,
    days_bytes: u64,
}

/// What was done last.
enum Stage {
    Pieces(SectionWriter),
    /// Closed days are written under a temporary name; the file of the checkpoint waits.
    DaysWritten(SectionWriter, SyncedFile, DaysFile),
    DaysInPlace(SectionWriter),
    Filled(SectionWriter, FinishedFile),
    Synced(SyncedFile, FinishedFile),
    Renamed(RenamedFile, FinishedFile),
    /// Whole or failed: no step is left.
    Over,
}

impl CheckpointFile {
    /// Removes what earlier attempts left, then makes the temporary file and writes the head. `sequence` is above any that the place has seen;
    /// `closed` are the files of closed days that the same state's checkpoints refer to so far.
    pub fn begin(
        disk: Arc<dyn Disk>,
        sequence: u64,
        closed: &[DaysFile],
        begin: CheckpointStart,
    ) -> Result<Self, WriteError> {
        let CheckpointStart { mut head, image } = begin;
        head.sequence = sequence;
        let dir = head.dir();
        let name = Name::checkpoint(sequence);
        remove_temporary(&*disk, dir);
        let prepare = || {
            let plan = days::plan(closed, &image.days)?;
            let body = Packed::new(&image.body, QUICK)?;
            let mut file = SectionWriter::begin(&disk, dir.path(name), &CHECKPOINT)?;
            failpoint("checkpoint.created");
            let head_part = file.part(&container::encode(&head))?;
            Ok((plan, body, zstd::bulk::Compressor::new(QUICK)?, file, head_part))
        };
        let (plan, body, compressor, file, head_part) =
            prepare().map_err(|error| WriteError::new(format_args!("begin {}", dir.path(name)), &error))?;
        let stage = Stage::Pieces(file);
        let shapes = image.shapes;
        Ok(Self {
            disk,
            dir,
            name,
            head,
            head_part,
            shapes,
            chunks: Vec::new(),
            plan,
            body,
            compressor,
            stage,
            days_bytes: 0,
        })
    }

    pub fn sequence(&self) -> u64 {
        self.name.sequence
    }

    /// Writes pages; in any order.
    ///
    /// # Panics
    /// If runs and bytes do not fit each other or the image, or after a failure.
    pub fn chunk(&mut self, chunk: &PageChunk) -> Result<(), WriteError> {
        let Stage::Pieces(file) = &mut self.stage else { panic!("a piece after the last") };
        let bytes = piece_bytes(chunk.runs.iter().copied(), &self.shapes).expect("a piece of regions of the image");
        assert!(
            bytes == chunk.bytes.len() as u64 && bytes <= MAX_PIECE_BYTES,
            "a piece whose runs and bytes differ, or too large"
        );
        if chunk.runs.is_empty() {
            return Ok(());
        }
        let packed = if is_sparse(&chunk.bytes) { self.compressor.compress(&chunk.bytes).ok() } else { None };
        let packed = packed.filter(|packed| packed.len() < chunk.bytes.len());
        let written = file.part(packed.as_ref().unwrap_or(&chunk.bytes));
        let part = self.or_fail(written, "write")?;
        self.chunks.push(ChunkEntry::new(&chunk.runs, packed.is_some(), part));
        failpoint("checkpoint.piece_written");
        Ok(())
    }

    /// Takes the next step after the last piece; gives the checkpoint once it is there to stay. What a crash leaves after any of these steps
    /// is either the checkpoints as they were before or this one as well.
    ///
    /// # Panics
    /// If pages are missing or came twice, or after a failure or the end.
    pub fn advance(&mut self) -> Result<Option<WrittenCheckpoint>, WriteError> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Pieces(file) => {
                let runs = self.chunks.iter().flat_map(ChunkEntry::runs);
                assert_eq!(find_fault(&self.shapes, runs), None, "each page comes once");
                self.stage = self.write_days(file)?;
            }
            Stage::DaysWritten(file, synced, days) => {
                let renamed = self.or_fail(synced.rename(), "rename the closed days of")?;
                self.or_fail(renamed.sync_directory(), "sync the directory before")?;
                failpoint("checkpoint.days_renamed");
                self.plan.referred.push(days);
                self.stage = Stage::DaysInPlace(file);
            }
            Stage::DaysInPlace(mut file) => {
                let whole = self.fill(&mut file);
                let whole = self.or_fail(whole, "write")?;
                failpoint("checkpoint.before_sync");
                self.stage = Stage::Filled(file, whole);
            }
            Stage::Filled(file, whole) => {
                let synced = self.or_fail(file.sync(), "sync")?;
                failpoint("checkpoint.synced");
                self.stage = Stage::Synced(synced, whole);
            }
            Stage::Synced(synced, whole) => {
                let renamed = self.or_fail(synced.rename(), "rename")?;
                failpoint("checkpoint.renamed");
                self.stage = Stage::Renamed(renamed, whole);
            }
            Stage::Renamed(renamed, whole) => {
                self.or_fail(renamed.sync_directory(), "sync the directory of")?;
                failpoint("checkpoint.directory_synced");
                let closed = std::mem::take(&mut self.plan.referred);
                return Ok(Some(WrittenCheckpoint {
                    head: self.head.clone(),
                    bytes: whole.bytes,
                    days_bytes: self.days_bytes,
                    closed,
                }));
            }
            Stage::Over => panic!("a checkpoint that is whole or failed has no next step"),
        }
        Ok(None)
    }

    /// All steps after the last piece.
    pub fn finish(mut self) -> Result<WrittenCheckpoint, WriteError> {
        loop {
            if let Some(written) = self.advance()? {
                return Ok(written);
            }
        }
    }

    /// Removes what was written, if the disk lets it; else the next attempt or start will.
    pub fn discard(self) {
        remove_temporary(&*self.disk, self.dir);
    }

    fn write_days(&mut self, file: SectionWriter) -> Result<Stage, WriteError> {
        let closed: Vec<PackedDay> = std::mem::take(&mut self.plan.closed);
        if closed.is_empty() {
            return Ok(Stage::DaysInPlace(file));
        }
        let written = days::write_file(&self.disk, self.dir, self.name.sequence, &closed);
        let (synced, days) = self.or_fail(written, "write the closed days of")?;
        self.days_bytes = days.bytes();
        Ok(Stage::DaysWritten(file, synced, days))
    }

    fn fill(&mut self, file: &mut SectionWriter) -> io::Result<FinishedFile> {
        let days = days::write_parts(&self.plan.open, file)?;
        let body = self.body.write(file)?;
        let index = Index {
            head: self.head_part.clone(),
            shapes: self.shapes.iter().map(|shape| (shape.page_bytes, shape.pages)).collect(),
            chunks: std::mem::take(&mut self.chunks),
            days,
            body,
            closed: self.plan.referred.clone(),
        };
        file.end(&container::encode(&index))
    }

    /// After a failure the file is closed and has no next step.
    fn or_fail<T>(&mut self, result: io::Result<T>, what: &str) -> Result<T, WriteError> {
        result.map_err(|error| {
            self.stage = Stage::Over;
            WriteError::new(format_args!("{what} {}", self.dir.path(self.name)), &error)
        })
    }
}

/// Removes files that are not whole, as far as the disk lets it, and says how many.
pub(super) fn remove_temporary(disk: &dyn Disk, dir: PartitionDir) -> u64 {
    let names = disk.list(&dir.directory()).unwrap_or_default();
    let temporary = names.iter().filter_map(|name| Name::parse(name)).filter(|name| name.is_temporary);
    temporary.map(|name| u64::from(disk.remove(&dir.path(name)).is_ok())).sum()
}

/// Whether more than half of the bytes are zero: hashes and packed figures are not, and do not compress.
fn is_sparse(bytes: &[u8]) -> bool {
    // Sums of at most 255 fit a byte, which lets the compiler count many at once.
    let zeros_of = |chunk: &[u8]| chunk.iter().map(|byte| u8::from(*byte == 0)).sum::<u8>();
    let zeros: usize = bytes.chunks(255).map(|chunk| usize::from(zeros_of(chunk))).sum();
    zeros > bytes.len() / 2
}
