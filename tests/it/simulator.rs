//! Deterministic simulation of restarts: the real core, checkpoints and worker, with simulated logs, disk, dead
//! letters, clock and scheduler.
//!
//! A run is a list of actions made from a seed: records are appended, the client hands some over, the task takes a
//! message, the checkpoint thread takes a step, the disk fails, the process crashes and starts again with other
//! settings. At the end all faults stop, and the process must recover. At restarts that become live, and at the end:
//!
//! - the state of each partition equals that of a partition which read the same log without faults
//!   ([`reference::Shadow`]);
//! - the figures equal the oracle's over the whole log, and no counter is lower than before unless state was rebuilt;
//! - each rejected or expired record that a checkpoint covers is among the dead letters;
//! - no crash, in the middle of storing a cut either, reads as tampering with the cuts;
//! - a checkpoint that was reported as written exists after any crash, unless the disk lied.
//!
//! A failing run is shortened and printed. Variables: `SIMULATOR_SEED` is the first seed (random and printed by
//! default), `SIMULATOR_SECONDS` the duration (180), `SIMULATOR_SEEDS` a number of seeds to try on all cores instead.

mod actions;
mod cuts;
mod dead_letters;
mod disk;
mod ending;
mod logs;
mod process;
mod quiet;
mod reference;
mod shared;
mod shrink;
mod stats;
mod world;

use std::env;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use actions::Run;
use shared::Shared;
use shrink::{carry_out, shrink};
use stats::Stats;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// A search for a failing seed, from `base` on, by any number of threads.
struct Trial {
    base: u64,
    next: AtomicU64,
    has_failed: AtomicBool,
    total: Mutex<Stats>,
    failure: Mutex<Option<String>>,
}

impl Trial {
    fn new(base: u64) -> Self {
        Self {
            base,
            next: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
            total: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    fn work(&self, continues: impl Fn(u64) -> bool) {
        let shared = Shared::new();
        let mut stats = Stats::default();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if self.has_failed.load(Ordering::Relaxed) || !continues(number) {
                break;
            }
            let seed = self.base.wrapping_add(number);
            let run = Run::of(seed);
            match carry_out(&shared, &run) {
                Ok(more) => stats += more,
                Err(_) => {
                    if !self.has_failed.swap(true, Ordering::Relaxed) {
                        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) =
                            Some(report(&shared, seed, number, &run));
                    }
                    break;
                }
            }
        }
        *self.total.lock().unwrap_or_else(PoisonError::into_inner) += stats;
    }

    fn end(self) -> Stats {
        let failure = self.failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = failure {
            panic!("{failure}");
        }
        self.total.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

fn report(shared: &Shared, seed: u64, number: u64, run: &Run) -> String {
    let (shortest, failed) = shrink(shared, run);
    format!(
        "seed {seed} fails (seed number {}; repeat with SIMULATOR_SEED={seed} SIMULATOR_SEEDS=1), shortened from {} to {} \
         actions, in action {}: {}\n{shortest}",
        number + 1,
        run.actions.len(),
        shortest.actions.len(),
        failed.action,
        failed.why
    )
}

#[test]
fn seeds() {
    let base = number("SIMULATOR_SEED").unwrap_or_else(|| fastrand::u64(..) >> 1);
    println!("simulator: first seed {base}");
    let started = Instant::now();
    let trial = Trial::new(base);
    if let Some(seeds) = number("SIMULATOR_SEEDS") {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(|| trial.work(|number| number < seeds)))));
    } else {
        let duration = Duration::from_secs(number("SIMULATOR_SECONDS").unwrap_or(180));
        trial.work(|_| started.elapsed() < duration);
    }
    let stats = trial.end();
    println!("simulator: seeds from {base}, {:.1} s: {stats}", started.elapsed().as_secs_f64());
}
