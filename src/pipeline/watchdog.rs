//! Ends the process when the task is wedged: nothing in it can be relied on then, and a restart is exact.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::runtime::Exit;

/// What a live task beats, over and over. Clones are the same.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    started: Instant,
    /// Milliseconds from the start to the last beat.
    beat: Arc<AtomicU64>,
    /// Nobody is expected to beat.
    is_resting: Arc<AtomicBool>,
}

impl Heartbeat {
    pub fn new() -> Self {
        Self { started: Instant::now(), beat: Arc::default(), is_resting: Arc::new(AtomicBool::new(true)) }
    }

    pub fn beat(&self) {
        self.beat.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.is_resting.store(false, Ordering::Release);
    }

    /// No beat is to be expected until the next one.
    pub fn rest(&self) {
        self.is_resting.store(true, Ordering::Release);
    }

    /// How long it has been silent.
    fn silence(&self) -> Duration {
        if self.is_resting.load(Ordering::Acquire) {
            return Duration::ZERO;
        }
        self.started.elapsed().saturating_sub(Duration::from_millis(self.beat.load(Ordering::Relaxed)))
    }

    /// Watches until the process ends, and sees to that.
    pub fn watch(&self, timeout: Duration) -> ! {
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
    fn only_one_that_has_beaten_and_does_not_rest_is_silent() {
        let pulse = Heartbeat::new();
        let wait = || std::thread::sleep(Duration::from_millis(15));
        wait();
        assert_eq!(pulse.silence(), Duration::ZERO);
        pulse.beat();
        wait();
        assert!(pulse.silence() >= Duration::from_millis(10));
        pulse.rest();
        assert_eq!(pulse.silence(), Duration::ZERO);
    }
}
