//! What a calendar says of each date: the hours that are worked, and the weight of the day.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use jiff::civil::{Date, Weekday};

use super::holidays::Holiday;
use super::hours::Hours;

/// The years that calendars hold; outside of them nothing is open.
pub(super) const YEARS: RangeInclusive<i16> = 2000..=2100;

/// A day's work.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shift {
    pub hours: Hours,
    /// How much of a plan falls to the day, next to other days.
    pub weight: f64,
}

/// Shifts of the dates of [`YEARS`].
#[derive(Debug, Clone, Default)]
pub(super) struct Schedule {
    /// From Monday on.
    pub week: [Shift; 7],
    pub holidays: Vec<Holiday>,
    /// Holidays that no rule gives.
    pub listed: BTreeSet<Date>,
    /// They go before holidays.
    pub exceptions: BTreeMap<Date, Shift>,
}

/// What there is on a date.
pub(super) enum DayKind<'a> {
    Ordinary,
    Holiday,
    Exception(&'a Shift),
}

impl Schedule {
    /// The shift of a weekday, if there were no holidays and exceptions.
    pub fn usual(&self, weekday: Weekday) -> &Shift {
        &self.week[usize::from(weekday.to_monday_zero_offset().unsigned_abs())]
    }

    /// Every date of a holiday, by rule or listed.
    pub fn closed(&self) -> BTreeSet<Date> {
        let by_rule = self.holidays.iter().flat_map(|holiday| YEARS.filter_map(|year| holiday.date(year)));
        by_rule.chain(self.listed.iter().copied()).collect()
    }

    /// `closed` is what [`Schedule::closed`] says; it is made once for many dates.
    pub fn occasion(&self, date: Date, closed: &BTreeSet<Date>) -> DayKind<'_> {
        match self.exceptions.get(&date) {
            Some(shift) => DayKind::Exception(shift),
            None if closed.contains(&date) => DayKind::Holiday,
            None => DayKind::Ordinary,
        }
    }
}
