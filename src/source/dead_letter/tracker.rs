//! Dead letters in flight, the room that they leave, and counts of all.

use super::DeadLetterCounts;
use super::attempt::Attempt;
use crate::record::{PartitionIndex, Stream};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Maximum wait for room while no dead letter is acknowledged: about as long as a new leader takes.
const PATIENCE: Duration = Duration::from_secs(3);

/// Maximum wait for room of one letter, however many are acknowledged: a large one may need the room of many.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Position of a dead letter's record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    pub(super) index: PartitionIndex,
    pub(super) offset: i64,
    pub(super) stream: Stream,
    pub(super) partition: i32,
    pub(super) bytes: u64,
    /// Form in which it is sent now.
    pub(super) attempt: Attempt,
}

/// Number and size of dead letters in flight.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct InFlight {
    pub(super) letters: u64,
    pub(super) bytes: u64,
}

impl InFlight {
    /// True if one more letter of this size keeps to `limit`. A letter larger than the limit goes alone.
    fn has_room(self, bytes: u64, limit: Self) -> bool {
        self.letters < limit.letters && (self.letters == 0 || self.bytes + bytes <= limit.bytes)
    }
}

impl Ticket {
    /// Logs that the letter is written nowhere.
    pub(super) fn log_failure(&self, error: &str) {
        let (stream, partition, offset) = (self.stream.name(), self.partition, self.offset);
        tracing::warn!(
            event = "pacemeter.dead_letter.failed",
            stream,
            partition,
            offset,
            error,
            "dead letter not acknowledged"
        );
    }
}

/// Dead letters in flight, and counts of all.
#[derive(Default)]
pub(super) struct Tracker {
    in_flight: Mutex<HashMap<PartitionIndex, BTreeSet<i64>>>,
    /// Size of the dead letters in flight, in bytes.
    bytes: AtomicU64,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    failed: AtomicU64,
    /// One more than the number acknowledged when patience last ended; zero if it never did.
    stuck_at: AtomicU64,
}

impl Tracker {
    fn in_flight(&self) -> MutexGuard<'_, HashMap<PartitionIndex, BTreeSet<i64>>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if no dead letter is in flight.
    pub(super) fn is_idle(&self) -> bool {
        self.total().letters == 0
    }

    /// Offset of the oldest dead letter of a partition in flight.
    pub(super) fn oldest(&self, index: PartitionIndex) -> Option<i64> {
        self.in_flight().get(&index).and_then(|offsets| offsets.first().copied())
    }

    pub(super) fn counts(&self) -> DeadLetterCounts {
        // Read against the order of counting, so that the sum of the other two is never above `sent`.
        let failed = self.failed.load(Ordering::Acquire);
        let acknowledged = self.acknowledged.load(Ordering::Acquire);
        DeadLetterCounts { sent: self.sent.load(Ordering::Acquire), acknowledged, failed }
    }

    fn total(&self) -> InFlight {
        let done = self.acknowledged.load(Ordering::Acquire) + self.failed.load(Ordering::Acquire);
        let letters = self.sent.load(Ordering::Acquire).saturating_sub(done);
        InFlight { letters, bytes: self.bytes.load(Ordering::Acquire) }
    }

    pub(super) fn has_room(&self, bytes: u64, limit: InFlight) -> bool {
        self.total().has_room(bytes, limit)
    }

    /// Counts a dead letter as in flight. Counts it as failed and returns false if there is no room for it.
    pub(super) fn begin(&self, ticket: Ticket, limit: InFlight) -> bool {
        let mut in_flight = self.in_flight();
        let has_room = self.has_room(ticket.bytes, limit);
        self.sent.fetch_add(1, Ordering::AcqRel);
        if !has_room {
            self.failed.fetch_add(1, Ordering::AcqRel);
            return false;
        }
        self.bytes.fetch_add(ticket.bytes, Ordering::AcqRel);
        in_flight.entry(ticket.index).or_default().insert(ticket.offset);
        true
    }

    pub(super) fn end(&self, ticket: Ticket, is_written: bool) {
        let mut in_flight = self.in_flight();
        if let Some(offsets) = in_flight.get_mut(&ticket.index) {
            offsets.remove(&ticket.offset);
        }
        self.bytes.fetch_sub(ticket.bytes, Ordering::AcqRel);
        let count = if is_written { &self.acknowledged } else { &self.failed };
        count.fetch_add(1, Ordering::AcqRel);
    }
}

/// A wait for room that lasts while dead letters are acknowledged.
pub(super) struct Patience<'a> {
    tracker: &'a Tracker,
    acknowledged: u64,
    began: Instant,
    since: Instant,
}

impl<'a> Patience<'a> {
    pub(super) fn new(tracker: &'a Tracker) -> Self {
        let now = Instant::now();
        Self { tracker, acknowledged: tracker.acknowledged.load(Ordering::Acquire), began: now, since: now }
    }

    /// Waits a millisecond; returns false without waiting once none was acknowledged for [`PATIENCE`], or the wait has
    /// lasted for [`MAX_WAIT`].
    pub(super) fn waits(&mut self) -> bool {
        let is_stuck = self.tracker.stuck_at.load(Ordering::Acquire) == self.acknowledged + 1;
        if is_stuck || self.began.elapsed() >= MAX_WAIT {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
        let acknowledged = self.tracker.acknowledged.load(Ordering::Acquire);
        if acknowledged != self.acknowledged {
            (self.acknowledged, self.since) = (acknowledged, Instant::now());
        } else if self.since.elapsed() >= PATIENCE {
            self.tracker.stuck_at.store(acknowledged + 1, Ordering::Release);
        }
        true
    }
}
