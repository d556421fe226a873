//! Files that somebody puts into the directory of cuts, and evidence that must stay.

use super::*;

const NEXT: &str = "20200519T050000Z";

#[test]
fn files_that_are_no_cuts_are_left_alone() {
    let disk = filled();
    let names = ["0-notes.json", "notes.txt", "20200516T050000Z copy.json", "20209999T050000Z.json"];
    names.iter().for_each(|name| disk.put(&format!("{DIRECTORY}/{name}"), b"mine".to_vec()));
    assert_eq!((faults(&disk), bad(&disk)), (vec![], vec![]));
    open(&disk).put(&cut(NEXT)).unwrap();
    open(&disk).prune(cut(NEXT).at_ms).unwrap();
    assert!(names.iter().all(|name| disk.read(&format!("{DIRECTORY}/{name}")).is_some()));
}

#[test]
fn files_with_the_names_of_cuts_count_for_nothing() {
    let disk = filled();
    let strangers: Vec<String> = (0..500).map(|minute| cut_id(cut(NEXT).at_ms + minute * 60_000)).collect();
    strangers.iter().for_each(|id| disk.put(&path_of(id), b"{}\n{}\n00\n".to_vec()));
    let said = faults(&disk);
    assert_eq!(said.len(), 21, "twenty, and the number of the rest");
    assert!(said[0].contains("counts for nothing") && said[20].starts_with("480 further files"), "{said:?}");
    assert!(open(&disk).get(&strangers[7]).unwrap().is_none());
    let store = open(&disk);
    let (closed_periods, _) = store.closed_periods().unwrap();
    assert!(!closed_periods.has_cut(cut(NEXT).at_ms), "the cut of this instant is still to be taken");
    assert_eq!(store.put(&cut(NEXT)).unwrap().kind, SealKind::Sealed);
    assert!(disk.read(&format!("{}.damaged-1", path_of(NEXT))).is_some(), "never overwritten");
    assert_eq!(store.lost(), 0);
    assert_eq!(bad(&disk).len(), 500, "499 strangers, and the file that was in the way");
    accept(&disk, None);
    assert_eq!((faults(&disk), bad(&disk)), (vec![], vec![]));
}

#[test]
fn a_list_that_names_another_key_than_its_cuts_was_edited() {
    let disk = filled();
    edit(&disk, CHAIN, &CutKey::new([7; 32]).id(), &CutKey::new([8; 32]).id());
    assert!(bad(&disk).contains(&"chain".to_owned()));
    assert!(faults(&disk)[0].contains("names another pseudonym key"));
    assert!(disk.read("cuts/chain.damaged-1").is_some());
    assert!(IDS.iter().all(|id| open(&disk).get(id).unwrap().is_some()));
}

#[test]
fn what_is_lost_stays_beyond_retention_until_it_is_accepted() {
    let disk = filled();
    edit(&disk, &path_of(IDS[0]), "{", "[");
    disk.remove(&path_of(IDS[1])).unwrap();
    let store = open(&disk);
    store.closed_periods().unwrap();
    let aside = format!("{}.damaged-1", path_of(IDS[0]));
    store.prune(cut(NEXT).at_ms).unwrap();
    assert_eq!(store.lost(), 2);
    assert!(disk.read(&aside).is_some() && disk.read(&path_of(IDS[2])).is_none());
    assert_eq!(accept(&disk, None), [IDS[0], IDS[1]]);
    open(&disk).prune(cut(NEXT).at_ms).unwrap();
    assert!(disk.read(&aside).is_none());
    assert_eq!((faults(&disk), bad(&disk)), (vec![], vec![]));
}

#[test]
fn cuts_that_the_disk_does_not_return_are_counted() {
    let faulty = FaultyDisk::default();
    let store = CutStore::new(Arc::new(faulty.clone()), CutKey::new([7; 32]));
    IDS.iter().for_each(|id| drop(store.put(&cut(id)).unwrap()));
    faulty.refuse(0, 1, ErrorKind::Other);
    assert!(store.get(IDS[1]).is_err());
    assert_eq!(store.lost(), 1, "until it is read again");
    assert!(store.get(IDS[1]).unwrap().is_some());
    assert_eq!(store.lost(), 0);
    assert!(faulty.disk.read(&format!("{}.damaged-1", path_of(IDS[1]))).is_none());
}

/// The file of the last cut, which is not listed, cannot be read: for want of rights, or because the disk fails.
#[test]
fn an_unlisted_file_that_cannot_be_read_does_not_end_the_start() {
    for (kind, is_there) in [(ErrorKind::PermissionDenied, false), (ErrorKind::Other, true)] {
        let faulty = FaultyDisk::default();
        IDS[..2].iter().for_each(|id| drop(open(&faulty.disk).put(&cut(id)).unwrap()));
        let list = faulty.disk.read(CHAIN).unwrap();
        open(&faulty.disk).put(&cut(IDS[2])).unwrap();
        faulty.disk.put(CHAIN, list);
        let store = CutStore::new(Arc::new(faulty.clone()), CutKey::new([7; 32]));
        // List, two listed cuts, directory.
        faulty.refuse(4, 1, kind);
        let (closed_periods, faults) = store.closed_periods().unwrap();
        assert_eq!(faulty.calls().into_iter().find(|call| call.is_refused).unwrap().path, path_of(IDS[2]));
        assert_eq!((faults.len(), closed_periods.has_cut(cut(IDS[2]).at_ms)), (1, is_there));
        if is_there {
            store.put(&cut(NEXT)).unwrap();
            assert_eq!(bad(&faulty.disk), Vec::<String>::new(), "it is listed once the disk returns it");
        }
    }
}
