//! The topics of one test: names, writing and reading.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use pacemeter::record::Stream;
use rdkafka::ClientContext;
use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

use crate::kafka::{Kafka, block_on};

const LIMIT: Duration = Duration::from_secs(30);

/// Recommended settings of an input topic: the broker stamps the records.
pub const LOG_APPEND_TIME: &[(&str, &str)] = &[("message.timestamp.type", "LogAppendTime")];
/// Settings of an input topic whose producers stamp the records, within an hour of the broker's clock.
pub const CREATE_TIME: &[(&str, &str)] =
    &[("message.timestamp.type", "CreateTime"), ("message.timestamp.after.max.ms", "3600000")];

/// A record to write, or one that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    pub partition: i32,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since the epoch; the client's clock if absent.
    pub timestamp: Option<i64>,
}

impl Record {
    pub fn of(value: impl Into<Vec<u8>>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    /// Text of a header, which must exist.
    pub fn header(&self, name: &str) -> &str {
        let header = self.headers.iter().find(|(key, _)| key == name);
        let value =
            header.and_then(|(_, value)| value.as_deref()).unwrap_or_else(|| panic!("no header {name} in {self:?}"));
        std::str::from_utf8(value).expect("headers of dead letters are text")
    }
}

/// The topics and the consumer group of one test.
pub struct Topics<'a> {
    kafka: &'a Kafka,
    prefix: String,
}

impl<'a> Topics<'a> {
    /// Chooses names; the topics do not exist yet.
    pub fn reserve(kafka: &'a Kafka) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self { kafka, prefix: format!("test{}", COUNT.fetch_add(1, Ordering::Relaxed)) }
    }

    /// Creates the three input topics with `partitions` each, and the dead-letter topic with one.
    pub fn create(kafka: &'a Kafka, partitions: i32, settings: &[(&str, &str)]) -> Self {
        let topics = Self::reserve(kafka);
        for stream in Stream::ALL {
            topics.create_input(stream, partitions, settings);
        }
        topics.create_dead_letter();
        topics
    }

    pub fn create_input(&self, stream: Stream, partitions: i32, settings: &[(&str, &str)]) {
        self.kafka.create_topic(&self.input(stream), partitions, settings);
    }

    pub fn create_dead_letter(&self) {
        self.create_dead_letter_with(&[]);
    }

    pub fn create_dead_letter_with(&self, settings: &[(&str, &str)]) {
        self.kafka.create_topic(&self.dead_letter(), 1, settings);
    }

    pub fn input(&self, stream: Stream) -> String {
        format!("{}.{}", self.prefix, stream.name())
    }

    pub fn dead_letter(&self) -> String {
        format!("{}.dead-letter", self.prefix)
    }

    /// Group under which offsets are committed.
    pub fn group(&self) -> &str {
        &self.prefix
    }

    /// Settings with which `pacemeter` uses these topics.
    pub fn settings(&self) -> Vec<String> {
        let mut settings: Vec<String> = Stream::ALL
            .iter()
            .map(|stream| format!("streams.{}.topic={}", stream.name(), self.input(*stream)))
            .collect();
        settings.push(format!("kafka.bootstrap_servers={}", self.kafka.bootstrap()));
        settings.push(format!("kafka.group_id={}", self.group()));
        settings.push(format!("dead_letter.topic={}", self.dead_letter()));
        settings
    }

    /// Writes the records in order and returns the offset and timestamp of each.
    pub fn write(&self, stream: Stream, records: &[Record]) -> Vec<(i64, i64)> {
        self.write_compressed(stream, records, "none")
    }

    /// Writes the records in batches of this codec.
    pub fn write_compressed(&self, stream: Stream, records: &[Record], codec: &str) -> Vec<(i64, i64)> {
        let producer: BaseProducer<Deliveries> = self
            .kafka
            .client()
            .set("enable.idempotence", "true")
            .set("message.max.bytes", "2000000")
            .set("compression.codec", codec)
            .create_with_context(Deliveries::default())
            .expect("a producer");
        send(&producer, &self.input(stream), records);
        let positions = producer.context().positions();
        assert_eq!(positions.len(), records.len(), "every record is delivered");
        (0..records.len()).map(|index| *positions.get(&index).expect("every record is delivered")).collect()
    }

    /// Writes the records in one transaction, commits or aborts it, and waits for its markers in the log.
    pub fn write_transaction(&self, stream: Stream, records: &[Record], commit: bool) {
        let mut ends = self.ends(&self.input(stream));
        let id = format!("{}-{}-{commit}", self.prefix, stream.name());
        let producer: BaseProducer<Deliveries> = self
            .kafka
            .client()
            .set("transactional.id", id)
            .create_with_context(Deliveries::default())
            .expect("a producer");
        producer.init_transactions(LIMIT).expect("transactions are initialised");
        producer.begin_transaction().expect("a transaction begins");
        send(&producer, &self.input(stream), records);
        if commit {
            producer.commit_transaction(LIMIT).expect("the transaction is committed");
        } else {
            producer.abort_transaction(LIMIT).expect("the transaction is aborted");
        }
        for (partition, end) in ends.iter_mut().enumerate() {
            let written = records.iter().filter(|record| record.partition as usize == partition).count() as i64;
            // The marker takes an offset of its own. It is written a little after the end of the transaction is
            // confirmed.
            *end += written + i64::from(written > 0);
        }
        let started = Instant::now();
        while self.ends(&self.input(stream)) != ends {
            assert!(started.elapsed() < LIMIT, "the transaction's markers are not in the log");
        }
    }

    /// Writes the records in a transaction that stays open until it is committed, for a minute at most.
    pub fn open_transaction(&self, stream: Stream, records: &[Record]) -> OpenTransaction {
        let id = format!("{}-{}-open", self.prefix, stream.name());
        let producer: BaseProducer<Deliveries> = self
            .kafka
            .client()
            .set("transactional.id", id)
            .create_with_context(Deliveries::default())
            .expect("a producer");
        producer.init_transactions(LIMIT).expect("transactions are initialised");
        producer.begin_transaction().expect("a transaction begins");
        send(&producer, &self.input(stream), records);
        OpenTransaction(producer)
    }

    /// Deletes all records of a partition.
    pub fn delete_records(&self, stream: Stream, partition: i32) {
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_offset(&self.input(stream), partition, Offset::End).expect("an offset");
        block_on(self.kafka.admin().delete_records(&partitions, &AdminOptions::new())).expect("records are deleted");
    }

    /// Deletes an input topic and creates one of the same name.
    pub fn recreate_input(&self, stream: Stream, partitions: i32, settings: &[(&str, &str)]) {
        self.delete_input(stream);
        self.create_input_again(stream, partitions, settings);
    }

    /// Creates an input topic that was deleted.
    pub fn create_input_again(&self, stream: Stream, partitions: i32, settings: &[(&str, &str)]) {
        let started = Instant::now();
        // The removal of the old topic takes a moment.
        while !self.kafka.try_create_topic(&self.input(stream), partitions, settings) {
            assert!(started.elapsed() < LIMIT, "the topic is still there");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn delete_input(&self, stream: Stream) {
        let topic = self.input(stream);
        let deleted =
            block_on(self.kafka.admin().delete_topics(&[&topic], &AdminOptions::new())).expect("kafka answers");
        assert!(deleted[0].is_ok(), "{deleted:?}");
    }

    /// Adds partitions to an input topic, up to `count`.
    pub fn add_partitions(&self, stream: Stream, count: usize) {
        let topic = self.input(stream);
        let more = NewPartitions::new(&topic, count);
        let added =
            block_on(self.kafka.admin().create_partitions(&[more], &AdminOptions::new())).expect("kafka answers");
        assert!(added[0].is_ok(), "{added:?}");
    }

    /// Commits these offsets for the partitions of a topic, as anybody with the group's name can.
    pub fn commit(&self, stream: Stream, offsets: &[i64]) {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets.iter().enumerate() {
            list.add_partition_offset(&self.input(stream), partition as i32, Offset::Offset(*offset))
                .expect("an offset");
        }
        self.consumer("read_committed").commit(&list, CommitMode::Sync).expect("offsets are committed");
    }

    /// All records of a topic, partition by partition.
    pub fn read(&self, topic: &str) -> Vec<Record> {
        let consumer = self.consumer("read_committed");
        let mut assignment = TopicPartitionList::new();
        let mut unread = Vec::new();
        for (partition, (beginning, end)) in (0..).zip(self.bounds(topic)) {
            if beginning < end {
                assignment.add_partition_offset(topic, partition, Offset::Offset(beginning)).expect("an offset");
                unread.push((partition, end));
            }
        }
        consumer.assign(&assignment).expect("an assignment");
        let mut records = Vec::new();
        let started = Instant::now();
        while !unread.is_empty() {
            assert!(started.elapsed() < LIMIT, "{topic} was not read to its end");
            match consumer.poll(Duration::from_millis(100)) {
                Some(message) => records.push(found(&message.expect("a message").detach())),
                // The position also passes markers at the end of a partition.
                None => unread.retain(|(partition, end)| position(&consumer, topic, *partition) < *end),
            }
        }
        records.sort_by_key(|record| record.partition);
        records
    }

    /// End offset of each partition of a topic, markers included.
    pub fn ends(&self, topic: &str) -> Vec<i64> {
        self.bounds(topic).into_iter().map(|(_, end)| end).collect()
    }

    fn bounds(&self, topic: &str) -> Vec<(i64, i64)> {
        let consumer = self.consumer("read_uncommitted");
        let metadata = consumer.fetch_metadata(Some(topic), LIMIT).expect("metadata");
        let count = metadata.topics()[0].partitions().len() as i32;
        (0..count).map(|partition| consumer.fetch_watermarks(topic, partition, LIMIT).expect("watermarks")).collect()
    }

    /// Offsets that the group has committed, by partition.
    pub fn committed(&self, stream: Stream) -> Vec<Option<i64>> {
        let topic = self.input(stream);
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_range(&topic, 0, self.ends(&topic).len() as i32 - 1);
        let committed =
            self.consumer("read_committed").committed_offsets(partitions, LIMIT).expect("committed offsets");
        committed.elements().iter().map(|element| element.offset().to_raw().filter(|offset| *offset >= 0)).collect()
    }

    fn consumer(&self, isolation: &str) -> BaseConsumer {
        let mut config = self.kafka.client();
        config.set("group.id", &self.prefix).set("enable.auto.commit", "false").set("isolation.level", isolation);
        config.create().expect("a consumer")
    }
}

/// A transaction whose records are in the log.
pub struct OpenTransaction(BaseProducer<Deliveries>);

impl OpenTransaction {
    pub fn commit(self) {
        self.0.commit_transaction(LIMIT).expect("the transaction is committed");
    }
}

fn position(consumer: &BaseConsumer, topic: &str, partition: i32) -> i64 {
    let positions = consumer.position().expect("positions");
    positions.find_partition(topic, partition).and_then(|element| element.offset().to_raw()).unwrap_or(-1)
}

fn found(message: &OwnedMessage) -> Record {
    let headers = message.headers().map(|headers| {
        use rdkafka::message::Headers;
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    });
    Record {
        partition: message.partition(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
        timestamp: message.timestamp().to_millis(),
    }
}

type Positions = std::collections::HashMap<usize, (i64, i64)>;

/// Offset and timestamp of each record, by its index among the records sent.
#[derive(Default)]
struct Deliveries(Mutex<Positions>);

impl Deliveries {
    fn positions(&self) -> MutexGuard<'_, Positions> {
        self.0.lock().expect("no delivery failed")
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<usize>;

    fn delivery(&self, result: &DeliveryResult<'_>, index: Self::DeliveryOpaque) {
        let message = result.as_ref().unwrap_or_else(|(error, _)| panic!("record {index} was not delivered: {error}"));
        self.positions().insert(*index, (message.offset(), message.timestamp().to_millis().unwrap_or(-1)));
    }
}

fn send(producer: &BaseProducer<Deliveries>, topic: &str, records: &[Record]) {
    for (index, record) in records.iter().enumerate() {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: value.as_ref() });
        }
        let mut message =
            BaseRecord::with_opaque_to(topic, Box::new(index)).partition(record.partition).headers(headers);
        message.key = record.key.as_ref();
        message.payload = record.value.as_ref();
        message.timestamp = record.timestamp;
        while let Err((error, refused)) = producer.send(message) {
            assert_eq!(error.rdkafka_error_code(), Some(rdkafka::types::RDKafkaErrorCode::QueueFull), "{error}");
            producer.poll(Duration::from_millis(10));
            message = refused;
        }
    }
    producer.flush(LIMIT).expect("records are delivered");
}

#[test]
fn a_killed_kafka_keeps_its_records() {
    let kafka = Kafka::reserve();
    kafka.start();
    let topics = Topics::create(&kafka, 2, CREATE_TIME);
    let records: Vec<Record> = (0..500)
        .map(|number| Record {
            partition: number % 2,
            key: Some(b"key".to_vec()),
            headers: vec![("name".to_owned(), Some(b"value".to_vec())), ("null".to_owned(), None)],
            timestamp: Some(1_600_000_000_000 + i64::from(number)),
            ..Record::of(format!("value {number}"))
        })
        .collect();
    let positions = topics.write(Stream::Call, &records);
    assert_eq!(positions[499], (249, 1_600_000_000_499));
    topics.write_transaction(Stream::Call, &records[..3], false);
    topics.write_transaction(Stream::Call, &records[..1], true);
    kafka.stop();
    kafka.start();
    assert_eq!(topics.ends(&topics.input(Stream::Call)), [250 + 2 + 1 + 1 + 1, 250 + 1 + 1]);
    let found = topics.read(&topics.input(Stream::Call));
    assert_eq!(found.len(), 501);
    assert_eq!(found[0], records[0]);
    assert_eq!(topics.committed(Stream::Call), [None, None]);
    topics.delete_records(Stream::Call, 0);
    assert_eq!(topics.read(&topics.input(Stream::Call)).len(), 250);
}
