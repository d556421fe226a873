//! One checkpoint on its way to the disk, one step per call.

use std::io;
use std::sync::Arc;

use crate::aggregate::image::{PageChunk, StateImage, TableLayout};
use crate::runtime::failpoint;

use super::compression::{CompressedBytes, FAST};
use super::container::{self, CHECKPOINT, FileSummary, Section, SectionWriter};
use super::days::{self, CompressedDay, DayPlan};
use super::head::Head;
use super::index::{ChunkEntry, DaysFile, Index, MAX_CHUNK_BYTES, bytes_of, find_fault};
use super::names::{Name, PartitionDir};
use super::seal::{CheckpointKey, sealed};
use super::write_error::WriteError;
use crate::disk::{Disk, RenamedFile, SyncedFile};

/// First part of a checkpoint: head and image of the state.
pub struct CheckpointStart {
    /// Head of the checkpoint. Its sequence number is replaced by the next one of the partition.
    pub head: Head,
    /// Image of the state; its pages follow as chunks.
    pub image: StateImage,
}

/// A durable checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenCheckpoint {
    /// Head as written, with its sequence number.
    pub head: Head,
    /// Length of the checkpoint file (bytes).
    pub bytes: u64,
    /// Length of the file of closed days that was written with it (bytes); 0 if none was.
    pub days_bytes: u64,
    /// Files of closed days that the checkpoint refers to.
    pub days_files: Vec<DaysFile>,
}

/// A checkpoint in progress. The steps and what a crash leaves after each are listed in the documentation of
/// [`crate::checkpoint`]. After an error only [`CheckpointFile::discard`] may be called.
pub struct CheckpointFile {
    disk: Arc<dyn Disk>,
    key: Option<CheckpointKey>,
    dir: PartitionDir,
    name: Name,
    head: Head,
    head_section: Section,
    layouts: Vec<TableLayout>,
    chunks: Vec<ChunkEntry>,
    day_plan: DayPlan,
    body: CompressedBytes,
    compressor: zstd::bulk::Compressor<'static>,
    stage: Stage,
    days_bytes: u64,
}

/// The last step that was completed.
enum Stage {
    /// The file is open for chunks.
    Chunks(SectionWriter),
    /// Closed days are synced under a temporary name; the checkpoint's own file waits.
    DaysWritten(SectionWriter, SyncedFile, DaysFile),
    DaysDurable(SectionWriter),
    Complete(SectionWriter, FileSummary),
    Synced(SyncedFile, FileSummary),
    Renamed(RenamedFile, FileSummary),
    /// Durable or failed: there is no next step.
    Ended,
}

impl CheckpointFile {
    /// Removes leftover temporary files, then creates the file under its temporary name and writes the head.
    ///
    /// `key` seals it. `sequence` is above every number that the partition's files have had. `known_days` are the files of closed days
    /// that earlier checkpoints of the same state refer to.
    ///
    /// # Errors
    /// Returns an error if the disk refuses; the attempt is over.
    pub(super) fn begin(
        disk: Arc<dyn Disk>,
        key: Option<CheckpointKey>,
        sequence: u64,
        known_days: &[DaysFile],
        start: CheckpointStart,
    ) -> Result<Self, WriteError> {
        let CheckpointStart { mut head, image } = start;
        head.sequence = sequence;
        let dir = head.dir();
        let name = Name::checkpoint(sequence);
        remove_temporary(&*disk, dir);
        let prepare = || {
            let day_plan = days::plan(known_days, &image.days)?;
            let body = CompressedBytes::new(&image.body, FAST)?;
            let mut file = SectionWriter::create(&disk, dir.path(name), &CHECKPOINT)?;
            failpoint("checkpoint.created");
            let head_section = file.write_section(&container::encode(&head))?;
            Ok((day_plan, body, zstd::bulk::Compressor::new(FAST)?, file, head_section))
        };
        let (day_plan, body, compressor, file, head_section) =
            prepare().map_err(|error| WriteError::new(format_args!("begin {}", dir.path(name)), &error))?;
        Ok(Self {
            disk,
            key,
            dir,
            name,
            head,
            head_section,
            layouts: image.shapes,
            chunks: Vec::new(),
            day_plan,
            body,
            compressor,
            stage: Stage::Chunks(file),
            days_bytes: 0,
        })
    }

    /// Appends pages. Chunks may come in any order.
    ///
    /// # Errors
    /// Returns an error if the disk refuses; the attempt is over.
    ///
    /// # Panics
    /// Panics if the ranges and the bytes of `chunk` do not match each other or the image, or after an error.
    pub fn write_chunk(&mut self, chunk: &PageChunk) -> Result<(), WriteError> {
        let Stage::Chunks(file) = &mut self.stage else { panic!("a chunk after the last one") };
        let bytes = bytes_of(chunk.runs.iter().copied(), &self.layouts).expect("ranges of tables of the image");
        assert!(
            bytes == chunk.bytes.len() as u64 && bytes <= MAX_CHUNK_BYTES,
            "the ranges of a chunk match its bytes, which are not too many"
        );
        if chunk.runs.is_empty() {
            return Ok(());
        }
        let compressed = if is_sparse(&chunk.bytes) { self.compressor.compress(&chunk.bytes).ok() } else { None };
        let compressed = compressed.filter(|compressed| compressed.len() < chunk.bytes.len());
        let written = file.write_section(compressed.as_ref().unwrap_or(&chunk.bytes));
        let section = self.or_end(written, "write")?;
        self.chunks.push(ChunkEntry::new(&chunk.runs, compressed.is_some(), section));
        failpoint("checkpoint.chunk_written");
        Ok(())
    }

    /// Takes the next step after the last chunk; returns the checkpoint once it is durable.
    ///
    /// # Errors
    /// Returns an error if the disk refuses; the attempt is over.
    ///
    /// # Panics
    /// Panics if pages are missing or came twice, or after an error or the last step.
    pub fn advance(&mut self) -> Result<Option<WrittenCheckpoint>, WriteError> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Chunks(file) => {
                let ranges = self.chunks.iter().flat_map(ChunkEntry::ranges);
                assert_eq!(find_fault(&self.layouts, ranges), None, "each page comes once");
                self.write_days(file)?
            }
            Stage::DaysWritten(file, days_file, days) => {
                let renamed = self.or_end(days_file.rename(), "rename the closed days of")?;
                self.or_end(renamed.sync_directory(), "sync the directory before")?;
                failpoint("checkpoint.days_renamed");
                self.day_plan.existing.push(days);
                Stage::DaysDurable(file)
            }
            Stage::DaysDurable(mut file) => {
                let completed = self.complete(&mut file);
                let summary = self.or_end(completed, "write")?;
                failpoint("checkpoint.before_sync");
                Stage::Complete(file, summary)
            }
            Stage::Complete(file, summary) => {
                let synced = self.or_end(file.sync(), "sync")?;
                failpoint("checkpoint.synced");
                Stage::Synced(synced, summary)
            }
            Stage::Synced(synced, summary) => {
                let renamed = self.or_end(synced.rename(), "rename")?;
                failpoint("checkpoint.renamed");
                Stage::Renamed(renamed, summary)
            }
            Stage::Renamed(renamed, summary) => {
                self.or_end(renamed.sync_directory(), "sync the directory of")?;
                failpoint("checkpoint.directory_synced");
                return Ok(Some(WrittenCheckpoint {
                    head: self.head.clone(),
                    bytes: summary.bytes,
                    days_bytes: self.days_bytes,
                    days_files: std::mem::take(&mut self.day_plan.existing),
                }));
            }
            Stage::Ended => panic!("a checkpoint that is durable or failed has no next step"),
        };
        Ok(None)
    }

    /// Takes all steps after the last chunk.
    ///
    /// # Errors
    /// Returns an error if the disk refuses; the attempt is over.
    pub fn finish(mut self) -> Result<WrittenCheckpoint, WriteError> {
        loop {
            if let Some(written) = self.advance()? {
                return Ok(written);
            }
        }
    }

    /// Removes what was written. What the disk does not let go, the next attempt removes.
    pub fn discard(self) {
        remove_temporary(&*self.disk, self.dir);
    }

    fn write_days(&mut self, file: SectionWriter) -> Result<Stage, WriteError> {
        let closed: Vec<CompressedDay> = std::mem::take(&mut self.day_plan.closed);
        if closed.is_empty() {
            return Ok(Stage::DaysDurable(file));
        }
        let written = days::write_file(&self.disk, self.dir, self.name.sequence, &closed);
        let (days_file, days) = self.or_end(written, "write the closed days of")?;
        self.days_bytes = days.bytes();
        Ok(Stage::DaysWritten(file, days_file, days))
    }

    /// Writes everything that follows the chunks.
    fn complete(&mut self, file: &mut SectionWriter) -> io::Result<FileSummary> {
        let days = days::write_sections(&self.day_plan.open, file)?;
        let body = self.body.write(file)?;
        let index = Index {
            head: self.head_section.clone(),
            layouts: self.layouts.iter().map(|layout| (layout.page_bytes, layout.pages)).collect(),
            chunks: std::mem::take(&mut self.chunks),
            days,
            body,
            days_files: self.day_plan.existing.clone(),
        };
        file.complete(&sealed(container::encode(&index), self.key.as_ref()))
    }

    /// Ends the attempt if a step failed; the file is closed.
    fn or_end<T>(&mut self, result: io::Result<T>, action: &str) -> Result<T, WriteError> {
        result.map_err(|error| {
            self.stage = Stage::Ended;
            WriteError::new(format_args!("{action} {}", self.dir.path(self.name)), &error)
        })
    }
}

/// Removes temporary files as far as the disk permits.
fn remove_temporary(disk: &dyn Disk, dir: PartitionDir) {
    let names = disk.list(&dir.directory()).unwrap_or_default();
    for name in names.iter().filter_map(|name| Name::parse(name)).filter(|name| name.is_temporary) {
        // What stays is never read, and the next attempt tries again.
        let _ = disk.remove(&dir.path(name));
    }
}

/// True if more than half of the bytes are zero. Hashes and packed figures are not, and do not compress.
fn is_sparse(bytes: &[u8]) -> bool {
    // Sums of at most 255 fit a byte, which lets the compiler count many at once.
    let count_zeros = |chunk: &[u8]| chunk.iter().map(|byte| u8::from(*byte == 0)).sum::<u8>();
    let zeros: usize = bytes.chunks(255).map(|chunk| usize::from(count_zeros(chunk))).sum();
    zeros > bytes.len() / 2
}
