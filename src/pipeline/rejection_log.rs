//! Log lines about records that are rejected or expired: a few of each reason, and their number once a minute.

use std::collections::BTreeMap;

/// Number of records of one reason that have a line of their own between two summaries.
const EXAMPLES: u64 = 5;

/// Records rejected or expired since the last summary.
#[derive(Debug, Default)]
pub(super) struct RejectionLog(BTreeMap<&'static str, u64>);

impl RejectionLog {
    /// Counts a record; true if it is to have a line of its own.
    pub(super) fn count(&mut self, reason: &'static str) -> bool {
        let count = self.0.entry(reason).or_default();
        *count += 1;
        *count <= EXAMPLES
    }

    /// Logs and forgets the number of each reason.
    pub(super) fn sum_up(&mut self) {
        for (reason, count) in std::mem::take(&mut self.0) {
            tracing::warn!(event = "pacemeter.records.rejected", reason, count, "records rejected or expired");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_reason_have_lines_between_two_summaries() {
        let mut log = RejectionLog::default();
        for _ in 0..2 {
            assert_eq!((0..1_000).filter(|_| log.count("not_json")).count(), 5);
            assert!(log.count("expired"), "one reason does not hide another");
            log.sum_up();
        }
    }
}
