//! Marks of partitions without checkpoints, and files that only have their names.

use std::sync::Arc;

use super::world::{DIR, State, head};
use crate::checkpoint::{CheckpointChain, CheckpointKey, CheckpointStore, PartitionDir, StartMark, StartReason};
use crate::disk::MemoryDisk;

const CLEARED: &str = "checkpoints/disbursement-3/cleared";
const BEGUN: &str = "checkpoints/disbursement-3/begun";

fn store(disk: &MemoryDisk, byte: u8) -> CheckpointStore {
    CheckpointStore::with_key(Arc::new(disk.clone()), CheckpointKey::new([byte; 32], head(0).key_id))
}

fn mark(reason: StartReason, first_offset: i64) -> StartMark {
    StartMark { reason, first_offset }
}

/// Paths that the store refuses as marks if `cleared` has this content.
fn refused(content: &[u8]) -> Vec<String> {
    let disk = MemoryDisk::default();
    disk.put(CLEARED, content.to_vec());
    let (found, refused) = store(&disk, 7).start_mark(DIR);
    assert_eq!(found, None);
    refused
}

#[test]
fn a_cleared_partition_has_nothing_but_its_mark() {
    let disk = MemoryDisk::default();
    let store = store(&disk, 7);
    State::made_up(1, 4, 2).write(&store, &mut CheckpointChain::default()).unwrap();
    store.clear(DIR, &mark(StartReason::ForcedRebuild, 50)).unwrap();
    assert_eq!(disk.paths(), [CLEARED]);
    assert_eq!(store.start_mark(DIR), (Some(mark(StartReason::ForcedRebuild, 50)), Vec::new()));
}

#[test]
fn a_file_that_anybody_can_make_is_no_mark() {
    let disk = MemoryDisk::default();
    store(&disk, 7).mark_start(DIR, &mark(StartReason::Rebuild, 50)).unwrap();
    let genuine = String::from_utf8(disk.read(CLEARED).unwrap()).unwrap();
    assert!(store(&disk, 7).start_mark(DIR).0.is_some());
    let edited = genuine.replace("50", "51");
    let (line, hash) = genuine.split_once('\n').unwrap();
    let plain = format!("{line}\n{}\n", blake3::hash(line.as_bytes()).to_hex());
    for content in ["", "\n", "\n\n", &edited, &plain, line, hash, &format!("{genuine}\n"), &" ".repeat(1 << 20)] {
        assert_eq!(refused(content.as_bytes()), [CLEARED], "{content:.80}");
    }
    assert_eq!(refused(&[0xff; 9]), [CLEARED]);
}

#[test]
fn a_mark_of_another_key_or_partition_is_none() {
    let disk = MemoryDisk::default();
    store(&disk, 8).mark_start(DIR, &mark(StartReason::Rebuild, 50)).unwrap();
    assert_eq!(store(&disk, 7).start_mark(DIR), (None, vec![CLEARED.to_owned()]));
    let other = PartitionDir { partition: 4, ..DIR };
    store(&disk, 7).mark_start(other, &mark(StartReason::Rebuild, 50)).unwrap();
    disk.put(CLEARED, disk.read("checkpoints/disbursement-4/cleared").unwrap());
    assert_eq!(store(&disk, 7).start_mark(DIR), (None, vec![CLEARED.to_owned()]));
}

#[test]
fn a_seal_of_an_index_is_none_of_a_mark() {
    let key = CheckpointKey::new([7; 32], String::new());
    let sealed = crate::checkpoint::seal::sealed(b"text".to_vec(), Some(&key));
    assert_ne!(key.mark_seal("text").as_bytes(), &sealed[4..]);
}

#[test]
fn a_rebuild_counts_before_a_first_start_and_both_are_pruned() {
    let disk = MemoryDisk::default();
    let store = store(&disk, 7);
    store.mark_start(DIR, &mark(StartReason::FirstStart, 9)).unwrap();
    assert_eq!(store.start_mark(DIR).0, Some(mark(StartReason::FirstStart, 9)));
    store.mark_start(DIR, &mark(StartReason::Rebuild, 12)).unwrap();
    assert_eq!(store.start_mark(DIR).0, Some(mark(StartReason::Rebuild, 12)));
    assert_eq!(disk.paths(), [BEGUN, CLEARED]);
    State::made_up(1, 4, 0).write(&store, &mut CheckpointChain::default()).unwrap();
    assert_eq!(store.start_mark(DIR), (None, Vec::new()));
    assert_eq!(disk.paths().len(), 1, "the checkpoint: {:?}", disk.paths());
}
