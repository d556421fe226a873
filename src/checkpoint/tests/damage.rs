//! Files that decay: a checkpoint is used exactly as it was written, or not at all.

use super::world::{DIR, State, newest, restored, store, survivor};
use crate::checkpoint::container::hash;
use crate::checkpoint::names::Name;
use crate::checkpoint::store::MAX_CHECKPOINTS;
use crate::checkpoint::{CheckpointChain, Damage, PartitionDir};
use crate::disk::{Disk as _, MemoryDisk};
use crate::record::Stream;

struct Pair {
    disk: MemoryDisk,
    older: State,
    newer: State,
}

/// Two checkpoints, each with a file of closed days; the newer one refers to both files.
fn pair() -> Pair {
    let disk = MemoryDisk::default();
    let (older, newer) = (State::made_up(1, 4, 1), State::made_up(2, 4, 2));
    let mut chain = CheckpointChain::default();
    older.write(&store(&disk), &mut chain).unwrap();
    newer.write(&store(&disk), &mut chain).unwrap();
    Pair { disk, older, newer }
}

/// Returns the state that can still be restored when a file has other bytes.
fn survivor_with(pair: &Pair, name: Name, bytes: Vec<u8>) -> Option<State> {
    let path = DIR.path(name);
    let original = pair.disk.read(&path).unwrap();
    pair.disk.put(&path, bytes);
    let survivor = survivor(&store(&pair.disk));
    pair.disk.put(&path, original);
    survivor
}

/// Returns each file with the state that must survive its damage.
fn expected(pair: &Pair) -> [(Name, Option<State>); 4] {
    let (older, newer) = (Some(pair.older.clone()), Some(pair.newer.clone()));
    [(Name::checkpoint(2), older.clone()), (Name::days(2), older), (Name::checkpoint(1), newer), (Name::days(1), None)]
}

#[test]
fn every_bit_of_every_file_is_checked() {
    let pair = pair();
    for (name, expected) in expected(&pair) {
        let original = pair.disk.read(&DIR.path(name)).unwrap();
        for at in 0..original.len() {
            for mask in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
                let mut bytes = original.clone();
                bytes[at] ^= mask;
                assert_eq!(survivor_with(&pair, name, bytes), expected, "byte {at} of {name} with {mask:#x}");
            }
        }
    }
    assert_eq!(survivor(&store(&pair.disk)), Some(pair.newer));
}

#[test]
fn a_file_of_another_length_is_refused() {
    let pair = pair();
    for (name, expected) in expected(&pair) {
        let original = pair.disk.read(&DIR.path(name)).unwrap();
        for length in 0..original.len() {
            assert_eq!(
                survivor_with(&pair, name, original[..length].to_vec()),
                expected,
                "{name} truncated to {length}"
            );
            assert_eq!(
                survivor_with(&pair, name, original[original.len() - length..].to_vec()),
                expected,
                "the last {length} of {name}"
            );
        }
        for more in [&original[..1], &[0; 4_096], &original] {
            assert_eq!(
                survivor_with(&pair, name, [&original, more].concat()),
                expected,
                "{name} with {} more",
                more.len()
            );
        }
    }
}

#[test]
fn unwritten_blocks_are_detected() {
    let pair = pair();
    for (name, expected) in expected(&pair) {
        let original = pair.disk.read(&DIR.path(name)).unwrap();
        for start in 0..original.len() {
            for length in [8, 64, original.len()] {
                let mut bytes = original.clone();
                let end = (start + length).min(original.len());
                bytes[start..end].fill(0);
                if bytes != original {
                    assert_eq!(survivor_with(&pair, name, bytes), expected, "zeros at {start} to {end} of {name}");
                }
            }
        }
    }
}

#[test]
fn missing_closed_days_damage_every_checkpoint_with_them() {
    for (number, expected) in [(2, Some(pair().older)), (1, None)] {
        let pair = pair();
        let path = DIR.path(Name::days(number));
        pair.disk.remove(&path).unwrap();
        let found = newest(&store(&pair.disk));
        let (name, damage) = &found.damaged[0];
        assert_eq!(name, &Name::checkpoint(2).to_string());
        assert_eq!((damage.kind(), damage.is_permanent()), ("days", true));
        assert_eq!(
            damage.to_string(),
            format!("refers to {}, which cannot be read: entity not found", Name::days(number))
        );
        assert_eq!(survivor(&store(&pair.disk)), expected);
    }
}

#[test]
fn damaged_checkpoints_are_pruned_and_not_counted() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    let mut chain = CheckpointChain::default();
    (1..=3).for_each(|seed| _ = State::made_up(seed, 4, 0).write(&store, &mut chain).unwrap());
    disk.put(&DIR.path(Name::checkpoint(3)), b"PACEMETER".to_vec());
    let mut found = newest(&store);
    assert_eq!(
        found.damaged.iter().map(|(name, damage)| (name.clone(), damage.kind())).collect::<Vec<_>>(),
        [(Name::checkpoint(3).to_string(), "unfinished")]
    );
    found.chain.resume_from(&found.reader.unwrap());
    State::made_up(4, 4, 0).write(&store, &mut found.chain).unwrap();
    let listing = store.list(DIR).unwrap();
    assert_eq!((listing.checkpoints.len(), listing.checkpoints), (MAX_CHECKPOINTS, vec![4, 2, 1]));
}

#[test]
fn a_newer_format_is_neither_skipped_nor_pruned() {
    let pair = pair();
    for (name, known) in [(Name::checkpoint(2), 6), (Name::days(2), 1)] {
        let path = DIR.path(name);
        let original = pair.disk.read(&path).unwrap();
        let magic = original.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let preamble = [&original[..magic], &7_u32.to_le_bytes()].concat();
        let newer = [&preamble[..], &hash(&preamble)[..7], &original[magic + 11..]].concat();
        pair.disk.put(&path, newer);
        let mut found = newest(&store(&pair.disk));
        assert!(found.reader.is_none(), "what a newer program wrote must not be discarded");
        let (shown, damage) = found.damaged.pop().unwrap();
        assert_eq!((shown, damage.is_newer(), damage.is_permanent()), (Name::checkpoint(2).to_string(), true, false));
        let message = format!("was written by a newer pacemeter: its format is 7, this one reads up to {known}");
        assert!(damage.to_string().ends_with(&message), "{damage}");
        pair.disk.put(&path, original);
    }
    assert_eq!(restored(&store(&pair.disk)), Some(pair.newer));
}

#[test]
fn the_checkpoint_of_another_partition_is_refused() {
    let pair = pair();
    let other = PartitionDir { stream: Stream::Call, partition: 0 };
    pair.disk.put(&other.path(Name::checkpoint(1)), pair.disk.read(&DIR.path(Name::checkpoint(1))).unwrap());
    let store = store(&pair.disk);
    assert_eq!(store.partitions().unwrap().len(), 2);
    let Err(damage) = store.open(other, 1) else { panic!("it was reader") };
    assert_eq!(damage.to_string(), "belongs to disbursement-3 number 1, not to call-0 number 1");
    assert!(matches!(damage, Damage::Misplaced { .. }) && !damage.is_permanent());
    pair.disk.put(&DIR.path(Name::checkpoint(7)), pair.disk.read(&DIR.path(Name::checkpoint(1))).unwrap());
    let Err(damage) = store.open(DIR, 7) else { panic!("it was reader") };
    assert_eq!(damage.to_string(), "belongs to disbursement-3 number 1, not to disbursement-3 number 7");
}

#[test]
fn foreign_files_are_left_alone() {
    let pair = pair();
    for name in ["notes.txt", "3.checkpoint", "00000000000000000009.checkpoint.bak"] {
        pair.disk.put(&format!("checkpoints/{DIR}/{name}"), vec![1]);
    }
    let mut chain = newest(&store(&pair.disk)).chain;
    (3..8).for_each(|seed| _ = State::made_up(seed, 4, 0).write(&store(&pair.disk), &mut chain).unwrap());
    let foreign = pair.disk.paths().into_iter().filter(|path| pair.disk.read(path) == Some(vec![1])).count();
    assert_eq!(foreign, 3);
    assert_eq!(store(&pair.disk).list(DIR).unwrap().checkpoints, [7, 6, 5]);
}
