//! Instants of cuts (spec/figures.md#cut-instants).

use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::WorkingCalendar;
use super::period::{date_at, start_of_day};
use crate::clock::Timestamp;

/// Instants of cuts: the beginning of each day of a zone, where all periods end, and configured times of day.
#[derive(Debug, Clone)]
pub struct CutTimes {
    zone: TimeZone,
    times: Vec<Time>,
    /// Calendar on whose working days the times of day apply; `None` for every day.
    calendar: Option<Arc<WorkingCalendar>>,
}

impl CutTimes {
    /// Cuts at each midnight of `zone` and at `times` of the working days of `calendar`, or of every day without one.
    pub fn new(zone: TimeZone, times: Vec<Time>, calendar: Option<Arc<WorkingCalendar>>) -> Self {
        Self { zone, times, calendar }
    }

    /// Zone of midnights and times of day.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Instants within the day that contains `time`, ascending, and the beginning of the next day.
    pub fn of_day(&self, time: Timestamp) -> Vec<Timestamp> {
        let date = date_at(time, &self.zone);
        let next = start_of_day(date.saturating_add(1.day()), &self.zone);
        let start = start_of_day(date, &self.zone);
        let is_working = self.calendar.as_ref().is_none_or(|calendar| calendar.is_working_day(date));
        let times = self.times.iter().filter(|_| is_working).filter_map(|&time| self.instant(date, time));
        let mut instants: Vec<Timestamp> =
            times.filter(|instant| (start..next).contains(instant)).chain([start, next]).collect();
        instants.sort_unstable();
        instants.dedup();
        instants
    }

    /// First instant at or after `time`.
    pub fn first_from(&self, time: Timestamp) -> Timestamp {
        self.of_day(time).into_iter().find(|&instant| instant >= time).unwrap_or(Timestamp::MAX)
    }

    /// Last instant before `time`.
    pub fn last_before(&self, time: Timestamp) -> Timestamp {
        let instants = self.of_day(time.saturating_sub(1));
        instants.into_iter().rev().find(|&instant| instant < time).unwrap_or(Timestamp::MIN)
    }

    /// Instant of a time of day. A repeated time is its first occurrence; a skipped one is as long after midnight as if
    /// the clock had not changed.
    fn instant(&self, date: Date, time: Time) -> Option<Timestamp> {
        Some(date.to_datetime(time).to_zoned(self.zone.clone()).ok()?.timestamp().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{DAY, HOUR};

    fn at(text: &str) -> Timestamp {
        text.parse::<Timestamp>().unwrap()
    }

    fn cut_times(times: &[&str]) -> CutTimes {
        let zone = TimeZone::get("America/Mexico_City").unwrap();
        CutTimes::new(zone, times.iter().map(|time| time.parse().unwrap()).collect(), None)
    }

    #[test]
    fn a_day_has_both_its_midnights_and_the_times_between() {
        let midnight = at("2020-05-15T05:00:00Z");
        assert_eq!(
            cut_times(&["18:00", "12:00"]).of_day(midnight),
            [midnight, midnight + 12 * HOUR, midnight + 18 * HOUR, midnight + DAY]
        );
        assert_eq!(cut_times(&["00:00"]).of_day(midnight + HOUR), [midnight, midnight + DAY]);
    }

    #[test]
    fn the_first_from_an_instant_may_be_that_instant() {
        let midnight = at("2020-05-15T05:00:00Z");
        let cut_times = cut_times(&["18:00"]);
        assert_eq!(cut_times.first_from(midnight), midnight);
        assert_eq!(cut_times.first_from(midnight + 1), midnight + 18 * HOUR);
        assert_eq!(cut_times.first_from(midnight + 18 * HOUR + 1), midnight + DAY);
    }

    #[test]
    fn the_last_before_an_instant_is_not_that_instant() {
        let midnight = at("2020-05-15T05:00:00Z");
        let cut_times = cut_times(&["18:00"]);
        assert_eq!(cut_times.last_before(midnight), midnight - 6 * HOUR);
        assert_eq!(cut_times.last_before(midnight + 1), midnight);
        assert_eq!(cut_times.last_before(midnight + DAY), midnight + 18 * HOUR);
    }

    #[test]
    fn a_time_that_the_clock_skips_or_repeats_is_one_instant() {
        // 2022-04-03 02:00 does not exist, 2022-10-30 01:30 exists twice.
        assert_eq!(cut_times(&["02:30"]).of_day(at("2022-04-03T18:00:00Z")).len(), 3);
        assert_eq!(cut_times(&["01:30"]).of_day(at("2022-10-30T18:00:00Z")).len(), 3);
    }
}
