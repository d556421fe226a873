use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::clock::Timestamp;
use crate::cuts::{Cut, CutKey, CutStore, cut_id};
use crate::decode::KeyFile;
use crate::disk::RealDisk;
use crate::settings::Layers;

/// Settings with this state directory.
fn reader(directory: &Path) -> SettingsReader {
    let overrides = vec![format!("state.directory={}", directory.display())];
    SettingsReader::load(&Layers { overrides, ..Layers::default() })
}

/// Stores a cut at each of these instants.
fn with_cuts(instants: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings::read(reader(directory.path())).unwrap();
    let KeyFile { key, .. } = KeyFile::load_or_create(&settings.pseudonym_key_path()).unwrap();
    let disk = RealDisk::open(directory.path(), &crate::app::STATE_ENTRIES).unwrap();
    let cuts = CutStore::new(Arc::new(disk), CutKey::new(key.derive(CutKey::CONTEXT)));
    for instant in instants {
        let at_ms: Timestamp = instant.parse().unwrap();
        let cut = Cut {
            id: cut_id(at_ms),
            at_ms,
            at: (*instant).to_owned(),
            taken_ms: at_ms,
            state_built_ms: at_ms,
            settings: BTreeMap::new(),
            offsets: Vec::new(),
            periods: Vec::new(),
            targets: Vec::new(),
            corrections: Vec::new(),
        };
        cuts.put(&cut).unwrap();
    }
    directory
}

fn inspected(directory: &TempDir) -> String {
    inspect(reader(directory.path())).unwrap()
}

const THREE: [&str; 3] = ["2020-05-15T05:00:00Z", "2020-05-15T23:00:00Z", "2020-05-16T05:00:00Z"];

#[test]
fn inspect_counts_the_cuts_with_the_first_and_the_last() {
    let directory = with_cuts(&THREE);
    let printed = inspected(&directory);
    assert!(printed.ends_with("\n\ncuts: 3 intact, 20200515T050000Z to 20200516T050000Z\n"), "{printed}");
    let empty = with_cuts(&[]);
    assert!(inspected(&empty).ends_with("\n\ncuts: none\n"), "{}", inspected(&empty));
    assert!(inspected(&tempfile::tempdir().unwrap()).ends_with("\n\ncuts: none\n"), "without a key");
}

#[test]
fn inspect_names_damaged_and_missing_cuts() {
    let directory = with_cuts(&THREE);
    let file = |id: &str| directory.path().join("cuts").join(format!("{id}.json"));
    let text = fs::read_to_string(file("20200515T230000Z")).unwrap();
    fs::write(file("20200515T230000Z"), text.replace("2020-05-15", "2020-05-14")).unwrap();
    fs::remove_file(file("20200516T050000Z")).unwrap();
    let printed = inspected(&directory);
    let summary =
        "\n\ncuts: 1 intact, 20200515T050000Z to 20200515T050000Z; 2 damaged or missing\n  20200515T230000Z: ";
    assert!(printed.contains(summary) && printed.contains("\n  20200516T050000Z: "), "{printed}");
}

#[test]
fn inspect_without_the_key_says_that_cuts_are_not_verified() {
    let directory = with_cuts(&THREE);
    fs::remove_file(Settings::read(reader(directory.path())).unwrap().pseudonym_key_path()).unwrap();
    let printed = inspected(&directory);
    assert!(printed.contains("\ncuts cannot be verified: there is no pseudonym key "), "{printed}");
}

#[test]
fn a_rebuild_in_an_empty_place_makes_no_directory() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("state");
    let failure = rebuild(reader(&directory), None, true).unwrap_err();
    assert!(failure.exit == Exit::Configuration && failure.message.contains("check state.directory"), "{failure}");
    assert!(!directory.exists());
}
