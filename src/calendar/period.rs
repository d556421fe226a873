//! Calendar periods in an IANA zone, each an interval of instants.

use jiff::ToSpan;
use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::tz::TimeZone;

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

    /// Starts of consecutive periods: the one before `now`, the one that contains `now`, and `ahead` more.
    ///
    /// # Panics
    ///
    /// Panics for a campaign.
    pub fn starts(self, now: Timestamp, zone: &TimeZone, ahead: usize) -> Vec<Timestamp> {
        let current = self.at(now, zone).expect("not a campaign");
        let mut starts = vec![self.ended(now, zone).expect("not a campaign").start, current.start];
        (0..ahead).for_each(|_| starts.push(self.at(starts[starts.len() - 1], zone).expect("not a campaign").end));
        starts
    }

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
        let current = self.first_day(date_at(time, zone))?;
        self.dated(current.saturating_sub(1.day()), zone)
    }

    /// Period that contains a date; `None` outside of a campaign.
    fn dated(self, date: Date, zone: &TimeZone) -> Option<Interval> {
        let first = self.first_day(date)?;
        Some(Interval { start: start_of_day(first, zone), end: start_of_day(self.first_day_after(first), zone) })
    }

    fn first_day(self, date: Date) -> Option<Date> {
        match self {
            Period::Day => Some(date),
            Period::Week(first) => Some(date.saturating_sub(i64::from(first.until(date.weekday())).days())),
            Period::Month => Some(date.first_of_month()),
            Period::Campaign(from, to) => (from..=to).contains(&date).then_some(from),
        }
    }

    fn first_day_after(self, first: Date) -> Date {
        match self {
            Period::Day => first.saturating_add(1.day()),
            Period::Week(_) => first.saturating_add(1.week()),
            Period::Month => first.saturating_add(1.month()),
            Period::Campaign(_, to) => to.saturating_add(1.day()),
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
                format!("{first}--{}", self.first_day_after(first).saturating_sub(1.day()))
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
    let date = time.to_jiff().to_zoned(zone.clone()).date();
    let next = date.saturating_add(1.day());
    if start_of_day(next, zone) <= time { next } else { date }
}

/// First instant of a day: midnight, or the instant after the gap where the clock skips it.
pub(super) fn start_of_day(date: Date, zone: &TimeZone) -> Timestamp {
    date.to_zoned(zone.clone())
        .and_then(|midnight| midnight.start_of_day())
        .map_or(Timestamp::MAX, |start| start.timestamp().into())
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
}
