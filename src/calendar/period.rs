//! Calendar periods in an IANA zone, each an interval of instants.

use jiff::ToSpan;
use jiff::civil::{Date, ISOWeekDate, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::clock::Timestamp;

/// Kind of calendar period. All consist of whole days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// Local day.
    Day,
    /// Seven days from this weekday; from Monday, the week of ISO 8601.
    Week(Weekday),
    /// Calendar month.
    Month,
    /// Single period from the first date to the second, both included.
    Campaign(Date, Date),
}

/// Span of time from `start` up to and not including `end`. Milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// First instant.
    pub start: Timestamp,
    /// First instant after the interval.
    pub end: Timestamp,
}

impl Interval {
    /// True if `time` lies within the interval.
    pub fn contains(&self, time: Timestamp) -> bool {
        (self.start..self.end).contains(&time)
    }
}

impl Period {
    /// Week of ISO 8601, from Monday.
    pub const WEEK: Period = Period::Week(Weekday::Monday);

    /// Periods of the families that every programme has: day, week, month (spec/figures.md#periods).
    pub const STANDARD: [Period; 3] = [Period::Day, Period::WEEK, Period::Month];

    /// Index into [`Period::STANDARD`].
    ///
    /// # Panics
    ///
    /// Panics for a period that is not in it.
    pub fn index(self) -> usize {
        Self::STANDARD.iter().position(|&standard| standard == self).expect("a day, an ISO week or a month")
    }

    /// Name of the kind in metrics and the API.
    pub fn name(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week(_) => "week",
            Period::Month => "month",
            Period::Campaign(..) => "campaign",
        }
    }

    /// Period that contains `time`; `None` outside of a campaign.
    pub fn at(self, time: Timestamp, zone: &TimeZone) -> Option<Interval> {
        self.dated(date_at(time, zone), zone)
    }

    /// Last period that ended at or before `time`; `None` if the campaign has not ended.
    pub fn ended(self, time: Timestamp, zone: &TimeZone) -> Option<Interval> {
        if let Period::Campaign(from, _) = self {
            return self.dated(from, zone).filter(|campaign| campaign.end <= time);
        }
        // The date before may be one that the zone skipped.
        let current = self.at(time, zone)?;
        self.at(current.start.saturating_sub(1), zone).filter(|before| before.end <= current.start)
    }

    /// Periods that ended at or before `time`, the newest first, without a gap between them.
    pub fn all_ended(self, time: Timestamp, zone: &TimeZone) -> impl Iterator<Item = Interval> {
        std::iter::successors(self.ended(time, zone), move |period| {
            self.ended(period.start, zone).filter(|before| before.start < period.start)
        })
    }

    /// Periods that overlap an interval, the oldest first.
    pub fn overlapping(self, interval: Interval, zone: &TimeZone) -> impl Iterator<Item = Interval> {
        let next = move |from| self.at(from, zone).filter(|period| from < period.end && from < interval.end);
        std::iter::successors(next(interval.start), move |period| next(period.end))
    }

    /// Period that contains a date; `None` outside of a campaign, and for dates that the zone skipped.
    fn dated(self, date: Date, zone: &TimeZone) -> Option<Interval> {
        let first = self.first_day(date)?;
        let period = Interval { start: start_of_day(first, zone), end: start_of_next(self.last_day(first), zone) };
        (period.start < period.end).then_some(period)
    }

    fn first_day(self, date: Date) -> Option<Date> {
        match self {
            Period::Day => Some(date),
            Period::Week(first) => Some(date.saturating_sub(i64::from(first.until(date.weekday())).days())),
            Period::Month => Some(date.first_of_month()),
            Period::Campaign(from, to) => (from..=to).contains(&date).then_some(from),
        }
    }

    fn last_day(self, first: Date) -> Date {
        match self {
            Period::Day => first,
            Period::Week(_) => first.saturating_add(6.days()),
            Period::Month => first.last_of_month(),
            Period::Campaign(_, to) => to,
        }
    }

    /// Maximum number of days of such a period.
    pub fn longest_days(self) -> i64 {
        match self {
            Period::Day => 1,
            Period::Week(_) => 7,
            Period::Month => 31,
            Period::Campaign(from, to) => i64::from((to - from).get_days()) + 1,
        }
    }

    /// Identifier of the period that contains `time`: `2020-05-15`, `2020-W20`, `2020-05`. A campaign, and a week from
    /// another day than Monday, has its first and last date: `2020-05-10--2020-05-16`.
    pub fn id(self, time: Timestamp, zone: &TimeZone) -> String {
        let date = date_at(time, zone);
        match self {
            Period::Day => date.to_string(),
            Period::WEEK => iso_week(date.iso_week_date()),
            Period::Month => date.strftime("%Y-%m").to_string(),
            Period::Week(_) | Period::Campaign(..) => {
                let first = self.first_day(date).unwrap_or(date);
                format!("{first}--{}", self.last_day(first))
            }
        }
    }

    /// Period with this identifier; `None` if there is none.
    pub fn named(self, id: &str, zone: &TimeZone) -> Option<Interval> {
        let date: Date = match self {
            Period::Day => id.parse().ok()?,
            Period::WEEK => {
                let (year, week) = id.split_once("-W")?;
                ISOWeekDate::new(year.parse().ok()?, week.parse().ok()?, Weekday::Monday).ok()?.date()
            }
            Period::Month => format!("{id}-01").parse().ok()?,
            Period::Week(_) | Period::Campaign(..) => id.split_once("--")?.0.parse().ok()?,
        };
        let interval = self.dated(date, zone)?;
        (self.id(interval.start, zone) == id).then_some(interval)
    }
}

fn iso_week(week: ISOWeekDate) -> String {
    format!("{}-W{:02}", week.year(), week.week())
}

/// Day that an instant belongs to: its local date. Where the clock goes back over midnight and a date comes twice, it
/// is the day that has begun.
pub(super) fn date_at(time: Timestamp, zone: &TimeZone) -> Date {
    let time = time.to_jiff();
    let date = time.to_zoned(zone.clone()).date();
    let next = date.saturating_add(1.day());
    if start_of_day(next, zone) <= time.into() { next } else { date }
}

/// First instant of a day: midnight, or the instant after the gap where the clock skips it. A date that the zone skips
/// has no instant; it begins with the next one.
pub(super) fn start_of_day(date: Date, zone: &TimeZone) -> Timestamp {
    let midnight = zone.to_ambiguous_timestamp(date.to_datetime(Time::midnight()));
    let start = match midnight.offset() {
        // The hour that clocks skip may begin before midnight.
        AmbiguousOffset::Gap { .. } => {
            midnight.earlier().ok().and_then(|before| zone.following(before).next().map(|change| change.timestamp()))
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => midnight.earlier().ok(),
    };
    let outside = if date.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    start.map_or(outside, Timestamp::from)
}

/// First instant after a day. The last day of the calendar has no end.
pub(super) fn start_of_next(date: Date, zone: &TimeZone) -> Timestamp {
    date.tomorrow().map_or(Timestamp::MAX, |next| start_of_day(next, zone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{DAY, HOUR};

    fn at(text: &str) -> Timestamp {
        text.parse::<Timestamp>().unwrap()
    }

    fn mexico_city() -> TimeZone {
        TimeZone::get("America/Mexico_City").unwrap()
    }

    #[test]
    fn a_week_begins_on_monday_at_midnight_of_the_zone() {
        let week = Period::WEEK.at(at("2020-05-13T12:00:00Z"), &mexico_city()).unwrap();
        assert_eq!(week, Interval { start: at("2020-05-11T05:00:00Z"), end: at("2020-05-18T05:00:00Z") });
        assert_eq!(Period::WEEK.at(week.end - 1, &mexico_city()), Some(week));
        assert_eq!(
            Period::WEEK.at(at("2026-11-21T22:00:00Z"), &mexico_city()).unwrap().start,
            at("2026-11-16T06:00:00Z")
        );
        let sunday = Period::Week(Weekday::Sunday).at(at("2020-05-13T12:00:00Z"), &mexico_city()).unwrap();
        assert_eq!(sunday, Interval { start: at("2020-05-10T05:00:00Z"), end: at("2020-05-17T05:00:00Z") });
    }

    #[test]
    fn the_last_ended_period_is_the_one_before() {
        let zone = mexico_city();
        let now = at("2020-05-18T05:00:00Z");
        assert_eq!(Period::WEEK.ended(now, &zone), Period::WEEK.at(now - 1, &zone));
        assert_eq!(Period::WEEK.ended(now - 1, &zone), Period::WEEK.at(now - 7 * DAY - 1, &zone));
        let campaign = Period::Campaign("2020-05-04".parse().unwrap(), "2020-05-17".parse().unwrap());
        assert_eq!(campaign.ended(now, &zone), Some(Interval { start: at("2020-05-04T05:00:00Z"), end: now }));
        assert_eq!(campaign.ended(now - 1, &zone), None);
        assert_eq!(campaign.at(now, &zone), None);
    }

    #[test]
    fn days_of_clock_changes_have_23_and_25_hours() {
        let length = |time: &str| Period::Day.at(at(time), &mexico_city()).map(|day| day.end - day.start);
        assert_eq!(length("2022-04-03T18:00:00Z"), Some(23 * HOUR));
        assert_eq!(length("2022-10-30T18:00:00Z"), Some(25 * HOUR));
    }

    #[test]
    fn an_instant_lies_in_its_day_when_midnight_repeats() {
        // On 7 November 2010 the clock went back from 00:01 to 23:01.
        let zone = TimeZone::get("America/St_Johns").unwrap();
        for minute in 0..180 {
            let instant = at("2010-11-07T01:30:00Z") + minute * 60_000;
            let day = Period::Day.at(instant, &zone).unwrap();
            assert!(
                day.contains(instant) && Period::Day.at(day.start, &zone) == Some(day),
                "{minute} minutes: {day:?}"
            );
        }
    }

    #[test]
    fn months_have_their_own_lengths() {
        let length = |time: &str| Period::Month.at(at(time), &mexico_city()).map(|month| month.end - month.start);
        assert_eq!(length("2024-02-15T00:00:00Z"), Some(29 * DAY));
        assert_eq!(length("2024-01-15T00:00:00Z"), Some(31 * DAY));
    }

    #[test]
    fn an_identifier_names_its_period() {
        let zone = mexico_city();
        let now = at("2021-01-02T18:00:00Z");
        let campaign = Period::Campaign("2020-12-28".parse().unwrap(), "2021-01-05".parse().unwrap());
        let expected = [
            (Period::Day, "2021-01-02"),
            (Period::WEEK, "2020-W53"),
            (Period::Month, "2021-01"),
            (Period::Week(Weekday::Sunday), "2020-12-27--2021-01-02"),
            (campaign, "2020-12-28--2021-01-05"),
        ];
        for (period, id) in expected {
            assert_eq!(period.id(now, &zone), id);
            assert_eq!(period.named(id, &zone), period.at(now, &zone));
        }
        assert_eq!(Period::WEEK.named("2020-W54", &zone), None);
        assert_eq!(Period::Day.named("2021-1-2", &zone), None);
    }

    /// Instants around every change of the clock in a zone, and by how much it changes.
    fn changes(zone: &TimeZone) -> impl Iterator<Item = (Timestamp, i32)> {
        let (first, last) = (at("1840-01-01T00:00:00Z"), at("2045-01-01T00:00:00Z"));
        let mut before = zone.to_offset(first.to_jiff()).seconds();
        let changes = zone.following(first.to_jiff()).map(move |change| {
            let offset = change.offset().seconds();
            (Timestamp::from(change.timestamp()), offset - std::mem::replace(&mut before, offset))
        });
        changes.take_while(move |(change, _)| *change < last)
    }

    /// The period of an instant contains it, and lies between two others without a gap.
    fn assert_between(name: &str, period: Period, instant: Timestamp, zone: &TimeZone) {
        let around = |period: Interval| format!("{name}: {period:?} at {instant}");
        let current = period.at(instant, zone).unwrap();
        assert!(current.contains(instant), "{}", around(current));
        let (before, after) = (period.ended(current.start, zone).unwrap(), period.at(current.end, zone).unwrap());
        assert!(before.start < before.end && before.end == current.start, "{}", around(before));
        assert!(after.start == current.end && after.start < after.end, "{}", around(after));
    }

    #[test]
    fn periods_follow_each_other_in_every_zone() {
        let (mut zones, mut skipped) = (0, 0);
        for name in jiff::tz::db().available() {
            let zone = TimeZone::get(name.as_str()).unwrap();
            zones += 1;
            for (change, by) in changes(&zone) {
                let is_large = by.unsigned_abs() > 12 * 3_600;
                skipped += usize::from(is_large && by > 0);
                let weeks = Weekday::Monday.cycle_forward().take(7).map(Period::Week);
                let others = weeks.chain([Period::Month]).filter(|_| is_large);
                for period in [Period::Day].into_iter().chain(others) {
                    [change - 1, change]
                        .into_iter()
                        .for_each(|instant| assert_between(name.as_str(), period, instant, &zone));
                }
            }
        }
        assert!(zones > 400 && skipped >= 6, "{zones} zones, {skipped} of them without some date");
    }

    #[test]
    fn a_date_that_a_zone_skips_is_no_day() {
        // Samoa changed sides of the date line at the end of 29 December 2011.
        let zone = TimeZone::get("Pacific/Apia").unwrap();
        let midnight = at("2011-12-30T10:00:00Z");
        let id = |day: Interval| Period::Day.id(day.start, &zone);
        let ended: Vec<String> = Period::Day.all_ended(midnight + 2 * DAY, &zone).take(4).map(id).collect();
        assert_eq!(ended, ["2012-01-01", "2011-12-31", "2011-12-29", "2011-12-28"]);
        let week = Period::WEEK.at(midnight, &zone).unwrap();
        assert_eq!(week.end - week.start, 6 * DAY);
        let days: Vec<String> = Period::Day.overlapping(week, &zone).map(id).collect();
        assert_eq!(days, ["2011-12-26", "2011-12-27", "2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]);
        assert_eq!(Period::Day.named("2011-12-30", &zone), None);
        let skipped = "2011-12-30".parse().unwrap();
        let campaign = Period::Campaign(skipped, skipped);
        assert_eq!((campaign.at(midnight, &zone), campaign.ended(midnight + DAY, &zone)), (None, None));
        assert_eq!(campaign.all_ended(midnight + DAY, &zone).count(), 0);
    }

    #[test]
    fn walks_end_with_the_calendar() {
        let zone = mexico_city();
        for period in Period::STANDARD {
            for instant in [Timestamp::MIN, Timestamp::MAX] {
                assert!(period.at(instant, &zone).is_some_and(|period| period.start < period.end), "{period:?}");
                period.ended(instant, &zone);
            }
            let last = period.at(Timestamp::MAX, &zone).unwrap();
            assert_eq!(period.overlapping(last, &zone).count(), 1);
            let first = period.at(Timestamp::MIN, &zone).unwrap();
            assert!(period.all_ended(first.end + 40 * DAY, &zone).count() <= 42);
        }
    }
}
