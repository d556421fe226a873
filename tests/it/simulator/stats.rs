//! Counts of what runs did. They show that the simulation reaches what it is meant to test.

use std::fmt;
use std::ops::AddAssign;

use pacemeter::runtime::Exit;

#[derive(Debug, Default, Clone, Copy)]
pub struct Stats {
    pub runs: u64,
    pub starts: u64,
    pub lives: u64,
    pub crashes: u64,
    /// Crashes while a cut was stored.
    pub crashes_in_cuts: u64,
    /// Partitions of provisional cuts that starts found settled, and late.
    pub settled: u64,
    pub late: u64,
    pub stops: u64,
    pub checkpoints: u64,
    pub failed_checkpoints: u64,
    pub truncations: u64,
    pub unusable: u64,
    pub disk_ends: u64,
    pub digests: u64,
    pub comparisons: u64,
    pub operator_rebuilds: u64,
}

impl Stats {
    pub fn ended(&mut self, exit: Exit) {
        match exit {
            Exit::Disk => self.disk_ends += 1,
            _ => self.unusable += 1,
        }
    }
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.starts += other.starts;
        self.lives += other.lives;
        self.crashes += other.crashes;
        self.crashes_in_cuts += other.crashes_in_cuts;
        self.settled += other.settled;
        self.late += other.late;
        self.stops += other.stops;
        self.checkpoints += other.checkpoints;
        self.failed_checkpoints += other.failed_checkpoints;
        self.truncations += other.truncations;
        self.unusable += other.unusable;
        self.disk_ends += other.disk_ends;
        self.digests += other.digests;
        self.comparisons += other.comparisons;
        self.operator_rebuilds += other.operator_rebuilds;
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} runs: {} starts, {} of them live; {} crashes, {} of them in a cut, {} orderly stops, {} exits with 65, {} with 74; {} checkpoints, {} \
             failed; {} logs truncated, {} rebuilds by the operator; {} ends of cuts found settled, {} late; state compared {} times, figures {} times",
            self.runs,
            self.starts,
            self.lives,
            self.crashes,
            self.crashes_in_cuts,
            self.stops,
            self.unusable,
            self.disk_ends,
            self.checkpoints,
            self.failed_checkpoints,
            self.truncations,
            self.operator_rebuilds,
            self.settled,
            self.late,
            self.digests,
            self.comparisons
        )
    }
}
