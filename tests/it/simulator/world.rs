//! One run: carries out its actions and looks whether what must hold does.

use std::collections::BTreeSet;

use pacemeter::clock::{Clock, DAY, HOUR, Millis};
use pacemeter::oracle::SeriesValues;
use pacemeter::runtime::{Exit, Failure};

use super::actions::{Action, Config, DiskFault, Run};
use super::disk::SimDisk;
use super::letters::PostOffice;
use super::logs::Logs;
use super::process::Process;
use super::reference::{Shadow, differences, expected, exposed, index_of, lowered};
use super::shared::Shared;
use super::stats::Stats;
use crate::oracle::START;

/// How far the wall clock may be set ahead of the logs, and back.
const SKEW: std::ops::Range<Millis> = -DAY..20 * DAY;
/// Of the restarts that become live, the figures of one in so many are compared, and of every one the state: figures take most of the time.
const LIVES_COMPARED: u64 = 3;
/// Steps that an end in order may take.
const STOP_STEPS: u32 = 600;

/// Why a run fails.
pub type Fault = String;

pub struct World<'a> {
    pub(super) shared: &'a Shared,
    pub(super) disk_lies: bool,
    pub(super) clock: Clock,
    skew: Millis,
    pub(super) logs: Logs,
    pub(super) disk: SimDisk,
    pub(super) post: PostOffice,
    pub(super) process: Option<Process<'a>>,
    partitions: Vec<Known>,
    /// Under which the state may have been built.
    meanings: BTreeSet<usize>,
    /// The last figures that were shown, and when their state was begun to be built.
    seen: Option<(Millis, SeriesValues)>,
    /// Of this process.
    was_live: bool,
    /// Why the last process ended that could not go on.
    pub(super) last_failure: Option<Failure>,
    pub last_config: Config,
    pub stats: Stats,
}

/// What is known of a partition.
#[derive(Default)]
struct Known {
    /// Up to where the newest checkpoint goes of which it was said that it is safe.
    saved: Option<i64>,
    /// Its log lost records at its end.
    was_cut: bool,
    standing: Standing,
    shadow: Option<Shadow>,
}

/// How the state of the running process stands to the log.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Standing {
    #[default]
    Equal,
    /// It is of a log that was cut before the process began to read: it must never show figures.
    Other,
    /// The log was cut under it, and the process will hear.
    Overtaken,
}

impl<'a> World<'a> {
    pub fn new(shared: &'a Shared, run: &Run) -> Self {
        let logs = Logs::new(run.setup.partitions);
        Self {
            shared,
            disk_lies: run.setup.disk_lies,
            clock: Clock::manual(START + HOUR),
            skew: 0,
            disk: SimDisk::default(),
            post: PostOffice::default(),
            process: None,
            partitions: logs.logs.iter().map(|_| Known::default()).collect(),
            logs,
            meanings: BTreeSet::new(),
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
                self.cut(usize::from(*partition) % self.partitions.len(), *records)
            }
            Action::Retention { partition, records } => {
                self.retain(usize::from(*partition) % self.partitions.len(), *records)
            }
            Action::AckDeadLetters { most, are_written } => self.post.settle(usize::from(*most), *are_written),
            Action::Pass { time, jump } => self.pass(*time, *jump),
            Action::Disk(fault) => self.disk.inject(*fault),
            Action::Start(config) => return self.start(*config),
            Action::Crash { pattern } => self.crash(*pattern),
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
            Action::Positions => process.tell_positions(logs),
            Action::AskEnds { unanswered } => process.ask_ends(logs, *unanswered),
            Action::AnswerEnds => process.answer_ends(),
            Action::Serve { commit_is_lost } => process.serve(logs, *commit_is_lost),
            Action::Take(most) => result = process.take(usize::from(*most)),
            Action::Step(count) => result = (0..*count).try_for_each(|_| process.worker.step()),
            Action::TakeOutcome => result = process.report(),
            Action::Commit => process.worker.commit(),
            Action::WriteCheckpoint(steps) => (0..*steps).for_each(|_| self.keep()),
            Action::Publish => return self.publish(),
            _ => unreachable!("the world does it"),
        }
        self.ended(result)
    }

    /// A fair round of everything, with so many steps of the writing thread.
    pub fn round(&mut self, keeps: usize) -> Result<(), Fault> {
        let Self { process: Some(process), logs, .. } = self else { return Ok(()) };
        process.serve(logs, false);
        process.fetch(logs, 30, 1);
        process.tell_positions(logs);
        process.ask_ends(logs, u8::MAX);
        process.answer_ends();
        let mut result = process.take(100);
        if result.is_ok() {
            result = process.worker.step().and_then(|()| process.report());
        }
        self.ended(result)?;
        (0..keeps).for_each(|_| self.keep());
        self.publish()
    }

    fn keep(&mut self) {
        let Some(report) = self.process.as_mut().and_then(|process| process.keep()) else { return };
        match &report.result {
            Ok(written) => {
                self.stats.checkpoints += 1;
                let slot = index_of(&self.logs, written.head.stream, written.head.partition);
                self.partitions[slot].saved = Some(written.head.next_offset);
            }
            Err(_) => self.stats.failed_checkpoints += 1,
        }
    }

    fn pass(&mut self, time: Millis, jump: Millis) {
        let jump = if SKEW.contains(&(self.skew + time + jump)) { jump } else { 0 };
        self.skew += time + jump;
        self.clock.advance(time, jump);
    }

    fn cut(&mut self, slot: usize, records: Option<u8>) {
        let (log, known) = (&mut self.logs.logs[slot], &mut self.partitions[slot]);
        let end = records.map_or(0, |records| (log.end() - i64::from(records)).max(log.low));
        if end == log.end() {
            return;
        }
        log.entries.truncate(end as usize);
        log.version += 1;
        log.low = log.low.min(end);
        (known.was_cut, self.seen) = (true, None);
        self.stats.truncations += 1;
        let Some(process) = &mut self.process else { return };
        let next_offset = process.worker.states().nth(slot).map_or(0, |state| state.next_offset());
        if process.positions[slot] > end {
            known.standing = Standing::Overtaken;
            process.halt(slot);
        } else if next_offset > end {
            known.standing = Standing::Other;
        }
    }

    fn retain(&mut self, slot: usize, records: u8) {
        let log = &mut self.logs.logs[slot];
        // What was cut and then passed by retention cannot be told from what it was before.
        if self.partitions[slot].was_cut {
            return;
        }
        log.low = (log.low + i64::from(records)).min(log.end());
        let low = log.low;
        if let Some(process) = self.process.as_mut().filter(|process| process.positions[slot] < low) {
            process.halt(slot);
        }
    }

    pub(super) fn start(&mut self, config: Config) -> Result<(), Fault> {
        if self.process.is_some() {
            return Ok(());
        }
        self.clock.advance(1, 0);
        self.meanings.insert(config.semantic_settings);
        self.last_config = config;
        let failures = self.disk.failures();
        let damaged = self.damaged();
        let started = Process::start(self.shared, config, &self.logs, &self.disk, &self.post, &self.clock);
        let has_failed_to_read = self.disk.failures() > failures;
        if !self.disk_lies && !has_failed_to_read && self.damaged() > damaged {
            return Err("a checkpoint is damaged though the disk is honest".to_owned());
        }
        self.was_live = false;
        self.stats.starts += 1;
        match started {
            Ok(process) => {
                self.process = Some(process);
                self.check_restored(has_failed_to_read)
            }
            Err(failure) => self.judge(&failure, config, has_failed_to_read),
        }
    }

    /// Files that were found damaged so far.
    fn damaged(&self) -> u64 {
        let kinds = ["unreadable", "foreign", "newer", "unfinished", "checksum", "malformed", "days", "misplaced"];
        kinds.iter().map(|kind| self.shared.metrics.checkpoints.damaged.with_label_values(&[kind]).get()).sum()
    }

    /// What a process goes on from must be what the log says, and no less than what was said to be safe.
    fn check_restored(&mut self, has_failed_to_read: bool) -> Result<(), Fault> {
        let Self { process: Some(process), logs, partitions, meanings, post, .. } = self else { return Ok(()) };
        for ((state, log), known) in process.worker.states().zip(&logs.logs).zip(partitions) {
            let (first, next) = (state.first_offset(), state.next_offset());
            let mut shadow =
                Shadow::of(known.shadow.take(), log, process.variant, process.config.semantic_settings, first, next);
            let place = format!("{} {}", log.partition.topic, log.partition.partition);
            let is_equal = shadow.equals(state);
            if !is_equal && !known.was_cut {
                return Err(format!(
                    "{place}: the state restored, of offsets {first} to {next}, is not what the log says"
                ));
            }
            known.standing = if is_equal { Standing::Equal } else { Standing::Other };
            let is_new = state.records() == 0;
            let may_rebuild = process.config.rebuild_mismatch && (meanings.len() > 1 || known.was_cut || log.low > 0);
            if let Some(saved) = known.saved.take_if(|saved| next < *saved) {
                let is_excused = self.disk_lies || has_failed_to_read || (is_new && may_rebuild);
                if !is_excused {
                    return Err(format!(
                        "{place}: a checkpoint up to {saved} was written, and the state restored ends at {next}"
                    ));
                }
            }
            // What only other settings set aside, an earlier process has committed as done.
            let is_comparable = is_equal && !known.was_cut && meanings.len() == 1;
            let is_unsettled = |offset: &i64| log.entry(*offset).is_some_and(|entry| !post.is_settled(&entry.key));
            if let Some(offset) =
                shadow.dead_letters().iter().find(|offset| is_unsettled(offset)).filter(|_| is_comparable)
            {
                return Err(format!("{place}: offset {offset} was set aside and never written to the dead letters"));
            }
            known.shadow = Some(shadow);
        }
        Ok(())
    }

    /// Whether a process may end so.
    fn judge(&mut self, failure: &Failure, config: Config, has_failed_to_read: bool) -> Result<(), Fault> {
        if let Some(process) = self.process.take() {
            process.end();
        }
        let logs = self.logs.logs.iter().zip(&self.partitions);
        let is_excused = match failure.exit {
            Exit::StateUnusable => {
                let log_changed = logs.clone().any(|(log, known)| known.was_cut || log.low > 0);
                let is_missing = !config.rebuild_missing && logs.clone().any(|(_, known)| known.saved.is_none());
                log_changed || is_missing || self.meanings.len() > 1 || self.disk_lies || has_failed_to_read
            }
            Exit::Disk => has_failed_to_read || config.exit_after_failures.is_some(),
            _ => false,
        };
        self.stats.ended(failure.exit);
        self.last_failure = Some(failure.clone());
        if is_excused {
            Ok(())
        } else {
            Err(format!("the process ended with {} for no reason: {failure}", failure.exit.code()))
        }
    }

    /// Takes note of a process that cannot go on.
    fn ended(&mut self, result: Result<(), Failure>) -> Result<(), Fault> {
        match result {
            Ok(()) => Ok(()),
            Err(failure) => self.judge(&failure, self.last_config, false),
        }
    }

    fn crash(&mut self, pattern: u64) {
        let Some(process) = self.process.take() else { return };
        process.end();
        self.disk.crash(pattern);
        self.stats.crashes += 1;
    }

    /// As `task` ends in order.
    pub(super) fn stop(&mut self, mut crash: Option<(u8, u64)>, letters_are_written: bool) -> Result<(), Fault> {
        let Some(process) = &mut self.process else { return Ok(()) };
        self.post.set_flush(letters_are_written);
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
                // As a deadline would: letters that nobody acknowledges are waited for in vain.
                if steps > STOP_STEPS {
                    break;
                }
                let result = process.worker.step().and_then(|()| process.report());
                self.ended(result)?;
                self.keep();
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
            if known.standing != Standing::Equal {
                continue;
            }
            let (first, next) = (state.first_offset(), state.next_offset());
            let mut shadow =
                Shadow::of(known.shadow.take(), log, process.variant, process.config.semantic_settings, first, next);
            if !shadow.equals(state) {
                let topic = &log.partition.topic;
                return Err(format!(
                    "{topic} {}: state, of {first} to {next}, is not what the log says",
                    log.partition.partition
                ));
            }
            known.shadow = Some(shadow);
        }
        self.stats.digests += 1;
        Ok(())
    }

    /// A reader looks at what was published: always once it is live, else if told.
    fn look(&mut self, anyway: bool) -> Result<(), Fault> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let snapshot = process.snapshot();
        if !snapshot.has_figures() {
            return Ok(());
        }
        let stands = |standing| self.partitions.iter().any(|known| known.standing == standing);
        if stands(Standing::Other) {
            return Err("figures are shown of a log that is not there any more".to_owned());
        }
        if (self.was_live && !anyway) || stands(Standing::Overtaken) {
            return Ok(());
        }
        if !std::mem::replace(&mut self.was_live, true) {
            self.stats.lives += 1;
            if !anyway && !self.stats.lives.is_multiple_of(LIVES_COMPARED) {
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
        // Twice begun anew with nothing saved in between, under a clock that is behind what it showed before: no two times can be told apart.
        let is_behind = self.clock.now() <= snapshot.built;
        if let Some((built, before)) = &self.seen
            && *built == snapshot.built
            && !is_behind
            && let Some(lower) = lowered(before, &exposed)
        {
            return Err(format!("a counter went down though the state was not built anew: {lower}"));
        }
        self.seen = Some((snapshot.built, exposed));
        self.stats.comparisons += 1;
        Ok(())
    }

    pub fn is_live(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.snapshot().has_figures())
    }

    /// All faults end: without them everything must come right.
    pub(super) fn mend(&mut self) {
        self.disk.inject(DiskFault::Repaired);
    }

    /// What the operator does where the log was cut: `state rebuild`.
    pub(super) fn rebuild_what_was_cut(&mut self) {
        for (log, known) in self.logs.logs.iter().zip(&mut self.partitions).filter(|(_, known)| known.was_cut) {
            let place = pacemeter::checkpoint::PartitionDir {
                stream: log.partition.stream,
                partition: log.partition.partition,
            };
            self.disk.remove_all(&format!("{}/{place}/", pacemeter::checkpoint::DIRECTORY));
            known.saved = None;
        }
    }

    /// By slot: the offset that state goes up to.
    pub(super) fn next_offsets(&mut self) -> Vec<i64> {
        self.process
            .as_mut()
            .map_or_else(Vec::new, |process| process.worker.states().map(|state| state.next_offset()).collect())
    }

    /// By slot: how many records state has taken.
    pub(super) fn records(&mut self) -> Vec<u64> {
        self.process
            .as_mut()
            .map_or_else(Vec::new, |process| process.worker.states().map(|state| state.records()).collect())
    }
}
