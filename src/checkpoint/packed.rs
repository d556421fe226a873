//! Compression, and how much it may hide.

use std::io;

use serde::{Deserialize, Serialize};
use zstd::bulk::Decompressor;

use super::container::{Section, SectionReader, SectionWriter};
use super::damage::Damage;

/// For what is written again and again.
pub(super) const QUICK: i32 = 1;
/// For what is written once.
pub(super) const THOROUGH: i32 = 6;

/// The most bytes that one byte can stand for: zstd writes 128 KiB of one value in four bytes.
const MOST_EXPANSION: u64 = 32 * 1_024;

/// A part that is compressed with zstd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PackedSection {
    /// Without compression.
    pub bytes: u64,
    pub part: Section,
}

/// Bytes on their way to a part.
pub(super) struct Packed {
    bytes: u64,
    stored: Vec<u8>,
}

impl Packed {
    pub(super) fn new(bytes: &[u8], level: i32) -> io::Result<Self> {
        Ok(Self { bytes: bytes.len() as u64, stored: zstd::bulk::compress(bytes, level)? })
    }

    pub(super) fn write(&self, file: &mut SectionWriter) -> io::Result<PackedSection> {
        Ok(PackedSection { bytes: self.bytes, part: file.part(&self.stored)? })
    }
}

impl PackedSection {
    /// Whether so much can come of what is stored; to be asked before room is made for it.
    pub(super) fn is_possible(&self) -> bool {
        is_possible(self.bytes, self.part.length)
    }

    pub(super) fn read(&self, file: &SectionReader, at: u64, name: &'static str) -> Result<Vec<u8>, Damage> {
        if !self.is_possible() {
            return Err(Damage::MalformedState(name));
        }
        let stored = file.read(at, &self.part, name)?;
        let mut bytes = Vec::new();
        Unpacker::new()?.unpack(&stored, self.bytes, &mut bytes, name)?;
        Ok(bytes)
    }
}

pub(super) fn is_possible(bytes: u64, stored: u64) -> bool {
    bytes <= stored.saturating_mul(MOST_EXPANSION)
}

/// Keeps the memory that zstd needs from one part to the next.
pub(super) struct Unpacker(Decompressor<'static>);

impl Unpacker {
    pub(super) fn new() -> Result<Self, Damage> {
        Ok(Self(Decompressor::new()?))
    }

    /// Puts what was stored, which must come to `bytes`, in place of what `buffer` holds.
    pub(super) fn unpack(
        &mut self,
        stored: &[u8],
        bytes: u64,
        buffer: &mut Vec<u8>,
        name: &'static str,
    ) -> Result<(), Damage> {
        let capacity = usize::try_from(bytes).map_err(|_| Damage::MalformedState(name))?;
        buffer.clear();
        buffer.try_reserve_exact(capacity).map_err(|_| Damage::MalformedState(name))?;
        let unpacked = self.0.decompress_to_buffer(stored, buffer);
        if unpacked.is_ok_and(|length| length as u64 == bytes) { Ok(()) } else { Err(Damage::MalformedState(name)) }
    }
}
