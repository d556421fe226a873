//! Rolling windows, which end now: 1 hour by minutes, 24 hours and 7 days by hours.
//!
//! Derived from the dispersals in state, the allowlists, and a `now` that only decides which panes are kept. In no
//! checkpoint.
//!
//! Dispersals and pesos are plain sums over panes. A window of `n` hours ending with hour `h` holds a dispersal of hour
//! `d` for `d <= h < d + n`. A dispersal counts its person unless the person's previous dispersal, of hour `p`, is in
//! the window too. So the number of people is that of the dispersals in the window of which something is left
//! ([`HourFigures::live`]), less the exceptions: one from hour `d` up to hour `p + n`, a `-1` and a `+1`
//! ([`HourFigures::people`]). Their number at any `now` is the sum of the changes up to its hour. Changes before the kept
//! hours are one sum ([`RollingPanes::before`]). The window of 1 hour counts no people.
//!
//! Most people are paid once in a week, and their dispersals touch the pane of one hour instead of five: that took rolling
//! windows from 457 to some 130 instructions a record.
//!
//! [`HourFigures::live`]: crate::view::panes::HourFigures::live
//! [`HourFigures::people`]: crate::view::panes::HourFigures::people

use std::sync::Arc;

use crate::allowlists::CellIndex;
use crate::clock::{HOUR, MINUTE, Millis, Timestamp};
use crate::event::Centavos;
use crate::view::add_each;
use crate::view::panes::{ROLLING_HOURS, RollingPanes};

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
        self.panes.minutes.take_before(self.first_minute);
        self.first_hour = self.first_hour.max((now - SLACK).floor(HOUR) - KEPT_HOURS);
        for (_, pane) in self.panes.hours.take_before(self.first_hour) {
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
        time >= self.first_hour
    }

    /// Counts a dispersal of which `left` is left.
    pub(crate) fn add(&mut self, time: Timestamp, cell: CellIndex, left: Centavos) {
        self.change(time, cell, i64::from(left > 0), |dispersals, net| {
            *dispersals += 1;
            *net += u128::from(left);
        });
    }

    /// Subtracts a return from a dispersal.
    pub(crate) fn take(&mut self, time: Timestamp, cell: CellIndex, amount: Centavos) {
        self.change(time, cell, 0, |_, net| *net -= u128::from(amount));
    }

    /// Discounts the person of a dispersal of which nothing is left.
    pub(crate) fn end(&mut self, time: Timestamp, cell: CellIndex) {
        self.change(time, cell, -1, |_, _| {});
    }

    /// Discounts a dispersal that is forgotten with `left` left.
    pub(crate) fn remove(&mut self, time: Timestamp, cell: CellIndex, left: Centavos) {
        self.change(time, cell, -i64::from(left > 0), |dispersals, net| {
            *dispersals -= 1;
            *net -= u128::from(left);
        });
    }

    /// Excepts a dispersal from counting its person in windows that hold the person's dispersal at `previous`.
    pub(crate) fn except(&mut self, time: Timestamp, cell: CellIndex, previous: Timestamp) {
        self.change_exception(time, cell, previous, 1);
    }

    /// Reverts [`Self::except`] with the same arguments.
    pub(crate) fn count_again(&mut self, time: Timestamp, cell: CellIndex, previous: Timestamp) {
        self.change_exception(time, cell, previous, -1);
    }

    fn change_exception(&mut self, time: Timestamp, cell: CellIndex, previous: Timestamp, exceptions: i64) {
        let (hour, previous) = (time.floor(HOUR), previous.floor(HOUR));
        // Changes of an hour before the kept ones would cancel out in every window.
        if hour < self.first_hour {
            return;
        }
        let mut beginning = [0; ROLLING_HOURS.len()];
        for (rolling, hours) in ROLLING_HOURS.into_iter().enumerate() {
            let end = previous + hours * HOUR;
            if end > hour {
                beginning[rolling] = -exceptions;
                Arc::make_mut(self.panes.hours.at(end)).entry(cell).or_default().people[rolling] += exceptions;
            }
        }
        if beginning != [0; ROLLING_HOURS.len()] {
            let people = &mut Arc::make_mut(self.panes.hours.at(hour)).entry(cell).or_default().people;
            people.iter_mut().zip(beginning).for_each(|(sum, change)| *sum += change);
        }
    }

    /// Changes dispersals and net centavos of every pane that holds `time`, and live dispersals of its hour.
    fn change(&mut self, time: Timestamp, cell: CellIndex, live: i64, change: impl Fn(&mut u64, &mut u128)) {
        let (minute, hour) = (time.floor(MINUTE), time.floor(HOUR));
        if minute >= self.first_minute {
            let figures = Arc::make_mut(self.panes.minutes.at(minute)).entry(cell).or_default();
            change(&mut figures.dispersals, &mut figures.net);
        }
        if hour >= self.first_hour {
            let figures = Arc::make_mut(self.panes.hours.at(hour)).entry(cell).or_default();
            change(&mut figures.dispersals, &mut figures.net);
            figures.live += live;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::panes::SpanFigures;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::from_millis(1_598_918_400_000);

    /// A live dispersal of one of a few people.
    type Live = (u8, Timestamp);

    /// Excepts the dispersals of a person from counting, each in windows that hold the one before, or reverts that.
    fn recount(windows: &mut RollingWindows, live: &[Live], person: u8, excepts: bool) {
        let times: Vec<Timestamp> = live.iter().filter(|other| other.0 == person).map(|other| other.1).collect();
        for pair in times.windows(2) {
            let change = if excepts { RollingWindows::except } else { RollingWindows::count_again };
            change(windows, pair[1], CellIndex::new(0), pair[0]);
        }
    }

    proptest! {
        /// People are paid, and sometimes return everything, while the clock advances and goes back by up to an hour.
        #[test]
        fn people_are_the_distinct_ones_of_the_window(steps in prop::collection::vec((0..3_u8, -260..30_i64, 0..40_i64, any::<bool>()), 0..60)) {
            let (mut now, mut windows) = (START, RollingWindows::new(START));
            let (mut live, mut dispersals): (Vec<Live>, Vec<Timestamp>) = (Vec::new(), Vec::new());
            let cell = CellIndex::new(0);
            for (person, hour, passed, is_returned) in steps {
                now += passed * HOUR / 10;
                prop_assert!(windows.advance(now));
                let earlier = live.iter().position(|other| other.0 == person).filter(|_| is_returned);
                let changed = earlier.map_or(person, |index| live[index].0);
                recount(&mut windows, &live, changed, false);
                match earlier {
                    Some(index) => windows.end(live.remove(index).1, cell),
                    None => {
                        let time = now + hour * HOUR + 7 * MINUTE;
                        live.push((person, time));
                        live.sort_by_key(|&(_, time)| time);
                        dispersals.push(time);
                        windows.add(time, cell, 100);
                    }
                }
                recount(&mut windows, &live, changed, true);
                for (rolling, hours) in ROLLING_HOURS.into_iter().enumerate() {
                    for reader in [now - HOUR, now, now + 30 * HOUR] {
                        let last = reader.floor(HOUR);
                        let is_within = |time: Timestamp| time.floor(HOUR) <= last && time.floor(HOUR) > last - hours * HOUR;
                        let mut people: Vec<u8> = live.iter().filter(|other| is_within(other.1)).map(|other| other.0).collect();
                        people.sort_unstable();
                        people.dedup();
                        let mut sums = [SpanFigures::default()];
                        windows.panes().add_hours(&mut sums, rolling, reader);
                        let counted = dispersals.iter().filter(|&&time| is_within(time)).count();
                        prop_assert_eq!((sums[0].beneficiaries, sums[0].dispersals), (people.len() as u64, counted as u64));
                    }
                }
            }
        }
    }
}
