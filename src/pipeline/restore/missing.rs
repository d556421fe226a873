//! Start of a partition without a usable checkpoint: new, rebuilt, or refused.
//!
//! A log that retention has shortened no longer has what an earlier state may have had. So it is begun as new only
//! without any trace of such a state, and rebuilt only if the state is known to have begun no earlier than the log:
//!
//! | trace | beginning of the state |
//! |---|---|
//! | mark of `pacemeter state rebuild` | in the mark; nothing else is asked |
//! | mark of the first start | in the mark |
//! | newest stored cut | in the cut |
//! | committed offset of the partition, checkpoint of another one that knows of it | unknown, so offset 0 is assumed |

use super::{Policy, Refusal, RestoredPartition, Restorer, StateSource, Unusable, dir_of};
use crate::checkpoint::{CheckpointRequest, Damage, Mismatch, PartitionDir, StartMark, StartReason};
use crate::cuts::{CutOffset, CutStore, cut_id};
use crate::pipeline::message::LogInfo;
use crate::runtime::Exit;
use crate::view::closed_periods::ClosedPeriods;

/// Ends of the newest intact cut; none if there is no cut.
pub fn newest_cut_offsets(cuts: &CutStore, closed_periods: &ClosedPeriods) -> Vec<CutOffset> {
    let newest = closed_periods.cuts().rev().find_map(|at| cuts.get(&cut_id(at)).ok().flatten());
    newest.map(|(cut, _)| cut.offsets).unwrap_or_default()
}

/// Checkpoints that were skipped, as far as they decide what becomes of their partition.
#[derive(Default)]
pub(super) struct SkippedFiles {
    /// Name and format of the newest one without a keyed hash.
    unsealed: Option<(String, u32)>,
    /// Key id that the newest one of another key names.
    other_key: Option<String>,
}

impl SkippedFiles {
    pub(super) fn add(&mut self, file: &str, damage: &Damage) {
        match damage {
            Damage::Unsealed { found } => self.unsealed = self.unsealed.take().or(Some((file.to_owned(), *found))),
            Damage::OtherKey { found } => self.other_key = self.other_key.take().or(Some(found.clone())),
            _ => {}
        }
    }
}

/// Trace of an earlier state of a partition.
struct Trace {
    /// Text that continues "no checkpoint, but".
    what: String,
    /// First offset of the state; `None` if unknown.
    first_offset: Option<i64>,
    /// True if the state is known to have had records.
    had_records: bool,
}

impl Restorer<'_> {
    /// Begins a partition without checkpoints.
    pub(super) fn begin(&self, log: &LogInfo) -> Result<RestoredPartition, Refusal> {
        let mark = self.mark(log);
        if let Some(rebuild) = mark.filter(|mark| mark.reason != StartReason::FirstStart) {
            return self.rebuild_marked(log, rebuild);
        }
        let trace = match (self.trace(log), mark.map(|mark| mark.first_offset)) {
            (None, None) => return self.begin_new(log),
            // An old mark that is put back does not hide what a cut tells.
            (Some(trace), marked) => {
                let first_offset = trace.first_offset.into_iter().chain(marked).min();
                Trace { first_offset, ..trace }
            }
            (None, first_offset) => {
                Trace { what: "its first start is marked".to_owned(), first_offset, had_records: false }
            }
        };
        let reason = format!("no checkpoint, but {}", trace.what);
        if trace.had_records && self.settings.on_missing == Policy::Fail {
            return Err(Refusal::of_state(vec![format!(
                "{reason}; set state.directory to the directory of its state, or state.on_missing = \"rebuild\" to rebuild from the \
                 beginning of the log"
            )]));
        }
        let unusable = Unusable { reasons: vec![reason], policy: Policy::Rebuild, first_offset: trace.first_offset };
        if trace.had_records {
            return self.discard(log, &unusable);
        }
        self.need_committed(self.settings.on_missing == Policy::Fail)?;
        self.refuse_loss(log, &unusable)?;
        Ok(self.empty(log, StateSource::New))
    }

    /// Begins a partition of which every checkpoint was skipped.
    pub(super) fn begin_without(&self, log: &LogInfo, skipped: &SkippedFiles) -> Result<RestoredPartition, Refusal> {
        let dir = dir_of(&log.partition);
        if let Some((file, format)) = &skipped.unsealed {
            return Err(Refusal::of_state(vec![unsealed(dir, file, *format)]));
        }
        let first_offset = self.mark(log).map(|mark| mark.first_offset).or_else(|| self.cut_trace(log)?.first_offset);
        if let Some(found) = skipped.other_key.clone() {
            let mismatch = Mismatch::PseudonymKey { found, expected: self.compatibility.key_id.clone() };
            let reasons = vec![mismatch.to_string()];
            return self.discard(log, &Unusable { reasons, policy: self.settings.on_mismatch, first_offset });
        }
        let reason =
            "every checkpoint is damaged (the log has the details); restore the state directory from a backup, or set \
                      state.on_missing = \"rebuild\" to rebuild from the beginning of the log"
                .to_owned();
        self.discard(log, &Unusable { reasons: vec![reason], policy: self.settings.on_missing, first_offset })
    }

    /// Reads the mark of a partition, and reports files that only have its name.
    fn mark(&self, log: &LogInfo) -> Option<StartMark> {
        let (mark, refused) = self.store.start_mark(dir_of(&log.partition));
        refused.iter().for_each(|file| self.findings.borrow_mut().add_refused_mark(&log.partition, file));
        mark
    }

    /// Rebuilds a partition on request, as far as the request gave up what the log has lost.
    fn rebuild_marked(&self, log: &LogInfo, mark: StartMark) -> Result<RestoredPartition, Refusal> {
        let option = if mark.reason == StartReason::ForcedRebuild { " --force" } else { "" };
        let reasons = vec![format!("pacemeter state rebuild{option} was run")];
        self.discard(log, &Unusable { reasons, policy: Policy::Rebuild, first_offset: Some(mark.first_offset) })
    }

    /// Begins a partition that nothing tells of.
    fn begin_new(&self, log: &LogInfo) -> Result<RestoredPartition, Refusal> {
        let may_lose = log.low > 0 && !self.settings.accept_lost_history;
        self.need_committed(may_lose || self.settings.on_missing == Policy::Fail)?;
        if log.low > 0 {
            let mark = StartMark { reason: StartReason::FirstStart, first_offset: log.low };
            self.checkpoints.send(CheckpointRequest::MarkStart(dir_of(&log.partition), mark));
        }
        Ok(self.empty(log, StateSource::New))
    }

    /// Ends a start that depends on committed offsets while these are unknown.
    fn need_committed(&self, is_needed: bool) -> Result<(), Refusal> {
        let Some(fault) = self.committed_fault.filter(|_| is_needed) else { return Ok(()) };
        let reason = format!(
            "no checkpoint, and the committed offsets, which tell a first start from a lost state, are not available: {fault}"
        );
        Err(Refusal { exit: Exit::TryAgain, reasons: vec![reason] })
    }

    /// Trace of an earlier state of a partition without checkpoints.
    fn trace(&self, log: &LogInfo) -> Option<Trace> {
        let cut = self.cut_trace(log);
        if let Some(committed) = log.committed {
            let what = format!("an earlier process committed offset {committed} of topic {}", log.partition.topic);
            return Some(Trace { what, first_offset: cut.and_then(|cut| cut.first_offset), had_records: true });
        }
        cut.or_else(|| self.sibling_trace(log))
    }

    /// Trace in the newest stored cut.
    fn cut_trace(&self, log: &LogInfo) -> Option<Trace> {
        let partition = &log.partition;
        let of_log =
            |cut: &(&str, &str, i32)| *cut == (partition.stream.name(), partition.topic.as_str(), partition.partition);
        let mut offsets = self.cut_offsets.iter();
        let offset = offsets.find(|cut| of_log(&(&cut.stream, &cut.topic, cut.partition)))?;
        Some(Trace {
            what: format!("a stored cut has the partition up to offset {}", offset.next_offset),
            first_offset: offset.first_offset,
            had_records: offset.first_offset.is_some_and(|first| first < offset.next_offset),
        })
    }

    /// Trace in the checkpoints of other partitions, where it can decide something. A partition without records never had
    /// a checkpoint.
    fn sibling_trace(&self, log: &LogInfo) -> Option<Trace> {
        let own = dir_of(&log.partition);
        if log.low == 0 || self.settings.accept_lost_history {
            return None;
        }
        // A directory that cannot be listed has failed the partition before.
        let others = self.store.partitions().unwrap_or_default().into_iter().filter(|dir| *dir != own);
        let knows_partition = |dir: &PartitionDir| {
            let reader = self.store.newest(*dir).ok().and_then(|found| found.reader);
            let is_known = |count| dir.stream != own.stream || count > own.partition;
            reader.is_some_and(|reader| is_known(reader.head().partition_count))
        };
        let other = others.into_iter().find(knows_partition)?;
        Some(Trace { what: format!("{other} has one"), first_offset: None, had_records: false })
    }
}

fn unsealed(dir: PartitionDir, file: &str, format: u32) -> String {
    format!(
        "checkpoint checkpoints/{dir}/{file} has format {format}, which has no keyed hash, so anybody who can write the state \
         directory could have made it; if an older pacemeter wrote it, start once with state.accept_unsealed_checkpoints = true; \
         otherwise remove the file, or run `pacemeter state rebuild`"
    )
}
