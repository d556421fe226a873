//! Files that claim to be long, as a sparse file does at no cost: they take neither memory nor time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::world::{DIR, State, head};
use crate::checkpoint::container::hash;
use crate::checkpoint::names::Name;
use crate::checkpoint::reader::references;
use crate::checkpoint::seal::SealTrust;
use crate::checkpoint::{CheckpointChain, CheckpointKey, CheckpointStore, Damage};
use crate::disk::{Disk, DiskReader, DiskWriter, MemoryDisk};

/// Most bytes that may be read at once: an index of the greatest length, and no more.
const MOST_AT_ONCE: u64 = 64 * 1_024 * 1_024;
const PREAMBLE: usize = 32;
const FOOTER: usize = 96;

/// A disk on which one file has zeros between its preamble and its footer.
#[derive(Clone, Default)]
struct SparseDisk {
    disk: MemoryDisk,
    path: String,
    preamble: Vec<u8>,
    footer: Vec<u8>,
    bytes: u64,
    /// Bytes read of the file, and the most at once.
    read: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
}

impl SparseDisk {
    /// A disk on which this file of another disk becomes sparse; its footer claims an index of `index_bytes`.
    fn new(disk: &MemoryDisk, path: String, bytes: u64, index_bytes: u64, root_hash: [u8; 32]) -> Self {
        let preamble = disk.read(&path).unwrap()[..PREAMBLE].to_vec();
        let index_offset = bytes - FOOTER as u64 - index_bytes;
        let numbers = [index_offset.to_le_bytes(), index_bytes.to_le_bytes()].concat();
        let fields = [&numbers[..], &root_hash, &bytes.to_le_bytes()].concat();
        let footer = [&fields[..], &hash(&fields), b"PACE END"].concat();
        Self { disk: disk.clone(), path, preamble, footer, bytes, ..Self::default() }
    }

    fn counts(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.most.load(Ordering::Relaxed))
    }
}

impl Disk for SparseDisk {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.disk.list(directory)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskWriter>> {
        self.disk.create(path)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskReader>> {
        if path == self.path { Ok(Box::new(self.clone())) } else { self.disk.open(path) }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        self.disk.sync_directory(directory)
    }
}

impl DiskReader for SparseDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        self.most.fetch_max(buffer.len() as u64, Ordering::Relaxed);
        buffer.fill(0);
        if offset == 0 {
            buffer[..PREAMBLE].copy_from_slice(&self.preamble);
        }
        if offset == self.bytes - FOOTER as u64 {
            buffer.copy_from_slice(&self.footer);
        }
        Ok(())
    }
}

fn key() -> CheckpointKey {
    CheckpointKey::new([7; 32], head(0).key_id)
}

/// A disk with two checkpoints, each with closed days.
fn disk() -> MemoryDisk {
    let disk = MemoryDisk::default();
    let store = CheckpointStore::with_key(Arc::new(disk.clone()), key());
    let mut chain = CheckpointChain::default();
    (1..=2).for_each(|number| _ = State::made_up(number, 4, number as i64).write(&store, &mut chain).unwrap());
    disk
}

fn checkpoint() -> String {
    DIR.path(Name::checkpoint(2))
}

fn zeros(count: u64) -> [u8; 32] {
    hash(&vec![0; count as usize])
}

#[test]
fn a_sparse_checkpoint_costs_neither_memory_nor_time() {
    const MIB: u64 = 1 << 20;
    // Length of the file, of its index, and whether the hash of the index is right.
    let cases = [
        (1 << 50, (1 << 50) - 128, false),
        (1 << 40, 65 * MIB, false),
        (9 * MIB, 8 * MIB, true),
        (1 << 50, 8 * MIB, false),
    ];
    for (bytes, index_bytes, is_right) in cases {
        let root_hash = if is_right { zeros(index_bytes) } else { [0; 32] };
        let disk = SparseDisk::new(&disk(), checkpoint(), bytes, index_bytes, root_hash);
        let store = CheckpointStore::with_key(Arc::new(disk.clone()), key());
        let found = store.newest(DIR).unwrap();
        assert_eq!(found.reader.unwrap().head().sequence, 1, "the older one is used");
        assert!(found.damaged[0].1.is_permanent(), "{:?}", found.damaged);
        let (read, most) = disk.counts();
        assert!(read <= 3 * index_bytes.min(MOST_AT_ONCE) && most <= index_bytes.min(MOST_AT_ONCE), "{read}, {most}");
        if !is_right {
            assert!(most <= MIB, "an index whose hash differs is never in memory: {most}");
        }
        let trust = SealTrust { key: Some(key()), accepts_unsealed: false };
        let disk: Arc<dyn Disk> = Arc::new(disk);
        assert!(references(&disk, DIR, 2, &trust).is_err_and(|damage| damage.is_permanent()), "pruning goes on");
    }
}

#[test]
fn a_head_that_claims_to_be_long_is_not_read() {
    // An index of one entry: a head of nearly all of the file, and a hash.
    let disk = disk();
    let index = [&[0xff, 0xff, 0xff, 0xff, 0xff, 0x1f][..], &[9; 64]].concat();
    let sparse = SparseDisk::new(&disk, checkpoint(), 1 << 45, index.len() as u64, hash(&index));
    let with_index = WithIndex { sparse: sparse.clone(), index };
    let store = CheckpointStore::with_key(Arc::new(with_index), key());
    assert!(matches!(store.open(DIR, 2), Err(Damage::Checksum("seal"))));
    assert!(sparse.counts().0 < 1_024);
}

/// The sparse file with an index before its footer.
#[derive(Clone)]
struct WithIndex {
    sparse: SparseDisk,
    index: Vec<u8>,
}

impl Disk for WithIndex {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.sparse.list(directory)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskWriter>> {
        self.sparse.create(path)
    }

    fn open(&self, _path: &str) -> io::Result<Box<dyn DiskReader>> {
        Ok(Box::new(self.clone()))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.sparse.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.sparse.remove(path)
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        self.sparse.sync_directory(directory)
    }
}

impl DiskReader for WithIndex {
    fn len(&self) -> io::Result<u64> {
        self.sparse.len()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.sparse.read_exact_at(buffer, offset)?;
        if offset == self.sparse.bytes - (FOOTER + self.index.len()) as u64 {
            buffer.copy_from_slice(&self.index);
        }
        Ok(())
    }
}

#[test]
fn a_sparse_file_of_closed_days_is_damage_at_once() {
    let disk = disk();
    let path = DIR.path(Name::days(2));
    let sparse = SparseDisk::new(&disk, path, 1 << 50, (1 << 50) - 128, [0; 32]);
    let store = CheckpointStore::with_key(Arc::new(sparse.clone()), key());
    let found = store.newest(DIR).unwrap();
    assert_eq!(found.reader.unwrap().head().sequence, 1);
    assert!(matches!(&found.damaged[..], [(_, Damage::Days { .. })]), "{:?}", found.damaged);
    assert!(sparse.counts().0 < 1_024);
}
