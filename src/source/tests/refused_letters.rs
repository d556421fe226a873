//! Dead letters that brokers refuse, and a topic of dead letters that is not there.

use super::*;
use crate::record::{PartitionIndex, RawRecord, Stream, TopicPartition};

const DEAD: &str = "pacemeter.dead-letter.v1";
const TOO_LARGE: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
/// Letters that are sent one after the other are one batch.
const ONE_BATCH: &str = "kafka.properties.linger.ms=500";

fn kafka() -> Kafka {
    let kafka = Kafka::with_partitions(1);
    kafka.mock.create_topic(DEAD, 1, 1).expect("a topic can be made");
    kafka
}

fn open(kafka: &Kafka, overrides: &[&str]) -> DeadLetters {
    DeadLetters::open(&kafka.settings(overrides)).expect("a producer can be made")
}

/// Sends a letter for each offset, with a value of this size.
fn send(letters: &DeadLetters, offsets: std::ops::Range<i64>, value_bytes: usize) {
    let partition = TopicPartition { stream: Stream::Call, topic: TOPICS[1].into(), partition: 3 };
    let value = vec![b'v'; value_bytes];
    for offset in offsets {
        let headers = [("ce_id", Some(&b"1"[..]))];
        let record =
            RawRecord { offset, key: Some(b"key"), value: Some(&value), headers: &headers, ..RawRecord::default() };
        letters.send(&DeadLetter {
            index: PartitionIndex(7),
            partition: &partition,
            record,
            reason: "invalid_field",
            field: None,
            detail: None,
        });
    }
}

/// A letter as it is in the topic.
#[derive(Debug, PartialEq)]
struct WrittenLetter {
    offset: String,
    value_bytes: Option<usize>,
    /// Size of the value that was left out.
    left_out: Option<String>,
}

/// Reads this number of letters, and makes sure that there are no more.
fn read(kafka: &Kafka, count: usize) -> Vec<WrittenLetter> {
    let as_input = kafka.settings(&[&format!("streams.call.topic={DEAD}"), "dead_letter.enabled=false"]);
    let mut consumer = Consumer::open(&as_input).expect("a consumer can be made");
    consumer.assign(&beginnings(&consumer)).expect("partitions can be assigned");
    let (mut found, started, mut is_last) = (Vec::new(), Instant::now(), false);
    while !is_last {
        assert!(started.elapsed() < PATIENCE, "{} of {count} letters", found.len());
        is_last = found.len() >= count;
        let batch = consumer.next_batch(100, 5 * BLINK);
        let mut headers = Vec::new();
        for position in 0..batch.len() {
            let record = batch.get(position, &mut headers);
            assert_eq!((record.key, record.headers[0]), (Some(&b"key"[..]), ("ce_id", Some(&b"1"[..]))));
            let header = |name: &str| {
                let value = record.headers.iter().find(|(key, _)| *key == name).and_then(|(_, value)| *value);
                value.map(|value| String::from_utf8(value.to_vec()).expect("text"))
            };
            found.push(WrittenLetter {
                offset: header("pacemeter-offset").expect("each has one"),
                value_bytes: record.value.map(<[u8]>::len),
                left_out: header("pacemeter-value-bytes"),
            });
        }
    }
    found.sort_by_key(|found| found.offset.clone());
    found
}

fn whole(offset: i64, bytes: usize) -> WrittenLetter {
    WrittenLetter { offset: offset.to_string(), value_bytes: Some(bytes), left_out: None }
}

fn without_value(offset: i64, bytes: usize) -> WrittenLetter {
    WrittenLetter { offset: offset.to_string(), value_bytes: None, left_out: Some(bytes.to_string()) }
}

fn counts(sent: u64, acknowledged: u64, failed: u64) -> DeadLetterCounts {
    DeadLetterCounts { sent, acknowledged, failed }
}

#[test]
fn the_letters_of_a_refused_batch_are_sent_again_alone() {
    for refusal in [
        TOO_LARGE,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD,
    ] {
        let kafka = kafka();
        let letters = open(&kafka, &[ONE_BATCH]);
        kafka.mock.request_errors(RDKafkaApiKey::Produce, &[refusal]);
        send(&letters, 10..13, 5);
        assert!(letters.flush(PATIENCE));
        assert_eq!(letters.counts(), counts(3, 3, 0), "{refusal:?}");
        assert_eq!(read(&kafka, 3), [whole(10, 5), whole(11, 5), whole(12, 5)], "{refusal:?}");
    }
}

#[test]
fn a_letter_that_is_sent_again_is_still_in_flight() {
    let kafka = kafka();
    let letters = open(&kafka, &[ONE_BATCH, "dead_letter.max_in_flight=3"]);
    kafka.mock.request_errors(RDKafkaApiKey::Produce, &[TOO_LARGE, TOO_LARGE, TOO_LARGE, TOO_LARGE]);
    kafka.mock.broker_round_trip_time(-1, Duration::from_millis(300)).expect("the brokers are there");
    send(&letters, 10..13, 5);
    let started = Instant::now();
    loop {
        let below = letters.acknowledged_below(PartitionIndex(7), 20);
        let now = letters.counts();
        if now == counts(3, 3, 0) {
            break;
        }
        assert!(now.failed == 0 && below < 13, "{now:?}, {below}");
        assert!(started.elapsed() < PATIENCE, "{now:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(letters.acknowledged_below(PartitionIndex(7), 20), 20);
    assert_eq!(read(&kafka, 3), [without_value(10, 5), without_value(11, 5), without_value(12, 5)]);
}

#[test]
fn only_the_letter_that_does_not_fit_loses_its_value() {
    let kafka = kafka();
    let letters = open(&kafka, &[ONE_BATCH]);
    // The batch, then the first letter alone.
    kafka.mock.request_errors(RDKafkaApiKey::Produce, &[TOO_LARGE, TOO_LARGE]);
    send(&letters, 10..13, 5);
    assert!(letters.flush(PATIENCE));
    assert_eq!(letters.counts(), counts(3, 3, 0));
    assert_eq!(read(&kafka, 3), [without_value(10, 5), whole(11, 5), whole(12, 5)]);
}

#[test]
fn a_letter_that_fits_in_no_form_fails_once() {
    let kafka = kafka();
    let letters = open(&kafka, &[]);
    kafka.mock.request_errors(RDKafkaApiKey::Produce, &[TOO_LARGE; 3]);
    send(&letters, 10..11, 5);
    assert!(letters.flush(PATIENCE));
    assert_eq!(letters.counts(), counts(1, 0, 1));
    assert_eq!(letters.acknowledged_below(PartitionIndex(7), 20), 20, "a failed letter holds up nothing");
    kafka.mock.request_errors(RDKafkaApiKey::Produce, &[TOO_LARGE; 2]);
    send(&letters, 11..12, 0);
    assert!(letters.flush(PATIENCE));
    assert_eq!(letters.counts(), counts(2, 0, 2), "there is no value to leave out");
}

#[test]
fn a_letter_beyond_the_clients_bound_loses_its_value() {
    let kafka = kafka();
    let letters = open(&kafka, &["kafka.properties.message.max.bytes=1000"]);
    send(&letters, 10..12, 2_000);
    send(&letters, 12..13, 5);
    assert!(letters.flush(PATIENCE));
    assert_eq!(letters.counts(), counts(3, 3, 0));
    assert_eq!(read(&kafka, 3), [without_value(10, 2_000), without_value(11, 2_000), whole(12, 5)]);
}

#[test]
fn a_flood_of_refused_letters_is_written_whole() {
    let kafka = kafka();
    // The broker refuses every second batch, and many of the letters that come alone.
    let letters = open(&kafka, &["dead_letter.max_in_flight=50", "kafka.properties.batch.num.messages=10"]);
    let errors = [TOO_LARGE, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR].repeat(60);
    kafka.mock.request_errors(RDKafkaApiKey::Produce, &errors);
    send(&letters, 1_000..1_400, 5);
    assert!(letters.flush(PATIENCE));
    let counts = letters.counts();
    assert_eq!(counts.sent, 400);
    assert_eq!(counts.acknowledged + counts.failed, 400);
    let found = read(&kafka, counts.acknowledged as usize);
    let mut offsets: Vec<&str> = found.iter().map(|found| found.offset.as_str()).collect();
    offsets.dedup();
    assert_eq!(offsets.len() as u64, counts.acknowledged, "each is written once");
    assert!(found.iter().any(|found| found.left_out.is_none()));
}

/// Names of the topics of the cluster.
fn topics(kafka: &Kafka) -> Vec<String> {
    let metadata = kafka.producer.client().fetch_metadata(None, PATIENCE).expect("the mock answers");
    let mut names: Vec<String> = metadata.topics().iter().map(|topic| topic.name().to_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn no_client_creates_a_topic_by_asking_for_it() {
    let kafka = Kafka::without_topics();
    kafka.mock.create_topic("another", 1, 1).expect("a topic can be made");
    let settings = kafka.settings(&["kafka.properties.topic.metadata.propagation.max.ms=200"]);
    let consumer = kafka.consumer();
    assert!(matches!(consumer.describe(), Err(SourceError::TopicMissing { .. })));
    assert!(check::topic_faults(&settings).is_ok(), "the mock answers that it cannot tell");
    let letters = DeadLetters::open(&settings).expect("a producer can be made");
    send(&letters, 10..11, 5);
    assert!(letters.flush(PATIENCE));
    assert_eq!(letters.counts(), counts(1, 0, 1));
    for config in [client::base(&settings), client::producer(&settings), client::lone_producer(&settings)] {
        let producer = factory::create_producer(&config, rdkafka::producer::DefaultProducerContext).expect("a client");
        let asked = producer.client().fetch_metadata(Some("pacemeter.unknown.v1"), PATIENCE);
        assert!(asked.expect("the mock answers").topics()[0].error().is_some());
    }
    assert_eq!(topics(&kafka), ["another"]);
    // As others would.
    let asked = kafka.producer.client().fetch_metadata(Some("pacemeter.unknown.v1"), PATIENCE);
    assert!(asked.expect("the mock answers").topics()[0].error().is_none());
    assert_eq!(topics(&kafka), ["another", "pacemeter.unknown.v1"]);
}

#[test]
fn letters_fail_without_their_topic_and_recover_with_it() {
    let kafka = Kafka::with_partitions(1);
    let letters = open(&kafka, &["kafka.properties.topic.metadata.propagation.max.ms=500"]);
    send(&letters, 10..12, 5);
    assert!(letters.acknowledged_below(PartitionIndex(7), 20) == 10);
    assert!(letters.flush(PATIENCE));
    assert_eq!(letters.counts(), counts(2, 0, 2));
    kafka.mock.create_topic(DEAD, 1, 1).expect("a topic can be made");
    let started = Instant::now();
    let mut sent = 2;
    while letters.counts().acknowledged == 0 {
        assert!(started.elapsed() < Duration::from_secs(10), "the topic is not noticed: {:?}", letters.counts());
        send(&letters, 10 + sent..11 + sent, 5);
        sent += 1;
        letters.flush(Duration::from_secs(1));
    }
}
