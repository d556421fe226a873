//! Exits the process when the task is stuck: nothing in it can be relied on then, and a restart is exact.
//!
//! The sign of life is that records are applied, or that none wait. The task counts both ([`Heartbeat`]); the watchdog
//! looks at the count and measures for how long it has stood still. So a task that publishes on time but applies
//! nothing is stuck, and one that applies a record now and then is not, however slow it is. The task reads no clock for
//! this.
//!
//! No progress is expected while a state is restored, nor during a shutdown, which has a deadline of its own. A wait for
//! the disk counts as life until the checkpoint scheduler gives it up.
//!
//! A watchdog of the service manager is pinged at signs of life alone. It ends the process where this one cannot: if
//! every thread is stopped, or the exit itself hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::runtime::{Exit, ServiceManager, WatchdogPings};

/// Sign of life of the task. Clones share it; only one of them beats.
#[derive(Debug, Clone)]
pub(super) struct Heartbeat {
    beats: Arc<AtomicU64>,
    /// True while no beat is expected.
    is_suspended: Arc<AtomicBool>,
}

impl Heartbeat {
    pub(super) fn new() -> Self {
        Self { beats: Arc::default(), is_suspended: Arc::default() }
    }

    /// Counts a record that was applied, or a look that found none to apply.
    pub(super) fn beat(&self) {
        // One thread beats, so that a plain store suffices: it costs nothing for a record.
        self.beats.store(self.beats.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Expects no beat until [`Heartbeat::resume`].
    pub(super) fn suspend(&self) {
        self.is_suspended.store(true, Ordering::Release);
    }

    pub(super) fn resume(&self) {
        self.beat();
        self.is_suspended.store(false, Ordering::Release);
    }

    /// Watches for as long as the process runs, and exits it after a silence of `timeout`. Without silence the service
    /// manager is pinged.
    pub(super) fn watch(self, timeout: Duration, manager: ServiceManager) -> ! {
        let looks = manager.ping_interval().map_or(timeout / 10, |pings| pings.min(timeout / 10));
        let interval = looks.clamp(Duration::from_millis(10), Duration::from_secs(1));
        let mut pings = WatchdogPings::new(manager);
        let mut watch = Watch::new(self, interval, Instant::now());
        loop {
            std::thread::sleep(interval);
            let now = Instant::now();
            let silence = watch.look(now);
            if silence.is_zero() {
                pings.ping_if_due(now);
            }
            if silence >= timeout {
                let silent_ms = silence.as_millis() as u64;
                tracing::error!(event = "pacemeter.pipeline.wedged", silent_ms, "pipeline task stuck; exiting");
                Exit::TryAgain.at_once();
            }
        }
    }
}

/// Silence of a heartbeat, as far as the watchdog itself was awake.
pub(super) struct Watch {
    heartbeat: Heartbeat,
    /// Longest time that one look adds to the silence. A process that was stopped, with its watchdog, was not silent.
    most: Duration,
    looked: Instant,
    seen: u64,
    silence: Duration,
}

impl Watch {
    /// Begins to watch at `now`, with a look every `interval`.
    pub(super) fn new(heartbeat: Heartbeat, interval: Duration, now: Instant) -> Self {
        let seen = heartbeat.beats.load(Ordering::Relaxed);
        Self { heartbeat, most: interval * 2, looked: now, seen, silence: Duration::ZERO }
    }

    /// Returns the time since a look that found a new beat; zero while suspended.
    pub(super) fn look(&mut self, now: Instant) -> Duration {
        let beats = self.heartbeat.beats.load(Ordering::Relaxed);
        if self.heartbeat.is_suspended.load(Ordering::Acquire) || beats != self.seen {
            (self.seen, self.silence) = (beats, Duration::ZERO);
        } else {
            self.silence += now.saturating_duration_since(self.looked).min(self.most);
        }
        self.looked = now;
        self.silence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Duration = Duration::from_secs(1);

    #[test]
    fn silence_counts_from_the_last_beat_unless_suspended() {
        let (heartbeat, start) = (Heartbeat::new(), Instant::now());
        let mut watch = Watch::new(heartbeat.clone(), LOOK, start);
        assert_eq!(watch.look(start + LOOK), LOOK);
        assert_eq!(watch.look(start + LOOK * 2), LOOK * 2);
        heartbeat.beat();
        assert_eq!(watch.look(start + LOOK * 3), Duration::ZERO);
        assert_eq!(watch.look(start + LOOK * 4), LOOK);
        heartbeat.suspend();
        assert_eq!(watch.look(start + LOOK * 5), Duration::ZERO);
        heartbeat.resume();
        assert_eq!(watch.look(start + LOOK * 6), Duration::ZERO);
        assert_eq!(watch.look(start + LOOK * 7), LOOK);
    }

    #[test]
    fn a_stopped_process_was_not_silent() {
        let start = Instant::now();
        let mut watch = Watch::new(Heartbeat::new(), LOOK, start);
        assert_eq!(watch.look(start + Duration::from_secs(3_600)), LOOK * 2);
    }
}
