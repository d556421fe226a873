//! One process for each state directory, failing disks and stuck pipelines.

use std::fs;
use std::time::Instant;

use super::{StoredState, assert_says};
use crate::program::{Pacemeter, run_in};
use crate::shared_kafka;

#[test]
fn a_second_process_on_the_same_directory_is_refused_with_73() {
    let stored = StoredState::of(shared_kafka());
    let mut pacemeter = stored.start(&[]);
    stored.assert_exact(&mut pacemeter);
    stored.assert_refused(&[], 73, &["in use by another process", "state.directory"]);
    assert_says(
        &run_in(&stored.state, &["state", "rebuild"], &stored.settings(&[])),
        73,
        &["in use by another process"],
    );
    stored.assert_exact(&mut pacemeter);
    assert_eq!(pacemeter.stop().code, Some(0));
    stored.assert_starts(&[], "newest", 6);
}

/// Makes every write below the directory of checkpoints fail, even for root. Returns a function that repairs the disk.
fn break_the_disk(stored: &StoredState<'_>) -> impl Fn() + use<> {
    let directory = stored.state.path().join("checkpoints");
    let moved = stored.state.path().join("moved");
    fs::rename(&directory, &moved).expect("the directory can be moved");
    fs::write(&directory, "not a directory").expect("a file");
    move || {
        fs::remove_file(&directory).expect("the file can be removed");
        fs::rename(&moved, &directory).expect("the directory can be moved back");
    }
}

#[test]
fn a_failing_disk_is_reported_and_stops_no_reading() {
    let mut stored = StoredState::of(shared_kafka());
    let mut pacemeter = stored.start(&[]);
    stored.assert_exact(&mut pacemeter);
    let repair = break_the_disk(&stored);
    stored.write(100);
    let failures = |pacemeter: &Pacemeter| -> f64 {
        pacemeter.scrape().all("pacemeter_checkpoint_failures_total").map(|(_, count)| count).sum()
    };
    pacemeter.until("several checkpoints failed", |pacemeter| (failures(pacemeter) >= 3.0).then_some(()));
    stored.assert_exact(&mut pacemeter);
    assert!(
        pacemeter.scrape().value("pacemeter_checkpoint_age_seconds", &[]).is_some_and(|age| age > 0.0),
        "unsaved records grow old"
    );
    assert!(!pacemeter.events("pacemeter.checkpoint.failed").is_empty());
    repair();
    pacemeter.until("everything is saved", |pacemeter| {
        (pacemeter.scrape().value("pacemeter_checkpoint_age_seconds", &[]) == Some(0.0)).then_some(())
    });
    pacemeter.kill();
    stored.assert_starts(&[], "newest", 6);
}

#[test]
fn three_failures_in_a_row_end_it_with_74_if_configured() {
    let mut stored = StoredState::of(shared_kafka());
    let mut pacemeter = stored.start(&["checkpoint.exit_after_failures=3"]);
    stored.assert_exact(&mut pacemeter);
    let repair = break_the_disk(&stored);
    stored.write(100);
    assert_says(
        &pacemeter.ended(Instant::now()),
        74,
        &["3 consecutive checkpoints could not be written", "replace the disk"],
    );
    repair();
    stored.assert_starts(&[], "newest", 6);
}

#[test]
fn a_stuck_pipeline_ends_the_process_with_75() {
    let mut stored = StoredState::of(shared_kafka());
    let settings = stored.settings(&["pipeline.wedge_timeout=2s"]);
    let mut pacemeter =
        Pacemeter::start_with(&stored.state, &settings, &[("PACEMETER_TEST_FAILPOINT", "batch.applied:20:hang")]);
    pacemeter.wait_ready();
    while !pacemeter.has_ended() {
        stored.write(10);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_says(&pacemeter.ended(Instant::now()), 75, &["pacemeter.pipeline.wedged"]);
    stored.assert_starts(&[], "newest", 6);
}
