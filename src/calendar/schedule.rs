//! Opening hours and weight of each date of a calendar.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use jiff::civil::{Date, Weekday};

use super::holidays::Holiday;
use super::hours::Hours;

/// Years that calendars cover; outside of them everything is closed.
pub(super) const YEARS: RangeInclusive<i16> = 2000..=2100;

/// Opening hours and weight of a day.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shift {
    pub hours: Hours,
    /// Share of a plan that falls to the day, relative to other days; 1 for an ordinary day.
    pub weight: f64,
}

/// Shifts of the dates of [`YEARS`].
#[derive(Debug, Clone, Default)]
pub(super) struct Schedule {
    /// Weekdays from Monday.
    pub week: [Shift; 7],
    pub holidays: Vec<Holiday>,
    /// Holidays listed by date, for which there is no rule.
    pub listed: BTreeSet<Date>,
    /// Names of holidays and exceptions that have one.
    pub names: BTreeMap<Date, String>,
    /// Shifts of single dates; they take precedence over holidays.
    pub exceptions: BTreeMap<Date, Shift>,
}

/// Kind of a date: it decides which shift applies.
pub(super) enum DayKind<'a> {
    Ordinary,
    Holiday,
    Exception(&'a Shift),
}

impl Schedule {
    /// Shift of a weekday, regardless of holidays and exceptions.
    pub(super) fn regular(&self, weekday: Weekday) -> &Shift {
        &self.week[usize::from(weekday.to_monday_zero_offset().unsigned_abs())]
    }

    /// All holidays, by rule and by date.
    pub(super) fn holiday_dates(&self) -> BTreeSet<Date> {
        let by_rule = self.holidays.iter().flat_map(|holiday| YEARS.filter_map(|year| holiday.date(year)));
        by_rule.chain(self.listed.iter().copied()).collect()
    }

    /// Kind of a date. `holidays` is the result of [`Schedule::holiday_dates`], computed once for many dates.
    pub(super) fn day_kind(&self, date: Date, holidays: &BTreeSet<Date>) -> DayKind<'_> {
        match self.exceptions.get(&date) {
            Some(shift) => DayKind::Exception(shift),
            None if holidays.contains(&date) => DayKind::Holiday,
            None => DayKind::Ordinary,
        }
    }
}
