//! Files that decay: a checkpoint is used as it was written or not at all.

use super::world::{PLACE, State, newest, restored, store, survivor};
use crate::checkpoint::container::hash;
use crate::checkpoint::names::Name;
use crate::checkpoint::{CheckpointChain, Damage, KEPT, PartitionDir};
use crate::disk::{Disk as _, MemoryDisk};
use crate::record::Stream;

struct Pair {
    disk: MemoryDisk,
    older: State,
    newer: State,
}

/// Two checkpoints with a file of closed days each; the newer refers to both.
fn pair() -> Pair {
    let disk = MemoryDisk::default();
    let (older, newer) = (State::made_up(1, 4, 1), State::made_up(2, 4, 2));
    let mut lineage = CheckpointChain::default();
    older.write(&store(&disk), &mut lineage).unwrap();
    newer.write(&store(&disk), &mut lineage).unwrap();
    Pair { disk, older, newer }
}

/// What is left to go on from once a file holds other bytes.
fn left(pair: &Pair, name: Name, bytes: Vec<u8>) -> Option<State> {
    let path = PLACE.path(name);
    let whole = pair.disk.read(&path).unwrap();
    pair.disk.put(&path, bytes);
    let left = survivor(&store(&pair.disk));
    pair.disk.put(&path, whole);
    left
}

/// What must be left once any of these files is damaged.
fn expected(pair: &Pair) -> [(Name, Option<State>); 4] {
    let (older, newer) = (Some(pair.older.clone()), Some(pair.newer.clone()));
    [(Name::checkpoint(2), older.clone()), (Name::days(2), older), (Name::checkpoint(1), newer), (Name::days(1), None)]
}

#[test]
fn every_bit_of_every_file_counts() {
    let pair = pair();
    for (name, expected) in expected(&pair) {
        let whole = pair.disk.read(&PLACE.path(name)).unwrap();
        for at in 0..whole.len() {
            for mask in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
                let mut bytes = whole.clone();
                bytes[at] ^= mask;
                assert_eq!(left(&pair, name, bytes), expected, "byte {at} of {name} with {mask:#x}");
            }
        }
    }
    assert_eq!(survivor(&store(&pair.disk)), Some(pair.newer));
}

#[test]
fn a_file_of_any_other_length_is_refused() {
    let pair = pair();
    for (name, expected) in expected(&pair) {
        let whole = pair.disk.read(&PLACE.path(name)).unwrap();
        for length in 0..whole.len() {
            assert_eq!(left(&pair, name, whole[..length].to_vec()), expected, "{name} cut to {length}");
            assert_eq!(
                left(&pair, name, whole[whole.len() - length..].to_vec()),
                expected,
                "the last {length} of {name}"
            );
        }
        for more in [&whole[..1], &[0; 4_096], &whole] {
            assert_eq!(left(&pair, name, [&whole, more].concat()), expected, "{name} with {} more", more.len());
        }
    }
}

#[test]
fn blocks_that_were_never_written_are_noticed() {
    let pair = pair();
    for (name, expected) in expected(&pair) {
        let whole = pair.disk.read(&PLACE.path(name)).unwrap();
        for start in 0..whole.len() {
            for length in [8, 64, whole.len()] {
                let mut bytes = whole.clone();
                let end = (start + length).min(whole.len());
                bytes[start..end].fill(0);
                if bytes != whole {
                    assert_eq!(left(&pair, name, bytes), expected, "zeros at {start} to {end} of {name}");
                }
            }
        }
    }
}

#[test]
fn a_missing_file_of_closed_days_is_damage_of_all_that_refer_to_it() {
    for (number, expected) in [(2, Some(pair().older)), (1, None)] {
        let pair = pair();
        let path = PLACE.path(Name::days(number));
        pair.disk.remove(&path).unwrap();
        let found = newest(&store(&pair.disk));
        let (name, damage) = &found.damaged[0];
        assert_eq!(name, &Name::checkpoint(2).to_string());
        assert_eq!((damage.kind(), damage.is_for_good()), ("days", true));
        assert_eq!(
            damage.to_string(),
            format!("refers to {}, which cannot be read: entity not found", Name::days(number))
        );
        assert_eq!(survivor(&store(&pair.disk)), expected);
    }
}

#[test]
fn damaged_ones_are_pruned_and_do_not_count_among_those_that_are_kept() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    let mut lineage = CheckpointChain::default();
    (1..=3).for_each(|seed| _ = State::made_up(seed, 4, 0).write(&store, &mut lineage).unwrap());
    disk.put(&PLACE.path(Name::checkpoint(3)), b"PACEMETER".to_vec());
    let mut found = newest(&store);
    assert_eq!(
        found.damaged.iter().map(|(name, damage)| (name.clone(), damage.kind())).collect::<Vec<_>>(),
        [(Name::checkpoint(3).to_string(), "unfinished")]
    );
    found.lineage.follow(&found.opened.unwrap());
    State::made_up(4, 4, 0).write(&store, &mut found.lineage).unwrap();
    let listing = store.list(PLACE).unwrap();
    assert_eq!((listing.checkpoints.len(), listing.checkpoints), (KEPT, vec![4, 2, 1]));
}

#[test]
fn a_newer_format_is_not_passed_over_and_not_pruned() {
    let pair = pair();
    for (name, known) in [(Name::checkpoint(2), 2), (Name::days(2), 1)] {
        let path = PLACE.path(name);
        let whole = pair.disk.read(&path).unwrap();
        let magic = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let preamble = [&whole[..magic], &7_u32.to_le_bytes()].concat();
        let newer = [&preamble[..], &hash(&preamble)[..7], &whole[magic + 11..]].concat();
        pair.disk.put(&path, newer);
        let mut found = newest(&store(&pair.disk));
        assert!(found.opened.is_none(), "what a newer program wrote is not for this one to throw away");
        let (shown, damage) = found.damaged.pop().unwrap();
        assert_eq!((shown, damage.is_newer(), damage.is_for_good()), (Name::checkpoint(2).to_string(), true, false));
        let told = format!("was written by a newer pacemeter: its format is 7, this one reads up to {known}");
        assert!(damage.to_string().ends_with(&told), "{damage}");
        pair.disk.put(&path, whole);
    }
    assert_eq!(restored(&store(&pair.disk)), Some(pair.newer));
}

#[test]
fn the_checkpoint_of_another_partition_is_refused() {
    let pair = pair();
    let other = PartitionDir { stream: Stream::Call, partition: 0 };
    pair.disk.put(&other.path(Name::checkpoint(1)), pair.disk.read(&PLACE.path(Name::checkpoint(1))).unwrap());
    let store = store(&pair.disk);
    assert_eq!(store.places().unwrap().len(), 2);
    let Err(damage) = store.open(other, 1) else { panic!("it was opened") };
    assert_eq!(damage.to_string(), "is of disbursement-3 number 1, not of call-0 number 1");
    assert!(matches!(damage, Damage::Misplaced { .. }) && !damage.is_for_good());
    pair.disk.put(&PLACE.path(Name::checkpoint(7)), pair.disk.read(&PLACE.path(Name::checkpoint(1))).unwrap());
    let Err(damage) = store.open(PLACE, 7) else { panic!("it was opened") };
    assert_eq!(damage.to_string(), "is of disbursement-3 number 1, not of disbursement-3 number 7");
}

#[test]
fn files_that_are_not_ours_are_left_alone() {
    let pair = pair();
    for name in ["notes.txt", "3.checkpoint", "00000000000000000009.checkpoint.bak"] {
        pair.disk.put(&format!("checkpoints/{PLACE}/{name}"), vec![1]);
    }
    let mut lineage = newest(&store(&pair.disk)).lineage;
    (3..8).for_each(|seed| _ = State::made_up(seed, 4, 0).write(&store(&pair.disk), &mut lineage).unwrap());
    let foreign = pair.disk.paths().into_iter().filter(|path| pair.disk.read(path) == Some(vec![1])).count();
    assert_eq!(foreign, 3);
    assert_eq!(store(&pair.disk).list(PLACE).unwrap().checkpoints, [7, 6, 5]);
}
