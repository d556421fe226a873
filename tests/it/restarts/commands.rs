//! `pacemeter state` and `pacemeter cut verify`.

use std::fs;

use pacemeter::record::Stream;

use super::{StoredState, assert_says, built};
use crate::program::run_in;
use crate::shared_kafka;

#[test]
fn inspect_lists_verify_reads_and_rebuild_starts_over() {
    let stored = StoredState::of(shared_kafka());
    let settings = stored.settings(&[]);
    let mut pacemeter = stored.start(&[]);
    stored.assert_exact(&mut pacemeter);
    let built_before = built(&pacemeter);
    let topic = stored.test_log.topics.input(Stream::Call);
    let listed = ["disbursement-0", "milestone-1", &topic, "streams.call.horizon = 7d", "partition 0 of 2"];
    assert_says(&run_in(&stored.state, &["state", "inspect"], &settings), 0, &listed);
    assert_says(&run_in(&stored.state, &["state", "verify"], &settings), 0, &["call-1", "whole"]);
    assert_says(&run_in(&stored.state, &["cut", "verify", "20200101T000000Z"], &settings), 64, &["there is no cut"]);
    assert_eq!(pacemeter.stop().code, Some(0));

    assert_says(&run_in(&stored.state, &["state", "rebuild"], &settings), 0, &["will be counted from the beginning"]);
    let mut pacemeter = stored.start(&["state.on_missing=fail"]);
    stored.assert_exact(&mut pacemeter);
    assert!(built(&pacemeter) > built_before, "every rebuild is announced");
    assert_eq!(pacemeter.stop().code, Some(0));

    let newest = &stored.checkpoints("call-1")[0];
    let mut content = fs::read(newest).expect("a file");
    let last = content.len() - 1;
    content.truncate(last);
    fs::write(newest, content).expect("a file");
    assert_says(&run_in(&stored.state, &["state", "verify"], &settings), 65, &["call-1", "truncated"]);

    let cuts = stored.state.path().join("cuts");
    fs::create_dir_all(&cuts).expect("a directory");
    fs::write(cuts.join("20990101T000000Z.json"), "{}\n0\n").expect("a file");
    for command in [&["cut", "verify"][..], &["cut", "verify", "20990101T000000Z"], &["state", "verify"]] {
        assert_says(&run_in(&stored.state, command, &settings), 65, &["cut 20990101T000000Z", "not in the list"]);
    }
}

#[test]
fn a_rebuild_that_would_know_less_needs_force() {
    let stored = StoredState::of(shared_kafka());
    let settings = stored.settings(&[]);
    stored.test_log.topics.delete_records(Stream::Call, 0);
    assert_says(
        &run_in(&stored.state, &["state", "rebuild"], &settings),
        65,
        &["call-0: the state began at offset 0", "--force"],
    );
    stored.assert_starts(&[], "newest", 6);
    assert_says(
        &run_in(&stored.state, &["state", "rebuild", "--stream", "milestone"], &settings),
        0,
        &["2 partitions"],
    );
    assert_says(&run_in(&stored.state, &["state", "rebuild", "--force"], &settings), 0, &["6 partitions"]);
}
