//! When checkpoints are made, and how far the one in progress is.
//!
//! A *round* makes a checkpoint of every partition that has unsaved records, one partition after the other, so that
//! little is copied at a time:
//!
//! ```text
//! Copying --all pages copied--> Waiting --its dead letters are safe--> Writing --outcome--> next partition
//! ```
//!
//! The task copies a few pages between two messages; the checkpoint thread does the rest. A round is due after so many
//! records or so long or once there is a cut that no checkpoint names, and not before the CPU time of the last round, times 99 at the default of 1 %, has passed. A
//! checkpoint that fails does not keep the others of its round from being made.
//!
//! Memory is bounded. While 16 MiB are in flight to the checkpoint thread, nothing more is copied. Beyond 32 MiB, or a
//! quarter of the partition's state if that is more, nothing is applied either, because applying copies pages too; the
//! step that crosses the bound is finished. After ten seconds without room the checkpoint is given up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::dead_letter_sink::DeadLetterSink;
use super::partitions::Partitions;
use crate::checkpoint::{
    CheckpointHandle, CheckpointId, CheckpointOutcome, CheckpointRequest, CheckpointStart, DaysFile, WriteError,
    WriteReason,
};
use crate::clock::Clock;
use crate::record::PartitionIndex;
use crate::runtime::failpoint;
use crate::settings::SettingsReader;

/// Bytes copied at once.
const CHUNK: usize = 1 << 20;
/// Maximum number of chunks copied between two messages.
const CHUNKS_AT_ONCE: usize = 4;
/// Bytes in flight to the checkpoint thread beyond which copying waits.
const MAX_COPIED_AHEAD: u64 = 16 << 20;
/// Bytes in flight beyond which applying waits too: this, or a quarter of the state if that is more.
const LEAST_MAX_IN_FLIGHT: u64 = 32 << 20;
/// Maximum time for which applying waits for the disk; then the checkpoint is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time from a failure to the next try, or [`Settings::max_interval`] if that is less.
const RETRY: Duration = Duration::from_secs(10);

/// The settings `checkpoint.*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Maximum age of unsaved records before a round starts.
    pub max_interval: Duration,
    /// Number of unsaved records at which a round starts.
    pub max_replay_records: u64,
    /// Share of a CPU that checkpoints may take, in percent.
    pub max_cpu_percent: u32,
    /// Number of consecutive failures of a partition after which the process exits; `None` to continue whatever
    /// happens.
    pub exit_after_failures: Option<u32>,
}

impl Settings {
    pub(crate) fn read(reader: &mut SettingsReader) -> Self {
        let failures = reader.integer("checkpoint.exit_after_failures", 0..=1_000_000) as u32;
        Self {
            max_interval: reader
                .duration("checkpoint.max_interval", Duration::from_millis(10)..=Duration::from_secs(86_400)),
            max_replay_records: reader.integer("checkpoint.max_replay_records", 1..=1_000_000_000),
            max_cpu_percent: reader.integer("checkpoint.max_cpu_percent", 1..=100) as u32,
            exit_after_failures: (failures > 0).then_some(failures),
        }
    }
}

/// The checkpoint in progress.
struct InProgress {
    partition: PartitionIndex,
    id: CheckpointId,
    next_offset: i64,
    stage: Stage,
    /// Number of records of the partition that were taken since and that it does not cover, and the time of the first.
    records: u64,
    since: Option<Instant>,
    begun: Instant,
    state_bytes: u64,
    /// First time that there was no room to apply anything; `None` while there is.
    stuck_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Copying,
    Waiting,
    Writing,
}

/// Makes checkpoints of all partitions, one at a time.
pub(super) struct CheckpointScheduler {
    settings: Settings,
    clock: Clock,
    checkpoints: CheckpointHandle,
    /// Partitions of this round that are still to be saved.
    round: VecDeque<PartitionIndex>,
    current: Option<InProgress>,
    /// Earliest start of the next round; the last round at a shutdown ignores it.
    not_before: Instant,
    /// CPU time of the round so far, of this thread and of the checkpoint thread.
    spent: Duration,
    /// Longest time for which one step of the round held up applying.
    longest_hold: Duration,
    /// Duration of the newest durable checkpoint, from its image on.
    last_duration: Duration,
    /// True if a checkpoint of the round failed.
    has_failed: bool,
    /// Number of checkpoints begun so far.
    begun: u64,
    /// True if a round is due as soon as the cost of the last one allows it.
    is_requested: bool,
}

impl CheckpointScheduler {
    pub(super) fn new(settings: Settings, clock: Clock, checkpoints: CheckpointHandle) -> Self {
        Self {
            settings,
            not_before: clock.instant(),
            clock,
            checkpoints,
            round: VecDeque::new(),
            current: None,
            spent: Duration::ZERO,
            longest_hold: Duration::ZERO,
            last_duration: Duration::ZERO,
            has_failed: false,
            begun: 0,
            is_requested: false,
        }
    }

    /// Counts records of a partition that were taken.
    pub(super) fn count_taken(
        &mut self,
        partitions: &mut Partitions,
        partition: PartitionIndex,
        records: u64,
        now: Instant,
    ) {
        let unsaved = &mut partitions[partition].unsaved;
        unsaved.records += records;
        unsaved.since.get_or_insert(now);
        if let Some(current) = self.current.as_mut().filter(|current| current.partition == partition) {
            current.records += records;
            current.since.get_or_insert(now);
        }
    }

    /// Makes a checkpoint due that names the last cut: of the smallest partition, as one is enough.
    pub(super) fn name_last_cut(&mut self, partitions: &mut Partitions, now: Instant) {
        let smallest = partitions.indexes().min_by_key(|&index| partitions[index].unsaved.checkpoint_bytes);
        let Some(smallest) = smallest else { return };
        self.count_taken(partitions, smallest, 1, now);
        self.is_requested = true;
    }

    /// True if a step may be due at any moment.
    pub(super) fn is_busy(&self) -> bool {
        self.current.is_some() || !self.round.is_empty()
    }

    /// True if records may be applied: there is room for the pages that applying copies.
    pub(super) fn has_room(&self) -> bool {
        let Some(current) = &self.current else { return true };
        self.checkpoints.bytes_in_flight() <= LEAST_MAX_IN_FLIGHT.max(current.state_bytes / 4)
    }

    pub(super) fn longest_hold(&self) -> Duration {
        self.longest_hold
    }

    pub(super) fn last_duration(&self) -> Duration {
        self.last_duration
    }

    /// True if a round is due: enough records are unsaved, or one for long enough, and the cost of the last round
    /// allows it.
    pub(super) fn is_due(&self, partitions: &Partitions, now: Instant) -> bool {
        let Settings { max_replay_records, max_interval, .. } = self.settings;
        let records: u64 = partitions.iter().map(|partition| partition.unsaved.records).sum();
        let is_wanted = self.is_requested
            || records >= max_replay_records
            || (records > 0 && partitions.unsaved_age(now) >= max_interval);
        // The pages of a checkpoint that was given up may still be in flight.
        !self.is_busy() && is_wanted && now >= self.not_before && self.checkpoints.bytes_in_flight() == 0
    }

    /// Begins a round over all partitions with unsaved records.
    pub(super) fn begin_round(&mut self, partitions: &Partitions) {
        self.round = partitions.indexes().filter(|&index| partitions[index].unsaved.records > 0).collect();
        (self.spent, self.longest_hold, self.has_failed) = (Duration::ZERO, Duration::ZERO, false);
        self.is_requested = false;
    }

    /// Does what can be done without waiting: begins the next partition's checkpoint, copies some of it, or has it
    /// finished. Returns its outcome if it is given up because the disk has taken nothing for too long.
    pub(super) fn step(
        &mut self,
        partitions: &mut Partitions,
        dead_letters: &dyn DeadLetterSink,
    ) -> Option<(PartitionIndex, CheckpointOutcome)> {
        let started = self.clock.instant();
        if self.is_stuck(started) {
            return self.give_up(partitions);
        }
        match self.current.as_ref().map(|current| current.stage) {
            None => self.begin(partitions),
            Some(Stage::Copying) => self.copy(partitions),
            Some(Stage::Waiting) => self.finish(dead_letters),
            Some(Stage::Writing) => {}
        }
        let held = self.clock.instant().saturating_duration_since(started);
        self.longest_hold = self.longest_hold.max(held);
        self.spent += held;
        None
    }

    /// True if applying has had to wait for the disk for too long.
    fn is_stuck(&mut self, now: Instant) -> bool {
        let has_room = self.has_room();
        let Some(current) = &mut self.current else { return false };
        if has_room {
            current.stuck_since = None;
            return false;
        }
        now.saturating_duration_since(*current.stuck_since.get_or_insert(now)) >= PATIENCE
    }

    /// True while applying waits for the disk, and not for too long.
    pub(super) fn is_patient(&self, now: Instant) -> bool {
        let stuck_since = self.current.as_ref().and_then(|current| current.stuck_since);
        stuck_since.is_some_and(|since| now.saturating_duration_since(since) < PATIENCE)
    }

    fn give_up(&mut self, partitions: &mut Partitions) -> Option<(PartitionIndex, CheckpointOutcome)> {
        let current = self.current.take()?;
        self.checkpoints.send(CheckpointRequest::Abandon(current.id));
        let error = WriteError {
            reason: WriteReason::Io,
            what: format!("write the checkpoint of {}", current.id.dir),
            message: format!("the disk took too little in {PATIENCE:?}"),
        };
        self.fail(&current, partitions);
        Some((current.partition, CheckpointOutcome::failed(current.id, error)))
    }

    fn fail(&mut self, current: &InProgress, partitions: &mut Partitions) {
        let partition = &mut partitions[current.partition];
        partition.state.end_image();
        partition.unsaved.failures += 1;
        self.has_failed = true;
        self.end_round();
    }

    /// After the last partition of a round: rests for as long as its cost, or a failure, demands.
    fn end_round(&mut self) {
        if self.round.is_empty() {
            let percent = self.settings.max_cpu_percent;
            let pause = if self.has_failed {
                RETRY.min(self.settings.max_interval)
            } else {
                self.spent * (100 - percent) / percent
            };
            self.not_before = self.clock.instant() + pause;
        }
    }

    fn begin(&mut self, partitions: &mut Partitions) {
        let Some(index) = self.round.pop_front() else { return };
        self.begun += 1;
        let id = CheckpointId { dir: partitions[index].unsaved.dir, number: self.begun };
        let (head, image) = partitions.begin_image(index, self.clock.now(), &self.checkpoints.sink(id));
        self.current = Some(InProgress {
            partition: index,
            id,
            next_offset: head.next_offset,
            stage: Stage::Copying,
            records: 0,
            since: None,
            begun: self.clock.instant(),
            state_bytes: image.shapes.iter().map(|shape| shape.bytes()).sum(),
            stuck_since: None,
        });
        self.checkpoints.send(CheckpointRequest::Begin(id, Box::new(CheckpointStart { head, image })));
        failpoint("saving.begun");
    }

    fn copy(&mut self, partitions: &mut Partitions) {
        let Some(current) = &mut self.current else { return };
        let state = &mut partitions[current.partition].state;
        for _ in 0..CHUNKS_AT_ONCE {
            if self.checkpoints.bytes_in_flight() > MAX_COPIED_AHEAD {
                return;
            }
            let Some(chunk) = state.copy(CHUNK) else {
                state.end_image();
                current.stage = Stage::Waiting;
                failpoint("saving.copied");
                return;
            };
            self.checkpoints.send(CheckpointRequest::Pages(current.id, chunk));
        }
    }

    /// Finishes the checkpoint once the dead letters that it covers are acknowledged: it must not claim a record that
    /// is written nowhere.
    fn finish(&mut self, dead_letters: &dyn DeadLetterSink) {
        let Some(current) = &mut self.current else { return };
        if dead_letters.acknowledged_below(current.partition, current.next_offset) >= current.next_offset {
            current.stage = Stage::Writing;
            self.checkpoints.send(CheckpointRequest::Finish(current.id));
        }
    }

    /// Takes the outcome of a checkpoint; `None` if it is not the one in progress.
    pub(super) fn report(
        &mut self,
        outcome: CheckpointOutcome,
        partitions: &mut Partitions,
    ) -> Option<(PartitionIndex, CheckpointOutcome)> {
        let current = self.current.take_if(|current| current.id == outcome.id)?;
        let now = self.clock.instant();
        self.spent += outcome.cpu_time;
        match &outcome.result {
            Ok(written) => {
                let unsaved = &mut partitions[current.partition].unsaved;
                unsaved.checkpoint_bytes = written.bytes + written.days_files.iter().map(DaysFile::bytes).sum::<u64>();
                (unsaved.records, unsaved.since, unsaved.failures) = (current.records, current.since, 0);
                self.last_duration = now.saturating_duration_since(current.begun);
                self.end_round();
            }
            Err(_) => self.fail(&current, partitions),
        }
        Some((current.partition, outcome))
    }

    /// True once a partition's checkpoint has failed as often in a row as the settings allow.
    pub(super) fn has_failed_too_often(&self, partitions: &Partitions) -> bool {
        let most = self.settings.exit_after_failures;
        most.is_some_and(|most| partitions.iter().any(|partition| partition.unsaved.failures >= most))
    }
}

#[cfg(test)]
mod tests;
