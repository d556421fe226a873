//! Batches that the client cannot read, and the setting that passes over them.

use pacemeter::clock::Clock;
use pacemeter::record::{Outcome, Stream};

use super::crafted::{Codec, CraftedBatch, append, claiming};
use super::mock::{Mock, topic};
use super::probes::{self, await_complete, is_ready, milestones, own, reached, records};
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Topics};

/// Records of each batch that cannot be read, behind ten that can.
const UNREADABLE: i32 = 5;

/// A range of the unreadable batch in each of three partitions.
const EXCLUDE: &str = "streams.milestone.exclude=[{ partition = 0, first_offset = 10, last_offset = 14 }, \
                       { partition = 1, first_offset = 10, last_offset = 11 }, { partition = 1, first_offset = 12, last_offset = 14 }, \
                       { partition = 2, first_offset = 10, last_offset = 99 }, { partition = 3, first_offset = 10, last_offset = 14 }, \
                       { partition = 4, first_offset = 10, last_offset = 14 }]";

/// Number of partitions, each with an unreadable batch of its own kind.
const PARTITIONS: i32 = 5;

fn rejected(pacemeter: &Pacemeter) -> Option<f64> {
    pacemeter
        .scrape()
        .value("pacemeter_rejected_records_total", &[("stream", Stream::Milestone.name()), ("reason", "excluded")])
}

/// Unpacks to 45 MB, has a wrong checksum, has an unknown codec, unpacks to nothing, ends within a record: one kind in
/// each partition. A crafted batch is written behind ten milestones, and ten more behind it but in one partition.
fn write_unreadable(mock: &Mock) {
    let large = vec![0; 9_000_000];
    let text = b"any text".as_slice();
    let kinds = [
        (large.as_slice(), Codec::Zstd, false),
        (text, Codec::None, true),
        (text, Codec::Unknown, false),
        (text, Codec::GzipEmpty, false),
        (text, Codec::GzipCut, false),
    ];
    for (partition, (value, codec, damaged)) in (0..).zip(kinds) {
        mock.write(partition, 10);
        let timestamp = Clock::wall().now();
        let batch =
            CraftedBatch { records: UNREADABLE, value, headers: 0, codec, damaged, timestamp: timestamp.as_millis() }
                .bytes();
        append(&mock.cluster().bootstrap_servers(), &topic(Stream::Milestone), partition, &batch);
        if partition != 2 {
            mock.write(partition, 10);
        }
    }
}

#[test]
fn excluded_offsets_that_cannot_be_read_are_passed_over() {
    let mock = Mock::start(1, PARTITIONS);
    write_unreadable(&mock);
    let state = tempfile::tempdir().expect("a temporary directory");
    let settings = mock.settings(&["kafka.stall_timeout=2s"]);
    let mut pacemeter = Pacemeter::start(&state, &settings);
    // Each partition names its remedies, with the offset to begin at.
    for partition in 0..PARTITIONS {
        let interrupted = pacemeter.until("the batch is reported", |pacemeter| {
            let events = pacemeter.events("pacemeter.partition.interrupted");
            events.into_iter().find(|event| event["partition"] == partition)
        });
        assert_eq!(interrupted["offset"], 10);
        let remedy = interrupted["remedy"].as_str().expect("a remedy");
        assert!(remedy.contains("kafka.properties.receive.message.max.bytes"), "{remedy}");
        assert!(
            remedy.contains(&format!("streams.milestone.exclude = [{{ partition = {partition}, first_offset = 10,")),
            "{remedy}"
        );
    }
    assert!(!is_ready(&pacemeter));
    assert_eq!(pacemeter.stop().code, Some(0));

    let settings = [settings, vec![EXCLUDE.to_owned()]].concat();
    let passed = f64::from(UNREADABLE * PARTITIONS);
    // The figures are the same after the start that passes over them, after one that resumes behind them, and after a
    // rebuild.
    let other = tempfile::tempdir().expect("a temporary directory");
    for (state, is_resumed) in [(&state, false), (&state, true), (&other, false)] {
        let mut pacemeter = Pacemeter::start(state, &settings);
        pacemeter.wait_ready();
        await_complete(&mut pacemeter, Stream::Milestone);
        assert_eq!(reached(&pacemeter), Some(90.0));
        assert_eq!(rejected(&pacemeter), Some(passed));
        assert_eq!(records(&pacemeter, Stream::Milestone, Outcome::Applied), Some(90.0));
        assert_eq!(records(&pacemeter, Stream::Milestone, Outcome::Rejected), Some(passed));
        let counted = pacemeter.events("pacemeter.partition.passed");
        let counted: i64 = counted.iter().map(|event| event["counted"].as_i64().expect("a number")).sum();
        assert_eq!(counted, if is_resumed { 0 } else { i64::from(UNREADABLE * PARTITIONS) });
        assert_eq!(own(&pacemeter, "pacemeter_ready"), 1.0);
        assert_eq!(pacemeter.stop().code, Some(0));
    }
}

/// A broker accepts a batch of several gzip members, and reads them all.
#[test]
fn records_of_all_gzip_members_count() {
    let topics = Topics::create(shared_kafka(), 1, LOG_APPEND_TIME);
    let timestamp = Clock::wall().now().as_millis();
    let mut written = 0;
    for (records, codec) in [(1, Codec::Gzip), (7, Codec::GzipMembers), (2, Codec::GzipMembers), (1, Codec::None)] {
        let batch = CraftedBatch { records, value: b"no event", headers: 0, codec, damaged: false, timestamp }.bytes();
        append(&shared_kafka().bootstrap(), &topics.input(Stream::Call), 0, &batch);
        written += records;
    }
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &topics.settings());
    pacemeter.wait_ready();
    await_complete(&mut pacemeter, Stream::Call);
    assert_eq!(records(&pacemeter, Stream::Call, Outcome::Rejected), Some(f64::from(written)));
    assert_eq!(pacemeter.stop().code, Some(0));
}

/// Records of two that contradict their batch, and how it is compressed.
fn contradictions() -> Vec<(Vec<u8>, Codec)> {
    let offsets = |first, second| [claiming(first, 1, 1), claiming(second, 1, 1)].concat();
    let lengths = |key, value| [claiming(0, 1, 1), claiming(1, key, value)].concat();
    vec![
        (offsets(0, 4), Codec::None),
        (offsets(1 << 30, (1 << 31) - 1), Codec::None),
        (offsets(0, 0), Codec::None),
        (offsets(1, 0), Codec::None),
        (offsets(-1, 1), Codec::None),
        (lengths(-2, 1), Codec::None),
        (lengths(1, -2), Codec::None),
        (offsets(0, 4), Codec::Gzip),
        (lengths(-2, 1), Codec::Snappy),
        (offsets(0, 0), Codec::Zstd),
    ]
}

#[test]
fn batches_that_contradict_themselves_are_not_read() {
    let kinds = contradictions();
    let count = kinds.len() as i32;
    let mock = Mock::start(1, count);
    let timestamp = Clock::wall().now().as_millis();
    for (partition, (records, codec)) in (0..).zip(&kinds) {
        mock.write(partition, 10);
        let shape = CraftedBatch { records: 2, value: b"", headers: 0, codec: *codec, damaged: false, timestamp };
        append(&mock.cluster().bootstrap_servers(), &topic(Stream::Milestone), partition, &shape.of_records(records));
        mock.write(partition, 10);
    }
    // Sound ones, which are read: they are refused only for what they contain.
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Zstd] {
        let shape = CraftedBatch { records: 2, value: b"", headers: 0, codec, damaged: false, timestamp };
        let batch = shape.of_records(&[claiming(0, 1, 1), claiming(1, 1, 1)].concat());
        append(&mock.cluster().bootstrap_servers(), &topic(Stream::Call), 0, &batch);
    }
    let state = tempfile::tempdir().expect("a temporary directory");
    let settings = mock.settings(&["kafka.stall_timeout=2s"]);
    let mut pacemeter = Pacemeter::start(&state, &settings);
    for partition in 0..count {
        let interrupted = pacemeter.until("the batch is reported", |pacemeter| {
            let events = pacemeter.events("pacemeter.partition.interrupted");
            events.into_iter().find(|event| event["partition"] == partition)
        });
        assert_eq!(interrupted["offset"], 10, "{interrupted}");
        let exclude = format!("streams.milestone.exclude = [{{ partition = {partition}, first_offset = 10,");
        assert!(interrupted["remedy"].as_str().is_some_and(|remedy| remedy.contains(&exclude)), "{interrupted}");
    }
    assert!(!is_ready(&pacemeter));
    assert_eq!(pacemeter.stop().code, Some(0));

    let ranges: Vec<String> = (0..count)
        .map(|partition| format!("{{ partition = {partition}, first_offset = 10, last_offset = 11 }}"))
        .collect();
    let settings = [settings, vec![format!("streams.milestone.exclude=[{}]", ranges.join(", "))]].concat();
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    await_complete(&mut pacemeter, Stream::Milestone);
    assert_eq!(records(&pacemeter, Stream::Milestone, Outcome::Applied), Some(f64::from(count) * 20.0));
    assert_eq!(rejected(&pacemeter), Some(f64::from(count) * 2.0));
    assert_eq!(records(&pacemeter, Stream::Call, Outcome::Rejected), Some(8.0));
    assert!(is_ready(&pacemeter));
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_batch_that_the_client_ignores_is_reported_and_excludable() {
    let mock = Mock::start(1, 1);
    mock.write(0, 10);
    let timestamp = Clock::wall().now().as_millis();
    let shape = CraftedBatch { records: 2, value: b"", headers: 0, codec: Codec::Marker, damaged: false, timestamp };
    let batch = shape.of_records(&[claiming(0, 1, 1), claiming(1, 1, 1)].concat());
    append(&mock.cluster().bootstrap_servers(), &topic(Stream::Milestone), 0, &batch);
    mock.write(0, 10);
    let state = tempfile::tempdir().expect("a temporary directory");
    let settings = mock.settings(&["kafka.stall_timeout=2s"]);
    let mut pacemeter = Pacemeter::start(&state, &settings);
    let interrupted = pacemeter.until("the batch is reported", |pacemeter| {
        pacemeter.events("pacemeter.partition.interrupted").into_iter().next()
    });
    assert_eq!((&interrupted["code"], &interrupted["offset"]), (&"Underflow".into(), &10.into()), "{interrupted}");
    let exclude = "streams.milestone.exclude = [{ partition = 0, first_offset = 10,";
    assert!(interrupted["remedy"].as_str().is_some_and(|remedy| remedy.contains(exclude)), "{interrupted}");
    assert!(!is_ready(&pacemeter));
    assert_eq!(pacemeter.stop().code, Some(0));

    let exclude = "streams.milestone.exclude=[{ partition = 0, first_offset = 10, last_offset = 11 }]".to_owned();
    let mut pacemeter = Pacemeter::start(&state, &[settings, vec![exclude]].concat());
    pacemeter.until("reading goes on behind it", |pacemeter| {
        (records(pacemeter, Stream::Milestone, Outcome::Applied) == Some(20.0)).then_some(())
    });
    assert_eq!(rejected(&pacemeter), Some(2.0));
    pacemeter.wait_ready();
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_real_broker_takes_batches_that_contradict_themselves() {
    // It refuses compressed ones with wrong offsets, and takes the others.
    let kinds: Vec<Vec<u8>> =
        contradictions().into_iter().filter(|(_, codec)| *codec == Codec::None).map(|(records, _)| records).collect();
    let count = kinds.len() as i32;
    let topics = Topics::create(shared_kafka(), count, LOG_APPEND_TIME);
    let timestamp = Clock::wall().now().as_millis();
    for (partition, records) in (0..).zip(&kinds) {
        topics.write(Stream::Milestone, &milestones(partition, "before", 10));
        let shape = CraftedBatch { records: 2, value: b"", headers: 0, codec: Codec::None, damaged: false, timestamp };
        let batch = shape.of_records(records);
        append(&shared_kafka().bootstrap(), &topics.input(Stream::Milestone), partition, &batch);
        topics.write(Stream::Milestone, &milestones(partition, "behind", 10));
    }
    let state = tempfile::tempdir().expect("a temporary directory");
    let settings = [topics.settings(), probes::labels().to_vec(), vec!["kafka.stall_timeout=2s".to_owned()]].concat();
    let mut pacemeter = Pacemeter::start(&state, &settings);
    for partition in 0..count {
        pacemeter.until("the batch is reported", |pacemeter| {
            let events = pacemeter.events("pacemeter.partition.interrupted");
            events.into_iter().find(|event| event["partition"] == partition && event["offset"] == 10)
        });
    }
    assert!(!is_ready(&pacemeter));
    assert_eq!(pacemeter.stop().code, Some(0));

    let ranges: Vec<String> = (0..count)
        .map(|partition| format!("{{ partition = {partition}, first_offset = 10, last_offset = 11 }}"))
        .collect();
    let exclude = format!("streams.milestone.exclude=[{}]", ranges.join(", "));
    let mut pacemeter = Pacemeter::start(&state, &[settings, vec![exclude]].concat());
    pacemeter.wait_ready();
    await_complete(&mut pacemeter, Stream::Milestone);
    assert_eq!(records(&pacemeter, Stream::Milestone, Outcome::Applied), Some(f64::from(count) * 20.0));
    assert_eq!(rejected(&pacemeter), Some(f64::from(count) * 2.0));
    assert_eq!(pacemeter.stop().code, Some(0));
}
