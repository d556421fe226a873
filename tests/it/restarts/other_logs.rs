//! Logs that are not those of the state, or that lost records.

use std::thread;
use std::time::{Duration, Instant};

use pacemeter::record::Stream;

use super::{StoredState, assert_says, built};
use crate::kafka::Kafka;
use crate::program::{Pacemeter, run_in};
use crate::shared_kafka;
use crate::topics::{CREATE_TIME, Record, Topics};

/// Text of a refused state whose topic has another id.
const RECREATED: &str = "the topic was deleted and created again";
/// Time within which a recreated topic is noticed.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn a_recreated_topic_is_refused_shorter_or_longer() {
    let stored = StoredState::of(shared_kafka());
    let topics = &stored.test_log.topics;
    let offsets = topics.ends(&topics.input(Stream::Call));
    topics.recreate_input(Stream::Call, 2, CREATE_TIME);
    stored.assert_refused(&[], 65, &[RECREATED, "pacemeter state rebuild"]);
    let records = offsets
        .iter()
        .zip(0..)
        .flat_map(|(&end, partition)| (0..end + 10).map(move |_| Record { partition, ..Record::of("{}") }));
    topics.write(Stream::Call, &records.collect::<Vec<_>>());
    stored.assert_refused(&[], 65, &[RECREATED, "pacemeter state rebuild"]);
    let mut pacemeter = stored.start(&["state.on_mismatch=rebuild"]);
    pacemeter.wait_ready();
    assert_eq!(super::restores(&pacemeter, "rebuild"), 2.0);
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_topic_recreated_and_refilled_at_run_time_is_noticed() {
    let stored = StoredState::of(shared_kafka());
    let mut pacemeter = stored.start(&[]);
    stored.assert_exact(&mut pacemeter);
    // While the process stands still the log is replaced by a longer one, whose first records it would never read.
    pacemeter.signal(libc::SIGSTOP);
    recreate_longer(&stored.test_log.topics);
    pacemeter.signal(libc::SIGCONT);
    let started = Instant::now();
    let ended = pacemeter.ended(started);
    assert_says(&ended, 75, &["was deleted and created again while it was read", "pacemeter.topic.recreated"]);
    assert!(started.elapsed() < NOTICED_WITHIN, "{:?}", started.elapsed());
    // Checkpoints in between mix both logs, but name the old one.
    stored.assert_refused(&[], 65, &[RECREATED, "pacemeter state rebuild"]);
}

/// Replaces the topic of calls by one of the same name with more records.
fn recreate_longer(topics: &Topics<'_>) {
    let ends = topics.ends(&topics.input(Stream::Call));
    topics.recreate_input(Stream::Call, 2, CREATE_TIME);
    let more = |(&end, partition): (&i64, i32)| (0..end + 500).map(move |_| Record { partition, ..Record::of("{}") });
    topics.write(Stream::Call, &ends.iter().zip(0..).flat_map(more).collect::<Vec<_>>());
}

#[test]
fn a_topic_deleted_at_run_time_leaves_figures_until_recreated() {
    let stored = StoredState::of(shared_kafka());
    let mut pacemeter = stored.start(&[]);
    stored.assert_exact(&mut pacemeter);
    let topics = &stored.test_log.topics;
    topics.delete_input(Stream::Milestone);
    pacemeter.until("it is not ready, and reports why", |pacemeter| {
        let answer = pacemeter.get("/readyz");
        (answer.status == 503 && answer.body.contains("is not there")).then_some(())
    });
    assert!(pacemeter.scrape().has("pacemeter_records_total"), "the figures stay");
    topics.create_input_again(Stream::Milestone, 2, CREATE_TIME);
    // Either the request for end offsets or the fetch notices first.
    let ended = pacemeter.ended(Instant::now());
    match ended.code {
        Some(65) => assert_says(&ended, 65, &["is not in the log", "recreated"]),
        _ => assert!(
            ended.stderr.contains("was missing and exists again")
                || ended.stderr.contains("was deleted and created again")
        ),
    }
    stored.assert_refused(&[], 65, &[RECREATED]);
}

#[test]
fn another_cluster_is_refused() {
    let stored = StoredState::of(shared_kafka());
    let other = Kafka::reserve();
    other.start();
    let topics = &stored.test_log.topics;
    Stream::ALL.iter().for_each(|stream| other.create_topic(&topics.input(*stream), 2, CREATE_TIME));
    let servers = format!("kafka.bootstrap_servers={}", other.bootstrap());
    stored.assert_refused(&[&servers], 65, &["the state belongs to kafka cluster", "kafka.bootstrap_servers"]);
}

#[test]
fn added_partitions_are_not_read_and_forbid_a_rebuild() {
    let stored = StoredState::of(shared_kafka());
    let mut pacemeter = stored.start(&[]);
    stored.assert_exact(&mut pacemeter);
    stored.test_log.topics.add_partitions(Stream::Call, 3);
    pacemeter.until("it is not ready, and reports why", |pacemeter| {
        let answer = pacemeter.get("/readyz");
        (answer.status == 503 && answer.body.contains("has 3 partitions now, of which 2 are read")).then_some(())
    });
    let complete_until = |pacemeter: &Pacemeter, stream| {
        let scrape = pacemeter.scrape();
        assert!(scrape.has("pacemeter_records_total"), "the figures stay");
        scrape.value("pacemeter_complete_until_timestamp_seconds", &[("stream", stream)])
    };
    let before = ["call", "milestone"].map(|stream| complete_until(&pacemeter, stream));
    thread::sleep(Duration::from_secs(3));
    assert_eq!(complete_until(&pacemeter, "call"), before[0], "the topic is complete no longer");
    assert!(complete_until(&pacemeter, "milestone") > before[1], "the others are");
    let ended = pacemeter.stop();
    assert_says(&ended, 0, &["pacemeter.topic.partitions_changed"]);

    const ADDED: [&str; 2] = ["had 2 partitions, now it has 3: partitions were added", "a new topic with 3 partitions"];
    stored.assert_refused(&[], 65, &ADDED);
    stored.assert_refused(&["state.on_mismatch=rebuild"], 65, &ADDED);
    let rebuild = |more: &[&str]| run_in(&stored.state, &["state", "rebuild", "--force"], &stored.settings(more));
    assert_says(&rebuild(&[]), 65, &ADDED);
    stored.assert_starts(&["state.accept_added_partitions=true"], "newest", 6);
    stored.assert_starts(&[], "newest", 6);
    stored.test_log.topics.add_partitions(Stream::Call, 4);
    assert_says(&rebuild(&["state.accept_added_partitions=true"]), 0, &["8 partitions"]);
}

#[test]
fn records_lost_to_retention_are_never_skipped() {
    let mut stored = StoredState::of(shared_kafka());
    let mut pacemeter = stored.start(&[]);
    stored.assert_exact(&mut pacemeter);
    let built_before = built(&pacemeter);
    // While the process is stopped, records are written and deleted.
    pacemeter.signal(libc::SIGSTOP);
    stored.write(300);
    (0..2).for_each(|partition| stored.test_log.topics.delete_records(Stream::Disbursement, partition));
    stored.write(50);
    pacemeter.signal(libc::SIGCONT);
    assert_says(&pacemeter.ended(Instant::now()), 65, &["is not in the log", "retention removed it"]);

    let said = ["retention has passed the state", "disbursement-0", "disbursement-1"];
    stored.assert_refused(&[], 65, &said);
    stored.assert_refused(
        &["state.on_mismatch=rebuild"],
        65,
        &["a rebuild would lose history", "state.accept_lost_history"],
    );
    let mut pacemeter = stored.start(&["state.on_mismatch=rebuild", "state.accept_lost_history=true"]);
    pacemeter.wait_ready();
    assert!(built(&pacemeter) > built_before, "every rebuild is announced");
    assert_eq!(super::restores(&pacemeter, "rebuild"), 2.0);
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_wrong_or_missing_committed_offset_changes_nothing() {
    let stored = StoredState::of(shared_kafka());
    for offsets in [[0, 1], [3, 0]] {
        stored.test_log.topics.commit(Stream::Disbursement, &offsets);
        stored.assert_starts(&[], "newest", 6);
    }
    let mut settings = stored.settings(&[]);
    settings.push("kafka.group_id=another".to_owned());
    let mut pacemeter = Pacemeter::start(&stored.state, &settings);
    stored.assert_exact(&mut pacemeter);
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_state_of_other_topics_is_refused() {
    let kafka = shared_kafka();
    let stored = StoredState::of(kafka);
    let elsewhere = Topics::reserve(kafka);
    let topic = format!("streams.call.topic={}", elsewhere.input(Stream::Call));
    elsewhere.create_input(Stream::Call, 2, CREATE_TIME);
    assert_says(
        &run_in(&stored.state, &["run"], &stored.settings(&[&topic])),
        65,
        &["the state belongs to topic", "name the right topic"],
    );
}
