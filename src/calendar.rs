//! Calendar periods in an IANA zone: days, ISO weeks (from Monday) and months, each an interval of instants.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::clock::Millis;

/// A kind of calendar period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    Day,
    Week,
    Month,
}

impl Period {
    pub const ALL: [Period; 3] = [Period::Day, Period::Week, Period::Month];

    /// The beginnings of consecutive periods in `zone`: of the one before `now`, the one that holds `now`, and `ahead` after it. Periods
    /// end where the next begins; with changes of the clock a day has 23 or 25 hours.
    pub fn starts(self, now: Millis, zone: &TimeZone, ahead: usize) -> Vec<Millis> {
        let today = Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX).to_zoned(zone.clone()).date();
        let current = self.first_day(today);
        (0..ahead + 2).map(|count| start_of_day(self.shifted(current, count as i32 - 1), zone)).collect()
    }

    /// The instant at which the period that holds `now` began.
    pub fn start(self, now: Millis, zone: &TimeZone) -> Millis {
        self.starts(now, zone, 0)[1]
    }

    fn first_day(self, date: Date) -> Date {
        match self {
            Period::Day => date,
            Period::Week => date.saturating_sub(i64::from(date.weekday().to_monday_zero_offset()).days()),
            Period::Month => date.first_of_month(),
        }
    }

    fn shifted(self, first_day: Date, count: i32) -> Date {
        match self {
            Period::Day => first_day.saturating_add(count.days()),
            Period::Week => first_day.saturating_add(count.weeks()),
            Period::Month => first_day.saturating_add(count.months()),
        }
    }
}

/// The first instant of a day: midnight, or where the clock skips it, the instant after the gap.
fn start_of_day(date: Date, zone: &TimeZone) -> Millis {
    date.to_zoned(zone.clone()).and_then(|midnight| midnight.start_of_day()).map_or(Millis::MAX, |start| start.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{DAY, HOUR};

    fn at(text: &str) -> Millis {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn mexico_city() -> TimeZone {
        TimeZone::get("America/Mexico_City").unwrap()
    }

    #[test]
    fn a_week_begins_on_monday_at_midnight_of_the_zone() {
        let starts = Period::Week.starts(at("2020-05-13T12:00:00Z"), &mexico_city(), 1);
        assert_eq!(starts, [at("2020-05-04T05:00:00Z"), at("2020-05-11T05:00:00Z"), at("2020-05-18T05:00:00Z")]);
        assert_eq!(Period::Week.start(at("2020-05-18T04:59:59.999Z"), &mexico_city()), at("2020-05-11T05:00:00Z"));
        assert_eq!(Period::Week.start(at("2026-11-21T22:00:00Z"), &mexico_city()), at("2026-11-16T06:00:00Z"));
    }

    #[test]
    fn days_of_a_change_of_the_clock_have_23_and_25_hours() {
        let spring = Period::Day.starts(at("2022-04-03T18:00:00Z"), &mexico_city(), 1);
        assert_eq!(spring[2] - spring[1], 23 * HOUR);
        let autumn = Period::Day.starts(at("2022-10-30T18:00:00Z"), &mexico_city(), 1);
        assert_eq!(autumn[2] - autumn[1], 25 * HOUR);
    }

    #[test]
    fn months_are_as_long_as_they_are() {
        let starts = Period::Month.starts(at("2024-02-15T00:00:00Z"), &mexico_city(), 1);
        assert_eq!(starts[2] - starts[1], 29 * DAY);
        assert_eq!(starts[1] - starts[0], 31 * DAY);
    }
}
