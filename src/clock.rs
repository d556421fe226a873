//! The only place that reads time.
//!
//! Everything else receives a [`Millis`]. The demo and tests run the same program on a clock that starts where they say and goes faster
//! than the wall ([`Clock::accelerated`], for the built program [`Clock::of_environment`]); intervals of the process itself (timeouts, poll
//! waits) stay on tokio's and std's monotonic time.

mod moved;

pub use moved::MovedError;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
pub type Millis = i64;

pub const SECOND: Millis = 1_000;
pub const MINUTE: Millis = 60 * SECOND;
pub const QUARTER_HOUR: Millis = 15 * MINUTE;
pub const HOUR: Millis = 60 * MINUTE;
pub const DAY: Millis = 24 * HOUR;

/// The beginning of the `unit` (minute, quarter hour, hour: counted from the epoch) that holds `time`.
pub fn floor(time: Millis, unit: Millis) -> Millis {
    time - time.rem_euclid(unit)
}

/// Whole milliseconds of a duration.
pub fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// A source of the present. Cheap to clone; every clone shows the same time.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Wall,
    Accelerated(Arc<Accelerated>),
    Manual(Arc<Manual>),
}

/// Stands still until it is moved.
#[derive(Debug)]
struct Manual {
    now: AtomicI64,
    /// Monotonic time goes on from here.
    started: Instant,
    elapsed: AtomicI64,
}

#[derive(Debug)]
struct Accelerated {
    origin: Millis,
    started: Instant,
    speed: f64,
    frozen: OnceLock<Millis>,
}

impl Clock {
    /// The machine's clock.
    pub fn wall() -> Self {
        Self(Kind::Wall)
    }

    /// A clock that shows `origin` now and then advances `speed` seconds a second.
    pub fn accelerated(origin: Millis, speed: f64) -> Self {
        Self(Kind::Accelerated(Arc::new(Accelerated {
            origin,
            started: Instant::now(),
            speed,
            frozen: OnceLock::new(),
        })))
    }

    /// A clock that shows `origin` until it is moved.
    pub fn manual(origin: Millis) -> Self {
        Self(Kind::Manual(Arc::new(Manual {
            now: AtomicI64::new(origin),
            started: Instant::now(),
            elapsed: AtomicI64::new(0),
        })))
    }

    /// Advances a manual clock by `by`. `jump` moves only the wall clock, as if somebody had set it.
    ///
    /// # Panics
    ///
    /// Panics on any other clock.
    pub fn advance(&self, by: Millis, jump: Millis) {
        let Kind::Manual(clock) = &self.0 else { panic!("only a manual clock is moved") };
        clock.now.fetch_add(by + jump, Ordering::Relaxed);
        clock.elapsed.fetch_add(by, Ordering::Relaxed);
    }

    /// Monotonic time, for what the process itself waits for.
    pub fn instant(&self) -> Instant {
        match &self.0 {
            Kind::Wall | Kind::Accelerated(_) => Instant::now(),
            Kind::Manual(clock) => {
                clock.started + Duration::from_millis(clock.elapsed.load(Ordering::Relaxed).unsigned_abs())
            }
        }
    }

    /// Current time in milliseconds since the epoch.
    pub fn now(&self) -> Millis {
        match &self.0 {
            Kind::Manual(clock) => clock.now.load(Ordering::Relaxed),
            Kind::Wall => wall_millis(),
            Kind::Accelerated(clock) => clock.frozen.get().copied().unwrap_or_else(|| clock.running()),
        }
    }

    /// Stops an accelerated clock, for every clone of it, and returns the time that it shows from now on. The wall clock goes on.
    pub fn freeze(&self) -> Millis {
        match &self.0 {
            Kind::Wall => wall_millis(),
            Kind::Manual(clock) => clock.now.load(Ordering::Relaxed),
            Kind::Accelerated(clock) => *clock.frozen.get_or_init(|| clock.running()),
        }
    }
}

impl Accelerated {
    fn running(&self) -> Millis {
        let elapsed = self.started.elapsed().as_secs_f64() * self.speed * 1_000.0;
        self.origin.saturating_add(elapsed as Millis)
    }
}

/// CPU time that this thread has used.
pub fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

fn wall_millis() -> Millis {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    millis(since_epoch)
}
