//! The days of a calendar laid out in time, so that open time and weight of any interval are two look-ups and a difference.
//!
//! Each day knows what was open, and what it weighed, before it; within a day a [`Plan`] says which stretches are open. Days that go alike
//! share a plan; one on which the clock is changed has its own. Hours that a clock skips are not worked, hours that it repeats are twice.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::hours::Hours;
use super::period::start_of_day;
use super::schedule::{DayKind, Schedule, Shift, YEARS};
use crate::clock::{DAY, Millis, SECOND};

/// All days of [`YEARS`] in a zone, and where the last one ends.
#[derive(PartialEq)]
pub(super) struct Days {
    days: Vec<Day>,
    plans: Vec<Plan>,
}

#[derive(PartialEq)]
struct Day {
    start: Millis,
    /// Open time before this day.
    open: Millis,
    /// Weight of the days before this one, and their usual one: without holidays and exceptions.
    weight: f64,
    usual: f64,
    /// Places in `plans`.
    plan: usize,
    usual_plan: usize,
}

/// How a day goes.
#[derive(Default, PartialEq)]
struct Plan {
    weight: f64,
    open: Millis,
    /// In their order, from the beginning of the day.
    stretches: Vec<OpenInterval>,
}

/// Open within one hour of the clock; milliseconds from the beginning of the day.
#[derive(PartialEq)]
struct OpenInterval {
    start: Millis,
    end: Millis,
    /// Of the clock on the wall, from 0 to 23.
    hour: u8,
}

/// The part of a zone's time in which its offset is one.
#[derive(Clone, Copy)]
struct OffsetSpan {
    start: Millis,
    /// What the clock on the wall is ahead of UTC.
    offset: Millis,
}

/// How far within a day.
struct Position<'a> {
    day: &'a Day,
    since: Millis,
}

impl Days {
    pub fn new(schedule: &Schedule, zone: &TimeZone) -> Self {
        let mut layout = Layout::new(schedule, zone);
        let closed = schedule.closed();
        for date in dates() {
            layout.add(date, &schedule.occasion(date, &closed));
        }
        layout.finish()
    }

    pub fn is_open(&self, time: Millis) -> bool {
        let Position { day, since } = self.find(time);
        let is_held = day.start + since == time;
        is_held && self.plans[day.plan].stretches.iter().any(|stretch| (stretch.start..stretch.end).contains(&since))
    }

    pub fn is_working_day(&self, date: Date) -> bool {
        let place = dates_before(date).and_then(|before| usize::try_from(before).ok());
        // The last entry is the end of the others.
        place
            .filter(|place| *place + 1 < self.days.len())
            .is_some_and(|place| self.plans[self.days[place].plan].open > 0)
    }

    /// Open time from the first day until `time`.
    pub fn open_until(&self, time: Millis) -> Millis {
        let Position { day, since } = self.find(time);
        day.open + self.plans[day.plan].open_until(since)
    }

    /// Weight from the first day until `time`.
    pub fn weight_until(&self, time: Millis, profile: Option<&[f64; 24]>) -> f64 {
        let Position { day, since } = self.find(time);
        day.weight + self.plans[day.plan].weight_until(since, profile)
    }

    /// The same if there were no holidays and exceptions.
    pub fn usual_until(&self, time: Millis) -> f64 {
        let Position { day, since } = self.find(time);
        day.usual + self.plans[day.usual_plan].weight_until(since, None)
    }

    /// The day that holds `time`; before the first day its beginning, after the last one its end.
    fn find(&self, time: Millis) -> Position<'_> {
        let (first, last) = (self.days[0].start, self.days.len() - 1);
        let time = time.clamp(first, self.days[last].start);
        // Days have 24 hours but for changes of the clock, which nearly cancel out: at most a step or two are left.
        let mut place = usize::try_from((time - first) / DAY).unwrap_or(last).min(last);
        while self.days[place].start > time {
            place -= 1;
        }
        while place < last && self.days[place + 1].start <= time {
            place += 1;
        }
        Position { day: &self.days[place], since: time - self.days[place].start }
    }
}

impl Plan {
    fn new(weight: f64, stretches: Vec<OpenInterval>) -> Self {
        let open = stretches.iter().map(|stretch| stretch.end - stretch.start).sum();
        // Nothing can be done on a day without open time.
        Self { weight: if open > 0 { weight } else { 0.0 }, open, stretches }
    }

    /// Open time of the day until `since`.
    fn open_until(&self, since: Millis) -> Millis {
        self.passed(since).map(|(_, passed)| passed).sum()
    }

    /// The part of the weight that falls before `since`: even over open time, or by the profile where that gives any of it a share.
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

    /// What has passed of each stretch, with its hour.
    fn passed(&self, since: Millis) -> impl Iterator<Item = (u8, Millis)> {
        let begun = self.stretches.iter().take_while(move |stretch| stretch.start < since);
        begun.map(move |stretch| (stretch.hour, stretch.end.min(since) - stretch.start))
    }
}

/// Days being laid out, one after the other.
struct Layout<'a> {
    schedule: &'a Schedule,
    zone: &'a TimeZone,
    /// The changes of the clock that no day has passed yet, the last one first.
    changes: Vec<OffsetSpan>,
    segment: OffsetSpan,
    days: Vec<Day>,
    plans: Vec<Plan>,
    /// The plans of weekdays on which no clock is changed.
    usual_plans: BTreeMap<i8, usize>,
    next: Day,
}

/// The place of the plan of a day on which nothing is open.
const CLOSED: usize = 0;

impl<'a> Layout<'a> {
    fn new(schedule: &'a Schedule, zone: &'a TimeZone) -> Self {
        let start = start_of_day(date(*YEARS.start(), 1, 1), zone);
        let end = start_of_day(date(*YEARS.end(), 12, 31), zone) + 2 * DAY;
        let first = Timestamp::from_millisecond(start).unwrap_or(Timestamp::MIN);
        let segments = zone.following(first).map(|change| OffsetSpan {
            start: change.timestamp().as_millisecond(),
            offset: Millis::from(change.offset().seconds()) * SECOND,
        });
        let mut changes: Vec<OffsetSpan> = segments.take_while(|segment| segment.start < end).collect();
        changes.reverse();
        let segment = OffsetSpan { start, offset: Millis::from(zone.to_offset(first).seconds()) * SECOND };
        let next = Day { start, open: 0, weight: 0.0, usual: 0.0, plan: CLOSED, usual_plan: CLOSED };
        Self {
            schedule,
            zone,
            changes,
            segment,
            days: Vec::new(),
            plans: vec![Plan::default()],
            usual_plans: BTreeMap::new(),
            next,
        }
    }

    fn add(&mut self, date: Date, occasion: &DayKind<'_>) {
        let end = date.tomorrow().map_or(Millis::MAX, |tomorrow| start_of_day(tomorrow, self.zone));
        let segments = self.segments(end);
        let usual_plan = self.usual_plan(date, end, &segments);
        let plan = match occasion {
            DayKind::Ordinary => usual_plan,
            DayKind::Holiday => CLOSED,
            DayKind::Exception(shift) => self.plan(shift, date, end, &segments),
        };
        let (actual, usual) = (&self.plans[plan], &self.plans[usual_plan]);
        let before = &self.next;
        let after = Day {
            start: end,
            open: before.open + actual.open,
            weight: before.weight + actual.weight,
            usual: before.usual + usual.weight,
            plan: CLOSED,
            usual_plan: CLOSED,
        };
        self.days.push(Day { plan, usual_plan, ..std::mem::replace(&mut self.next, after) });
    }

    fn finish(mut self) -> Days {
        self.days.push(self.next);
        self.days.shrink_to_fit();
        Days { days: self.days, plans: self.plans }
    }

    /// The segments of the day that begins next.
    fn segments(&mut self, end: Millis) -> Vec<OffsetSpan> {
        while let Some(change) = self.changes.pop_if(|change| change.start <= self.next.start) {
            self.segment = change;
        }
        let mut segments = vec![OffsetSpan { start: self.next.start, ..self.segment }];
        while let Some(change) = self.changes.pop_if(|change| change.start < end) {
            self.segment = change;
            segments.push(change);
        }
        segments
    }

    fn usual_plan(&mut self, date: Date, end: Millis, segments: &[OffsetSpan]) -> usize {
        let schedule = self.schedule;
        let weekday = date.weekday();
        let shift = schedule.usual(weekday);
        if segments.len() > 1 || end - self.next.start != DAY {
            return self.plan(shift, date, end, segments);
        }
        let known = self.usual_plans.get(&weekday.to_monday_zero_offset()).copied();
        known.unwrap_or_else(|| {
            let plan = self.plan(shift, date, end, segments);
            self.usual_plans.insert(weekday.to_monday_zero_offset(), plan);
            plan
        })
    }

    fn plan(&mut self, shift: &Shift, date: Date, end: Millis, segments: &[OffsetSpan]) -> usize {
        let stretches = stretches(&shift.hours, date, end, segments);
        if stretches.is_empty() {
            return CLOSED;
        }
        self.plans.push(Plan::new(shift.weight, stretches));
        self.plans.len() - 1
    }
}

/// What is open of a day that begins with the first segment.
fn stretches(hours: &Hours, date: Date, end: Millis, segments: &[OffsetSpan]) -> Vec<OpenInterval> {
    let day = segments[0].start;
    let midnight = dates_before(date).unwrap_or_default() * DAY + first_midnight();
    let ends = segments.iter().skip(1).map(|next| next.start).chain([end]);
    let mut stretches = Vec::new();
    for (segment, segment_end) in segments.iter().zip(ends) {
        for (hour, from, to) in hours.by_hour() {
            // From the clock on the wall to instants.
            let start = (midnight + from - segment.offset).max(segment.start);
            let end = (midnight + to - segment.offset).min(segment_end);
            if start < end {
                stretches.push(OpenInterval { start: start - day, end: end - day, hour });
            }
        }
    }
    stretches
}

/// Every date of [`YEARS`].
fn dates() -> impl Iterator<Item = Date> {
    date(*YEARS.start(), 1, 1).series(jiff::Span::new().days(1)).take_while(|date| *YEARS.end() >= date.year())
}

/// How many dates of [`YEARS`] are before this one; negative before the first.
fn dates_before(date: Date) -> Option<i64> {
    date.since(jiff::civil::date(*YEARS.start(), 1, 1)).ok().map(|span| i64::from(span.get_days()))
}

/// The first midnight of [`YEARS`] by a clock that shows UTC.
fn first_midnight() -> Millis {
    start_of_day(date(*YEARS.start(), 1, 1), &TimeZone::UTC)
}

/// A hundred years of days are nothing to read.
impl fmt::Debug for Days {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Days({}, {} plans)", self.days.len(), self.plans.len())
    }
}
