//! The topics that are written to: asked for, and made if that is wanted.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use tokio::runtime::Runtime;

use super::Plan;
use crate::cli::kafka::{KafkaWriter, failure};
use crate::record::{PerStream, Stream};
use crate::runtime::{Exit, Failure};
use crate::simulate::PartitionCounts;

const PARTITIONS: i32 = 6;
/// Maximum time until the brokers report a new topic.
const APPEARANCE: Duration = Duration::from_secs(15);

type Configs = &'static [(&'static str, &'static str)];

/// Nothing is thrown away, as history is what a start rebuilds figures from; and producers stamp their records, at most
/// an hour ahead of the broker's clock, which Kafka knows since 3.6.
const BOUNDED: Configs = &[
    ("cleanup.policy", "delete"),
    ("retention.ms", "-1"),
    ("message.timestamp.type", "CreateTime"),
    ("message.timestamp.after.max.ms", "3600000"),
];
/// Configuration for older brokers: they stamp the records themselves.
const APPENDED: Configs =
    &[("cleanup.policy", "delete"), ("retention.ms", "-1"), ("message.timestamp.type", "LogAppendTime")];

/// The number of partitions of each topic; missing ones are made first if `create`.
///
/// # Errors
/// A topic is missing or cannot be made.
pub(super) fn ready(plan: &Plan, writer: &KafkaWriter, create: bool) -> Result<PartitionCounts, Failure> {
    let found = writer.partitions(plan.source.request_timeout)?;
    if let Some(partitions) = all(found) {
        return Ok(partitions);
    }
    let missing = Stream::ALL.into_iter().filter(|&stream| found[stream].is_none());
    let missing: Vec<&str> = missing.map(|stream| writer.topic(stream)).collect();
    if !create {
        return Err(missing_topics(&missing, plan));
    }
    let dead_letter = &plan.source.dead_letter;
    Maker::new(plan)?.make(&missing, dead_letter.enabled.then_some(dead_letter.topic.as_str()))?;
    let deadline = Instant::now() + APPEARANCE;
    loop {
        if let Some(partitions) = all(writer.partitions(plan.source.request_timeout)?) {
            return Ok(partitions);
        }
        if Instant::now() > deadline {
            return Err(Failure::new(
                Exit::TryAgain,
                "the topics were created, but the brokers do not tell of them yet",
            ));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn all(found: PerStream<Option<i32>>) -> Option<PartitionCounts> {
    let &[disbursement, call, milestone] = found.as_array();
    Some(PartitionCounts { disbursement: disbursement?, call: call?, milestone: milestone? })
}

fn missing_topics(missing: &[&str], plan: &Plan) -> Failure {
    let servers = &plan.source.bootstrap_servers;
    let configs: String = BOUNDED.iter().map(|(key, value)| format!(" --config {key}={value}")).collect();
    let commands = missing.iter().map(|topic| {
        format!("\n  kafka-topics.sh --bootstrap-server {servers} --create --topic {topic} --partitions {PARTITIONS}{configs}")
    });
    let names = missing.join(", no topic ");
    let commands: String = commands.collect();
    let message = format!(
        "there is no topic {names}\nadd --create-topics to have what is missing made, or make it yourself:{commands}"
    );
    Failure::new(Exit::Configuration, message)
}

struct Maker {
    admin: AdminClient<DefaultClientContext>,
    options: AdminOptions,
    runtime: Runtime,
}

impl Maker {
    fn new(plan: &Plan) -> Result<Self, Failure> {
        let admin = plan.client().create().map_err(|error| failure("topics cannot be created", &error))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| Failure::from_spawn("the asynchronous runtime", &error))?;
        let timeout = Some(plan.source.request_timeout);
        Ok(Self { admin, options: AdminOptions::new().request_timeout(timeout).operation_timeout(timeout), runtime })
    }

    fn make(&self, missing: &[&str], dead_letters: Option<&str>) -> Result<(), Failure> {
        for topic in missing {
            let mut made = self.create(topic, PARTITIONS, BOUNDED)?;
            if made == Err(RDKafkaErrorCode::InvalidConfig) {
                made = self.create(topic, PARTITIONS, APPENDED)?;
            }
            made.map_err(|code| refused(topic, code))?;
            eprintln!("topic {topic} created");
        }
        // What pacemeter will want to write to; with the brokers' own idea of how long to keep it.
        if let Some(topic) = dead_letters {
            self.create(topic, 1, &[])?.map_err(|code| refused(topic, code))?;
        }
        Ok(())
    }

    /// The inner error is the broker's about this topic.
    fn create(&self, topic: &str, partitions: i32, configs: Configs) -> Result<Result<(), RDKafkaErrorCode>, Failure> {
        // A replication of -1 is the brokers' default.
        let new = NewTopic {
            name: topic,
            num_partitions: partitions,
            replication: TopicReplication::Fixed(-1),
            config: configs.to_vec(),
        };
        let made = self.runtime.block_on(self.admin.create_topics([&new], &self.options));
        let made = made.map_err(|error| failure("topics cannot be created", &error))?;
        Ok(match made.into_iter().next() {
            None | Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code))) => Err(code),
        })
    }
}

fn refused(topic: &str, code: RDKafkaErrorCode) -> Failure {
    let denied =
        matches!(code, RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed);
    let exit = if denied { Exit::Denied } else { Exit::Configuration };
    Failure::new(exit, format!("topic {topic} cannot be created: {}", code.to_string().to_lowercase()))
}

/// Says so if the topics hold records already: then a ledger of this run is not all there is.
pub(super) fn note_earlier_records(
    plan: &Plan,
    writer: &KafkaWriter,
    partitions: PartitionCounts,
) -> Result<(), Failure> {
    for stream in Stream::ALL {
        for partition in 0..partitions.of(stream) {
            let (low, high) = writer.watermarks(stream, partition, plan.source.request_timeout)?;
            if low < high {
                eprintln!("topic {} holds records already; the ledger is of this run alone", writer.topic(stream));
                break;
            }
        }
    }
    Ok(())
}
