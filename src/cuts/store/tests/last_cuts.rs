//! Cuts that checkpoints name: a list without them has lost cuts.

use super::*;
use crate::checkpoint::LastCut;

/// The last cut of a disk, as a checkpoint names it.
fn last_cut(disk: &MemoryDisk) -> LastCut {
    let (cut, seal) = open(disk).get(IDS[2]).unwrap().unwrap();
    LastCut { id: cut.id, hash: seal.hash }
}

/// Faults of a start with a checkpoint that names this cut.
fn faults_with(disk: &MemoryDisk, last_cut: &LastCut) -> Vec<String> {
    let store = open(disk);
    let (_, mut faults) = store.closed_periods().unwrap();
    faults.extend(store.compare(std::slice::from_ref(last_cut)).unwrap());
    faults.iter().map(ToString::to_string).collect()
}

fn bad_with(disk: &MemoryDisk, last_cut: &LastCut) -> Vec<String> {
    let verdicts = open(disk).verify(None, std::slice::from_ref(last_cut)).unwrap().into_iter();
    verdicts.filter(|verdict| verdict.result.is_err()).map(|verdict| verdict.id).collect()
}

fn remove_everything(disk: &MemoryDisk) {
    disk.paths().iter().for_each(|path| disk.remove(path).unwrap());
}

#[test]
fn cuts_removed_with_their_mark_are_told_until_accepted() {
    let disk = filled();
    let last = last_cut(&disk);
    assert_eq!((faults_with(&disk, &last), bad_with(&disk, &last)), (vec![], vec![]));
    remove_everything(&disk);
    assert_eq!(bad_with(&disk, &last), [IDS[2]], "before the next start as well");
    assert!(faults_with(&disk, &last)[0].contains("as a checkpoint shows"));
    assert_eq!(faults_with(&disk, &last), Vec::<String>::new(), "the loss is in the list from then on");
    assert_eq!(bad_with(&disk, &last), ["chain", IDS[2]]);
    let store = open(&disk);
    store.closed_periods().unwrap();
    assert_eq!(store.lost(), 2, "the cut, and the list: who knows what else");
    assert_eq!(store.put(&cut(IDS[2])).unwrap().kind, SealKind::Retaken);
    assert_eq!(accept(&disk, None), ["chain", IDS[2]]);
    assert_eq!((faults_with(&disk, &last), bad_with(&disk, &last)), (vec![], vec![]));
}

#[test]
fn an_older_copy_and_the_cuts_of_another_programme_are_told() {
    let disk = filled();
    let last = last_cut(&disk);
    let [older, other] = [MemoryDisk::default(), MemoryDisk::default()];
    IDS[..2].iter().for_each(|id| drop(open(&older).put(&cut(id)).unwrap()));
    let of_another = |id| Cut { state_built_ms: Timestamp::from_millis(1), ..cut(id) };
    IDS.iter().for_each(|id| drop(open(&other).put(&of_another(id)).unwrap()));
    for copy in [older, other] {
        assert_eq!(bad_with(&copy, &last), [IDS[2]]);
        assert_eq!(faults_with(&copy, &last).len(), 1);
    }
}

#[test]
fn a_restored_original_that_a_checkpoint_names_is_recognised() {
    let disk = filled();
    let last = last_cut(&disk);
    let original = disk.read(&path_of(IDS[2])).unwrap();
    remove_everything(&disk);
    faults_with(&disk, &last);
    disk.put(&path_of(IDS[2]), original);
    assert_eq!((faults_with(&disk, &last), bad_with(&disk, &last)), (vec![], vec!["chain".to_owned()]));
    assert!(open(&disk).get(IDS[2]).unwrap().is_some());
}

#[test]
fn pruned_and_lost_cuts_are_no_further_fault() {
    let disk = filled();
    let last = last_cut(&disk);
    open(&disk).prune(cut(IDS[2]).at_ms + 1_000).unwrap();
    assert_eq!((faults_with(&disk, &last), bad_with(&disk, &last)), (vec![], vec![]));
    let disk = filled();
    edit(&disk, &path_of(IDS[2]), "{", "[");
    faults(&disk);
    open(&disk).put(&cut(IDS[2])).unwrap();
    assert_eq!(faults_with(&disk, &last), Vec::<String>::new(), "the earlier hash stays in the list");
}
