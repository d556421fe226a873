//! Metadata of topics: partitions, low watermarks and end offsets.

use super::client::{self, Client};
use super::error::{SourceError, is_missing};
use super::factory;
use super::native::{self, Rights};
use super::{PartitionLog, Settings, TopicIds, Topology};
use crate::record::{PerStream, Stream, TopicPartition};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use std::ffi::CString;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Time-outs of the first tries of a metadata request. The next try has all the time that is left, which distant
/// brokers need. Between tries a denial is noticed, which the client would not report before its time-out.
const FIRST_TRIES: &[Duration] = &[Duration::from_secs(1), Duration::from_secs(2)];
/// Tries of a request for offsets before the last: none, as a request without an answer in time costs the client its
/// connection.
const ONE_TRY: &[Duration] = &[];

/// A client for metadata and offsets. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lookup {
    client: Arc<Client>,
    timeout: Duration,
}

impl Lookup {
    pub(super) fn open(settings: &Settings) -> Result<Self, SourceError> {
        let client = factory::create_reader(&client::probe(settings))?;
        Ok(Self { client: Arc::new(client), timeout: settings.request_timeout })
    }

    /// Id of the cluster; `None` if no broker returns one in time.
    pub(super) fn cluster_id(&self) -> Option<String> {
        self.client.client().fetch_cluster_id(self.timeout)
    }

    pub(super) fn describe(&self, topics: &PerStream<String>) -> Result<Topology, SourceError> {
        let mut partitions = Vec::new();
        let mut missing = Vec::new();
        for (stream, topic) in topics.iter() {
            match self.partition_numbers(topic) {
                Err(SourceError::TopicMissing { topic }) => missing.push(topic),
                numbers => partitions.extend(numbers?.into_iter().map(|partition| TopicPartition {
                    stream,
                    topic: topic.clone(),
                    partition,
                })),
            }
        }
        if !missing.is_empty() {
            return Err(SourceError::TopicMissing { topic: missing.join(", ") });
        }
        let topic_ids = self.topic_ids(topics);
        let lows = self.offsets(&partitions, Offset::Beginning)?;
        let described =
            partitions.into_iter().zip(lows).map(|(partition, low)| Ok(PartitionLog { partition, low: low? }));
        let partitions = described.collect::<Result<_, SourceError>>()?;
        Ok(Topology { partitions, topic_ids })
    }

    /// Ids of topics. The request goes to a broker that answers, not to the controller, of which there may be none.
    fn topic_ids(&self, topics: &PerStream<String>) -> Result<TopicIds, SourceError> {
        const ACTION: &str = "asking for the ids of topics";
        let broker = self.some_broker(&topics[Stream::Disbursement])?;
        let names = || topics.iter().map(|(_, topic)| topic.as_str());
        let ids = self.ask(ACTION, FIRST_TRIES, |timeout| {
            native::topic_ids(&self.client, names(), broker, timeout).map_err(KafkaError::MetadataFetch)
        })?;
        let id = |topic: &String| ids.iter().find(|(name, _)| name == topic).map(|(_, id)| id.clone());
        Ok(PerStream::from_fn(|stream| id(&topics[stream])))
    }

    /// Rights to topics, in the order given.
    pub(super) fn topic_rights(&self, topics: &[&str]) -> Result<Vec<Rights>, SourceError> {
        let Some(first) = topics.first() else { return Ok(Vec::new()) };
        let broker = self.some_broker(first)?;
        // Whatever an older broker does not know is not known here either.
        let answer = native::topic_rights(&self.client, topics.iter().copied(), broker, self.timeout);
        let known = answer.unwrap_or_default();
        let rights = |topic: &&str| known.iter().find(|(name, _)| name == topic).map(|(_, rights)| rights.clone());
        Ok(topics.iter().map(|topic| rights(topic).unwrap_or(Rights::Unknown)).collect())
    }

    /// Rights to a group.
    pub(super) fn group_rights(&self, group: &str) -> Rights {
        match native::group_rights(&self.client, group, self.timeout) {
            Ok(rights) => rights,
            Err(RDKafkaErrorCode::GroupAuthorizationFailed) => Rights::Hidden,
            Err(_) => Rights::Unknown,
        }
    }

    /// Partition numbers of a topic, ascending.
    pub(super) fn partition_numbers(&self, topic: &str) -> Result<Vec<i32>, SourceError> {
        const ACTION: &str = "asking for topics";
        let metadata = self.ask(ACTION, FIRST_TRIES, |timeout| self.client.fetch_metadata(Some(topic), timeout))?;
        let missing = || SourceError::TopicMissing { topic: topic.to_owned() };
        let found = metadata.topics().iter().find(|found| found.name() == topic).ok_or_else(missing)?;
        match found.error().map(RDKafkaErrorCode::from) {
            None => {}
            Some(code) if is_missing(code) => return Err(missing()),
            Some(code) => return Err(SourceError::of_code(ACTION, code)),
        }
        let mut numbers: Vec<i32> = found.partitions().iter().map(|partition| partition.id()).collect();
        numbers.sort_unstable();
        if numbers.is_empty() { Err(missing()) } else { Ok(numbers) }
    }

    /// Number of an available broker.
    ///
    /// # Errors
    ///
    /// [`SourceError::Unavailable`], [`SourceError::Denied`].
    pub(super) fn some_broker(&self, topic: &str) -> Result<i32, SourceError> {
        const ACTION: &str = "asking for brokers";
        let metadata = self.ask(ACTION, FIRST_TRIES, |timeout| self.client.fetch_metadata(Some(topic), timeout))?;
        // The one that answered; it has no number while the client knows it by its address only.
        let answering = Some(metadata.orig_broker_id()).filter(|id| *id >= 0);
        let listed = metadata.brokers().first().map(|broker| broker.id());
        answering
            .or(listed)
            .ok_or(SourceError::Unavailable { action: ACTION, reason: "the cluster lists no broker".into() })
    }

    /// First offset ([`Offset::Beginning`]) or last stable one ([`Offset::End`]) of each partition; one request to each
    /// broker.
    fn offsets(
        &self,
        partitions: &[TopicPartition],
        which: Offset,
    ) -> Result<Vec<Result<i64, SourceError>>, SourceError> {
        const ACTION: &str = "asking for offsets";
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let answer = self.ask(ACTION, ONE_TRY, |timeout| {
            let mut list = TopicPartitionList::with_capacity(partitions.len());
            for partition in partitions {
                list.add_partition_offset(&partition.topic, partition.partition, which)?;
            }
            self.client.offsets_for_times(list, timeout)
        })?;
        let offset = |partition: &TopicPartition| {
            let element = answer.find_partition(&partition.topic, partition.partition);
            let element = element.ok_or(SourceError::Unavailable {
                action: ACTION,
                reason: "a partition is missing in the answer".into(),
            })?;
            if let Err(error) = element.error() {
                return Err(match error.rdkafka_error_code() {
                    Some(code) if is_missing(code) => SourceError::TopicMissing { topic: partition.topic.clone() },
                    _ => SourceError::of(ACTION, &error),
                });
            }
            match element.offset() {
                Offset::Offset(offset) => Ok(offset),
                other => Err(SourceError::Unavailable { action: ACTION, reason: format!("the answer is {other:?}") }),
            }
        };
        Ok(partitions.iter().map(offset).collect())
    }

    /// Retries until there is an answer, a denial or the time-out.
    fn ask<T>(
        &self,
        action: &'static str,
        first_tries: &[Duration],
        question: impl Fn(Duration) -> KafkaResult<T>,
    ) -> Result<T, SourceError> {
        let started = Instant::now();
        let mut tries = first_tries.iter().copied();
        loop {
            let left = self.timeout.saturating_sub(started.elapsed());
            let patience = tries.next().unwrap_or(left).min(left);
            let tried = Instant::now();
            let answer = question(patience);
            let denial = self.serve(action);
            let error = match answer {
                Ok(answer) => {
                    self.client.context().note_answer();
                    return Ok(answer);
                }
                Err(error) => denial
                    .or_else(|| self.client.context().untrusted(false))
                    .unwrap_or_else(|| SourceError::of(action, &error)),
            };
            let gave_up_early = tried.elapsed() < patience / 2;
            if gave_up_early || started.elapsed() >= self.timeout || !matches!(error, SourceError::Unavailable { .. }) {
                return Err(self.client.context().explain(error));
            }
        }
    }

    /// Drains the client's reports and returns the denial among them, if there is one.
    fn serve(&self, action: &'static str) -> Option<SourceError> {
        for _ in 0..native::waiting_events(&self.client) {
            // The context counts errors; there are no records, as nothing is assigned.
            let _ = self.client.poll(Duration::ZERO);
        }
        let denial = self.client.context().take_errors().into_iter().find(|tally| tally.is_denial())?;
        let reason = self.client.context().denials().map_or(denial.reason, |denials| denials.to_string());
        Some(SourceError::Denied { action, reason })
    }
}

/// Asks for the end offsets of partitions. Usable from any thread; does not wait behind the consumer's fetches.
#[derive(Clone)]
pub struct EndProbe {
    lookup: Lookup,
    topics: PerStream<String>,
    partitions: Arc<[TopicPartition]>,
    /// The client that fetches, while it exists.
    reader: Weak<Client>,
}

/// End offsets of a partition at the time of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Last stable offset: every record below it is committed or aborted.
    pub stable: i64,
    /// High watermark. It is above the stable offset while a transaction is open, which holds back every record written
    /// after it began.
    pub high: i64,
}

impl EndProbe {
    pub(super) fn new(
        lookup: Lookup,
        topics: PerStream<String>,
        partitions: &[TopicPartition],
        reader: &Arc<Client>,
    ) -> Self {
        Self { lookup, topics, partitions: partitions.into(), reader: Arc::downgrade(reader) }
    }

    /// Number of partitions of each topic, in the order of `Stream::ALL`; `None` for a missing topic.
    ///
    /// # Errors
    ///
    /// [`SourceError::Unavailable`], [`SourceError::Denied`].
    pub fn partition_counts(&self) -> Result<PerStream<Option<usize>>, SourceError> {
        let mut counts = PerStream::default();
        for (stream, topic) in self.topics.iter() {
            counts[stream] = match self.lookup.partition_numbers(topic) {
                Ok(numbers) => Some(numbers.len()),
                Err(SourceError::TopicMissing { .. }) => None,
                Err(error) => return Err(error),
            };
        }
        Ok(counts)
    }

    /// Ids of the topics, as a broker that answers just now reports them; two small requests.
    ///
    /// # Errors
    ///
    /// [`SourceError::Unavailable`], [`SourceError::Denied`].
    pub fn topic_ids(&self) -> Result<TopicIds, SourceError> {
        self.lookup.topic_ids(&self.topics)
    }

    /// Partitions, indexed by `PartitionIndex`.
    pub fn partitions(&self) -> &[TopicPartition] {
        &self.partitions
    }

    /// End offsets of every partition by index: the stable one as of now, the high one as of the last fetch. One
    /// request to each broker.
    ///
    /// # Errors
    ///
    /// Same as [`Self::query_all`].
    pub fn query_ends(&self) -> Result<Vec<Result<End, SourceError>>, SourceError> {
        let stable = self.query_all()?;
        let reader = self.reader.upgrade();
        let end = |(partition, stable): (&TopicPartition, Result<i64, SourceError>)| {
            let stable = stable?;
            // A broker's topic names have no NUL.
            let topic = CString::new(partition.topic.as_str()).unwrap_or_default();
            let high = reader.as_ref().and_then(|reader| native::high_watermark(reader, &topic, partition.partition));
            Ok(End { stable, high: high.map_or(stable, |high| high.max(stable)) })
        };
        Ok(self.partitions.iter().zip(stable).map(end).collect())
    }

    /// Last stable offset of every partition by index. One request to each broker, each with `kafka.request_timeout`.
    ///
    /// # Errors
    ///
    /// [`SourceError::Unavailable`], [`SourceError::Denied`], [`SourceError::TopicMissing`]: for one partition in
    /// the list, or for the whole query.
    pub fn query_all(&self) -> Result<Vec<Result<i64, SourceError>>, SourceError> {
        self.lookup.offsets(&self.partitions, Offset::End)
    }
}
