//! Hours of a zone's clock.

use jiff::tz::TimeZone;

use super::period::Interval;
use crate::clock::{HOUR, Millis, SECOND, Timestamp};

/// Beginnings of the hours within an interval, ascending, and nothing for an empty one. The first is the interval's
/// start; then follow the instants at which the local clock shows a full hour or is changed.
///
/// An hour is therefore named by the instant at which it begins, and is at most one hour long: a day has 23 or 25 where
/// the clock changes by an hour, and two short ones where it changes by less.
pub fn hour_starts(interval: Interval, zone: &TimeZone) -> Vec<Timestamp> {
    let mut changes =
        zone.following(interval.start.to_jiff()).map(|change| Timestamp::from(change.timestamp())).peekable();
    let mut starts = Vec::new();
    let mut at = interval.start;
    let mut offset = offset_at(at, zone);
    while at < interval.end {
        starts.push(at);
        let next = at + (HOUR - (at.as_millis() + offset).rem_euclid(HOUR));
        match changes.peek() {
            Some(&change) if change <= next => {
                changes.next();
                at = change;
                offset = offset_at(at, zone);
            }
            _ => at = next,
        }
    }
    starts
}

fn offset_at(time: Timestamp, zone: &TimeZone) -> Millis {
    Millis::from(zone.to_offset(time.to_jiff()).seconds()) * SECOND
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::Period;
    use crate::clock::{DAY, MINUTE};

    fn starts_of(day: &str, zone: &str) -> Vec<Timestamp> {
        let zone = TimeZone::get(zone).unwrap();
        let day = Period::Day.at(day.parse::<Timestamp>().unwrap(), &zone).unwrap();
        hour_starts(day, &zone)
    }

    fn lengths(starts: &[Timestamp]) -> Vec<Millis> {
        starts.windows(2).map(|pair| (pair[1] - pair[0]) / MINUTE).collect()
    }

    #[test]
    fn days_of_clock_changes_have_23_and_25_hours() {
        let hours = |day| starts_of(day, "America/Mexico_City").len();
        assert_eq!(hours("2022-04-02T18:00:00Z"), 24);
        assert_eq!(hours("2022-04-03T18:00:00Z"), 23);
        assert_eq!(hours("2022-10-30T18:00:00Z"), 25);
    }

    #[test]
    fn a_change_by_half_an_hour_begins_an_hour() {
        // At 02:00 the clock goes back to 01:30.
        let lengths = lengths(&starts_of("2022-04-02T18:00:00Z", "Australia/Lord_Howe"));
        assert_eq!((lengths[..5].to_vec(), lengths.len()), (vec![60, 60, 30, 60, 60], 24));
        // At 02:00 it goes forward to 02:30.
        let lengths = self::lengths(&starts_of("2022-10-01T18:00:00Z", "Australia/Lord_Howe"));
        assert_eq!((lengths[..4].to_vec(), lengths.len()), (vec![60, 60, 30, 60], 23));
    }

    #[test]
    fn hours_are_those_of_the_local_clock() {
        let zone = TimeZone::get("Asia/Kathmandu").unwrap();
        for start in starts_of("2022-04-02T18:00:00Z", "Asia/Kathmandu") {
            assert_eq!(start.to_jiff().to_zoned(zone.clone()).minute(), 0);
        }
    }

    proptest! {
        #[test]
        fn hours_ascend_and_are_at_most_one_hour(
            from in 0..900_000_i64, days in 0..40_i64, zone in 0..5_usize
        ) {
            let zones = ["America/Mexico_City", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"];
            let start = Timestamp::EPOCH + from * HOUR + 7 * MINUTE;
            let span = Interval { start, end: start + days * DAY };
            let starts = hour_starts(span, &TimeZone::get(zones[zone]).unwrap());
            prop_assert_eq!(starts.is_empty(), days == 0);
            for pair in starts.windows(2) {
                prop_assert!(pair[0] < pair[1] && pair[1] - pair[0] <= HOUR);
            }
            prop_assert!(starts.first().is_none_or(|first| *first == start));
            prop_assert!(starts.last().is_none_or(|last| *last < span.end && span.end - *last <= HOUR));
        }
    }
}
