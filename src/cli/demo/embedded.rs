//! Kafka in this process: librdkafka's mock cluster.

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::cli::kafka::{KafkaWriter, failure};
use crate::record::PerStream;
use crate::runtime::Failure;

/// Number of partitions of each topic.
pub(super) const PARTITIONS: i32 = 6;

pub(super) const TOPICS: PerStream<&str> =
    PerStream::new(["pacemeter.disbursements.v1", "pacemeter.calls.v1", "pacemeter.milestones.v1"]);
pub(super) const DEAD_LETTER_TOPIC: &str = "pacemeter.dead-letter.v1";

/// Next step after a failure: nobody else can ask this broker.
const ADVICE: &str = "the broker runs in this process; start the demo again";

pub(super) struct Embedded {
    pub(super) writer: KafkaWriter,
    pub(super) servers: String,
    // Last, so that it outlives the clients.
    _cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Embedded {
    /// Starts one broker with the topics of the three streams and the dead-letter topic.
    ///
    /// # Errors
    /// The client library fails, or no loopback port is free.
    pub(super) fn start() -> Result<Self, Failure> {
        let fault = |error| failure("the embedded kafka cannot be started", &error, ADVICE);
        let cluster = MockCluster::new(1).map_err(fault)?;
        for (_, topic) in TOPICS.iter() {
            cluster.create_topic(topic, PARTITIONS, 1).map_err(fault)?;
        }
        cluster.create_topic(DEAD_LETTER_TOPIC, 1, 1).map_err(fault)?;
        let servers = cluster.bootstrap_servers();
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &servers);
        // Time stands still until a portion of records is acknowledged. Compression saves nothing without a network.
        client.set("linger.ms", "2").set("compression.codec", "none");
        let writer = KafkaWriter::new(&client, TOPICS.map(str::to_owned), ADVICE)?;
        Ok(Self { writer, servers, _cluster: cluster })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_other_command_is_advised_for_the_embedded_broker() {
        let Embedded { writer, _cluster: cluster, .. } = Embedded::start().unwrap();
        drop(cluster);
        let failure = writer.brokers(Duration::from_millis(200)).unwrap_err().message;
        assert!(failure.ends_with(ADVICE) && !failure.contains("pacemeter check"), "{failure}");
    }
}
