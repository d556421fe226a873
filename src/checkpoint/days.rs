//! Closed days: each is stored once, in a file of its own, and referred to by later checkpoints.

use std::io;
use std::sync::Arc;

use crate::aggregate::image::ClosedDay;
use crate::clock::Timestamp;

use super::compression::{CompressedBytes, FAST, THOROUGH};
use super::container::{self, DAYS, SectionReader, SectionWriter};
use super::damage::Damage;
use super::index::{DayEntry, DaysFile};
use super::names::{Name, PartitionDir};
use crate::disk::{Disk, SyncedFile};

/// Maximum number of files that a checkpoint refers to. Beyond it, all closed days are written into one new file.
pub(super) const MAX_FILES: usize = 32;

/// Assignment of an image's days to files.
pub(super) struct DayPlan {
    /// Existing files to refer to, each with those of its days that the image has.
    pub existing: Vec<DaysFile>,
    /// Closed days for a new file.
    pub closed: Vec<CompressedDay>,
    /// Days that may still change, for the checkpoint itself.
    pub open: Vec<CompressedDay>,
}

pub(super) struct CompressedDay {
    start: Timestamp,
    content: CompressedBytes,
}

/// Plans where to store `days`; `known` are the files that earlier checkpoints of the same state refer to.
pub(super) fn plan(known: &[DaysFile], days: &[ClosedDay]) -> io::Result<DayPlan> {
    let closed_starts: Vec<Timestamp> = days.iter().filter(|day| day.is_closed).map(|day| day.start).collect();
    let needed = |file: &DaysFile| file.starts.iter().copied().filter(|start| closed_starts.contains(start)).collect();
    let mut existing: Vec<DaysFile> =
        known.iter().map(|file| DaysFile { starts: needed(file), ..file.clone() }).collect();
    existing.retain(|file| !file.starts.is_empty());
    let is_stored = |existing: &[DaysFile], start| existing.iter().any(|file| file.starts.contains(&start));
    let needs_file = closed_starts.iter().any(|start| !is_stored(&existing, *start));
    if existing.len() + usize::from(needs_file) > MAX_FILES {
        existing.clear();
    }
    let new = days.iter().filter(|day| day.is_closed && !is_stored(&existing, day.start));
    let closed = new.map(|day| compress(day, THOROUGH)).collect::<io::Result<_>>()?;
    let open = days.iter().filter(|day| !day.is_closed).map(|day| compress(day, FAST)).collect::<io::Result<_>>()?;
    Ok(DayPlan { existing, closed, open })
}

fn compress(day: &ClosedDay, level: i32) -> io::Result<CompressedDay> {
    Ok(CompressedDay { start: day.start, content: CompressedBytes::new(&day.content.encode(), level)? })
}

/// Writes each day as a section.
pub(super) fn write_sections(days: &[CompressedDay], file: &mut SectionWriter) -> io::Result<Vec<DayEntry>> {
    days.iter().map(|day| Ok(DayEntry { start: day.start, content: day.content.write(file)? })).collect()
}

/// Writes and syncs a file of closed days; renaming it is left to the caller.
pub(super) fn write_file(
    disk: &Arc<dyn Disk>,
    dir: PartitionDir,
    sequence: u64,
    days: &[CompressedDay],
) -> io::Result<(SyncedFile, DaysFile)> {
    let mut file = SectionWriter::create(disk, dir.path(Name::days(sequence)), &DAYS)?;
    let entries = write_sections(days, &mut file)?;
    let summary = file.complete(&container::encode(&entries))?;
    let file = file.sync()?;
    let starts = days.iter().map(|day| day.start).collect();
    Ok((file, DaysFile { sequence, bytes: summary.bytes, root_hash: summary.root_hash, starts }))
}

/// Reads the days of `file.starts`, each with its start.
pub(super) fn read_file(
    disk: &Arc<dyn Disk>,
    dir: PartitionDir,
    file: &DaysFile,
) -> Result<Vec<(Timestamp, Vec<u8>)>, Damage> {
    let name = Name::days(file.sequence);
    let read = || {
        let reader = SectionReader::open(disk.open(&dir.path(name))?, &DAYS)?;
        // Before anything else of the file is read: its lengths are those that the checkpoint has proven.
        if (reader.summary.bytes, reader.summary.root_hash) != (file.bytes, file.root_hash) {
            return Err(Damage::Malformed("not the file that the checkpoint refers to"));
        }
        let entries: Vec<DayEntry> = container::decode(&reader.index()?, "index")?;
        let offsets = reader.offsets(entries.iter().map(|entry| &entry.content.section))?;
        let find = |start: &Timestamp| entries.iter().zip(&offsets).find(|(entry, _)| entry.start == *start);
        let read_day = |start: &Timestamp| {
            let (entry, offset) = find(start).ok_or(Damage::Malformed("a day is missing"))?;
            Ok((*start, entry.content.read(&reader, *offset, "closed day")?))
        };
        file.starts.iter().map(read_day).collect()
    };
    read().map_err(|damage| Damage::Days { name: name.to_string(), damage: Box::new(damage) })
}
