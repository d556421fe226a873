//! The last phase of a run: without faults the process must recover, and stay so over a stop in order and a restart.

use super::actions::Config;
use super::world::{Fault, World};

/// Number of rounds within which figures must be shown.
const ROUNDS: usize = 60;
/// Number of starts by the operator, who rebuilds what the process refuses to resume.
const STARTS: usize = 4;

impl World<'_> {
    /// Ends all faults and checks that the process recovers.
    pub fn recover(&mut self) -> Result<(), Fault> {
        self.repair_disk();
        self.bring_up()?;
        self.check_states()?;
        let (before, records) = (self.next_offsets(), self.records());
        self.stop(None, true)?;
        self.start(self.permissive())?;
        let after = self.next_offsets();
        // A partition without records has no checkpoint. One whose checkpoint ends before markers that retention
        // removed is rebuilt, since those may have been records.
        let is_excused = |index: usize| records[index] == 0 || before[index] < self.logs.logs[index].low;
        let is_saved = |index: usize| before[index] == after.get(index).copied().unwrap_or(0) || is_excused(index);
        if !self.disk_lies && !(0..before.len()).all(is_saved) {
            return Err(format!("a stop in order saved up to {after:?} of {before:?}"));
        }
        self.bring_up()?;
        self.act(&super::actions::Action::Check)
    }

    /// Starts the process until it shows figures.
    fn bring_up(&mut self) -> Result<(), Fault> {
        for start in 0..STARTS {
            if self.process.is_none() {
                if start >= 2 {
                    self.rebuild_truncated();
                    self.stats.operator_rebuilds += 1;
                }
                self.start(self.permissive())?;
            }
            if self.settle()? {
                return Ok(());
            }
        }
        Err(format!(
            "without faults, no figures were shown; {}; last ended with {:?}",
            self.summary(),
            self.last_failure
        ))
    }

    fn summary(&mut self) -> String {
        let phase = self.process.as_ref().map(|process| process.snapshot().phase.clone());
        let ends: Vec<_> = self.logs.logs.iter().map(|log| (log.low, log.end())).collect();
        format!("phase {phase:?}, low and end offsets {ends:?}, state up to {:?}", self.next_offsets())
    }

    fn permissive(&self) -> Config {
        Config {
            rebuild_mismatch: true,
            rebuild_missing: true,
            accept_lost_history: true,
            exit_after_failures: None,
            ends_known: true,
            ..self.last_config
        }
    }

    /// Runs until figures are shown and everything is read. Returns false if the process ends, or after too many
    /// rounds.
    fn settle(&mut self) -> Result<bool, Fault> {
        for _ in 0..ROUNDS {
            self.dead_letters.settle(usize::MAX, true);
            self.clock.advance(1_000, 0);
            self.round(40)?;
            let ends: Vec<i64> = self.logs.logs.iter().map(super::logs::Log::end).collect();
            let next = self.next_offsets();
            let has_read =
                |(index, (next, end)): (usize, (&i64, &i64))| self.logs.logs[index].next_record(*next) >= *end;
            if self.process.is_none() {
                return Ok(false);
            }
            if self.is_live() && next.iter().zip(&ends).enumerate().all(has_read) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
