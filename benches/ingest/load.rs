//! Logs to read: generated loads and the topics to which they are written.

use std::time::{Duration, Instant};

use pacemeter::clock::{Clock, DAY};
use pacemeter::record::Stream;
use pacemeter::simulate::{Emission, LABELS, Load, PartitionCounts};
use rdkafka::admin::AdminOptions;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;

use crate::kafka::{Kafka, block_on};

const PARTITIONS: PartitionCounts = PartitionCounts { disbursement: 6, call: 6, milestone: 1 };

/// Load of supports from application to dispersal, 2 % of them returned, 1 % duplicates, no calls.
pub fn disbursements(supports: u64) -> Load {
    let usual = Load::of(1, 2020, PARTITIONS, Clock::wall().now());
    Load { supports, people: (supports * 2 / 5).max(1), ..usual }
}

/// Load of supports with calls and milestones: a realistic mix.
pub fn mixed(events: u64) -> Load {
    let usual = disbursements(1);
    let (calls, milestones) = (0.1, 0.001);
    let supports = Load::supports_for(events, calls, milestones, usual.faults);
    Load { supports, people: (supports * 2 / 5).max(1), calls, milestones, ..usual }
}

/// Three topics and the records written to them.
pub struct Log<'a> {
    kafka: &'a Kafka,
    name: String,
    pub description: String,
    pub records: u64,
}

/// Codec of batches, unless another is asked for.
pub const CODEC: &str = "lz4";

impl<'a> Log<'a> {
    pub fn write(kafka: &'a Kafka, name: &str, load: Load, codec: &str) -> Self {
        let mut log = Self::empty(kafka, name);
        if load.supports > 0 {
            log.append(load, codec);
        }
        log
    }

    /// Creates empty topics.
    pub fn empty(kafka: &'a Kafka, name: &str) -> Self {
        let log = Self { kafka, name: name.to_owned(), description: String::new(), records: 0 };
        for stream in Stream::ALL {
            kafka.create_topic(&log.topic(stream), PARTITIONS.of(stream), &[("message.timestamp.type", "CreateTime")]);
        }
        kafka.create_topic(&format!("{name}.dead-letter"), 1, &[]);
        log
    }

    /// Writes the records of a load as fast as the broker takes them.
    pub fn append(&mut self, load: Load, codec: &str) {
        eprintln!("writing about {} records to {}", load.expected_records(), self.name);
        self.description = format!(
            "{} supports of {} people, {:.0} % calls, {:.1} % duplicates, {} partitions of disbursements, codec {codec}.",
            load.supports,
            load.people,
            load.calls * 100.0,
            load.faults.duplicates * 100.0,
            PARTITIONS.disbursement
        );
        let producer: BaseProducer = self
            .kafka
            .client()
            .set("linger.ms", "20")
            .set("batch.size", "1000000")
            .set("queue.buffering.max.messages", "200000")
            .set("acks", "1")
            .set("compression.codec", codec)
            .create()
            .expect("a producer");
        let started = Instant::now();
        let mut bytes = 0;
        let topics = Stream::ALL.map(|stream| self.topic(stream));
        for emission in load.emissions() {
            bytes += emission.value.len() + emission.key.len();
            self.records += 1;
            send(&producer, &topics[emission.stream as usize], &emission);
        }
        producer.flush(Duration::from_secs(120)).expect("all is delivered");
        let (seconds, records) = (started.elapsed().as_secs_f64(), self.records as f64);
        eprintln!("wrote {records} records of {:.0} bytes in {seconds:.1} s", bytes as f64 / records);
    }

    pub fn topic(&self, stream: Stream) -> String {
        format!("{}.{}", self.name, stream.name())
    }

    pub fn bootstrap(&self) -> String {
        self.kafka.bootstrap()
    }

    /// Settings with which `pacemeter run` reads the log.
    pub fn settings(&self) -> Vec<String> {
        let mut settings: Vec<String> = Stream::ALL
            .iter()
            .map(|stream| format!("streams.{}.topic={}", stream.name(), self.topic(*stream)))
            .collect();
        settings.push(format!("kafka.bootstrap_servers={}", self.bootstrap()));
        settings.push(format!("kafka.group_id={}", self.name));
        settings.push(format!("dead_letter.topic={}.dead-letter", self.name));
        settings.push(format!("labels.programmes={:?}", LABELS.programmes));
        settings.push(format!("labels.queues={:?}", LABELS.queues));
        settings.push(format!("labels.sites={:?}", LABELS.sites));
        settings.push(format!("labels.initiatives={:?}", LABELS.initiatives));
        settings.push(format!("labels.milestones={:?}", LABELS.milestones));
        settings
    }

    /// Deletes the topics to free disk space.
    pub fn delete(self) {
        let topics = Stream::ALL.map(|stream| self.topic(stream));
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        block_on(self.kafka.admin().delete_topics(&names, &AdminOptions::new())).expect("kafka answers");
    }
}

/// A load of five days must be within every horizon; the shortest, that of calls, is seven days.
const _: () = assert!(5 * DAY < 7 * DAY);

fn send(producer: &BaseProducer, topic: &str, emission: &Emission) {
    let mut record = BaseRecord::to(topic)
        .partition(emission.partition)
        .key(&emission.key)
        .payload(&emission.value)
        .timestamp(emission.timestamp.as_millis());
    if !emission.headers.is_empty() {
        let headers = OwnedHeaders::new_with_capacity(emission.headers.len());
        let insert = |headers: OwnedHeaders, (key, value): &(&'static str, Vec<u8>)| {
            headers.insert(Header { key, value: Some(value) })
        };
        record = record.headers(emission.headers.iter().fold(headers, insert));
    }
    while let Err((error, refused)) = producer.send(record) {
        assert!(matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)), "{error}");
        producer.poll(Duration::from_millis(5));
        record = refused;
    }
    producer.poll(Duration::ZERO);
}
