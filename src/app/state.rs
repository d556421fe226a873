//! `pacemeter state` and `pacemeter cut verify`: list, verify and remove what is in the state directory.

mod cut_summary;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::Settings;
use super::opening::cuts_failure;
use super::state_files::StateFiles;
use crate::checkpoint::{
    CheckpointReader, CheckpointStore, Damage, ExpectedHead, Head, LastCut, Mismatch, PartitionDir, StartMark,
    StartReason,
};
use crate::clock::Clock;
use crate::cuts::{AcceptanceReport, CutAcceptance, SealKind};
use crate::record::Stream;
use crate::runtime::{Exit, Failure};
use crate::settings::SettingsReader;
use crate::source::{Consumer, PartitionLog, Topology};

/// Lists every checkpoint, newest first: its offsets, time and origin; then the number of cuts, and those that are
/// damaged. May run beside a running process.
///
/// # Errors
/// 78 with all faults of the settings; 74 or 77 if the directory cannot be read; 74 if the file system does not answer.
pub(crate) fn inspect(reader: SettingsReader) -> Result<String, Failure> {
    StateFiles::new(&Settings::read(reader)?).work(|files| Ok(list_checkpoints(files)? + &cut_summary::text(files)?))
}

fn list_checkpoints(files: &StateFiles) -> Result<String, Failure> {
    let store = files.checkpoints()?;
    let mut report = format!("{}\n", files.shown_directory());
    for dir in partition_dirs(&store, files)? {
        let listing = store.list(dir).map_err(|error| files.failure(&error))?;
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
    StateFiles::new(&Settings::read(reader)?).work(verify_all)
}

fn verify_all(files: &StateFiles) -> Result<String, Failure> {
    let store = files.checkpoints()?;
    let (mut report, mut is_damaged) = (String::new(), false);
    for dir in partition_dirs(&store, files)? {
        let listing = store.list(dir).map_err(|error| files.failure(&error))?;
        for sequence in listing.checkpoints {
            let result = store.open(dir, sequence).and_then(|reader| reader.verify().map(|()| reader));
            // A running process may have removed the checkpoint in the meantime.
            let still_exists = || store.list(dir).is_ok_and(|listing| listing.checkpoints.contains(&sequence));
            if result.is_err() && !still_exists() {
                continue;
            }
            is_damaged |= result.is_err();
            let verdict = match result {
                Ok(reader) if reader.is_sealed() => format!("whole, {}", reader.root_hash()),
                Ok(reader) => {
                    format!("whole, without a keyed hash as an older version wrote it, {}", reader.root_hash())
                }
                Err(damage) => format!("the file {damage}"),
            };
            let _ = writeln!(report, "{dir} {sequence}: {verdict}");
        }
    }
    is_damaged |= !report_cuts(files, None, &mut report)?;
    if is_damaged { Err(damaged(&report)) } else { Ok(report) }
}

/// Verifies the hashes of all cuts, or of one. May run beside a running process.
///
/// # Errors
/// 65 with the list of cuts if one is damaged or missing; 64 if there is no such cut; otherwise as [`inspect`].
pub(crate) fn verify_cuts(reader: SettingsReader, id: Option<&str>) -> Result<String, Failure> {
    let id = id.map(str::to_owned);
    StateFiles::new(&Settings::read(reader)?).work(move |files| {
        let mut report = String::new();
        if report_cuts(files, id.as_deref(), &mut report)? {
            return Ok(if report.is_empty() { "there are no cuts yet\n".to_owned() } else { report });
        }
        Err(damaged(&report))
    })
}

/// Failure of a verification, with the next step below its report.
fn damaged(report: &str) -> Failure {
    let remedy = "what is damaged or missing: put the original back, or for a cut accept the loss with pacemeter cut accept ID \
                  --reason TEXT, and for a checkpoint start pacemeter, which uses an older one or rebuilds";
    Failure::new(Exit::StateUnusable, format!("{report}{remedy}"))
}

/// Failure of a command that names a cut which does not exist.
pub(super) fn no_cut(id: &str) -> Failure {
    Failure::new(Exit::Usage, format!("there is no cut {id}; pacemeter cut verify lists all cuts"))
}

/// Adds a line for each cut to the report; returns false if one is damaged or missing.
pub(super) fn report_cuts(files: &StateFiles, id: Option<&str>, report: &mut String) -> Result<bool, Failure> {
    let Some((_, cuts)) = files.cuts()? else { return Ok(true) };
    // First the checkpoints: a running process may store a cut, and then a checkpoint that names it.
    let last_cuts = last_cuts(files)?;
    let verdicts = cuts.verify(id, &last_cuts).map_err(|error| cuts_failure(files.shown_directory(), &error))?;
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

/// Decision of an operator about the cuts.
#[derive(Debug, Clone)]
pub(crate) struct CutDecision {
    /// Cut that it concerns, `chain` for the list; `None` for all.
    pub(crate) id: Option<String>,
    /// True to adopt cuts without a keyed hash, and nothing else.
    pub(crate) adopts_unsealed: bool,
    /// Reason for people who read it later.
    pub(crate) reason: String,
}

/// Accepts what is lost of the cuts, or adopts cuts without a keyed hash.
///
/// # Errors
/// 64 if there is nothing to accept; 73 if a process uses the state directory; otherwise as [`verify_cuts`].
pub(crate) fn accept_cuts(reader: SettingsReader, decision: CutDecision, clock: &Clock) -> Result<String, Failure> {
    let now = clock.now();
    StateFiles::new(&Settings::read(reader)?).work(move |files| {
        let Some((_, cuts)) = files.cuts()? else {
            return Err(Failure::new(Exit::Usage, "there are no cuts, and nothing to accept; check state.directory"));
        };
        let (_lock, _) = files.lock()?;
        let compared = cuts.compare(&last_cuts(files)?);
        let CutDecision { id, adopts_unsealed, reason } = &decision;
        let accepted = compared.and_then(|_| match adopts_unsealed {
            false => cuts.accept(id.as_deref(), reason, now),
            true => {
                let adopted = cuts.adopt_unsealed(id.as_deref(), reason, now)?;
                Ok(AcceptanceReport { accepted: adopted, unsealed: Vec::new() })
            }
        });
        let AcceptanceReport { accepted, unsealed } =
            accepted.map_err(|error| cuts_failure("cuts in the state directory", &error))?;
        let hint = unsealed.first().map(|first| left_unsealed(unsealed.len(), first));
        if accepted.is_empty() {
            let what = id.as_ref().map_or("the cuts".to_owned(), |id| format!("cut {id}"));
            let unproven = if *adopts_unsealed { "without a keyed hash" } else { "lost or quarantined" };
            let message = format!(
                "nothing of {what} is {unproven}: there is nothing to accept; pacemeter cut verify says what is"
            );
            return Err(Failure::new(Exit::Usage, hint.unwrap_or(message)));
        }
        let lines = accepted.iter().map(describe_acceptance).chain(hint);
        Ok(lines.map(|line| line + "\n").collect())
    })
}

/// Instruction for cuts without a keyed hash, which an acceptance of losses leaves alone.
fn left_unsealed(count: usize, first: &str) -> String {
    format!(
        "not accepted: {count} files without a keyed hash, such as that of cut {first}; if an older version stored them, adopt \
         them with pacemeter cut accept --unsealed, else move them away"
    )
}

/// Stored cuts that the newest proven checkpoints name.
fn last_cuts(files: &StateFiles) -> Result<Vec<LastCut>, Failure> {
    let (store, mut last_cuts) = (files.checkpoints()?, Vec::new());
    for dir in partition_dirs(&store, files)? {
        let newest = store.newest(dir).map_err(|error| files.failure(&error))?.reader;
        last_cuts.extend(newest.and_then(|reader| reader.head().last_cut.clone()));
    }
    Ok(last_cuts)
}

fn describe_acceptance(acceptance: &CutAcceptance) -> String {
    let CutAcceptance { id, at_ms, what, reason, files } = acceptance;
    let files = if files.is_empty() { String::new() } else { format!(", with {}", files.join(", ")) };
    format!("accepted {at_ms:.0}: {id} {what}{files}: {}", reason.escape_debug())
}

/// Removes the checkpoints of all partitions, or of one stream, so that the next start rebuilds from the beginning of
/// the logs. First asks Kafka where the logs begin, and for the number of partitions.
///
/// # Errors
/// 65 if a log now begins later than the state did, unless `force`, and if partitions were added, unless the settings
/// accept it; 73 if a process uses the state directory; 78 if there is none; 75 and 77 as [`super::check()`].
pub(crate) fn rebuild(reader: SettingsReader, only: Option<Stream>, force: bool) -> Result<String, Failure> {
    let settings = Settings::read(reader)?;
    let files = StateFiles::new(&settings);
    // The lock is held to the end. Between the two steps on the disk Kafka is asked, which has limits of its own.
    let (_lock, store, known) = files.work(move |files| {
        let (lock, store) = files.lock()?;
        let known = known_partitions(files, &store, only)?;
        Ok((lock, store, known))
    })?;
    let topology = Consumer::open(&settings.source)?.describe()?;
    if !settings.pipeline.restore.accept_added_partitions {
        refuse_added_partitions(known.iter().filter_map(|known| known.head.as_ref()), &settings, &topology)?;
    }
    let logs = &topology.partitions;
    let mut lost: Vec<String> = known.iter().filter_map(|known| lost_history(known.dir, known.began, logs)).collect();
    if !lost.is_empty() && !force {
        lost.push(
            "a rebuild would lose this history; nothing was removed. To accept the loss, repeat with --force"
                .to_owned(),
        );
        return Err(Failure::new(Exit::StateUnusable, lost.join("\n")));
    }
    let marks = start_marks(&known, logs, only, force);
    files.work(move |_| {
        for (dir, mark) in &marks {
            store.clear(*dir, mark).map_err(|error| Failure::new(Exit::Disk, error.to_string()))?;
        }
        let count = marks.len();
        Ok(format!("{count} partitions will be counted from the beginning of their logs at the next start\n"))
    })
}

/// Partition that has a directory.
struct KnownPartition {
    dir: PartitionDir,
    /// Head of its newest proven checkpoint.
    head: Option<Head>,
    /// First offset that any proven checkpoint has, or else its mark; 0 if it is unknown.
    began: i64,
}

/// Returns the partitions with a directory, of all streams or of one.
fn known_partitions(
    files: &StateFiles,
    store: &CheckpointStore,
    only: Option<Stream>,
) -> Result<Vec<KnownPartition>, Failure> {
    let dirs = partition_dirs(store, files)?.into_iter().filter(|dir| only.is_none_or(|stream| stream == dir.stream));
    let known = |dir: PartitionDir| {
        let head = store.newest(dir).map_err(|error| files.failure(&error))?.reader.map(|reader| reader.head().clone());
        let listing = store.list(dir).map_err(|error| files.failure(&error))?;
        let readers = listing.checkpoints.iter().filter_map(|sequence| store.open(dir, *sequence).ok());
        let proven = readers.filter(CheckpointReader::is_sealed).map(|reader| reader.head().first_offset).min();
        let marked = || store.start_mark(dir).0.map(|mark| mark.first_offset);
        Ok(KnownPartition { dir, head, began: proven.or_else(marked).unwrap_or(0) })
    };
    dirs.map(known).collect()
}

/// Refuses a rebuild from topics to which partitions were added since the checkpoints with these heads.
fn refuse_added_partitions<'a>(
    heads: impl Iterator<Item = &'a Head>,
    settings: &Settings,
    topology: &Topology,
) -> Result<(), Failure> {
    let mut reasons = BTreeSet::new();
    for head in heads {
        let expected = ExpectedHead {
            cluster_id: None,
            topic: settings.source.topics[head.stream].clone(),
            topic_id: topology.topic_ids.as_ref().ok().and_then(|ids| ids[head.stream].clone()),
            partition_count: Some(topology.partition_count(head.stream)),
            semantic_settings: head.semantic_settings.clone(),
            key_id: head.key_id.clone(),
            low: None,
            end: None,
        };
        let mismatches = expected.mismatches(head).into_iter().filter(Mismatch::forbids_rebuild);
        reasons.extend(mismatches.map(|mismatch| mismatch.to_string()));
    }
    if reasons.is_empty() {
        return Ok(());
    }
    let reasons: Vec<String> = reasons.into_iter().collect();
    Err(Failure::new(Exit::StateUnusable, format!("{}\nnothing was removed", reasons.join("\n"))))
}

/// Marks of the partitions to rebuild. A partition without a directory has lost its state, or never had one: it is marked
/// where nothing of its log is lost, or if the loss is accepted.
fn start_marks(
    known: &[KnownPartition],
    logs: &[PartitionLog],
    only: Option<Stream>,
    force: bool,
) -> Vec<(PartitionDir, StartMark)> {
    let dir_of = |log: &PartitionLog| PartitionDir { stream: log.partition.stream, partition: log.partition.partition };
    let lows: BTreeMap<PartitionDir, i64> = logs.iter().map(|log| (dir_of(log), log.low)).collect();
    let is_known = |dir: &PartitionDir| known.iter().any(|known| known.dir == *dir);
    let without_directory = lows
        .iter()
        .filter(|(dir, low)| !is_known(dir) && only.is_none_or(|stream| stream == dir.stream) && (force || **low == 0));
    let mark = |dir: PartitionDir, began: i64| {
        let low = lows.get(&dir).copied().filter(|low| *low > began && force);
        let reason = if low.is_some() { StartReason::ForcedRebuild } else { StartReason::Rebuild };
        (dir, StartMark { reason, first_offset: low.unwrap_or(began) })
    };
    let known = known.iter().map(|known| mark(known.dir, known.began));
    known.chain(without_directory.map(|(dir, _)| mark(*dir, 0))).collect()
}

/// Returns why a rebuild would lose history of a partition whose state began at an offset; `None` if it would not.
fn lost_history(dir: PartitionDir, began: i64, logs: &[PartitionLog]) -> Option<String> {
    let log = logs.iter().find(|log| (log.partition.stream, log.partition.partition) == (dir.stream, dir.partition));
    let Some(log) = log else {
        return Some(format!("{dir}: the topic no longer has this partition"));
    };
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

fn partition_dirs(store: &CheckpointStore, files: &StateFiles) -> Result<Vec<PartitionDir>, Failure> {
    store.partitions().map_err(|error| files.failure(&error))
}
