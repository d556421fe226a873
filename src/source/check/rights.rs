//! Rights that are missing, all at once. A request without a right fails at the first.

use super::configuration::{NotShown, describe, value};
use crate::runtime::{Exit, Failure};
use crate::source::error::{SourceError, is_denial};
use crate::source::native::{Operation, Rights};
use crate::source::probe::Lookup;
use crate::source::settings::Settings;
use std::fmt;

/// A right that the brokers say is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRight {
    /// Operation, in the words of Kafka's tools.
    pub operation: &'static str,
    /// Kind and name of the resource.
    pub resource: String,
}

impl fmt::Display for MissingRight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} on {}", self.operation, self.resource)
    }
}

const DESCRIBE: (&str, Operation) = ("Describe", Operation::RD_KAFKA_ACL_OPERATION_DESCRIBE);
const READ: (&str, Operation) = ("Read", Operation::RD_KAFKA_ACL_OPERATION_READ);
const WRITE: (&str, Operation) = ("Write", Operation::RD_KAFKA_ACL_OPERATION_WRITE);
const DESCRIBE_CONFIGS: (&str, Operation) = ("DescribeConfigs", Operation::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS);

/// Looks for missing rights to the topics and the group. None is missing where brokers do not tell: a configuration that
/// is not shown there is a fault of the topic.
///
/// # Errors
///
/// [`SourceError::Unavailable`], [`SourceError::Unreachable`], [`SourceError::Denied`], [`SourceError::Configuration`],
/// [`SourceError::Shortage`].
pub fn missing_rights(settings: &Settings) -> Result<Vec<MissingRight>, SourceError> {
    let lookup = Lookup::open(settings)?;
    let inputs: Vec<&str> = settings.topics.as_array().each_ref().map(String::as_str).into();
    let letters: Vec<&str> =
        settings.dead_letter.enabled.then_some(settings.dead_letter.topic.as_str()).into_iter().collect();
    let mut missing = Vec::new();
    let mut hidden = Vec::new();
    let needs_configuration = !settings.accept_unverified_topics;
    let needed = if needs_configuration { &[DESCRIBE, READ, DESCRIBE_CONFIGS][..] } else { &[DESCRIBE, READ] };
    for (topic, rights) in inputs.iter().zip(lookup.topic_rights(&inputs)?) {
        // Brokers say nothing of the rights to a topic that is hidden, so its configuration is asked for.
        let needed = if rights == Rights::Hidden { &[DESCRIBE, READ] } else { needed };
        add_missing(&mut missing, &format!("topic {topic}"), &rights, needed);
        hidden.extend((rights == Rights::Hidden).then_some(*topic));
    }
    for (topic, rights) in letters.iter().zip(lookup.topic_rights(&letters)?) {
        add_missing(&mut missing, &format!("topic {topic}"), &rights, &[WRITE]);
    }
    let group = &settings.group_id;
    add_missing(&mut missing, &format!("group {group}"), &lookup.group_rights(group), &[READ]);
    if needs_configuration && !hidden.is_empty() {
        for (topic, shown) in hidden.iter().zip(describe(settings, &hidden)?) {
            let is_hidden = match shown {
                // The wrapper returns an empty configuration instead of the error of one topic.
                Ok(configuration) => value(&configuration, "cleanup.policy").is_none(),
                Err(NotShown(code)) => is_denial(code),
            };
            if is_hidden {
                missing.push(MissingRight { operation: DESCRIBE_CONFIGS.0, resource: format!("topic {topic}") });
            }
        }
    }
    Ok(missing)
}

/// Fails if a right is missing.
///
/// # Errors
///
/// [`Exit::Denied`] with every missing right.
pub fn refuse_missing_rights(missing: &[MissingRight]) -> Result<(), Failure> {
    if missing.is_empty() {
        return Ok(());
    }
    let is_of_configuration = |right: &MissingRight| right.operation == DESCRIBE_CONFIGS.0;
    // Without this right alone, records can be read.
    let or_accept = if missing.iter().all(is_of_configuration) {
        ", or accept topics whose configuration is hidden with kafka.accept_unverified_topics = true"
    } else {
        ""
    };
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let message = format!("kafka denies access: grant the missing rights: {}{or_accept}", missing.join(", "));
    Err(Failure::new(Exit::Denied, message))
}

fn add_missing(missing: &mut Vec<MissingRight>, resource: &str, rights: &Rights, needed: &[(&'static str, Operation)]) {
    let is_missing = |operation: &Operation| match rights {
        Rights::Hidden => true,
        Rights::Allowed(allowed) => !allowed.contains(operation),
        Rights::Unknown => false,
    };
    let lacking = needed.iter().filter(|(_, operation)| is_missing(operation));
    missing.extend(lacking.map(|(operation, _)| MissingRight { operation, resource: resource.to_owned() }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_missing_only_where_brokers_say_so() {
        let missing = |rights: Rights| {
            let mut missing = Vec::new();
            add_missing(&mut missing, "topic t", &rights, &[DESCRIBE, READ]);
            missing.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(missing(Rights::Hidden), ["Describe on topic t", "Read on topic t"]);
        assert_eq!(missing(Rights::Allowed(vec![DESCRIBE.1])), ["Read on topic t"]);
        assert_eq!(missing(Rights::Allowed(vec![READ.1, DESCRIBE.1])), [""; 0]);
        assert_eq!(missing(Rights::Unknown), [""; 0]);
    }
}
