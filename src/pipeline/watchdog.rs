//! Exits the process when the task is stuck: nothing in it can be relied on then, and a restart is exact.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::runtime::Exit;

/// Sign of life of the task. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Heartbeat {
    started: Instant,
    /// Time of the last beat, in milliseconds after `started`.
    beat: Arc<AtomicU64>,
    /// True while no beat is expected.
    is_suspended: Arc<AtomicBool>,
}

impl Heartbeat {
    /// Creates a heartbeat that is suspended until the first beat.
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), beat: Arc::default(), is_suspended: Arc::new(AtomicBool::new(true)) }
    }

    pub(super) fn beat(&self) {
        self.beat.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.is_suspended.store(false, Ordering::Release);
    }

    /// Expects no beat until the next one.
    pub(super) fn suspend(&self) {
        self.is_suspended.store(true, Ordering::Release);
    }

    /// Time since the last beat; zero while suspended.
    fn silence(&self) -> Duration {
        if self.is_suspended.load(Ordering::Acquire) {
            return Duration::ZERO;
        }
        self.started.elapsed().saturating_sub(Duration::from_millis(self.beat.load(Ordering::Relaxed)))
    }

    /// Watches for as long as the process runs, and exits it after a silence of `timeout`.
    pub(super) fn watch(&self, timeout: Duration) -> ! {
        loop {
            std::thread::sleep((timeout / 10).clamp(Duration::from_millis(10), Duration::from_secs(1)));
            let silence = self.silence();
            if silence >= timeout {
                let silent_ms = silence.as_millis() as u64;
                tracing::error!(event = "pacemeter.pipeline.wedged", silent_ms, "pipeline task stuck; exiting");
                Exit::TryAgain.at_once();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_counts_from_the_last_beat_unless_suspended() {
        let heartbeat = Heartbeat::new();
        let wait = || std::thread::sleep(Duration::from_millis(15));
        wait();
        assert_eq!(heartbeat.silence(), Duration::ZERO);
        heartbeat.beat();
        wait();
        assert!(heartbeat.silence() >= Duration::from_millis(10));
        heartbeat.suspend();
        assert_eq!(heartbeat.silence(), Duration::ZERO);
    }
}
