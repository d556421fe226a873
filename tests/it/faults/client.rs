//! A Kafka client with a fatal error.

use std::time::Instant;

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::mock::Mock;
use super::probes::await_reached;
use crate::program::Pacemeter;

#[test]
fn a_fatal_client_error_ends_the_process_with_75() {
    let mock = Mock::start(1, 1);
    let state = tempfile::tempdir().expect("a temporary directory");
    let settings = mock.settings(&["kafka.commit_interval=200ms", "shutdown.deadline=1s"]);
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    // The one error that librdkafka treats as fatal for a consumer that is no member of its group.
    mock.cluster()
        .request_errors(RDKafkaApiKey::OffsetCommit, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID; 5]);
    // librdkafka never finishes closing such a client.
    let started = Instant::now();
    let written = mock.write(0, 10);
    let ended = pacemeter.ended(started);
    assert_eq!(ended.code, Some(75), "the log:\n{}", ended.stderr);
    let failed = ended.stderr.lines().find(|line| line.contains("pacemeter.failed")).unwrap_or_default();
    assert!(
        failed.contains("FencedInstanceId"),
        "the reason is logged:
{}",
        ended.stderr
    );

    // The next process has all records.
    mock.cluster().clear_request_errors(RDKafkaApiKey::OffsetCommit);
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    await_reached(&mut pacemeter, written);
    assert_eq!(pacemeter.stop().code, Some(0));
}
