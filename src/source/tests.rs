//! Tests on librdkafka's mock cluster: a real client and protocol, without transactions and compaction.

use super::*;
use crate::clock::Timestamp;
use crate::record::{Header, RawRecords as _};
use crate::record::{PartitionIndex, Stream};
use crate::settings::{Layers, SettingsReader};
use rdkafka::ClientConfig;
use rdkafka::message::{Header as SentHeader, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

mod dead_letters;
mod distance;
mod native;
mod refusals;
mod refused_letters;
mod topic_ids;

const TOPICS: [&str; 3] = ["pacemeter.disbursements.v1", "pacemeter.calls.v1", "pacemeter.milestones.v1"];
const PATIENCE: Duration = Duration::from_secs(20);
const BLINK: Duration = Duration::from_millis(20);

fn read(overrides: &[&str]) -> (Settings, Result<(), crate::settings::SettingsFaults>) {
    let overrides = overrides.iter().map(|text| (*text).to_owned()).collect();
    let mut reader = SettingsReader::load(&Layers { overrides, ..Layers::default() });
    let settings = Settings::read(&mut reader);
    (settings, reader.finish())
}

/// A mock cluster with the three topics.
struct Kafka {
    mock: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

impl Kafka {
    fn with_partitions(count: i32) -> Self {
        let kafka = Self::without_topics();
        for topic in TOPICS {
            kafka.mock.create_topic(topic, count, 1).expect("a topic can be made");
        }
        kafka
    }

    fn without_topics() -> Self {
        let mock = MockCluster::new(1).expect("a mock cluster can be made");
        let producer = ClientConfig::new()
            .set("bootstrap.servers", mock.bootstrap_servers())
            .set("message.timeout.ms", "10000")
            .create()
            .expect("a producer can be made");
        Self { mock, producer }
    }

    fn settings(&self, overrides: &[&str]) -> Settings {
        let servers = format!("kafka.bootstrap_servers={}", self.mock.bootstrap_servers());
        let (settings, faults) = read(&[&[servers.as_str(), "kafka.request_timeout=5s"], overrides].concat());
        faults.expect("the test's settings are right");
        settings
    }

    fn consumer(&self) -> Consumer {
        Consumer::open(&self.settings(&[])).expect("a consumer can be made")
    }

    /// A consumer that reads everything from the beginning.
    fn reader(&self) -> Consumer {
        let mut consumer = self.consumer();
        consumer.assign(&beginnings(&consumer)).expect("partitions can be assigned");
        consumer
    }

    /// Writes records numbered from `first` to one partition.
    fn write(&self, topic: &str, partition: i32, numbers: std::ops::Range<i64>) {
        for number in numbers {
            let value = number.to_string();
            let record = BaseRecord::<str, str>::to(topic)
                .partition(partition)
                .key("key")
                .payload(&value)
                .timestamp(1_700_000_000_000 + number);
            self.producer.send(record).expect("a record can be sent");
            self.producer.poll(Duration::ZERO);
        }
        self.producer.flush(PATIENCE).expect("records are written");
    }
}

fn beginnings(consumer: &Consumer) -> Vec<(TopicPartition, i64)> {
    let topology = consumer.describe().expect("the topics are described");
    topology.partitions.into_iter().map(|described| (described.partition, described.low)).collect()
}

/// Offsets and values of all records read, by partition index.
#[derive(Default)]
struct Seen(BTreeMap<PartitionIndex, Vec<(i64, String)>>);

impl Seen {
    fn add(&mut self, batch: &Batch) {
        let mut headers = Vec::new();
        for position in 0..batch.len() {
            let record = batch.get(position, &mut headers);
            let value = String::from_utf8(record.value.unwrap_or_default().to_vec()).expect("the tests write text");
            self.0.entry(batch.partition(position)).or_default().push((record.offset, value));
        }
    }

    fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Asserts that a partition has the records 0 to `count`, each once, in order, each at the offset of its number.
    fn assert_whole(&self, index: PartitionIndex, count: i64) {
        let expected: Vec<(i64, String)> = (0..count).map(|number| (number, number.to_string())).collect();
        assert!(
            self.0.get(&index).map_or(&[][..], Vec::as_slice) == expected,
            "{index:?} has {:?}",
            self.0.get(&index)
        );
    }
}

/// Reads until `count` records were seen.
fn read_until(consumer: &mut Consumer, seen: &mut Seen, count: usize) -> Vec<ClientEvent> {
    let started = Instant::now();
    let mut events = Vec::new();
    while seen.count() < count {
        assert!(
            started.elapsed() < PATIENCE,
            "{} of {count} records after {PATIENCE:?}, events {events:?}",
            seen.count()
        );
        seen.add(&consumer.next_batch(100, BLINK));
        events.extend(consumer.serve());
    }
    events
}

/// Serves the consumer until an event is met.
fn await_event(consumer: &mut Consumer, is_awaited: impl Fn(&ClientEvent) -> bool) -> ClientEvent {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < PATIENCE, "no such event after {PATIENCE:?}");
        consumer.next_batch(100, BLINK);
        if let Some(event) = consumer.serve().into_iter().find(&is_awaited) {
            return event;
        }
    }
}

#[test]
fn the_partitions_of_the_three_topics_are_described_in_order() {
    let kafka = Kafka::with_partitions(2);
    let topology = kafka.consumer().describe().expect("the topics are described");
    let described: Vec<_> =
        topology.partitions.iter().map(|it| (it.partition.stream, it.partition.partition, it.low)).collect();
    let expected: Vec<_> = Stream::ALL.into_iter().flat_map(|stream| [(stream, 0, 0), (stream, 1, 0)]).collect();
    assert_eq!(described, expected);
}

#[test]
fn records_of_all_partitions_come_once_and_in_order() {
    let kafka = Kafka::with_partitions(3);
    for topic in TOPICS {
        for partition in 0..3 {
            kafka.write(topic, partition, 0..200);
        }
    }
    let mut consumer = kafka.reader();
    let mut seen = Seen::default();
    read_until(&mut consumer, &mut seen, 9 * 200);
    seen.add(&consumer.next_batch(100, 5 * BLINK));
    (0..9).for_each(|index| seen.assert_whole(PartitionIndex(index), 200));
    assert!(consumer.close(PATIENCE));
}

#[test]
fn reading_begins_at_the_offset_that_is_given() {
    let kafka = Kafka::with_partitions(1);
    kafka.write(TOPICS[1], 0, 0..50);
    let mut consumer = kafka.consumer();
    let mut partitions = beginnings(&consumer);
    partitions[1].1 = 30;
    consumer.assign(&partitions).expect("partitions can be assigned");
    let mut seen = Seen::default();
    read_until(&mut consumer, &mut seen, 20);
    assert_eq!(seen.0[&PartitionIndex(1)].first().map(|(offset, _)| *offset), Some(30));
}

#[test]
fn a_new_assignment_starts_from_its_offsets() {
    let kafka = Kafka::with_partitions(1);
    kafka.write(TOPICS[0], 0, 0..500);
    let mut consumer = kafka.reader();
    for round in 0..5 {
        let mut seen = Seen::default();
        read_until(&mut consumer, &mut seen, 10 + 50 * round);
        consumer.assign(&beginnings(&consumer)).expect("partitions can be assigned");
    }
    let mut seen = Seen::default();
    read_until(&mut consumer, &mut seen, 500);
    seen.assert_whole(PartitionIndex(0), 500);
}

#[test]
fn a_record_is_handed_over_as_it_was_written() {
    let kafka = Kafka::with_partitions(1);
    let headers = OwnedHeaders::new()
        .insert(SentHeader { key: "ce_id", value: Some("1") })
        .insert(SentHeader::<&str> { key: "null", value: None })
        .insert(SentHeader { key: "empty", value: Some("") });
    let full =
        BaseRecord::<[u8], [u8]>::to(TOPICS[0]).key(b"k").payload(b"v").timestamp(1_700_000_000_123).headers(headers);
    kafka.producer.send(full).expect("a record can be sent");
    kafka.producer.send(BaseRecord::<[u8], [u8]>::to(TOPICS[0]).timestamp(1)).expect("a record can be sent");
    kafka.producer.flush(PATIENCE).expect("records are written");

    let mut consumer = kafka.reader();
    let started = Instant::now();
    let mut count = 0;
    while count < 2 {
        assert!(started.elapsed() < PATIENCE);
        let batch = consumer.next_batch(10, BLINK);
        let mut headers: Vec<Header<'_>> = Vec::new();
        for position in 0..batch.len() {
            let record = batch.get(position, &mut headers);
            if record.offset == 0 {
                assert_eq!(
                    (record.key, record.value, record.timestamp),
                    (Some(&b"k"[..]), Some(&b"v"[..]), Some(Timestamp::from_millis(1_700_000_000_123)))
                );
                assert_eq!(record.headers, [("ce_id", Some(&b"1"[..])), ("null", None), ("empty", Some(&b""[..]))]);
            } else {
                assert_eq!((record.key, record.value, record.timestamp), (None, None, Some(Timestamp::from_millis(1))));
                assert_eq!(record.headers, []);
            }
            count += 1;
        }
    }
}

#[test]
fn a_batch_outlives_its_consumer_on_another_thread() {
    let kafka = Kafka::with_partitions(1);
    kafka.write(TOPICS[0], 0, 0..10);
    let mut consumer = kafka.reader();
    let started = Instant::now();
    let batch = loop {
        assert!(started.elapsed() < PATIENCE);
        let batch = consumer.next_batch(10, BLINK);
        if !batch.is_empty() {
            break batch;
        }
    };
    drop(consumer);
    let count =
        move || (0..batch.len()).filter(|&position| batch.get(position, &mut Vec::new()).value.is_some()).count();
    let values = std::thread::spawn(count);
    assert!(values.join().expect("the thread ends") > 0);
}

fn partitions_of(consumer: &Consumer) -> Vec<TopicPartition> {
    beginnings(consumer).into_iter().map(|(partition, _)| partition).collect()
}

#[test]
fn positions_meet_the_ends_when_everything_is_read() {
    let kafka = Kafka::with_partitions(2);
    kafka.write(TOPICS[0], 0, 0..120);
    kafka.write(TOPICS[2], 1, 0..7);
    let mut consumer = kafka.reader();
    let ends = consumer.ends(&partitions_of(&consumer));
    assert_eq!(consumer.positions(), [], "nothing is known before the first record");
    let mut seen = Seen::default();
    read_until(&mut consumer, &mut seen, 127);
    assert_eq!(consumer.positions(), [(PartitionIndex(0), 120), (PartitionIndex(5), 7)]);
    let all: Vec<i64> =
        ends.query_all().expect("there is an answer").into_iter().map(|end| end.expect("for each")).collect();
    assert_eq!(all, [120, 0, 0, 0, 0, 7]);
    let elsewhere = std::thread::spawn({
        let ends = ends.clone();
        move || ends.query_all().map(|answers| answers[5].clone())
    });
    assert_eq!(elsewhere.join().expect("the thread ends"), Ok(Ok(7)));
    assert_eq!((consumer.next_offset(PartitionIndex(0)), consumer.next_offset(PartitionIndex(1))), (120, 0));
}

#[test]
fn fetching_again_loses_and_repeats_nothing() {
    let kafka = Kafka::with_partitions(2);
    kafka.write(TOPICS[0], 0, 0..2_000);
    kafka.write(TOPICS[0], 1, 0..2_000);
    let mut consumer = kafka.reader();
    let mut seen = Seen::default();
    for round in 1..20 {
        read_until(&mut consumer, &mut seen, round * 100);
        consumer.refetch(PartitionIndex(round as u16 % 2));
    }
    read_until(&mut consumer, &mut seen, 4_000);
    seen.add(&consumer.next_batch(100, 5 * BLINK));
    seen.assert_whole(PartitionIndex(0), 2_000);
    seen.assert_whole(PartitionIndex(1), 2_000);
}

#[test]
fn a_partition_in_error_is_fetched_again() {
    let kafka = Kafka::with_partitions(1);
    kafka.write(TOPICS[0], 0, 0..10);
    let mut consumer = kafka.reader();
    let mut seen = Seen::default();
    read_until(&mut consumer, &mut seen, 10);
    kafka.mock.request_errors(RDKafkaApiKey::Fetch, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN]);
    let event =
        await_event(&mut consumer, |event| matches!(event, ClientEvent::Interrupted { index: PartitionIndex(0), .. }));
    assert!(matches!(event, ClientEvent::Interrupted { offset: 10, denied: false, .. }), "{event:?}");
    assert!(
        consumer.positions().iter().all(|(index, _)| *index != PartitionIndex(0)),
        "the client's position is past the error: {:?}",
        consumer.positions()
    );
    kafka.write(TOPICS[0], 0, 10..20);
    read_until(&mut consumer, &mut seen, 20);
    seen.assert_whole(PartitionIndex(0), 20);
    assert!(consumer.positions().contains(&(PartitionIndex(0), 20)));
}

#[test]
fn an_offset_that_is_not_there_is_reported_and_not_skipped() {
    let kafka = Kafka::with_partitions(1);
    kafka.write(TOPICS[0], 0, 0..10);
    let mut consumer = kafka.consumer();
    let mut partitions = beginnings(&consumer);
    partitions[0].1 = 1_000;
    consumer.assign(&partitions).expect("partitions can be assigned");
    let event = await_event(&mut consumer, |event| matches!(event, ClientEvent::OutOfRange { .. }));
    assert!(matches!(event, ClientEvent::OutOfRange { index: PartitionIndex(0), next_offset: 1_000, .. }), "{event:?}");
    assert_eq!(consumer.positions(), [], "what cannot be read has no position");
}

#[test]
fn committed_offsets_are_those_that_were_sent() {
    let kafka = Kafka::with_partitions(1);
    kafka.write(TOPICS[0], 0, 0..10);
    let mut consumer = kafka.reader();
    assert_eq!(consumer.committed(&partitions_of(&consumer), PATIENCE), Ok(vec![None; 3]));
    assert!(!consumer.commit(&[]));
    assert!(consumer.commit(&[(PartitionIndex(0), 4), (PartitionIndex(2), 0)]));
    assert!(!consumer.commit(&[(PartitionIndex(0), 5)]), "one commit at a time");
    await_event(&mut consumer, |event| *event == ClientEvent::Committed);
    assert_eq!(consumer.committed(&partitions_of(&consumer), PATIENCE), Ok(vec![Some(4), None, Some(0)]));
    assert!(consumer.commit(&[(PartitionIndex(0), 10)]));
    await_event(&mut consumer, |event| *event == ClientEvent::Committed);
    assert_eq!(consumer.committed(&partitions_of(&consumer), PATIENCE).map(|offsets| offsets[0]), Ok(Some(10)));
}

#[test]
fn a_commit_that_is_refused_is_reported() {
    let kafka = Kafka::with_partitions(1);
    let mut consumer = kafka.reader();
    let denied = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED; 5];
    kafka.mock.request_errors(RDKafkaApiKey::OffsetCommit, &denied);
    assert!(consumer.commit(&[(PartitionIndex(0), 0)]));
    let event = await_event(&mut consumer, |event| matches!(event, ClientEvent::CommitFailed { .. }));
    assert!(matches!(event, ClientEvent::CommitFailed { denied: true, .. }), "{event:?}");
}

#[test]
fn an_unavailable_broker_is_counted_and_comes_back() {
    let kafka = Kafka::with_partitions(1);
    kafka.write(TOPICS[0], 0, 0..10);
    let mut consumer = kafka.reader();
    let mut seen = Seen::default();
    read_until(&mut consumer, &mut seen, 10);
    kafka.mock.broker_down(-1).expect("the broker goes down");
    let event = await_event(&mut consumer, |event| matches!(event, ClientEvent::Errors { .. }));
    assert!(matches!(event, ClientEvent::Errors { count: 1.., denied: false, .. }), "{event:?}");
    kafka.mock.broker_up(-1).expect("the broker comes up");
    kafka.write(TOPICS[0], 0, 10..20);
    read_until(&mut consumer, &mut seen, 20);
    seen.assert_whole(PartitionIndex(0), 20);
}

#[test]
fn a_fatal_client_is_reported_once() {
    let kafka = Kafka::with_partitions(1);
    let mut consumer = kafka.reader();
    consumer.fail_fatally();
    let event = await_event(&mut consumer, |event| matches!(event, ClientEvent::Fatal { .. }));
    assert!(matches!(&event, ClientEvent::Fatal { reason } if reason.contains("on purpose")), "{event:?}");
    assert!(!consumer.serve().iter().any(|event| matches!(event, ClientEvent::Fatal { .. })));
    // librdkafka never finishes closing such a client, and burns a core meanwhile.
    std::mem::forget(consumer);
}

#[test]
fn closing_is_prompt_with_and_without_a_broker() {
    for is_away in [false, true] {
        let kafka = Kafka::with_partitions(1);
        kafka.write(TOPICS[0], 0, 0..10);
        let mut consumer = kafka.reader();
        read_until(&mut consumer, &mut Seen::default(), 10);
        if is_away {
            kafka.mock.broker_down(-1).expect("the broker goes down");
        }
        let started = Instant::now();
        assert!(consumer.close(PATIENCE));
        assert!(
            started.elapsed() < Duration::from_secs(2),
            "closing took {:?} with the broker away {is_away}",
            started.elapsed()
        );
    }
}

#[test]
fn closing_gives_up_at_its_deadline() {
    let kafka = Kafka::with_partitions(1);
    kafka.write(TOPICS[0], 0, 0..10);
    let mut consumer = kafka.reader();
    let held = consumer.next_batch(1, PATIENCE);
    assert_eq!(held.len(), 1);
    assert!(!consumer.close(5 * BLINK), "a batch holds the client");
}
