//! `pacemeter_complete_until_timestamp_seconds` advances whatever a partition ends with.

use std::time::{Duration, Instant};

use pacemeter::clock::{Clock, HOUR, MINUTE, Timestamp};
use pacemeter::record::{RawRecords as _, Stream};
use pacemeter::settings::{Layers, SettingsReader};
use pacemeter::simulate::LABELS;
use pacemeter::source::{self, Consumer};
use serde_json::json;

use crate::program::{LIMIT, Pacemeter};
use crate::shared_kafka;
use crate::topics::{CREATE_TIME, LOG_APPEND_TIME, Record, Topics};

/// Settings of a topic that is compacted as soon as possible.
const COMPACTED: &[(&str, &str)] = &[
    ("cleanup.policy", "compact"),
    ("segment.ms", "100"),
    ("min.cleanable.dirty.ratio", "0.001"),
    ("min.compaction.lag.ms", "0"),
    ("delete.retention.ms", "0"),
    ("message.timestamp.after.max.ms", "3600000"),
];

/// An application for a support.
fn applied(id: &str, partition: i32) -> Record {
    let value = json!({
        "id": id, "type": "disbursement.applied", "time": now_text(), "programme": LABELS.programmes[0], "beneficiary": id, "credit": id,
    });
    Record { partition, key: Some(id.as_bytes().to_vec()), ..Record::of(value.to_string()) }
}

/// A milestone; all of them have the same key.
fn reached(id: &str) -> Record {
    let value = json!({
        "id": id, "type": "milestone.reached", "time": now_text(), "initiative": LABELS.initiatives[0], "milestone": LABELS.milestones[0],
    });
    Record { key: Some(LABELS.initiatives[0].as_bytes().to_vec()), ..Record::of(value.to_string()) }
}

fn now_text() -> String {
    Clock::wall().now().to_string()
}

fn complete_until(pacemeter: &Pacemeter, stream: Stream) -> Option<Timestamp> {
    let value = pacemeter.scrape().value("pacemeter_complete_until_timestamp_seconds", &[("stream", stream.name())]);
    value.map(Timestamp::from_seconds)
}

/// Asserts that the figures of every stream are soon complete up to a moment after this call.
fn assert_moves_on(pacemeter: &mut Pacemeter) {
    let now = Clock::wall().now();
    for stream in Stream::ALL {
        pacemeter.until(&format!("the figures of {} are complete", stream.name()), |pacemeter| {
            complete_until(pacemeter, stream).filter(|until| *until >= now)
        });
    }
    let took = Clock::wall().now() - now;
    assert!(took < 15_000, "the figures are {took} ms behind an idle log");
    assert_eq!(pacemeter.scrape().value("pacemeter_ready", &[]), Some(1.0));
}

fn applied_records(pacemeter: &Pacemeter, stream: Stream) -> Option<f64> {
    pacemeter.scrape().value("pacemeter_records_total", &[("stream", stream.name()), ("outcome", "applied")])
}

/// Writes milestones of one key until the cleaner has removed some of them.
fn write_until_compacted(topics: &Topics<'_>) -> usize {
    let started = Instant::now();
    let mut written = 0;
    loop {
        topics.write(Stream::Milestone, &[reached(&format!("compacted-{written}"))]);
        written += 1;
        if topics.read(&topics.input(Stream::Milestone)).len() < written {
            return written;
        }
        assert!(started.elapsed() < LIMIT, "kafka compacted nothing of {written} records");
        std::thread::sleep(Duration::from_millis(150));
    }
}

#[test]
fn figures_stay_complete_whatever_the_log_ends_with() {
    let topics = Topics::reserve(shared_kafka());
    topics.create_dead_letter();
    // Nothing is ever written to the topic of calls, nor to partition 2 of disbursements.
    topics.create_input(Stream::Call, 2, CREATE_TIME);
    topics.create_input(Stream::Disbursement, 4, CREATE_TIME);
    topics.create_input(Stream::Milestone, 1, COMPACTED);
    topics.write(
        Stream::Disbursement,
        &[applied("a", 0), applied("b", 1), applied("deleted-1", 3), applied("deleted-2", 3)],
    );
    topics.write_transaction(Stream::Disbursement, &[applied("c", 0)], true);
    topics.write_transaction(Stream::Disbursement, &[applied("aborted", 1)], false);
    topics.delete_records(Stream::Disbursement, 3);
    let written = write_until_compacted(&topics);
    topics.write_transaction(Stream::Milestone, &[reached("aborted")], false);

    let state = tempfile::tempdir().expect("a temporary directory");
    let mut settings = topics.settings();
    settings.push("kafka.accept_compacted_topics=true".to_owned());
    settings.push(format!("labels.programmes={:?}", LABELS.programmes));
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    assert_moves_on(&mut pacemeter);
    assert_eq!(applied_records(&pacemeter, Stream::Disbursement), Some(3.0));
    assert_eq!(applied_records(&pacemeter, Stream::Call), Some(0.0));
    let milestones = applied_records(&pacemeter, Stream::Milestone).expect("milestones are shown");
    assert!((1.0..written as f64).contains(&milestones), "{milestones} of {written} records are left by compaction");
    let history = |partition| {
        let topic = topics.input(Stream::Disbursement);
        pacemeter.scrape().value("pacemeter_history_start_offset", &[("topic", &topic), ("partition", partition)])
    };
    assert_eq!((history("0"), history("3")), (Some(0.0), Some(2.0)), "start offsets of the history");

    // The same kinds of ends come while it runs.
    topics.write_transaction(Stream::Disbursement, &[applied("aborted-2", 0), applied("aborted-3", 2)], false);
    assert_moves_on(&mut pacemeter);
    topics.write_transaction(Stream::Disbursement, &[applied("d", 1), applied("e", 3)], true);
    assert_moves_on(&mut pacemeter);
    assert_eq!(applied_records(&pacemeter, Stream::Disbursement), Some(5.0));
    topics.write_transaction(Stream::Milestone, &[reached("aborted-4")], false);
    assert_moves_on(&mut pacemeter);
    assert_eq!(applied_records(&pacemeter, Stream::Milestone), Some(milestones));
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn who_has_set_a_timestamp_is_read_from_the_log() {
    let kafka = shared_kafka();
    for (configuration, is_producer_time) in [(CREATE_TIME, true), (LOG_APPEND_TIME, false)] {
        let topics = Topics::create(kafka, 1, configuration);
        let stamped = Clock::wall().now() - MINUTE;
        topics.write(Stream::Call, &[Record { timestamp: Some(stamped.as_millis()), ..Record::of("{}") }]);
        let mut reader = SettingsReader::load(&Layers { overrides: topics.settings(), ..Layers::default() });
        let mut consumer = Consumer::open(&source::Settings::read(&mut reader)).expect("a consumer");
        let partitions = consumer.describe().expect("the topics").partitions;
        let from_the_beginning: Vec<_> = partitions.into_iter().map(|found| (found.partition, 0)).collect();
        consumer.assign(&from_the_beginning).expect("assigned");
        let batch = std::iter::repeat_with(|| consumer.next_batch(1, Duration::from_millis(100)));
        let batch = batch.take(300).find(|batch| !batch.is_empty()).expect("the record");
        let record = batch.without_headers(0);
        assert_eq!(record.is_producer_time, is_producer_time);
        if is_producer_time {
            assert_eq!(record.written_after(), Some(stamped - HOUR), "it may be an hour ahead");
        } else {
            assert!(record.written_after() > Some(stamped), "the broker's time of writing");
        }
    }
}
