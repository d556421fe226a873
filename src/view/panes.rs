//! Figures by the time at which they count, so that a reader evaluates them at its own clock.
//!
//! Panes are shared with the aggregation that keeps them up and copied when they change next: publishing a view copies
//! pointers.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::Arc;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::add_each;
use crate::allowlists::CellIndex;
use crate::calendar::Period;
use crate::clock::{HOUR, MINUTE, Millis, Timestamp};
use crate::view::timeline::Timeline;

/// A window that ends now, or the calendar period that holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// The period that holds now.
    Calendar(Period),
    /// Current minute and the 59 before. People are not counted.
    Rolling1h,
    /// Current UTC hour and the 23 before.
    Rolling24h,
    /// Current UTC hour and the 167 before.
    Rolling7d,
}

impl Span {
    /// True if distinct people are counted in the span.
    pub fn counts_people(self) -> bool {
        self != Self::Rolling1h
    }
}

/// Figures of a cell in a span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanFigures {
    /// Number of distinct people with a payment not fully returned.
    pub beneficiaries: u64,
    /// Number of dispersals, returned ones included.
    pub dispersals: u64,
    /// Centavos of the dispersals, less returns.
    pub net: u128,
}

impl AddAssign<&SpanFigures> for SpanFigures {
    fn add_assign(&mut self, more: &SpanFigures) {
        self.beneficiaries += more.beneficiaries;
        self.dispersals += more.dispersals;
        self.net += more.net;
    }
}

/// An hour of the rolling windows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HourFigures {
    /// Number of dispersals, returned ones included.
    pub dispersals: u64,
    /// Centavos of the dispersals, less returns.
    pub net: u128,
    /// Number of dispersals of which something is left. Each counts its person in the windows that hold the hour, unless
    /// an earlier dispersal does.
    pub live: i64,
    /// Changes, from this hour on, of the number of such exceptions in the windows of [`ROLLING_HOURS`], negative: one
    /// begins with a dispersal to a person who is in the window already, and ends when the earlier dispersal falls out.
    pub people: [i64; 2],
}

impl AddAssign<&HourFigures> for HourFigures {
    fn add_assign(&mut self, more: &HourFigures) {
        // By name, so that a new figure is not left out.
        let HourFigures { dispersals, net, live, people } = more;
        self.dispersals += dispersals;
        self.net += net;
        self.live += live;
        add_each(&mut self.people, people);
    }
}

/// Lengths of the rolling windows that count people, in hours; the longest is last. A new one also lengthens
/// [`HourFigures::people`].
pub const ROLLING_HOURS: [i64; 2] = [24, 168];

/// Figures of a minute, by cell.
pub type SpanPane = HashMap<CellIndex, SpanFigures>;
/// Figures of an hour, by cell.
pub type HourPane = HashMap<CellIndex, HourFigures>;

/// Panes of the rolling windows.
#[derive(Debug, Clone, Default)]
pub struct RollingPanes {
    /// Minutes.
    pub minutes: Timeline<Arc<SpanPane>>,
    /// Hours.
    pub hours: Timeline<Arc<HourPane>>,
    /// Sum of the changes of people in all hours before the first that is kept.
    pub before: Arc<HashMap<CellIndex, [i64; 2]>>,
}

impl RollingPanes {
    /// Adds the figures of [`Span::Rolling1h`] to `sums`, by cell.
    pub fn add_minutes(&self, sums: &mut [SpanFigures], now: Timestamp) {
        let minute = now.floor(MINUTE);
        for (_, pane) in self.minutes.between(minute - 59 * MINUTE, minute) {
            pane.iter().for_each(|(&cell, figures)| sums[cell.index()] += figures);
        }
    }

    /// Adds the figures of the window at position `rolling` of [`ROLLING_HOURS`] to `sums`, by cell.
    pub fn add_hours(&self, sums: &mut [SpanFigures], rolling: usize, now: Timestamp) {
        let hour = now.floor(HOUR);
        let first = hour - (ROLLING_HOURS[rolling] - 1) * HOUR;
        let mut people = vec![0_i64; sums.len()];
        self.before.iter().for_each(|(&cell, changes)| people[cell.index()] += changes[rolling]);
        for (start, pane) in self.hours.between(Timestamp::MIN, hour) {
            for (&cell, figures) in pane.iter() {
                people[cell.index()] += figures.people[rolling];
                if *start >= first {
                    people[cell.index()] += figures.live;
                    sums[cell.index()].dispersals += figures.dispersals;
                    sums[cell.index()].net += figures.net;
                }
            }
        }
        for (sum, count) in sums.iter_mut().zip(people) {
            // Below zero only if the clock went back beyond the kept hours: then dispersals are missing as well.
            sum.beneficiaries += u64::try_from(count).unwrap_or(0);
        }
    }
}

/// Things that count for a limited time after an instant of their own: waiting calls, agents. Exact to the millisecond.
#[derive(Debug, Clone, Default)]
pub struct RecentPanes {
    /// Minutes by their beginning. A pane is copied when it first changes after a publication, so panes are short.
    pub(super) minutes: BTreeMap<Timestamp, Arc<RecentPane>>,
}

pub(super) type RecentPane = BTreeMap<(Timestamp, CellIndex), u32>;

impl RecentPanes {
    /// Adds one at `time`.
    pub fn add(&mut self, time: Timestamp, cell: CellIndex) {
        *Arc::make_mut(self.minutes.entry(time.floor(MINUTE)).or_default()).entry((time, cell)).or_default() += 1;
    }

    /// Removes one that was added.
    ///
    /// # Panics
    /// Panics if none was added.
    pub fn remove(&mut self, time: Timestamp, cell: CellIndex) {
        let minute = self.minutes.get_mut(&time.floor(MINUTE)).expect("only what was added is removed");
        let pane = Arc::make_mut(minute);
        let count = pane.get_mut(&(time, cell)).expect("only what was added is removed");
        *count -= 1;
        if *count == 0 {
            pane.remove(&(time, cell));
            if pane.is_empty() {
                self.minutes.remove(&time.floor(MINUTE));
            }
        }
    }

    /// Panes that can still count if anything counts for at most `lasting` and the reader's clock is at most an hour
    /// before `now`.
    pub fn recent(&self, now: Timestamp, lasting: Millis) -> Self {
        let from = now.saturating_sub(lasting + HOUR);
        Self {
            minutes: self.minutes.range(from.floor(MINUTE)..).map(|(&start, pane)| (start, Arc::clone(pane))).collect(),
        }
    }

    /// Returns the earliest time of what counts at `now`, by cell.
    pub fn oldest(&self, cells: usize, now: Timestamp, lasting: Millis) -> Vec<Option<Timestamp>> {
        let mut oldest = vec![None; cells];
        let from = now - lasting;
        for pane in self.minutes.range(from.floor(MINUTE)..).map(|(_, pane)| pane) {
            for (&(time, cell), _) in pane.range((from, CellIndex::new(0))..) {
                oldest[cell.index()].get_or_insert(time);
            }
        }
        oldest
    }

    /// Adds the number of things that count at `now` to `sums`, by cell: those of at most `lasting` before.
    pub fn add_to(&self, sums: &mut [u64], now: Timestamp, lasting: Millis) {
        let from = now - lasting;
        for pane in self.minutes.range(from.floor(MINUTE)..).map(|(_, pane)| pane) {
            pane.range((from, CellIndex::new(0))..)
                .for_each(|(&(_, cell), &count)| sums[cell.index()] += u64::from(count));
        }
    }
}
