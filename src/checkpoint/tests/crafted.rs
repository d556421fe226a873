//! Files with right hashes and wrong content, as a bug or an attacker would write them.

use crate::clock::Timestamp;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index as At;

use super::disks::WatchingDisk;
use super::world::{DIR, State, store};
use crate::checkpoint::container::{self, CHECKPOINT, DAYS, Format, SectionReader, SectionWriter, hash};
use crate::checkpoint::index::{DayEntry, Index};
use crate::checkpoint::names::Name;
use crate::checkpoint::seal::{sealed, split};
use crate::checkpoint::{CheckpointChain, CheckpointReader, Damage};
use crate::disk::Disk;

/// More than the tables of any file here (bytes).
const LARGE: u64 = 1 << 24;

fn state() -> State {
    State::made_up(1, 6, 2)
}

/// Returns a disk with one checkpoint and its file of closed days.
fn disk() -> WatchingDisk {
    let disk = WatchingDisk::default();
    state().write(&store(&disk), &mut CheckpointChain::default()).unwrap();
    disk
}

/// The sections and the index of a checkpoint.
#[derive(Clone)]
struct Crafted {
    sections: Vec<Vec<u8>>,
    index: Index,
}

impl Crafted {
    fn read(disk: &WatchingDisk) -> Self {
        let file = disk.open(&DIR.path(Name::checkpoint(1))).unwrap();
        let reader = SectionReader::open(file, &CHECKPOINT).unwrap();
        let index: Index = container::decode(split(&reader.index().unwrap()).unwrap().0, "index").unwrap();
        let offsets = index.check(&reader).unwrap();
        let starts = [offsets.head].into_iter().chain(offsets.chunks).chain(offsets.days).chain([offsets.body]);
        let chunks = index.chunks.iter().map(|chunk| &chunk.section);
        let days = index.days.iter().map(|day| &day.content.section);
        let sections = [&index.head].into_iter().chain(chunks).chain(days).chain([&index.body.section]);
        let sections = starts.zip(sections).map(|(at, section)| reader.read(at, section, "section").unwrap()).collect();
        Self { sections, index }
    }

    fn put(&self, disk: &WatchingDisk) -> Result<(CheckpointReader, Option<State>), Damage> {
        put(disk, Name::checkpoint(1), &CHECKPOINT, &self.sections, &sealed(container::encode(&self.index), None));
        read(disk)
    }
}

/// Writes a file with a right footer and root hash.
fn put(disk: &WatchingDisk, name: Name, format: &Format, sections: &[Vec<u8>], index: &[u8]) {
    let mut file = SectionWriter::create(&(Arc::new(disk.clone()) as Arc<dyn Disk>), DIR.path(name), format).unwrap();
    sections.iter().for_each(|section| _ = file.write_section(section).unwrap());
    file.complete(index).unwrap();
    file.sync().unwrap().rename().unwrap().sync_directory().unwrap();
}

/// Reads everything, except tables that are too large for a test.
fn read(disk: &WatchingDisk) -> Result<(CheckpointReader, Option<State>), Damage> {
    let reader = store(disk).open(DIR, 1)?;
    let room: u64 = reader.layouts().iter().map(|layout| layout.bytes()).sum();
    assert!(room <= reader.bytes() * 32 * 1_024, "{room} bytes of pages claimed by a file of {}", reader.bytes());
    let state = if room < LARGE { Some(State::read(&reader, 1)?) } else { None };
    Ok((reader, state))
}

/// Numbers that provoke overflows.
fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..4_u64,
        0..2_000_u64,
        any::<u64>(),
        (0..64_u32, 0..3_u64).prop_map(|(shift, less)| (1_u64 << shift).wrapping_sub(less))
    ]
}

/// Replaces one number of an index.
fn change(crafted: &mut Crafted, what: u8, at: usize, number: u64) {
    let Index { layouts, chunks, days, body, days_files, head } = &mut crafted.index;
    let short = number as u32;
    let chunk = at % chunks.len();
    let (layout, range, day) = (at % layouts.len(), at % chunks[chunk].ranges.len(), at % days.len());
    match what % 16 {
        0 => layouts[layout].0 = short,
        1 => layouts[layout].1 = short,
        2 => chunks[chunk].ranges[range].0 = short as u16,
        3 => chunks[chunk].ranges[range].1 = short,
        4 => chunks[chunk].ranges[range].2 = short,
        5 => chunks[chunk].section.length = number,
        6 => chunks[chunk].is_compressed ^= true,
        7 => days[day].start = Timestamp::from_millis(number as i64),
        8 => days[day].content.bytes = number,
        9 => days[day].content.section.length = number,
        10 => body.bytes = number,
        11 => body.section.length = number,
        12 => head.length = number,
        13 => days_files[0].bytes = number,
        14 => days_files[0].starts[0] = Timestamp::from_millis(number as i64),
        _ => days_files[0].sequence = number,
    }
}

#[test]
fn a_file_written_again_is_identical() {
    let disk = disk();
    let before = disk.0.read(&DIR.path(Name::checkpoint(1)));
    let (_, read) = Crafted::read(&disk).put(&disk).unwrap();
    assert_eq!(read, Some(state()));
    assert_eq!(disk.0.read(&DIR.path(Name::checkpoint(1))), before);
}

#[test]
fn implausible_lengths_are_refused_before_allocation() {
    let refused = |what: u8, number: u64| {
        let disk = disk();
        let mut crafted = Crafted::read(&disk);
        crafted.sections.last_mut().unwrap().truncate(0);
        crafted.index.body.section = container::Section { length: 0, hash: hash(&[]) };
        change(&mut crafted, what, 0, number);
        crafted.put(&disk).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(refused(10, 1), "is inconsistent: length of a section");
    assert_eq!(refused(10, u64::MAX), "is inconsistent: length of a section");
    assert_eq!(refused(8, 1 << 40), "is inconsistent: length of a section");
    assert_eq!(refused(5, u64::MAX), "is inconsistent: sections exceed the file");
    assert_eq!(refused(0, u32::MAX.into()), "is inconsistent: length of a chunk");
    assert_eq!(refused(1, u32::MAX.into()), "is inconsistent: pages missing or present twice");
    assert_eq!(refused(4, u32::MAX.into()), "is inconsistent: length of a chunk");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused(
        bytes in vec(any::<u8>(), 0..400),
        after in prop::sample::select(vec![&b""[..], b"PACEMETER CHECKPOINT\n\x01\0\0\0"]),
    ) {
        let disk = WatchingDisk::default();
        disk.0.put(&DIR.path(Name::checkpoint(1)), [after, &bytes].concat());
        prop_assert!(read(&disk).is_err());
    }

    #[test]
    fn arbitrary_sections_under_a_right_footer_are_refused(
        section in vec(any::<u8>(), 0..200),
        index in vec(any::<u8>(), 0..200),
    ) {
        let disk = WatchingDisk::default();
        put(&disk, Name::checkpoint(1), &CHECKPOINT, &[section], &index);
        prop_assert!(read(&disk).is_err());
    }

    /// A changed index may be consistent; then it still describes the same body, and days that exist.
    #[test]
    fn a_changed_index_is_refused_or_consistent(changes in vec((any::<At>(), any::<u8>(), 0..3_u8), 1..4)) {
        let disk = disk();
        let crafted = Crafted::read(&disk);
        let mut index = container::encode(&crafted.index);
        for (at, byte, how) in changes {
            let at = at.index(index.len());
            match how {
                0 => index[at] = byte,
                1 => index.insert(at, byte),
                _ => _ = index.remove(at),
            }
        }
        put(&disk, Name::checkpoint(1), &CHECKPOINT, &crafted.sections, &index);
        if let Ok((reader, _)) = read(&disk) {
            prop_assert_eq!(container::encode(&container::decode::<Index>(&index, "index").unwrap()), index);
            prop_assert_eq!(reader.body(), &state().body[..]);
            let contents: Vec<_> = state().days.into_values().map(|(content, _)| content).collect();
            prop_assert!(reader.days().iter().all(|(_, content)| contents.contains(content)));
        }
    }

    #[test]
    fn wrong_numbers_never_panic(changes in vec((any::<u8>(), 0..100_usize, any_number()), 1..3)) {
        let disk = disk();
        let mut crafted = Crafted::read(&disk);
        changes.into_iter().for_each(|(what, at, number)| change(&mut crafted, what, at, number));
        if let Ok((reader, _)) = crafted.put(&disk) {
            prop_assert_eq!(reader.body(), &state().body[..]);
        }
    }

    #[test]
    fn missing_repeated_or_swapped_entries_never_panic(what in 0..9_u8, one in any::<At>(), other in any::<At>()) {
        let disk = disk();
        let mut crafted = Crafted::read(&disk);
        let index = &mut crafted.index;
        let (a, b) = (one.index(index.chunks.len()), other.index(index.chunks.len()));
        match what {
            0 => _ = index.chunks.remove(a),
            1 => index.chunks.insert(a, index.chunks[b].clone()),
            2 => index.chunks.swap(a, b),
            3 => _ = index.days.remove(one.index(2)),
            4 => index.days.push(index.days[0].clone()),
            5 => _ = index.layouts.pop(),
            6 => index.layouts.push((0, 5)),
            7 => index.days_files.push(index.days_files[0].clone()),
            _ => index.chunks[a].ranges.reverse(),
        }
        let is_same = *index == Crafted::read(&disk).index;
        let result = crafted.put(&disk);
        match what {
            2 | 8 => {
                let equal = result.is_ok_and(|(_, read)| read == Some(state()));
                prop_assert!(!is_same || equal);
            }
            _ => prop_assert!(result.is_err()),
        }
    }

    /// The hash of the changed section is right; the length that it decompresses to is still checked.
    #[test]
    fn changed_sections_never_panic(
        section in any::<At>(),
        changes in vec((any::<At>(), any::<u8>()), 1..4),
        length in prop::option::of(any::<At>()),
    ) {
        let disk = disk();
        let mut crafted = Crafted::read(&disk);
        let number = section.index(crafted.sections.len());
        let bytes = &mut crafted.sections[number];
        changes.into_iter().for_each(|(at, byte)| { let at = at.index(bytes.len()); bytes[at] = byte });
        bytes.truncate(length.map_or(bytes.len(), |length| length.index(bytes.len())));
        let changed = container::Section { length: bytes.len() as u64, hash: hash(bytes) };
        let Index { head, chunks, days, body, .. } = &mut crafted.index;
        let chunks_end = 1 + chunks.len();
        match number {
            0 => *head = changed,
            _ if number < chunks_end => chunks[number - 1].section = changed,
            _ if number < chunks_end + days.len() => days[number - chunks_end].content.section = changed,
            _ => body.section = changed,
        }
        if let Ok((reader, read)) = crafted.put(&disk) {
            prop_assert_eq!(reader.layouts(), state().layouts());
            prop_assert_eq!(reader.body().len(), state().body.len());
            prop_assert_eq!(read.unwrap().days.len(), state().days.len());
        }
    }

    /// A checkpoint refers to closed days by the root hash of their file, so no other file is accepted, however intact.
    #[test]
    fn another_file_of_closed_days_is_refused(
        at in any::<At>(),
        byte in any::<u8>(),
        number in any_number(),
        what in 0..4_u8,
    ) {
        let disk = disk();
        let path = DIR.path(Name::days(1));
        let original = disk.0.read(&path).unwrap();
        let reader = SectionReader::open(disk.open(&path).unwrap(), &DAYS).unwrap();
        let mut entries: Vec<DayEntry> = container::decode(&reader.index().unwrap(), "index").unwrap();
        let offsets = reader.offsets(entries.iter().map(|entry| &entry.content.section)).unwrap();
        let contents = entries.iter().zip(offsets);
        let read_day = |(entry, at): (&DayEntry, u64)| reader.read(at, &entry.content.section, "day").unwrap();
        let mut sections: Vec<_> = contents.map(read_day).collect();
        let day = at.index(entries.len());
        match what {
            0 => {
                let at = at.index(sections[day].len());
                sections[day][at] = byte;
                entries[day].content.section.hash = hash(&sections[day]);
            }
            1 => entries[day].start = Timestamp::from_millis(number as i64),
            2 => entries[day].content.bytes = number,
            _ => entries[day].content.section.length = number,
        }
        put(&disk, Name::days(1), &DAYS, &sections, &container::encode(&entries));
        let is_same = disk.0.read(&path) == Some(original);
        prop_assert_eq!(read(&disk).is_ok(), is_same);
    }
}

#[test]
fn an_empty_checkpoint_is_read() {
    let disk = WatchingDisk::default();
    let nothing = State { body: Vec::new(), tables: Vec::new(), days: Default::default(), ..state() };
    nothing.write(&store(&disk), &mut CheckpointChain::default()).unwrap();
    let (_, read) = Crafted::read(&disk).put(&disk).unwrap();
    assert_eq!(read, Some(nothing));
}
