//! Writing emissions to Kafka, in order and each exactly once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};

use crate::record::{PerStream, Stream};
use crate::runtime::{Exit, Failure};
use crate::simulate::Emission;

/// Pause before a full queue is tried again.
const FULL_PAUSE: Duration = Duration::from_millis(2);

/// Writes records to the topics of the three streams.
pub(super) struct KafkaWriter {
    producer: ThreadedProducer<Deliveries>,
    topics: PerStream<String>,
    failed: Failed,
}

/// Number of records that could not be delivered, and the reason for the first.
#[derive(Clone, Default)]
struct Failed(Arc<Mutex<Option<(u64, String)>>>);

struct Deliveries(Failed);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.note(error);
        }
    }
}

impl Failed {
    fn note(&self, error: &KafkaError) {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get_or_insert_with(|| (0, error.to_string().to_lowercase())).0 += 1;
    }

    /// A failure once a record was lost: what comes after it would not be what the ledger holds.
    fn check(&self) -> Result<(), Failure> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some((count, first)) => {
                Err(Failure::new(Exit::TryAgain, format!("{count} records could not be delivered, the first: {first}")))
            }
            None => Ok(()),
        }
    }
}

/// The producer's configuration over that of every client: each record once and in order, in large batches.
fn producer_config(client: &ClientConfig) -> ClientConfig {
    let mut config = client.clone();
    config.set("enable.idempotence", "true");
    let defaults = [
        ("linger.ms", "20"),
        ("batch.num.messages", "10000"),
        ("queue.buffering.max.kbytes", "131072"),
        ("message.timeout.ms", "60000"),
        ("compression.codec", "lz4"),
    ];
    for (key, value) in defaults {
        if config.get(key).is_none() {
            config.set(key, value);
        }
    }
    config
}

impl KafkaWriter {
    /// # Errors
    /// The configuration will not do.
    pub fn new(client: &ClientConfig, topics: PerStream<String>) -> Result<Self, Failure> {
        let failed = Failed::default();
        let producer = producer_config(client).create_with_context(Deliveries(failed.clone()));
        let producer = producer.map_err(|error| failure("a producer cannot be made", &error))?;
        Ok(Self { producer, topics, failed })
    }

    /// Hands over the next record of its partition; waits while the queue is full.
    ///
    /// # Errors
    /// A record, this or an earlier one, cannot be delivered.
    pub fn send(&self, emission: &Emission) -> Result<(), Failure> {
        let mut record = BaseRecord::to(&self.topics[emission.stream])
            .partition(emission.partition)
            .key(emission.key.as_slice())
            .payload(emission.value.as_slice())
            .timestamp(emission.timestamp);
        if !emission.headers.is_empty() {
            let headers = OwnedHeaders::new_with_capacity(emission.headers.len());
            let headers = emission
                .headers
                .iter()
                .fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
            record = record.headers(headers);
        }
        loop {
            match self.producer.send(record) {
                Ok(()) => return self.failed.check(),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), same)) => {
                    self.failed.check()?;
                    std::thread::sleep(FULL_PAUSE);
                    record = same;
                }
                Err((error, _)) => return Err(failure("a record cannot be written", &error)),
            }
        }
    }

    /// Waits until everything is acknowledged.
    ///
    /// # Errors
    /// A record cannot be delivered, or the brokers do not answer within `timeout`.
    pub fn flush(&self, timeout: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + timeout;
        let flushed = self.producer.flush(timeout);
        // The polling thread reports the last acknowledgements to the context, maybe a moment later.
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            self.failed.check()?;
            std::thread::sleep(FULL_PAUSE);
        }
        self.failed.check()?;
        flushed.map_err(|error| failure("records are not acknowledged", &error))
    }

    /// The partitions of each topic; absent where there is no such topic.
    ///
    /// # Errors
    /// The brokers do not answer within `timeout`.
    pub fn partitions(&self, timeout: Duration) -> Result<PerStream<Option<i32>>, Failure> {
        // Asking for all topics makes none; asking for one may.
        let metadata = self.producer.client().fetch_metadata(None, timeout);
        let metadata = metadata.map_err(|error| failure("the brokers do not say what topics there are", &error))?;
        Ok(PerStream::from_fn(|stream| {
            let topic = metadata.topics().iter().find(|topic| topic.name() == self.topics[stream])?;
            i32::try_from(topic.partitions().len()).ok().filter(|&partitions| partitions > 0)
        }))
    }

    /// The first offset that is still there, and the next one.
    ///
    /// # Errors
    /// The brokers do not answer within `timeout`.
    pub fn watermarks(&self, stream: Stream, partition: i32, timeout: Duration) -> Result<(i64, i64), Failure> {
        // A topic that was just created may have no leader yet.
        let mut tries_left = 20;
        loop {
            match self.producer.client().fetch_watermarks(&self.topics[stream], partition, timeout) {
                Err(error) if tries_left > 0 && is_passing(&error) => {
                    tries_left -= 1;
                    std::thread::sleep(Duration::from_millis(250));
                }
                watermarks => {
                    return watermarks
                        .map_err(|error| failure("the brokers do not say where a partition begins and ends", &error));
                }
            }
        }
    }

    pub fn topic(&self, stream: Stream) -> &str {
        &self.topics[stream]
    }
}

/// True if a partition may lack a leader only for a moment.
fn is_passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(Code::NotLeaderForPartition | Code::LeaderNotAvailable | Code::UnknownTopicOrPartition)
    )
}

/// Failure for an error of the client.
pub(super) fn failure(what: &str, error: &KafkaError) -> Failure {
    use RDKafkaErrorCode as Code;
    let exit = match error.rdkafka_error_code() {
        Some(
            Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::GroupAuthorizationFailed,
        ) => Exit::Denied,
        Some(Code::InvalidConfig | Code::InvalidArgument | Code::UnknownTopicOrPartition | Code::UnknownTopic)
        | None => Exit::Configuration,
        Some(_) => Exit::TryAgain,
    };
    Failure::new(exit, format!("{what}: {}", error.to_string().to_lowercase()))
}
