//! A checkpoint that was found whole, as far as it was read yet.

use std::sync::Arc;

use crate::aggregate::image::TableLayout;
use crate::clock::Millis;

use super::container::{self, CHECKPOINT, SectionReader};
use super::damage::Damage;
use super::days;
use super::fill;
use super::head::Head;
use super::index::{DaysFile, Index, Places};
use super::names::{Name, PartitionDir};
use crate::disk::Disk;

/// Head, body and days are read and checked; pieces are when they are asked for.
pub struct CheckpointReader {
    file: SectionReader,
    index: Index,
    places: Places,
    head: Head,
    body: Vec<u8>,
    days: Vec<(Millis, Vec<u8>)>,
}

impl CheckpointReader {
    pub(super) fn open(disk: &Arc<dyn Disk>, dir: PartitionDir, sequence: u64) -> Result<Self, Damage> {
        let (file, index) = SectionReader::open(disk.open(&dir.path(Name::checkpoint(sequence)))?, &CHECKPOINT)?;
        let index: Index = container::parse(&index, "index")?;
        let places = index.check(&file)?;
        let head = Head::parse(file.read(places.head, &index.head, "head")?, file.version)?;
        if (head.dir(), head.sequence) != (dir, sequence) {
            let name = |dir: PartitionDir, sequence: u64| format!("{dir} number {sequence}");
            return Err(Damage::Misplaced { found: name(head.dir(), head.sequence), expected: name(dir, sequence) });
        }
        let body = index.body.read(&file, places.body, "body")?;
        let mut days = Vec::new();
        for (day, at) in index.days.iter().zip(&places.days) {
            days.push((day.start, day.content.read(&file, *at, "day")?));
        }
        for referred in &index.closed {
            days.extend(days::read_file(disk, dir, referred)?);
        }
        days.sort_by_key(|(start, _)| *start);
        Ok(Self { file, index, places, head, body, days })
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// All days of the image by their start, closed or not.
    pub fn days(&self) -> &[(Millis, Vec<u8>)] {
        &self.days
    }

    /// By region. What they add up to is in the file.
    pub fn shapes(&self) -> Vec<TableLayout> {
        self.index.shapes()
    }

    /// Of the file.
    pub fn bytes(&self) -> u64 {
        self.file.whole.bytes
    }

    /// The files of closed days that it refers to.
    pub fn closed(&self) -> &[DaysFile] {
        &self.index.closed
    }

    /// The BLAKE3 hash that stands for all of it, in hexadecimal digits.
    pub fn identity(&self) -> String {
        blake3::Hash::from_bytes(self.file.whole.root).to_hex().to_string()
    }

    /// Writes every page into its slice (`regions[region][page]`, of the shape's bytes each), on up to `threads` threads. `progress` is told the bytes
    /// of state that were put in place since it was told last. After damage the slices hold anything.
    ///
    /// # Panics
    /// If the slices are not of the shapes.
    pub fn fill(
        &self,
        regions: &mut [Vec<&mut [u8]>],
        threads: usize,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), Damage> {
        fill::fill(&self.file, &self.index, &self.places.chunks, regions, threads, progress)
    }

    /// Reads and checks everything that [`CheckpointReader::fill`] would, and keeps none of it.
    pub fn verify(&self) -> Result<(), Damage> {
        fill::verify(&self.file, &self.index, &self.places.chunks)
    }
}

/// The files of closed days that a checkpoint refers to, by reading as little of it as tells.
pub(super) fn references(disk: &Arc<dyn Disk>, dir: PartitionDir, sequence: u64) -> Result<Vec<u64>, Damage> {
    let (_, index) = SectionReader::open(disk.open(&dir.path(Name::checkpoint(sequence)))?, &CHECKPOINT)?;
    let index: Index = container::parse(&index, "index")?;
    Ok(index.closed.iter().map(|file| file.sequence).collect())
}
