//! `pacemeter state` and `pacemeter cut verify`: list, verify and remove what is in the state directory.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use super::opening::{cuts_failure, key_failure, open_state};
use super::{STATE_DIRECTORIES, Settings};
use crate::checkpoint::{CheckpointReader, CheckpointStore, Damage, LastCut, PartitionDir};
use crate::clock::Clock;
use crate::cuts::{CutAcceptance, CutKey, CutStore, SealKind};
use crate::decode::{KeyFile, PseudonymKey};
use crate::disk::RealDisk;
use crate::runtime::{Exit, Failure};
use crate::settings::SettingsReader;
use crate::source::{Consumer, PartitionLog};

/// Lists every checkpoint, newest first: its offsets, time and origin. May run beside a running process.
///
/// # Errors
/// 78 with all faults of the settings; 74 or 77 if the directory cannot be read.
pub(crate) fn inspect(reader: SettingsReader) -> Result<String, Failure> {
    let settings = Settings::read(reader)?;
    let directory = &settings.state_directory;
    let store = open_existing(&settings)?;
    let mut report = format!("state directory {}\n", directory.display());
    for dir in partition_dirs(&store, directory)? {
        let listing = store.list(dir).map_err(|error| directory_failure(directory, &error))?;
        let _ =
            writeln!(report, "\n{dir}: {} checkpoints, {} unfinished", listing.checkpoints.len(), listing.incomplete);
        for sequence in listing.checkpoints {
            let _ = writeln!(report, "  {sequence}: {}", describe(store.open(dir, sequence)));
        }
    }
    Ok(report)
}

/// Reads every byte of every checkpoint and cut.
///
/// # Errors
/// 65 with the list of checkpoints and cuts if one is damaged or a cut is missing; otherwise as [`inspect`].
pub(crate) fn verify(reader: SettingsReader) -> Result<String, Failure> {
    let settings = Settings::read(reader)?;
    let directory = &settings.state_directory;
    let store = open_existing(&settings)?;
    let (mut report, mut is_damaged) = (String::new(), false);
    for dir in partition_dirs(&store, directory)? {
        let listing = store.list(dir).map_err(|error| directory_failure(directory, &error))?;
        for sequence in listing.checkpoints {
            let result = store.open(dir, sequence).and_then(|reader| reader.verify().map(|()| reader));
            // A running process may have removed the checkpoint in the meantime.
            let still_exists = || store.list(dir).is_ok_and(|listing| listing.checkpoints.contains(&sequence));
            if result.is_err() && !still_exists() {
                continue;
            }
            is_damaged |= result.is_err();
            let verdict = result
                .map_or_else(|damage| format!("the file {damage}"), |reader| format!("whole, {}", reader.root_hash()));
            let _ = writeln!(report, "{dir} {sequence}: {verdict}");
        }
    }
    is_damaged |= !report_cuts(&settings, None, &mut report)?;
    if is_damaged { Err(Failure::new(Exit::StateUnusable, report.trim_end())) } else { Ok(report) }
}

/// Verifies the hashes of all cuts, or of one. May run beside a running process.
///
/// # Errors
/// 65 with the list of cuts if one is damaged or missing; 64 if there is no such cut; otherwise as [`inspect`].
pub(crate) fn verify_cuts(reader: SettingsReader, id: Option<&str>) -> Result<String, Failure> {
    let settings = Settings::read(reader)?;
    let mut report = String::new();
    if report_cuts(&settings, id, &mut report)? {
        return Ok(if report.is_empty() { "there are no cuts yet\n".to_owned() } else { report });
    }
    Err(Failure::new(Exit::StateUnusable, report.trim_end()))
}

/// Opens the cuts of an existing state directory and returns them with the pseudonym key; `None` if there is neither.
///
/// # Errors
/// 78 if there are cuts but no key; otherwise as [`inspect`].
pub(super) fn open_cuts(settings: &Settings) -> Result<Option<(PseudonymKey, CutStore)>, Failure> {
    let directory = &settings.state_directory;
    let disk = open_disk(settings)?;
    let path = settings.pseudonym_key_path();
    let Some(KeyFile { key, .. }) = KeyFile::load(&path).map_err(|error| key_failure(&error))? else {
        let message = format!("cuts cannot be verified: there is no pseudonym key {}; restore it", path.display());
        return if directory.join(crate::cuts::DIRECTORY).exists() {
            Err(Failure::new(Exit::Configuration, message))
        } else {
            Ok(None)
        };
    };
    let cuts = CutStore::new(Arc::new(disk), CutKey::new(key.derive(CutKey::CONTEXT)));
    Ok(Some((key, cuts)))
}

/// Failure of a command that names a cut which does not exist.
pub(super) fn no_cut(id: &str) -> Failure {
    Failure::new(Exit::Usage, format!("there is no cut {id}; pacemeter cut verify lists all cuts"))
}

/// Adds a line for each cut to the report; returns false if one is damaged or missing.
pub(super) fn report_cuts(settings: &Settings, id: Option<&str>, report: &mut String) -> Result<bool, Failure> {
    let directory = &settings.state_directory;
    let Some((key, cuts)) = open_cuts(settings)? else { return Ok(true) };
    // First the checkpoints: a running process may store a cut, and then a checkpoint that names it.
    let last_cuts = last_cuts(settings, &key.key_id())?;
    let verdicts = cuts
        .verify(id, &last_cuts)
        .map_err(|error| cuts_failure(format_args!("state directory {}", directory.display()), &error))?;
    if let Some(id) = id.filter(|_| verdicts.iter().all(|verdict| verdict.id == "chain")) {
        return Err(no_cut(id));
    }
    for verdict in &verdicts {
        let text = match &verdict.result {
            Ok(None) => "lost, which was accepted".to_owned(),
            Ok(Some(seal)) => match seal.kind {
                SealKind::Sealed => format!("whole, {}", seal.hash),
                SealKind::Retaken => format!("whole, retaken after an earlier one was lost, {}", seal.hash),
                SealKind::Unsealed => format!("whole since it was accepted without a keyed hash, {}", seal.hash),
            },
            Err(fault) => fault.clone(),
        };
        let _ = writeln!(report, "cut {}: {text}", verdict.id);
    }
    let acceptances = cuts.acceptances().map_err(|error| cuts_failure("cuts in the state directory", &error))?;
    for acceptance in acceptances.iter().filter(|acceptance| id.is_none_or(|id| acceptance.id == id)) {
        let _ = writeln!(report, "{}", describe_acceptance(acceptance));
    }
    Ok(verdicts.iter().all(|verdict| verdict.result.is_ok()))
}

/// Accepts what is lost or unproven of the cuts, or of one cut; `chain` is the list.
///
/// # Errors
/// 64 if there is nothing to accept; 73 if a process uses the state directory; otherwise as [`verify_cuts`].
pub(crate) fn accept_cuts(
    reader: SettingsReader,
    id: Option<&str>,
    reason: &str,
    clock: &Clock,
) -> Result<String, Failure> {
    let settings = Settings::read(reader)?;
    let Some((key, cuts)) = open_cuts(&settings)? else {
        return Err(Failure::new(Exit::Usage, "there are no cuts, and nothing to accept"));
    };
    let (_lock, ..) = open_state(&settings.state_directory, &settings.pseudonym_key_path())?;
    let compared = cuts.compare(&last_cuts(&settings, &key.key_id())?);
    let accepted = compared.and_then(|_| cuts.accept(id, reason, clock.now()));
    let accepted = accepted.map_err(|error| cuts_failure("cuts in the state directory", &error))?;
    if accepted.is_empty() {
        let what = id.map_or("the cuts".to_owned(), |id| format!("cut {id}"));
        return Err(Failure::new(
            Exit::Usage,
            format!("nothing of {what} is lost or unproven: there is nothing to accept"),
        ));
    }
    Ok(accepted.iter().map(|acceptance| describe_acceptance(acceptance) + "\n").collect())
}

/// Stored cuts that the newest checkpoints of this key name.
fn last_cuts(settings: &Settings, key_id: &str) -> Result<Vec<LastCut>, Failure> {
    let directory = &settings.state_directory;
    let (store, mut last_cuts) = (open_existing(settings)?, Vec::new());
    for dir in partition_dirs(&store, directory)? {
        let newest = store.newest(dir).map_err(|error| directory_failure(directory, &error))?.reader;
        let head = newest.map(|reader| reader.head().clone()).filter(|head| head.key_id == key_id);
        last_cuts.extend(head.and_then(|head| head.last_cut));
    }
    Ok(last_cuts)
}

fn describe_acceptance(acceptance: &CutAcceptance) -> String {
    let CutAcceptance { id, at_ms, what, reason, files } = acceptance;
    let files = if files.is_empty() { String::new() } else { format!(", with {}", files.join(", ")) };
    format!("accepted {at_ms:.0}: {id} {what}{files}: {}", reason.escape_debug())
}

/// Removes the checkpoints of all partitions, or of one stream, so that the next start rebuilds from the beginning of
/// the logs. First asks Kafka where the logs begin.
///
/// # Errors
/// 65 if a log now begins later than the state did, unless `force`; 73 if a process uses the state directory; 75 and 77
/// as [`super::check()`].
pub(crate) fn rebuild(
    reader: SettingsReader,
    only: Option<crate::record::Stream>,
    force: bool,
) -> Result<String, Failure> {
    let settings = Settings::read(reader)?;
    let (_lock, store, _) = open_state(&settings.state_directory, &settings.pseudonym_key_path())?;
    let directory = &settings.state_directory;
    let mut dirs = partition_dirs(&store, directory)?;
    dirs.retain(|dir| only.is_none_or(|stream| stream == dir.stream));
    let logs = Consumer::open(&settings.source)?.describe()?.partitions;
    let mut lost = Vec::new();
    for &dir in &dirs {
        let found = store.newest(dir).map_err(|error| directory_failure(directory, &error))?;
        lost.extend(lost_history(dir, found.reader.as_ref(), &logs));
    }
    if !lost.is_empty() && !force {
        lost.push(
            "a rebuild would lose this history; nothing was removed. To accept the loss, repeat with --force"
                .to_owned(),
        );
        return Err(Failure::new(Exit::StateUnusable, lost.join("\n")));
    }
    for &dir in &dirs {
        store.clear(dir).map_err(|error| Failure::new(Exit::Disk, error.to_string()))?;
    }
    Ok(format!("{} partitions will be counted from the beginning of their logs at the next start\n", dirs.len()))
}

/// Returns why a rebuild would lose history of a partition; `None` if it would not.
fn lost_history(dir: PartitionDir, newest: Option<&CheckpointReader>, logs: &[PartitionLog]) -> Option<String> {
    let log = logs.iter().find(|log| (log.partition.stream, log.partition.partition) == (dir.stream, dir.partition));
    let Some(log) = log else {
        return Some(format!("{dir}: the topic no longer has this partition"));
    };
    let began = newest.map_or(0, |reader| reader.head().first_offset);
    (log.low > began).then(|| {
        format!("{dir}: the state began at offset {began}, topic {} now begins at {}", log.partition.topic, log.low)
    })
}

/// Describes a checkpoint in three lines, or its damage in one.
fn describe(opened: Result<CheckpointReader, Damage>) -> String {
    let reader = match opened {
        Ok(reader) => reader,
        Err(damage) => return format!("the file {damage}"),
    };
    let head = reader.head();
    let cluster = head.cluster_id.as_deref().unwrap_or("unknown");
    let closed_days = reader.days_files();
    format!(
        "offsets {} to {} of topic {} ({} records), written {:.0} by pacemeter {}, built {:.0}\n     cluster {cluster}, partition {} of {}, key {}, {} \
         bytes and {} of closed days in {} files\n     {}",
        head.first_offset,
        head.next_offset,
        head.topic,
        head.records,
        head.written,
        head.written_by,
        head.built,
        head.partition,
        head.partition_count,
        head.key_id,
        reader.bytes(),
        closed_days.iter().map(|file| file.bytes()).sum::<u64>(),
        closed_days.len(),
        head.semantic_settings.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", "),
    )
}

/// Opens the store of an existing state directory, and creates nothing.
fn open_existing(settings: &Settings) -> Result<CheckpointStore, Failure> {
    Ok(CheckpointStore::new(Arc::new(open_disk(settings)?)))
}

/// Opens the disk of an existing state directory.
fn open_disk(settings: &Settings) -> Result<RealDisk, Failure> {
    let directory = &settings.state_directory;
    if !directory.is_dir() {
        let message = format!("there is no state directory {}; check state.directory", directory.display());
        return Err(Failure::new(Exit::Configuration, message));
    }
    KeyFile::check_rights(&settings.pseudonym_key_path()).map_err(|error| key_failure(&error))?;
    RealDisk::open(directory, &STATE_DIRECTORIES).map_err(|error| directory_failure(directory, &error))
}

fn partition_dirs(store: &CheckpointStore, directory: &Path) -> Result<Vec<PartitionDir>, Failure> {
    store.partitions().map_err(|error| directory_failure(directory, &error))
}

fn directory_failure(directory: &Path, error: &std::io::Error) -> Failure {
    Failure::from_io(format_args!("state directory {}", directory.display()), error)
}
