//! Originals that are put back after their cut was taken again: the file that is there decides.

use super::*;

const NEXT: &str = "20200519T050000Z";

/// A disk whose second cut was removed and taken again; returns the original and the later file as well.
fn retaken() -> (MemoryDisk, Vec<u8>, Vec<u8>) {
    let disk = filled();
    let original = disk.read(&path_of(IDS[1])).unwrap();
    disk.remove(&path_of(IDS[1])).unwrap();
    assert_eq!(faults(&disk).len(), 1);
    open(&disk).put(&cut(IDS[1])).unwrap();
    let later = disk.read(&path_of(IDS[1])).unwrap();
    (disk, original, later)
}

/// True if a file of cuts was quarantined.
fn has_aside(disk: &MemoryDisk) -> bool {
    disk.paths().iter().filter_map(|path| path.strip_prefix("cuts/")).any(is_aside)
}

fn lost(disk: &MemoryDisk) -> usize {
    let store = open(disk);
    store.closed_periods().unwrap();
    store.lost()
}

fn kind(disk: &MemoryDisk) -> SealKind {
    open(disk).get(IDS[1]).unwrap().unwrap().1.kind
}

#[test]
fn an_original_put_back_over_a_retaken_cut_is_recognised() {
    let (disk, original, _) = retaken();
    assert_eq!((bad(&disk), lost(&disk)), (vec![IDS[1].to_owned()], 1), "one verdict, though the later file is whole");
    let list = disk.read(CHAIN);
    disk.put(&path_of(IDS[1]), original.clone());
    let verdicts = open(&disk).verify(None, &[]).unwrap();
    assert!(verdicts.iter().all(|verdict| verdict.result.is_ok()), "before the next start: {verdicts:?}");
    assert_eq!(verdicts.len(), 3, "one for each cut");
    assert_eq!(disk.read(CHAIN), list, "verification changes nothing");
    assert_eq!((faults(&disk), bad(&disk), lost(&disk)), (vec![], vec![], 0));
    assert_eq!((kind(&disk), has_aside(&disk)), (SealKind::Sealed, false));
    let store = open(&disk);
    assert!(store.closed_periods().unwrap().0.has_cut(cut(IDS[1]).at_ms), "it is not taken a third time");
    assert_eq!(store.put(&cut(IDS[1])).unwrap().kind, SealKind::Sealed);
    assert_eq!(disk.read(&path_of(IDS[1])), Some(original));
    open(&disk).put(&cut(NEXT)).unwrap();
    assert_eq!((faults(&disk), bad(&disk)), (vec![], vec![]), "the chain continues");
}

#[test]
fn a_running_process_recognises_an_original_as_well() {
    let (disk, original, _) = retaken();
    let store = open(&disk);
    assert_eq!(store.get(IDS[1]).unwrap().unwrap().1.kind, SealKind::Retaken);
    assert_eq!(store.lost(), 1);
    disk.put(&path_of(IDS[1]), original);
    assert_eq!(store.get(IDS[1]).unwrap().unwrap().1.kind, SealKind::Sealed);
    assert_eq!((store.lost(), bad(&disk), has_aside(&disk)), (0, vec![], false));
    // The same for a cut that is lost and not taken again.
    let disk = filled();
    let (store, original) = (open(&disk), disk.read(&path_of(IDS[1])).unwrap());
    disk.remove(&path_of(IDS[1])).unwrap();
    assert!(store.get(IDS[1]).is_err());
    disk.put(&path_of(IDS[1]), original);
    assert!(store.get(IDS[1]).unwrap().is_some());
    assert_eq!((store.lost(), faults(&disk)), (0, vec![]));
}

#[test]
fn an_accepted_loss_whose_original_is_put_back_is_whole() {
    let (disk, original, later) = retaken();
    assert_eq!(accept(&disk, None), [IDS[1]]);
    disk.put(&path_of(IDS[1]), original.clone());
    assert_eq!((bad(&disk), faults(&disk)), (vec![], vec![]));
    assert_eq!((kind(&disk), has_aside(&disk)), (SealKind::Sealed, false));
    assert_eq!(open(&disk).acceptances().unwrap().len(), 1, "the decision stays visible");
    // A further loss of the original is a further fault, whatever was accepted before.
    disk.put(&path_of(IDS[1]), later);
    assert_eq!(bad(&disk), [IDS[1]]);
    assert_eq!((faults(&disk), lost(&disk), kind(&disk)), (vec![], 1, SealKind::Retaken));
    disk.put(&path_of(IDS[1]), original);
    faults(&disk);
    edit(&disk, &path_of(IDS[1]), "{", "[");
    assert_eq!((faults(&disk).len(), lost(&disk)), (1, 1));
    assert_eq!(bad(&disk), [IDS[1], &format!("{}.json.damaged-1", IDS[1])]);
    assert_eq!(accept(&disk, None), [IDS[1]]);
    assert_eq!(bad(&disk), Vec::<String>::new());
}

#[test]
fn retention_removes_what_stood_in_for_an_original() {
    let (disk, original, _) = retaken();
    disk.put(&path_of(IDS[1]), original);
    faults(&disk);
    open(&disk).prune(cut(NEXT).at_ms).unwrap();
    assert_eq!((faults(&disk), bad(&disk), lost(&disk)), (vec![], vec![], 0));
}

#[test]
fn any_genuine_file_of_several_is_recognised() {
    let (disk, original, second) = retaken();
    edit(&disk, &path_of(IDS[1]), "{", "[");
    faults(&disk);
    open(&disk).put(&cut(IDS[1])).unwrap();
    let third = disk.read(&path_of(IDS[1])).unwrap();
    accept(&disk, None);
    for file in [&second, &third, &original, &third, &original, &second] {
        disk.put(&path_of(IDS[1]), file.clone());
        faults(&disk);
        assert_eq!(disk.read(&path_of(IDS[1])).as_ref(), Some(file));
        assert!(open(&disk).get(IDS[1]).unwrap().is_some());
    }
    assert_eq!(disk.list(DIRECTORY).unwrap().iter().filter(|name| is_aside(name)).count(), 1);
}
