use super::*;
use crate::clock::Timestamp;
use crate::disk::MemoryDisk;

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

/// What a start says is wrong.
fn faults(disk: &MemoryDisk) -> Vec<String> {
    open(disk).closed_periods().unwrap().1.iter().map(ToString::to_string).collect()
}

/// Ids of what a verification says is wrong.
fn bad(disk: &MemoryDisk) -> Vec<String> {
    let verdicts = open(disk).verify(None).unwrap().into_iter();
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

#[test]
fn cuts_of_an_older_version_are_sealed_once() {
    let disk = MemoryDisk::default();
    for id in &IDS[..2] {
        let line = serde_json::to_string(&cut(id)).unwrap();
        let hash = blake3::hash(line.as_bytes()).to_hex();
        disk.put(&path_of(id), format!("{line}\n{hash}\n").into_bytes());
    }
    assert_eq!(faults(&disk), Vec::<String>::new());
    assert_eq!(open(&disk).get(IDS[0]).unwrap().unwrap().1.kind, SealKind::Unsealed);
    open(&disk).put(&cut(IDS[2])).unwrap();
    assert_eq!(bad(&disk), Vec::<String>::new());
    edit(&disk, &path_of(IDS[0]), "\"state_built_ms\":0", "\"state_built_ms\":9");
    assert_eq!(bad(&disk), [IDS[0]], "from then on changes are noticed");
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
