//! A hostile log on a real Kafka: every figure equals the oracle's, and no personal identifier leaks.

use pacemeter::clock::{Clock, DAY, Timestamp};
use pacemeter::simulate::{CANARY, Emission, FaultRates, LiveOptions, LiveProgramme, PartitionCounts};

use super::catalogue;
use super::handwritten::{self, TestRecord};
use super::test_log::TestLog;
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::Record;

/// Number of partitions that the generator writes to; the handwritten log has the one after them.
pub const GENERATED: i32 = 3;

/// Records of the four days before `now` of a small programme with high rates of every fault.
pub fn generated(now: Timestamp) -> Vec<TestRecord> {
    let usual = LiveOptions::of(20_200_515, 0.03, PartitionCounts::each(GENERATED), now - 4 * DAY);
    let mut live = LiveProgramme::new(LiveOptions { faults: FaultRates::HOSTILE, ..usual });
    live.advance_to(now).into_iter().map(test_record).collect()
}

/// Record of the generator, with its meaning.
pub fn test_record(emission: Emission) -> TestRecord {
    let headers = emission.headers.into_iter().map(|(name, value)| (name.to_owned(), Some(value))).collect();
    let record = Record {
        partition: emission.partition,
        key: Some(emission.key),
        value: Some(emission.value),
        headers,
        timestamp: Some(emission.timestamp.as_millis()),
    };
    TestRecord { stream: emission.stream, record, sent: emission.sent }
}

fn assert_no_canary(pacemeter: &Pacemeter) {
    for path in ["/metrics", "/api/v1/status", "/api/v1/events", "/readyz", "/livez", "/"] {
        assert!(!pacemeter.get(path).body.contains(CANARY), "a personal identifier is in {path}");
    }
    assert_none_in(&pacemeter.log(), "the log");
}

fn assert_none_in(text: &str, place: &str) {
    let line = text.lines().find(|line| line.contains(CANARY));
    assert!(line.is_none(), "a personal identifier is in {place}: {line:?}");
}

#[test]
fn every_figure_of_a_hostile_log_is_exact_live_and_restarted() {
    let now = Clock::wall().now();
    let mut test_log = TestLog::new(shared_kafka(), GENERATED + 1);
    let mut first = generated(now);
    let second = first.split_off(first.len() / 2);
    test_log.write(first);

    // Half of the log exists at the start, the other half comes later.
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &test_log.settings());
    pacemeter.wait_ready();
    test_log.wait_complete(&mut pacemeter);
    test_log.assert_figures(&pacemeter);
    test_log.write(second);
    test_log.write(handwritten::records(now, GENERATED));
    test_log.wait_complete(&mut pacemeter);
    test_log.assert_figures(&pacemeter);
    test_log.assert_hostile();
    assert_no_canary(&pacemeter);
    let letters = test_log.assert_dead_letters();
    test_log.assert_committed(&mut pacemeter);
    catalogue::assert_complete(&pacemeter.get("/metrics").body);
    let ended = pacemeter.stop();
    assert_eq!(ended.code, Some(0), "the log:\n{}", ended.stderr);
    assert_none_in(&ended.stderr, "the log");
    assert_none_in(&ended.stdout, "the output");

    // A restart comes to the same figures and writes no dead letter twice.
    let mut pacemeter = Pacemeter::start(&state, &test_log.settings());
    pacemeter.wait_ready();
    test_log.wait_complete(&mut pacemeter);
    test_log.assert_figures(&pacemeter);
    assert_no_canary(&pacemeter);
    assert_eq!(pacemeter.stop().code, Some(0));
    assert_eq!(test_log.assert_dead_letters(), letters);
}
