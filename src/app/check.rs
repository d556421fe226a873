//! `pacemeter check`: validates settings, targets, calendars and topics.

use std::fmt;

use super::opening::key_failure;
use super::{Settings, config_or_faults};
use crate::clock::Clock;
use crate::decode::KeyFile;
use crate::http::LoadedWebConfig;
use crate::runtime::{Exit, Failure};
use crate::settings::{SettingsFaults, SettingsReader};
use crate::source::check::{dead_letter_topic, missing_rights, refuse_missing_rights, topic_faults};
use crate::source::{self, Consumer, DeadLetters, SourceError};

/// Result of a check that found no fault: lines for people.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CheckReport {
    lines: Vec<String>,
    warnings: Vec<String>,
}

impl CheckReport {
    /// Fails if there are warnings.
    ///
    /// # Errors
    /// 78 with the number of warnings.
    pub(crate) fn deny_warnings(&self) -> Result<(), Failure> {
        let message = match self.warnings.len() {
            0 => return Ok(()),
            1 => "--deny-warnings denies 1 warning; do what it says, or leave the option out".to_owned(),
            count => format!("--deny-warnings denies {count} warnings; do what they say, or leave the option out"),
        };
        Err(Failure::new(Exit::Configuration, message))
    }

    fn add_line(&mut self, line: impl fmt::Display) {
        self.lines.push(line.to_string());
    }

    fn add_warning(&mut self, warning: impl fmt::Display) {
        self.warnings.push(format!("warning: {warning}"));
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().chain(&self.warnings).try_for_each(|line| writeln!(out, "{line}"))
    }
}

/// Reads the settings and the files of targets and checks the topics in Kafka, unless that is left out. A calendar that
/// lacks the holidays of this year is a fault here, although `run` accepts it; those of the next are a warning. Also
/// reads the pseudonym key, if there is one, and reports secrets that other users can read.
///
/// # Errors
/// 78 with all faults of the settings and files, or of the topics; 77 if Kafka denies access, or others can write the
/// pseudonym key; 75 if Kafka does not answer.
pub(crate) fn check(reader: SettingsReader, clock: &Clock, is_offline: bool) -> Result<CheckReport, Failure> {
    let (settings, mut report) = check_files(reader, clock)?;
    let checked = if is_offline {
        check_clients(settings.source)
            .map(|()| report.add_line("kafka: not asked (--offline); topics and rights are unchecked"))
    } else {
        check_topics(&settings.source, &mut report)
    };
    match checked {
        Ok(()) => Ok(report),
        // The warnings hold whatever Kafka answers.
        Err(Failure { exit, message }) => {
            let lines: Vec<String> = [message].into_iter().chain(report.warnings).collect();
            Err(Failure::new(exit, lines.join("\n")))
        }
    }
}

/// Checks what does not need Kafka.
fn check_files(mut reader: SettingsReader, clock: &Clock) -> Result<(Settings, CheckReport), Failure> {
    let settings = Settings::of(&mut reader);
    let loaded = settings.files.read(&settings.files.texts());
    let (uncovered, unlisted) = (loaded.uncovered(clock.now()), loaded.unlisted());
    let targets = loaded.targets_or_faults(&mut reader);
    reader.add_faults(uncovered.this_year);
    let mut exposures = settings.source.check_files(&mut reader);
    let web = LoadedWebConfig::read(settings.http.web_config_file.as_deref());
    exposures.extend(web.exposures);
    let mut outdated = SettingsFaults::default();
    web.outdated.into_iter().for_each(|fault| outdated.add(fault));
    reader.add_faults(outdated);
    let config = config_or_faults(&settings.http, web.result, &mut reader);
    reader.finish()?;
    let mut report = CheckReport::default();
    report.add_line("settings: valid");
    report.add_line(format_args!("targets: {}, calendars: {}", targets.targets.len(), targets.calendars.len()));
    if settings.http.web_config_file.is_some() {
        report.add_line("web configuration: valid");
    }
    if !config.is_protected() && !settings.http.listen.ip().to_canonical().is_loopback() {
        report.add_warning("http.accept_exposed lets everybody read the figures who can connect to http.listen");
    }
    uncovered.next_year.iter().chain(unlisted.iter()).for_each(|fault| report.add_warning(fault));
    if unlisted.unreported() > 0 {
        report.add_warning(format_args!(
            "targets name {} more values that are in no list of labels",
            unlisted.unreported()
        ));
    }
    report.warnings.extend(empty_lists(&settings.allowlists.empty));
    reader.exposures().iter().chain(&exposures).for_each(|exposure| report.add_warning(exposure));
    for property in settings.source.certificate_checks_off() {
        report.add_warning(format_args!(
            "kafka.properties: {property}: any server that answers for a broker is believed; remove the property"
        ));
    }
    let key_path = settings.pseudonym_key_path();
    let key = KeyFile::load(&key_path).map_err(|error| key_failure(&error))?;
    if let Some(exposure) = key.and_then(|key| key.exposure) {
        report.add_warning(format_args!("pseudonym key file {}: {exposure}", key_path.display()));
    }
    Ok((settings, report))
}

/// Creates the clients without a broker to connect to: they refuse some properties, and read certificates and keys.
fn check_clients(settings: source::Settings) -> Result<(), Failure> {
    let settings = source::Settings { bootstrap_servers: String::new(), ..settings };
    Consumer::open(&settings)?;
    DeadLetters::open(&settings)?;
    Ok(())
}

/// Checks the topics in Kafka, and describes them.
fn check_topics(settings: &source::Settings, report: &mut CheckReport) -> Result<(), Failure> {
    let consumer = Consumer::open(settings)?;
    // The producer has properties of its own, which only it refuses.
    DeadLetters::open(settings)?;
    let failed = |error| failure(error, settings.shown_servers());
    let described = consumer.describe();
    if matches!(described, Ok(_) | Err(SourceError::Denied { .. })) {
        refuse_missing_rights(&missing_rights(settings).map_err(failed)?)?;
    }
    let topology = described.map_err(failed)?;
    let findings = topic_faults(settings).map_err(failed)?;
    findings.refuse()?;
    let dead_letters = dead_letter_topic(settings).map_err(|error| match error {
        SourceError::TopicMissing { topic } => missing_dead_letter_topic(&topic),
        error => failed(error),
    })?;
    for (_, topic) in settings.topics.iter() {
        let partitions = topology.partitions.iter().filter(|described| &described.partition.topic == topic).count();
        report.add_line(format_args!("topic {topic}: {partitions} partitions"));
    }
    if let Some(dead_letters) = &dead_letters {
        report.add_line(format_args!("topic {}: {} partitions", dead_letters.topic, dead_letters.partitions));
    }
    findings.faults.iter().for_each(|fault| report.add_line(format_args!("accepted: {fault}")));
    findings.warnings.iter().for_each(|warning| report.add_warning(warning));
    findings.delays(settings).for_each(|warning| report.add_warning(warning));
    findings.large_batches.iter().for_each(|warning| report.add_warning(warning));
    let letters = dead_letters.iter().flat_map(|dead_letters| &dead_letters.warnings);
    letters.for_each(|warning| report.add_warning(warning));
    Ok(())
}

/// Warning of allowlists that name no value.
fn empty_lists(empty: &[&str]) -> Option<String> {
    let (verb, each) = match empty.len() {
        0 => return None,
        1 => ("is", "its label"),
        _ => ("are", "these labels"),
    };
    let lists = empty.join(", ");
    Some(format!(
        "warning: {lists} {verb} empty, so every value of {each} is shown as other; list the values to show by name, or [\"other\"] if \
         that is meant"
    ))
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
mod tests;
