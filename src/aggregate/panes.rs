//! Counts that need no identity, by the quarter hour of their event time: the history that curves and targets are drawn from.
//!
//! Days, weeks and months of every zone consist of whole quarter hours. After `fine` the quarters of a (UTC) hour are added up, after
//! `coarse` the hour is forgotten. Both are decided by the watermark, so panes are a function of the log like all state.

use std::collections::BTreeMap;

use crate::clock::{HOUR, Millis, QUARTER_HOUR, floor};
use crate::view::add_each;

/// `K` tells label sets apart, `N` counts of each are kept. Sums of pesos are wide enough: 2^64 amounts of 10^12 centavos.
#[derive(Debug, Hash)]
pub struct Panes<K, const N: usize> {
    quarters: BTreeMap<Millis, BTreeMap<K, [u128; N]>>,
    hours: BTreeMap<Millis, BTreeMap<K, [u128; N]>>,
    fine: Millis,
    coarse: Millis,
}

impl<K: Ord + Copy, const N: usize> Panes<K, N> {
    pub fn new(fine: Millis, coarse: Millis) -> Self {
        Self { quarters: BTreeMap::new(), hours: BTreeMap::new(), fine, coarse }
    }

    /// Adds to the counts of the pane that `time` falls in, given the watermark that applies. What is older than the history adds to nothing.
    pub fn add(&mut self, time: Millis, watermark: Millis, key: K, amounts: [u128; N]) {
        let (panes, start) = if time >= fine_floor(watermark, self.fine) {
            (&mut self.quarters, floor(time, QUARTER_HOUR))
        } else if time >= watermark - self.coarse {
            (&mut self.hours, floor(time, HOUR))
        } else {
            return;
        };
        add_each(panes.entry(start).or_default().entry(key).or_insert([0; N]), &amounts);
    }

    /// Folds and forgets what the watermark has passed.
    pub fn forget(&mut self, watermark: Millis) {
        let first = fine_floor(watermark, self.fine);
        while let Some(entry) = self.quarters.first_entry() {
            if *entry.key() >= first {
                break;
            }
            let (start, quarter) = entry.remove_entry();
            let hour = self.hours.entry(floor(start, HOUR)).or_default();
            for (key, counts) in quarter {
                add_each(hour.entry(key).or_insert([0; N]), &counts);
            }
        }
        while self.hours.first_key_value().is_some_and(|(&start, _)| start + HOUR <= watermark - self.coarse) {
            self.hours.pop_first();
        }
    }

    #[cfg(test)]
    /// The counts of panes that begin within `[from, to)`, the oldest first.
    pub fn range(&self, from: Millis, to: Millis) -> impl Iterator<Item = (Millis, &BTreeMap<K, [u128; N]>)> {
        self.hours.range(from..to).chain(self.quarters.range(from..to)).map(|(&start, counts)| (start, counts))
    }
}

/// Quarters from this instant on are kept apart: the start of the hour that `fine` reaches back to, so that only whole hours are folded.
fn fine_floor(watermark: Millis, fine: Millis) -> Millis {
    floor(watermark - fine, HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::DAY;

    const WATERMARK: Millis = 1_600_000_000_000;

    fn total(panes: &Panes<u8, 1>) -> u128 {
        panes.range(0, Millis::MAX).flat_map(|(_, counts)| counts.values()).map(|counts| counts[0]).sum()
    }

    #[test]
    fn quarters_become_hours_and_then_nothing_and_no_count_is_lost_before() {
        let mut panes = Panes::new(DAY, 3 * DAY);
        for minute in 0..240 {
            panes.add(WATERMARK + minute * 60_000, WATERMARK, 7, [1]);
        }
        let fine = panes.range(0, Millis::MAX).count();
        panes.forget(WATERMARK + 2 * DAY);
        let coarse = panes.range(0, Millis::MAX).count();
        assert!(coarse * 4 <= fine + 4, "{fine} quarters became {coarse} hours");
        assert_eq!(total(&panes), 240);
        panes.forget(WATERMARK + 4 * DAY);
        assert_eq!(total(&panes), 0);
    }

    #[test]
    fn a_late_event_joins_the_hour_its_quarter_was_folded_into() {
        let mut panes = Panes::new(DAY, 3 * DAY);
        panes.add(WATERMARK, WATERMARK, 7, [1]);
        panes.forget(WATERMARK + 2 * DAY);
        panes.add(WATERMARK + 1, WATERMARK + 2 * DAY, 7, [1]);
        assert_eq!(panes.range(0, Millis::MAX).count(), 1);
        assert_eq!(total(&panes), 2);
    }
}
