//! Days of a calendar as prefix sums, so that open time and weight of any interval are two look-ups and a difference.
//!
//! Each day stores the open time and the weight of all days before it; its [`DaySchedule`] lists the open intervals
//! within it. Days with the same hours share a schedule; a day on which the clock changes has its own. Hours that the
//! clock skips are not worked, hours that it repeats are worked twice.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::hours::Hours;
use super::period::{Interval, start_of_day, start_of_next};
use super::schedule::{DayKind, Schedule, Shift, YEARS};
use crate::clock::{DAY, Millis, SECOND, Timestamp};

/// All days of [`YEARS`] in a zone, and one more entry for the end of the last day.
#[derive(PartialEq)]
pub(super) struct Days {
    days: Vec<Day>,
    plans: Vec<DaySchedule>,
}

#[derive(PartialEq)]
struct Day {
    start: Timestamp,
    /// Open time before this day.
    open: Millis,
    /// Weight of the days before this one.
    weight: f64,
    /// Weight of the days before this one without holidays and exceptions.
    regular: f64,
    /// Index into `plans`.
    plan: usize,
    /// Index into `plans` of the day's plan if it is neither a holiday nor an exception.
    regular_plan: usize,
}

/// Open intervals and weight of a day.
#[derive(Default, PartialEq)]
struct DaySchedule {
    weight: f64,
    open: Millis,
    /// Ascending.
    open_intervals: Vec<OpenInterval>,
}

/// Open time within one hour of the local clock. Milliseconds from the beginning of the day.
#[derive(PartialEq)]
struct OpenInterval {
    start: Millis,
    end: Millis,
    /// Hour of the local clock, 0 to 23.
    hour: u8,
}

/// Beginning of a span of time in which the zone's offset from UTC does not change.
#[derive(Clone, Copy)]
struct OffsetSpan {
    start: Timestamp,
    /// Milliseconds that the local clock is ahead of UTC.
    offset: Millis,
}

/// Instant within a day.
struct Position<'a> {
    day: &'a Day,
    /// Milliseconds since the beginning of the day.
    since: Millis,
}

impl Days {
    pub(super) fn new(schedule: &Schedule, zone: &TimeZone) -> Self {
        let mut layout = Layout::new(schedule, zone);
        let holidays = schedule.holiday_dates();
        for date in dates() {
            layout.add(date, &schedule.day_kind(date, &holidays));
        }
        layout.finish()
    }

    pub(super) fn is_open(&self, time: Timestamp) -> bool {
        let Position { day, since } = self.find(time);
        // Otherwise `find` has clamped the instant.
        let is_covered = day.start + since == time;
        is_covered
            && self.plans[day.plan]
                .open_intervals
                .iter()
                .any(|interval| (interval.start..interval.end).contains(&since))
    }

    pub(super) fn is_working_day(&self, date: Date) -> bool {
        let index = dates_before(date).and_then(|before| usize::try_from(before).ok());
        // The last entry is no day, only the end of the last one.
        index
            .filter(|index| *index + 1 < self.days.len())
            .is_some_and(|index| self.plans[self.days[index].plan].open > 0)
    }

    /// True if only a holiday or an exception keeps the date, a working day of the week, closed.
    pub(super) fn is_holiday(&self, date: Date) -> bool {
        let index = dates_before(date).and_then(|before| usize::try_from(before).ok());
        let day = index.filter(|index| *index + 1 < self.days.len()).map(|index| &self.days[index]);
        day.is_some_and(|day| self.plans[day.plan].open == 0 && self.plans[day.regular_plan].open > 0)
    }

    /// First instant from `time` on that is open; `None` if there is none up to the end of the last day.
    pub(super) fn next_opening(&self, time: Timestamp) -> Option<Timestamp> {
        let from = self.days.partition_point(|day| day.start <= time).saturating_sub(1);
        let intervals = self.days[from..].iter().flat_map(|day| {
            let intervals = &self.plans[day.plan].open_intervals;
            intervals.iter().map(|interval| (day.start + interval.start, day.start + interval.end))
        });
        intervals.into_iter().find(|(_, end)| *end > time).map(|(start, _)| start.max(time))
    }

    /// First instant after `time` at which open becomes closed or closed open; `None` if there is none before `until`.
    pub(super) fn next_change(&self, time: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let from = self.days.partition_point(|day| day.start <= time).saturating_sub(1);
        let days = self.days[from..].iter().take_while(|day| day.start < until);
        let intervals = days.flat_map(|day| {
            let intervals = &self.plans[day.plan].open_intervals;
            intervals.iter().map(|interval| (day.start + interval.start, day.start + interval.end))
        });
        let mut open_until = None;
        for (start, end) in intervals.filter(|(_, end)| *end > time) {
            match open_until {
                None if start > time => return Some(start),
                Some(closing) if start > closing => return Some(closing),
                _ => open_until = Some(end),
            }
        }
        open_until.filter(|closing| *closing < until)
    }

    /// Open spans within an interval, ascending and apart from each other.
    pub(super) fn open_spans(&self, interval: Interval) -> Vec<Interval> {
        let from = self.days.partition_point(|day| day.start <= interval.start).saturating_sub(1);
        let days = self.days[from..].iter().take_while(|day| day.start < interval.end);
        let mut spans: Vec<Interval> = Vec::new();
        for day in days {
            for open in &self.plans[day.plan].open_intervals {
                let start = (day.start + open.start).max(interval.start);
                let end = (day.start + open.end).min(interval.end);
                match spans.last_mut() {
                    _ if start >= end => {}
                    Some(last) if last.end == start => last.end = end,
                    _ => spans.push(Interval { start, end }),
                }
            }
        }
        spans
    }

    /// Open time from the first day to `time`.
    pub(super) fn open_until(&self, time: Timestamp) -> Millis {
        let Position { day, since } = self.find(time);
        day.open + self.plans[day.plan].open_until(since)
    }

    /// Weight from the first day to `time`.
    pub(super) fn weight_until(&self, time: Timestamp, profile: Option<&[f64; 24]>) -> f64 {
        let Position { day, since } = self.find(time);
        day.weight + self.plans[day.plan].weight_until(since, profile)
    }

    /// Weight from the first day to `time` without holidays and exceptions.
    pub(super) fn regular_until(&self, time: Timestamp) -> f64 {
        let Position { day, since } = self.find(time);
        day.regular + self.plans[day.regular_plan].weight_until(since, None)
    }

    /// Position of `time` in its day, clamped to the beginning of the first day and the end of the last one.
    fn find(&self, time: Timestamp) -> Position<'_> {
        let (first, last) = (self.days[0].start, self.days.len() - 1);
        let time = time.clamp(first, self.days[last].start);
        // All days have 24 hours but those of clock changes, which nearly cancel out: the estimate is off by a day or
        // two.
        let mut index = usize::try_from((time - first) / DAY).unwrap_or(last).min(last);
        while self.days[index].start > time {
            index -= 1;
        }
        while index < last && self.days[index + 1].start <= time {
            index += 1;
        }
        Position { day: &self.days[index], since: time - self.days[index].start }
    }
}

impl DaySchedule {
    fn new(weight: f64, open_intervals: Vec<OpenInterval>) -> Self {
        let open = open_intervals.iter().map(|interval| interval.end - interval.start).sum();
        // A day without open time has no share in a plan.
        Self { weight: if open > 0 { weight } else { 0.0 }, open, open_intervals }
    }

    /// Open time of the day before `since`.
    fn open_until(&self, since: Millis) -> Millis {
        self.passed(since).map(|(_, passed)| passed).sum()
    }

    /// Part of the weight that falls before `since`, in proportion to open time. A profile weights the hours, unless it
    /// is 0 in all open ones.
    fn weight_until(&self, since: Millis, profile: Option<&[f64; 24]>) -> f64 {
        let shared = |profile: &[f64; 24], until| {
            self.passed(until).map(|(hour, passed)| profile[usize::from(hour)] * passed as f64).sum::<f64>()
        };
        if let Some(profile) = profile {
            let all = shared(profile, Millis::MAX);
            if all > 0.0 {
                return self.weight * (shared(profile, since) / all);
            }
        }
        if self.open > 0 { self.weight * (self.open_until(since) as f64 / self.open as f64) } else { 0.0 }
    }

    /// Length of each open interval before `since`, with its hour.
    fn passed(&self, since: Millis) -> impl Iterator<Item = (u8, Millis)> {
        let begun = self.open_intervals.iter().take_while(move |interval| interval.start < since);
        begun.map(move |interval| (interval.hour, interval.end.min(since) - interval.start))
    }
}

/// Builder of [`Days`]: adds one day after the other.
struct Layout<'a> {
    schedule: &'a Schedule,
    zone: &'a TimeZone,
    /// Clock changes after the days added so far, latest first.
    changes: Vec<OffsetSpan>,
    /// Offset at the end of the days added so far.
    span: OffsetSpan,
    days: Vec<Day>,
    plans: Vec<DaySchedule>,
    /// Plans of the weekdays, from Monday = 0, on days without a clock change.
    regular_plans: BTreeMap<i8, usize>,
    next: Day,
}

/// Index of the plan of a closed day.
const CLOSED: usize = 0;

impl<'a> Layout<'a> {
    fn new(schedule: &'a Schedule, zone: &'a TimeZone) -> Self {
        let start = start_of_day(date(*YEARS.start(), 1, 1), zone);
        let end = start_of_day(date(*YEARS.end(), 12, 31), zone) + 2 * DAY;
        let first = start.to_jiff();
        let spans = zone.following(first).map(|change| OffsetSpan {
            start: change.timestamp().into(),
            offset: Millis::from(change.offset().seconds()) * SECOND,
        });
        let mut changes: Vec<OffsetSpan> = spans.take_while(|span| span.start < end).collect();
        changes.reverse();
        let span = OffsetSpan { start, offset: Millis::from(zone.to_offset(first).seconds()) * SECOND };
        let next = Day { start, open: 0, weight: 0.0, regular: 0.0, plan: CLOSED, regular_plan: CLOSED };
        Self {
            schedule,
            zone,
            changes,
            span,
            days: Vec::new(),
            plans: vec![DaySchedule::default()],
            regular_plans: BTreeMap::new(),
            next,
        }
    }

    fn add(&mut self, date: Date, day_kind: &DayKind<'_>) {
        let end = start_of_next(date, self.zone);
        let spans = self.spans(end);
        let regular_plan = self.regular_plan(date, end, &spans);
        let plan = match day_kind {
            DayKind::Ordinary => regular_plan,
            DayKind::Holiday => CLOSED,
            DayKind::Exception(shift) => self.plan(shift, date, end, &spans),
        };
        let (actual, regular) = (&self.plans[plan], &self.plans[regular_plan]);
        let before = &self.next;
        let after = Day {
            start: end,
            open: before.open + actual.open,
            weight: before.weight + actual.weight,
            regular: before.regular + regular.weight,
            plan: CLOSED,
            regular_plan: CLOSED,
        };
        self.days.push(Day { plan, regular_plan, ..std::mem::replace(&mut self.next, after) });
    }

    fn finish(mut self) -> Days {
        self.days.push(self.next);
        self.days.shrink_to_fit();
        Days { days: self.days, plans: self.plans }
    }

    /// Offset spans of the next day: one, or more if the clock changes within it.
    fn spans(&mut self, end: Timestamp) -> Vec<OffsetSpan> {
        while let Some(change) = self.changes.pop_if(|change| change.start <= self.next.start) {
            self.span = change;
        }
        let mut spans = vec![OffsetSpan { start: self.next.start, ..self.span }];
        while let Some(change) = self.changes.pop_if(|change| change.start < end) {
            self.span = change;
            spans.push(change);
        }
        spans
    }

    fn regular_plan(&mut self, date: Date, end: Timestamp, spans: &[OffsetSpan]) -> usize {
        let schedule = self.schedule;
        let weekday = date.weekday();
        let shift = schedule.regular(weekday);
        if spans.len() > 1 || end - self.next.start != DAY {
            return self.plan(shift, date, end, spans);
        }
        let known = self.regular_plans.get(&weekday.to_monday_zero_offset()).copied();
        known.unwrap_or_else(|| {
            let plan = self.plan(shift, date, end, spans);
            self.regular_plans.insert(weekday.to_monday_zero_offset(), plan);
            plan
        })
    }

    fn plan(&mut self, shift: &Shift, date: Date, end: Timestamp, spans: &[OffsetSpan]) -> usize {
        let open_intervals = open_intervals(&shift.hours, date, end, spans);
        if open_intervals.is_empty() {
            return CLOSED;
        }
        self.plans.push(DaySchedule::new(shift.weight, open_intervals));
        self.plans.len() - 1
    }
}

/// Open intervals of the day that begins with the first of `spans`.
fn open_intervals(hours: &Hours, date: Date, end: Timestamp, spans: &[OffsetSpan]) -> Vec<OpenInterval> {
    let day = spans[0].start;
    let midnight = first_midnight() + dates_before(date).unwrap_or_default() * DAY;
    let ends = spans.iter().skip(1).map(|next| next.start).chain([end]);
    let mut open_intervals = Vec::new();
    for (span, span_end) in spans.iter().zip(ends) {
        for (hour, from, to) in hours.by_hour() {
            // From the local clock to instants.
            let start = (midnight + from - span.offset).max(span.start);
            let end = (midnight + to - span.offset).min(span_end);
            if start < end {
                open_intervals.push(OpenInterval { start: start - day, end: end - day, hour });
            }
        }
    }
    open_intervals
}

/// All dates of [`YEARS`].
fn dates() -> impl Iterator<Item = Date> {
    date(*YEARS.start(), 1, 1).series(jiff::Span::new().days(1)).take_while(|date| *YEARS.end() >= date.year())
}

/// Number of dates of [`YEARS`] before this one; negative before the first.
fn dates_before(date: Date) -> Option<i64> {
    date.since(jiff::civil::date(*YEARS.start(), 1, 1)).ok().map(|span| i64::from(span.get_days()))
}

/// First midnight of [`YEARS`] in UTC.
fn first_midnight() -> Timestamp {
    start_of_day(date(*YEARS.start(), 1, 1), &TimeZone::UTC)
}

/// Prints sizes instead of a century of days.
impl fmt::Debug for Days {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Days({}, {} plans)", self.days.len(), self.plans.len())
    }
}
