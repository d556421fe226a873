//! Errors of Kafka, one variant for each reaction of a caller: retry, give up as denied, wait for a topic, stop.

use super::unreachable::BrokerFailures;
use crate::runtime::{Exit, Failure, SHORTAGE_REMEDY};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// A failed exchange with Kafka, or a client that failed itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// No answer, or one that may differ next time.
    #[error("kafka did not answer: {action}: {reason}")]
    Unavailable {
        /// Request that failed.
        action: &'static str,
        /// The client's description.
        reason: String,
    },
    /// No answer, because connections to brokers fail for known causes.
    #[error("kafka cannot be reached: {failures}")]
    Unreachable {
        /// Brokers and causes.
        failures: BrokerFailures,
    },
    /// No answer, because one side does not accept the certificate of the other.
    #[error("kafka cannot be reached: {failures}")]
    Untrusted {
        /// Brokers and causes.
        failures: BrokerFailures,
    },
    /// Wrong credentials, or a right that is missing.
    #[error("kafka denies access: {action}: {reason}")]
    Denied {
        /// Request that failed.
        action: &'static str,
        /// The client's description.
        reason: String,
    },
    /// One or several topics, separated by commas, that the cluster does not have.
    #[error("kafka has no topic {topic}: create it, or name another with streams.<stream>.topic")]
    TopicMissing {
        /// Names of the topics.
        topic: String,
    },
    /// The client refuses its configuration.
    #[error("kafka client refuses its configuration: {reason}")]
    Configuration {
        /// The property and the client's description, without the value.
        reason: String,
    },
    /// The client cannot start its threads.
    #[error("kafka client cannot be started: {reason}; {SHORTAGE_REMEDY}")]
    Shortage {
        /// The client's description.
        reason: String,
    },
    /// The client failed permanently; only a new process helps.
    #[error("kafka client failed permanently: {reason}; restart the process")]
    Fatal {
        /// The client's code and description.
        reason: String,
    },
}

impl SourceError {
    /// True if the same call may succeed later without a change on our side. A missing topic may be created at any
    /// time.
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unreachable { .. } | Self::TopicMissing { .. })
    }

    pub(super) fn of(action: &'static str, error: &KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(code) => Self::of_code(action, code),
            None => Self::Unavailable { action, reason: description(error) },
        }
    }

    pub(super) fn of_code(action: &'static str, code: RDKafkaErrorCode) -> Self {
        match code {
            RDKafkaErrorCode::Fatal => Self::Fatal { reason: code.to_string() },
            code if is_denial(code) => Self::Denied { action, reason: code.to_string() },
            code => Self::Unavailable { action, reason: code.to_string() },
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let exit = match error {
            SourceError::Denied { .. } => Exit::Denied,
            SourceError::Configuration { .. } | SourceError::Untrusted { .. } => Exit::Configuration,
            SourceError::Unavailable { .. }
            | SourceError::Unreachable { .. }
            | SourceError::TopicMissing { .. }
            | SourceError::Shortage { .. }
            | SourceError::Fatal { .. } => Exit::TryAgain,
        };
        Self::new(exit, error.to_string())
    }
}

/// Text of librdkafka without the part of a letter at which it may be cut, as its buffers are short.
pub(super) fn whole(text: &str) -> &str {
    text.trim_end_matches(char::REPLACEMENT_CHARACTER)
}

/// Description of an error without the value of a property, which may be a secret.
pub(super) fn description(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, description, key, _) => format!("{key}: {}", whole(description)),
        KafkaError::ClientCreation(description) => whole(description).to_owned(),
        other => other.to_string(),
    }
}

/// True if the code means that access is denied.
pub(super) fn is_denial(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::IllegalSASLState
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::DelegationTokenAuthorizationFailed
    )
}

/// True if the code means that the broker answers, but what stands at the offset cannot be read: a wrong checksum, a
/// batch that does not decompress or unpacks to more than the client takes, an unknown codec or format.
pub(super) fn is_unreadable(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::BadMessage
            | Code::BadCompression
            | Code::NotImplemented
            | Code::Underflow
            | Code::InvalidMessage
            | Code::InvalidMessageSize
            | Code::MessageSizeTooLarge
            | Code::UnsupportedCompressionType
            | Code::InvalidRecord
    )
}

/// True if the code means that a topic or partition does not exist.
pub(super) fn is_missing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition)
}
