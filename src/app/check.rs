//! `pacemeter check`: validates settings, targets, calendars and topics.

use std::fmt::Write;
use std::sync::Arc;

use super::Settings;
use super::opening::key_failure;
use crate::clock::Clock;
use crate::decode::KeyFile;
use crate::runtime::{Exit, Failure};
use crate::settings::SettingsReader;
use crate::source::check::{dead_letter_topic, missing_rights, refuse_missing_rights, topic_faults};
use crate::source::{Consumer, DeadLetters, SourceError};
use crate::targets::Targets;

/// Reads the settings and the files of targets, checks the topics in Kafka and returns a report for people. A calendar
/// that lacks the holidays of this year is a fault here, although `run` accepts it; those of the next are a warning. Also reads the pseudonym key, if
/// there is one, and reports secrets that other users can read.
///
/// # Errors
/// 78 with all faults of the settings and files, or of the topics; 77 if Kafka denies access, or others can write the
/// pseudonym key; 75 if Kafka does not answer.
pub(crate) fn check(reader: SettingsReader, clock: &Clock) -> Result<String, Failure> {
    let ValidFiles { settings, targets, warnings } = check_files(reader, clock)?;
    match check_topics(&settings, &targets) {
        Ok(report) => Ok(report + &warnings),
        // The warnings hold whatever Kafka answers.
        Err(Failure { exit, message }) => Err(Failure::new(exit, format!("{message}\n{warnings}").trim_end())),
    }
}

/// Settings and files without a fault.
struct ValidFiles {
    settings: Settings,
    targets: Arc<Targets>,
    /// One line each.
    warnings: String,
}

/// Checks what does not need Kafka.
fn check_files(mut reader: SettingsReader, clock: &Clock) -> Result<ValidFiles, Failure> {
    let settings = Settings::of(&mut reader);
    let loaded = settings.files.read(&settings.files.texts());
    let uncovered = loaded.uncovered(clock.now());
    let targets = loaded.targets_or_faults(&mut reader);
    reader.add_faults(uncovered.this_year);
    let exposures = settings.source.check_files(&mut reader);
    reader.finish()?;
    let mut warnings = String::new();
    for fault in uncovered.next_year.iter() {
        // Writing to a string does not fail.
        let _ = writeln!(warnings, "warning: {fault}");
    }
    for exposure in reader.exposures().iter().chain(&exposures) {
        let _ = writeln!(warnings, "warning: {exposure}");
    }
    let key_path = settings.pseudonym_key_path();
    let key = KeyFile::load(&key_path).map_err(|error| key_failure(&error))?;
    if let Some(exposure) = key.and_then(|key| key.exposure) {
        let _ = writeln!(warnings, "warning: pseudonym key file {}: {exposure}", key_path.display());
    }
    Ok(ValidFiles { settings, targets, warnings })
}

/// Checks the topics in Kafka, and describes them and the targets.
fn check_topics(settings: &Settings, targets: &Targets) -> Result<String, Failure> {
    let consumer = Consumer::open(&settings.source)?;
    // The producer has properties of its own, which only it refuses.
    DeadLetters::open(&settings.source)?;
    let failed = |error| failure(error, settings.source.shown_servers());
    let described = consumer.describe();
    if matches!(described, Ok(_) | Err(SourceError::Denied { .. })) {
        refuse_missing_rights(&missing_rights(&settings.source).map_err(failed)?)?;
    }
    let topology = described.map_err(failed)?;
    let findings = topic_faults(&settings.source).map_err(failed)?;
    findings.refuse()?;
    let dead_letters = dead_letter_topic(&settings.source).map_err(|error| match error {
        SourceError::TopicMissing { topic } => missing_dead_letter_topic(&topic),
        error => failed(error),
    })?;
    let mut report =
        format!("settings: valid\ntargets: {}, calendars: {}\n", targets.targets.len(), targets.calendars.len());
    for (_, topic) in settings.source.topics.iter() {
        let partitions = topology.partitions.iter().filter(|described| &described.partition.topic == topic).count();
        // Writing to a string does not fail.
        let _ = writeln!(report, "topic {topic}: {partitions} partitions");
    }
    if let Some(dead_letters) = &dead_letters {
        let _ = writeln!(report, "topic {}: {} partitions", dead_letters.topic, dead_letters.partitions);
    }
    for fault in &findings.faults {
        let _ = writeln!(report, "accepted: {fault}");
    }
    for warning in &findings.warnings {
        let _ = writeln!(
            report,
            "warning: topic {} keeps records for less than the horizon; a rebuild would lose history",
            warning.topic
        );
    }
    for warning in findings.delays(&settings.source) {
        let _ = writeln!(report, "warning: {warning}");
    }
    for property in settings.source.certificate_checks_off() {
        let _ = writeln!(
            report,
            "warning: {property}: any server that answers for a broker is believed; remove it from kafka.properties"
        );
    }
    for warning in &findings.large_batches {
        let _ = writeln!(report, "warning: {warning}");
    }
    for warning in dead_letters.iter().flat_map(|dead_letters| &dead_letters.warnings) {
        let _ = writeln!(report, "warning: {warning}");
    }
    Ok(report)
}

/// A dead-letter topic that is missing, which a running pipeline does without.
fn missing_dead_letter_topic(topic: &str) -> Failure {
    let message = format!(
        "kafka has no topic {topic} for dead letters: create it, name another with dead_letter.topic, or turn them off with \
         dead_letter.enabled = false"
    );
    Failure::new(Exit::Configuration, message)
}

/// Turns an error into a failure. A missing topic is a fault here, although a running pipeline waits for it.
fn failure(error: SourceError, bootstrap_servers: &str) -> Failure {
    match error {
        SourceError::TopicMissing { .. } => Failure::new(Exit::Configuration, error.to_string()),
        SourceError::Unavailable { .. } => Failure::new(
            Exit::TryAgain,
            format!("{error}; kafka.bootstrap_servers is {bootstrap_servers}; check that a broker listens there"),
        ),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Layers;

    #[test]
    fn holidays_of_next_year_are_a_warning_until_it_begins() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("targets.toml");
        std::fs::write(&file, "[target.a]\nmeasure = 'dispersals'\nperiod = 'week'\ngoal = 1\ncalendar = 'payments'\n")
            .unwrap();
        let files = |now: &str| {
            let overrides = vec![
                "kafka.bootstrap_servers='127.0.0.1:1'".to_owned(),
                format!("state.directory={:?}", dir.path()),
                format!("targets.files={:?}", [&file]),
            ];
            let reader = SettingsReader::load(&Layers { overrides, ..Layers::default() });
            check_files(reader, &Clock::manual(now.parse().unwrap())).map(|files| files.warnings)
        };
        assert_eq!(files("2026-10-31T12:00:00Z").unwrap(), "");
        let warnings = files("2026-11-27T12:00:00Z").unwrap();
        assert!(warnings.starts_with("warning: calendar.payments") && warnings.contains("not for 2027"), "{warnings}");
        let failure = files("2027-01-01T12:00:00Z").unwrap_err();
        assert_eq!(failure.exit, Exit::Configuration);
        assert!(failure.message.contains("not for 2027, whose holidays are presumed by rule"), "{}", failure.message);
    }
}
