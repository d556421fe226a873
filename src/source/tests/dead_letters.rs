//! Dead letters.

use super::*;
use crate::clock::Timestamp;
use crate::record::{Finding, JsonFault, PartitionIndex, RawRecord, Reason, Stream, TopicPartition};

const DEAD: &str = "pacemeter.dead-letter.v1";

fn partition() -> TopicPartition {
    TopicPartition { stream: Stream::Call, topic: TOPICS[1].into(), partition: 3 }
}

fn letter(partition: &TopicPartition, offset: i64) -> DeadLetter<'_> {
    DeadLetter {
        index: PartitionIndex(7),
        partition,
        record: RawRecord {
            offset,
            timestamp: Some(Timestamp::from_millis(1_700_000_000_123)),
            is_producer_time: true,
            key: Some(b"key"),
            value: Some(b"value"),
            headers: &[("ce_id", Some(b"1")), ("null", None)],
            has_unreadable_headers: false,
        },
        reason: Reason::InvalidField.name(),
        field: Some("amount"),
        detail: Some(JsonFault { position: 17, finding: Finding::Letter }),
    }
}

#[test]
fn a_dead_letter_holds_the_record_and_where_it_came_from() {
    let kafka = Kafka::with_partitions(1);
    kafka.mock.create_topic(DEAD, 1, 1).expect("a topic can be made");
    let letters = DeadLetters::open(&kafka.settings(&[])).expect("a producer can be made");
    letters.send(&letter(&partition(), 42));
    assert!(letters.flush(PATIENCE));
    assert_eq!(letters.counts(), DeadLetterCounts { sent: 1, acknowledged: 1, failed: 0 });

    let as_input = kafka.settings(&[&format!("streams.call.topic={DEAD}"), "dead_letter.enabled=false"]);
    let mut consumer = Consumer::open(&as_input).expect("a consumer can be made");
    consumer.assign(&beginnings(&consumer)).expect("partitions can be assigned");
    let batch = consumer.next_batch(1, PATIENCE);
    assert_eq!(batch.len(), 1, "the letter is there");
    assert_eq!(batch.get(0, &mut Vec::new()).headers.len(), 9);
    let mut headers = Vec::new();
    let record = batch.get(0, &mut headers);
    assert!(!record.has_unreadable_headers, "they are read again");
    assert_eq!((record.key, record.value), (Some(&b"key"[..]), Some(&b"value"[..])));
    let expected: [Header<'_>; 9] = [
        ("ce_id", Some(b"1")),
        ("null", None),
        ("pacemeter-reason", Some(b"invalid_field")),
        ("pacemeter-field", Some(b"amount")),
        ("pacemeter-detail", Some(b"byte 17: letter")),
        ("pacemeter-topic", Some(TOPICS[1].as_bytes())),
        ("pacemeter-partition", Some(b"3")),
        ("pacemeter-offset", Some(b"42")),
        ("pacemeter-time", Some(b"2023-11-14T22:13:20.123Z")),
    ];
    assert_eq!(record.headers, expected);
}

#[test]
fn a_commit_waits_for_letters_below_it_until_they_fail() {
    let kafka = Kafka::with_partitions(1);
    kafka.mock.create_topic(DEAD, 1, 1).expect("a topic can be made");
    kafka.mock.broker_down(-1).expect("the broker goes down");
    let settings = kafka.settings(&["kafka.properties.message.timeout.ms=1500"]);
    let letters = DeadLetters::open(&settings).expect("a producer can be made");
    let partition = partition();
    for offset in [10, 12, 15] {
        letters.send(&letter(&partition, offset));
    }
    assert_eq!(letters.acknowledged_below(PartitionIndex(7), 20), 10);
    assert_eq!(letters.acknowledged_below(PartitionIndex(7), 9), 9, "no further than what was applied");
    assert_eq!(letters.acknowledged_below(PartitionIndex(0), 20), 20, "another partition does not wait");
    assert_eq!(letters.counts(), DeadLetterCounts { sent: 3, acknowledged: 0, failed: 0 });
    assert!(letters.flush(PATIENCE));
    assert_eq!(letters.counts(), DeadLetterCounts { sent: 3, acknowledged: 0, failed: 3 });
    assert_eq!(letters.acknowledged_below(PartitionIndex(7), 20), 20);
}

#[test]
fn letters_beyond_the_bound_wait_once_then_fail_at_once() {
    let kafka = Kafka::with_partitions(1);
    kafka.mock.broker_down(-1).expect("the broker goes down");
    let settings = kafka.settings(&["dead_letter.max_in_flight=5", "kafka.properties.message.timeout.ms=8000"]);
    let letters = DeadLetters::open(&settings).expect("a producer can be made");
    let partition = partition();
    let started = Instant::now();
    for offset in 0..100 {
        letters.send(&letter(&partition, offset));
    }
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(1), "room may come: {waited:?}");
    assert!(waited < Duration::from_secs(7), "without any progress nobody waits again: {waited:?}");
    assert_eq!(letters.counts(), DeadLetterCounts { sent: 100, acknowledged: 0, failed: 95 });
    assert_eq!(letters.acknowledged_below(PartitionIndex(7), 100), 0);
}

#[test]
fn letters_beyond_the_clients_bounds_wait_until_all_are_written() {
    let kafka = Kafka::with_partitions(1);
    kafka.mock.create_topic(DEAD, 1, 1).expect("a topic can be made");
    let letters = DeadLetters::open(&kafka.settings(&["kafka.properties.queue.buffering.max.kbytes=1"]))
        .expect("a producer can be made");
    let partition = partition();
    let value = [b'x'; 300];
    for offset in 0..100 {
        let letter = letter(&partition, offset);
        letters.send(&DeadLetter { record: RawRecord { value: Some(&value), ..letter.record }, ..letter });
    }
    assert!(letters.flush(PATIENCE));
    assert_eq!(letters.counts(), DeadLetterCounts { sent: 100, acknowledged: 100, failed: 0 });
}

#[test]
fn dead_letters_that_are_turned_off_hold_nothing_up() {
    let kafka = Kafka::with_partitions(1);
    let letters =
        DeadLetters::open(&kafka.settings(&["dead_letter.enabled=false"])).expect("there is no producer to be made");
    letters.send(&letter(&partition(), 42));
    assert_eq!(letters.counts(), DeadLetterCounts::default());
    assert_eq!(letters.acknowledged_below(PartitionIndex(7), 50), 50);
    assert!(letters.flush(Duration::ZERO));
}

#[test]
fn a_record_without_key_value_or_time_is_dead_lettered() {
    let kafka = Kafka::with_partitions(1);
    kafka.mock.create_topic(DEAD, 1, 1).expect("a topic can be made");
    let letters = DeadLetters::open(&kafka.settings(&[])).expect("a producer can be made");
    let partition = partition();
    let record = RawRecord { offset: 1, ..RawRecord::default() };
    letters.send(&DeadLetter { record, field: None, detail: None, ..letter(&partition, 1) });
    assert!(letters.flush(PATIENCE));
    assert_eq!(letters.counts().acknowledged, 1);
}

#[test]
fn letters_beyond_the_bound_in_bytes_fail_too() {
    let kafka = Kafka::with_partitions(1);
    kafka.mock.broker_down(-1).expect("the broker goes down");
    let settings =
        kafka.settings(&["dead_letter.max_in_flight_bytes=1048576", "kafka.properties.message.timeout.ms=8000"]);
    let letters = DeadLetters::open(&settings).expect("a producer can be made");
    let partition = partition();
    // Keys and headers count as values do.
    let part = vec![b'x'; 100_000];
    let headers = [("name", Some(part.as_slice()))];
    for offset in 0..10 {
        let record =
            RawRecord { offset, key: Some(&part), value: Some(&part), headers: &headers, ..RawRecord::default() };
        letters.send(&DeadLetter { record, ..letter(&partition, offset) });
    }
    assert_eq!(letters.counts(), DeadLetterCounts { sent: 10, acknowledged: 0, failed: 7 });
}
