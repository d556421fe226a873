//! The actions of a run: made from a seed, so that a run can be repeated; a plain list, so that a failing one can be
//! shortened.

use std::fmt;

use pacemeter::clock::{DAY, HOUR, MINUTE, Millis, SECOND};

use super::shared::{LISTS, SEMANTICS};
use crate::oracle::{Step, Time, What};

/// Conditions of a run.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Number of partitions of each topic.
    pub partitions: [usize; 3],
    /// True if the disk may confirm a sync that was not done, and may change bytes.
    pub disk_lies: bool,
    /// True if the topics bound no delay of timestamps, so that cuts may be provisional.
    pub delay_is_unbounded: bool,
}

#[derive(Debug, Clone)]
pub struct Run {
    pub setup: Setup,
    pub actions: Vec<Action>,
}

/// One action. A partition index is taken modulo the number of partitions. An action that makes no sense at its time
/// does nothing.
#[derive(Debug, Clone)]
pub enum Action {
    // The log.
    Append(Step, Defect),
    /// An offset that no record has, as a transaction leaves it.
    Marker {
        partition: u8,
    },
    /// The log loses its last records; if it loses all, the topic was recreated.
    Truncate {
        partition: u8,
        records: Option<u8>,
    },
    /// The log's first records are gone.
    Retention {
        partition: u8,
        records: u8,
    },
    // The client.
    Fetch {
        most: u8,
        order: u64,
    },
    Positions,
    AskEnds {
        unanswered: u8,
    },
    AnswerEnds,
    Serve {
        commit_is_lost: bool,
    },
    // The task.
    Take(u8),
    Step(u8),
    TakeOutcome,
    Publish,
    Commit,
    // The checkpoint thread.
    WriteCheckpoint(u8),
    // All of them, for a number of rounds.
    Rounds(u8),
    AckDeadLetters {
        most: u8,
        are_written: bool,
    },
    Pass {
        time: Millis,
        jump: Millis,
    },
    Disk(DiskFault),
    // The process.
    Start(Config),
    Crash {
        pattern: u64,
    },
    /// Dies while a cut is stored, after a number of calls of the disk.
    CrashInCut {
        after: u8,
        pattern: u64,
    },
    /// Stops in order, possibly with a crash after a number of steps.
    Stop {
        crash: Option<(u8, u64)>,
        letters_are_written: bool,
    },
    /// Compares state and figures.
    Check,
}

/// Defect of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    None,
    Empty,
    Truncated,
    Future,
}

#[derive(Debug, Clone, Copy)]
pub enum DiskFault {
    /// A later call fails, after `after` others; half of its bytes may be written.
    Fail {
        after: u8,
        is_full: bool,
    },
    Full,
    /// Nothing fails any more, and everything written is durable.
    Repaired,
    /// From now on no sync makes anything durable.
    Lies,
    /// Some bits of a file flip.
    Decay {
        pattern: u64,
    },
    /// Every call after `after` others fails until the crash, as for a process that is dead.
    Dies {
        after: u8,
    },
}

/// Options with which a process starts.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    pub list: usize,
    pub semantic_settings: usize,
    pub rebuild_mismatch: bool,
    pub rebuild_missing: bool,
    pub accept_lost_history: bool,
    /// Number of unsaved records from which on a checkpoint starts.
    pub records: u64,
    /// Number of records that the task applies at once.
    pub step_records: usize,
    pub exit_after_failures: Option<u32>,
    /// True if the ends of the logs are known at the start.
    pub ends_known: bool,
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:?}", self.setup)?;
        for (number, action) in self.actions.iter().enumerate() {
            writeln!(formatter, "{number:4}  {action:?}")?;
        }
        Ok(())
    }
}

impl Run {
    pub fn of(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let few = random.u8(..10) < 7;
        let mut partitions = || if !few && random.bool() { 2 } else { 1 };
        let setup = Setup {
            partitions: [partitions(), partitions(), partitions()],
            disk_lies: random.u8(..10) < 2,
            delay_is_unbounded: seed.is_multiple_of(2),
        };
        let pace = *random.choice(&[20 * SECOND, 10 * MINUTE, 3 * HOUR, DAY, 4 * DAY]).expect("some");
        let length = random.usize(20..if few { 140 } else { 320 });
        let mut generator =
            Generator { random, setup: setup.clone(), pace, list: 0, semantic_settings: 0, is_up: false };
        let mut actions = Vec::new();
        while actions.len() < length {
            generator.next(&mut actions);
        }
        Self { setup, actions }
    }
}

struct Generator {
    random: fastrand::Rng,
    setup: Setup,
    pace: Millis,
    list: usize,
    semantic_settings: usize,
    /// True if the process runs, as far as can be known here.
    is_up: bool,
}

impl Generator {
    fn next(&mut self, actions: &mut Vec<Action>) {
        if !self.is_up && self.random.u8(..4) == 0 {
            // Flipped bits are best found by the next start.
            if self.setup.disk_lies && self.chance(30) {
                actions.push(Action::Disk(DiskFault::Decay { pattern: self.random.u64(..) }));
            }
            actions.push(self.start());
            return;
        }
        let action = match self.random.u16(..1_000) {
            0..320 => self.append(),
            320..335 => Action::Marker { partition: self.random.u8(..) },
            335..435 => Action::Fetch { most: self.random.u8(1..24), order: self.random.u64(..) },
            435..460 => Action::Positions,
            460..490 => Action::AskEnds { unanswered: if self.chance(10) { self.random.u8(..8) } else { u8::MAX } },
            490..520 => Action::AnswerEnds,
            520..550 => Action::Serve { commit_is_lost: self.chance(30) },
            550..630 => Action::Take(self.random.u8(1..5)),
            630..690 => Action::Step(self.random.u8(1..6)),
            690..720 => Action::TakeOutcome,
            720..740 => Action::Publish,
            740..750 => Action::Commit,
            750..830 => Action::WriteCheckpoint(self.random.u8(1..12)),
            830..870 => Action::Rounds(self.random.u8(1..5)),
            870..900 => Action::AckDeadLetters { most: self.random.u8(1..6), are_written: !self.chance(15) },
            900..920 => self.pass(),
            920..945 => self.disk_fault(),
            945..950 => {
                self.is_up = false;
                Action::CrashInCut { after: self.random.u8(..24), pattern: self.random.u64(..) }
            }
            950..965 => {
                self.is_up = false;
                Action::Crash { pattern: self.random.u64(..) }
            }
            965..975 => {
                self.is_up = false;
                let crash = self.chance(40).then(|| (self.random.u8(..40), self.random.u64(..)));
                Action::Stop { crash, letters_are_written: !self.chance(20) }
            }
            975..979 => self.start(),
            979..981 => Action::Truncate {
                partition: self.random.u8(..),
                records: (!self.chance(25)).then(|| self.random.u8(1..12)),
            },
            981..984 => Action::Retention { partition: self.random.u8(..), records: self.random.u8(1..12) },
            _ => Action::Check,
        };
        actions.push(action);
    }

    fn chance(&mut self, percent: u8) -> bool {
        self.random.u8(..100) < percent
    }

    fn pass(&mut self) -> Action {
        let jump = if self.chance(30) { self.random.i64(-DAY..3 * DAY) } else { 0 };
        Action::Pass { time: self.random.i64(0..40 * SECOND), jump }
    }

    fn disk_fault(&mut self) -> Action {
        let is_full = self.random.bool();
        Action::Disk(match self.random.u8(..10) {
            0..4 => DiskFault::Fail { after: self.random.u8(..30), is_full },
            4 => DiskFault::Full,
            5 | 6 if self.setup.disk_lies => DiskFault::Lies,
            7 | 8 if self.setup.disk_lies => DiskFault::Decay { pattern: self.random.u64(..) },
            _ => DiskFault::Repaired,
        })
    }

    fn start(&mut self) -> Action {
        self.is_up = true;
        if self.chance(20) {
            self.list = (self.list + 1).min(LISTS - 1);
        }
        if self.chance(5) {
            self.semantic_settings = self.random.usize(..SEMANTICS);
        }
        Action::Start(Config {
            list: self.list,
            semantic_settings: self.semantic_settings,
            rebuild_mismatch: self.chance(40),
            rebuild_missing: !self.chance(30),
            accept_lost_history: self.chance(30),
            records: self.random.u64(1..30),
            step_records: self.random.usize(1..24),
            exit_after_failures: self.chance(20).then_some(3),
            ends_known: !self.chance(5),
        })
    }

    fn append(&mut self) -> Action {
        let (random, pace) = (&mut self.random, self.pace);
        let what = match random.u8(..19) {
            0..12 => What::Disbursement {
                kind: random.usize(..5),
                programme: random.usize(..4),
                state: random.usize(..5),
                person: random.u8(..6),
                credit: random.u8(..10),
                amount: random.u64(1..5),
            },
            12..16 => What::Call {
                kind: random.usize(..4),
                call: random.u8(..8),
                queue: random.usize(..3),
                seconds: random.bool().then(|| random.u32(..4_000)),
            },
            16 | 17 => What::Agent {
                agent: random.u8(..4),
                site: random.bool().then(|| random.usize(..3)),
                status: random.usize(..5),
            },
            _ => What::Milestone {
                kind: random.usize(..2),
                initiative: random.usize(..3),
                milestone: random.usize(..3),
                quantity: random.bool().then(|| random.u32(1..9)),
            },
        };
        let time = match random.u8(..10) {
            0..6 => Time::Ahead(random.i64(0..=2 * pace)),
            6 | 7 => Time::Behind(random.i64(0..=5 * pace)),
            8 => Time::Behind(random.i64(0..=60 * DAY)),
            _ => Time::Same,
        };
        let defect = *random.choice(&[Defect::Empty, Defect::Truncated, Defect::Future]).expect("some");
        let defect = if random.u8(..12) == 0 { defect } else { Defect::None };
        let id = (random.u8(..100) < 18).then(|| random.u8(..));
        Action::Append(Step { partition: random.usize(..2), what, id, time }, defect)
    }
}
