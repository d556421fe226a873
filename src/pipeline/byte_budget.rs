//! Bound on the bytes of the records that the client has handed over and the task has not applied, over all partitions.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Number of bytes that may be in use at once.
#[derive(Debug, Clone)]
pub(super) struct ByteBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    max: u64,
    used: Mutex<u64>,
    returned: Condvar,
}

/// Bytes taken from a budget; dropping it returns them.
#[derive(Debug)]
pub(super) struct ByteShare {
    bytes: u64,
    budget: ByteBudget,
}

impl ByteBudget {
    pub(super) fn new(max: u64) -> Self {
        Self(Arc::new(Shared { max, used: Mutex::new(0), returned: Condvar::new() }))
    }

    /// Takes bytes, waiting until they are free. Calls `meanwhile` every `interval` of the wait. More than the whole
    /// budget are taken once nothing else is in use.
    ///
    /// The wait ends with the task at the latest: it drops the messages that it has not applied.
    pub(super) fn take(&self, bytes: u64, interval: Duration, mut meanwhile: impl FnMut()) -> ByteShare {
        loop {
            let is_full = |used: &mut u64| *used > 0 && *used + bytes > self.0.max;
            let waited = self.0.returned.wait_timeout_while(self.used(), interval, is_full);
            let (mut used, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            if !waited.timed_out() {
                *used += bytes;
                return ByteShare { bytes, budget: self.clone() };
            }
            drop(used);
            meanwhile();
        }
    }

    fn used(&self) -> MutexGuard<'_, u64> {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ByteShare {
    fn drop(&mut self) {
        *self.budget.used() -= self.bytes;
        self.budget.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    const MOMENT: Duration = Duration::from_millis(100);
    const PATIENCE: Duration = Duration::from_secs(20);

    fn take(budget: &ByteBudget, bytes: u64) -> ByteShare {
        budget.take(bytes, MOMENT / 10, || {})
    }

    /// Takes bytes on another thread.
    fn taking(budget: &ByteBudget, bytes: u64) -> mpsc::Receiver<ByteShare> {
        let (taken, share) = mpsc::channel();
        let budget = budget.clone();
        thread::spawn(move || taken.send(take(&budget, bytes)));
        share
    }

    #[test]
    fn bytes_beyond_the_budget_wait_for_a_return() {
        let budget = ByteBudget::new(10);
        let first = take(&budget, 6);
        let second = take(&budget, 4);
        let waiting = taking(&budget, 5);
        assert!(waiting.recv_timeout(MOMENT).is_err(), "nothing is free");
        drop(second);
        assert!(waiting.recv_timeout(MOMENT).is_err(), "four are free");
        drop(first);
        assert!(waiting.recv_timeout(PATIENCE).is_ok());
    }

    #[test]
    fn more_than_the_budget_passes_alone() {
        let budget = ByteBudget::new(10);
        let all = take(&budget, 100);
        let waiting = taking(&budget, 1);
        assert!(waiting.recv_timeout(MOMENT).is_err());
        drop(all);
        assert!(waiting.recv_timeout(PATIENCE).is_ok());
    }

    #[test]
    fn a_wait_for_bytes_does_not_stop_other_work() {
        let budget = ByteBudget::new(10);
        let mut first = Some(take(&budget, 10));
        let mut looks = 0;
        let second = budget.take(1, Duration::from_millis(1), || {
            looks += 1;
            drop(first.take_if(|_| looks == 3));
        });
        assert_eq!((second.bytes, looks), (1, 3));
    }
}
