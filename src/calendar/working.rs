//! Working time: hours and weights of weekdays, holidays, exceptions.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::days::Days;
use super::hours::Hours;
use super::period::{Interval, Period, start_of_day};
use super::schedule::{Schedule, Shift};
use crate::clock::{DAY, Millis, Timestamp};

/// Name of the built-in calendar without closing time.
pub(super) const ALWAYS: &str = "always";

/// Month from which the next year's list of holidays is expected.
const NEXT_LIST_DUE: i8 = 11;

/// Working time and weights of days for one kind of work, for the years 2000 to 2100. Outside of them all is closed.
///
/// Queries take some tens of nanoseconds; a calendar is about 2 MB.
#[derive(Debug, PartialEq)]
pub struct WorkingCalendar {
    name: String,
    description: String,
    zone: TimeZone,
    days: Days,
    /// Names of holidays that have one in their file.
    holiday_names: BTreeMap<Date, String>,
    /// Coverage of the lists of holidays; `None` if the calendar has no lists.
    lists: Option<ListCoverage>,
}

/// Years for which the lists of holidays are complete, also as an interval.
#[derive(Debug, PartialEq)]
struct ListCoverage {
    years: RangeInclusive<i16>,
    interval: Interval,
    /// True if rules presume the holidays of years without a list.
    is_presumed_beyond: bool,
}

/// Lists of holidays of a calendar.
#[derive(Debug)]
pub(super) struct HolidayLists {
    /// Years with complete lists.
    pub years: RangeInclusive<i16>,
    /// True if rules presume the holidays of years without a list.
    pub is_presumed_beyond: bool,
}

/// Year whose list of holidays is missing.
#[derive(Debug, PartialEq)]
pub struct MissingYear {
    /// Description with a remedy.
    pub message: String,
    /// True for the present year; false for the next.
    pub has_begun: bool,
}

impl WorkingCalendar {
    /// Calendar that is open all the time, each day with weight 1.
    pub fn always(zone: TimeZone) -> Self {
        let day = Shift { hours: Hours::all_day(), weight: 1.0 };
        let schedule = Schedule { week: std::array::from_fn(|_| day.clone()), ..Schedule::default() };
        Self::new(ALWAYS, "open all the time", zone, &schedule, None)
    }

    /// `lists` is `None` if the calendar has no lists of holidays.
    pub(super) fn new(
        name: &str,
        description: &str,
        zone: TimeZone,
        schedule: &Schedule,
        lists: Option<HolidayLists>,
    ) -> Self {
        let start = |year: i16| start_of_day(date(year, 1, 1), &zone);
        let lists = lists.map(|HolidayLists { years, is_presumed_beyond }| ListCoverage {
            interval: Interval { start: start(*years.start()), end: start(years.end() + 1) },
            years,
            is_presumed_beyond,
        });
        let days = Days::new(schedule, &zone);
        let holiday_names = schedule.names.clone();
        Self { name: name.to_owned(), description: description.to_owned(), zone, days, holiday_names, lists }
    }

    /// Unique name; the value of the label `calendar`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Description in its file; empty without one.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Zone in which dates and hours count.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// True if `time` is working time.
    pub fn is_open(&self, time: Timestamp) -> bool {
        self.days.is_open(time)
    }

    /// True if there is working time on a date.
    pub fn is_working_day(&self, date: Date) -> bool {
        self.days.is_working_day(date)
    }

    /// True if a date is closed though its day of the week is not: a holiday, or an exception without hours.
    pub fn is_holiday(&self, date: Date) -> bool {
        self.days.is_holiday(date)
    }

    /// Name of the holiday on a date in the calendar's file; `None` if it has none, or is a working day.
    pub fn holiday_name(&self, date: Date) -> Option<&str> {
        self.holiday_names.get(&date).filter(|_| self.is_holiday(date)).map(String::as_str)
    }

    /// Closed spans within an interval, ascending. Each ends where the calendar opens, or at a midnight of its zone before
    /// and after a holiday, so that one with a name is of that holiday alone.
    pub fn closed_spans(&self, interval: Interval) -> Vec<Interval> {
        let mut spans = Vec::new();
        let mut from = interval.start;
        let open = self.days.open_spans(interval);
        let ends = open.iter().map(|open| (open.start, open.end)).chain([(interval.end, interval.end)]);
        for (opens, closes) in ends {
            let days = Period::Day.overlapping(Interval { start: from, end: opens }, &self.zone);
            let is_named = |at: Timestamp| self.holiday_name(at.to_jiff().to_zoned(self.zone.clone()).date()).is_some();
            let mut start = from;
            for day in days {
                let midnight = day.start;
                if midnight > start && (is_named(midnight) || is_named(midnight - 1)) {
                    spans.push(Interval { start, end: midnight });
                    start = midnight;
                }
            }
            if start < opens {
                spans.push(Interval { start, end: opens });
            }
            from = closes;
        }
        spans
    }

    /// First working time from `time` on; `None` if there is none until 2100.
    pub fn next_opening(&self, time: Timestamp) -> Option<Timestamp> {
        self.days.next_opening(time)
    }

    /// First instant after `time` at which the calendar opens or closes; `None` if it stays as it is for a month.
    pub fn next_change(&self, time: Timestamp) -> Option<Timestamp> {
        self.days.next_change(time, time + 31 * DAY)
    }

    /// Working time within an interval, in milliseconds.
    pub fn open_time(&self, interval: Interval) -> Millis {
        (self.days.open_until(interval.end) - self.days.open_until(interval.start)).max(0)
    }

    /// Share of a plan that falls to an interval, in weights of days: each working day counts in proportion to its open
    /// time in the interval. A profile weights the hours of the day; on a day whose open hours all have profile 0, open
    /// time counts evenly.
    ///
    /// Divided by the weight of a whole period it is the share F(t) of sales pacing:
    ///
    /// ```text
    /// F(t) = (sum of w c over the days before t + w c h(t) of the day of t) / (sum of w c over the period)
    ///
    /// w  weight of the weekday        c  0 on holidays, else 1        h(t)  share of the day before t
    /// ```
    pub fn weight(&self, interval: Interval, profile: Option<&[f64; 24]>) -> f64 {
        (self.days.weight_until(interval.end, profile) - self.days.weight_until(interval.start, profile)).max(0.0)
    }

    /// Weight of an interval without holidays, exceptions and profile: the reference for proration.
    pub fn regular_weight(&self, interval: Interval) -> f64 {
        (self.days.regular_until(interval.end) - self.days.regular_until(interval.start)).max(0.0)
    }

    /// End of the last year with a list of holidays, up to the first gap; `None` if the calendar has no lists.
    pub fn covered_until(&self) -> Option<Timestamp> {
        self.lists.as_ref().map(|lists| lists.interval.end)
    }

    /// True if all holidays of an interval are known.
    pub fn covers(&self, interval: Interval) -> bool {
        let listed = self.lists.as_ref().map(|lists| lists.interval);
        listed.is_none_or(|listed| listed.start <= interval.start && interval.end <= listed.end)
    }

    /// Year whose list of holidays is missing: this one, or from November the next.
    pub fn uncovered(&self, now: Timestamp) -> Option<MissingYear> {
        let ListCoverage { years, is_presumed_beyond, .. } = self.lists.as_ref()?;
        let today = now.to_jiff().to_zoned(self.zone.clone()).date();
        let next = (today.month() >= NEXT_LIST_DUE).then_some(today.year() + 1);
        let missing = [Some(today.year()), next].into_iter().flatten().find(|year| !years.contains(year))?;
        let (name, first, last) = (&self.name, years.start(), years.end());
        let presumed = if *is_presumed_beyond { ", whose holidays are presumed by rule" } else { "" };
        let message = format!(
            "calendar {name} lists holidays from {first} to {last}, but not for {missing}{presumed}; add a [[calendar.{name}.list]] for that year"
        );
        Some(MissingYear { message, has_begun: missing == today.year() })
    }
}

#[cfg(test)]
mod tests;
