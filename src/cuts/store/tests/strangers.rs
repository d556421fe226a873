//! Files that somebody puts into the directory of cuts, and evidence that must stay.

use super::*;
use crate::cuts::CutAcceptance;

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

/// A disk that counts the bytes that are read, and adds length to files named like cuts without storing it.
#[derive(Clone, Default)]
struct CountingDisk {
    disk: MemoryDisk,
    bytes: Arc<AtomicUsize>,
    /// Length that every file of at least one mebibyte is said to have beyond its content.
    padding: u64,
}

struct CountingReader {
    reader: Box<dyn crate::disk::DiskReader>,
    bytes: Arc<AtomicUsize>,
    padding: u64,
}

impl crate::disk::DiskReader for CountingReader {
    fn len(&self) -> io::Result<u64> {
        Ok(self.reader.len()? + self.padding)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.bytes.fetch_add(buffer.len(), Ordering::Relaxed);
        // The padding precedes the content.
        if offset >= self.padding {
            return self.reader.read_exact_at(buffer, offset - self.padding);
        }
        let skipped = (self.padding - offset).min(buffer.len() as u64) as usize;
        self.reader.read_exact_at(&mut buffer[skipped..], 0)
    }
}

impl Disk for CountingDisk {
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.disk.list(directory)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn crate::disk::DiskWriter>> {
        self.disk.create(path)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn crate::disk::DiskReader>> {
        let reader = self.disk.open(path)?;
        let padding = if path.starts_with("cuts/2099") { self.padding } else { 0 };
        Ok(Box::new(CountingReader { reader, bytes: Arc::clone(&self.bytes), padding }))
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

/// Ids of cuts of 2099, whose files are large.
fn large_ids() -> impl Iterator<Item = String> {
    (0..1_000).map(|minute| cut_id(cut("20990101T000000Z").at_ms + minute * 60_000))
}

#[test]
fn large_files_that_are_not_listed_are_not_read() {
    let disk = CountingDisk { disk: filled(), padding: 60 * 1_024 * 1_024, ..CountingDisk::default() };
    let hash = "0".repeat(64);
    for (place, id) in large_ids().enumerate() {
        // Junk; the form without a key; a link that continues another list.
        let link = format!("{{\"previous\":\"{hash}\",\"retaken\":false}}");
        let content = [String::new(), format!("{{}}\n{hash}\n"), format!("{{}}\n{link}\n{hash}\n")][place % 3].clone();
        disk.disk.put(&path_of(&id), content.into_bytes());
    }
    let store = CutStore::new(Arc::new(disk.clone()), CutKey::new([7; 32]));
    let (_, faults) = store.closed_periods().unwrap();
    assert_eq!(faults.len(), 21);
    assert_eq!(store.verify(None, &[]).unwrap().iter().filter(|verdict| verdict.result.is_err()).count(), 1_000);
    let read = disk.bytes.load(Ordering::Relaxed);
    assert!(read < 5 * 1_024 * 1_024, "{read} bytes");
    // A list that names another key, and one that is gone, do not cost more.
    disk.disk.remove(BEGUN).unwrap();
    edit(&disk.disk, CHAIN, &CutKey::new([7; 32]).id(), &CutKey::new([8; 32]).id());
    let (_, faults) = CutStore::new(Arc::new(disk.clone()), CutKey::new([7; 32])).closed_periods().unwrap();
    assert!(faults[0].to_string().contains("names another pseudonym key"), "{}", faults[0]);
    assert!(IDS.iter().all(|id| open(&disk.disk).get(id).unwrap().is_some()));
}

#[test]
fn forged_links_cost_no_more_than_the_limit() {
    let mebibytes = 64 * 1_024 * 1_024;
    let disk = CountingDisk { disk: filled(), padding: mebibytes - 1_024, ..CountingDisk::default() };
    let head = open(&disk.disk).get(IDS[2]).unwrap().unwrap().1.hash;
    let link = format!("{{\"previous\":\"{head}\",\"retaken\":false}}");
    let forged = format!("{{}}\n{link}\n{head}\n");
    large_ids().take(100).for_each(|id| disk.disk.put(&path_of(&id), forged.clone().into_bytes()));
    // The cut that a crash has left out of the list is found among them.
    let list = disk.disk.read(CHAIN).unwrap();
    open(&disk.disk).put(&cut(NEXT)).unwrap();
    disk.disk.put(CHAIN, list);
    disk.bytes.store(0, Ordering::Relaxed);
    let store = CutStore::new(Arc::new(disk.clone()), CutKey::new([7; 32]));
    let (closed_periods, faults) = store.closed_periods().unwrap();
    assert!(closed_periods.has_cut(cut(NEXT).at_ms));
    assert_eq!(faults.len(), 21);
    let read = disk.bytes.load(Ordering::Relaxed) as u64;
    assert!(read < 64 * mebibytes, "{read} bytes");
}

#[test]
fn a_large_file_in_place_of_a_lost_cut_is_not_read() {
    let disk = CountingDisk { padding: 60 * 1_024 * 1_024, ..CountingDisk::default() };
    let (store, id) = (open(&disk.disk), "20990101T000000Z");
    store.put(&cut(id)).unwrap();
    disk.disk.remove(&path_of(id)).unwrap();
    assert!(store.get(id).is_err());
    disk.disk.put(&path_of(id), b"junk".to_vec());
    let store = CutStore::new(Arc::new(disk.clone()), CutKey::new([7; 32]));
    assert!((0..10).all(|_| store.get(id).is_err()));
    let read = disk.bytes.load(Ordering::Relaxed);
    assert!(read < 1_024 * 1_024, "{read} bytes");
    assert!(disk.disk.read(&path_of(id)).is_some(), "left alone");
}

#[test]
fn a_list_that_names_another_key_is_damage_if_the_mark_is_ours() {
    let [own, other] = [7, 8].map(|byte| CutKey::new([byte; 32]).id());
    let disk = filled();
    IDS.iter().for_each(|id| disk.remove(&path_of(id)).unwrap());
    edit(&disk, CHAIN, &own, &other);
    assert!(bad(&disk).contains(&"chain".to_owned()));
    assert!(faults(&disk)[0].contains("names another pseudonym key"));
    assert!(disk.read("cuts/chain.damaged-1").is_some());
    assert_eq!((faults(&disk), bad(&disk)), (vec![], vec!["chain".to_owned(), "chain.damaged-1".to_owned()]));
    open(&disk).put(&cut(IDS[0])).unwrap();
    assert!(open(&disk).get(IDS[0]).unwrap().is_some());
    // Without the mark it may as well be the key that was replaced.
    let disk = filled();
    IDS.iter().for_each(|id| disk.remove(&path_of(id)).unwrap());
    disk.remove(BEGUN).unwrap();
    edit(&disk, CHAIN, &own, &other);
    assert_eq!(open(&disk).closed_periods().err().unwrap().kind(), ErrorKind::Unsupported);
}

#[test]
fn thousands_of_strangers_are_one_acceptance() {
    let disk = filled();
    edit(&disk, &path_of(IDS[1]), "{", "[");
    let strangers: Vec<String> = (0..1_200).map(|minute| cut_id(cut(NEXT).at_ms + minute * 60_000)).collect();
    for id in &strangers {
        disk.put(&path_of(id), b"junk".to_vec());
        disk.put(&format!("{}.damaged-1", path_of(id)), b"junk".to_vec());
    }
    assert_eq!(accept(&disk, Some(&strangers[0])), [strangers[0].as_str()]);
    assert_eq!(accept(&disk, None), [IDS[1], "strangers"]);
    assert_eq!((faults(&disk), bad(&disk)), (vec![], vec![]));
    assert!(strangers.iter().all(|id| disk.read(&format!("{}.stranger-1", path_of(id))).is_some()));
    let acceptance = open(&disk).acceptances().unwrap().pop().unwrap();
    assert!(acceptance.what.contains("2398 files") && acceptance.what.len() < 300, "{}", acceptance.what);
    open(&disk).prune(cut(NEXT).at_ms + 86_400_000).unwrap();
    assert!(!disk.paths().iter().any(|path| path.contains("stranger")), "retention removes them");
}

#[test]
fn more_losses_than_there_is_room_for_are_one_acceptance() {
    let disk = MemoryDisk::default();
    let ids: Vec<String> = (0..1_100).map(|minute| cut_id(cut(NEXT).at_ms + minute * 60_000)).collect();
    ids.iter().for_each(|id| put_unsealed(&disk, id));
    assert_eq!(adopt(&disk, None), ["cuts"]);
    assert_eq!((faults(&disk), bad(&disk)), (vec![], vec![]));
    assert!(open(&disk).get(&ids[7]).unwrap().is_some());
}

/// A loss is accepted while a file that anybody can make stands in the place of the cut.
#[test]
fn a_file_without_a_key_never_stands_in_for_a_sealed_cut() {
    for was_retaken in [false, true] {
        let disk = filled();
        disk.remove(&path_of(IDS[1])).unwrap();
        assert_eq!(faults(&disk).len(), 1);
        if was_retaken {
            open(&disk).put(&cut(IDS[1])).unwrap();
            disk.remove(&path_of(IDS[1])).unwrap();
            faults(&disk);
        }
        put_unsealed(&disk, IDS[1]);
        let forged = disk.read(&path_of(IDS[1]));
        assert!(faults(&disk)[0].contains("unlike the cut that was stored"), "{:?}", faults(&disk));
        assert_eq!(adopt(&disk, None), Vec::<String>::new());
        assert_eq!(adopt(&disk, Some(IDS[1])), Vec::<String>::new());
        assert!(open(&disk).get(IDS[1]).is_err());
        let report = open(&disk).accept(Some(IDS[1]), "known", Timestamp::from_millis(5)).unwrap();
        let said: Vec<&str> = report.accepted.iter().map(|acceptance| acceptance.what.as_str()).collect();
        assert!(said[0] == "was damaged or removed" && said[1].starts_with("renamed to"), "{said:?}");
        assert_eq!((report.unsealed, said.len()), (vec![], 2));
        assert!(open(&disk).get(IDS[1]).is_err(), "lost, as was accepted");
        assert_eq!(disk.read(&format!("{}.stranger-1", path_of(IDS[1]))), forged);
        assert_eq!((faults(&disk), bad(&disk), open(&disk).unusual().len()), (vec![], vec![], 0));
    }
}

#[test]
fn another_file_in_place_of_an_adopted_cut_is_not_adopted() {
    let disk = MemoryDisk::default();
    put_unsealed(&disk, IDS[0]);
    assert_eq!(adopt(&disk, None), [IDS[0]]);
    disk.remove(&path_of(IDS[0])).unwrap();
    assert_eq!(faults(&disk).len(), 1);
    let line = serde_json::to_string(&Cut { state_built_ms: Timestamp::from_millis(9), ..cut(IDS[0]) }).unwrap();
    let hash = blake3::hash(line.as_bytes()).to_hex();
    disk.put(&path_of(IDS[0]), format!("{line}\n{hash}\n").into_bytes());
    assert_eq!((adopt(&disk, None), bad(&disk)), (vec![], vec![IDS[0].to_owned()]));
    put_unsealed(&disk, IDS[0]);
    assert_eq!((faults(&disk), bad(&disk)), (vec![], vec![]), "the adopted file is recognised");
}

#[test]
fn any_number_of_quarantined_files_can_be_accepted() {
    let disk = filled();
    edit(&disk, &path_of(IDS[1]), "{", "[");
    assert_eq!(faults(&disk).len(), 1);
    let aside = |id: &str, number: u32| format!("{}.damaged-{number}", path_of(id));
    for number in 2..12_000 {
        IDS[..2].iter().for_each(|id| disk.put(&aside(id, number), b"x".to_vec()));
    }
    let others = ["x", "1x", "", "1.stranger-1"].map(|end| format!("{}.damaged-{end}", path_of(IDS[1])));
    others.iter().for_each(|path| disk.put(path, b"x".to_vec()));
    assert_eq!(accept(&disk, None), [IDS[1], IDS[0], "strangers"]);
    assert_eq!((faults(&disk), bad(&disk)), (vec![], vec![]));
    assert!(disk.read(&aside(IDS[1], 1)).is_some(), "named in the acceptance, and left where it is");
    assert!(others.iter().all(|path| disk.read(path).is_some()), "no names of quarantined files");
    let list = disk.read(CHAIN).unwrap();
    assert!(list.len() < 10_000, "the list has {} bytes", list.len());
}

#[test]
fn without_room_for_acceptances_nothing_is_renamed() {
    let disk = filled();
    let store = open(&disk);
    let mut chain = store.read_chain().unwrap().unwrap();
    let known = CutAcceptance {
        id: "chain".to_owned(),
        at_ms: Timestamp::from_millis(0),
        what: "known".to_owned(),
        reason: "known".to_owned(),
        files: Vec::new(),
    };
    chain.acceptances = vec![known; 1_000];
    store.save(&chain).unwrap();
    disk.put(&path_of(NEXT), b"junk".to_vec());
    let before = disk.paths();
    let error = open(&disk).accept(None, "known", Timestamp::from_millis(5)).unwrap_err();
    assert_eq!((error.kind(), disk.paths()), (ErrorKind::StorageFull, before));
}

#[test]
fn errors_of_the_disk_name_the_file() {
    let faulty = FaultyDisk::default();
    IDS.iter().for_each(|id| drop(open(&faulty.disk).put(&cut(id)).unwrap()));
    faulty.disk.put(&path_of(NEXT), b"junk".to_vec());
    for refused in 0..6 {
        faulty.heal();
        let store = CutStore::new(Arc::new(faulty.clone()), CutKey::new([7; 32]));
        faulty.refuse(refused, 1, ErrorKind::PermissionDenied);
        let said = match store.closed_periods() {
            Ok((_, faults)) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            Err(error) => error.to_string(),
        };
        let path = faulty.calls().into_iter().rfind(|call| call.is_refused).unwrap().path;
        assert!(said.contains(&path), "{path} is not in {said:?}");
    }
}
