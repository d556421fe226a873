//! A checkpoint that is being read.

use std::sync::Arc;

use crate::aggregate::image::TableLayout;
use crate::clock::Timestamp;

use super::container::{self, CHECKPOINT, Section, SectionReader};
use super::damage::Damage;
use super::days;
use super::fill;
use super::head::{Head, unproven_key_id};
use super::index::{DaysFile, Index, SectionOffsets};
use super::names::{Name, PartitionDir};
use super::seal::{self, SealTrust};
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
    /// Opens a checkpoint that is trusted.
    pub(super) fn open(
        disk: &Arc<dyn Disk>,
        dir: PartitionDir,
        sequence: u64,
        trust: &SealTrust,
    ) -> Result<Self, Damage> {
        let (file, index) = open_index(disk, dir, sequence, trust)?;
        let offsets = index.check(&file)?;
        let head = Head::decode(file.read(offsets.head, &index.head, "head")?, file.version)?;
        if (head.dir(), head.sequence) != (dir, sequence) {
            let name = |dir: PartitionDir, sequence: u64| format!("{dir} number {sequence}");
            return Err(Damage::Misplaced { found: name(head.dir(), head.sequence), expected: name(dir, sequence) });
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

    /// Format version of the file.
    pub fn version(&self) -> u32 {
        self.file.version
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
pub(super) fn references(
    disk: &Arc<dyn Disk>,
    dir: PartitionDir,
    sequence: u64,
    trust: &SealTrust,
) -> Result<Vec<u64>, Damage> {
    let (_, index) = open_index(disk, dir, sequence, trust)?;
    Ok(index.days_files.iter().map(|file| file.sequence).collect())
}

/// Opens a file and decodes its index, once its seal is compared: whoever has no key decides nothing that is decoded.
fn open_index(
    disk: &Arc<dyn Disk>,
    dir: PartitionDir,
    sequence: u64,
    trust: &SealTrust,
) -> Result<(SectionReader, Index), Damage> {
    let file = SectionReader::open(disk.open(&dir.path(Name::checkpoint(sequence)))?, &CHECKPOINT)?;
    let is_sealed = file.version >= seal::FIRST_VERSION;
    if !is_sealed && !trust.accepts_unsealed {
        return Err(Damage::Unsealed { found: file.version });
    }
    let bytes = file.index()?;
    if !is_sealed {
        let index = container::decode(&bytes, "index")?;
        return Ok((file, index));
    }
    let (index, seal) = seal::split(&bytes).ok_or(Damage::Malformed("index"))?;
    if let Some(key) = trust.key.as_ref().filter(|key| !seal::fits(index, seal, key)) {
        return Err(match other_key_id(&file, index) {
            Some(found) if found != key.pseudonym_key_id => Damage::OtherKey { found },
            _ => Damage::Checksum("seal"),
        });
    }
    let index = container::decode(index, "index")?;
    Ok((file, index))
}

/// Maximum length of a head whose seal does not fit, and of what is read of it for the id of its key (bytes).
const MAX_UNPROVEN_HEAD_BYTES: u64 = 64 * 1_024 * 1_024;
const UNPROVEN_START_BYTES: u64 = 64 * 1_024;

/// Key id in the head of a file whose seal does not fit; `None` if the head is damaged.
fn other_key_id(file: &SectionReader, index: &[u8]) -> Option<String> {
    // The head is the first section, and its entry the first in the index.
    let (head, _) = postcard::take_from_bytes::<Section>(index).ok()?;
    if head.length > MAX_UNPROVEN_HEAD_BYTES {
        return None;
    }
    file.compare(file.start, &head, "head").ok()?;
    let mut start = vec![0; head.length.min(UNPROVEN_START_BYTES) as usize];
    file.read_unchecked(file.start, &mut start).ok()?;
    unproven_key_id(&start).map(str::to_owned)
}
