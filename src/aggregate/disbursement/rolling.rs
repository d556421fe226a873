//! Keeps the panes of the rolling spans, which end now, as dispersals come, shrink and go.
//!
//! Derived: a function of the dispersals in state, the display and a `now` that only decides which panes are kept. In no checkpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::allowlists::CellIndex;
use crate::clock::{HOUR, MINUTE, Millis, floor};
use crate::event::Centavos;
use crate::view::add_each;
use crate::view::panes::{HourPane, ROLLING_HOURS, RollingPanes, SpanPane};

const KEPT_MINUTES: Millis = 60 * MINUTE;
const KEPT_HOURS: Millis = ROLLING_HOURS[1] * HOUR;
/// How far the clock may go back before the panes have to be built anew.
const SLACK: Millis = HOUR;

#[derive(Debug)]
pub(crate) struct RollingWindows {
    panes: RollingPanes,
    first_minute: Millis,
    first_hour: Millis,
}

impl RollingWindows {
    pub(crate) fn new(now: Millis) -> Self {
        Self {
            panes: RollingPanes::default(),
            first_minute: floor(now - SLACK, MINUTE) - KEPT_MINUTES,
            first_hour: floor(now - SLACK, HOUR) - KEPT_HOURS,
        }
    }

    pub(crate) fn panes(&self) -> RollingPanes {
        self.panes.clone()
    }

    /// Moves on to `now`: forgets panes that can no longer be asked for. False if what is kept does not serve for `now` and has to be built
    /// anew from state.
    pub(crate) fn advance(&mut self, now: Millis) -> bool {
        if now < self.first_hour + KEPT_HOURS || now < self.first_minute + KEPT_MINUTES {
            return false;
        }
        self.first_minute = self.first_minute.max(floor(now - SLACK, MINUTE) - KEPT_MINUTES);
        self.panes.minutes = self.panes.minutes.split_off(&self.first_minute);
        self.first_hour = self.first_hour.max(floor(now - SLACK, HOUR) - KEPT_HOURS);
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

    /// False if a dispersal at `time` is in no pane and never will be.
    pub(crate) fn keeps(&self, time: Millis) -> bool {
        time >= self.first_hour - KEPT_HOURS
    }

    /// A dispersal was made.
    pub(crate) fn add(&mut self, time: Millis, cell: CellIndex, amount: Centavos) {
        self.change(time, cell, |dispersals, net| {
            *dispersals += 1;
            *net += u128::from(amount);
        });
    }

    /// Something of a dispersal was taken back.
    pub(crate) fn take(&mut self, time: Millis, cell: CellIndex, amount: Centavos) {
        self.change(time, cell, |_, net| *net -= u128::from(amount));
    }

    /// A dispersal of which `left` is left is forgotten.
    pub(crate) fn remove(&mut self, time: Millis, cell: CellIndex, left: Centavos) {
        self.change(time, cell, |dispersals, net| {
            *dispersals -= 1;
            *net -= u128::from(left);
        });
    }

    /// A dispersal of which something is left counts its person, unless the one before it, at `previous`, does so in the same span.
    pub(crate) fn count_person(&mut self, time: Millis, cell: CellIndex, previous: Option<Millis>) {
        self.change_person(time, cell, previous, 1);
    }

    /// Takes back what [`Self::count_person`] with the same arguments did.
    pub(crate) fn discount_person(&mut self, time: Millis, cell: CellIndex, previous: Option<Millis>) {
        self.change_person(time, cell, previous, -1);
    }

    fn change_person(&mut self, time: Millis, cell: CellIndex, previous: Option<Millis>, change: i64) {
        for (rolling, hours) in ROLLING_HOURS.into_iter().enumerate() {
            let hour = floor(time, HOUR);
            let from = previous.map_or(hour, |previous| hour.max(floor(previous, HOUR) + hours * HOUR));
            let until = hour + hours * HOUR;
            // What lies before the kept hours at both ends adds nothing to them.
            if from < until && until >= self.first_hour {
                self.change_hour(from, cell, rolling, change);
                self.change_hour(until, cell, rolling, -change);
            }
        }
    }

    fn change_hour(&mut self, hour: Millis, cell: CellIndex, rolling: usize, change: i64) {
        match hour_pane(&mut self.panes.hours, hour, self.first_hour) {
            Some(pane) => pane.entry(cell).or_default().people[rolling] += change,
            None => Arc::make_mut(&mut self.panes.before).entry(cell).or_default()[rolling] += change,
        }
    }

    /// Changes dispersals and net centavos in every pane that holds `time`.
    fn change(&mut self, time: Millis, cell: CellIndex, change: impl Fn(&mut u64, &mut u128)) {
        let minute = floor(time, MINUTE);
        if minute >= self.first_minute {
            change_cell(&mut self.panes.minutes, minute, cell, &change);
        }
        if let Some(pane) = hour_pane(&mut self.panes.hours, floor(time, HOUR), self.first_hour) {
            let figures = pane.entry(cell).or_default();
            change(&mut figures.dispersals, &mut figures.net);
        }
    }
}

fn change_cell(
    panes: &mut BTreeMap<Millis, Arc<SpanPane>>,
    start: Millis,
    cell: CellIndex,
    change: impl Fn(&mut u64, &mut u128),
) {
    let figures = Arc::make_mut(panes.entry(start).or_default()).entry(cell).or_default();
    change(&mut figures.dispersals, &mut figures.net);
}

fn hour_pane(hours: &mut BTreeMap<Millis, Arc<HourPane>>, hour: Millis, first: Millis) -> Option<&mut HourPane> {
    (hour >= first).then(|| Arc::make_mut(hours.entry(hour).or_default()))
}
