//! A file of parts: what checkpoints and files of closed days have in common.
//!
//! ```text
//! preamble   magic, version (u32), 7 bytes of the BLAKE3 hash of both
//! parts      one right after the other
//! index      says how long each part is and its BLAKE3 hash, and so where it lies
//! footer     offset and length of the index, its BLAKE3 hash (the root), length of the file; the BLAKE3 hash of these; the end's magic
//! ```
//!
//! Numbers are little-endian. Every byte is compared or covered by a hash, and the root stands for the whole. Since parts lie one after the
//! other from the preamble to the index, an index cannot speak of bytes that overlap, are skipped, or are not there.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::damage::Damage;
use crate::disk::{AtomicFile, Disk, DiskReader, SyncedFile};

/// What a file begins with.
pub(super) struct Format {
    magic: &'static [u8],
    /// Written; and the newest that is read.
    version: u32,
}

pub(super) const CHECKPOINT: Format = Format { magic: b"PACEMETER CHECKPOINT\n", version: 2 };
pub(super) const DAYS: Format = Format { magic: b"PACEMETER CLOSED DAYS\n", version: 1 };

const END: &[u8; 8] = b"PACE END";
const VERSION_BYTES: usize = 4;
const PREAMBLE_CHECK_BYTES: usize = 7;
/// Three numbers and two hashes, and the end.
const FOOTER_BYTES: usize = 3 * 8 + 2 * 32 + END.len();

pub(super) type Hash = [u8; 32];

/// A part of a file, as the index tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Section {
    /// As stored (bytes).
    pub length: u64,
    pub hash: Hash,
}

pub(super) fn hash(bytes: &[u8]) -> Hash {
    *blake3::hash(bytes).as_bytes()
}

impl Format {
    fn preamble(&self, version: u32) -> Vec<u8> {
        let mut preamble = [self.magic, &version.to_le_bytes()].concat();
        let check = hash(&preamble);
        preamble.extend_from_slice(&check[..PREAMBLE_CHECK_BYTES]);
        preamble
    }

    fn preamble_bytes(&self) -> usize {
        self.magic.len() + VERSION_BYTES + PREAMBLE_CHECK_BYTES
    }

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

/// A file while it is written.
pub(super) struct SectionWriter {
    file: AtomicFile,
    at: u64,
}

/// A file that was written to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FinishedFile {
    pub bytes: u64,
    pub root: Hash,
}

impl SectionWriter {
    pub(super) fn begin(disk: &Arc<dyn Disk>, path: String, format: &Format) -> io::Result<Self> {
        let mut writer = Self { file: AtomicFile::create(Arc::clone(disk), path)?, at: 0 };
        writer.append(&format.preamble(format.version))?;
        Ok(writer)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.append(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn part(&mut self, bytes: &[u8]) -> io::Result<Section> {
        let part = Section { length: bytes.len() as u64, hash: hash(bytes) };
        self.append(bytes)?;
        Ok(part)
    }

    /// Writes the index and the footer.
    pub(super) fn end(&mut self, index: &[u8]) -> io::Result<FinishedFile> {
        let root = hash(index);
        let whole = FinishedFile { bytes: self.at + (index.len() + FOOTER_BYTES) as u64, root };
        let numbers = [self.at.to_le_bytes(), (index.len() as u64).to_le_bytes()].concat();
        let told = [&numbers[..], &root, &whole.bytes.to_le_bytes()].concat();
        let footer = [&told[..], &hash(&told), END].concat();
        self.append(index)?;
        self.append(&footer)?;
        Ok(whole)
    }

    /// Makes the content durable; the remaining steps are those of [`crate::disk`].
    pub(super) fn sync(self) -> io::Result<SyncedFile> {
        self.file.sync()
    }
}

/// A file whose preamble, footer and index hold.
pub(super) struct SectionReader {
    file: Box<dyn DiskReader>,
    pub whole: FinishedFile,
    /// Of its format.
    pub version: u32,
    /// Where the first part begins, and where the index does.
    first: u64,
    end: u64,
}

impl SectionReader {
    /// Gives the index too.
    pub(super) fn open(file: Box<dyn DiskReader>, format: &Format) -> Result<(Self, Vec<u8>), Damage> {
        let bytes = file.len()?;
        let first = format.preamble_bytes();
        let mut preamble = vec![0; first];
        file.read_exact_at(&mut preamble, 0)?;
        let version = format.check(&preamble)?;
        let first = first as u64;
        let footer_at = bytes.checked_sub(FOOTER_BYTES as u64).filter(|at| *at >= first).ok_or(Damage::Unfinished)?;
        let mut footer = [0; FOOTER_BYTES];
        file.read_exact_at(&mut footer, footer_at)?;
        let (index_at, index_bytes, root) = read_footer(&footer, bytes)?;
        if index_at < first || index_at.checked_add(index_bytes) != Some(footer_at) {
            return Err(Damage::MalformedState("the footer's place of the index"));
        }
        let reader = Self { file, whole: FinishedFile { bytes, root }, version, first, end: index_at };
        let index = reader.read(index_at, &Section { length: index_bytes, hash: root }, "index")?;
        Ok((reader, index))
    }

    /// Where each part begins, one after the other.
    pub(super) fn places<'a>(&self, parts: impl Iterator<Item = &'a Section>) -> Result<Vec<u64>, Damage> {
        let mut at = self.first;
        let mut places = Vec::new();
        for part in parts {
            places.push(at);
            at = at
                .checked_add(part.length)
                .filter(|at| *at <= self.end)
                .ok_or(Damage::MalformedState("parts go beyond the file"))?;
        }
        if at != self.end { Err(Damage::MalformedState("parts do not fill the file")) } else { Ok(places) }
    }

    /// A part that lies within the file, checked.
    pub(super) fn read(&self, at: u64, part: &Section, name: &'static str) -> Result<Vec<u8>, Damage> {
        let mut bytes = vec![0; usize::try_from(part.length).map_err(|_| Damage::MalformedState("a part's length"))?];
        self.read_raw(at, &mut bytes)?;
        check(&bytes, part, name)?;
        Ok(bytes)
    }

    /// Bytes that nothing has checked yet.
    pub(super) fn read_raw(&self, at: u64, buffer: &mut [u8]) -> Result<(), Damage> {
        Ok(self.file.read_exact_at(buffer, at)?)
    }
}

pub(super) fn check(bytes: &[u8], part: &Section, name: &'static str) -> Result<(), Damage> {
    if hash(bytes) == part.hash { Ok(()) } else { Err(Damage::Checksum(name)) }
}

/// Offset, length and hash of the index.
fn read_footer(footer: &[u8; FOOTER_BYTES], file_bytes: u64) -> Result<(u64, u64, Hash), Damage> {
    let (rest, end) = footer.split_last_chunk::<8>().ok_or(Damage::Unfinished)?;
    if end != END {
        return Err(Damage::Unfinished);
    }
    let (told, footer_hash) = rest.split_last_chunk::<32>().ok_or(Damage::Unfinished)?;
    if hash(told) != *footer_hash {
        return Err(Damage::Checksum("footer"));
    }
    let number = |at: usize| told.get(at..).and_then(|rest| rest.first_chunk()).map(|bytes| u64::from_le_bytes(*bytes));
    let root = told.get(16..).and_then(|rest| rest.first_chunk());
    match (number(0), number(8), root, number(48)) {
        (Some(at), Some(length), Some(root), Some(bytes)) if bytes == file_bytes => Ok((at, length, *root)),
        _ => Err(Damage::MalformedState("the footer's length of the file")),
    }
}

/// What postcard wrote, and nothing behind it.
pub(super) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], name: &'static str) -> Result<T, Damage> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(Damage::MalformedState(name)),
    }
}

/// Plain values in memory always have a form.
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("values without maps of unknown length, in memory")
}
