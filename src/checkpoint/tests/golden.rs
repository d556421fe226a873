//! Files of every format version that was ever released: they must load forever.

use std::fs;
use std::path::PathBuf;

use super::world::{DIR, State, restored, store};
use crate::checkpoint::names::Name;
use crate::checkpoint::{CheckpointChain, Head, LastCut};
use crate::clock::{DAY, Timestamp};
use crate::disk::MemoryDisk;
use crate::targets::Tally;
use crate::view::cut::{PartitionCut, PartitionCutCell, PartitionCutTarget};
use crate::view::panes::SpanFigures;

/// Made by arithmetic alone, so that it does not depend on a random number generator.
fn state() -> State {
    let dense = |page: u32, bytes: u32| {
        (0..bytes).map(|at| ((page * bytes + at).wrapping_mul(2_654_435_761) >> 16) as u8).collect()
    };
    let sparse =
        |page: u32, bytes: u32| (0..bytes).map(|at| if at % 7 == page % 7 { at as u8 | 1 } else { 0 }).collect();
    let tables = vec![
        (64, (0..9).map(|page| dense(page, 64)).collect()),
        (128, (0..5).map(|page| sparse(page, 128)).collect()),
        (25, Vec::new()),
        (1, vec![vec![42]]),
    ];
    let day =
        |number: i64| (at_day(number), (format!("made-up history of day {number}").into_bytes(), number < 18_002));
    State { next_offset: 1_234, body: b"made-up body".to_vec(), tables, days: (18_000..18_004).map(day).collect() }
}

fn golden(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

fn at_day(number: i64) -> Timestamp {
    Timestamp::from_millis(number * DAY)
}

/// A share of a cut that is not stored yet, as heads have since version 2.
fn pending_cuts() -> Vec<(Timestamp, PartitionCut)> {
    let figures = SpanFigures { beneficiaries: 2, dispersals: 3, net: 7_500_000 };
    let cell = PartitionCutCell { programme: "credito".to_owned(), state: "MX-JAL".to_owned(), figures };
    let periods = vec![(at_day(18_000), Tally { amount: 2, base: 0 }), (at_day(17_993), Tally { amount: -1, base: 5 })];
    let target = PartitionCutTarget { name: "weekly".to_owned(), selection: 42, known_from: at_day(17_900), periods };
    vec![(
        at_day(18_001),
        PartitionCut { next_offset: 1_200, cells: [vec![cell], Vec::new(), Vec::new()], targets: vec![target] },
    )]
}

/// A head with everything of cuts that its version has.
fn head(version: u32, head: Head) -> Head {
    let last_cut = LastCut { id: "20190414T060000Z".to_owned(), hash: "ab".repeat(32) };
    let since = |first: u32| version >= first;
    Head {
        pending_cuts: if since(2) { pending_cuts() } else { Vec::new() },
        first_timestamp: since(3).then(|| at_day(17_995)),
        pending_until: if since(4) { vec![at_day(18_100)] } else { Vec::new() },
        last_cut: since(5).then_some(last_cut),
        passed: since(6).then(|| at_day(18_002)),
        provisional: if since(6) { vec![true] } else { Vec::new() },
        topic_id: since(5).then(|| "qP0sT3bWQ0mX5y7zA1c2dg".to_owned()),
        ..head
    }
}

/// `PACEMETER_BLESS=1` creates missing files in the current version; existing files are never overwritten.
fn loads(version: u32, root_hash: &str) {
    let files = [(Name::checkpoint(1), "checkpoint"), (Name::days(1), "days")]
        .map(|(name, extension)| (name, golden(&format!("checkpoint-v{version}.{extension}"))));
    if std::env::var_os("PACEMETER_BLESS").is_some() && !files[0].1.exists() {
        let disk = MemoryDisk::default();
        state().write_with(|plain| head(version, plain), &store(&disk), &mut CheckpointChain::default()).unwrap();
        for (name, path) in &files {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, disk.read(&DIR.path(*name)).unwrap()).unwrap();
        }
    }
    let disk = MemoryDisk::default();
    for (name, path) in &files {
        disk.put(&DIR.path(*name), fs::read(path).expect("a golden file; PACEMETER_BLESS=1 creates it"));
    }
    assert_eq!(restored(&store(&disk)), Some(state()));
    let reader = store(&disk).open(DIR, 1).unwrap();
    assert_eq!(*reader.head(), head(version, reader.head().clone()));
    assert_eq!(reader.root_hash(), root_hash);
}

#[test]
fn checkpoints_of_every_version_load() {
    loads(1, "4b9249ff22e7959af1a81504362d54da6596725ecaa61287d24cc6c002695923");
    loads(2, "895f5777b499ae941b8f446c10649dd70713e65344581c372f8e21bb36a9136b");
    loads(3, "4e054d489b4d1a22e23364928233aea0e3571abd6f4d751f72078fcbad592daa");
    loads(4, "c9e3ef5f1987074418dd2b34c041c29aefb5dea0c05890efde4d66722ad2aa87");
    loads(5, "c6f943aad46427a54dc6887541543d780dba9d4ee93cad58003586efc739ad58");
    loads(6, "fa931dcfe2ecf2411773483920c768929aad4a7885d4b055ae8c5c8147f988fb");
}
