//! One run: carries out its actions and checks the invariants.

use std::collections::BTreeSet;

use pacemeter::clock::{Clock, DAY, HOUR, Millis, Timestamp};
use pacemeter::oracle::SeriesValues;
use pacemeter::runtime::{Exit, Failure};

use super::actions::{Action, Config, DiskFault, Run};
use super::dead_letters::SimDeadLetters;
use super::disk::SimDisk;
use super::logs::Logs;
use super::process::Process;
use super::reference::{Shadow, differences, expected, exposed, index_of, lowered};
use super::shared::Shared;
use super::stats::Stats;
use crate::oracle::START;

/// Bounds of the difference between wall clock and logs.
const SKEW: std::ops::Range<Millis> = -DAY..20 * DAY;
/// Figures are compared at one in this many restarts that become live, because they take most of the time; state is
/// compared at all of them.
const LIVES_COMPARED: u64 = 3;
/// Maximum number of steps of a stop in order.
const STOP_STEPS: u32 = 600;

/// Reason why a run fails.
pub type Fault = String;

pub struct World<'a> {
    pub(super) shared: &'a Shared,
    pub(super) disk_lies: bool,
    pub(super) clock: Clock,
    skew: Millis,
    pub(super) logs: Logs,
    pub(super) disk: SimDisk,
    pub(super) dead_letters: SimDeadLetters,
    pub(super) process: Option<Process<'a>>,
    partitions: Vec<Expectation>,
    /// Variants of the semantic settings under which state may have been built.
    variants: BTreeSet<usize>,
    /// Last figures shown, and the time at which their state began to be built.
    seen: Option<(Timestamp, SeriesValues)>,
    /// True if the running process has shown figures.
    was_live: bool,
    /// Failure of the last process that could not continue.
    pub(super) last_failure: Option<Failure>,
    pub last_config: Config,
    pub stats: Stats,
}

/// Expectation of a partition.
#[derive(Default)]
struct Expectation {
    /// Next offset of the newest checkpoint that was reported as written.
    saved: Option<i64>,
    /// True if the log has lost records at its end.
    was_truncated: bool,
    log_match: LogMatch,
    shadow: Option<Shadow>,
}

/// Relation of the running process's state to the log.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum LogMatch {
    #[default]
    Equal,
    /// The log was truncated before the process began to read: it must never show figures.
    Different,
    /// The log was truncated while the process read it, which the client reports.
    Truncated,
}

impl<'a> World<'a> {
    pub fn new(shared: &'a Shared, run: &Run) -> Self {
        let logs = Logs::new(&run.setup);
        Self {
            shared,
            disk_lies: run.setup.disk_lies,
            clock: Clock::manual(START + HOUR),
            skew: 0,
            disk: SimDisk::default(),
            dead_letters: SimDeadLetters::default(),
            process: None,
            partitions: logs.logs.iter().map(|_| Expectation::default()).collect(),
            logs,
            variants: BTreeSet::new(),
            seen: None,
            was_live: false,
            last_failure: None,
            last_config: Config {
                list: 0,
                semantic_settings: 0,
                rebuild_mismatch: true,
                rebuild_missing: true,
                accept_lost_history: true,
                records: 10,
                step_records: 10,
                exit_after_failures: None,
                ends_known: true,
            },
            stats: Stats::default(),
        }
    }

    pub fn act(&mut self, action: &Action) -> Result<(), Fault> {
        match action {
            Action::Append(step, defect) => self.logs.append(step, *defect, &self.shared.decoder, &self.clock),
            Action::Marker { partition } => {
                self.logs.logs[usize::from(*partition) % self.partitions.len()].entries.push(None)
            }
            Action::Truncate { partition, records } => {
                self.truncate(usize::from(*partition) % self.partitions.len(), *records)
            }
            Action::Retention { partition, records } => {
                self.retain(usize::from(*partition) % self.partitions.len(), *records)
            }
            Action::AckDeadLetters { most, are_written } => self.dead_letters.settle(usize::from(*most), *are_written),
            Action::Pass { time, jump } => self.pass(*time, *jump),
            Action::Disk(fault) => self.disk.inject(*fault),
            Action::Start(config) => return self.start(*config),
            Action::Crash { pattern } => self.crash(*pattern),
            Action::CrashInCut { after, pattern } => self.crash_in_cut(*after, *pattern),
            Action::Stop { crash, letters_are_written } => return self.stop(*crash, *letters_are_written),
            Action::Check => return self.check(),
            Action::Rounds(rounds) => return (0..*rounds).try_for_each(|_| self.round(12)),
            action => return self.act_in_process(action),
        }
        Ok(())
    }

    fn act_in_process(&mut self, action: &Action) -> Result<(), Fault> {
        let Self { process: Some(process), logs, .. } = self else { return Ok(()) };
        let mut result = Ok(());
        match action {
            Action::Fetch { most, order } => process.fetch(logs, usize::from(*most), *order),
            Action::Positions => process.report_positions(logs),
            Action::AskEnds { unanswered } => process.ask_ends(logs, *unanswered),
            Action::AnswerEnds => process.answer_ends(),
            Action::Serve { commit_is_lost } => process.serve(logs, *commit_is_lost),
            Action::Take(most) => result = process.take(usize::from(*most)),
            Action::Step(count) => result = (0..*count).try_for_each(|_| process.worker.step()),
            Action::TakeOutcome => result = process.report(),
            Action::Commit => process.worker.commit(),
            Action::WriteCheckpoint(steps) => (0..*steps).for_each(|_| self.step_checkpoint_thread()),
            Action::Publish => return self.publish(),
            _ => unreachable!("carried out by `act`"),
        }
        self.ended(result)
    }

    /// Carries out one round of everything, with `steps` of the checkpoint thread.
    pub fn round(&mut self, steps: usize) -> Result<(), Fault> {
        let Self { process: Some(process), logs, .. } = self else { return Ok(()) };
        process.serve(logs, false);
        process.fetch(logs, 30, 1);
        process.report_positions(logs);
        process.ask_ends(logs, u8::MAX);
        process.answer_ends();
        let mut result = process.take(400);
        if result.is_ok() {
            result = process.worker.step().and_then(|()| process.report());
        }
        self.ended(result)?;
        (0..steps).for_each(|_| self.step_checkpoint_thread());
        self.publish()
    }

    fn step_checkpoint_thread(&mut self) {
        let outcome = self.process.as_mut().and_then(|process| process.step_checkpoint_thread());
        let Some(outcome) = outcome else { return };
        match &outcome.result {
            Ok(written) => {
                self.stats.checkpoints += 1;
                let index = index_of(&self.logs, written.head.stream, written.head.partition);
                self.partitions[index].saved = Some(written.head.next_offset);
            }
            Err(_) => self.stats.failed_checkpoints += 1,
        }
    }

    fn pass(&mut self, time: Millis, jump: Millis) {
        let jump = if SKEW.contains(&(self.skew + time + jump)) { jump } else { 0 };
        self.skew += time + jump;
        self.clock.advance(time, jump);
    }

    /// Removes records at the end of a log; all of them if `records` is `None`.
    fn truncate(&mut self, index: usize, records: Option<u8>) {
        let (log, known) = (&mut self.logs.logs[index], &mut self.partitions[index]);
        let end = records.map_or(0, |records| (log.end() - i64::from(records)).max(log.low));
        if end == log.end() {
            return;
        }
        log.entries.truncate(end as usize);
        log.version += 1;
        log.low = log.low.min(end);
        (known.was_truncated, self.seen) = (true, None);
        self.stats.truncations += 1;
        let Some(process) = &mut self.process else { return };
        let next_offset = process.worker.states().nth(index).map_or(0, |state| state.next_offset());
        if process.positions[index] > end {
            known.log_match = LogMatch::Truncated;
            process.halt(index);
        } else if next_offset > end {
            known.log_match = LogMatch::Different;
        }
    }

    /// Removes records at the beginning of a log.
    fn retain(&mut self, index: usize, records: u8) {
        let log = &mut self.logs.logs[index];
        // Once retention passes a truncation, the log can no longer be distinguished from the one before.
        if self.partitions[index].was_truncated {
            return;
        }
        log.low = (log.low + i64::from(records)).min(log.end());
        let low = log.low;
        if let Some(process) = self.process.as_mut().filter(|process| process.positions[index] < low) {
            process.halt(index);
        }
    }

    pub(super) fn start(&mut self, config: Config) -> Result<(), Fault> {
        if self.process.is_some() {
            return Ok(());
        }
        self.clock.advance(1, 0);
        self.variants.insert(config.semantic_settings);
        self.last_config = config;
        let failures = self.disk.failures();
        let damaged = self.damaged();
        let started = Process::start(self.shared, config, &self.logs, &self.disk, &self.dead_letters, &self.clock);
        let has_failed_to_read = self.disk.failures() > failures;
        if !self.disk_lies && !has_failed_to_read && self.damaged() > damaged {
            return Err("a checkpoint is damaged though the disk is honest".to_owned());
        }
        self.was_live = false;
        self.stats.starts += 1;
        match started {
            Ok(process) => {
                self.process = Some(process);
                self.check_cuts(has_failed_to_read)?;
                self.check_restored(has_failed_to_read)
            }
            Err(failure) => self.judge(&failure, config, has_failed_to_read),
        }
    }

    /// Number of files found damaged so far.
    fn damaged(&self) -> u64 {
        let kinds = ["unreadable", "foreign", "newer", "unfinished", "checksum", "malformed", "days", "misplaced"];
        kinds.iter().map(|kind| self.shared.metrics.checkpoints.damaged.with_label_values(&[kind]).get()).sum()
    }

    /// Checks that the restored state is that of the log, and includes the newest checkpoint reported as written.
    fn check_restored(&mut self, has_failed_to_read: bool) -> Result<(), Fault> {
        let Self { process: Some(process), logs, partitions, variants, dead_letters, .. } = self else { return Ok(()) };
        for ((state, log), known) in process.worker.states().zip(&logs.logs).zip(partitions) {
            let (first, next) = (state.first_offset(), state.next_offset());
            let mut shadow =
                Shadow::of(known.shadow.take(), log, process.variant, process.config.semantic_settings, first, next);
            let place = format!("{} {}", log.partition.topic, log.partition.partition);
            let is_equal = shadow.equals(state);
            if !is_equal && !known.was_truncated {
                return Err(format!("{place}: the restored state of offsets {first} to {next} is not that of the log"));
            }
            known.log_match = if is_equal { LogMatch::Equal } else { LogMatch::Different };
            let is_new = state.records() == 0;
            let may_rebuild =
                process.config.rebuild_mismatch && (variants.len() > 1 || known.was_truncated || log.low > 0);
            if let Some(saved) = known.saved.take_if(|saved| next < *saved) {
                let is_excused = self.disk_lies || has_failed_to_read || (is_new && may_rebuild);
                if !is_excused {
                    return Err(format!(
                        "{place}: a checkpoint up to {saved} was written, but the restored state ends at {next}"
                    ));
                }
            }
            // A record that only other settings reject may lie below the offset that an earlier process committed.
            let is_comparable = is_equal && !known.was_truncated && variants.len() == 1;
            let is_unsettled =
                |offset: &i64| log.entry(*offset).is_some_and(|entry| !dead_letters.is_settled(&entry.key));
            if let Some(offset) =
                shadow.dead_letters().iter().find(|offset| is_unsettled(offset)).filter(|_| is_comparable)
            {
                return Err(format!(
                    "{place}: offset {offset} was rejected or expired, but its dead letter never written"
                ));
            }
            known.shadow = Some(shadow);
        }
        Ok(())
    }

    /// Ends the process, and checks that its failure has a reason.
    fn judge(&mut self, failure: &Failure, config: Config, has_failed_to_read: bool) -> Result<(), Fault> {
        if let Some(process) = self.process.take() {
            process.end();
        }
        let logs = self.logs.logs.iter().zip(&self.partitions);
        let is_excused = match failure.exit {
            Exit::StateUnusable => {
                let log_changed = logs.clone().any(|(log, known)| known.was_truncated || log.low > 0);
                let is_missing = !config.rebuild_missing && logs.clone().any(|(_, known)| known.saved.is_none());
                log_changed || is_missing || self.variants.len() > 1 || self.disk_lies || has_failed_to_read
            }
            Exit::Disk => has_failed_to_read || config.exit_after_failures.is_some(),
            _ => false,
        };
        self.stats.ended(failure.exit);
        self.last_failure = Some(failure.clone());
        if is_excused {
            Ok(())
        } else {
            Err(format!("the process ended with {} without a reason: {failure}", failure.exit.code()))
        }
    }

    /// Takes the result of a step, which may have ended the process.
    fn ended(&mut self, result: Result<(), Failure>) -> Result<(), Fault> {
        match result {
            Ok(()) => Ok(()),
            Err(failure) => self.judge(&failure, self.last_config, false),
        }
    }

    pub(super) fn crash(&mut self, pattern: u64) {
        let Some(process) = self.process.take() else { return };
        process.end();
        self.disk.crash(pattern);
        self.stats.crashes += 1;
    }

    /// Stops the process in order, as `task` does.
    pub(super) fn stop(&mut self, mut crash: Option<(u8, u64)>, letters_are_written: bool) -> Result<(), Fault> {
        let Some(process) = &mut self.process else { return Ok(()) };
        self.dead_letters.set_flush(letters_are_written);
        let result = process.begin_stop();
        self.ended(result)?;
        self.look(false)?;
        let mut steps = 0;
        for _ in 0..2 {
            let Some(process) = &mut self.process else { return Ok(()) };
            process.worker.save_all();
            while let Some(process) = self.process.as_mut().filter(|process| process.worker.is_saving()) {
                steps += 1;
                if let Some((left, pattern)) = &mut crash {
                    if *left == 0 {
                        let pattern = *pattern;
                        self.crash(pattern);
                        return Ok(());
                    }
                    *left -= 1;
                }
                // Stands for the deadline: dead letters may never be acknowledged.
                if steps > STOP_STEPS {
                    break;
                }
                let result = process.worker.step().and_then(|()| process.report());
                self.ended(result)?;
                self.step_checkpoint_thread();
            }
        }
        let Some(mut process) = self.process.take() else { return Ok(()) };
        process.worker.commit();
        process.serve(&mut self.logs, false);
        process.end();
        self.stats.stops += 1;
        Ok(())
    }

    fn publish(&mut self) -> Result<(), Fault> {
        let Some(process) = &mut self.process else { return Ok(()) };
        process.publish();
        self.look(false)
    }

    fn check(&mut self) -> Result<(), Fault> {
        let Some(process) = &mut self.process else { return Ok(()) };
        process.publish();
        self.check_states()?;
        self.look(true)
    }

    pub(super) fn check_states(&mut self) -> Result<(), Fault> {
        let Self { process: Some(process), logs, partitions, .. } = self else { return Ok(()) };
        for ((state, log), known) in process.worker.states().zip(&logs.logs).zip(partitions) {
            if known.log_match != LogMatch::Equal {
                continue;
            }
            let (first, next) = (state.first_offset(), state.next_offset());
            let mut shadow =
                Shadow::of(known.shadow.take(), log, process.variant, process.config.semantic_settings, first, next);
            if !shadow.equals(state) {
                let topic = &log.partition.topic;
                return Err(format!(
                    "{topic} {}: state of offsets {first} to {next} is not that of the log",
                    log.partition.partition
                ));
            }
            known.shadow = Some(shadow);
        }
        self.stats.digests += 1;
        Ok(())
    }

    /// Compares what was published: when the process becomes live, and later if `always`.
    fn look(&mut self, always: bool) -> Result<(), Fault> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let snapshot = process.snapshot();
        if !snapshot.has_figures() {
            return Ok(());
        }
        let is_any = |log_match| self.partitions.iter().any(|known| known.log_match == log_match);
        if is_any(LogMatch::Different) {
            return Err("figures are shown of a log that no longer exists".to_owned());
        }
        if (self.was_live && !always) || is_any(LogMatch::Truncated) {
            return Ok(());
        }
        if !std::mem::replace(&mut self.was_live, true) {
            self.stats.lives += 1;
            if !always && !self.stats.lives.is_multiple_of(LIVES_COMPARED) {
                return self.check_states();
            }
        }
        self.compare_figures()
    }

    fn compare_figures(&mut self) -> Result<(), Fault> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let snapshot = process.snapshot();
        let offsets: Vec<_> =
            process.worker.states().map(|state| (state.first_offset(), state.next_offset())).collect();
        let exposed = exposed(process, self.shared, &self.clock);
        let expected = expected(process.variant, &self.logs, &offsets, &self.clock);
        if let Some(differences) = differences(&expected, &exposed) {
            return Err(differences);
        }
        // Two rebuilds without a checkpoint between them, under a clock that was set back, may have the same build
        // time.
        let is_behind = self.clock.now() <= snapshot.built;
        if let Some((built, before)) = &self.seen
            && *built == snapshot.built
            && !is_behind
            && let Some(lower) = lowered(before, &exposed)
        {
            return Err(format!("a counter went down although state was not rebuilt: {lower}"));
        }
        self.seen = Some((snapshot.built, exposed));
        self.stats.comparisons += 1;
        Ok(())
    }

    pub fn is_live(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.snapshot().has_figures())
    }

    /// Ends all faults of the disk.
    pub(super) fn repair_disk(&mut self) {
        self.disk.inject(DiskFault::Repaired);
    }

    /// Removes the state of partitions whose log was truncated, as the operator does with `state rebuild`.
    pub(super) fn rebuild_truncated(&mut self) {
        for (log, known) in self.logs.logs.iter().zip(&mut self.partitions).filter(|(_, known)| known.was_truncated) {
            let dir = pacemeter::checkpoint::PartitionDir {
                stream: log.partition.stream,
                partition: log.partition.partition,
            };
            self.disk.remove_all(&format!("{}/{dir}/", pacemeter::checkpoint::DIRECTORY));
            known.saved = None;
        }
    }

    /// Next offset of each state, by partition index.
    pub(super) fn next_offsets(&mut self) -> Vec<i64> {
        self.process
            .as_mut()
            .map_or_else(Vec::new, |process| process.worker.states().map(|state| state.next_offset()).collect())
    }

    /// Number of records in each state, by partition index.
    pub(super) fn records(&mut self) -> Vec<u64> {
        self.process
            .as_mut()
            .map_or_else(Vec::new, |process| process.worker.states().map(|state| state.records()).collect())
    }
}
