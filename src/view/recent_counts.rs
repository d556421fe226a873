//! Counts of the last days by quarter hour and cell, so that a reader adds up the current day, week or hour at its own
//! instant. Days of every time zone consist of whole quarter hours.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::add_each;
use crate::allowlists::CellIndex;
use crate::calendar::Interval;
use crate::clock::{DAY, QUARTER_HOUR, Timestamp};

/// Counts of a quarter hour, by cell.
pub(super) type QuarterCounts<const N: usize> = BTreeMap<CellIndex, [u128; N]>;

/// `N` counts by quarter hour and cell.
#[derive(Debug, Clone)]
pub struct RecentCounts<const N: usize> {
    /// Quarter hours by their beginning. One is copied when it first changes after a publication.
    pub(super) quarters: BTreeMap<Timestamp, Arc<QuarterCounts<N>>>,
    /// Counts are complete from this instant on.
    pub(super) from: Timestamp,
}

impl<const N: usize> Default for RecentCounts<N> {
    fn default() -> Self {
        Self { quarters: BTreeMap::new(), from: Timestamp::MIN }
    }
}

impl<const N: usize> RecentCounts<N> {
    /// Adds to the counts of a cell in the quarter hour that holds `time`. What is older than the history is ignored.
    pub fn add(&mut self, time: Timestamp, cell: CellIndex, counts: &[u128; N]) {
        if time < self.from {
            return;
        }
        let quarter = self.quarters.entry(time.floor(QUARTER_HOUR)).or_default();
        add_each(Arc::make_mut(quarter).entry(cell).or_insert([0; N]), counts);
    }

    /// Forgets the days that end `days` before the one of `newest`.
    pub fn keep(&mut self, newest: Timestamp, days: i64) {
        let from = newest.floor(DAY).saturating_sub(days * DAY);
        if from > self.from {
            self.from = from;
            self.quarters = self.quarters.split_off(&from);
        }
    }

    /// Sums by cell over a span of whole quarter hours; `None` if part of it is forgotten.
    pub fn within(&self, span: Interval, cells: usize) -> Option<Vec<[u128; N]>> {
        if span.start < self.from {
            return None;
        }
        let mut sums = vec![[0; N]; cells];
        for quarter in self.quarters.range(span.start..span.end).map(|(_, quarter)| quarter) {
            quarter.iter().for_each(|(cell, counts)| add_each(&mut sums[cell.index()], counts));
        }
        Some(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{HOUR, MINUTE};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(100 * DAY + millis)
    }

    fn span(from: i64, to: i64) -> Interval {
        Interval { start: at(from), end: at(to) }
    }

    #[test]
    fn spans_add_up_their_quarter_hours() {
        let mut counts = RecentCounts::<2>::default();
        for (time, cell, amount) in [(0, 0, 1), (14 * MINUTE, 0, 2), (15 * MINUTE, 1, 4), (HOUR, 0, 8)] {
            counts.add(at(time), CellIndex::new(cell), &[amount, 1]);
        }
        assert_eq!(counts.within(span(0, HOUR), 2), Some(vec![[3, 2], [4, 1]]));
        assert_eq!(counts.within(span(15 * MINUTE, 2 * HOUR), 2), Some(vec![[8, 1], [4, 1]]));
    }

    #[test]
    fn a_forgotten_span_is_unknown_and_nothing_is_added_to_it() {
        let mut counts = RecentCounts::<1>::default();
        counts.add(at(0), CellIndex::new(0), &[1]);
        counts.keep(at(3 * DAY + HOUR), 2);
        counts.add(at(0), CellIndex::new(0), &[1]);
        assert!(counts.quarters.is_empty());
        assert_eq!(counts.within(span(DAY - 1, 2 * DAY), 1), None);
        assert_eq!(counts.within(span(DAY, 2 * DAY), 1), Some(vec![[0]]));
        counts.keep(at(0), 2);
        assert_eq!(counts.from, at(DAY), "the history never grows");
    }
}
