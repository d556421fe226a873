//! Checkpoints on the machine's own file system: permissions, missing files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::world::{DIR, State, restored, store};
use crate::checkpoint::{CheckpointChain, DIRECTORY};
use crate::disk::RealDisk;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn checkpoints_survive_reopening_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let open = || store(&RealDisk::open(&directory.path().join("state"), &[DIRECTORY]).unwrap());
    let mut chain = CheckpointChain::default();
    for seed in 0..6 {
        State::made_up(seed, 20, seed as i64).write(&open(), &mut chain).unwrap();
    }
    assert_eq!(restored(&open()), Some(State::made_up(5, 20, 5)));
    assert_eq!(open().partitions().unwrap(), [DIR]);
    let listing = open().list(DIR).unwrap();
    assert_eq!((listing.checkpoints, listing.days, listing.incomplete), (vec![6, 5, 4], vec![6, 5, 4, 3, 2], 0));
}

#[test]
fn only_the_owner_has_rights() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("a/state");
    let store = store(&RealDisk::open(&root, &[DIRECTORY]).unwrap());
    State::made_up(1, 3, 1).write(&store, &mut CheckpointChain::default()).unwrap();
    let dir = root.join(DIRECTORY).join(DIR.to_string());
    for path in [&root, &root.join(DIRECTORY), &dir] {
        assert_eq!(mode(path), 0o700, "{}", path.display());
    }
    let files: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 2);
    files.iter().for_each(|path| assert_eq!(mode(path), 0o600, "{}", path.display()));
}

#[test]
fn rights_of_others_are_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("state");
    let open = || RealDisk::open(&root, &[DIRECTORY]).unwrap();
    State::made_up(1, 3, 1).write(&store(&open()), &mut CheckpointChain::default()).unwrap();
    let dir = root.join(DIRECTORY).join(DIR.to_string());
    let file = fs::read_dir(&dir).unwrap().next().unwrap().unwrap().path();
    let other = root.join("other.txt");
    fs::write(&other, "not ours").unwrap();
    [(&root, 0o755), (&dir, 0o777), (&file, 0o644), (&other, 0o644)]
        .into_iter()
        .for_each(|(path, mode)| set_mode(path, mode));
    open();
    assert_eq!([&root, &dir, &file, &other].map(|path| mode(path)), [0o700, 0o700, 0o600, 0o644]);
    set_mode(&root, 0o1777);
    open();
    assert_eq!(mode(&root), 0o1777, "a shared directory keeps its mode");
}

#[test]
fn a_missing_partition_is_empty_and_cannot_be_opened() {
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(directory.path(), &[DIRECTORY]).unwrap();
    assert_eq!(store(&disk).partitions().unwrap(), []);
    assert_eq!(store(&disk).list(DIR).unwrap(), Default::default());
    let Err(damage) = store(&disk).open(DIR, 1) else { panic!("it was reader") };
    assert_eq!((damage.kind(), damage.is_permanent()), ("unreadable", false));
}
