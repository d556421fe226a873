//! When checkpoints are made, and how far the one is that is being made.
//!
//! A *round* makes one of every partition that has something unsaved, one partition after the other, so that little is copied at a time:
//!
//! ```text
//! Copying --all pages copied--> Waiting --its dead letters are safe--> Writing --report--> next partition
//! ```
//!
//! The task copies a few pages between two messages; the writing thread does the rest. While too much is on its way to that thread, nothing
//! more is copied, and nothing more is applied either, since that copies too.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::dead_letter_sink::DeadLetterSink;
use crate::aggregate::PartitionState;
use crate::aggregate::image::{PageSink, StateImage};
use crate::checkpoint::{
    CheckpointHandle, CheckpointId, CheckpointOutcome, CheckpointRequest, CheckpointStart, DaysFile, Head,
    PartitionDir, WriteError, WriteReason,
};
use crate::clock::Clock;
use crate::runtime::failpoint;
use crate::settings::SettingsReader;
use crate::source::PartitionIndex;

/// Bytes copied at once.
const PIECE: usize = 1 << 20;
/// Pieces copied between two messages, at most.
const PIECES_AT_ONCE: usize = 4;
/// Bytes that may be on their way to the writing thread before the copying waits for it.
const MAX_COPIED_AHEAD: u64 = 16 << 20;
/// Bytes that may be on their way before the applying waits too: this, or a quarter of the state if that is more.
const LEAST_MAX_IN_FLIGHT: u64 = 32 << 20;
/// The applying waits for the disk for at most this; then the checkpoint is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// After a failure, the next try is made no sooner than this; or, if less, than [`Settings::max_interval`].
const RETRY: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    pub max_interval: Duration,
    pub max_replay_records: u64,
    pub max_cpu_percent: u32,
    /// None: it goes on whatever happens.
    pub exit_after_failures: Option<u32>,
}

impl Settings {
    pub fn read(reader: &mut SettingsReader) -> Self {
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

/// What of a partition is saved.
#[derive(Debug)]
struct Unsaved {
    dir: PartitionDir,
    /// Records taken that its newest checkpoint does not cover; or 1 if that says something else for another reason.
    records: u64,
    /// When the first of these was taken.
    since: Option<Instant>,
    /// What the newest checkpoint takes on disk (bytes).
    bytes: u64,
    /// Failures in a row.
    failures: u32,
}

/// The checkpoint that is being made.
struct InProgress {
    slot: usize,
    id: CheckpointId,
    next_offset: i64,
    stage: Stage,
    /// Records of the partition that it does not cover, and when the first of these was taken.
    records: u64,
    since: Option<Instant>,
    begun: Instant,
    state_bytes: u64,
    /// Since when there is no room to apply anything.
    stuck_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Copying,
    Waiting,
    Writing,
}

pub struct CheckpointScheduler {
    settings: Settings,
    clock: Clock,
    checkpoints: CheckpointHandle,
    /// By slot.
    marks: Vec<Unsaved>,
    round: VecDeque<usize>,
    current: Option<InProgress>,
    /// No round begins before, but for a last one.
    not_before: Instant,
    /// What the round took so far, of this thread and of the writing one.
    spent: Duration,
    /// The longest that applying was held up by one step, in this round.
    longest_hold: Duration,
    /// Time that the newest durable checkpoint took, from its image on.
    last_duration: Duration,
    /// Some checkpoint of the round failed.
    has_failed: bool,
    ids: u64,
}

impl CheckpointScheduler {
    /// `saved`: by slot the place, the bytes that its newest checkpoint takes, and whether a new one is wanted whatever comes.
    pub fn new(
        settings: Settings,
        clock: Clock,
        checkpoints: CheckpointHandle,
        saved: impl Iterator<Item = (PartitionDir, u64, bool)>,
    ) -> Self {
        let now = clock.instant();
        let mark = |(dir, bytes, is_news): (PartitionDir, u64, bool)| Unsaved {
            dir,
            records: u64::from(is_news),
            since: is_news.then_some(now),
            bytes,
            failures: 0,
        };
        Self {
            settings,
            not_before: clock.instant(),
            clock,
            checkpoints,
            marks: saved.map(mark).collect(),
            round: VecDeque::new(),
            current: None,
            spent: Duration::ZERO,
            longest_hold: Duration::ZERO,
            last_duration: Duration::ZERO,
            has_failed: false,
            ids: 0,
        }
    }

    /// Records of a partition were taken.
    pub fn taken(&mut self, slot: usize, records: u64, now: Instant) {
        let mark = &mut self.marks[slot];
        mark.records += records;
        mark.since.get_or_insert(now);
        if let Some(current) = self.current.as_mut().filter(|current| current.slot == slot) {
            current.records += records;
            current.since.get_or_insert(now);
        }
    }

    /// Whether a step may be due at any moment.
    pub fn is_busy(&self) -> bool {
        self.current.is_some() || !self.round.is_empty()
    }

    /// Whether records may be applied: what that copies has room.
    pub fn has_room(&self) -> bool {
        let Some(current) = &self.current else { return true };
        self.checkpoints.bytes_in_flight() <= LEAST_MAX_IN_FLIGHT.max(current.state_bytes / 4)
    }

    /// How long the oldest record that no checkpoint holds was taken ago.
    pub fn age(&self, now: Instant) -> Duration {
        let oldest = self.marks.iter().filter_map(|mark| mark.since).min();
        oldest.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// What the newest checkpoints take on disk (bytes).
    pub fn bytes(&self) -> u64 {
        self.marks.iter().map(|mark| mark.bytes).sum()
    }

    pub fn longest_hold(&self) -> Duration {
        self.longest_hold
    }

    pub fn last_duration(&self) -> Duration {
        self.last_duration
    }

    /// Number of consecutive checkpoints of a partition that failed.
    pub fn failures_of(&self, dir: PartitionDir) -> u32 {
        self.marks.iter().find(|mark| mark.dir == dir).map_or(0, |mark| mark.failures)
    }

    /// Whether a round is due: something unsaved is old enough, or much enough, and the last round was long enough ago for its cost.
    pub fn is_due(&self, now: Instant) -> bool {
        let records: u64 = self.marks.iter().map(|mark| mark.records).sum();
        let is_wanted =
            records >= self.settings.max_replay_records || (records > 0 && self.age(now) >= self.settings.max_interval);
        // What an attempt that was given up left behind is still being written.
        !self.is_busy() && is_wanted && now >= self.not_before && self.checkpoints.bytes_in_flight() == 0
    }

    /// Begins a round of all that is unsaved.
    pub fn begin_round(&mut self) {
        self.round = (0..self.marks.len()).filter(|&slot| self.marks[slot].records > 0).collect();
        (self.spent, self.longest_hold, self.has_failed) = (Duration::ZERO, Duration::ZERO, false);
    }

    /// Does what can be done now without waiting: begins the next partition's checkpoint, copies some of it, has it finished, or gives it up
    /// if the disk has taken nothing for too long.
    pub fn step(
        &mut self,
        states: &mut impl PartitionStates,
        dead_letters: &dyn DeadLetterSink,
    ) -> Option<CheckpointOutcome> {
        let started = self.clock.instant();
        if self.is_stuck(started) {
            return self.give_up(states);
        }
        match self.current.as_ref().map(|current| current.stage) {
            None => self.begin(states),
            Some(Stage::Copying) => self.copy(states),
            Some(Stage::Waiting) => self.finish(dead_letters),
            Some(Stage::Writing) => {}
        }
        let held = self.clock.instant().saturating_duration_since(started);
        self.longest_hold = self.longest_hold.max(held);
        self.spent += held;
        None
    }

    /// Whether applying has had to wait for the disk for too long.
    fn is_stuck(&mut self, now: Instant) -> bool {
        let has_room = self.has_room();
        let Some(current) = &mut self.current else { return false };
        if has_room {
            current.stuck_since = None;
            return false;
        }
        now.saturating_duration_since(*current.stuck_since.get_or_insert(now)) >= PATIENCE
    }

    fn give_up(&mut self, states: &mut impl PartitionStates) -> Option<CheckpointOutcome> {
        let current = self.current.take()?;
        self.checkpoints.send(CheckpointRequest::Abandon(current.id));
        let error = WriteError {
            reason: WriteReason::Io,
            what: format!("write the checkpoint of {}", current.id.dir),
            message: format!("the disk took too little in {PATIENCE:?}"),
        };
        self.failed(&current, states);
        Some(CheckpointOutcome::failed(current.id, error))
    }

    fn failed(&mut self, current: &InProgress, states: &mut impl PartitionStates) {
        states.state(current.slot).end_image();
        self.has_failed = true;
        self.marks[current.slot].failures += 1;
        self.end_round();
    }

    /// After the last partition of a round: no other one for as long as its cost demands.
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

    fn begin(&mut self, states: &mut impl PartitionStates) {
        let Some(slot) = self.round.pop_front() else { return };
        self.ids += 1;
        let id = CheckpointId { dir: self.marks[slot].dir, number: self.ids };
        let (head, image) = states.begin_image(slot, &|| self.checkpoints.sink(id));
        self.current = Some(InProgress {
            slot,
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

    fn copy(&mut self, states: &mut impl PartitionStates) {
        let Some(current) = &mut self.current else { return };
        let state = states.state(current.slot);
        for _ in 0..PIECES_AT_ONCE {
            if self.checkpoints.bytes_in_flight() > MAX_COPIED_AHEAD {
                return;
            }
            let Some(chunk) = state.copy(PIECE) else {
                state.end_image();
                current.stage = Stage::Waiting;
                failpoint("saving.copied");
                return;
            };
            self.checkpoints.send(CheckpointRequest::Pages(current.id, chunk));
        }
    }

    /// A checkpoint must not say of a record that it is set aside before it is.
    fn finish(&mut self, dead_letters: &dyn DeadLetterSink) {
        let Some(current) = &mut self.current else { return };
        if dead_letters.acknowledged_below(PartitionIndex(current.slot as u16), current.next_offset)
            >= current.next_offset
        {
            current.stage = Stage::Writing;
            self.checkpoints.send(CheckpointRequest::Finish(current.id));
        }
    }

    /// Takes note of how a checkpoint ended. None if it is not the one that is being made.
    pub fn report(
        &mut self,
        report: CheckpointOutcome,
        states: &mut impl PartitionStates,
    ) -> Option<CheckpointOutcome> {
        let current = self.current.take_if(|current| current.id == report.id)?;
        let now = self.clock.instant();
        self.spent += report.cpu_time;
        match &report.result {
            Ok(written) => {
                let mark = &mut self.marks[current.slot];
                mark.bytes = written.bytes + written.days_files.iter().map(DaysFile::bytes).sum::<u64>();
                (mark.records, mark.since, mark.failures) = (current.records, current.since, 0);
                self.last_duration = now.saturating_duration_since(current.begun);
                self.end_round();
            }
            Err(_) => self.failed(&current, states),
        }
        Some(report)
    }

    /// Whether the process is to end since nothing can be saved.
    pub fn has_failed_for_good(&self) -> bool {
        self.settings.exit_after_failures.is_some_and(|most| self.marks.iter().any(|mark| mark.failures >= most))
    }
}

/// The partitions as saving sees them.
pub trait PartitionStates {
    fn state(&mut self, slot: usize) -> &mut PartitionState;
    /// Begins an image of a partition; `sink` takes its pages.
    fn begin_image(&mut self, slot: usize, sink: &dyn Fn() -> PageSink) -> (Head, StateImage);
}

#[cfg(test)]
mod tests;
