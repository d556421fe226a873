//! Changes of the directory while a process uses it.

use super::*;
use crate::disk::RealDisk;

const NEXT: &str = "20200519T050000Z";

/// A store that has read the cuts of a disk, as at a start.
fn started(disk: &MemoryDisk) -> CutStore {
    let store = open(disk);
    assert!(store.closed_periods().unwrap().1.is_empty());
    store
}

fn remove_cuts(disk: &MemoryDisk) {
    disk.paths().iter().filter(|path| path.starts_with("cuts/")).for_each(|path| disk.remove(path).unwrap());
}

#[test]
fn a_damaged_list_does_not_hold_up_the_next_cut() {
    let [own, other] = [7, 8].map(|byte| CutKey::new([byte; 32]).id());
    for (from, to) in [(IDS[1], NEXT), ("{", "["), (own.as_str(), other.as_str())] {
        let disk = filled();
        let store = started(&disk);
        edit(&disk, CHAIN, from, to);
        let damaged = disk.read(CHAIN);
        assert_eq!(store.put(&cut(NEXT)).unwrap().kind, SealKind::Sealed);
        assert_eq!(store.lost(), 0, "the list in memory is whole");
        assert_eq!(disk.read("cuts/chain.damaged-1"), damaged);
        assert_eq!((faults(&disk), bad(&disk)), (vec![], vec!["chain.damaged-1".to_owned()]));
        assert!(IDS.iter().chain([&NEXT]).all(|id| open(&disk).get(id).unwrap().is_some()));
        assert_eq!(accept(&disk, None), ["chain"]);
        assert_eq!(bad(&disk), Vec::<String>::new());
    }
}

#[test]
fn a_removed_or_older_list_is_written_again_from_memory() {
    let older = MemoryDisk::default();
    open(&older).put(&cut(IDS[0])).unwrap();
    for list in [None, older.read(CHAIN)] {
        let disk = filled();
        let store = started(&disk);
        disk.remove(CHAIN).unwrap();
        if let Some(list) = list {
            disk.put(CHAIN, list);
        }
        store.put(&cut(NEXT)).unwrap();
        assert_eq!((store.lost(), faults(&disk), bad(&disk)), (0, vec![], vec![]));
    }
}

#[test]
fn a_directory_in_place_of_the_list_is_moved_aside() {
    let directory = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(directory.path(), &[DIRECTORY]).unwrap());
    let store = CutStore::new(Arc::clone(&disk), CutKey::new([7; 32]));
    store.put(&cut(IDS[0])).unwrap();
    let chain = directory.path().join(CHAIN);
    std::fs::remove_file(&chain).unwrap();
    std::fs::create_dir_all(chain.join("content")).unwrap();
    store.put(&cut(IDS[1])).unwrap();
    assert!(directory.path().join("cuts/chain.damaged-1/content").is_dir());
    let store = CutStore::new(disk, CutKey::new([7; 32]));
    assert_eq!(store.closed_periods().unwrap().1.len(), 0);
    assert!(IDS[..2].iter().all(|id| store.get(id).unwrap().is_some()));
}

#[test]
fn cuts_that_vanish_are_lost_once_the_next_is_stored() {
    let disk = filled();
    let (store, original) = (started(&disk), disk.read(&path_of(IDS[1])).unwrap());
    remove_cuts(&disk);
    assert_eq!(store.put(&cut(NEXT)).unwrap().kind, SealKind::Sealed);
    assert_eq!(store.lost(), 3);
    assert!(store.get(IDS[0]).is_err() && store.get(NEXT).unwrap().is_some());
    assert_eq!(bad(&disk), IDS);
    assert_eq!(faults(&disk), Vec::<String>::new(), "the loss is in the list");
    disk.put(&path_of(IDS[1]), original);
    assert!(store.get(IDS[1]).unwrap().is_some());
    assert_eq!(store.lost(), 2, "an original that is put back is recognised");
    // The mark and the directory at once, with a list of another key in its place.
    let disk = filled();
    let store = started(&disk);
    let [own, other] = [7, 8].map(|byte| CutKey::new([byte; 32]).id());
    edit(&disk, CHAIN, &own, &other);
    let list = disk.read(CHAIN).unwrap();
    disk.paths().iter().for_each(|path| disk.remove(path).unwrap());
    disk.put(CHAIN, list);
    store.put(&cut(NEXT)).unwrap();
    assert_eq!((store.lost(), faults(&disk)), (3, vec![]));
}

#[test]
fn a_loss_is_counted_once_though_the_disk_is_full() {
    for refused in 0..20 {
        let faulty = FaultyDisk::default();
        let store = CutStore::new(Arc::new(faulty.clone()), CutKey::new([7; 32]));
        IDS.iter().for_each(|id| drop(store.put(&cut(id)).unwrap()));
        faulty.disk.remove(&path_of(IDS[0])).unwrap();
        faulty.refuse(refused, 1, ErrorKind::StorageFull);
        store.put(&cut(NEXT)).or_else(|_| store.put(&cut(NEXT))).unwrap();
        assert_eq!((store.lost(), bad(&faulty.disk)), (1, vec![IDS[0].to_owned()]), "call {refused}");
    }
}

#[test]
fn the_newest_cut_of_the_list_is_known_after_a_start() {
    let disk = filled();
    let store = open(&disk);
    assert_eq!(store.newest(), None, "nothing is read yet");
    store.closed_periods().unwrap();
    let newest = store.newest().unwrap();
    assert_eq!((newest.id.as_str(), newest.hash), (IDS[2], store.get(IDS[2]).unwrap().unwrap().1.hash));
    disk.remove(&path_of(IDS[2])).unwrap();
    let store = open(&disk);
    store.closed_periods().unwrap();
    assert_eq!(store.newest().unwrap().id, IDS[1], "the newest that is there");
}
