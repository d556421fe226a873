//! A checkpoint that is being read.

use std::sync::Arc;

use crate::aggregate::image::TableLayout;
use crate::clock::Timestamp;

use super::container::{self, CHECKPOINT, SectionReader};
use super::damage::Damage;
use super::days;
use super::fill;
use super::head::Head;
use super::index::{DaysFile, Index, SectionOffsets};
use super::names::{Name, PartitionDir};
use super::seal::{self, CheckpointKey};
use crate::disk::Disk;

/// A checkpoint of which head, body and days have been read and checked. Pages are read and checked by
/// [`CheckpointReader::fill`].
pub struct CheckpointReader {
    file: SectionReader,
    index: Index,
    offsets: SectionOffsets,
    head: Head,
    body: Vec<u8>,
    days: Vec<(Timestamp, Vec<u8>)>,
}

impl CheckpointReader {
    /// Opens a checkpoint. Without a key its seal is not compared.
    pub(super) fn open(
        disk: &Arc<dyn Disk>,
        dir: PartitionDir,
        sequence: u64,
        key: Option<&CheckpointKey>,
    ) -> Result<Self, Damage> {
        let (file, bytes) = open_file(disk, dir, sequence)?;
        let (index, seal) = parts(&file, &bytes)?;
        let (index, index_bytes): (Index, _) = (container::decode(index, "index")?, index);
        let offsets = index.check(&file)?;
        let head = Head::decode(file.read(offsets.head, &index.head, "head")?, file.version)?;
        if (head.dir(), head.sequence) != (dir, sequence) {
            let name = |dir: PartitionDir, sequence: u64| format!("{dir} number {sequence}");
            return Err(Damage::Misplaced { found: name(head.dir(), head.sequence), expected: name(dir, sequence) });
        }
        let own_key = key.filter(|key| key.pseudonym_key_id == head.key_id);
        if let Some((seal, key)) = seal.zip(own_key)
            && !seal::fits(index_bytes, seal, key)
        {
            return Err(Damage::Checksum("seal"));
        }
        let body = index.body.read(&file, offsets.body, "body")?;
        let mut days = Vec::new();
        for (day, offset) in index.days.iter().zip(&offsets.days) {
            days.push((day.start, day.content.read(&file, *offset, "day")?));
        }
        for days_file in &index.days_files {
            days.extend(days::read_file(disk, dir, days_file)?);
        }
        days.sort_by_key(|(start, _)| *start);
        Ok(Self { file, index, offsets, head, body, days })
    }

    /// Head of the checkpoint.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Everything that is state but neither pages nor days, encoded.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// All days of the image, closed or not, encoded, in order of their start.
    pub fn days(&self) -> &[(Timestamp, Vec<u8>)] {
        &self.days
    }

    /// Layout of each table. Their total size is bounded by the size of the file.
    pub fn layouts(&self) -> Vec<TableLayout> {
        self.index.layouts()
    }

    /// Length of the checkpoint file (bytes).
    pub fn bytes(&self) -> u64 {
        self.file.summary.bytes
    }

    /// Files of closed days that the checkpoint refers to.
    pub fn days_files(&self) -> &[DaysFile] {
        &self.index.days_files
    }

    /// Returns the root hash (BLAKE3, in hexadecimal digits), which identifies the content of the checkpoint and of its
    /// closed days.
    pub fn root_hash(&self) -> String {
        blake3::Hash::from_bytes(self.file.summary.root_hash).to_hex().to_string()
    }

    /// False if an older version wrote the checkpoint, without a seal: anybody can make such a file.
    pub fn is_sealed(&self) -> bool {
        self.file.version >= seal::FIRST_VERSION
    }

    /// Copies every page to its slice, `tables[table][page]`, on up to `threads` threads.
    ///
    /// `progress` receives the number of bytes that were copied since its last call, from any of the threads.
    ///
    /// # Errors
    /// Returns an error if a chunk is damaged; the slices then hold an arbitrary mixture.
    ///
    /// # Panics
    /// Panics if the slices do not match [`CheckpointReader::layouts`].
    pub fn fill(
        &self,
        tables: &mut [Vec<&mut [u8]>],
        threads: usize,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), Damage> {
        fill::fill(&self.file, &self.index, &self.offsets.chunks, tables, threads, progress)
    }

    /// Reads and checks everything that [`CheckpointReader::fill`] would, and keeps none of it.
    ///
    /// # Errors
    /// Returns an error if a chunk is damaged.
    pub fn verify(&self) -> Result<(), Damage> {
        fill::verify(&self.file, &self.index, &self.offsets.chunks)
    }
}

/// Returns the sequence numbers of the files of closed days that a checkpoint refers to. Reads no more than its index.
pub(super) fn references(disk: &Arc<dyn Disk>, dir: PartitionDir, sequence: u64) -> Result<Vec<u64>, Damage> {
    let (file, bytes) = open_file(disk, dir, sequence)?;
    let index: Index = container::decode(parts(&file, &bytes)?.0, "index")?;
    Ok(index.days_files.iter().map(|file| file.sequence).collect())
}

fn open_file(disk: &Arc<dyn Disk>, dir: PartitionDir, sequence: u64) -> Result<(SectionReader, Vec<u8>), Damage> {
    SectionReader::open(disk.open(&dir.path(Name::checkpoint(sequence)))?, &CHECKPOINT)
}

/// Index of a file, and its seal if its version has one.
fn parts<'a>(file: &SectionReader, bytes: &'a [u8]) -> Result<(&'a [u8], Option<&'a [u8]>), Damage> {
    if file.version < seal::FIRST_VERSION {
        return Ok((bytes, None));
    }
    let (index, seal) = seal::split(bytes).ok_or(Damage::Malformed("index"))?;
    Ok((index, Some(seal)))
}
