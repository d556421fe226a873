//! Duties of the task that are due by time, whatever waits in its queue.
//!
//! Times are monotonic and come from outside, so a simulator decides when a duty is due. The task asks before each step
//! of records ([`Worker::tend`](super::Worker::tend)); nothing here depends on a timer that fires. Timers do not suffice:
//! while a queue is never empty, the runtime looks at its timers once in 128 messages.
//!
//! A duty that is late is done once, not once for every time that was missed. One that takes long is followed by three
//! times as long without it: records are applied meanwhile, however slow the duty is. A very slow one is followed by a
//! second more than it took, so that records have half of the time and figures are not later than they need be.

use std::time::{Duration, Instant};

/// Time between two summaries in the log.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);
/// Time between two looks for a due checkpoint.
const SAVE_INTERVAL: Duration = Duration::from_millis(50);
/// Rest after a duty, as a multiple of the time that it took.
const REST: u32 = 3;
/// Maximum rest after a duty beyond the time that it took.
const MAX_EXTRA_REST: Duration = Duration::from_secs(1);

/// Something that the task does by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    /// Publishes a snapshot, and looks for stalls and cuts.
    Publish,
    /// Commits offsets.
    Commit,
    /// Begins or continues a checkpoint, or a backfill of targets.
    Save,
    /// Logs a summary.
    SumUp,
}

impl Duty {
    /// Duties in the order in which they are done when several are due.
    pub(super) const ALL: [Self; 4] = [Self::Publish, Self::Commit, Self::Save, Self::SumUp];
}

/// When each duty is due.
#[derive(Debug)]
pub(super) struct Duties([Schedule; Duty::ALL.len()]);

#[derive(Debug, Clone, Copy)]
struct Schedule {
    interval: Duration,
    due: Instant,
}

impl Duties {
    /// Creates duties that are due at `now`, but the summary: there is nothing to sum up yet.
    pub(super) fn new(publish_interval: Duration, commit_interval: Duration, now: Instant) -> Self {
        let interval = |duty| match duty {
            Duty::Publish => publish_interval,
            Duty::Commit => commit_interval,
            Duty::Save => SAVE_INTERVAL,
            Duty::SumUp => SUMMARY_INTERVAL,
        };
        let first = |duty| if duty == Duty::SumUp { now + SUMMARY_INTERVAL } else { now };
        Self(Duty::ALL.map(|duty| Schedule { interval: interval(duty), due: first(duty) }))
    }

    pub(super) fn is_due(&self, duty: Duty, now: Instant) -> bool {
        now >= self.0[duty as usize].due
    }

    /// Time at which the next duty is due.
    pub(super) fn next(&self) -> Instant {
        self.0.iter().map(|schedule| schedule.due).fold(self.0[0].due, Instant::min)
    }

    /// Schedules a duty again that was done from `began` to `ended`: after its interval, or `within` if that is less.
    pub(super) fn done(&mut self, duty: Duty, began: Instant, ended: Instant, within: Duration) {
        let Schedule { interval, due } = &mut self.0[duty as usize];
        let took = ended.saturating_duration_since(began);
        *due = (began + within.min(*interval)).max(ended + (took * REST).min(took + MAX_EXTRA_REST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_duty_is_due_an_interval_after_its_last_beginning() {
        let start = Instant::now();
        let mut duties = Duties::new(millis(250), millis(5_000), start);
        assert!(Duty::ALL.iter().all(|&duty| duties.is_due(duty, start) == (duty != Duty::SumUp)));
        assert!(duties.is_due(Duty::SumUp, start + SUMMARY_INTERVAL));
        Duty::ALL.iter().for_each(|&duty| duties.done(duty, start, start, Duration::MAX));
        assert_eq!(duties.next(), start + SAVE_INTERVAL);
        assert!(!duties.is_due(Duty::Publish, start + millis(249)));
        assert!(duties.is_due(Duty::Publish, start + millis(250)));
        duties.done(Duty::Publish, start + millis(900), start + millis(910), Duration::MAX);
        assert!(!duties.is_due(Duty::Publish, start + millis(1_149)), "what was missed is not made up for");
        assert!(duties.is_due(Duty::Publish, start + millis(1_150)));
    }

    #[test]
    fn a_slow_duty_leaves_time_for_records() {
        let start = Instant::now();
        let mut duties = Duties::new(millis(10), millis(5_000), start);
        duties.done(Duty::Publish, start, start + millis(400), Duration::MAX);
        assert!(!duties.is_due(Duty::Publish, start + millis(1_599)));
        assert!(duties.is_due(Duty::Publish, start + millis(1_600)));
    }

    #[test]
    fn a_very_slow_duty_rests_little_longer_than_it_took() {
        let start = Instant::now();
        let mut duties = Duties::new(millis(250), millis(5_000), start);
        duties.done(Duty::Publish, start, start + millis(10_000), Duration::MAX);
        assert!(!duties.is_due(Duty::Publish, start + millis(20_999)), "records have at least half of the time");
        assert!(duties.is_due(Duty::Publish, start + millis(21_000)));
    }

    #[test]
    fn a_duty_that_is_wanted_sooner_rests_all_the_same() {
        let start = Instant::now();
        let mut duties = Duties::new(millis(250), millis(5_000), start);
        duties.done(Duty::Save, start, start, millis(2));
        assert!(duties.is_due(Duty::Save, start + millis(2)));
        duties.done(Duty::Save, start, start + millis(10), millis(2));
        assert!(!duties.is_due(Duty::Save, start + millis(39)) && duties.is_due(Duty::Save, start + millis(40)));
    }
}
