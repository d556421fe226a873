//! The file format that checkpoints and files of closed days share: sections between a preamble and an index.
//!
//! The layout is drawn in the documentation of [`crate::checkpoint`]. Sections lie back to back from the preamble to
//! the index, and the index stores lengths, not offsets. An index can therefore not describe bytes that overlap, are
//! skipped, or do not exist.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::damage::Damage;
use crate::disk::{AtomicFile, Disk, DiskReader, SyncedFile};

/// A kind of file.
pub(super) struct Format {
    magic: &'static [u8],
    /// Version that is written, and the newest that can be read.
    version: u32,
}

pub(super) const CHECKPOINT: Format = Format { magic: b"PACEMETER CHECKPOINT\n", version: 6 };
pub(super) const DAYS: Format = Format { magic: b"PACEMETER CLOSED DAYS\n", version: 1 };

const END_MAGIC: &[u8; 8] = b"PACE END";
const VERSION_BYTES: usize = 4;
const PREAMBLE_HASH_BYTES: usize = 7;
/// Maximum length of an index (bytes). One of a state of a terabyte has less.
const MAX_INDEX_BYTES: u64 = 64 * 1_024 * 1_024;
/// Maximum length of any other section, with its compression (bytes).
const MAX_SECTION_BYTES: u64 = 1_024 * 1_024 * 1_024;
/// Bytes that are read at once to compare a hash.
const PIECE_BYTES: u64 = 256 * 1_024;
/// Three numbers, two hashes and the end magic.
const FOOTER_BYTES: usize = 3 * 8 + 2 * 32 + END_MAGIC.len();

pub(super) type Hash = [u8; 32];

/// Length and hash of a section, as stored in an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Section {
    /// Stored length (bytes).
    pub length: u64,
    pub hash: Hash,
}

pub(super) fn hash(bytes: &[u8]) -> Hash {
    *blake3::hash(bytes).as_bytes()
}

impl Format {
    fn preamble(&self, version: u32) -> Vec<u8> {
        let mut preamble = [self.magic, &version.to_le_bytes()].concat();
        let hash = hash(&preamble);
        preamble.extend_from_slice(&hash[..PREAMBLE_HASH_BYTES]);
        preamble
    }

    fn preamble_bytes(&self) -> usize {
        self.magic.len() + VERSION_BYTES + PREAMBLE_HASH_BYTES
    }

    /// Returns the version of a file that begins with this preamble.
    fn check(&self, preamble: &[u8]) -> Result<u32, Damage> {
        let version = preamble
            .strip_prefix(self.magic)
            .and_then(|rest| rest.first_chunk())
            .map(|bytes| u32::from_le_bytes(*bytes));
        let version = version.ok_or(Damage::Foreign)?;
        if self.preamble(version) != preamble || version == 0 {
            return Err(Damage::Checksum("preamble"));
        }
        if version > self.version {
            return Err(Damage::Newer { found: version, known: self.version });
        }
        Ok(version)
    }
}

/// A file that is being written.
pub(super) struct SectionWriter {
    file: AtomicFile,
    length: u64,
}

/// Length and root hash of a complete file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileSummary {
    pub bytes: u64,
    pub root_hash: Hash,
}

impl SectionWriter {
    pub(super) fn create(disk: &Arc<dyn Disk>, path: String, format: &Format) -> io::Result<Self> {
        let mut writer = Self { file: AtomicFile::create(Arc::clone(disk), path)?, length: 0 };
        writer.append(&format.preamble(format.version))?;
        Ok(writer)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.append(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Writes a section; an error if it is longer than any that is read.
    pub(super) fn write_section(&mut self, bytes: &[u8]) -> io::Result<Section> {
        check_length(bytes.len() as u64, MAX_SECTION_BYTES).map_err(io::Error::other)?;
        let section = Section { length: bytes.len() as u64, hash: hash(bytes) };
        self.append(bytes)?;
        Ok(section)
    }

    /// Writes the index and the footer.
    pub(super) fn complete(&mut self, index: &[u8]) -> io::Result<FileSummary> {
        check_length(index.len() as u64, MAX_INDEX_BYTES).map_err(io::Error::other)?;
        let root_hash = hash(index);
        let summary = FileSummary { bytes: self.length + (index.len() + FOOTER_BYTES) as u64, root_hash };
        let location = [self.length.to_le_bytes(), (index.len() as u64).to_le_bytes()].concat();
        let fields = [&location[..], &root_hash, &summary.bytes.to_le_bytes()].concat();
        let footer = [&fields[..], &hash(&fields), END_MAGIC].concat();
        self.append(index)?;
        self.append(&footer)?;
        Ok(summary)
    }

    /// Makes the content durable; the remaining steps are those of [`crate::disk`].
    pub(super) fn sync(self) -> io::Result<SyncedFile> {
        self.file.sync()
    }
}

/// A file of which preamble and footer are intact. Anybody can make such a file, so no length in it is believed: an index
/// is read up to a limit, and other sections only once their index is proven.
pub(super) struct SectionReader {
    file: Box<dyn DiskReader>,
    pub summary: FileSummary,
    /// Format version of the file.
    pub version: u32,
    /// Offset of the first section.
    pub start: u64,
    /// Offset of the index.
    end: u64,
    /// Length of the index (bytes).
    index_bytes: u64,
}

impl SectionReader {
    pub(super) fn open(file: Box<dyn DiskReader>, format: &Format) -> Result<Self, Damage> {
        let bytes = file.len()?;
        let start = format.preamble_bytes();
        let mut preamble = vec![0; start];
        file.read_exact_at(&mut preamble, 0)?;
        let version = format.check(&preamble)?;
        let start = start as u64;
        let footer_offset =
            bytes.checked_sub(FOOTER_BYTES as u64).filter(|offset| *offset >= start).ok_or(Damage::Unfinished)?;
        let mut footer = [0; FOOTER_BYTES];
        file.read_exact_at(&mut footer, footer_offset)?;
        let (index_offset, index_bytes, root_hash) = read_footer(&footer, bytes)?;
        if index_offset < start || index_offset.checked_add(index_bytes) != Some(footer_offset) {
            return Err(Damage::Malformed("location of the index"));
        }
        Ok(Self { file, summary: FileSummary { bytes, root_hash }, version, start, end: index_offset, index_bytes })
    }

    /// Reads the encoded index and compares its hash, before memory is allocated for its length.
    pub(super) fn index(&self) -> Result<Vec<u8>, Damage> {
        check_length(self.index_bytes, MAX_INDEX_BYTES)?;
        let section = Section { length: self.index_bytes, hash: self.summary.root_hash };
        self.compare(self.end, &section, "index")?;
        self.read(self.end, &section, "index")
    }

    /// Compares the hash of a section, which may lie outside of the file, in pieces.
    pub(super) fn compare(&self, offset: u64, section: &Section, name: &'static str) -> Result<(), Damage> {
        let end = offset.checked_add(section.length).filter(|end| *end <= self.summary.bytes);
        let end = end.ok_or(Damage::Malformed("sections exceed the file"))?;
        let (mut hasher, mut next) = (blake3::Hasher::new(), offset);
        let mut piece = vec![0; PIECE_BYTES.min(section.length) as usize];
        while next < end {
            piece.truncate((end - next).min(PIECE_BYTES) as usize);
            self.read_unchecked(next, &mut piece)?;
            hasher.update(&piece);
            next += piece.len() as u64;
        }
        if hasher.finalize() == section.hash { Ok(()) } else { Err(Damage::Checksum(name)) }
    }

    /// Returns the offset of each section; an error unless together they fill the file from the preamble to the index.
    pub(super) fn offsets<'a>(&self, sections: impl Iterator<Item = &'a Section>) -> Result<Vec<u64>, Damage> {
        let mut next = self.start;
        let mut offsets = Vec::new();
        for section in sections {
            offsets.push(next);
            next = next
                .checked_add(section.length)
                .filter(|next| *next <= self.end)
                .ok_or(Damage::Malformed("sections exceed the file"))?;
        }
        if next != self.end { Err(Damage::Malformed("sections do not fill the file")) } else { Ok(offsets) }
    }

    /// Reads a section, which must lie within the file, and compares its hash.
    pub(super) fn read(&self, offset: u64, section: &Section, name: &'static str) -> Result<Vec<u8>, Damage> {
        check_length(section.length, MAX_SECTION_BYTES)?;
        let length = usize::try_from(section.length).map_err(|_| Damage::Malformed("length of a section"))?;
        let mut bytes = vec![0; length];
        self.read_unchecked(offset, &mut bytes)?;
        check(&bytes, section, name)?;
        Ok(bytes)
    }

    /// Reads bytes without comparing a hash.
    pub(super) fn read_unchecked(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Damage> {
        Ok(self.file.read_exact_at(buffer, offset)?)
    }
}

fn check_length(bytes: u64, limit: u64) -> Result<(), Damage> {
    if bytes <= limit { Ok(()) } else { Err(Damage::Malformed("length of a section")) }
}

pub(super) fn check(bytes: &[u8], section: &Section, name: &'static str) -> Result<(), Damage> {
    if hash(bytes) == section.hash { Ok(()) } else { Err(Damage::Checksum(name)) }
}

/// Returns offset, length and hash of the index.
fn read_footer(footer: &[u8; FOOTER_BYTES], file_bytes: u64) -> Result<(u64, u64, Hash), Damage> {
    let (rest, end) = footer.split_last_chunk::<8>().ok_or(Damage::Unfinished)?;
    if end != END_MAGIC {
        return Err(Damage::Unfinished);
    }
    let (fields, footer_hash) = rest.split_last_chunk::<32>().ok_or(Damage::Unfinished)?;
    if hash(fields) != *footer_hash {
        return Err(Damage::Checksum("footer"));
    }
    let number =
        |at: usize| fields.get(at..).and_then(|rest| rest.first_chunk()).map(|bytes| u64::from_le_bytes(*bytes));
    let root_hash = fields.get(16..).and_then(|rest| rest.first_chunk());
    match (number(0), number(8), root_hash, number(48)) {
        (Some(offset), Some(length), Some(root_hash), Some(bytes)) if bytes == file_bytes => {
            Ok((offset, length, *root_hash))
        }
        _ => Err(Damage::Malformed("length of the file")),
    }
}

/// Decodes a value that fills `bytes` completely.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8], name: &'static str) -> Result<T, Damage> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(Damage::Malformed(name)),
    }
}

pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain values in memory can always be encoded")
}
