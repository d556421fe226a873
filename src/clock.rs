//! The only module that reads the system clock.
//!
//! Everything else receives a [`Timestamp`]. Tests run the same program on a clock with an origin and a speed of their own
//! ([`Clock::accelerated`], for the built program [`Clock::from_environment`]), and the demo sets its clock itself
//! ([`Clock::driven`]). Time-outs and waits of the
//! process itself use the monotonic time of tokio and std.

mod moved;
mod timestamp;

pub use moved::ClockVariableError;
pub(crate) use moved::TEST_CLOCK;
pub use timestamp::Timestamp;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Length of time in milliseconds. A point in time is a [`Timestamp`].
pub type Millis = i64;

/// One second in milliseconds.
pub const SECOND: Millis = 1_000;
/// One minute in milliseconds.
pub const MINUTE: Millis = 60 * SECOND;
/// A quarter of an hour in milliseconds.
pub const QUARTER_HOUR: Millis = 15 * MINUTE;
/// One hour in milliseconds.
pub const HOUR: Millis = 60 * MINUTE;
/// 24 hours in milliseconds; a local day may be shorter or longer.
pub const DAY: Millis = 24 * HOUR;

/// Whole milliseconds of a duration.
pub fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// Source of the current time. Cheap to clone; all clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Wall,
    Accelerated(Accelerated),
    Driven(Arc<AtomicI64>),
    Manual(Arc<Manual>),
}

/// Clock that stands still until [`Clock::advance`].
#[derive(Debug)]
struct Manual {
    now: AtomicI64,
    /// Monotonic time at creation; `elapsed` is added to it.
    started: Instant,
    elapsed: AtomicI64,
}

#[derive(Debug, Clone)]
struct Accelerated {
    origin: Timestamp,
    started: Instant,
    speed: f64,
}

impl Clock {
    /// System clock.
    pub fn wall() -> Self {
        Self(Kind::Wall)
    }

    /// Clock that shows `origin` now and advances `speed` seconds per second.
    pub fn accelerated(origin: Timestamp, speed: f64) -> Self {
        Self(Kind::Accelerated(Accelerated { origin, started: Instant::now(), speed }))
    }

    /// Clock that shows `origin`, and then what [`Clock::set`] gives it. Its monotonic time is the machine's.
    pub fn driven(origin: Timestamp) -> Self {
        Self(Kind::Driven(Arc::new(AtomicI64::new(origin.as_millis()))))
    }

    /// Sets a driven clock and all its clones; an earlier time than the one shown has no effect.
    ///
    /// # Panics
    ///
    /// Panics on any other clock.
    pub fn set(&self, now: Timestamp) {
        let Kind::Driven(shown) = &self.0 else { panic!("only a driven clock can be set") };
        shown.fetch_max(now.as_millis(), Ordering::Relaxed);
    }

    /// Clock that shows `origin` until [`Clock::advance`].
    pub fn manual(origin: Timestamp) -> Self {
        Self(Kind::Manual(Arc::new(Manual {
            now: AtomicI64::new(origin.as_millis()),
            started: Instant::now(),
            elapsed: AtomicI64::new(0),
        })))
    }

    /// Advances a manual clock by `by`. `jump` changes only the shown time, as if somebody had set the clock.
    ///
    /// # Panics
    ///
    /// Panics on any other clock.
    pub fn advance(&self, by: Millis, jump: Millis) {
        let Kind::Manual(clock) = &self.0 else { panic!("only a manual clock can be advanced") };
        clock.now.fetch_add(by + jump, Ordering::Relaxed);
        clock.elapsed.fetch_add(by, Ordering::Relaxed);
    }

    /// Seconds that the clock shows in a second, on average; `None` if it is moved by hand.
    pub fn speed(&self) -> Option<f64> {
        match &self.0 {
            Kind::Wall => Some(1.0),
            Kind::Accelerated(clock) => Some(clock.speed),
            Kind::Driven(_) | Kind::Manual(_) => None,
        }
    }

    /// Monotonic time, for time-outs and waits of the process itself.
    pub fn instant(&self) -> Instant {
        match &self.0 {
            Kind::Wall | Kind::Accelerated(_) | Kind::Driven(_) => Instant::now(),
            Kind::Manual(clock) => {
                clock.started + Duration::from_millis(clock.elapsed.load(Ordering::Relaxed).unsigned_abs())
            }
        }
    }

    /// Current time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::Manual(clock) => Timestamp::from_millis(clock.now.load(Ordering::Relaxed)),
            Kind::Wall => wall_time(),
            Kind::Accelerated(clock) => clock.running(),
            Kind::Driven(shown) => Timestamp::from_millis(shown.load(Ordering::Relaxed)),
        }
    }
}

impl Accelerated {
    fn running(&self) -> Timestamp {
        let elapsed = self.started.elapsed().as_secs_f64() * self.speed * 1_000.0;
        self.origin.saturating_add(elapsed as Millis)
    }
}

/// CPU time used by the current thread.
pub fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

fn wall_time() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the system clock")]
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::EPOCH.saturating_add(millis(since_epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driven_clock_shows_what_it_is_given_and_never_goes_back() {
        let clock = Clock::driven(Timestamp::EPOCH);
        let seen = clock.clone();
        assert_eq!(seen.now(), Timestamp::EPOCH);
        clock.set(Timestamp::EPOCH + HOUR);
        clock.set(Timestamp::EPOCH + MINUTE);
        assert_eq!(seen.now(), Timestamp::EPOCH + HOUR);
    }
}
