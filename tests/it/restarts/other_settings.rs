//! Settings and keys other than those of the state.

use std::fs;

use super::{StoredState, built};
use crate::shared_kafka;

#[test]
fn changed_semantic_settings_are_refused_or_rebuilt() {
    let stored = StoredState::of(shared_kafka());
    let horizon = "streams.call.horizon=8d";
    stored.assert_refused(
        &[horizon],
        65,
        &["call-0", "call-1", "streams.call.horizon was 7d and is 8d", "restore them"],
    );
    let excluded = "streams.call.exclude=[{ partition = 0, first_offset = 0, last_offset = 3 }]";
    stored.assert_refused(&[excluded], 65, &["streams.call.exclude"]);
    let ahead = "streams.call.exclude=[{ partition = 1, first_offset = 5, last_offset = 7 }, { partition = 0, first_offset = 999999, last_offset = 999999 }]";
    stored.assert_starts(&[ahead], "newest", 6);

    let mut pacemeter = stored.start(&[]);
    stored.assert_exact(&mut pacemeter);
    let built_before = built(&pacemeter);
    assert_eq!(pacemeter.stop().code, Some(0));
    let shown = "labels.queues=[\"general\"]";
    let mut pacemeter = stored.start(&[shown]);
    pacemeter.wait_ready();
    assert_eq!(super::restores(&pacemeter, "newest"), 6.0, "allowlists need no rebuild");
    assert!(built(&pacemeter) > built_before, "counters moved between labels, which is announced");
    assert_eq!(pacemeter.stop().code, Some(0));

    let mut pacemeter = stored.start(&[horizon, "state.on_mismatch=rebuild"]);
    pacemeter.wait_ready();
    assert_eq!(
        (super::restores(&pacemeter, "rebuild"), super::restores(&pacemeter, "newest")),
        (2.0, 4.0),
        "only calls are rebuilt"
    );
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn another_pseudonym_key_is_refused() {
    let stored = StoredState::of(shared_kafka());
    let path = stored.state.path().join("pseudonym.key");
    let key = fs::read(&path).expect("the key");
    fs::write(&path, "5a".repeat(32)).expect("a key");
    stored.assert_refused(&[], 65, &["key", "restore the old key file"]);
    fs::write(&path, key).expect("the key");
    stored.assert_starts(&[], "newest", 6);
}
