//! The last phase of a run: nothing fails any more, so everything must come right, and stay so over an end in order.

use super::actions::Config;
use super::world::{Fault, World};

/// Rounds within which figures must be there.
const ROUNDS: usize = 60;
/// Starts that the operator makes, mending what the process says must be mended.
const STARTS: usize = 4;

impl World<'_> {
    pub fn come_right(&mut self) -> Result<(), Fault> {
        self.mend();
        self.bring_up()?;
        self.check_states()?;
        let (before, records) = (self.next_offsets(), self.records());
        self.stop(None, true)?;
        self.start(self.permissive())?;
        let after = self.next_offsets();
        // Of what has no record there is no checkpoint; and one that ends before markers that retention took is given up, since nobody can
        // say that they were no records.
        let is_excused = |slot: usize| records[slot] == 0 || before[slot] < self.logs.logs[slot].low;
        let is_saved = |slot: usize| before[slot] == after.get(slot).copied().unwrap_or(0) || is_excused(slot);
        if !self.disk_lies && !(0..before.len()).all(is_saved) {
            return Err(format!("an end in order saved up to {after:?} of {before:?}"));
        }
        self.bring_up()?;
        self.act(&super::actions::Action::Check)
    }

    /// Starts it until figures are there.
    fn bring_up(&mut self) -> Result<(), Fault> {
        for start in 0..STARTS {
            if self.process.is_none() {
                if start >= 2 {
                    self.rebuild_what_was_cut();
                    self.stats.operator_rebuilds += 1;
                }
                self.start(self.permissive())?;
            }
            if self.settle()? {
                return Ok(());
            }
        }
        Err(format!("without faults, no figures came; {}; last ended with {:?}", self.told(), self.last_failure))
    }

    fn told(&mut self) -> String {
        let phase = self.process.as_ref().map(|process| process.snapshot().phase.clone());
        let ends: Vec<_> = self.logs.logs.iter().map(|log| (log.low, log.end())).collect();
        format!("phase {phase:?}, low and end of the logs {ends:?}, state up to {:?}", self.next_offsets())
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

    /// Goes on until figures are there and everything is read. False if the process ends.
    fn settle(&mut self) -> Result<bool, Fault> {
        for _ in 0..ROUNDS {
            self.post.settle(usize::MAX, true);
            self.clock.advance(1_000, 0);
            self.round(40)?;
            let ends: Vec<i64> = self.logs.logs.iter().map(super::logs::Log::end).collect();
            let next = self.next_offsets();
            let has_read = |(slot, (next, end)): (usize, (&i64, &i64))| self.logs.logs[slot].next_record(*next) >= *end;
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
