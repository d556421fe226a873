//! Course of simulated time: through a history as fast as it is read, then at a pace.
//!
//! The clock shows a time once Kafka has acknowledged every record that is stamped no later. Otherwise Pacemeter would
//! find itself complete until an instant whose records are still on their way, and take cuts without them.

use std::time::{Duration, Instant};

use crate::clock::{Clock, HOUR, Millis, Timestamp};

/// Maximum by which the clock advances at once; records are made and sent in such portions.
const MAX_STEP: Millis = HOUR;

/// Course of time after the history.
pub(super) enum Pace {
    /// From `from` on, at `speed` simulated seconds per second.
    Accelerated { from: Timestamp, speed: f64 },
    /// At the time of this clock.
    Wall(Clock),
}

pub(super) struct Timeline {
    pace: Pace,
    /// End of the history; `None` during it.
    begun: Option<Instant>,
}

impl Timeline {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, begun: None }
    }

    /// Returns the time to advance to at `now`; `reached` itself if nothing is due.
    pub(super) fn next(&mut self, reached: Timestamp, now: Instant) -> Timestamp {
        let due = match &self.pace {
            Pace::Accelerated { from, speed } => {
                let elapsed = self.begun.map_or(Duration::ZERO, |begun| now.saturating_duration_since(begun));
                from.saturating_add((elapsed.as_secs_f64() * speed * 1_000.0) as Millis)
            }
            Pace::Wall(clock) => clock.now(),
        };
        if reached >= due {
            self.begun.get_or_insert(now);
        }
        due.min(reached + MAX_STEP).max(reached)
    }

    /// False during the history.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// True once time is that of the wall clock.
    pub(super) fn is_live(&self) -> bool {
        self.has_begun() && matches!(self.pace, Pace::Wall(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{MINUTE, SECOND};

    const START: Timestamp = Timestamp::from_millis(1_795_413_600_000);

    #[test]
    fn the_history_comes_in_steps_then_time_has_a_speed() {
        let mut timeline = Timeline::new(Pace::Accelerated { from: START + 4 * HOUR, speed: 60.0 });
        let now = Instant::now();
        let mut reached = START;
        for step in 1..=4 {
            reached = timeline.next(reached, now);
            assert_eq!((reached, timeline.has_begun()), (START + step * MAX_STEP, false));
        }
        assert_eq!(timeline.next(reached, now), reached);
        assert!(timeline.has_begun() && !timeline.is_live());
        assert_eq!(timeline.next(reached, now + Duration::from_secs(2)), reached + 2 * MINUTE);
    }

    #[test]
    fn a_live_timeline_catches_up_with_its_clock_and_follows_it() {
        let clock = Clock::manual(START + MAX_STEP + SECOND);
        let mut timeline = Timeline::new(Pace::Wall(clock.clone()));
        let now = Instant::now();
        let first = timeline.next(START, now);
        let second = timeline.next(first, now);
        assert_eq!((first, second), (START + MAX_STEP, clock.now()));
        assert!(!timeline.has_begun());
        assert_eq!(timeline.next(second, now), second);
        assert!(timeline.is_live());
        clock.advance(SECOND, 0);
        assert_eq!(timeline.next(second, now), second + SECOND);
        clock.advance(0, -HOUR);
        assert_eq!(timeline.next(second, now), second, "a clock that is set back is waited for");
    }
}
