//! Summary of the records, once a minute and at shutdown.

use std::time::Instant;

use super::Worker;
use crate::record::Outcome;
use crate::view::snapshot::Phase;

/// Number of records of each outcome.
type OutcomeCounts = [u64; Outcome::ALL.len()];

/// Counts of the last summary, or those at the start.
#[derive(Debug)]
pub(super) struct SummaryLog {
    counts: OutcomeCounts,
    at: Instant,
}

/// Records since the last summary.
#[derive(Debug, PartialEq)]
struct SummaryDifference {
    counts: OutcomeCounts,
    per_second: f64,
}

impl SummaryLog {
    /// Begins with no records at `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self { counts: OutcomeCounts::default(), at: now }
    }

    /// Replaces the counts, and returns what is new in them.
    fn replace(&mut self, counts: OutcomeCounts, now: Instant) -> SummaryDifference {
        let new: OutcomeCounts = std::array::from_fn(|place| counts[place].saturating_sub(self.counts[place]));
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        *self = Self { counts, at: now };
        // A moment says nothing about a rate.
        let rate = if seconds < 0.001 { 0.0 } else { new.iter().sum::<u64>() as f64 / seconds };
        SummaryDifference { counts: new, per_second: (rate * 10.0).round() / 10.0 }
    }
}

impl Worker {
    /// Logs a summary of all records so far, with the differences since the last one, and the records rejected or expired
    /// since then.
    pub fn sum_up(&mut self) {
        self.rejection_log.sum_up();
        let counts = self.outcome_counts();
        let SummaryDifference { counts: new, per_second } = self.summary_log.replace(counts, self.clock.instant());
        let lag: i64 = self.partitions.iter().filter_map(|partition| partition.freshness.lag()).sum();
        tracing::info!(
            event = "pacemeter.summary",
            applied = counts[Outcome::Applied as usize],
            duplicate = counts[Outcome::Duplicate as usize],
            rejected = counts[Outcome::Rejected as usize],
            expired = counts[Outcome::Expired as usize],
            new_applied = new[Outcome::Applied as usize],
            new_duplicate = new[Outcome::Duplicate as usize],
            new_rejected = new[Outcome::Rejected as usize],
            new_expired = new[Outcome::Expired as usize],
            records_per_second = per_second,
            lag_records = lag,
            unsaved_ms = self.partitions.unsaved_age(self.clock.instant()).as_millis() as u64,
            live = self.phase == Phase::Live,
            "summary of records"
        );
    }

    /// Takes the records of the restored state for known: the first summary has the differences since the start.
    pub(super) fn begin_summaries(&mut self) {
        let counts = self.outcome_counts();
        self.summary_log.replace(counts, self.clock.instant());
    }

    fn outcome_counts(&self) -> OutcomeCounts {
        Outcome::ALL.map(|outcome| {
            self.partitions.iter().map(|partition| partition.view().counts.outcomes[outcome as usize]).sum()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_summary_has_the_differences_since_the_last_one() {
        let start = Instant::now();
        let mut log = SummaryLog::new(start);
        log.replace([1_000, 5, 0, 2], start);
        let minute = start + Duration::from_secs(60);
        let difference = log.replace([7_000, 5, 3, 2], minute);
        assert_eq!(difference, SummaryDifference { counts: [6_000, 0, 3, 0], per_second: 100.1 });
        let difference = log.replace([7_001, 5, 3, 2], minute);
        assert_eq!(difference, SummaryDifference { counts: [1, 0, 0, 0], per_second: 0.0 });
    }
}
