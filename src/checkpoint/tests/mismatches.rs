//! What is told of a checkpoint that is not of this log, of these settings or of this key: what was found, what was expected, what to do.

use super::world::head;
use crate::aggregate::Rules;
use crate::checkpoint::{ExpectedHead, Head, Mismatch};
use crate::record::Stream;

/// What fits `head(20)`.
fn expected() -> ExpectedHead {
    let Head { cluster_id, topic, partition_count, semantic_settings, key_id, .. } = head(20);
    ExpectedHead {
        cluster_id,
        topic,
        partition_count: Some(partition_count),
        semantic_settings,
        key_id,
        low: Some(3),
        end: Some(30),
    }
}

/// The only mismatch with `head(20)`, told.
fn told(expected: &ExpectedHead) -> (&'static str, String) {
    match &expected.mismatches(&head(20))[..] {
        [mismatch] => (mismatch.kind(), mismatch.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_fits_or_is_not_known_is_no_mismatch() {
    assert_eq!(expected().mismatches(&head(20)), []);
    assert_eq!(
        ExpectedHead { low: Some(20), end: Some(20), ..expected() }.mismatches(&head(20)),
        [],
        "nothing is missing between"
    );
    let unknown = ExpectedHead { cluster_id: None, partition_count: None, low: None, end: None, ..expected() };
    assert_eq!(unknown.mismatches(&head(20)), []);
    let other = ExpectedHead { cluster_id: Some("other".into()), ..expected() };
    assert_eq!(other.mismatches(&Head { cluster_id: None, ..head(20) }), []);
}

#[test]
fn another_cluster() {
    let (kind, told) = told(&ExpectedHead { cluster_id: Some("other".into()), ..expected() });
    assert_eq!(kind, "cluster");
    assert_eq!(
        told,
        "the state is of kafka cluster cluster, the brokers are of cluster other; point kafka.bootstrap_servers to the right cluster, or move the \
         state directory away to begin anew (or run `pacemeter state rebuild`)"
    );
}

#[test]
fn another_topic() {
    let (kind, told) = told(&ExpectedHead { topic: "payments".into(), ..expected() });
    assert_eq!(kind, "topic");
    assert_eq!(
        told,
        "the state is of topic disbursements, the settings name topic payments; name the right topic, or move the state directory away to begin \
         anew (or run `pacemeter state rebuild`)"
    );
}

#[test]
fn partitions_that_were_added() {
    let (kind, told) = told(&ExpectedHead { partition_count: Some(12), ..expected() });
    assert_eq!(kind, "partition_count");
    assert_eq!(
        told,
        "the state was built when topic disbursements had 6 partitions, now it has 12; keys have moved between partitions, so run `pacemeter \
         state rebuild` to count from the beginning of the log"
    );
}

#[test]
fn other_settings() {
    let mut other = expected();
    other.semantic_settings = [("streams.disbursement.horizon", "35d"), ("calls.max_wait", "2h")]
        .map(|(key, value)| (key.into(), value.into()))
        .into();
    let (kind, message) = told(&other);
    assert_eq!(kind, "settings");
    assert_eq!(
        message,
        "the state was built under other settings: calls.max_wait was not set and is 2h, streams.disbursement.horizon was 92d and is 35d; set them \
         back, or run `pacemeter state rebuild` to count anew under the new ones"
    );
    other.semantic_settings.clear();
    assert!(told(&other).1.contains("streams.disbursement.horizon was 92d and is not set; set them back"));
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
        "the state was built under other settings: histogram.call_handle.bounds was 30s 1h and is 30s 1m 2m 5m 10m 15m 30m 1h; set them back, or \
         run `pacemeter state rebuild` to count anew under the new ones"
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
    let (kind, told) = told(&ExpectedHead { key_id: "ffff".into(), ..expected() });
    assert_eq!(kind, "pseudonym_key");
    assert_eq!(
        told,
        "the state was built with pseudonym key 0011223344556677, the key file holds key ffff; put the old key file back, or run `pacemeter state \
         rebuild` to count anew under the new one"
    );
}

#[test]
fn retention_that_has_passed_the_state() {
    let (kind, told) = told(&ExpectedHead { low: Some(25), ..expected() });
    assert_eq!(kind, "retention");
    assert_eq!(
        told,
        "the state goes up to offset 20, the log of topic disbursements begins at offset 25: the topic's retention has passed the state, and up \
         to 5 records are lost for good; `pacemeter state rebuild` counts what is left"
    );
}

#[test]
fn a_log_that_was_truncated() {
    let (kind, told) = told(&ExpectedHead { end: Some(19), ..expected() });
    assert_eq!(kind, "truncated");
    assert_eq!(
        told,
        "the state goes up to offset 20, the log of topic disbursements ends at offset 19: the log was truncated or the topic made anew; point to \
         the right cluster, or run `pacemeter state rebuild` to count what is there"
    );
}

#[test]
fn another_record_at_the_tail() {
    let mismatch = Mismatch::LastRecord { topic: "disbursements".into(), offset: 19 };
    assert_eq!(mismatch.kind(), "tail");
    assert_eq!(
        mismatch.to_string(),
        "the record at offset 19 of topic disbursements is not the one that the state took last: the log was truncated or the topic made anew; \
         point to the right cluster, or run `pacemeter state rebuild` to count what is there"
    );
}

#[test]
fn all_that_differs_is_told_together_and_offsets_of_another_log_say_nothing() {
    let kinds = |expected: &ExpectedHead| expected.mismatches(&head(20)).iter().map(Mismatch::kind).collect::<Vec<_>>();
    let wrong =
        ExpectedHead { partition_count: Some(1), key_id: String::new(), low: Some(25), end: Some(10), ..expected() };
    assert_eq!(kinds(&wrong), ["partition_count", "pseudonym_key", "retention", "truncated"]);
    let of_another = ExpectedHead { cluster_id: Some("other".into()), ..wrong.clone() };
    assert_eq!(kinds(&of_another), ["cluster", "partition_count", "pseudonym_key"]);
    assert_eq!(
        kinds(&ExpectedHead { topic: "payments".into(), ..wrong }),
        ["topic", "partition_count", "pseudonym_key"]
    );
}
