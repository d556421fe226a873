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
    let (local, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let (year, month, day, seconds) = local_time(local)?;
    let (millis, zone) = fraction(rest)?;
    let local = days_since_epoch(year, month, day)? * DAY + seconds * SECOND + millis;
    let instant = Timestamp::from_millis(local - offset(zone)?);
    (FIRST..END).contains(&instant).then_some(instant)
}

/// Year, month and day of `YYYY-MM-DDTHH:MM:SS`, and the second of the day; of the date, only its form is checked.
///
/// Looks at eight bytes at once (and at five of them twice), which takes a third of the instructions of a look at each.
#[inline]
fn local_time(text: &[u8; 19]) -> Option<(u32, u32, u32, i64)> {
    let word = |at: usize| text[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let date = digits(word(0), b"0000-00-")?;
    // The time of the day is written without its lower-case `t`.
    let middle = digits(word(8) & !(0x20 << 16), b"00T00:00")?;
    let time = digits(word(11), b"00:00:00")?;
    let two = |pairs: u64, at: u32| (pairs >> (8 * at)) as u32 & 0xff;
    let (hour, minute, second) = (two(time, 0), two(time, 3), two(time, 6));
    let is_time = hour < 24 && minute < 60 && second < 60;
    let seconds = i64::from(hour * 3_600 + minute * 60 + second);
    is_time.then_some((two(date, 0) * 100 + two(date, 2), two(date, 5), two(middle, 0), seconds))
}

/// Compares eight bytes with a pattern in which `0` stands for any digit. Each byte of the result is the number that
/// the digit there and the next byte's spell, if both are digits.
#[inline(always)]
fn digits(word: u64, pattern: &[u8; 8]) -> Option<u64> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // A byte above 9 where a digit belongs, or above 0 where not, sets its highest bit when this is added.
    let excess = u64::from_le_bytes(pattern.map(|byte| if byte == b'0' { 0x76 } else { 0x7f }));
    // Digits become their values, and what stands as in the pattern becomes 0.
    let values = word ^ u64::from_le_bytes(*pattern);
    // A sum that carries into the next byte is of a byte that has the highest bit itself.
    ((values | values.wrapping_add(excess)) & HIGH == 0).then(|| values.wrapping_mul(10).wrapping_add(values >> 8))
}

/// The milliseconds of `[.digits]`, and what follows it.
#[inline]
fn fraction(rest: &[u8]) -> Option<(Millis, &[u8])> {
    let Some(decimals) = rest.strip_prefix(b".") else {
        return Some((0, rest));
    };
    let (mut millis, mut scale, mut length) = (0, 100, 0);
    for byte in decimals {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        millis += scale * Millis::from(digit);
        scale /= 10;
        length += 1;
    }
    (length > 0).then(|| (millis, &decimals[length..]))
}

/// Offset of the zone from UTC; positive to the east.
#[inline]
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

/// Days from 1970-01-01 to a date of 1999 to 2101; `None` for any other, and for one that does not exist.
///
/// The bounds leave room for offsets, and one century, 2100, that is no leap year.
#[inline]
fn days_since_epoch(year: u32, month: u32, day: u32) -> Option<i64> {
    const LENGTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    /// Days of a year before each month, without its leap day.
    const BEFORE: [u32; 12] = {
        let (mut before, mut month) = ([0; 12], 1);
        while month < 12 {
            before[month] = before[month - 1] + LENGTHS[month - 1];
            month += 1;
        }
        before
    };
    if !(1_999..=2_101).contains(&year) {
        return None;
    }
    let index = month.wrapping_sub(1) as usize;
    let is_leap = year.is_multiple_of(4) && year != 2_100;
    let length = LENGTHS.get(index)? + u32::from(is_leap && month == 2);
    if day == 0 || day > length {
        return None;
    }
    // Leap days of the years before: 1972 was the first leap year.
    let leap_days = (year - 1_969) / 4 - u32::from(year > 2_100) + u32::from(is_leap && month > 2);
    Some(i64::from((year - 1_970) * 365 + leap_days + BEFORE.get(index)? + day - 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    /// The instant of a date-time, with jiff's calendar.
    fn naive(text: &str) -> Option<Timestamp> {
        let number = |range: std::ops::Range<usize>| {
            let digits = text.get(range)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
        };
        let is_at = |at: usize, marks: &str| text.get(at..at + 1).is_some_and(|mark| marks.contains(mark));
        if ![(4, "-"), (7, "-"), (10, "Tt"), (13, ":"), (16, ":")].into_iter().all(|(at, marks)| is_at(at, marks)) {
            return None;
        }
        let year = i16::try_from(number(0..4)?).ok()?;
        let [month, day, hour, minute] =
            [number(5..7)?, number(8..10)?, number(11..13)?, number(14..16)?].map(|part| part as i8);
        let second = number(17..19).filter(|&second| second < 60)? as i8;
        let local = jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        let (decimals, zone) = text[19..].split_at(text[19..].find(|next| "Zz+-".contains(next))?);
        let millis = match decimals.strip_prefix('.') {
            None if decimals.is_empty() => 0,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("{digits}00").get(..3)?.parse::<i64>().ok()?
            }
            _ => return None,
        };
        let zone = if matches!(zone, "Z" | "z") { "+00:00" } else { zone };
        let at = text.len() - zone.len();
        let ahead = match zone.as_bytes() {
            b"+00:00" => 0,
            [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
                let [hours, minutes] = [number(at + 1..at + 3)?, number(at + 4..at + 6)?];
                let minutes = (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?;
                if *sign == b'-' { -minutes } else { minutes }
            }
            _ => return None,
        };
        let utc = jiff::tz::TimeZone::UTC.to_timestamp(local).ok()?.as_millisecond();
        Some(Timestamp::from_millis(utc + millis - ahead * MINUTE)).filter(|instant| (FIRST..END).contains(instant))
    }

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

        /// Texts that are nearly date-times are read as each byte says.
        #[test]
        fn agrees_with_a_naive_reading(
            text in "(19|20|21|00)[0-9]{2}-(0[0-9]|1[0-3])-([0-3][0-9])[Tt]([0-2][0-9]):([0-6][0-9]):([0-6][0-9])(\\.[0-9]{0,12})?([Zz]|[+-][0-2][0-9]:[0-6][0-9])?",
            damage in prop::option::of((any::<Index>(), prop_oneof![any::<char>(), prop::sample::select("0129:-.TtZz+/@Pp\u{80}".chars().collect::<Vec<_>>())])),
        ) {
            let mut characters: Vec<char> = text.chars().collect();
            if let Some((at, character)) = damage {
                let at = at.index(characters.len());
                characters[at] = character;
            }
            let text: String = characters.into_iter().collect();
            prop_assert_eq!(parse(&text), naive(&text), "{}", text);
        }

        #[test]
        fn never_panics(text in "[0-9TtZz:.+-]{0,40}|.{0,40}") {
            parse(&text);
        }
    }
}
