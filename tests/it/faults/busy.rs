//! A task that is never idle, and one that is stuck: figures, commits and checkpoints do not wait for an empty queue.

use std::time::{Duration, Instant};

use pacemeter::record::{Outcome, Stream};

use super::mock::Mock;
use super::probes::{await_complete, await_reached, is_ready, own, records};
use super::proxy::Proxy;
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Record, Topics};

#[test]
fn a_busy_task_publishes_commits_and_saves_on_time() {
    const RECORDS: usize = 1_000;
    let proxy = Proxy::at(shared_kafka().door());
    let topics = Topics::create(shared_kafka(), 1, LOG_APPEND_TIME);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut settings = topics.settings();
    settings.push(format!("kafka.bootstrap_servers={}", proxy.bootstrap()));
    // Each of these records makes a dead letter, and the broker takes some 20 a second.
    let slow = ["dead_letter.max_in_flight=4", "kafka.properties.linger.ms=0", "pipeline.wedge_timeout=2s"];
    let often = ["checkpoint.max_interval=1s", "checkpoint.max_cpu_percent=100", "kafka.commit_interval=1s"];
    settings.extend([slow, often].concat().into_iter().map(str::to_owned));
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    proxy.delay_writes(Duration::from_millis(200));
    let rejected: Vec<Record> = (0..RECORDS).map(|number| Record::of(format!("{number}"))).collect();
    topics.write(Stream::Call, &rejected);
    let count = |pacemeter: &Pacemeter| records(pacemeter, Stream::Call, Outcome::Rejected).unwrap_or(0.0);
    pacemeter.until("the first are rejected", |pacemeter| (count(pacemeter) > 0.0).then_some(()));

    let before = pacemeter.scrape();
    let of = |name: &str| before.value(name, &[]).unwrap_or(0.0);
    let (checkpoints, commits) = (of("pacemeter_checkpoints_total"), of("pacemeter_kafka_commits_total"));
    let (began, mut shown) = (Instant::now(), vec![count(&pacemeter)]);
    while began.elapsed() < Duration::from_secs(8) {
        shown.push(count(&pacemeter));
        assert!(is_ready(&pacemeter), "{}", pacemeter.get("/readyz").body);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(shown.iter().all(|&count| count < RECORDS as f64), "the task must be busy all the time");
    shown.dedup();
    // 32 are due in 8 s. The machine may be busy, too.
    assert!(shown.len() >= 10, "figures were published {} times in 8 s: {shown:?}", shown.len());
    assert!(own(&pacemeter, "pacemeter_checkpoints_total") >= checkpoints + 2.0);
    assert!(own(&pacemeter, "pacemeter_kafka_commits_total") >= commits + 2.0);

    proxy.delay_writes(Duration::ZERO);
    await_complete(&mut pacemeter, Stream::Call);
    assert_eq!(count(&pacemeter), RECORDS as f64);
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_stuck_task_makes_it_not_ready() {
    let mock = Mock::start(1, 1);
    let state = tempfile::tempdir().expect("a temporary directory");
    let stuck = [("PACEMETER_TEST_FAILPOINT", "batch.applied:2:hang")];
    let mut pacemeter = Pacemeter::start_with(&state, &mock.settings(&[]), &stuck);
    pacemeter.wait_ready();
    mock.write(0, 1);
    await_reached(&mut pacemeter, 1);
    mock.write(0, 1);
    pacemeter.until("it is not ready", |pacemeter| (!is_ready(pacemeter)).then_some(()));
    let reasons = pacemeter.get("/readyz").body;
    assert!(reasons.contains("the pipeline does not publish"), "{reasons}");
    assert_eq!(own(&pacemeter, "pacemeter_ready"), 0.0);
    assert!(records(&pacemeter, Stream::Milestone, Outcome::Applied).is_some(), "the figures stay");
}
