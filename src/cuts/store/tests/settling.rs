//! Settlements of provisional cuts in the list.

use super::*;
use crate::cuts::{CutOffset, CutStanding, SettlementDecision};

/// A cut of three partitions that is provisional in the second and third.
fn provisional(id: &str) -> Cut {
    let offset = |partition| CutOffset {
        stream: "call".to_owned(),
        topic: "calls".to_owned(),
        partition,
        first_offset: Some(0),
        next_offset: 7,
        is_provisional: partition > 0,
        is_late: false,
    };
    Cut { offsets: (0..3).map(offset).collect(), ..cut(id) }
}

/// Ids of the cuts that a decision settles.
fn settle(store: &CutStore, seal: &CutSeal, position: usize, is_late: bool) -> Vec<String> {
    let decision = SettlementDecision { id: IDS[0].to_owned(), hash: seal.hash.clone(), position, is_late };
    store.settle(&[decision]).unwrap()
}

/// Marks of a cut as `P` and `L` by partition, and its standing in the list.
fn shown(store: &CutStore) -> (String, CutStanding) {
    let (cut, _) = store.get(IDS[0]).unwrap().unwrap();
    let mark = |offset: &CutOffset| match (offset.is_provisional, offset.is_late) {
        (false, false) => '-',
        (true, false) => 'P',
        (false, true) => 'L',
        (true, true) => '!',
    };
    let standing = store.unusual().get(IDS[0]).copied().unwrap_or_default();
    assert_eq!((cut.is_provisional(), cut.is_late()), (standing.is_provisional, standing.is_late));
    (cut.offsets.iter().map(mark).collect(), standing)
}

fn marks(store: &CutStore) -> String {
    shown(store).0
}

#[test]
fn a_cut_is_settled_once_every_partition_is() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    let seal = store.put(&provisional(IDS[0])).unwrap();
    let file = disk.read(&path_of(IDS[0]));
    assert_eq!(marks(&store), "-PP");
    assert_eq!(settle(&store, &seal, 2, false), Vec::<String>::new());
    assert_eq!((marks(&store), marks(&open(&disk))), ("-P-".to_owned(), "-P-".to_owned()), "also after a restart");
    let [ref unsettled] = open(&disk).unsettled().unwrap()[..] else { panic!("it is not settled yet") };
    assert_eq!((unsettled.hash.as_str(), unsettled.offsets[0].0), (seal.hash.as_str(), 1));
    assert_eq!(settle(&store, &seal, 1, false), [IDS[0]]);
    assert_eq!(settle(&store, &seal, 1, true), [IDS[0]], "decided once for all");
    assert_eq!(shown(&open(&disk)), ("---".to_owned(), CutStanding::default()));
    assert_eq!(open(&disk).unsettled().unwrap(), []);
    assert_eq!((disk.read(&path_of(IDS[0])), faults(&disk), bad(&disk)), (file, vec![], vec![]), "the file stays");
}

#[test]
fn a_late_record_marks_its_cut_for_good() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    let seal = store.put(&provisional(IDS[0])).unwrap();
    assert_eq!(settle(&store, &seal, 1, true), Vec::<String>::new());
    assert_eq!(settle(&store, &seal, 2, false), Vec::<String>::new(), "it is not the cut of a replay");
    assert_eq!((marks(&store), marks(&open(&disk))), ("-L-".to_owned(), "-L-".to_owned()));
    store.put(&cut(IDS[1])).unwrap();
    assert_eq!((marks(&open(&disk)), faults(&disk), bad(&disk)), ("-L-".to_owned(), vec![], vec![]));
}

#[test]
fn a_decision_about_another_file_changes_nothing() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    let seal = store.put(&provisional(IDS[0])).unwrap();
    disk.remove(&path_of(IDS[0])).unwrap();
    assert_eq!(faults(&disk).len(), 1);
    let store = open(&disk);
    store.put(&provisional(IDS[0])).unwrap();
    assert_eq!(settle(&store, &seal, 1, false), Vec::<String>::new());
    assert_eq!(marks(&store), "-PP", "the cut that was taken again is another one");
}

#[test]
fn a_list_without_settlements_is_completed_from_the_files() {
    let disk = MemoryDisk::default();
    open(&disk).put(&provisional(IDS[0])).unwrap();
    // What an older version has listed, and a list that was lost.
    for lists in [false, true] {
        if lists {
            let store = open(&disk);
            let mut chain = store.read_chain().unwrap().unwrap();
            chain.entries[0].settlement = CutSettlement::default();
            store.save(&chain).unwrap();
        } else {
            disk.remove(CHAIN).unwrap();
        }
        assert_eq!((marks(&open(&disk)), open(&disk).unsettled().unwrap().len()), ("-PP".to_owned(), 1));
    }
}

#[test]
fn a_decision_that_was_not_stored_may_be_repeated() {
    for after in 0.. {
        let disk = FaultyDisk::default();
        let store = CutStore::new(Arc::new(disk.clone()), CutKey::new([7; 32]));
        let seal = store.put(&provisional(IDS[0])).unwrap();
        disk.refuse(after, 1, ErrorKind::StorageFull);
        let decision =
            SettlementDecision { id: IDS[0].to_owned(), hash: seal.hash.clone(), position: 1, is_late: false };
        let is_refused = store.settle(std::slice::from_ref(&decision)).is_err();
        let known = marks(&open(&disk.disk));
        assert!(known == "--P" || (is_refused && known == "-PP"), "{known}");
        store.settle(&[decision]).unwrap();
        assert_eq!(marks(&open(&disk.disk)), "--P");
        if !is_refused {
            assert!(after > 0);
            return;
        }
    }
}
