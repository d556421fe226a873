//! RFC 3339 date-times as instants (spec/events.md#event-time).
//!
//! Hand-written, since jiff accepts more (spaces, second 60, no seconds) and all of its extras would have to be refused
//! again. It is the witness in the tests.

use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND, Timestamp};

/// 2000-01-01T00:00:00Z, the first instant that an event may have.
const FIRST: Timestamp = Timestamp::from_millis(946_684_800_000);
/// 2101-01-01T00:00:00Z, the first one that is too late.
const END: Timestamp = Timestamp::from_millis(4_133_980_800_000);

/// The instant of an RFC 3339 date-time in the years 2000 to 2100 (of UTC), truncated to the millisecond.
///
/// `T` and `Z` in either case, any number of decimals, offsets up to 23:59 (`-00:00` included: it is UTC with an
/// unknown local time); real dates only, and no second 60.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.as_bytes();
    let [y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T' | b't', h1, h2, b':', mi1, mi2, b':', s1, s2, rest @ ..] =
        text
    else {
        return None;
    };
    let year = two(*y1, *y2)? * 100 + two(*y3, *y4)?;
    let month = two(*mo1, *mo2).filter(|month| (1..=12).contains(month))?;
    let day = two(*d1, *d2).filter(|&day| day >= 1 && day <= days_of_month(year, month))?;
    let hour = two(*h1, *h2).filter(|&hour| hour < 24)?;
    let minute = two(*mi1, *mi2).filter(|&minute| minute < 60)?;
    let second = two(*s1, *s2).filter(|&second| second < 60)?;
    let (millis, zone) = fraction(rest)?;
    let local = days_since_epoch(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * SECOND + millis;
    let instant = Timestamp::from_millis(local - offset(zone)?);
    (FIRST..END).contains(&instant).then_some(instant)
}

/// The milliseconds of `[.digits]`, and what follows it.
fn fraction(rest: &[u8]) -> Option<(Millis, &[u8])> {
    let Some(decimals) = rest.strip_prefix(b".") else {
        return Some((0, rest));
    };
    let len = decimals.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, zone) = decimals.split_at(len);
    let digit = |at: usize| digits.get(at).map_or(0, |digit| Millis::from(digit - b'0'));
    (len > 0).then(|| (digit(0) * 100 + digit(1) * 10 + digit(2), zone))
}

/// Offset of the zone from UTC; positive to the east.
fn offset(zone: &[u8]) -> Option<Millis> {
    match *zone {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let hours = two(h1, h2).filter(|&hours| hours < 24)?;
            let minutes = two(m1, m2).filter(|&minutes| minutes < 60)?;
            let ahead = hours * HOUR + minutes * MINUTE;
            Some(if sign == b'-' { -ahead } else { ahead })
        }
        _ => None,
    }
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date
/// algorithms", `days_from_civil`, for years from 1 on). The year begins in March, so that the leap day is its last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn instants_are_read_in_any_offset() {
        for (text, millis) in [
            ("2020-05-04T09:30:00Z", 1_588_584_600_000),
            ("2020-05-04t09:30:00z", 1_588_584_600_000),
            ("2020-05-04T04:30:00-05:00", 1_588_584_600_000),
            ("2020-05-04T09:30:00-00:00", 1_588_584_600_000),
            ("2020-05-05T09:29:00.0+23:59", 1_588_584_600_000),
            ("2020-05-03T09:31:00-23:59", 1_588_584_600_000),
            ("2020-05-04T09:30:00.1Z", 1_588_584_600_100),
            ("2020-05-04T09:30:00.123999999999999999999999999Z", 1_588_584_600_123),
            ("2000-01-01T00:00:00Z", FIRST.as_millis()),
            ("1999-12-31T19:00:00-05:00", FIRST.as_millis()),
            ("2100-12-31T23:59:59.9999Z", END.as_millis() - 1),
            ("2101-01-01T00:59:59.999+01:00", END.as_millis() - 1),
            ("2020-02-29T00:00:00Z", 1_582_934_400_000),
        ] {
            assert_eq!(parse(text), Some(Timestamp::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_of_our_time_is_refused() {
        for text in [
            "",
            "2020-05-04",
            "2020-05-04T09:30:00",
            "2020-05-04T09:30Z",
            "2020-05-04 09:30:00Z",
            "2020-05-04T09:30:00,5Z",
            "2020-05-04T09:30:00.Z",
            "2020-05-04T09:30:00.5",
            "2020-05-04T09:30:00ZZ",
            "2020-05-04T09:30:00Z ",
            "2020-05-04T09:30:00+24:00",
            "2020-05-04T09:30:00+05:60",
            "2020-05-04T09:30:00+0500",
            "2020-05-04T09:30:00+05",
            "2020-05-04T09:30:60Z",
            "2016-12-31T23:59:60Z",
            "2020-05-04T09:60:00Z",
            "2020-05-04T24:00:00Z",
            "2020-13-01T00:00:00Z",
            "2020-00-01T00:00:00Z",
            "2020-01-00T00:00:00Z",
            "2020-04-31T00:00:00Z",
            "2019-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "1999-12-31T23:59:59.999Z",
            "2000-01-01T00:00:00+00:01",
            "2101-01-01T00:00:00Z",
            "2100-12-31T23:59:59-00:01",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "+020-05-04T09:30:00Z",
            "２020-05-04T09:30:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        /// jiff is the independent witness.
        #[test]
        fn agrees_with_jiff(millis in FIRST.as_millis()..END.as_millis(), offset in -1439..=1439i64, digits in 3..=9usize) {
            let local = jiff::Timestamp::from_millisecond(millis + offset * MINUTE).unwrap();
            let zone = format!("{}{:02}:{:02}", if offset < 0 { '-' } else { '+' }, offset.abs() / 60, offset.abs() % 60);
            let text = format!("{}.{:0<digits$}{zone}", local.strftime("%Y-%m-%dT%H:%M:%S"), format!("{:03}", millis.rem_euclid(SECOND)));
            prop_assert_eq!(parse(&text), Some(Timestamp::from_millis(millis)), "{}", text);
        }

        #[test]
        fn never_panics(text in "[0-9TtZz:.+-]{0,40}|.{0,40}") {
            parse(&text);
        }
    }
}
