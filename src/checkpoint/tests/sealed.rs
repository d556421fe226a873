//! Checkpoints that somebody without the pseudonym key has edited, and made whole again.

use std::sync::Arc;

use super::world::{DIR, State, head};
use crate::checkpoint::container::{self, CHECKPOINT, SectionReader, SectionWriter, hash};
use crate::checkpoint::head::Head;
use crate::checkpoint::index::Index;
use crate::checkpoint::names::Name;
use crate::checkpoint::seal::{self, split};
use crate::checkpoint::{CheckpointChain, CheckpointKey, CheckpointStore, Damage};
use crate::disk::{Disk, MemoryDisk};

pub(super) fn store(disk: &MemoryDisk, byte: u8) -> CheckpointStore {
    CheckpointStore::with_key(Arc::new(disk.clone()), CheckpointKey::new([byte; 32], head(0).key_id))
}

fn state() -> State {
    State::made_up(1, 6, 2)
}

/// A disk with one sealed checkpoint.
fn disk() -> MemoryDisk {
    let disk = MemoryDisk::default();
    state().write(&store(&disk, 7), &mut CheckpointChain::default()).unwrap();
    disk
}

/// Replaces the head, and computes every plain hash again. The seal is the old one.
pub(super) fn forge(disk: &MemoryDisk, sequence: u64, change: impl FnOnce(Head) -> Head) {
    let path = DIR.path(Name::checkpoint(sequence));
    let reader = SectionReader::open(disk.open(&path).unwrap(), &CHECKPOINT).unwrap();
    let bytes = reader.index().unwrap();
    let (index, old_seal) = split(&bytes).unwrap();
    let mut index: Index = container::decode(index, "index").unwrap();
    let offsets = index.check(&reader).unwrap();
    let end = disk.read(&path).unwrap().len() - reader.summary.bytes as usize;
    assert_eq!(end, 0);
    let head = Head::decode(reader.read(offsets.head, &index.head, "head").unwrap(), reader.version).unwrap();
    let head = container::encode(&change(head));
    let rest_start = offsets.head + index.head.length;
    let rest_length = index.chunks.iter().map(|chunk| chunk.section.length).sum::<u64>()
        + index.days.iter().map(|day| day.content.section.length).sum::<u64>()
        + index.body.section.length;
    let mut rest = vec![0; rest_length as usize];
    reader.read_unchecked(rest_start, &mut rest).unwrap();
    index.head = container::Section { length: head.len() as u64, hash: hash(&head) };
    let mut file = SectionWriter::create(&(Arc::new(disk.clone()) as Arc<dyn Disk>), path, &CHECKPOINT).unwrap();
    file.write_section(&head).unwrap();
    file.write_section(&rest).unwrap();
    file.complete(&[&container::encode(&index), old_seal].concat()).unwrap();
    file.sync().unwrap().rename().unwrap().sync_directory().unwrap();
}

#[test]
fn a_checkpoint_edited_without_the_key_is_damaged() {
    let disk = disk();
    forge(&disk, 1, |head| head);
    assert!(store(&disk, 7).open(DIR, 1).unwrap().is_sealed(), "written again as it was");
    forge(&disk, 1, |head| Head { last_cut: None, records: head.records + 1, ..head });
    assert!(matches!(store(&disk, 7).open(DIR, 1), Err(Damage::Checksum("seal"))));
    assert!(CheckpointStore::new(Arc::new(disk)).open(DIR, 1).is_ok(), "every plain hash is right");
}

#[test]
fn a_seal_of_another_key_or_none_is_refused() {
    assert!(store(&disk(), 8).open(DIR, 1).is_err());
    let disk = MemoryDisk::default();
    state().write(&CheckpointStore::new(Arc::new(disk.clone())), &mut CheckpointChain::default()).unwrap();
    assert!(store(&disk, 7).open(DIR, 1).is_err());
}

#[test]
fn every_byte_of_a_seal_counts() {
    let key = CheckpointKey::new([7; 32], String::new());
    let sealed = seal::sealed(b"index".to_vec(), Some(&key));
    let (index, seal) = split(&sealed).unwrap();
    assert!(seal::fits(index, seal, &key));
    for at in 0..seal.len() {
        let mut other = seal.to_vec();
        other[at] ^= 1;
        assert!(!seal::fits(index, &other, &key));
    }
    assert!(split(&sealed[..31]).is_none());
}

#[test]
fn planted_names_use_up_no_numbers_and_displace_nothing() {
    let disk = disk();
    let store = store(&disk, 7);
    for sequence in [u64::MAX >> 1, (u64::MAX >> 1) - 1, (u64::MAX >> 1) - 2] {
        disk.put(&DIR.path(Name::checkpoint(sequence)), Vec::new());
    }
    let mut chain = store.chain(DIR).unwrap();
    for number in 2..6 {
        let written = state().write(&store, &mut chain).unwrap();
        assert_eq!(written.head.sequence, number);
    }
    let found = store.newest(DIR).unwrap();
    assert_eq!(found.reader.unwrap().head().sequence, 5);
    // Once known to be damaged, they go.
    let mut chain = found.chain;
    state().write(&store, &mut chain).unwrap();
    assert_eq!(store.list(DIR).unwrap().checkpoints, [6, 5, 4]);
}
