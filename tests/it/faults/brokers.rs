//! Brokers that are down, slow, no longer leaders or no longer coordinators, on librdkafka's mock cluster.

use std::time::Duration;

use pacemeter::record::Stream;
use rdkafka::mocking::MockCoordinator;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::mock::{Mock, topic};
use super::probes::{await_complete, await_reached, complete_until, errors, is_ready, own};
use crate::end_to_end::catalogue::assert_no_business;
use crate::program::Pacemeter;

fn start(mock: &Mock, more: &[&str]) -> (tempfile::TempDir, Pacemeter) {
    let state = tempfile::tempdir().expect("a temporary directory");
    let pacemeter = Pacemeter::start(&state, &mock.settings(more));
    (state, pacemeter)
}

#[test]
fn a_broker_that_is_down_holds_up_its_own_partitions_only() {
    let mock = Mock::start(3, 3);
    (0..3).for_each(|partition| mock.lead(Stream::Milestone, partition, partition + 1));
    for partition in 0..3 {
        mock.write(partition, 50);
    }
    let (_state, mut pacemeter) = start(&mock, &["kafka.request_timeout=2s"]);
    pacemeter.wait_ready();
    await_reached(&mut pacemeter, 150);

    mock.write(2, 50);
    await_reached(&mut pacemeter, 200);
    mock.cluster().broker_down(3).expect("the broker goes down");
    pacemeter.until("its errors are counted", |pacemeter| (errors(pacemeter, "connection") > 0.0).then_some(()));
    mock.write(0, 50);
    let written = mock.write(1, 50);
    await_reached(&mut pacemeter, written);
    assert!(!pacemeter.events("pacemeter.kafka.error").is_empty(), "the error is logged");

    mock.cluster().broker_up(3).expect("the broker comes up");
    let written = mock.write(2, 50);
    await_reached(&mut pacemeter, written);
    await_complete(&mut pacemeter, Stream::Milestone);
    assert!(is_ready(&pacemeter));
    assert_eq!(pacemeter.stop().code, Some(0));
}

/// Outage in the answer of `/api/v1/status`.
fn outage(pacemeter: &Pacemeter) -> serde_json::Value {
    pacemeter.status()["outage"].clone()
}

#[test]
fn an_outage_is_shown_with_its_cause_until_it_ends() {
    let mock = Mock::start(2, 2);
    mock.lead(Stream::Milestone, 1, 2);
    let (_state, mut pacemeter) = start(&mock, &["kafka.request_timeout=2s"]);
    pacemeter.wait_ready();
    assert_eq!((pacemeter.get("/readyz").body.as_str(), outage(&pacemeter)), ("ok\n", serde_json::Value::Null));

    mock.cluster().broker_down(1).expect("the broker goes down");
    mock.cluster().broker_down(2).expect("the broker goes down");
    let readiness = pacemeter.until("it is shown", |pacemeter| {
        Some(pacemeter.get("/readyz")).filter(|answer| answer.body.contains("nothing listens at"))
    });
    assert_eq!(readiness.status, 200, "the figures are exact up to complete until: {}", readiness.body);
    assert!(readiness.body.starts_with("ok\nbrokers have not answered since 20"), "{}", readiness.body);
    let shown = outage(&pacemeter);
    assert!(shown["reason"].as_str().is_some_and(|reason| reason.contains("start the broker")), "{shown}");
    let since = shown["since_ms"].as_i64().expect("a time");
    let until = complete_until(&pacemeter, Stream::Milestone).expect("it was complete").as_millis();
    assert!((until..until + 5_000).contains(&since), "complete until {until}: {shown}");

    mock.cluster().broker_up(1).expect("the broker comes up");
    pacemeter.until("one partition is named", |pacemeter| {
        let partition = format!("topic {} partition 1", topic(Stream::Milestone));
        outage(pacemeter)["reason"].as_str().is_some_and(|reason| reason.contains(&partition)).then_some(())
    });
    assert_eq!(outage(&pacemeter)["since_ms"], since, "it has not ended");
    mock.cluster().broker_up(2).expect("the broker comes up");
    pacemeter.until("it has ended", |pacemeter| (pacemeter.get("/readyz").body == "ok\n").then_some(()));
    assert_eq!(outage(&pacemeter), serde_json::Value::Null);
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn slow_answers_make_figures_late_and_nothing_else() {
    let mock = Mock::start(1, 2);
    let (_state, mut pacemeter) = start(&mock, &[]);
    pacemeter.wait_ready();
    mock.write(0, 200);
    mock.cluster().broker_round_trip_time(-1, Duration::from_secs(2)).expect("the brokers exist");
    let written = mock.write(1, 200);
    await_reached(&mut pacemeter, written);
    await_complete(&mut pacemeter, Stream::Milestone);
    assert!(is_ready(&pacemeter));
    for kind in ["connection", "partition", "denied", "fatal"] {
        assert_eq!(errors(&pacemeter, kind), 0.0, "{kind}, the log:\n{}", pacemeter.log());
    }
    assert_eq!(own(&pacemeter, "pacemeter_kafka_refetches_total"), 0.0);
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_replay_shows_no_figure_before_all_are_complete() {
    let mock = Mock::start(1, 1);
    // One batch in each answer, so that the replay has steps.
    for _ in 0..8 {
        mock.write(0, 20);
    }
    mock.delay(1, RDKafkaApiKey::Fetch, 6, Duration::from_millis(800));
    let (_state, mut pacemeter) = start(&mock, &[]);
    let mut seen_replaying = 0;
    pacemeter.until("it is ready", |pacemeter| {
        // Readiness first, as the program may become ready between the two requests.
        let (readiness, scrape) = (pacemeter.get("/readyz"), pacemeter.scrape());
        if readiness.status == 200 {
            return Some(());
        }
        if scrape.value("pacemeter_ready", &[]) == Some(0.0) {
            assert_no_business(&scrape);
            seen_replaying += usize::from(readiness.body.contains("replaying the log"));
        }
        None
    });
    assert!(seen_replaying >= 3, "the replay was seen {seen_replaying} times");
    await_reached(&mut pacemeter, 160);
}

#[test]
fn a_change_of_leader_loses_nothing() {
    let mock = Mock::start(3, 2);
    let (_state, mut pacemeter) = start(&mock, &[]);
    let mut written = mock.write(0, 50);
    pacemeter.wait_ready();
    for round in 0..6 {
        for partition in 0..2 {
            mock.lead(Stream::Milestone, partition, (round + partition) % 3 + 1);
            written = mock.write(partition, 50);
        }
        if round % 2 == 1 {
            await_reached(&mut pacemeter, written);
        }
    }
    await_complete(&mut pacemeter, Stream::Milestone);
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn failed_commits_are_counted_and_change_nothing_else() {
    let mock = Mock::start(2, 1);
    mock.cluster().coordinator(MockCoordinator::Group("pacemeter".into()), 2).expect("the broker exists");
    let (_state, mut pacemeter) = start(&mock, &["kafka.commit_interval=200ms"]);
    pacemeter.wait_ready();
    // The coordinator refuses, as after a rebalance or while it moves; then it is down; then it is back.
    let refusals = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
    ];
    mock.cluster().request_errors(RDKafkaApiKey::OffsetCommit, &refusals);
    let written = mock.write(0, 50);
    await_reached(&mut pacemeter, written);
    let failures = |pacemeter: &Pacemeter| own(pacemeter, "pacemeter_kafka_commit_failures_total");
    pacemeter.until("the refusals are counted", |pacemeter| (failures(pacemeter) >= 3.0).then_some(()));
    assert!(!pacemeter.events("pacemeter.kafka.commit_failed").is_empty(), "failed commits are logged");

    mock.cluster().broker_down(2).expect("the broker goes down");
    let written = mock.write(0, 50);
    await_reached(&mut pacemeter, written);
    await_complete(&mut pacemeter, Stream::Milestone);
    assert!(is_ready(&pacemeter), "figures do not depend on commits");
    mock.cluster().broker_up(2).expect("the broker comes up");
    let before = own(&pacemeter, "pacemeter_kafka_last_commit_timestamp_seconds");
    let written = mock.write(0, 50);
    await_reached(&mut pacemeter, written);
    pacemeter.until("offsets are committed again", |pacemeter| {
        (own(pacemeter, "pacemeter_kafka_last_commit_timestamp_seconds") > before).then_some(())
    });
    assert_eq!(pacemeter.stop().code, Some(0));
}
