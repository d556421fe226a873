use super::*;
use crate::clock::Timestamp;
use crate::cuts::{SealKind, cut_id};
use crate::disk::MemoryDisk;
use crate::disk::tests::faulty::FaultyDisk;
use std::collections::BTreeMap;

mod last_cuts;
mod restoring;
mod running;
mod settling;
mod strangers;

const IDS: [&str; 3] = ["20200516T050000Z", "20200517T050000Z", "20200518T050000Z"];

fn cut(id: &str) -> Cut {
    let time: jiff::Timestamp = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ%z", format!("{id}+0000"))
        .and_then(|parts| parts.to_timestamp())
        .unwrap();
    Cut {
        id: id.to_owned(),
        at_ms: Timestamp::from_millis(time.as_millisecond()),
        at: id.to_owned(),
        taken_ms: Timestamp::from_millis(time.as_millisecond() + 1),
        state_built_ms: Timestamp::from_millis(0),
        settings: BTreeMap::new(),
        offsets: Vec::new(),
        periods: Vec::new(),
        targets: Vec::new(),
        corrections: Vec::new(),
    }
}

fn open(disk: &MemoryDisk) -> CutStore {
    CutStore::new(Arc::new(disk.clone()), CutKey::new([7; 32]))
}

/// A disk with three cuts.
fn filled() -> MemoryDisk {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    IDS.iter().for_each(|id| drop(store.put(&cut(id)).unwrap()));
    disk
}

/// Faults that a start reports.
fn faults(disk: &MemoryDisk) -> Vec<String> {
    open(disk).closed_periods().unwrap().1.iter().map(ToString::to_string).collect()
}

/// Ids of what a verification says is wrong.
fn bad(disk: &MemoryDisk) -> Vec<String> {
    let verdicts = open(disk).verify(None, &[]).unwrap().into_iter();
    verdicts.filter(|verdict| verdict.result.is_err()).map(|verdict| verdict.id).collect()
}

fn edit(disk: &MemoryDisk, path: &str, from: &str, to: &str) {
    let text = String::from_utf8(disk.read(path).unwrap()).unwrap();
    assert!(text.contains(from));
    disk.put(path, text.replace(from, to).into_bytes());
}

#[test]
fn whole_cuts_have_no_fault_and_read_back_equal() {
    let disk = filled();
    assert_eq!((faults(&disk), bad(&disk)), (vec![], vec![]));
    let (read, seal) = open(&disk).get(IDS[1]).unwrap().unwrap();
    assert_eq!((read, seal.kind), (cut(IDS[1]), SealKind::Sealed));
    assert!(open(&disk).get("20200101T000000Z").unwrap().is_none());
}

#[test]
fn ratios_and_plans_read_back_to_the_bit() {
    for numerator in 1..2_000_u32 {
        let ratio = f64::from(numerator) / 1_999.7;
        let text = serde_json::to_string(&crate::targets::Quantity::Ratio(ratio)).unwrap();
        let crate::targets::Quantity::Ratio(read) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
        assert_eq!(read.to_bits(), ratio.to_bits());
        assert_eq!(serde_json::from_str::<f64>(&text).unwrap().to_bits(), ratio.to_bits());
    }
}

#[test]
fn an_edited_cut_is_told_and_quarantined() {
    let disk = filled();
    let path = path_of(IDS[1]);
    edit(&disk, &path, "\"state_built_ms\":0", "\"state_built_ms\":9");
    let edited = disk.read(&path);
    assert_eq!(bad(&disk), [IDS[1]], "verification changes nothing");
    assert_eq!(disk.read(&path), edited);
    assert!(faults(&disk)[0].contains("its hash differs"));
    assert_eq!(disk.read(&format!("{path}.damaged-1")), edited);
    assert!(open(&disk).get(IDS[1]).is_err() && open(&disk).get(IDS[0]).unwrap().is_some());
    assert_eq!(bad(&disk), [IDS[1], &format!("{}.json.damaged-1", IDS[1])], "told until it is forgotten");
}

#[test]
fn a_hash_without_the_key_is_not_accepted() {
    let disk = filled();
    let path = path_of(IDS[2]);
    let line = serde_json::to_string(&Cut { state_built_ms: Timestamp::from_millis(99_999), ..cut(IDS[2]) }).unwrap();
    // The format of older versions, whose hash anybody can compute.
    disk.put(&path, format!("{line}\n{}\n", blake3::hash(line.as_bytes()).to_hex()).into_bytes());
    assert_eq!(bad(&disk), [IDS[2]]);
    assert_eq!(faults(&disk).len(), 1);
    assert!(open(&disk).get(IDS[2]).is_err());
}

#[test]
fn removed_cuts_are_told_wherever_they_were() {
    for id in IDS {
        let disk = filled();
        disk.remove(&path_of(id)).unwrap();
        assert_eq!(bad(&disk), [id]);
        assert_eq!(faults(&disk), [format!("cuts/{id}.json: was removed")]);
        assert!(open(&disk).get(id).is_err());
    }
}

#[test]
fn a_swapped_and_an_earlier_file_are_told() {
    let disk = filled();
    let (first, second) = (disk.read(&path_of(IDS[0])).unwrap(), disk.read(&path_of(IDS[1])).unwrap());
    disk.put(&path_of(IDS[0]), second);
    disk.put(&path_of(IDS[1]), first);
    assert_eq!(bad(&disk), &IDS[..2]);
    // Another cut of the same instant, sealed with the key.
    let (disk, other) = (filled(), MemoryDisk::default());
    open(&other).put(&Cut { state_built_ms: Timestamp::from_millis(1), ..cut(IDS[1]) }).unwrap();
    disk.put(&path_of(IDS[1]), other.read(&path_of(IDS[1])).unwrap());
    assert_eq!(bad(&disk), [IDS[1]]);
    assert_eq!(faults(&disk).len(), 1);
}

#[test]
fn damage_found_while_reading_is_quarantined_at_once() {
    let disk = filled();
    let store = open(&disk);
    assert!(store.get(IDS[0]).unwrap().is_some());
    edit(&disk, &path_of(IDS[0]), "{", "[");
    assert!(store.get(IDS[0]).is_err());
    assert_eq!(store.lost(), 1);
    assert!(disk.read(&format!("{}.damaged-1", path_of(IDS[0]))).is_some());
    assert!(store.get(IDS[0]).is_err(), "and stays a fault, not an unknown cut");
}

#[test]
fn a_lost_cut_is_taken_again_marked_and_overwrites_nothing() {
    let disk = filled();
    edit(&disk, &path_of(IDS[1]), "{", "[");
    let damaged = disk.read(&path_of(IDS[1]));
    let store = open(&disk);
    store.closed_periods().unwrap();
    assert_eq!(store.put(&cut(IDS[1])).unwrap().kind, SealKind::Retaken);
    assert_eq!(store.get(IDS[1]).unwrap().unwrap().1.kind, SealKind::Retaken);
    assert_eq!(disk.read(&format!("{}.damaged-1", path_of(IDS[1]))), damaged);
    assert_eq!(faults(&disk), Vec::<String>::new());
    assert_eq!(open(&disk).get(IDS[1]).unwrap().unwrap().1.kind, SealKind::Retaken, "after a restart as well");
}

#[test]
fn a_crash_before_the_list_is_saved_is_no_fault() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    for id in IDS {
        let before = disk.read(CHAIN);
        store.put(&cut(id)).unwrap();
        let Some(before) = before else { continue };
        let after = disk.read(CHAIN).unwrap();
        disk.put(CHAIN, before);
        assert_eq!((bad(&disk), faults(&disk)), (vec![], vec![]));
        assert_eq!(disk.read(CHAIN).unwrap(), after, "the start repairs the list");
    }
}

#[test]
fn a_disk_that_refuses_once_loses_no_cut() {
    let another = cut("20200519T050000Z");
    for refused in 0..60 {
        // A crash has left the last cut out of the list.
        let disk = FaultyDisk::default();
        let memory = disk.disk.clone();
        IDS[..2].iter().for_each(|id| drop(open(&memory).put(&cut(id)).unwrap()));
        let list = memory.read(CHAIN).unwrap();
        open(&memory).put(&cut(IDS[2])).unwrap();
        memory.put(CHAIN, list);
        disk.refuse(refused, 1, ErrorKind::Other);
        let store = CutStore::new(Arc::new(disk), CutKey::new([7; 32]));
        if let Ok((closed_periods, _)) = store.closed_periods() {
            let is_there = |id: &&str| closed_periods.has_cut(cut(id).at_ms);
            assert!(IDS[..2].iter().all(is_there), "call {refused}: a cut would be taken again");
        }
        let stored = store.put(&another).or_else(|_| store.put(&another));
        assert_eq!(stored.unwrap().kind, SealKind::Sealed, "call {refused}");
        assert_eq!((bad(&memory), faults(&memory)), (vec![], vec![]), "call {refused}");
    }
}

/// Stored, but the list could not be saved; before it is tried again, another cut is due.
#[test]
fn a_cut_whose_list_was_not_saved_is_listed_with_the_next() {
    for refused in 0..20 {
        let disk = FaultyDisk::default();
        let memory = disk.disk.clone();
        let store = CutStore::new(Arc::new(disk.clone()), CutKey::new([7; 32]));
        store.put(&cut(IDS[0])).unwrap();
        disk.refuse(refused, 1, ErrorKind::StorageFull);
        let first = store.put(&cut(IDS[1]));
        store.put(&cut(IDS[2])).or_else(|_| store.put(&cut(IDS[2]))).unwrap();
        let again = store.put(&cut(IDS[1])).unwrap();
        assert!(first.is_err() || first.unwrap() == again, "call {refused}: a cut is stored once");
        assert_eq!(again.kind, SealKind::Sealed, "call {refused}");
        assert_eq!((bad(&memory), faults(&memory)), (vec![], vec![]), "call {refused}");
    }
}

#[test]
fn pruned_cuts_are_no_fault_even_after_a_crash() {
    let disk = filled();
    let pruned = disk.read(&path_of(IDS[0])).unwrap();
    open(&disk).prune(cut(IDS[1]).at_ms).unwrap();
    assert!(disk.read(&path_of(IDS[0])).is_none());
    assert_eq!((bad(&disk), faults(&disk)), (vec![], vec![]));
    disk.put(&path_of(IDS[0]), pruned);
    assert_eq!((bad(&disk), faults(&disk)), (vec![], vec![]), "a leftover");
    open(&disk).prune(cut(IDS[1]).at_ms).unwrap();
    assert!(disk.read(&path_of(IDS[0])).is_none());
}

#[test]
fn a_removed_or_edited_list_is_told_for_good() {
    let disk = filled();
    disk.remove(CHAIN).unwrap();
    assert!(faults(&disk)[0].contains("was removed"));
    assert_eq!(bad(&disk), ["chain"]);
    let disk = filled();
    edit(&disk, CHAIN, IDS[0], "20200516T060000Z");
    assert_eq!(faults(&disk).len(), 1);
    assert!(disk.read("cuts/chain.damaged-1").is_some());
    assert!(open(&disk).get(IDS[2]).unwrap().is_some(), "whole cuts stay readable");
    assert!(bad(&disk).contains(&"chain".to_owned()));
}

/// Puts a file of a version without keyed hashes, as anybody can.
fn put_unsealed(disk: &MemoryDisk, id: &str) {
    let line = serde_json::to_string(&cut(id)).unwrap();
    let hash = blake3::hash(line.as_bytes()).to_hex();
    disk.put(&path_of(id), format!("{line}\n{hash}\n").into_bytes());
}

/// Accepts what an operator is asked about; returns what that was.
fn accept(disk: &MemoryDisk, only: Option<&str>) -> Vec<String> {
    let report = open(disk).accept(only, "known", Timestamp::from_millis(5)).unwrap();
    report.accepted.into_iter().map(|acceptance| acceptance.id).collect()
}

/// Adopts cuts without a keyed hash; returns which.
fn adopt(disk: &MemoryDisk, only: Option<&str>) -> Vec<String> {
    let adopted = open(disk).adopt_unsealed(only, "known", Timestamp::from_millis(5)).unwrap();
    adopted.into_iter().map(|acceptance| acceptance.id).collect()
}

#[test]
fn cuts_without_a_keyed_hash_wait_for_an_operator() {
    let disk = MemoryDisk::default();
    IDS[..2].iter().for_each(|id| put_unsealed(&disk, id));
    assert_eq!((faults(&disk).len(), bad(&disk)), (2, IDS[..2].iter().map(|&id| id.to_owned()).collect()));
    assert!(open(&disk).get(IDS[0]).unwrap().is_none(), "it counts for nothing");
    open(&disk).put(&cut(IDS[2])).unwrap();
    assert_eq!(faults(&disk).len(), 2, "nothing is renamed meanwhile");
    let before = disk.paths();
    let report = open(&disk).accept(None, "known", Timestamp::from_millis(5)).unwrap();
    assert_eq!((report.accepted, report.unsealed), (vec![], IDS[..2].iter().map(|&id| id.to_owned()).collect()));
    assert_eq!((disk.paths(), accept(&disk, Some(IDS[0])).len()), (before, 0), "no loss, and no stranger either");
    assert_eq!(adopt(&disk, Some(IDS[0])), [IDS[0]]);
    assert_eq!(bad(&disk), [IDS[1]], "only what was named");
    assert_eq!(adopt(&disk, None), [IDS[1]]);
    assert_eq!((faults(&disk), bad(&disk)), (vec![], vec![]));
    let store = open(&disk);
    assert_eq!(store.get(IDS[0]).unwrap().unwrap().1.kind, SealKind::Unsealed);
    let unusual: Vec<_> = store.unusual().into_iter().map(|(id, standing)| (id, standing.seal)).collect();
    assert_eq!(unusual, [(IDS[0].to_owned(), SealKind::Unsealed), (IDS[1].to_owned(), SealKind::Unsealed)]);
    edit(&disk, &path_of(IDS[0]), "\"state_built_ms\":0", "\"state_built_ms\":9");
    assert_eq!(bad(&disk), [IDS[0]], "from then on changes are noticed");
}

#[test]
fn older_files_in_place_of_all_sealed_cuts_are_no_upgrade() {
    let disk = filled();
    disk.paths().iter().filter(|path| path.starts_with("cuts/")).for_each(|path| disk.remove(path).unwrap());
    IDS.iter().for_each(|id| put_unsealed(&disk, id));
    let said = faults(&disk);
    assert!(said[0].contains("cuts/chain: was removed") && said.len() == 4, "{said:?}");
    assert_eq!(bad(&disk).len(), 4, "the list and three cuts");
    assert!(open(&disk).get(IDS[0]).unwrap().is_none());
}

#[test]
fn a_removed_directory_of_cuts_is_told() {
    let disk = filled();
    disk.paths().iter().filter(|path| path.starts_with("cuts/")).for_each(|path| disk.remove(path).unwrap());
    assert_eq!(bad(&disk), ["chain"]);
    assert_eq!(faults(&disk), ["cuts/chain: was removed; made again"]);
    assert_eq!((faults(&disk), bad(&disk)), (vec![], vec!["chain".to_owned()]), "told until it is accepted");
    assert_eq!(accept(&disk, Some(IDS[0])), Vec::<String>::new());
    assert_eq!(accept(&disk, Some("chain")), ["chain"]);
    assert_eq!(bad(&disk), Vec::<String>::new());
}

#[test]
fn an_accepted_loss_is_no_fault_and_stays_visible() {
    let disk = filled();
    edit(&disk, &path_of(IDS[1]), "{", "[");
    disk.remove(&path_of(IDS[2])).unwrap();
    assert_eq!(faults(&disk).len(), 2);
    assert_eq!(accept(&disk, Some(IDS[1])), [IDS[1]]);
    assert_eq!(bad(&disk), [IDS[2]], "only what was named");
    assert_eq!(accept(&disk, None), [IDS[2]]);
    assert_eq!((faults(&disk), bad(&disk), accept(&disk, None)), (vec![], vec![], vec![]));
    let store = open(&disk);
    store.closed_periods().unwrap();
    assert_eq!(store.lost(), 0);
    assert!(store.get(IDS[1]).is_err(), "the cut is still lost");
    let acceptances = store.acceptances().unwrap();
    assert_eq!(acceptances[0].files, [format!("{}.json.damaged-1", IDS[1])]);
    assert_eq!((acceptances.len(), acceptances[1].reason.as_str()), (2, "known"));
    edit(&disk, CHAIN, "known", "other");
    assert!(bad(&disk).contains(&"chain".to_owned()), "the decision is sealed");
}

#[test]
fn a_further_loss_of_a_cut_needs_a_further_acceptance() {
    let disk = filled();
    disk.remove(&path_of(IDS[1])).unwrap();
    faults(&disk);
    accept(&disk, None);
    open(&disk).put(&cut(IDS[1])).unwrap();
    assert_eq!(bad(&disk), Vec::<String>::new());
    edit(&disk, &path_of(IDS[1]), "{", "[");
    assert_eq!((faults(&disk).len(), bad(&disk).len()), (1, 2), "the cut and its file");
    assert_eq!(accept(&disk, None), [IDS[1]]);
    assert_eq!(bad(&disk), Vec::<String>::new());
}

#[test]
fn a_restored_original_is_recognised() {
    let disk = filled();
    let original = disk.read(&path_of(IDS[1])).unwrap();
    disk.remove(&path_of(IDS[1])).unwrap();
    assert_eq!((faults(&disk).len(), bad(&disk)), (1, vec![IDS[1].to_owned()]));
    disk.put(&path_of(IDS[1]), original);
    assert_eq!(bad(&disk), Vec::<String>::new(), "before the next start");
    assert_eq!((faults(&disk), bad(&disk)), (vec![], vec![]));
    assert!(open(&disk).get(IDS[1]).unwrap().is_some());
}

#[test]
fn another_pseudonym_key_quarantines_nothing() {
    let disk = filled();
    let before = disk.paths();
    let other = CutStore::new(Arc::new(disk.clone()), CutKey::new([8; 32]));
    let error = other.closed_periods().err().unwrap().to_string();
    assert!(error.contains("restore that key"), "{error}");
    assert_eq!(disk.paths(), before);
}

#[test]
fn a_damaged_key_id_is_damage_and_no_other_key() {
    let id = CutKey::new([7; 32]).id();
    for (place, digit) in id.char_indices() {
        let mut decayed = id.clone();
        decayed.replace_range(place..=place, if digit == '0' { "1" } else { "0" });
        let disk = filled();
        edit(&disk, CHAIN, &id, &decayed);
        assert!(!faults(&disk).is_empty());
    }
}
