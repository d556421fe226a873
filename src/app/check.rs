//! `pacemeter check`: are the settings, targets and calendars valid, and do the topics serve?

use std::fmt::Write;

use super::Settings;
use crate::clock::Clock;
use crate::runtime::{Exit, Failure};
use crate::settings::SettingsReader;
use crate::source::check::topic_faults;
use crate::source::{Consumer, SourceError};

/// Reads every setting and the files of targets, asks Kafka for the topics and returns what was found, for people. A calendar that lacks the
/// holidays of this year is a fault here, though it keeps nothing from running.
///
/// # Errors
/// 78 with all faults of the settings and files, or of the topics; 77 if Kafka denies access; 75 if it does not answer.
pub fn check(mut reader: SettingsReader, clock: &Clock) -> Result<String, Failure> {
    let settings = Settings::of(&mut reader);
    let reading = settings.files.read(&settings.files.texts());
    let uncovered = reading.uncovered(clock.now());
    let targets = reading.targets_or_faults(&mut reader);
    reader.add(uncovered);
    reader.finish()?;
    let consumer = Consumer::open(&settings.source)?;
    let asked = |error| failure(error, &settings.source.bootstrap_servers);
    let topology = consumer.describe().map_err(asked)?;
    let findings = topic_faults(&settings.source).map_err(asked)?;
    findings.refuse()?;
    let mut report =
        format!("settings: valid\ntargets: {}, calendars: {}\n", targets.targets.len(), targets.calendars.len());
    for (_, topic) in settings.source.topics.iter() {
        let partitions = topology.partitions.iter().filter(|described| &described.partition.topic == topic).count();
        // Writing to a string does not fail.
        let _ = writeln!(report, "topic {topic}: {partitions} partitions");
    }
    for fault in &findings.faults {
        let _ = writeln!(report, "accepted: {fault}");
    }
    for warning in &findings.warnings {
        let _ = writeln!(
            report,
            "warning: topic {} is kept for less than the horizon; a rebuild will know less",
            warning.topic
        );
    }
    Ok(report)
}

/// A running pipeline waits for a topic; whoever asks is told that there is none.
fn failure(error: SourceError, bootstrap_servers: &str) -> Failure {
    match error {
        SourceError::TopicMissing { .. } => Failure::new(Exit::Configuration, error.to_string()),
        SourceError::Unavailable { .. } => Failure::new(
            Exit::TryAgain,
            format!("{error}; kafka.bootstrap_servers is {bootstrap_servers}: does a broker listen there?"),
        ),
        error => error.into(),
    }
}
