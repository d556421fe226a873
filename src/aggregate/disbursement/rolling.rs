//! Rolling windows, which end now: 1 hour by minutes, 24 hours and 7 days by hours.
//!
//! Derived from the dispersals in state, the allowlists, and a `now` that only decides which panes are kept. In no
//! checkpoint.
//!
//! Dispersals and pesos are plain sums over panes. People are changes: within a window of `n` hours ending with hour
//! `h`, a dispersal of hour `d` counts its person for `d <= h < d + n`; if the person's previous dispersal, of hour
//! `p`, still counts, only from `p + n` on. That is a `+1` at one hour and a `-1` at another
//! ([`HourFigures::people`](crate::view::panes::HourFigures::people)), and the number of people at any `now` is the sum
//! of the changes up to its hour. Changes before the kept hours are one sum ([`RollingPanes::before`]). The window of 1
//! hour counts no people.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::allowlists::CellIndex;
use crate::clock::{HOUR, MINUTE, Millis, Timestamp};
use crate::event::Centavos;
use crate::view::add_each;
use crate::view::panes::{HourPane, ROLLING_HOURS, RollingPanes, SpanPane};

const KEPT_MINUTES: Millis = 60 * MINUTE;
const KEPT_HOURS: Millis = ROLLING_HOURS[1] * HOUR;
/// Distance that the clock may go back before the panes have to be rebuilt.
const SLACK: Millis = HOUR;

#[derive(Debug)]
pub(crate) struct RollingWindows {
    panes: RollingPanes,
    first_minute: Timestamp,
    first_hour: Timestamp,
}

impl RollingWindows {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            panes: RollingPanes::default(),
            first_minute: (now - SLACK).floor(MINUTE) - KEPT_MINUTES,
            first_hour: (now - SLACK).floor(HOUR) - KEPT_HOURS,
        }
    }

    pub(crate) fn panes(&self) -> RollingPanes {
        self.panes.clone()
    }

    /// Advances to `now` and drops panes that no reader can ask for any more. False if panes that `now` needs were
    /// dropped already; the windows then have to be rebuilt from state.
    pub(crate) fn advance(&mut self, now: Timestamp) -> bool {
        if now < self.first_hour + KEPT_HOURS || now < self.first_minute + KEPT_MINUTES {
            return false;
        }
        self.first_minute = self.first_minute.max((now - SLACK).floor(MINUTE) - KEPT_MINUTES);
        self.panes.minutes = self.panes.minutes.split_off(&self.first_minute);
        self.first_hour = self.first_hour.max((now - SLACK).floor(HOUR) - KEPT_HOURS);
        let kept = self.panes.hours.split_off(&self.first_hour);
        for (_, pane) in std::mem::replace(&mut self.panes.hours, kept) {
            let before = Arc::make_mut(&mut self.panes.before);
            for (&cell, figures) in pane.iter() {
                let sums = before.entry(cell).or_default();
                add_each(sums, &figures.people);
            }
            before.retain(|_, sums| *sums != [0, 0]);
        }
        true
    }

    /// True if a dispersal at `time` can be in a pane.
    pub(crate) fn keeps(&self, time: Timestamp) -> bool {
        time >= self.first_hour - KEPT_HOURS
    }

    /// Counts a dispersal.
    pub(crate) fn add(&mut self, time: Timestamp, cell: CellIndex, amount: Centavos) {
        self.change(time, cell, |dispersals, net| {
            *dispersals += 1;
            *net += u128::from(amount);
        });
    }

    /// Subtracts a return from a dispersal.
    pub(crate) fn take(&mut self, time: Timestamp, cell: CellIndex, amount: Centavos) {
        self.change(time, cell, |_, net| *net -= u128::from(amount));
    }

    /// Discounts a dispersal that is forgotten with `left` left.
    pub(crate) fn remove(&mut self, time: Timestamp, cell: CellIndex, left: Centavos) {
        self.change(time, cell, |dispersals, net| {
            *dispersals -= 1;
            *net -= u128::from(left);
        });
    }

    /// Counts the person of a dispersal, except in windows in which the person's dispersal at `previous` does so.
    pub(crate) fn count_person(&mut self, time: Timestamp, cell: CellIndex, previous: Option<Timestamp>) {
        self.change_person(time, cell, previous, 1);
    }

    /// Reverts [`Self::count_person`] with the same arguments.
    pub(crate) fn discount_person(&mut self, time: Timestamp, cell: CellIndex, previous: Option<Timestamp>) {
        self.change_person(time, cell, previous, -1);
    }

    fn change_person(&mut self, time: Timestamp, cell: CellIndex, previous: Option<Timestamp>, change: i64) {
        for (rolling, hours) in ROLLING_HOURS.into_iter().enumerate() {
            let hour = time.floor(HOUR);
            let from = previous.map_or(hour, |previous| hour.max(previous.floor(HOUR) + hours * HOUR));
            let until = hour + hours * HOUR;
            // A change and its reversal that both lie before the kept hours cancel out.
            if from < until && until >= self.first_hour {
                self.change_hour(from, cell, rolling, change);
                self.change_hour(until, cell, rolling, -change);
            }
        }
    }

    fn change_hour(&mut self, hour: Timestamp, cell: CellIndex, rolling: usize, change: i64) {
        match hour_pane(&mut self.panes.hours, hour, self.first_hour) {
            Some(pane) => pane.entry(cell).or_default().people[rolling] += change,
            None => Arc::make_mut(&mut self.panes.before).entry(cell).or_default()[rolling] += change,
        }
    }

    /// Changes dispersals and net centavos of every pane that holds `time`.
    fn change(&mut self, time: Timestamp, cell: CellIndex, change: impl Fn(&mut u64, &mut u128)) {
        let minute = time.floor(MINUTE);
        if minute >= self.first_minute {
            change_cell(&mut self.panes.minutes, minute, cell, &change);
        }
        if let Some(pane) = hour_pane(&mut self.panes.hours, time.floor(HOUR), self.first_hour) {
            let figures = pane.entry(cell).or_default();
            change(&mut figures.dispersals, &mut figures.net);
        }
    }
}

fn change_cell(
    panes: &mut BTreeMap<Timestamp, Arc<SpanPane>>,
    start: Timestamp,
    cell: CellIndex,
    change: impl Fn(&mut u64, &mut u128),
) {
    let figures = Arc::make_mut(panes.entry(start).or_default()).entry(cell).or_default();
    change(&mut figures.dispersals, &mut figures.net);
}

fn hour_pane(
    hours: &mut BTreeMap<Timestamp, Arc<HourPane>>,
    hour: Timestamp,
    first: Timestamp,
) -> Option<&mut HourPane> {
    (hour >= first).then(|| Arc::make_mut(hours.entry(hour).or_default()))
}
