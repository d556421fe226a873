//! A partition that goes silent while others flow, and the stall detection.

use std::time::Duration;

use pacemeter::record::Stream;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::mock::{Mock, topic};
use super::probes::{await_complete, await_reached, errors, is_ready, own};
use crate::program::Pacemeter;

#[test]
fn a_silent_partition_is_refetched_and_makes_it_not_ready() {
    let mock = Mock::start(2, 2);
    mock.lead(Stream::Milestone, 1, 2);
    let state = tempfile::tempdir().expect("a temporary directory");
    let settings = mock.settings(&["kafka.stall_timeout=2s", "kafka.request_timeout=8s"]);
    let mut pacemeter = Pacemeter::start(&state, &settings);
    mock.write(0, 10);
    let mut written = mock.write(1, 10);
    pacemeter.wait_ready();
    await_reached(&mut pacemeter, written);

    // The second broker answers every request but fetches.
    mock.delay(2, RDKafkaApiKey::Fetch, 3, Duration::from_secs(60));
    mock.write(1, 10);
    let stalled = pacemeter.until("the stalled partition is logged", |pacemeter| {
        written = mock.write(0, 1);
        pacemeter.events("pacemeter.partition.stalled").pop()
    });
    assert_eq!(
        (&stalled["topic"], &stalled["partitions"], &stalled["position"]),
        (&topic(Stream::Milestone).into(), &"1".into(), &10.into())
    );
    assert!(!is_ready(&pacemeter), "{}", pacemeter.get("/readyz").body);
    assert_eq!(own(&pacemeter, "pacemeter_ready"), 0.0);
    assert!(own(&pacemeter, "pacemeter_kafka_refetches_total") >= 1.0);
    // The figures stay, and those of the other partition advance.
    await_reached(&mut pacemeter, written - 10);

    pacemeter.wait_ready();
    await_reached(&mut pacemeter, written);
    await_complete(&mut pacemeter, Stream::Milestone);
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_right_revoked_at_run_time_is_waited_for() {
    let mock = Mock::start(1, 2);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &mock.settings(&["kafka.stall_timeout=2s"]));
    pacemeter.wait_ready();
    let denied = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 500];
    mock.cluster().request_errors(RDKafkaApiKey::Fetch, &denied);
    let written = mock.write(0, 10);
    let interrupted =
        pacemeter.until("the reason is logged", |pacemeter| pacemeter.events("pacemeter.partition.interrupted").pop());
    assert_eq!(interrupted["code"], "TopicAuthorizationFailed");
    pacemeter.until("it is not ready", |pacemeter| (!is_ready(pacemeter)).then_some(()));
    assert!(errors(&pacemeter, "partition") > 0.0);
    mock.cluster().clear_request_errors(RDKafkaApiKey::Fetch);
    pacemeter.wait_ready();
    await_reached(&mut pacemeter, written);
    assert_eq!(pacemeter.stop().code, Some(0));
}
