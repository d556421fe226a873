//! Closed days: written once into a file of their own, and referred to by the checkpoints that follow.

use std::io;
use std::sync::Arc;

use crate::aggregate::image::ClosedDay;
use crate::clock::Millis;

use super::container::{self, DAYS, SectionReader, SectionWriter};
use super::damage::Damage;
use super::index::{DayEntry, DaysFile};
use super::names::{Name, PartitionDir};
use super::packed::{Packed, QUICK, THOROUGH};
use crate::disk::{Disk, SyncedFile};

/// Files that a checkpoint refers to. Beyond that all closed days are written anew, into one.
pub(super) const MOST_FILES: usize = 32;

/// Where each day of an image goes.
pub(super) struct Plan {
    /// Files that hold days of the image already, with those days alone.
    pub referred: Vec<DaysFile>,
    /// Closed days for a new file.
    pub closed: Vec<PackedDay>,
    /// Days that are not closed.
    pub open: Vec<PackedDay>,
}

pub(super) struct PackedDay {
    start: Millis,
    content: Packed,
}

/// `known` are the files that the state's checkpoints refer to so far.
pub(super) fn plan(known: &[DaysFile], days: &[ClosedDay]) -> io::Result<Plan> {
    let closed_starts: Vec<Millis> = days.iter().filter(|day| day.is_closed).map(|day| day.start).collect();
    let held = |file: &DaysFile| file.starts.iter().copied().filter(|start| closed_starts.contains(start)).collect();
    let mut referred: Vec<DaysFile> =
        known.iter().map(|file| DaysFile { starts: held(file), ..file.clone() }).collect();
    referred.retain(|file| !file.starts.is_empty());
    let is_held = |referred: &[DaysFile], start| referred.iter().any(|file| file.starts.contains(&start));
    let has_new = closed_starts.iter().any(|start| !is_held(&referred, *start));
    if referred.len() + usize::from(has_new) > MOST_FILES {
        referred.clear();
    }
    let new = days.iter().filter(|day| day.is_closed && !is_held(&referred, day.start));
    let closed = new.map(|day| pack(day, THOROUGH)).collect::<io::Result<_>>()?;
    let open = days.iter().filter(|day| !day.is_closed).map(|day| pack(day, QUICK)).collect::<io::Result<_>>()?;
    Ok(Plan { referred, closed, open })
}

fn pack(day: &ClosedDay, level: i32) -> io::Result<PackedDay> {
    Ok(PackedDay { start: day.start, content: Packed::new(&day.content.encode(), level)? })
}

/// Writes days as parts, one after the other.
pub(super) fn write_parts(days: &[PackedDay], file: &mut SectionWriter) -> io::Result<Vec<DayEntry>> {
    days.iter().map(|day| Ok(DayEntry { start: day.start, content: day.content.write(file)? })).collect()
}

/// Writes a whole file of closed days under its temporary name, and sees to it that it stays.
pub(super) fn write_file(
    disk: &Arc<dyn Disk>,
    dir: PartitionDir,
    sequence: u64,
    days: &[PackedDay],
) -> io::Result<(SyncedFile, DaysFile)> {
    let mut file = SectionWriter::begin(disk, dir.path(Name::days(sequence)), &DAYS)?;
    let entries = write_parts(days, &mut file)?;
    let whole = file.end(&container::encode(&entries))?;
    let file = file.sync()?;
    let starts = days.iter().map(|day| day.start).collect();
    Ok((file, DaysFile { sequence, bytes: whole.bytes, root: whole.root, starts }))
}

/// The days that `file` is referred to for.
pub(super) fn read_file(
    disk: &Arc<dyn Disk>,
    dir: PartitionDir,
    file: &DaysFile,
) -> Result<Vec<(Millis, Vec<u8>)>, Damage> {
    let name = Name::days(file.sequence);
    let read = || {
        let (reader, index) = SectionReader::open(disk.open(&dir.path(name))?, &DAYS)?;
        if (reader.whole.bytes, reader.whole.root) != (file.bytes, file.root) {
            return Err(Damage::MalformedState("not the file that was referred to"));
        }
        let entries: Vec<DayEntry> = container::parse(&index, "index")?;
        let places = reader.places(entries.iter().map(|entry| &entry.content.part))?;
        let find = |start: &Millis| entries.iter().zip(&places).find(|(entry, _)| entry.start == *start);
        let read_day = |start: &Millis| {
            let (entry, at) = find(start).ok_or(Damage::MalformedState("a day is missing"))?;
            Ok((*start, entry.content.read(&reader, *at, "closed day")?))
        };
        file.starts.iter().map(read_day).collect()
    };
    read().map_err(|damage| Damage::Days { name: name.to_string(), damage: Box::new(damage) })
}
