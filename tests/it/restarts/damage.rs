//! Damaged, missing and leftover checkpoint files.

use std::fs;
use std::path::Path;

use super::{StoredState, assert_says, restores};
use crate::program::run_in;
use crate::shared_kafka;

fn flip_a_byte(path: &Path) {
    let mut content = fs::read(path).expect("a file");
    let middle = content.len() / 2;
    content[middle] ^= 0x10;
    fs::write(path, content).expect("a file");
}

#[test]
fn a_damaged_checkpoint_is_skipped_for_an_older_one() {
    let mut stored = StoredState::of(shared_kafka());
    stored.write(50);
    stored.assert_starts(&[], "newest", 6);
    let files = stored.checkpoints("disbursement-0");
    assert!(files.len() >= 2, "the shutdown writes a checkpoint: {files:?}");
    flip_a_byte(&files[0]);
    let mut pacemeter = stored.start(&[]);
    stored.assert_exact(&mut pacemeter);
    assert_eq!((restores(&pacemeter, "older"), restores(&pacemeter, "newest")), (1.0, 5.0));
    assert!(!pacemeter.events("pacemeter.checkpoint.damaged").is_empty());
    assert!(pacemeter.scrape().all("pacemeter_checkpoints_damaged_total").any(|(_, count)| count == 1.0));
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_pipe_in_place_of_a_checkpoint_holds_up_nothing() {
    let mut stored = StoredState::of(shared_kafka());
    stored.write(50);
    stored.assert_starts(&[], "newest", 6);
    let newest = stored.checkpoints("disbursement-0").remove(0);
    fs::remove_file(&newest).expect("a file");
    assert!(std::process::Command::new("mkfifo").arg(&newest).status().expect("mkfifo runs").success());
    let verified = run_in(&stored.state, &["state", "verify"], &stored.settings(&[]));
    assert_says(&verified, 65, &["is not a regular file"]);
    let mut pacemeter = stored.start(&[]);
    stored.assert_exact(&mut pacemeter);
    assert_eq!((restores(&pacemeter, "older"), restores(&pacemeter, "newest")), (1.0, 5.0));
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn without_a_good_checkpoint_it_rebuilds_or_refuses() {
    let stored = StoredState::of(shared_kafka());
    stored.checkpoints("call-1").iter().for_each(|path| flip_a_byte(path));
    stored.assert_refused(
        &["state.on_missing=fail"],
        65,
        &["call-1", "every checkpoint is damaged", "state.on_missing"],
    );
    stored.assert_starts(&[], "rebuild", 1);
    // A lost state directory is not taken for a first start.
    fs::remove_dir_all(stored.state.path().join("checkpoints")).expect("a directory");
    stored.assert_refused(&["state.on_missing=fail"], 65, &["no checkpoint", "committed offset", "state.directory"]);
    stored.assert_starts(&[], "rebuild", 6);
}

#[test]
fn files_left_by_a_crash_are_counted_and_removed() {
    let mut stored = StoredState::of(shared_kafka());
    let left = stored.checkpoints("call-0")[0].with_file_name("00000000000000009999.checkpoint.tmp");
    fs::write(&left, "PACEMETER").expect("a file");
    let mut pacemeter = stored.start(&[]);
    stored.assert_exact(&mut pacemeter);
    assert_eq!(pacemeter.scrape().value("pacemeter_checkpoint_incomplete_total", &[]), Some(1.0));
    stored.write(100);
    stored.assert_exact(&mut pacemeter);
    assert_eq!(pacemeter.stop().code, Some(0));
    assert!(!left.exists(), "the next checkpoint removes it");
}
