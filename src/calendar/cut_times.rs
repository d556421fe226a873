//! Instants of cuts (spec/figures.md#cut-instants).

use std::sync::Arc;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::WorkingCalendar;
use super::period::{Interval, Period, date_at, start_of_day, start_of_next};
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
        let (start, next) = (start_of_day(date, &self.zone), start_of_next(date, &self.zone));
        let is_working = self.calendar.as_ref().is_none_or(|calendar| calendar.is_working_day(date));
        let times = self.times.iter().filter(|_| is_working).filter_map(|&time| self.instant(date, time));
        let mut instants: Vec<Timestamp> =
            times.filter(|instant| (start..next).contains(instant)).chain([start, next]).collect();
        instants.sort_unstable();
        instants.dedup();
        instants
    }

    /// Instants within an interval, its end included, ascending.
    pub fn within(&self, interval: Interval) -> Vec<Timestamp> {
        let days = Period::Day.overlapping(interval, &self.zone);
        let mut instants: Vec<Timestamp> = days.flat_map(|day| self.of_day(day.start)).collect();
        instants.retain(|instant| (interval.start..=interval.end).contains(instant));
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
    use crate::calendar::read;
    use crate::clock::{DAY, HOUR};
    use crate::settings::Document;

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

    #[test]
    fn instants_pass_over_a_date_that_the_zone_skips() {
        let zone = TimeZone::get("Pacific/Apia").unwrap();
        let cut_times = CutTimes::new(zone, vec!["18:00".parse().unwrap()], None);
        let (evening, midnight) = (at("2011-12-30T04:00:00Z"), at("2011-12-30T10:00:00Z"));
        assert_eq!(cut_times.first_from(evening + 1), midnight);
        assert_eq!(cut_times.first_from(midnight + 1), midnight + 18 * HOUR);
        assert_eq!(cut_times.last_before(midnight), evening);
        let two_days = Interval { start: evening, end: midnight + DAY };
        assert_eq!(cut_times.within(two_days), [evening, midnight, midnight + 18 * HOUR, midnight + DAY]);
    }

    #[test]
    fn a_calendar_of_another_zone_is_asked_for_the_programmes_date() {
        // In Auckland it is Monday 18 May 2020 from Sunday noon in UTC on.
        let text = "[calendar.x]\ntime_zone = 'Pacific/Auckland'\nhours.monday = ['09:00-18:00']\n";
        let calendar = read(&[Document::parse("x.toml", text)], &TimeZone::UTC).remove(1);
        let cut_times = CutTimes::new(TimeZone::UTC, vec!["18:00".parse().unwrap()], Some(calendar));
        assert_eq!(cut_times.of_day(at("2020-05-17T12:00:00Z")).len(), 2, "Sunday has its midnights only");
        assert!(cut_times.of_day(at("2020-05-18T12:00:00Z")).contains(&at("2020-05-18T18:00:00Z")));
    }
}
