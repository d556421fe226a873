//! The dead-letter topic, as far as it can be asked about without writing.

use super::configuration::{NotShown, describe, value};
use crate::record::Stream;
use crate::source::error::SourceError;
use crate::source::probe::Lookup;
use crate::source::settings::Settings;
use rdkafka::admin::ConfigResource;
use std::fmt;

/// The dead-letter topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterTopic {
    /// Name of the topic.
    pub topic: String,
    /// Number of partitions.
    pub partitions: usize,
    /// Reasons for which some letters would not be written whole.
    pub warnings: Vec<DeadLetterWarning>,
}

/// A configuration of the dead-letter topic with which some letters are not written whole, or are not there for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetterWarning {
    /// An input topic accepts larger records.
    Small {
        /// Name of the dead-letter topic.
        topic: String,
        /// Maximum size of a batch in the dead-letter topic, in bytes.
        bytes: u64,
        /// Name of the input topic that accepts the largest records.
        input: String,
        /// Maximum size of a batch there, in bytes.
        input_bytes: u64,
    },
    /// Compaction removes letters, and refuses those without a key.
    Compacted {
        /// Name of the dead-letter topic.
        topic: String,
    },
    /// The broker does not show the configuration.
    Unverified {
        /// Name of the dead-letter topic.
        topic: String,
        /// The broker's reason.
        reason: String,
    },
}

impl fmt::Display for DeadLetterWarning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Small { topic, bytes, input, input_bytes } => write!(
                formatter,
                "topic {topic} accepts {bytes} bytes, but topic {input} {input_bytes}, and a dead letter that does not fit is written \
                 without its value; raise the max.message.bytes of topic {topic}"
            ),
            Self::Compacted { topic } => write!(
                formatter,
                "topic {topic} is compacted: dead letters without a key are refused, and of those with the same key the last is kept; \
                 set its cleanup.policy to delete"
            ),
            Self::Unverified { topic, reason } => write!(
                formatter,
                "topic {topic} does not show its configuration ({reason}), so its limits are not checked; grant DescribeConfigs on it"
            ),
        }
    }
}

/// Looks at the dead-letter topic. `None` if dead letters are turned off.
///
/// # Errors
///
/// [`SourceError::TopicMissing`], [`SourceError::Denied`], [`SourceError::Unavailable`], [`SourceError::Configuration`], [`SourceError::Shortage`].
pub fn dead_letter_topic(settings: &Settings) -> Result<Option<DeadLetterTopic>, SourceError> {
    if !settings.dead_letter.enabled {
        return Ok(None);
    }
    let topic = &settings.dead_letter.topic;
    let lookup = Lookup::open(settings)?;
    let partitions = lookup.partition_numbers(topic)?.len();
    let mut topics: Vec<&str> = settings.topics.as_array().each_ref().map(String::as_str).into();
    topics.push(topic);
    let mut limits: Vec<Result<Limits, String>> = describe(settings, &topics)?.into_iter().map(Limits::of).collect();
    let own = limits.pop().unwrap_or_else(|| Err("no answer".to_owned()));
    Ok(Some(DeadLetterTopic { topic: topic.clone(), partitions, warnings: warnings(settings, own, &limits) }))
}

/// Part of a topic's configuration that matters to letters.
#[derive(Debug, Clone, Copy)]
struct Limits {
    max_message_bytes: u64,
    is_compacted: bool,
}

impl Limits {
    /// Limits of a topic, or the reason why they are not known.
    fn of(shown: Result<ConfigResource, NotShown>) -> Result<Self, String> {
        let configuration = shown.map_err(|NotShown(code)| code.to_string())?;
        // The wrapper returns an empty configuration instead of the error of one topic.
        Self::read(|name| value(&configuration, name)).ok_or_else(|| "it is empty".to_owned())
    }

    fn read(property: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self {
            max_message_bytes: property("max.message.bytes")?.parse().ok()?,
            is_compacted: property("cleanup.policy").is_some_and(|policy| policy.contains("compact")),
        })
    }
}

/// Warnings about the dead-letter topic beside the input topics, which are in the order of `Stream::ALL`.
fn warnings(
    settings: &Settings,
    own: Result<Limits, String>,
    inputs: &[Result<Limits, String>],
) -> Vec<DeadLetterWarning> {
    let topic = &settings.dead_letter.topic;
    let own = match own {
        Ok(own) => own,
        Err(reason) => return vec![DeadLetterWarning::Unverified { topic: topic.clone(), reason }],
    };
    let sizes = Stream::ALL
        .into_iter()
        .zip(inputs)
        .filter_map(|(stream, input)| Some((input.as_ref().ok()?.max_message_bytes, settings.topic(stream))));
    let largest = sizes.max_by_key(|(bytes, _)| *bytes);
    let mut warnings = Vec::new();
    if let Some((input_bytes, input)) = largest.filter(|(bytes, _)| own.max_message_bytes < *bytes) {
        let (topic, input) = (topic.clone(), input.to_owned());
        warnings.push(DeadLetterWarning::Small { topic, bytes: own.max_message_bytes, input, input_bytes });
    }
    if own.is_compacted {
        warnings.push(DeadLetterWarning::Compacted { topic: topic.clone() });
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Layers, SettingsReader};

    fn limits(bytes: &str, policy: &str) -> Result<Limits, String> {
        let limits = Limits::read(|name| match name {
            "max.message.bytes" => Some(bytes.to_owned()),
            "cleanup.policy" => Some(policy.to_owned()),
            _ => None,
        });
        Ok(limits.expect("both are there"))
    }

    fn hidden() -> Result<Limits, String> {
        Err("denied".to_owned())
    }

    fn texts(own: Result<Limits, String>, inputs: [Result<Limits, String>; 3]) -> Vec<String> {
        let mut reader = SettingsReader::load(&Layers::default());
        let settings = Settings::read(&mut reader);
        warnings(&settings, own, &inputs).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_limit_of_letters_is_compared_with_that_of_records() {
        let inputs = || [limits("1000", "delete"), limits("5000", "delete"), hidden()];
        assert_eq!(texts(limits("5000", "delete"), inputs()), [""; 0]);
        let found = texts(limits("4999", "delete"), inputs());
        assert_eq!(found.len(), 1);
        for part in ["pacemeter.dead-letter.v1 accepts 4999", "pacemeter.calls.v1 5000", "max.message.bytes"] {
            assert!(found[0].contains(part), "{found:?}");
        }
    }

    #[test]
    fn a_dead_letter_topic_that_keeps_no_letters_is_a_warning() {
        let inputs = || [limits("1000", "delete"), limits("1000", "delete"), limits("1000", "delete")];
        let compacted = texts(limits("1000", "compact,delete"), inputs());
        assert!(compacted.len() == 1 && compacted[0].contains("cleanup.policy"), "{compacted:?}");
        let unverified = texts(hidden(), inputs());
        assert!(unverified.len() == 1 && unverified[0].contains("(denied)"), "{unverified:?}");
    }

    #[test]
    fn a_configuration_without_limits_is_not_known() {
        assert!(Limits::read(|_| None).is_none());
    }
}
