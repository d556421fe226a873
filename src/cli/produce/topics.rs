//! Topics to write to: looked up, and created on request.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use tokio::runtime::Runtime;

use super::{ADVICE, Plan};
use crate::cli::kafka::{KafkaWriter, failure};
use crate::record::{PerStream, Stream};
use crate::runtime::{Exit, Failure, print, print_error};
use crate::simulate::PartitionCounts;
use crate::source;

const PARTITIONS: i32 = 6;
/// Time limit for a new topic to appear in the metadata.
const APPEARANCE_TIMEOUT: Duration = Duration::from_secs(15);

type Configs = &'static [(&'static str, &'static str)];

/// Configuration of new input topics. Records are kept forever, because a rebuild needs the full history. The broker sets
/// the timestamps, so that no clock of a producer can expire anything.
const INPUT: Configs =
    &[("cleanup.policy", "delete"), ("retention.ms", "-1"), ("message.timestamp.type", "LogAppendTime")];

/// Returns the number of partitions of each topic; creates missing topics first if `create`.
///
/// # Errors
/// A topic is missing or cannot be created.
pub(super) fn ensure(plan: &Plan, writer: &KafkaWriter, create: bool) -> Result<PartitionCounts, Failure> {
    let dead_letter = &plan.source.dead_letter;
    let found = writer.partitions(&dead_letter.topic, plan.source.request_timeout)?;
    let missing = Stream::ALL.into_iter().filter(|&stream| found.inputs[stream].is_none());
    let missing: Vec<&str> = missing.map(|stream| writer.topic(stream)).collect();
    if !missing.is_empty() && !create {
        return Err(missing_topics(&missing, plan));
    }
    let missing_dead_letters = dead_letter.enabled && found.dead_letters.is_none();
    match all(found.inputs) {
        Some(partitions) if !create || !missing_dead_letters => return Ok(partitions),
        _ => {}
    }
    TopicCreator::new(plan)?.create_all(&missing, missing_dead_letters.then_some(dead_letter.topic.as_str()))?;
    let deadline = Instant::now() + APPEARANCE_TIMEOUT;
    loop {
        if let Some(partitions) = all(writer.partitions(&dead_letter.topic, plan.source.request_timeout)?.inputs) {
            return Ok(partitions);
        }
        if Instant::now() > deadline {
            return Err(Failure::new(Exit::TryAgain, "topics were created but are not in the metadata yet; try again"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn all(found: PerStream<Option<i32>>) -> Option<PartitionCounts> {
    let &[disbursement, call, milestone] = found.as_array();
    Some(PartitionCounts { disbursement: disbursement?, call: call?, milestone: milestone? })
}

fn missing_topics(missing: &[&str], plan: &Plan) -> Failure {
    let servers = plan.source.shown_servers();
    let configs: String = INPUT.iter().map(|(key, value)| format!(" --config {key}={value}")).collect();
    let commands = missing.iter().map(|topic| {
        format!("\n  kafka-topics.sh --bootstrap-server {servers} --create --topic {topic} --partitions {PARTITIONS}{configs}")
    });
    let names = missing.join(", ");
    let commands: String = commands.collect();
    let message = format!("missing topics: {names}; add --create-topics, or create them yourself:{commands}");
    Failure::new(Exit::Configuration, message)
}

struct TopicCreator {
    admin: AdminClient<DefaultClientContext>,
    options: AdminOptions,
    runtime: Runtime,
}

impl TopicCreator {
    fn new(plan: &Plan) -> Result<Self, Failure> {
        let admin = source::create_admin(&plan.client(), DefaultClientContext)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| Failure::from_spawn("the asynchronous runtime", &error))?;
        let timeout = Some(plan.source.request_timeout);
        Ok(Self { admin, options: AdminOptions::new().request_timeout(timeout).operation_timeout(timeout), runtime })
    }

    fn create_all(&self, missing: &[&str], dead_letters: Option<&str>) -> Result<(), Failure> {
        for topic in missing {
            self.create(topic, PARTITIONS, INPUT)?.map_err(|code| refused(topic, code))?;
            print(&format!("topic {topic} created\n"))?;
        }
        // Pacemeter writes dead letters; their retention is the brokers' default.
        if let Some(topic) = dead_letters {
            self.create(topic, 1, &[])?.map_err(|code| refused(topic, code))?;
            print(&format!("topic {topic} created\n"))?;
        }
        Ok(())
    }

    /// The inner error is the broker's for this topic.
    fn create(&self, topic: &str, partitions: i32, configs: Configs) -> Result<Result<(), RDKafkaErrorCode>, Failure> {
        // A replication of -1 is the brokers' default.
        let new = NewTopic {
            name: topic,
            num_partitions: partitions,
            replication: TopicReplication::Fixed(-1),
            config: configs.to_vec(),
        };
        let created = self.runtime.block_on(self.admin.create_topics([&new], &self.options));
        let created = created.map_err(|error| failure("topics cannot be created", &error, ADVICE))?;
        Ok(match created.into_iter().next() {
            None | Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code))) => Err(code),
        })
    }
}

fn refused(topic: &str, code: RDKafkaErrorCode) -> Failure {
    let denied =
        matches!(code, RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed);
    let exit = if denied { Exit::Denied } else { Exit::Configuration };
    Failure::new(
        exit,
        format!(
            "topic {topic} cannot be created: {}; create it yourself, or grant Create on it",
            code.to_string().to_lowercase()
        ),
    )
}

/// Warns if the topics already contain records, which the expected figures of this run do not include.
pub(super) fn warn_of_earlier_records(
    plan: &Plan,
    writer: &KafkaWriter,
    partitions: PartitionCounts,
) -> Result<(), Failure> {
    for stream in Stream::ALL {
        for partition in 0..partitions.of(stream) {
            let (low, high) = writer.watermarks(stream, partition, plan.source.request_timeout)?;
            if low < high {
                print_error(&format!(
                    "topic {} already contains records; the expected figures do not include them",
                    writer.topic(stream)
                ));
                break;
            }
        }
    }
    Ok(())
}
