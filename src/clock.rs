//! The only place that reads time.
//!
//! Everything else is handed a [`Millis`]. The demo and tests run the same program on a clock that starts where they say and goes faster
//! than the wall ([`Clock::accelerated`]); intervals of the process itself (timeouts, poll waits) stay on tokio's and std's monotonic time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
pub type Millis = i64;

pub const SECOND: Millis = 1_000;
pub const MINUTE: Millis = 60 * SECOND;
pub const QUARTER_HOUR: Millis = 15 * MINUTE;
pub const HOUR: Millis = 60 * MINUTE;
pub const DAY: Millis = 24 * HOUR;

/// A source of the present. Cheap to copy; every copy shows the same time.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Kind);

#[derive(Debug, Clone, Copy)]
enum Kind {
    Wall,
    Accelerated { origin: Millis, started: Instant, speed: f64 },
}

impl Clock {
    /// The machine's clock.
    pub fn wall() -> Self {
        Self(Kind::Wall)
    }

    /// A clock that shows `origin` now and then advances `speed` seconds a second.
    pub fn accelerated(origin: Millis, speed: f64) -> Self {
        Self(Kind::Accelerated { origin, started: Instant::now(), speed })
    }

    pub fn now(&self) -> Millis {
        match self.0 {
            Kind::Wall => wall_millis(),
            Kind::Accelerated { origin, started, speed } => {
                let elapsed = started.elapsed().as_secs_f64() * speed * 1_000.0;
                origin.saturating_add(elapsed as Millis)
            }
        }
    }
}

fn wall_millis() -> Millis {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Millis::try_from(since_epoch.as_millis()).unwrap_or(Millis::MAX)
}
