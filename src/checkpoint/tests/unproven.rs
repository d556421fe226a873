//! Checkpoints of another key, of formats without a seal, and of other places: they stay, and decide nothing.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::sealed::{forge, store};
use super::world::{DIR, State, head};
use crate::checkpoint::names::Name;
use crate::checkpoint::store::MAX_GAP;
use crate::checkpoint::{CheckpointChain, CheckpointKey, CheckpointStore, Damage, Head, PartitionDir};
use crate::disk::{Disk as _, MemoryDisk};

fn path(sequence: u64) -> String {
    DIR.path(Name::checkpoint(sequence))
}

/// A disk with so many checkpoints of key 7.
fn disk(checkpoints: u64) -> (MemoryDisk, CheckpointChain) {
    let (disk, mut chain) = (MemoryDisk::default(), CheckpointChain::default());
    (1..=checkpoints).for_each(|number| _ = state(number).write(&store(&disk, 7), &mut chain).unwrap());
    (disk, chain)
}

fn state(number: u64) -> State {
    State::made_up(number, 4, number as i64)
}

/// Puts a golden file of an older format under a number.
fn put_golden(disk: &MemoryDisk, version: u32, sequence: u64) {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (extension, name) in [("checkpoint", Name::checkpoint(sequence)), ("days", Name::days(1))] {
        let content = fs::read(directory.join(format!("checkpoint-v{version}.{extension}"))).unwrap();
        disk.put(&DIR.path(name), content);
    }
}

#[test]
fn a_key_id_that_is_edited_proves_nothing() {
    let (disk, _) = disk(2);
    forge(&disk, 2, |head| Head { key_id: "c8f31cc6a9e6ff41".to_owned(), first_offset: 900, ..head });
    let found = store(&disk, 7).newest(DIR).unwrap();
    assert_eq!(found.reader.unwrap().head().sequence, 1, "an older one of our own key is used");
    let [(_, Damage::OtherKey { found })] = &found.damaged[..] else { panic!("{:?}", found.damaged) };
    assert_eq!(found, "c8f31cc6a9e6ff41");
}

#[test]
fn a_checkpoint_of_another_pseudonym_key_is_named_as_such() {
    let (disk, _) = disk(1);
    for key in [CheckpointKey::new([8; 32], "another".to_owned()), CheckpointKey::unknown()] {
        let opened = CheckpointStore::with_key(Arc::new(disk.clone()), key).open(DIR, 1);
        let damage = opened.err().expect("it is not proven");
        assert!(matches!(&damage, Damage::OtherKey { found } if *found == head(0).key_id), "{damage}");
        assert!(!damage.is_permanent(), "the key may come back");
    }
}

#[test]
fn a_key_id_of_any_length_or_text_is_damage() {
    for key_id in ["a".repeat(65), "a".repeat(100_000), "\u{202e}".to_owned(), "a b".to_owned()] {
        let (disk, _) = disk(1);
        forge(&disk, 1, |head| Head { key_id, ..head });
        assert!(matches!(store(&disk, 7).open(DIR, 1), Err(Damage::Checksum("seal"))));
    }
}

#[test]
fn a_planted_checkpoint_displaces_none_and_stays() {
    let (disk, _) = disk(3);
    let other = disk.read(&path(3)).unwrap();
    for sequence in 4..=6 {
        disk.put(&path(sequence), other.clone());
    }
    forge(&disk, 3, |head| Head { key_id: "other".to_owned(), sequence: 7, ..head });
    disk.rename(&path(3), &path(7)).unwrap();
    let days = disk.read(&DIR.path(Name::days(1))).unwrap();
    put_golden(&disk, 4, 8);
    disk.put(&DIR.path(Name::days(1)), days);
    let store = store(&disk, 7);
    let found = store.newest(DIR).unwrap();
    assert_eq!(found.reader.unwrap().head().sequence, 2);
    let kinds: Vec<_> = found.damaged.iter().map(|(_, damage)| damage.kind()).collect();
    assert_eq!(kinds, ["unsealed", "other_key", "misplaced", "misplaced", "misplaced"]);
    let mut chain = found.chain;
    state(9).write(&store, &mut chain).unwrap();
    assert_eq!(store.list(DIR).unwrap().checkpoints, [9, 8, 7, 6, 5, 4, 2, 1]);
}

#[test]
fn checkpoints_of_another_key_alone_age_out() {
    let (disk, _) = disk(3);
    let store = CheckpointStore::with_key(Arc::new(disk.clone()), CheckpointKey::new([8; 32], "another".to_owned()));
    let mut chain = store.newest(DIR).unwrap().chain;
    (4..=5).for_each(|number| _ = state(number).write(&store, &mut chain).unwrap());
    assert_eq!(store.list(DIR).unwrap().checkpoints, [5, 4, 3], "they are kept until three others are there");
}

#[test]
fn formats_without_a_seal_are_refused_unread_unless_accepted() {
    for version in 1..=4 {
        let disk = MemoryDisk::default();
        put_golden(&disk, version, 1);
        let damage = store(&disk, 7).open(DIR, 1).err().expect("it is not accepted");
        assert!(matches!(damage, Damage::Unsealed { found } if found == version), "{damage}");
        assert!(!damage.is_permanent() && store(&disk, 7).newest(DIR).unwrap().reader.is_none());
        let found = store(&disk, 7).accepting_unsealed(true).newest(DIR).unwrap();
        assert!(found.reader.is_some_and(|reader| !reader.is_sealed()) && found.damaged.is_empty());
        // Neither pages nor index are looked at.
        disk.put(
            &path(1),
            disk.read(&path(1))
                .unwrap()
                .iter()
                .enumerate()
                .map(|(at, byte)| if at < 32 || at + 96 >= 1_000 { *byte } else { 0 })
                .collect(),
        );
        assert!(matches!(store(&disk, 7).open(DIR, 1), Err(Damage::Unsealed { .. })));
    }
    for version in 5..=6 {
        let disk = MemoryDisk::default();
        put_golden(&disk, version, 1);
        assert!(store(&disk, 7).open(DIR, 1).is_err(), "it has the seal of no key");
    }
}

#[test]
fn an_accepted_format_without_a_seal_never_beats_a_sealed_one() {
    let (disk, _) = disk(1);
    let sealed = disk.read(&DIR.path(Name::days(1))).unwrap();
    put_golden(&disk, 4, 2);
    disk.put(&DIR.path(Name::days(1)), sealed);
    let found = store(&disk, 7).accepting_unsealed(true).newest(DIR).unwrap();
    assert_eq!(found.reader.unwrap().head().sequence, 1);
    assert_eq!(found.damaged.len(), 1);
}

#[test]
fn the_greatest_gap_is_counted_and_one_more_is_not() {
    let (disk, _) = disk(1);
    let store = store(&disk, 7);
    disk.put(&path(1 + MAX_GAP + 1), Vec::new());
    assert_eq!(store.list(DIR).unwrap().highest, 1);
    disk.put(&path(1 + MAX_GAP), Vec::new());
    assert_eq!(store.list(DIR).unwrap().highest, 1 + MAX_GAP + 1, "a chain of names counts");
    let mut chain = store.newest(DIR).unwrap().chain;
    let written = state(2).write(&store, &mut chain).unwrap();
    assert_eq!(written.head.sequence, MAX_GAP + 3);
    assert_eq!(store.newest(DIR).unwrap().reader.unwrap().head().sequence, MAX_GAP + 3);
    assert_eq!(store.list(DIR).unwrap().checkpoints, [MAX_GAP + 3, 1], "planted names are damaged, and go");
}

#[test]
fn a_sealed_checkpoint_of_another_partition_is_none_of_this_one() {
    let (disk, _) = disk(2);
    let other = PartitionDir { partition: DIR.partition + 1, ..DIR };
    for sequence in [2, 5] {
        disk.put(&other.path(Name::checkpoint(sequence)), disk.read(&path(2)).unwrap());
        assert!(matches!(store(&disk, 7).open(other, sequence), Err(Damage::Misplaced { .. })));
    }
    let found = store(&disk, 7).newest(other).unwrap();
    assert!(found.reader.is_none() && found.damaged.len() == 2);
}
