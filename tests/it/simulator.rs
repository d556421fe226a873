//! The whole of restarting, simulated: the real core, checkpoints and worker, with simulated logs, disk, dead letters, clock and scheduler.
//!
//! A run is a list of actions made from a seed: records are appended, the client hands some over, the task takes a message, the writing
//! thread a step, the disk fails, the process crashes and starts again with other settings. It then must come right without faults. At
//! every restart that becomes live, now and then and at the end
//!
//! - the state of each partition is that of one which read the same log without any fault ([`facts::Shadow`]);
//! - the figures are the naive oracle's over the whole log, and counters are never lower than before unless the state was built anew;
//! - what was set aside is among the dead letters as far as checkpoints go;
//! - a checkpoint that was said to be written is there after any crash, unless the disk lied.
//!
//! A run that fails is shortened and printed. `SIMULATOR_SEED` is the first seed (else it is random, and printed),
//! `SIMULATOR_SECONDS` how long to go on (180); `SIMULATOR_SEEDS` how many to try on all cores instead.

mod actions;
mod disk;
mod ending;
mod facts;
mod letters;
mod logs;
mod process;
mod quiet;
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

/// Seeds are tried from `base` on until `goes_on` says no, on as many threads.
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

    fn work(&self, goes_on: impl Fn(u64) -> bool) {
        let shared = Shared::new();
        let mut stats = Stats::default();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if self.has_failed.load(Ordering::Relaxed) || !goes_on(number) {
                break;
            }
            let seed = self.base.wrapping_add(number);
            let run = Run::of(seed);
            match carry_out(&shared, &run) {
                Ok(more) => stats += more,
                Err(_) => {
                    if !self.has_failed.swap(true, Ordering::Relaxed) {
                        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) =
                            Some(tell(&shared, seed, number, &run));
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

fn tell(shared: &Shared, seed: u64, number: u64, run: &Run) -> String {
    let (shortest, failed) = shrink(shared, run);
    format!(
        "seed {seed} fails (the {}th; again: SIMULATOR_SEED={seed} SIMULATOR_SEEDS=1), shortened from {} to {} actions, in \
         action {}: {}\n{shortest}",
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
    println!("simulator: seeds {base} and on, {:.1} s: {stats}", started.elapsed().as_secs_f64());
}
