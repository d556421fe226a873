//! `pacemeter check`: are the settings valid, and do the topics serve?

use std::fmt::Write;

use super::Settings;
use crate::runtime::{Exit, Failure};
use crate::settings::Reader;
use crate::source::check::topic_faults;
use crate::source::{Consumer, SourceError};

/// Reads every setting, asks Kafka for the topics and returns what was found, for people.
///
/// # Errors
/// 78 with all faults of the settings, or of the topics; 77 if Kafka denies access; 75 if it does not answer.
pub fn check(reader: Reader) -> Result<String, Failure> {
    let settings = Settings::read(reader)?;
    let consumer = Consumer::open(&settings.source)?;
    let asked = |error| failure(error, &settings.source.bootstrap_servers);
    let topology = consumer.describe().map_err(asked)?;
    let findings = topic_faults(&settings.source).map_err(asked)?;
    findings.refuse()?;
    let mut report = String::from("settings: valid\n");
    for topic in &settings.source.topics {
        let partitions = topology.partitions.iter().filter(|described| &described.partition.topic == topic).count();
        // Writing to a string does not fail.
        let _ = writeln!(report, "topic {topic}: {partitions} partitions");
    }
    for fault in &findings.faults {
        let _ = writeln!(report, "accepted: {fault}");
    }
    for warning in &findings.warnings {
        let _ = writeln!(report, "warning: topic {} is kept for less than the horizon; a rebuild will know less", warning.topic);
    }
    Ok(report)
}

/// A running pipeline waits for a topic; whoever asks is told that there is none.
fn failure(error: SourceError, bootstrap_servers: &str) -> Failure {
    match error {
        SourceError::TopicMissing { .. } => Failure::new(Exit::Configuration, error.to_string()),
        SourceError::Unavailable { .. } => {
            Failure::new(Exit::TryAgain, format!("{error}; kafka.bootstrap_servers is {bootstrap_servers}: does a broker listen there?"))
        }
        error => error.into(),
    }
}
