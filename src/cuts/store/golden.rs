//! Cuts of every format that was ever written: they must load forever.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::cuts::SealKind;
use crate::disk::MemoryDisk;
use crate::targets::Quantity;

/// Formats of cuts, the oldest first: with a plain hash; with a keyed hash; with settings, first offsets and counts.
const FILES: [(&str, &str); 3] =
    [("20200516T050000Z", "cut-v1.json"), ("20200517T050000Z", "cut-v2.json"), ("20200518T050000Z", "cut-v3.json")];

fn golden(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

fn key() -> CutKey {
    CutKey::new([7; 32])
}

fn read(id: &str, file: &str) -> CutFile {
    let text = fs::read_to_string(golden(file)).unwrap();
    CutFile::parse(&text, id, &key()).unwrap_or_else(|what| panic!("{file} {what}"))
}

#[test]
fn golden_cuts_of_every_format_load_forever() {
    let files = FILES.map(|(id, file)| read(id, file));
    for file in &files {
        let [answered, people] = &file.cut.targets[..] else { panic!("two targets") };
        assert_eq!((answered.actual, people.actual), (Some(Quantity::Ratio(0.8)), Some(Quantity::Count(40))));
        assert_eq!(file.cut.corrections[0].after, Some(Quantity::Ratio(0.75)));
        assert_eq!(file.cut.periods[0].cells[0].net_pesos, Quantity::Centavos(100_000_005));
        assert_eq!(file.cut.offsets[0].next_offset, 60);
    }
    let kinds = files.each_ref().map(|file| file.seal.kind);
    assert_eq!(kinds, [SealKind::Unsealed, SealKind::Sealed, SealKind::Retaken]);
    assert_eq!(files.each_ref().map(|file| file.cut.offsets[0].first_offset), [None, None, Some(7)]);
    assert_eq!(files[2].cut.settings["programme.time_zone"], "America/Mexico_City");
    let counts = files[2].cut.targets[0].actual;
    assert!(matches!(counts, Some(Quantity::Fraction { numerator: 4, denominator: 5 })), "{counts:?}");
}

#[test]
fn the_newest_golden_cut_is_written_again_to_the_byte() {
    let (id, file) = FILES[2];
    let read = read(id, file);
    let (text, _) = CutFile::text(&read.cut, &read.link.unwrap(), &key()).unwrap();
    assert_eq!(text, fs::read_to_string(golden(file)).unwrap());
}

#[test]
fn a_golden_list_without_acceptances_loads_forever() {
    let disk = MemoryDisk::default();
    disk.put(CHAIN, fs::read(golden("cuts-chain-v1")).unwrap());
    let (id, file) = FILES[1];
    disk.put(&path_of(id), fs::read(golden(file)).unwrap());
    let store = CutStore::new(Arc::new(disk), key());
    assert!(store.verify(None, &[]).unwrap().iter().all(|verdict| verdict.result.is_ok()));
    assert_eq!(store.closed_periods().unwrap().1.len(), 0);
    assert!(store.get(id).unwrap().is_some());
}
