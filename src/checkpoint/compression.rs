//! Sections compressed with zstd, and a bound on how much they may expand to.

use std::io;

use serde::{Deserialize, Serialize};

use super::container::{Section, SectionReader, SectionWriter};
use super::damage::Damage;

/// zstd level for what every checkpoint writes again.
pub(super) const FAST: i32 = 1;
/// zstd level for what is written once.
pub(super) const THOROUGH: i32 = 6;

/// Maximum number of bytes that one stored byte can stand for: zstd stores 128 KiB of one repeated value in four bytes.
const MAX_EXPANSION: u64 = 32 * 1_024;

/// Location of compressed bytes, as stored in an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CompressedSection {
    /// Length without compression.
    pub bytes: u64,
    pub section: Section,
}

/// Compressed bytes that are not written yet.
pub(super) struct CompressedBytes {
    bytes: u64,
    stored: Vec<u8>,
}

impl CompressedBytes {
    pub(super) fn new(bytes: &[u8], level: i32) -> io::Result<Self> {
        Ok(Self { bytes: bytes.len() as u64, stored: zstd::bulk::compress(bytes, level)? })
    }

    pub(super) fn write(&self, file: &mut SectionWriter) -> io::Result<CompressedSection> {
        Ok(CompressedSection { bytes: self.bytes, section: file.write_section(&self.stored)? })
    }
}

impl CompressedSection {
    /// True if the stored bytes can expand to the length claimed; must be checked before memory is allocated for it.
    pub(super) fn is_plausible(&self) -> bool {
        can_expand_to(self.section.length, self.bytes)
    }

    pub(super) fn read(&self, file: &SectionReader, offset: u64, name: &'static str) -> Result<Vec<u8>, Damage> {
        if !self.is_plausible() {
            return Err(Damage::Malformed(name));
        }
        let stored = file.read(offset, &self.section, name)?;
        let mut bytes = Vec::new();
        Decompressor::new()?.decompress(&stored, self.bytes, &mut bytes, name)?;
        Ok(bytes)
    }
}

pub(super) fn can_expand_to(stored: u64, bytes: u64) -> bool {
    bytes <= stored.saturating_mul(MAX_EXPANSION)
}

/// Keeps zstd's working memory from one section to the next.
pub(super) struct Decompressor(zstd::bulk::Decompressor<'static>);

impl Decompressor {
    pub(super) fn new() -> Result<Self, Damage> {
        Ok(Self(zstd::bulk::Decompressor::new()?))
    }

    /// Replaces the content of `buffer` by what was stored, which must come to exactly `bytes`.
    pub(super) fn decompress(
        &mut self,
        stored: &[u8],
        bytes: u64,
        buffer: &mut Vec<u8>,
        name: &'static str,
    ) -> Result<(), Damage> {
        let capacity = usize::try_from(bytes).map_err(|_| Damage::Malformed(name))?;
        buffer.clear();
        buffer.try_reserve_exact(capacity).map_err(|_| Damage::Malformed(name))?;
        let length = self.0.decompress_to_buffer(stored, buffer);
        if length.is_ok_and(|length| length as u64 == bytes) { Ok(()) } else { Err(Damage::Malformed(name)) }
    }
}
