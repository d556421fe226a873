//! Messages for a checkpoint of another log, other settings or another key: what was found, what was expected, what to
//! do.

use super::world::head;
use crate::aggregate::Rules;
use crate::checkpoint::{ExpectedHead, Head, Mismatch};
use crate::record::Stream;

/// Matches `head(20)`.
fn expected() -> ExpectedHead {
    let Head { cluster_id, topic, topic_id, partition_count, semantic_settings, key_id, .. } = head(20);
    ExpectedHead {
        cluster_id,
        topic,
        topic_id,
        partition_count: Some(partition_count),
        semantic_settings,
        key_id,
        low: Some(3),
        end: Some(30),
    }
}

/// Returns kind and message of the only mismatch with `head(20)`.
fn only_mismatch(expected: &ExpectedHead) -> (&'static str, String) {
    match &expected.mismatches(&head(20))[..] {
        [mismatch] => (mismatch.kind(), mismatch.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_fits_or_is_unknown_is_no_mismatch() {
    assert_eq!(expected().mismatches(&head(20)), []);
    assert_eq!(
        ExpectedHead { low: Some(20), end: Some(20), ..expected() }.mismatches(&head(20)),
        [],
        "nothing is missing in between"
    );
    let unknown = ExpectedHead { cluster_id: None, partition_count: None, low: None, end: None, ..expected() };
    assert_eq!(unknown.mismatches(&head(20)), []);
    let other = ExpectedHead { cluster_id: Some("other".into()), ..expected() };
    assert_eq!(other.mismatches(&Head { cluster_id: None, ..head(20) }), []);
    assert_eq!(ExpectedHead { topic_id: None, ..expected() }.mismatches(&head(20)), []);
    assert_eq!(expected().mismatches(&Head { topic_id: None, ..head(20) }), []);
}

#[test]
fn another_cluster() {
    let (kind, message) = only_mismatch(&ExpectedHead { cluster_id: Some("other".into()), ..expected() });
    assert_eq!(kind, "cluster");
    assert_eq!(
        message,
        "the state belongs to kafka cluster cluster, the brokers to cluster other; set kafka.bootstrap_servers to \
         the right cluster, or move the state directory elsewhere to start over (or run `pacemeter state rebuild`)"
    );
}

#[test]
fn another_topic() {
    let (kind, message) = only_mismatch(&ExpectedHead { topic: "payments".into(), ..expected() });
    assert_eq!(kind, "topic");
    assert_eq!(
        message,
        "the state belongs to topic disbursements, the settings name topic payments; name the right topic, or move \
         the state directory elsewhere to start over (or run `pacemeter state rebuild`)"
    );
}

#[test]
fn a_recreated_topic() {
    let (kind, message) = only_mismatch(&ExpectedHead { topic_id: Some("other".into()), ..expected() });
    assert_eq!(kind, "recreated");
    assert_eq!(
        message,
        "the state belongs to topic disbursements with id qP0sT3bWQ0mX5y7zA1c2dg, the brokers have it with id other: \
         the topic was deleted and created again; connect to the right cluster, or run `pacemeter state rebuild` to \
         count what is there"
    );
}

#[test]
fn added_partitions() {
    let (kind, message) = only_mismatch(&ExpectedHead { partition_count: Some(12), ..expected() });
    assert_eq!(kind, "added_partitions");
    assert_eq!(
        message,
        "the state was built when topic disbursements had 6 partitions, now it has 12: partitions were added, and keys \
         moved with them. A rebuild counts twice who has records in two partitions; what is exact is a new topic with 12 \
         partitions, to which all records are written again by key. If no key moved, or to accept wrong figures, set \
         state.accept_added_partitions = true"
    );
}

#[test]
fn fewer_partitions() {
    let (kind, message) = only_mismatch(&ExpectedHead { partition_count: Some(5), ..expected() });
    assert_eq!(kind, "fewer_partitions");
    assert_eq!(
        message,
        "the state was built when topic disbursements had 6 partitions, now it has 5: the topic was deleted and created \
         again; connect to the right cluster, or run `pacemeter state rebuild` to count what is there"
    );
}

#[test]
fn only_added_partitions_forbid_a_rebuild() {
    let other = ExpectedHead { topic_id: Some("other".into()), partition_count: Some(12), ..expected() };
    let fewer = ExpectedHead { partition_count: Some(5), key_id: "other".into(), low: Some(25), ..expected() };
    let forbidden = |expected: ExpectedHead| expected.mismatches(&head(20)).iter().any(Mismatch::forbids_rebuild);
    assert!(!forbidden(other), "all records of the new topic may be keyed by its partitions");
    assert!(!forbidden(fewer.clone()));
    assert!(forbidden(ExpectedHead { partition_count: Some(7), ..fewer }));
}

#[test]
fn other_settings() {
    let mut other = expected();
    other.semantic_settings = [("streams.disbursement.horizon", "35d"), ("calls.max_wait", "2h")]
        .map(|(key, value)| (key.into(), value.into()))
        .into();
    let (kind, message) = only_mismatch(&other);
    assert_eq!(kind, "settings");
    assert_eq!(
        message,
        "the state was built with other settings: calls.max_wait was not set and is 2h, streams.disbursement.horizon \
         was 92d and is 35d; restore them, or run `pacemeter state rebuild` to count again with the new ones"
    );
    other.semantic_settings.clear();
    assert!(only_mismatch(&other).1.contains("streams.disbursement.horizon was 92d and is not set; restore them"));
}

#[test]
fn other_histogram_bounds_are_a_named_mismatch() {
    let semantic_settings = Rules::default().semantic_settings(Stream::Call).into_iter().collect();
    let expected = ExpectedHead { semantic_settings, ..expected() };
    let mut stored = Head { semantic_settings: expected.semantic_settings.clone(), ..head(20) };
    assert_eq!(expected.mismatches(&stored), []);
    stored.semantic_settings.insert("histogram.call_handle.bounds".into(), "30s 1h".into());
    let [mismatch] = &expected.mismatches(&stored)[..] else { panic!("one mismatch") };
    assert_eq!(mismatch.kind(), "settings");
    assert_eq!(
        mismatch.to_string(),
        "the state was built with other settings: histogram.call_handle.bounds was 30s 1h and is 30s 1m 2m 5m 10m 15m \
         30m 1h; restore them, or run `pacemeter state rebuild` to count again with the new ones"
    );
}

#[test]
fn a_state_that_names_no_bounds_has_the_original_ones() {
    for stream in Stream::ALL {
        let semantic_settings = Rules::default().semantic_settings(stream).into_iter().collect();
        let expected = ExpectedHead { semantic_settings, ..expected() };
        let mut stored = Head { semantic_settings: expected.semantic_settings.clone(), ..head(20) };
        stored.semantic_settings.retain(|key, _| !key.starts_with("histogram."));
        assert_eq!(expected.mismatches(&stored), [], "{}", stream.name());
    }
}

#[test]
fn another_pseudonym_key() {
    let (kind, message) = only_mismatch(&ExpectedHead { key_id: "ffff".into(), ..expected() });
    assert_eq!(kind, "pseudonym_key");
    assert_eq!(
        message,
        "the state was built with pseudonym key 0011223344556677, the key file holds key ffff; restore the old key \
         file, or run `pacemeter state rebuild` to count again with the new key"
    );
}

#[test]
fn retention_past_the_state() {
    let (kind, message) = only_mismatch(&ExpectedHead { low: Some(25), ..expected() });
    assert_eq!(kind, "retention");
    assert_eq!(
        message,
        "the state ends at offset 20, the log of topic disbursements begins at offset 25: retention has passed the \
         state, and up to 5 records are lost; `pacemeter state rebuild` counts what is left"
    );
}

#[test]
fn a_truncated_log() {
    let (kind, message) = only_mismatch(&ExpectedHead { end: Some(19), ..expected() });
    assert_eq!(kind, "truncated");
    assert_eq!(
        message,
        "the state ends at offset 20, the log of topic disbursements at offset 19: the log was truncated or the \
         topic recreated; connect to the right cluster, or run `pacemeter state rebuild` to count what is there"
    );
}

#[test]
fn another_last_record() {
    let mismatch = Mismatch::LastRecord { topic: "disbursements".into(), offset: 19 };
    assert_eq!(mismatch.kind(), "last_record");
    assert_eq!(
        mismatch.to_string(),
        "the record at offset 19 of topic disbursements is not the last applied record of the state: the log was \
         truncated or the topic recreated; connect to the right cluster, or run `pacemeter state rebuild` to count \
         what is there"
    );
}

#[test]
fn all_mismatches_together_without_offsets_of_another_log() {
    let kinds = |expected: &ExpectedHead| expected.mismatches(&head(20)).iter().map(Mismatch::kind).collect::<Vec<_>>();
    let wrong =
        ExpectedHead { partition_count: Some(1), key_id: String::new(), low: Some(25), end: Some(10), ..expected() };
    assert_eq!(kinds(&wrong), ["fewer_partitions", "pseudonym_key", "retention", "truncated"]);
    let recreated = ExpectedHead { topic_id: Some("other".into()), ..wrong };
    assert_eq!(kinds(&recreated), ["recreated", "pseudonym_key"]);
    let other_log = ExpectedHead { cluster_id: Some("other".into()), ..recreated.clone() };
    assert_eq!(kinds(&other_log), ["cluster", "pseudonym_key"]);
    assert_eq!(kinds(&ExpectedHead { topic: "payments".into(), ..recreated }), ["topic", "pseudonym_key"]);
}
