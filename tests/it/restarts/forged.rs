//! Files that somebody without the key, but with rights on the state directory, puts there or takes away.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use pacemeter::record::Stream;

use super::{StoredState, assert_says, restores};
use crate::program::run_in;
use crate::shared_kafka;

const PREAMBLE: usize = 32;
const FOOTER: u64 = 96;
const LOST: &str = "so a rebuild would lose history";

/// Removes the checkpoints of a partition and leaves an empty file `cleared`.
fn clear(stored: &StoredState<'_>, partition: &str) {
    stored.checkpoints(partition).iter().for_each(|path| fs::remove_file(path).expect("a file"));
    File::create(stored.state.path().join("checkpoints").join(partition).join("cleared")).expect("a file");
}

#[test]
fn an_empty_mark_does_not_replace_the_history() {
    let stored = StoredState::of(shared_kafka());
    (0..2).for_each(|partition| stored.test_log.topics.delete_records(Stream::Call, partition));
    ["call-0", "call-1"].iter().for_each(|partition| clear(&stored, partition));
    let lost = "call-0 to call-1 (numbers of call-0): no checkpoint, but an earlier process committed";
    let said = ["pacemeter.checkpoint.mark_refused", lost, LOST];
    stored.assert_refused(&[], 65, &said);
    let settings = stored.settings(&[]);
    assert_says(&run_in(&stored.state, &["state", "rebuild", "--stream", "call"], &settings), 65, &["--force"]);
    let forced = run_in(&stored.state, &["state", "rebuild", "--stream", "call", "--force"], &settings);
    assert_says(&forced, 0, &["2 partitions"]);
    let mut pacemeter = stored.start(&["state.on_missing=fail"]);
    pacemeter.wait_ready();
    assert_eq!((restores(&pacemeter, "rebuild"), restores(&pacemeter, "newest")), (2.0, 4.0));
    assert!(!pacemeter.events("pacemeter.state.rebuild").is_empty(), "every rebuild is announced");
    assert_eq!(pacemeter.stop().code, Some(0));
    // The next checkpoint has removed the marks.
    assert!(!stored.state.path().join("checkpoints/call-0/cleared").exists());
}

#[test]
fn removed_checkpoints_are_not_rebuilt_from_a_shortened_log() {
    let stored = StoredState::of(shared_kafka());
    stored.test_log.topics.delete_records(Stream::Call, 0);
    fs::remove_dir_all(stored.state.path().join("checkpoints/call-0")).expect("a directory");
    stored.assert_refused(&[], 65, &["call-0: no checkpoint, but an earlier process committed", LOST]);
    // Another group has committed nothing, as one whose offsets have expired.
    stored.assert_refused(&["kafka.group_id=expired"], 65, &["call-0: no checkpoint, but", "has one", LOST]);
    let mut pacemeter = stored.start(&["state.accept_lost_history=true"]);
    pacemeter.wait_ready();
    assert_eq!((restores(&pacemeter, "rebuild"), restores(&pacemeter, "newest")), (1.0, 5.0));
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_rebuild_needs_force_where_any_checkpoint_knows_more() {
    let stored = StoredState::of(shared_kafka());
    stored.test_log.topics.delete_records(Stream::Call, 0);
    let settings = ["streams.call.horizon=8d", "state.on_mismatch=rebuild", "state.accept_lost_history=true"];
    let mut pacemeter = stored.start(&settings);
    pacemeter.wait_ready();
    assert_eq!(pacemeter.stop().code, Some(0));
    let rebuild = run_in(&stored.state, &["state", "rebuild", "--stream", "call"], &stored.settings(&settings));
    assert_says(&rebuild, 65, &["call-0: the state began at offset 0", "--force"]);
}

/// Makes a checkpoint a sparse file of this length whose index is all of it.
fn make_sparse(path: &Path, length: u64) {
    let preamble = fs::read(path).expect("a checkpoint")[..PREAMBLE].to_vec();
    let index_bytes = length - FOOTER - PREAMBLE as u64;
    let numbers = [(PREAMBLE as u64).to_le_bytes(), index_bytes.to_le_bytes()].concat();
    let fields = [&numbers[..], &[0; 32], &length.to_le_bytes()].concat();
    let footer = [&fields[..], blake3::hash(&fields).as_bytes(), b"PACE END"].concat();
    let file = OpenOptions::new().write(true).truncate(true).open(path).expect("a file");
    file.set_len(length).expect("a sparse file");
    file.write_all_at(&preamble, 0).expect("written");
    file.write_all_at(&footer, length - FOOTER).expect("written");
}

#[test]
fn a_sparse_checkpoint_is_damage_like_any_other() {
    let mut stored = StoredState::of(shared_kafka());
    stored.write(50);
    stored.assert_starts(&[], "newest", 6);
    make_sparse(&stored.checkpoints("disbursement-0")[0], 1 << 40);
    let started = Instant::now();
    let settings = stored.settings(&[]);
    let said = ["disbursement-0", "the file is inconsistent: length of a section"];
    assert_says(&run_in(&stored.state, &["state", "verify"], &settings), 65, &said);
    assert_says(&run_in(&stored.state, &["state", "inspect"], &settings), 0, &said);
    assert_says(&run_in(&stored.state, &["cut", "verify"], &settings), 0, &[]);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let mut pacemeter = stored.start(&[]);
    stored.assert_exact(&mut pacemeter);
    assert_eq!((restores(&pacemeter, "older"), restores(&pacemeter, "newest")), (1.0, 5.0));
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn verify_reports_checkpoints_of_another_key_as_unproven() {
    let stored = StoredState::of(shared_kafka());
    fs::write(stored.state.path().join("pseudonym.key"), "5a".repeat(32)).expect("a key");
    let verified = run_in(&stored.state, &["state", "verify"], &stored.settings(&[]));
    assert_says(&verified, 65, &["call-0", "was written with pseudonym key", "nothing in it is proven"]);
}
