//! Figures held by when they count, so that a reader evaluates them at its own clock.
//!
//! Panes are shared with the aggregation that keeps them and copied when they change next: publishing a view copies pointers.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::Arc;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::allowlists::CellIndex;
use crate::calendar::Period;
use crate::clock::{HOUR, MINUTE, Millis, QUARTER_HOUR, floor};

/// A span of time that ends now, or the calendar period that holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    Calendar(Period),
    /// The current minute and the 59 before. Its people are not counted.
    Rolling1h,
    /// The current hour (UTC) and the 23 before.
    Rolling24h,
    /// The current hour (UTC) and the 167 before.
    Rolling7d,
}

impl Span {
    /// Whether distinct people are counted in it.
    pub fn counts_people(self) -> bool {
        self != Self::Rolling1h
    }
}

/// What counts in a cell of a span: dispersals, what is left of them in centavos, and the distinct people that something was left to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanFigures {
    pub beneficiaries: u64,
    pub dispersals: u64,
    pub net: u128,
}

impl AddAssign<&SpanFigures> for SpanFigures {
    fn add_assign(&mut self, more: &SpanFigures) {
        self.beneficiaries += more.beneficiaries;
        self.dispersals += more.dispersals;
        self.net += more.net;
    }
}

/// An hour of the rolling spans. `people` are changes, from this hour on, of the number of people in the 24 hours and in the 7 days that end
/// with an hour: a person enters with a dispersal and leaves when it falls out, unless another keeps the person in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HourFigures {
    pub dispersals: u64,
    pub net: u128,
    pub people: [i64; 2],
}

/// The rolling spans of people, in hours, in the order of [`HourFigures::people`].
pub const ROLLING_HOURS: [i64; 2] = [24, 168];

pub type SpanPane = HashMap<CellIndex, SpanFigures>;
pub type HourPane = HashMap<CellIndex, HourFigures>;

#[derive(Debug, Clone, Default)]
pub struct RollingPanes {
    /// By the instant at which the minute begins.
    pub minutes: BTreeMap<Millis, Arc<SpanPane>>,
    /// By the instant at which the hour begins.
    pub hours: BTreeMap<Millis, Arc<HourPane>>,
    /// The sum of the changes of people of all hours before the first that is kept.
    pub before: Arc<HashMap<CellIndex, [i64; 2]>>,
}

impl RollingPanes {
    /// Adds to `sums`, by cell, what counts in the last hour, as [`Span::Rolling1h`] has it.
    pub fn add_minutes(&self, sums: &mut [SpanFigures], now: Millis) {
        let minute = floor(now, MINUTE);
        for pane in self.minutes.range(minute - 59 * MINUTE..=minute).map(|(_, pane)| pane) {
            pane.iter().for_each(|(&cell, figures)| sums[cell.index()] += figures);
        }
    }

    /// Adds to `sums`, by cell, what counts in the last hours, as many as [`ROLLING_HOURS`] has at this place.
    pub fn add_hours(&self, sums: &mut [SpanFigures], rolling: usize, now: Millis) {
        let hour = floor(now, HOUR);
        let first = hour - (ROLLING_HOURS[rolling] - 1) * HOUR;
        let mut people: HashMap<CellIndex, i64> =
            self.before.iter().map(|(&cell, changes)| (cell, changes[rolling])).collect();
        for (&start, pane) in self.hours.range(..=hour) {
            for (&cell, figures) in pane.iter() {
                *people.entry(cell).or_default() += figures.people[rolling];
                if start >= first {
                    sums[cell.index()].dispersals += figures.dispersals;
                    sums[cell.index()].net += figures.net;
                }
            }
        }
        for (cell, count) in people {
            sums[cell.index()].beneficiaries +=
                u64::try_from(count).expect("as many people leave a span as entered it");
        }
    }
}

/// Things that count for a time after an instant of their own: calls that wait, agents who were heard of. Exact to the millisecond.
#[derive(Debug, Clone, Default)]
pub struct RecentPanes {
    /// By the instant at which the quarter hour begins.
    quarters: BTreeMap<Millis, Arc<RecentPane>>,
}

type RecentPane = BTreeMap<(Millis, CellIndex), u32>;

impl RecentPanes {
    pub fn add(&mut self, time: Millis, cell: CellIndex) {
        *Arc::make_mut(self.quarters.entry(floor(time, QUARTER_HOUR)).or_default()).entry((time, cell)).or_default() +=
            1;
    }

    /// Takes back what was added.
    pub fn remove(&mut self, time: Millis, cell: CellIndex) {
        let quarter = self.quarters.get_mut(&floor(time, QUARTER_HOUR)).expect("what is taken back was added");
        let pane = Arc::make_mut(quarter);
        let count = pane.get_mut(&(time, cell)).expect("what is taken back was added");
        *count -= 1;
        if *count == 0 {
            pane.remove(&(time, cell));
            if pane.is_empty() {
                self.quarters.remove(&floor(time, QUARTER_HOUR));
            }
        }
    }

    /// What can still count when `lasting` is the longest that anything does and the reader's clock is not before `now` by more than an hour.
    pub fn recent(&self, now: Millis, lasting: Millis) -> Self {
        let from = now.saturating_sub(lasting + HOUR);
        Self {
            quarters: self
                .quarters
                .range(floor(from, QUARTER_HOUR)..)
                .map(|(&start, pane)| (start, Arc::clone(pane)))
                .collect(),
        }
    }

    /// Adds to `sums`, by cell, what counts at `now`: everything not more than `lasting` before it.
    pub fn add_to(&self, sums: &mut [u64], now: Millis, lasting: Millis) {
        let from = now - lasting;
        for pane in self.quarters.range(floor(from, QUARTER_HOUR)..).map(|(_, pane)| pane) {
            pane.range((from, CellIndex::new(0))..)
                .for_each(|(&(_, cell), &count)| sums[cell.index()] += u64::from(count));
        }
    }
}
