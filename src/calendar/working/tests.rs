use super::*;
use crate::calendar::read;
use crate::clock::{HOUR, MINUTE};
use crate::settings::Document;
use jiff::ToSpan;
use jiff::civil::Weekday;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const ZONES: [&str; 5] = ["America/Mexico_City", "America/Tijuana", "America/Havana", "Australia/Lord_Howe", "UTC"];

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// Every minute from `start` up to `end`.
fn minutes(start: Timestamp, end: Timestamp) -> impl Iterator<Item = Timestamp> {
    (start.as_millis()..end.as_millis()).step_by(60_000).map(Timestamp::from_millis)
}

fn at(text: &str) -> Timestamp {
    text.parse::<Timestamp>().unwrap()
}

fn interval(start: &str, end: &str) -> Interval {
    Interval { start: at(start), end: at(end) }
}

/// Opening hours in minutes from midnight.
type Spans = Vec<(u16, u16)>;

/// Definition of a calendar, with a reference implementation that walks through time by minutes.
#[derive(Debug, Clone)]
struct CalendarDefinition {
    zone: &'static str,
    /// Hours and weight of each weekday from Monday.
    week: [(Spans, f64); 7],
    exceptions: BTreeMap<Date, (Spans, f64)>,
    holidays: Vec<Date>,
}

impl CalendarDefinition {
    fn text(&self) -> String {
        let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let hours = |spans: &Spans| {
            spans.iter().map(|(from, to)| format!("\"{}-{}\",", time(*from), time(*to))).collect::<String>()
        };
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let mut text = format!("[calendar.x]\ntime_zone = '{}'\n", self.zone);
        for (day, (spans, weight)) in days.iter().zip(&self.week) {
            text += &format!("hours.{day} = [{}]\n", hours(spans));
            if !spans.is_empty() {
                text += &format!("weights.{day} = {weight}\n");
            }
        }
        for (date, (spans, weight)) in &self.exceptions {
            text +=
                &format!("[[calendar.x.exception]]\ndate = {date}\nhours = [{}]\nweight = {weight}\n", hours(spans));
        }
        for date in &self.holidays {
            text += &format!(
                "[[calendar.x.holiday]]\nrule = '{}'\nfrom = {}\nuntil = {}\n",
                date.strftime("%m-%d"),
                date.year(),
                date.year()
            );
        }
        text
    }

    fn calendar(&self) -> Arc<WorkingCalendar> {
        let documents = [Document::parse("x.toml", &self.text())];
        let calendar = read(&documents, &TimeZone::UTC).remove(1);
        assert!(documents[0].faults().is_empty());
        calendar
    }

    fn shift(&self, date: Date, regular: bool) -> (Spans, f64) {
        let weekday = &self.week[usize::try_from(date.weekday().to_monday_zero_offset()).unwrap()];
        match self.exceptions.get(&date) {
            _ if regular => weekday.clone(),
            Some(shift) => shift.clone(),
            None if self.holidays.contains(&date) => (Vec::new(), 0.0),
            None => weekday.clone(),
        }
    }

    /// Local date and hour of a minute; `None` if it is closed.
    fn open_minute(&self, time: Timestamp, regular: bool) -> Option<(Date, usize)> {
        let local = zone(self.zone).to_datetime(time.to_jiff());
        let minute = u16::try_from(local.hour()).unwrap() * 60 + u16::try_from(local.minute()).unwrap();
        let (spans, _) = self.shift(local.date(), regular);
        let open = spans.iter().any(|(from, to)| (*from..*to).contains(&minute));
        open.then(|| (local.date(), usize::try_from(local.hour()).unwrap()))
    }

    fn naive_open(&self, interval: Interval) -> Millis {
        let all = minutes(interval.start, interval.end);
        MINUTE * i64::try_from(all.filter(|minute| self.open_minute(*minute, false).is_some()).count()).unwrap()
    }

    fn naive_weight(&self, interval: Interval, profile: &[f64; 24], regular: bool) -> f64 {
        // More on both sides, to cover the whole of the first and the last day.
        let around = minutes(interval.start - 26 * HOUR, interval.end + 26 * HOUR);
        let mut days: BTreeMap<Date, (f64, f64)> = BTreeMap::new();
        for minute in around {
            if let Some((date, hour)) = self.open_minute(minute, regular) {
                let (within, all) = days.entry(date).or_default();
                *all += profile[hour];
                *within += if interval.contains(minute) { profile[hour] } else { 0.0 };
            }
        }
        days.iter().map(|(date, (within, all))| self.shift(*date, regular).1 * within / all).sum()
    }
}

fn spans() -> impl Strategy<Value = Spans> {
    let whole = Just(vec![(0, 1440)]);
    let some = prop::collection::btree_set(0_u16..=1440, 0..=6).prop_map(|cuts| {
        let cuts: Vec<u16> = cuts.into_iter().collect();
        cuts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
    });
    prop_oneof![1 => whole, 4 => some]
}

fn shift() -> impl Strategy<Value = (Spans, f64)> {
    (spans(), (0_u8..=8).prop_map(|eighths| f64::from(eighths) / 4.0))
}

/// A calendar, and a date near some zone's clock change or away from any.
fn definition() -> impl Strategy<Value = (CalendarDefinition, Date)> {
    let dates = prop::sample::select(vec![
        date(2022, 4, 3),
        date(2022, 10, 30),
        date(2025, 3, 9),
        date(2025, 11, 2),
        date(2024, 10, 6),
        date(2024, 4, 7),
        date(2020, 5, 13),
    ]);
    let near = dates.prop_flat_map(|day| (-3_i64..=3).prop_map(move |days| (day, day.saturating_add(days.days()))));
    let week = prop::array::uniform7(shift());
    let single_dates = (prop::collection::vec((-3_i64..=3, shift()), 0..3), prop::collection::vec(-3_i64..=3, 0..3));
    (near, week, single_dates, prop::sample::select(&ZONES[..])).prop_map(
        |((day, near), week, (exceptions, holidays), zone)| {
            let nearby = |days: i64| day.saturating_add(days.days());
            let exceptions = exceptions.into_iter().map(|(days, shift)| (nearby(days), shift)).collect();
            (CalendarDefinition { zone, week, exceptions, holidays: holidays.into_iter().map(nearby).collect() }, near)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_interval_is_the_sum_of_its_minutes(
        (definition, near) in definition(),
        start in 0_i64..2880,
        length in 0_i64..2880,
        hours in prop::array::uniform24(1_u8..5),
    ) {
        let calendar = definition.calendar();
        let midnight = start_of_day(near, &zone(definition.zone));
        let interval = Interval { start: midnight + start * MINUTE, end: midnight + (start + length) * MINUTE };
        prop_assert_eq!(calendar.open_time(interval), definition.naive_open(interval));
        prop_assert_eq!(calendar.is_open(interval.start), definition.open_minute(interval.start, false).is_some());
        let profile = hours.map(f64::from);
        let near = |left: f64, right: f64| (left - right).abs() < 1e-8;
        let (even, shaped) = (calendar.weight(interval, None), calendar.weight(interval, Some(&profile)));
        prop_assert!(near(even, definition.naive_weight(interval, &[1.0; 24], false)), "{even}");
        prop_assert!(near(shaped, definition.naive_weight(interval, &profile, false)), "{shaped}");
        let regular = calendar.regular_weight(interval);
        prop_assert!(near(regular, definition.naive_weight(interval, &[1.0; 24], true)), "{regular}");
    }

    #[test]
    fn adjacent_intervals_add_up_and_closed_time_adds_nothing(
        (definition, _) in definition(),
        times in prop::array::uniform3(at("1999-12-01T00:00:00Z").as_millis()..at("2101-02-01T00:00:00Z").as_millis()),
        hours in prop::array::uniform24(0_u8..3),
    ) {
        let mut times = times.map(Timestamp::from_millis);
        times.sort_unstable();
        let calendar = definition.calendar();
        let profile = hours.map(f64::from);
        let [first, second, both] = [(0, 1), (1, 2), (0, 2)].map(|(from, to)| Interval { start: times[from], end: times[to] });
        prop_assert_eq!(calendar.open_time(first) + calendar.open_time(second), calendar.open_time(both));
        for profile in [None, Some(&profile)] {
            let [first, second, both] = [first, second, both].map(|interval| calendar.weight(interval, profile));
            prop_assert!((first + second - both).abs() < 1e-8 && first.min(second) >= 0.0);
            // Minute by minute for two days: the weight never falls, and does not grow while closed.
            for start in minutes(times[0], times[0] + 48 * HOUR) {
                let until = |end| calendar.weight(Interval { start: times[0], end }, profile);
                let (before, after) = (until(start), until(start + MINUTE));
                prop_assert!(before <= after);
                if calendar.open_time(Interval { start, end: start + MINUTE }) == 0 {
                    prop_assert!(!calendar.is_open(start) && before == after);
                }
            }
        }
    }
}

#[test]
fn the_built_in_calendar_gives_every_day_weight_1() {
    let calendar = WorkingCalendar::always(zone("America/Mexico_City"));
    let october = interval("2022-10-01T05:00:00Z", "2022-11-01T06:00:00Z");
    assert_eq!(calendar.name(), "always");
    assert_eq!(calendar.open_time(october), october.end - october.start);
    assert_eq!((calendar.weight(october, None), calendar.regular_weight(october)), (31.0, 31.0));
    assert!(
        calendar.is_open(october.start) && calendar.is_open(october.end) && calendar.is_working_day(date(2022, 10, 30))
    );
    // Half of a day of 25 hours has half of its weight.
    assert_eq!(calendar.weight(interval("2022-10-30T05:00:00Z", "2022-10-30T17:30:00Z"), None), 0.5);
    assert_eq!((calendar.covered_until(), calendar.uncovered(october.end)), (None, None));
}

#[test]
fn all_is_closed_before_2000_and_after_2100() {
    let calendar = WorkingCalendar::always(TimeZone::UTC);
    let before = interval("1990-01-01T00:00:00Z", "2000-01-01T00:00:00Z");
    let after = interval("2101-01-01T00:00:00Z", "2110-01-01T00:00:00Z");
    for closed in [before, after] {
        assert_eq!((calendar.open_time(closed), calendar.weight(closed, None)), (0, 0.0));
    }
    assert!(!calendar.is_open(before.end - 1) && calendar.is_open(before.end));
    assert!(calendar.is_open(after.start - 1) && !calendar.is_open(after.start));
    assert!(!calendar.is_open(Timestamp::MIN) && !calendar.is_open(Timestamp::MAX));
    assert!(!calendar.is_working_day(date(1999, 12, 31)) && calendar.is_working_day(date(2000, 1, 1)));
    assert!(calendar.is_working_day(date(2100, 12, 31)) && !calendar.is_working_day(date(2101, 1, 1)));
}

#[test]
fn a_day_that_the_zone_skips_is_no_working_day() {
    let calendar = WorkingCalendar::always(zone("Pacific/Apia"));
    assert!(!calendar.is_working_day(date(2011, 12, 30)));
    assert_eq!(calendar.weight(interval("2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z"), None), 2.0);
}

#[test]
fn skipped_hours_count_zero_and_repeated_hours_twice() {
    let text = "[calendar.x]\nhours.sunday = ['01:00-03:00']\n";
    let documents = [Document::parse("x.toml", text)];
    let calendar = read(&documents, &zone("America/Tijuana")).remove(1);
    assert!(documents[0].faults().is_empty());
    assert_eq!(date(2025, 3, 9).weekday(), Weekday::Sunday);
    assert_eq!(calendar.open_time(interval("2025-03-09T08:00:00Z", "2025-03-10T07:00:00Z")), HOUR);
    assert_eq!(calendar.open_time(interval("2025-11-02T07:00:00Z", "2025-11-03T08:00:00Z")), 3 * HOUR);
    let first_of_three = calendar.weight(interval("2025-11-02T07:00:00Z", "2025-11-02T09:00:00Z"), None);
    assert!((first_of_three - 1.0 / 3.0).abs() < 1e-9);
}

#[test]
fn a_profile_of_0_in_all_open_hours_is_ignored() {
    let text = "[calendar.x]\nhours.wednesday = ['09:00-12:00']\n";
    let calendar = read(&[Document::parse("x.toml", text)], &TimeZone::UTC).remove(1);
    let morning = interval("2020-05-13T00:00:00Z", "2020-05-13T10:30:00Z");
    let mut profile = [0.0; 24];
    assert_eq!(calendar.weight(morning, Some(&profile)), 0.5, "even");
    (profile[3], profile[9], profile[10]) = (100.0, 3.0, 2.0);
    assert!((calendar.weight(morning, Some(&profile)) - 0.8).abs() < 1e-9);
}
