//! Shortens a failing run: actions are left out as long as it still fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::actions::Run;
use super::quiet::{panic_location, quietly};
use super::shared::Shared;
use super::stats::Stats;
use super::world::World;

const PATIENCE: Duration = Duration::from_secs(30);

/// Failure of a run: the index of the action, and the reason.
pub struct Failed {
    pub action: usize,
    pub why: String,
}

/// Executes a run to its end.
pub fn carry_out(shared: &Shared, run: &Run) -> Result<Stats, Failed> {
    let mut at = 0;
    let result = quietly(|| {
        catch_unwind(AssertUnwindSafe(|| {
            let mut world = World::new(shared, run);
            for (number, action) in run.actions.iter().enumerate() {
                at = number;
                world.act(action)?;
            }
            at = run.actions.len();
            world.recover()?;
            Ok(Stats { runs: 1, ..world.stats })
        }))
    });
    match result {
        Ok(result) => result.map_err(|why| Failed { action: at, why }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(Failed { action: at, why: format!("panic at {}: {}", panic_location(), text.unwrap_or("no message")) })
        }
    }
}

/// The shortest run that still fails, as far as one is found within [`PATIENCE`].
pub fn shrink(shared: &Shared, run: &Run) -> (Run, Failed) {
    let started = Instant::now();
    let mut shortest = run.clone();
    let mut failed = match carry_out(shared, run) {
        Err(failed) => failed,
        Ok(_) => Failed { action: 0, why: "the run does not fail when repeated".to_owned() },
    };
    shortest.actions.truncate(failed.action + 1);
    let mut chunk = shortest.actions.len().div_ceil(2).max(1);
    loop {
        let mut start = 0;
        let before = shortest.actions.len();
        while start < shortest.actions.len() && started.elapsed() < PATIENCE {
            let mut shorter = shortest.clone();
            shorter.actions.drain(start..(start + chunk).min(shorter.actions.len()));
            match carry_out(shared, &shorter) {
                Err(other) => (shortest, failed) = (shorter, other),
                Ok(_) => start += chunk,
            }
        }
        let is_done = chunk == 1 && shortest.actions.len() == before;
        if is_done || started.elapsed() >= PATIENCE {
            return (shortest, failed);
        }
        chunk = chunk.div_ceil(2).max(1);
    }
}
