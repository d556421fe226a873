//! Input topics whose configuration would break exactness (spec/events.md#refused-topics), and a dead-letter topic that
//! would not take every letter.

mod configuration;
mod dead_letter_topic;
mod rights;

use self::configuration::{NotShown, describe, value};
use super::client;
use super::error::SourceError;
use super::settings::Settings;
use crate::clock::{Millis, millis};
use crate::record::{MAX_TIMESTAMP_AHEAD, MAX_TIMESTAMP_BEHIND, PerStream, Stream};
use crate::runtime::{Exit, Failure};
use crate::settings::format_duration;
use std::fmt;
use std::time::Duration;

pub use dead_letter_topic::{DeadLetterTopic, DeadLetterWarning, dead_letter_topic};
pub use rights::{MissingRight, missing_rights, refuse_missing_rights};

/// Faults and warnings about the three topics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Faults, accepted ones included.
    pub faults: Vec<TopicFault>,
    /// Topics with too short a retention.
    pub warnings: Vec<RetentionWarning>,
    /// Topics that accept batches too large to be read.
    pub large_batches: Vec<BatchSizeWarning>,
    /// Source of the timestamps of each topic.
    pub timestamps: PerStream<TimestampSource>,
}

/// A topic whose producers set its timestamps, so that its cuts wait (`spec/figures.md#passing`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelayWarning {
    /// Name of the topic.
    pub topic: String,
    /// True if the broker refuses timestamps that are more than [`MAX_TIMESTAMP_BEHIND`] behind.
    pub is_delay_bounded: bool,
}

impl fmt::Display for DelayWarning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, is_delay_bounded } = self;
        let (provisional, bound) = if *is_delay_bounded {
            ("", "")
        } else {
            (
                ", and are provisional while a partition is idle",
                ", or at least its message.timestamp.before.max.ms to 3600000",
            )
        };
        write!(
            formatter,
            "topic {topic} takes its producers' timestamps, so cuts come one to two hours after their instant{provisional}; set the topic's \
             message.timestamp.type to LogAppendTime{bound}"
        )
    }
}

/// Source of the timestamps of a topic's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimestampSource {
    /// The broker that appends them.
    #[default]
    Broker,
    /// Their producers, or nobody knows.
    Producer {
        /// True if the broker refuses timestamps that are more than [`MAX_TIMESTAMP_BEHIND`] behind.
        is_delay_bounded: bool,
    },
}

impl Findings {
    /// Faults that no setting accepts. With one of these the pipeline must not start.
    pub fn refused(&self) -> impl Iterator<Item = &TopicFault> {
        self.faults.iter().filter(|fault| !fault.is_accepted)
    }

    /// Topics whose producers set their timestamps.
    pub fn delays(&self, settings: &Settings) -> impl Iterator<Item = DelayWarning> {
        self.timestamps.iter().filter_map(|(stream, source)| match *source {
            TimestampSource::Broker => None,
            TimestampSource::Producer { is_delay_bounded } => {
                Some(DelayWarning { topic: settings.topic(stream).to_owned(), is_delay_bounded })
            }
        })
    }

    /// Fails if a fault is refused.
    ///
    /// # Errors
    ///
    /// [`Exit::Configuration`] with every refused fault.
    pub fn refuse(&self) -> Result<(), Failure> {
        let refused: Vec<_> = self.refused().map(ToString::to_string).collect();
        if refused.is_empty() { Ok(()) } else { Err(Failure::new(Exit::Configuration, refused.join("\n"))) }
    }
}

/// A configuration of a topic that would make figures wrong sooner or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicFault {
    /// Stream of the topic.
    pub stream: Stream,
    /// Name of the topic.
    pub topic: String,
    /// Kind of fault.
    pub kind: FaultKind,
    /// The rest of a sentence about the topic, with the values found.
    pub what: String,
    /// True if the setting [`FaultKind::accepted_by`] is on.
    pub is_accepted: bool,
}

/// Kind of a [`TopicFault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Compaction removes records that a replay needs.
    Compacted,
    /// Producers set timestamps without a bound: one bad clock could expire everything after it.
    UnboundedTimestamps,
    /// The broker does not show the configuration.
    Unverified,
}

impl FaultKind {
    /// Instruction that removes the fault.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Compacted => "set the topic's cleanup.policy to delete",
            Self::UnboundedTimestamps => {
                "set the topic's message.timestamp.type to LogAppendTime, or its message.timestamp.after.max.ms to 3600000"
            }
            Self::Unverified => "grant DescribeConfigs on the topic",
        }
    }

    /// Setting that accepts the risk.
    pub fn accepted_by(self) -> &'static str {
        match self {
            Self::Compacted => "kafka.accept_compacted_topics",
            Self::UnboundedTimestamps => "kafka.accept_unbounded_timestamps",
            Self::Unverified => "kafka.accept_unverified_topics",
        }
    }

    fn is_accepted(self, settings: &Settings) -> bool {
        match self {
            Self::Compacted => settings.accept_compacted_topics,
            Self::UnboundedTimestamps => settings.accept_unbounded_timestamps,
            Self::Unverified => settings.accept_unverified_topics,
        }
    }
}

impl fmt::Display for TopicFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, what, kind, .. } = self;
        write!(
            formatter,
            "topic {topic} {what}; {}, or accept the risk with {} = true",
            kind.remedy(),
            kind.accepted_by()
        )
    }
}

/// Retention shorter than the horizon: a rebuild from the log would know less than the state does
/// (spec/events.md#retention).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionWarning {
    /// Stream of the topic.
    pub stream: Stream,
    /// Name of the topic.
    pub topic: String,
    /// Limit by time, in milliseconds; `None` without one.
    pub retention: Option<Millis>,
    /// Limit by size, in bytes, which may be reached at any time; `None` without one.
    pub retention_bytes: Option<i64>,
    /// Horizon of the stream, in milliseconds.
    pub horizon: Millis,
}

impl fmt::Display for RetentionWarning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, topic, retention, retention_bytes, horizon } = self;
        let shown = |millis: Millis| format_duration(Duration::from_millis(millis.unsigned_abs()));
        let (whole, name) = (shown(*horizon), stream.name());
        let horizon_setting = format!("the horizon is {whole} (streams.{name}.horizon)");
        if let Some(retention) = retention.filter(|retention| retention < horizon) {
            write!(
                formatter,
                "retention.ms of topic {topic} is {}, {horizon_setting}: a rebuild would lack {}; raise it to at least {horizon}",
                shown(retention),
                shown(horizon - retention),
            )?;
        }
        match (retention_bytes, retention.is_some_and(|retention| retention < *horizon)) {
            (None, _) => Ok(()),
            (Some(bytes), true) => write!(formatter, ", and remove retention.bytes, which is {bytes}"),
            (Some(bytes), false) => write!(
                formatter,
                "retention.bytes of topic {topic} is {bytes}, {horizon_setting}: a rebuild would lack what was removed before its time; set \
                 it to -1"
            ),
        }
    }
}

/// A topic accepts larger batches than the client reads: such a batch would halt its partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchSizeWarning {
    /// Name of the topic.
    pub topic: String,
    /// Maximum size of a batch that the topic accepts, in bytes as it is sent.
    pub accepted_bytes: u64,
    /// Maximum size of a batch that is read, in bytes once it is unpacked.
    pub read_bytes: u64,
}

impl fmt::Display for BatchSizeWarning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, accepted_bytes, read_bytes } = self;
        write!(
            formatter,
            "topic {topic} accepts batches of {accepted_bytes} bytes, but only batches of at most {read_bytes} bytes are read, and a larger \
             one would halt its partition; lower the topic's max.message.bytes, or raise kafka.properties.receive.message.max.bytes"
        )
    }
}

/// Asks for the configuration of the three topics and checks it.
///
/// # Errors
///
/// [`SourceError::Unavailable`], [`SourceError::TopicMissing`], [`SourceError::Configuration`],
/// [`SourceError::Shortage`]. A configuration that
/// the broker does not show is a fault in the result, not an error.
pub fn topic_faults(settings: &Settings) -> Result<Findings, SourceError> {
    let topics = settings.topics.as_array().each_ref().map(String::as_str);
    let unknown = TimestampSource::Producer { is_delay_bounded: false };
    let mut findings = Findings { timestamps: PerStream::from_fn(|_| unknown), ..Findings::default() };
    for (stream, result) in Stream::ALL.into_iter().zip(describe(settings, &topics)?) {
        match result {
            Ok(configuration) => check_topic(&mut findings, settings, stream, |name| value(&configuration, name)),
            Err(NotShown(code)) => {
                let what = format!("does not show its configuration ({code})");
                findings.add(settings, stream, FaultKind::Unverified, what);
            }
        }
    }
    Ok(findings)
}

/// Checks one topic's configuration.
fn check_topic(findings: &mut Findings, settings: &Settings, stream: Stream, value: impl Fn(&str) -> Option<String>) {
    let number = |name: &str| value(name).and_then(|text| text.parse::<i64>().ok());
    let Some(policy) = value("cleanup.policy") else {
        findings.add(settings, stream, FaultKind::Unverified, "does not show its cleanup.policy".into());
        return;
    };
    if policy.contains("compact") {
        findings.add(settings, stream, FaultKind::Compacted, format!("is compacted (cleanup.policy is {policy})"));
    }
    if value("message.timestamp.type").as_deref() == Some("LogAppendTime") {
        findings.timestamps[stream] = TimestampSource::Broker;
    } else {
        let behind = number("message.timestamp.before.max.ms").filter(|millis| *millis != i64::MAX);
        let behind = behind.or_else(|| number("message.timestamp.difference.max.ms"));
        let is_delay_bounded = behind.is_some_and(|behind| behind <= MAX_TIMESTAMP_BEHIND);
        findings.timestamps[stream] = TimestampSource::Producer { is_delay_bounded };
        // Brokers from 3.6 have the first; while it is at its default, no limit, they use the second. Older ones have
        // the second only.
        let after = number("message.timestamp.after.max.ms").filter(|millis| *millis != i64::MAX);
        match after
            .or_else(|| number("message.timestamp.difference.max.ms"))
            .or_else(|| number("message.timestamp.after.max.ms"))
        {
            None => findings.add(settings, stream, FaultKind::Unverified, "does not show a bound on timestamps".into()),
            Some(ahead) if ahead > MAX_TIMESTAMP_AHEAD => {
                let what = format!(
                    "takes its producers' timestamps as far as {ahead} ms ahead, more than {MAX_TIMESTAMP_AHEAD}"
                );
                findings.add(settings, stream, FaultKind::UnboundedTimestamps, what);
            }
            Some(_) => {}
        }
    }
    let read_bytes = client::max_batch_bytes(settings);
    let accepted_bytes = number("max.message.bytes").and_then(|bytes| u64::try_from(bytes).ok());
    if let Some(accepted_bytes) = accepted_bytes.filter(|bytes| *bytes > read_bytes) {
        let topic = settings.topic(stream).to_owned();
        findings.large_batches.push(BatchSizeWarning { topic, accepted_bytes, read_bytes });
    }
    if policy.contains("delete") {
        let horizon = millis(settings.horizon(stream));
        let limit = |name: &str| number(name).filter(|limit| *limit >= 0);
        let (retention, retention_bytes) = (limit("retention.ms"), limit("retention.bytes"));
        if retention.is_some_and(|retention| retention < horizon) || retention_bytes.is_some() {
            let topic = settings.topic(stream).to_owned();
            findings.warnings.push(RetentionWarning { stream, topic, retention, retention_bytes, horizon });
        }
    }
}

impl Findings {
    fn add(&mut self, settings: &Settings, stream: Stream, kind: FaultKind, what: String) {
        let topic = settings.topic(stream).to_owned();
        self.faults.push(TopicFault { stream, topic, kind, what, is_accepted: kind.is_accepted(settings) });
    }
}

#[cfg(test)]
mod tests;
