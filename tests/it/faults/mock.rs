//! librdkafka's mock cluster for the built program: brokers that misbehave on demand. It keeps some 5 MiB a partition,
//! and has no transactions, no compaction and no configuration of topics.

use std::time::Duration;

use pacemeter::record::Stream;
use rdkafka::ClientConfig;
use rdkafka::bindings as sys;
use rdkafka::client::Client;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::probes::milestone;
use crate::program::LIMIT;

/// Brokers, and the topics of the three streams.
pub struct Mock {
    producer: BaseProducer,
    written: std::cell::Cell<usize>,
}

impl Mock {
    /// Starts this number of brokers, numbered from 1; broker 1 leads every partition.
    pub fn start(brokers: i32, partitions: i32) -> Self {
        let producer: BaseProducer = ClientConfig::new()
            .set("test.mock.num.brokers", brokers.to_string())
            .set("bootstrap.servers", "replaced")
            .set("reconnect.backoff.max.ms", "500")
            // A mock broker that comes up again sometimes lets the first connection hang.
            .set("socket.connection.setup.timeout.ms", "2000")
            .set("socket.timeout.ms", "3000")
            .set("topic.metadata.refresh.interval.ms", "1000")
            .create()
            .expect("a producer and its mock cluster");
        let mock = Self { producer, written: std::cell::Cell::new(0) };
        for stream in Stream::ALL {
            mock.cluster().create_topic(&topic(stream), partitions, 1).expect("a topic can be made");
            (0..partitions).for_each(|partition| mock.lead(stream, partition, 1));
        }
        mock.cluster().create_topic(DEAD_LETTERS, 1, 1).expect("a topic can be made");
        mock
    }

    pub fn cluster(&self) -> MockCluster<'_, DefaultProducerContext> {
        self.producer.client().mock_cluster().expect("the client has a mock cluster")
    }

    pub fn lead(&self, stream: Stream, partition: i32, broker: i32) {
        self.cluster().partition_leader(&topic(stream), partition, Some(broker)).expect("the broker exists");
    }

    /// Settings with which `pacemeter` uses the mock cluster.
    pub fn settings(&self, more: &[&str]) -> Vec<String> {
        let mut settings: Vec<String> =
            Stream::ALL.iter().map(|stream| format!("streams.{}.topic={}", stream.name(), topic(*stream))).collect();
        settings.push(format!("kafka.bootstrap_servers={}", self.cluster().bootstrap_servers()));
        settings.push(format!("dead_letter.topic={DEAD_LETTERS}"));
        // The mock cluster cannot describe the configuration of topics.
        settings.push("kafka.accept_unverified_topics=true".to_owned());
        settings.push("kafka.properties.reconnect.backoff.max.ms=500".to_owned());
        settings.extend(super::probes::labels());
        settings.extend(more.iter().map(|&setting| setting.to_owned()));
        settings
    }

    /// Writes new milestones and returns the number written since the start.
    pub fn write(&self, partition: i32, count: usize) -> usize {
        let topic = topic(Stream::Milestone);
        for number in self.written.get()..self.written.get() + count {
            let value = milestone(&format!("mock-{number}"));
            self.producer
                .send(BaseRecord::<[u8], [u8]>::to(&topic).partition(partition).payload(&value))
                .expect("there is room");
            self.producer.poll(Duration::ZERO);
        }
        self.producer.flush(LIMIT).expect("records are written");
        self.written.set(self.written.get() + count);
        self.written.get()
    }

    /// Delays the answers to the next requests of a kind to one broker.
    pub fn delay(&self, broker: i32, request: RDKafkaApiKey, count: usize, delay: Duration) {
        let client: &Client<_> = self.producer.client();
        for _ in 0..count {
            // SAFETY: the client lives and has a mock cluster; each of `count` entries is an error code and
            // milliseconds.
            let code = unsafe {
                let cluster = sys::rd_kafka_handle_mock_cluster(client.native_ptr());
                let (error, rtt) = (RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR, delay.as_millis() as libc::c_int);
                sys::rd_kafka_mock_broker_push_request_error_rtts(cluster, broker, i16::from(request), 1, error, rtt)
            };
            assert_eq!(code, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR, "the broker exists");
        }
    }
}

const DEAD_LETTERS: &str = "mock.dead-letter";

pub fn topic(stream: Stream) -> String {
    format!("mock.{}", stream.name())
}
