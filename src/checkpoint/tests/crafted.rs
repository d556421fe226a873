//! Files of which every hash holds and which still are wrong: made by a bug or by somebody who wants to do harm.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index as At;

use super::disks::WatchingDisk;
use super::world::{PLACE, State, store};
use crate::checkpoint::container::{self, CHECKPOINT, DAYS, Format, SectionReader, SectionWriter, hash};
use crate::checkpoint::index::{DayEntry, Index};
use crate::checkpoint::names::Name;
use crate::checkpoint::{CheckpointChain, CheckpointReader, Damage};
use crate::disk::Disk;

/// More than any file here can come to (bytes).
const LARGE: u64 = 1 << 24;

fn state() -> State {
    State::made_up(1, 6, 2)
}

/// Holds the state with its closed days in a file of their own.
fn disk() -> WatchingDisk {
    let disk = WatchingDisk::default();
    state().write(&store(&disk), &mut CheckpointChain::default()).unwrap();
    disk
}

/// A checkpoint taken apart.
#[derive(Clone)]
struct Crafted {
    parts: Vec<Vec<u8>>,
    index: Index,
}

impl Crafted {
    fn read(disk: &WatchingDisk) -> Self {
        let file = disk.open(&PLACE.path(Name::checkpoint(1))).unwrap();
        let (reader, bytes) = SectionReader::open(file, &CHECKPOINT).unwrap();
        let index: Index = container::parse(&bytes, "index").unwrap();
        let places = index.check(&reader).unwrap();
        let starts = [places.head].into_iter().chain(places.chunks).chain(places.days).chain([places.body]);
        let chunks = index.chunks.iter().map(|chunk| &chunk.part);
        let days = index.days.iter().map(|day| &day.content.part);
        let parts = [&index.head].into_iter().chain(chunks).chain(days).chain([&index.body.part]);
        let parts = starts.zip(parts).map(|(at, part)| reader.read(at, part, "part").unwrap()).collect();
        Self { parts, index }
    }

    fn put(&self, disk: &WatchingDisk) -> Result<(CheckpointReader, Option<State>), Damage> {
        put(disk, Name::checkpoint(1), &CHECKPOINT, &self.parts, &container::encode(&self.index));
        read(disk)
    }
}

/// Writes a file whose footer and root are right.
fn put(disk: &WatchingDisk, name: Name, format: &Format, parts: &[Vec<u8>], index: &[u8]) {
    let mut file = SectionWriter::begin(&(Arc::new(disk.clone()) as Arc<dyn Disk>), PLACE.path(name), format).unwrap();
    parts.iter().for_each(|part| _ = file.part(part).unwrap());
    file.end(index).unwrap();
    file.sync().unwrap().rename().unwrap().sync_directory().unwrap();
}

/// Reads all of it, but for pages that come to more than a test has room for.
fn read(disk: &WatchingDisk) -> Result<(CheckpointReader, Option<State>), Damage> {
    let opened = store(disk).open(PLACE, 1)?;
    let room: u64 = opened.shapes().iter().map(|shape| shape.bytes()).sum();
    assert!(room <= opened.bytes() * 32 * 1_024, "{room} bytes of pages in a file of {}", opened.bytes());
    let state = if room < LARGE { Some(State::read(&opened, 1)?) } else { None };
    Ok((opened, state))
}

/// Numbers that break arithmetic.
fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..4_u64,
        0..2_000_u64,
        any::<u64>(),
        (0..64_u32, 0..3_u64).prop_map(|(shift, less)| (1_u64 << shift).wrapping_sub(less))
    ]
}

/// Sets some number of an index to another.
fn change(crafted: &mut Crafted, what: u8, at: usize, number: u64) {
    let Index { shapes, chunks, days, body, closed, head } = &mut crafted.index;
    let short = number as u32;
    let chunk = at % chunks.len();
    let (shape, run, day) = (at % shapes.len(), at % chunks[chunk].runs.len(), at % days.len());
    match what % 16 {
        0 => shapes[shape].0 = short,
        1 => shapes[shape].1 = short,
        2 => chunks[chunk].runs[run].0 = short as u16,
        3 => chunks[chunk].runs[run].1 = short,
        4 => chunks[chunk].runs[run].2 = short,
        5 => chunks[chunk].part.length = number,
        6 => chunks[chunk].is_packed ^= true,
        7 => days[day].start = number as i64,
        8 => days[day].content.bytes = number,
        9 => days[day].content.part.length = number,
        10 => body.bytes = number,
        11 => body.part.length = number,
        12 => head.length = number,
        13 => closed[0].bytes = number,
        14 => closed[0].starts[0] = number as i64,
        _ => closed[0].sequence = number,
    }
}

#[test]
fn what_is_taken_apart_and_put_together_is_the_same() {
    let disk = disk();
    let before = disk.0.read(&PLACE.path(Name::checkpoint(1)));
    let (_, read) = Crafted::read(&disk).put(&disk).unwrap();
    assert_eq!(read, Some(state()));
    assert_eq!(disk.0.read(&PLACE.path(Name::checkpoint(1))), before);
}

#[test]
fn claims_beyond_what_a_file_could_hold_are_refused_before_room_is_made() {
    let refused = |what: u8, number: u64| {
        let disk = disk();
        let mut crafted = Crafted::read(&disk);
        crafted.parts.last_mut().unwrap().truncate(0);
        crafted.index.body.part = container::Section { length: 0, hash: hash(&[]) };
        change(&mut crafted, what, 0, number);
        crafted.put(&disk).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(refused(10, 1), "contradicts itself: a part's length");
    assert_eq!(refused(10, u64::MAX), "contradicts itself: a part's length");
    assert_eq!(refused(8, 1 << 40), "contradicts itself: a part's length");
    assert_eq!(refused(5, u64::MAX), "contradicts itself: parts go beyond the file");
    assert_eq!(refused(0, u32::MAX.into()), "contradicts itself: a piece's length");
    assert_eq!(refused(1, u32::MAX.into()), "contradicts itself: pages that are missing or there twice");
    assert_eq!(refused(4, u32::MAX.into()), "contradicts itself: a piece's length");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused(bytes in vec(any::<u8>(), 0..400), after in prop::sample::select(vec![&b""[..], b"PACEMETER CHECKPOINT\n\x01\0\0\0"])) {
        let disk = WatchingDisk::default();
        disk.0.put(&PLACE.path(Name::checkpoint(1)), [after, &bytes].concat());
        prop_assert!(read(&disk).is_err());
    }

    #[test]
    fn arbitrary_parts_and_index_under_a_right_footer_are_refused(part in vec(any::<u8>(), 0..200), index in vec(any::<u8>(), 0..200)) {
        let disk = WatchingDisk::default();
        put(&disk, Name::checkpoint(1), &CHECKPOINT, &[part], &index);
        prop_assert!(read(&disk).is_err());
    }

    /// Such an index may be right in itself: then it has the same body, and days that were there.
    #[test]
    fn an_index_of_other_bytes_is_refused_or_means_what_it_says(changes in vec((any::<At>(), any::<u8>(), 0..3_u8), 1..4)) {
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
        put(&disk, Name::checkpoint(1), &CHECKPOINT, &crafted.parts, &index);
        if let Ok((opened, _)) = read(&disk) {
            prop_assert_eq!(container::encode(&container::parse::<Index>(&index, "index").unwrap()), index);
            prop_assert_eq!(opened.body(), &state().body[..]);
            let contents: Vec<_> = state().days.into_values().map(|(content, _)| content).collect();
            prop_assert!(opened.days().iter().all(|(_, content)| contents.contains(content)));
        }
    }

    #[test]
    fn numbers_that_do_not_fit_never_panic(changes in vec((any::<u8>(), 0..100_usize, any_number()), 1..3)) {
        let disk = disk();
        let mut crafted = Crafted::read(&disk);
        changes.into_iter().for_each(|(what, at, number)| change(&mut crafted, what, at, number));
        if let Ok((opened, _)) = crafted.put(&disk) {
            prop_assert_eq!(opened.body(), &state().body[..]);
        }
    }

    #[test]
    fn entries_that_are_missing_doubled_or_swapped_never_panic(what in 0..9_u8, one in any::<At>(), other in any::<At>()) {
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
            5 => _ = index.shapes.pop(),
            6 => index.shapes.push((0, 5)),
            7 => index.closed.push(index.closed[0].clone()),
            _ => index.chunks[a].runs.reverse(),
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

    /// A part of which the hash holds is what it says; that it unpacks to as much as the index says is checked all the same.
    #[test]
    fn parts_of_other_bytes_never_panic(part in any::<At>(), changes in vec((any::<At>(), any::<u8>()), 1..4), length in prop::option::of(any::<At>())) {
        let disk = disk();
        let mut crafted = Crafted::read(&disk);
        let number = part.index(crafted.parts.len());
        let bytes = &mut crafted.parts[number];
        changes.into_iter().for_each(|(at, byte)| { let at = at.index(bytes.len()); bytes[at] = byte });
        bytes.truncate(length.map_or(bytes.len(), |length| length.index(bytes.len())));
        let told = container::Section { length: bytes.len() as u64, hash: hash(bytes) };
        let Index { head, chunks, days, body, .. } = &mut crafted.index;
        let pieces_end = 1 + chunks.len();
        match number {
            0 => *head = told,
            _ if number < pieces_end => chunks[number - 1].part = told,
            _ if number < pieces_end + days.len() => days[number - pieces_end].content.part = told,
            _ => body.part = told,
        }
        if let Ok((opened, read)) = crafted.put(&disk) {
            prop_assert_eq!(opened.shapes(), state().shapes());
            prop_assert_eq!(opened.body().len(), state().body.len());
            prop_assert_eq!(read.unwrap().days.len(), state().days.len());
        }
    }

    /// A checkpoint refers to closed days by the hash of their file: no other will do, however whole.
    #[test]
    fn another_file_of_closed_days_is_refused(at in any::<At>(), byte in any::<u8>(), number in any_number(), what in 0..4_u8) {
        let disk = disk();
        let path = PLACE.path(Name::days(1));
        let whole = disk.0.read(&path).unwrap();
        let (reader, index) = SectionReader::open(disk.open(&path).unwrap(), &DAYS).unwrap();
        let mut entries: Vec<DayEntry> = container::parse(&index, "index").unwrap();
        let places = reader.places(entries.iter().map(|entry| &entry.content.part)).unwrap();
        let mut parts: Vec<_> = entries.iter().zip(places).map(|(entry, at)| reader.read(at, &entry.content.part, "day").unwrap()).collect();
        let day = at.index(entries.len());
        match what {
            0 => { let at = at.index(parts[day].len()); parts[day][at] = byte; entries[day].content.part.hash = hash(&parts[day]) }
            1 => entries[day].start = number as i64,
            2 => entries[day].content.bytes = number,
            _ => entries[day].content.part.length = number,
        }
        put(&disk, Name::days(1), &DAYS, &parts, &container::encode(&entries));
        let is_same = disk.0.read(&path) == Some(whole);
        prop_assert_eq!(read(&disk).is_ok(), is_same);
    }
}

#[test]
fn a_checkpoint_of_nothing_at_all_is_read() {
    let disk = WatchingDisk::default();
    let nothing = State { body: Vec::new(), regions: Vec::new(), days: Default::default(), ..state() };
    nothing.write(&store(&disk), &mut CheckpointChain::default()).unwrap();
    let (_, read) = Crafted::read(&disk).put(&disk).unwrap();
    assert_eq!(read, Some(nothing));
}
