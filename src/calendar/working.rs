//! Working time: hours and weights of weekdays, holidays, exceptions.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::days::Days;
use super::hours::Hours;
use super::period::{Interval, start_of_day};
use super::schedule::{Schedule, Shift};
use crate::clock::Millis;

/// The name of the calendar that is there without a file.
pub(super) const ALWAYS: &str = "always";

/// From this month on the next year's list must be there.
const LISTS_ARE_OUT: i8 = 11;

/// Working time and weights of days for one kind of work. Known are the years 2000 to 2100; before and after, all is closed.
///
/// Queries take some tens of nanoseconds; a calendar is about 2 MB.
#[derive(Debug, PartialEq)]
pub struct WorkingCalendar {
    name: String,
    description: String,
    zone: TimeZone,
    days: Days,
    /// If the calendar has lists of holidays.
    listed: Option<Listed>,
}

/// For which years lists of holidays are complete, and as an interval.
#[derive(Debug, PartialEq)]
struct Listed {
    years: RangeInclusive<i16>,
    interval: Interval,
}

impl WorkingCalendar {
    /// Open all the time, each day of weight 1.
    pub fn always(zone: TimeZone) -> Self {
        let day = Shift { hours: Hours::all_day(), weight: 1.0 };
        let schedule = Schedule { week: std::array::from_fn(|_| day.clone()), ..Schedule::default() };
        Self::new(ALWAYS, "open all the time", zone, &schedule, None)
    }

    /// `listed` are the years for which the lists are complete; none if the calendar has no lists.
    pub(super) fn new(
        name: &str,
        description: &str,
        zone: TimeZone,
        schedule: &Schedule,
        listed: Option<RangeInclusive<i16>>,
    ) -> Self {
        let start = |year: i16| start_of_day(date(year, 1, 1), &zone);
        let listed = listed.map(|years| Listed {
            interval: Interval { start: start(*years.start()), end: start(years.end() + 1) },
            years,
        });
        let days = Days::new(schedule, &zone);
        Self { name: name.to_owned(), description: description.to_owned(), zone, days, listed }
    }

    /// Unique; the value of the label `calendar`.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn description(&self) -> &str {
        &self.description
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// True if `time` is working time.
    pub fn is_open(&self, time: Millis) -> bool {
        self.days.is_open(time)
    }

    /// True if there is working time on a date.
    pub fn is_working_day(&self, date: Date) -> bool {
        self.days.is_working_day(date)
    }

    /// Working time within an interval.
    pub fn open_time(&self, interval: Interval) -> Millis {
        (self.days.open_until(interval.end) - self.days.open_until(interval.start)).max(0)
    }

    /// Share of a plan that falls to an interval, in weights of days: each working day counts in proportion to its open time in the interval. With a
    /// profile, which gives each hour of the clock its share, the hours count by it; a day none of whose open hours has a share goes evenly.
    ///
    /// With the weight of a whole period as denominator this is the F(t) of common sales pacing: F(t) = (sum over the days before of w c +
    /// w c h(t) of the current one) / sum of w c, where w is the weight of the weekday, c is 0 on holidays, and h(t) the day's share until t.
    pub fn weight(&self, interval: Interval, profile: Option<&[f64; 24]>) -> f64 {
        (self.days.weight_until(interval.end, profile) - self.days.weight_until(interval.start, profile)).max(0.0)
    }

    /// The weight of an interval if there were no holidays and exceptions, without a profile: the reference for proration.
    pub fn regular_weight(&self, interval: Interval) -> f64 {
        (self.days.usual_until(interval.end) - self.days.usual_until(interval.start)).max(0.0)
    }

    /// The end of the last year for which lists of holidays are complete, counting on from the first; none if the calendar needs no lists.
    pub fn covered_until(&self) -> Option<Millis> {
        self.listed.as_ref().map(|listed| listed.interval.end)
    }

    /// True if all holidays of an interval are known.
    pub fn covers(&self, interval: Interval) -> bool {
        let listed = self.listed.as_ref().map(|listed| listed.interval);
        listed.is_none_or(|listed| listed.start <= interval.start && interval.end <= listed.end)
    }

    /// What is missing, and what to do, if the list of the current year is, or from November on the next year's.
    pub fn uncovered(&self, now: Millis) -> Option<String> {
        let years = &self.listed.as_ref()?.years;
        let today = Timestamp::from_millisecond(now).ok()?.to_zoned(self.zone.clone()).date();
        let next = (today.month() >= LISTS_ARE_OUT).then_some(today.year() + 1);
        let missing = [Some(today.year()), next].into_iter().flatten().find(|year| !years.contains(year))?;
        let (name, first, last) = (&self.name, years.start(), years.end());
        Some(format!(
            "calendar {name} lists holidays from {first} to {last} and not of {missing}: add a [[calendar.{name}.list]] of that year"
        ))
    }
}

#[cfg(test)]
mod tests;
