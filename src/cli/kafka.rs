//! Writes emissions to Kafka, in order and each exactly once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};

use crate::record::{PerStream, Stream};
use crate::runtime::{Exit, Failure};
use crate::simulate::Emission;
use crate::source;

/// Pause before a retry while the producer's queue is full.
const QUEUE_PAUSE: Duration = Duration::from_millis(2);

/// Pause between two looks for acknowledgements.
const FLUSH_PAUSE: Duration = Duration::from_millis(1);

/// Writes records to the topics of the three streams.
pub(super) struct KafkaWriter {
    producer: ThreadedProducer<Deliveries>,
    topics: PerStream<String>,
    failures: DeliveryFailures,
    /// Next step after a failure.
    advice: &'static str,
}

/// Number of partitions of the topics that exist.
pub(super) struct FoundTopics {
    pub(super) inputs: PerStream<Option<i32>>,
    pub(super) dead_letters: Option<i32>,
}

/// Number of undelivered records, and the first error.
#[derive(Clone, Default)]
struct DeliveryFailures(Arc<Mutex<Option<(u64, String)>>>);

/// Callbacks of the producer.
struct Deliveries(DeliveryFailures);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.note(error);
        }
    }
}

impl DeliveryFailures {
    fn note(&self, error: &KafkaError) {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get_or_insert_with(|| (0, error.to_string().to_lowercase())).0 += 1;
    }

    /// Fails once a record is lost, because later ones would no longer match the oracle.
    ///
    /// # Errors
    /// Number of lost records and the first error.
    fn check(&self, advice: &str) -> Result<(), Failure> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some((count, first)) => Err(Failure::new(
                Exit::TryAgain,
                format!("{count} records could not be delivered, the first: {first}; {advice}"),
            )),
            None => Ok(()),
        }
    }
}

/// Adds the producer's settings to the client's: each record once and in order, in large batches.
fn producer_config(client: &ClientConfig) -> ClientConfig {
    let mut config = client.clone();
    config.set("enable.idempotence", "true");
    source::default_to(&mut config, &["linger.ms", "queue.buffering.max.ms"], "20");
    source::default_to(&mut config, &["batch.num.messages"], "10000");
    source::default_to(&mut config, &["queue.buffering.max.kbytes"], "131072");
    source::default_to(&mut config, &["message.timeout.ms", "delivery.timeout.ms"], "60000");
    source::default_to(&mut config, &["compression.codec", "compression.type"], "lz4");
    config
}

impl KafkaWriter {
    /// Creates a producer for the topics. Its failures end with the advice.
    ///
    /// # Errors
    /// The configuration is invalid.
    pub(super) fn new(client: &ClientConfig, topics: PerStream<String>, advice: &'static str) -> Result<Self, Failure> {
        let failures = DeliveryFailures::default();
        let producer = source::create_producer(&producer_config(client), Deliveries(failures.clone()))?;
        Ok(Self { producer, topics, failures, advice })
    }

    /// Queues a record for its partition; waits while the queue is full.
    ///
    /// # Errors
    /// This record or an earlier one cannot be delivered.
    pub(super) fn send(&self, emission: &Emission) -> Result<(), Failure> {
        let mut record = BaseRecord::to(&self.topics[emission.stream])
            .partition(emission.partition)
            .key(emission.key.as_slice())
            .payload(emission.value.as_slice())
            .timestamp(emission.timestamp.as_millis());
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
                Ok(()) => return self.failures.check(self.advice),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), same)) => {
                    self.failures.check(self.advice)?;
                    std::thread::sleep(QUEUE_PAUSE);
                    record = same;
                }
                Err((error, _)) => return Err(failure("a record cannot be written", &error, self.advice)),
            }
        }
    }

    /// Waits until all records are acknowledged.
    ///
    /// # Errors
    /// A record cannot be delivered, or the brokers do not answer within `timeout`.
    pub(super) fn flush(&self, timeout: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + timeout;
        // The client's own `flush` waits for events that its polling thread takes, a tenth of a second each time.
        while self.producer.in_flight_count() > 0 {
            self.failures.check(self.advice)?;
            if Instant::now() >= deadline {
                let message = format!("records are not acknowledged within {} s; {}", timeout.as_secs(), self.advice);
                return Err(Failure::new(Exit::TryAgain, message));
            }
            std::thread::sleep(FLUSH_PAUSE);
        }
        self.failures.check(self.advice)
    }

    /// Returns the number of partitions of each topic of a stream, and of the dead-letter topic; `None` if it is missing.
    ///
    /// # Errors
    /// The brokers do not answer within `timeout`.
    pub(super) fn partitions(&self, dead_letter_topic: &str, timeout: Duration) -> Result<FoundTopics, Failure> {
        let metadata = self.producer.client().fetch_metadata(None, timeout);
        let metadata = metadata.map_err(|error| failure("the list of topics cannot be read", &error, self.advice))?;
        let partitions = |name: &str| {
            let topic = metadata.topics().iter().find(|topic| topic.name() == name)?;
            i32::try_from(topic.partitions().len()).ok().filter(|&partitions| partitions > 0)
        };
        let inputs = PerStream::from_fn(|stream| partitions(&self.topics[stream]));
        Ok(FoundTopics { inputs, dead_letters: partitions(dead_letter_topic) })
    }

    /// Returns the addresses of the brokers, as the cluster names them.
    ///
    /// # Errors
    /// The brokers do not answer within `timeout`.
    pub(super) fn brokers(&self, timeout: Duration) -> Result<Vec<String>, Failure> {
        let metadata = self.producer.client().fetch_metadata(None, timeout);
        let metadata = metadata.map_err(|error| failure("the list of brokers cannot be read", &error, self.advice))?;
        let address = |host: &str, port: i32| {
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
        };
        Ok(metadata.brokers().iter().map(|broker| address(broker.host(), broker.port())).collect())
    }

    /// Returns the start and end offsets of a partition.
    ///
    /// # Errors
    /// The brokers do not answer within `timeout`.
    pub(super) fn watermarks(&self, stream: Stream, partition: i32, timeout: Duration) -> Result<(i64, i64), Failure> {
        // A new topic may have no leader yet.
        let mut tries_left = 20;
        loop {
            match self.producer.client().fetch_watermarks(&self.topics[stream], partition, timeout) {
                Err(error) if tries_left > 0 && is_transient(&error) => {
                    tries_left -= 1;
                    std::thread::sleep(Duration::from_millis(250));
                }
                watermarks => {
                    return watermarks
                        .map_err(|error| failure("the offsets of a partition cannot be read", &error, self.advice));
                }
            }
        }
    }

    pub(super) fn topic(&self, stream: Stream) -> &str {
        &self.topics[stream]
    }
}

/// True for errors of a partition that has no leader yet.
fn is_transient(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(Code::NotLeaderForPartition | Code::LeaderNotAvailable | Code::UnknownTopicOrPartition)
    )
}

/// Converts a client error to a failure with its exit code and the next step.
pub(super) fn failure(context: &str, error: &KafkaError, advice: &str) -> Failure {
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
    Failure::new(exit, format!("{context}: {}; {advice}", error.to_string().to_lowercase()))
}
