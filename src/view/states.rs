//! Distinct people by federal state, over all programmes (`spec/figures.md#states`).

use jiff::tz::TimeZone;

use super::slots::{Slot, Slots};
use crate::calendar::{Interval, Period, WorkingCalendar, hour_starts};
use crate::clock::{DAY, Timestamp};

/// People of each federal state as shown, in the periods that contain an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatePeople {
    /// People of the day; `None` if part of it is forgotten.
    pub day: Option<Vec<u64>>,
    /// People of the week, likewise.
    pub week: Option<Vec<u64>>,
    /// People of the week before, likewise.
    pub before: Option<PeopleBefore>,
}

/// People of the week before, up to the last full hour by which no more of its working time had passed than of this
/// week's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleBefore {
    /// Instant up to which people count.
    pub until: Timestamp,
    /// People of each federal state.
    pub people: Vec<u64>,
}

/// Counts the people of each state at `now`. `states` is the number of states as shown; `calendar` tells working time.
pub fn state_people(
    slots: &Slots,
    states: usize,
    now: Timestamp,
    zone: &TimeZone,
    calendar: &WorkingCalendar,
) -> StatePeople {
    let is_known = |span: &Interval| span.start >= slots.people_from && slots.divides(*span);
    let of = |period: Period, figure: usize| {
        let span = period.at(now, zone).filter(is_known)?;
        Some(sums(states, slots.within(span).flat_map(|slot| of_slot(slot, figure))))
    };
    let week = Period::WEEK.at(now, zone);
    let before = Period::WEEK.ended(now, zone).filter(|span| is_known(span) && span.start >= slots.hours_from);
    let before = week.zip(before).map(|(week, before)| {
        let until = same_share(week, before, now, zone, calendar);
        let hours = slots.within(before).flat_map(|slot| &slot.hours).filter(|hour| hour.start < until);
        let people = sums(states, hours.flat_map(|hour| hour.states.iter().copied().enumerate()));
        PeopleBefore { until, people }
    });
    StatePeople { day: of(Period::Day, 0), week: of(Period::WEEK, 1), before }
}

fn of_slot(slot: &Slot, figure: usize) -> impl Iterator<Item = (usize, i64)> {
    slot.states.iter().map(move |people| people[figure]).enumerate()
}

fn sums(states: usize, people: impl Iterator<Item = (usize, i64)>) -> Vec<u64> {
    let mut sums = vec![0_i64; states];
    people.filter(|(state, _)| *state < states).for_each(|(state, people)| sums[state] += people);
    sums.into_iter().map(|sum| u64::try_from(sum).unwrap_or(0)).collect()
}

/// Last beginning of an hour of the week before by which at most the share of working time has passed that has in `week`.
/// While nothing is worked it is the hour of the week as far as that has the same share.
fn same_share(
    week: Interval,
    before: Interval,
    now: Timestamp,
    zone: &TimeZone,
    calendar: &WorkingCalendar,
) -> Timestamp {
    let share = |span: Interval, until: Timestamp| {
        let whole = calendar.weight(span, None);
        let (passed, length) = (Interval { start: span.start, end: until }, (span.end - span.start) as f64);
        // A week without working time passes by the clock.
        if whole > 0.0 { calendar.weight(passed, None) / whole } else { (until - span.start) as f64 / length }
    };
    let passed = share(week, now) + 1e-9;
    let hours: Vec<Timestamp> = hour_starts(before, zone).into_iter().chain([before.end]).collect();
    let last = hours.partition_point(|&hour| share(before, hour) <= passed).max(1) - 1;
    let reached = share(before, hours[last]) - 1e-9;
    let first = hours.partition_point(|&hour| share(before, hour) < reached).min(last);
    let same_time = hours.partition_point(|&hour| hour <= now - 7 * DAY).max(1) - 1;
    hours[same_time.clamp(first, last)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{read, shipped};
    use crate::clock::HOUR;
    use crate::settings::Document;
    use proptest::prelude::*;

    fn zone() -> TimeZone {
        TimeZone::get("America/Mexico_City").unwrap()
    }

    fn until(now: &str, calendar: &WorkingCalendar) -> String {
        let now: Timestamp = now.parse().unwrap();
        let (week, before) = (Period::WEEK.at(now, &zone()).unwrap(), Period::WEEK.ended(now, &zone()).unwrap());
        same_share(week, before, now, &zone(), calendar).to_string()
    }

    #[test]
    fn a_week_is_compared_at_the_same_share_of_working_time() {
        let always = WorkingCalendar::always(zone());
        assert_eq!(until("2026-11-19T19:42:05Z", &always), "2026-11-12T19:00:00Z");
        let text = "[calendar.x.hours]\nmonday = ['09:00-18:00']\ntuesday = ['09:00-18:00']\n";
        let calendar = read(&[Document::parse("x.toml", text)], &zone()).remove(1);
        assert_eq!(until("2026-11-16T18:30:00Z", &calendar), "2026-11-09T18:00:00Z");
        // Closed: as late in the week as it is now, and not up to the next opening.
        assert_eq!(until("2026-11-19T19:42:05Z", &calendar), "2026-11-12T19:00:00Z");
    }

    #[test]
    fn a_holiday_moves_the_instant() {
        // Monday 16 November 2026 is a holiday: on Tuesday noon no more has passed than on the Monday before.
        let payments = read(&shipped(&[]), &zone()).remove(1);
        assert_eq!(until("2026-11-17T18:00:00Z", &payments), "2026-11-09T18:00:00Z");
    }

    proptest! {
        #[test]
        fn the_instant_rises_with_now(from in 0..2_000_i64, by in 0..200_i64) {
            let calendar = WorkingCalendar::always(zone());
            let at = |hours: i64| "2022-03-28T06:00:00Z".parse::<Timestamp>().unwrap() + hours * HOUR / 7;
            let of = |now: Timestamp| {
                let (week, before) = (Period::WEEK.at(now, &zone()).unwrap(), Period::WEEK.ended(now, &zone()).unwrap());
                (week, same_share(week, before, now, &zone(), &calendar))
            };
            let ((week, one), (same, other)) = (of(at(from)), of(at(from + by)));
            if week == same {
                prop_assert!(one <= other);
            }
        }
    }
}
