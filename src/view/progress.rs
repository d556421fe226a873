//! How far targets are: the slots of all partitions together, and what follows from them at one instant.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::tz::TimeZone;

use super::PartitionView;
use super::slots::Slots;
use crate::calendar::{Interval, Period};
use crate::clock::{MINUTE, Millis, floor};
use crate::record::Stream;
use crate::targets::overdispersion::{DEFAULT_OVERDISPERSION, PastDay, PastPeriod, overdispersion, weeks_of_days};
use crate::targets::pace::{Observation, PaceReport, assess, goal_of};
use crate::targets::{Measure, Quantity, Tally, Target, Targets};

/// What was reached of every target, slot by slot, over all partitions.
#[derive(Debug)]
pub struct Tallies {
    /// By [`Stream`].
    streams: [StreamTallies; Stream::ALL.len()],
    /// By target: the stream, and the place among the targets of the stream.
    places: Vec<(Stream, usize)>,
}

#[derive(Debug)]
struct StreamTallies {
    /// By the beginning of the slot.
    slots: BTreeMap<Millis, (Interval, Vec<Tally>)>,
    people_from: Millis,
    counts_from: Millis,
}

/// A target at an instant.
#[derive(Debug, Clone)]
pub struct TargetStatus {
    /// Of the current period; none outside of a campaign.
    pub current: Option<PaceReport>,
    /// The last period that has closed; none if there was none, or not enough of it is known any more.
    pub previous: Option<Past>,
    /// As past periods have it; see [`dispersion`](crate::targets::overdispersion).
    pub dispersion: f64,
}

/// A period that is over, with what is known of it now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Past {
    pub period: Interval,
    pub goal: Quantity,
    /// None: a ratio of nothing.
    pub actual: Option<Quantity>,
}

impl Tallies {
    pub fn of<'a>(targets: &Targets, slots: impl Iterator<Item = (Stream, &'a Slots)>) -> Self {
        let mut counts = [0; Stream::ALL.len()];
        let place = |target: &Target| {
            let stream = target.measure.stream();
            counts[stream as usize] += 1;
            (stream, counts[stream as usize] - 1)
        };
        let places = targets.targets.iter().map(place).collect();
        let nothing = || StreamTallies { slots: BTreeMap::new(), people_from: Millis::MIN, counts_from: Millis::MIN };
        let mut tallies = Self { streams: [nothing(), nothing(), nothing()], places };
        for (stream, slots) in slots {
            tallies.streams[stream as usize].add(slots);
        }
        tallies
    }

    pub fn of_views(targets: &Targets, views: &[Arc<PartitionView>]) -> Self {
        Self::of(targets, views.iter().map(|view| (view.stream, view.slots())))
    }

    /// What was reached of a target in a span that consists of whole slots. None if what is needed for that may be forgotten in
    /// part.
    pub fn within(&self, targets: &Targets, target: usize, span: Interval) -> Option<Tally> {
        let (stream, place) = self.places[target];
        let stream = &self.streams[stream as usize];
        (stream.knows(targets.targets[target].measure, span.start) && stream.divides(span))
            .then(|| stream.sum(place, span))
    }
}

impl StreamTallies {
    fn add(&mut self, slots: &Slots) {
        self.people_from = self.people_from.max(slots.people_from);
        self.counts_from = self.counts_from.max(slots.counts_from);
        for slot in &slots.slots {
            let (_, sums) = self
                .slots
                .entry(slot.span.start)
                .or_insert_with(|| (slot.span, vec![Tally::default(); slot.tallies.len()]));
            sums.iter_mut().zip(&slot.tallies).for_each(|(sum, more)| *sum += more);
        }
    }

    fn knows(&self, measure: Measure, from: Millis) -> bool {
        from >= measure.known_from(self.people_from, self.counts_from)
    }

    /// Whether no slot reaches over an end of the span, as one may after cuts were taken at other times.
    fn divides(&self, span: Interval) -> bool {
        let is_end = |time: Millis| self.slots.range(..time).next_back().is_none_or(|(_, (slot, _))| slot.end <= time);
        is_end(span.start) && is_end(span.end)
    }

    fn sum(&self, place: usize, span: Interval) -> Tally {
        let slots = self.slots.range(span.start..span.end).take_while(|(_, (slot, _))| slot.end <= span.end);
        slots.fold(Tally::default(), |mut sum, (_, (_, tallies))| {
            sum += &tallies[place];
            sum
        })
    }
}

/// Evaluates targets at the reader's clock.
#[derive(Debug)]
pub struct Evaluator {
    zone: TimeZone,
    /// What past weeks say of each target changes slowly and takes long: it is looked at once a minute.
    past: Mutex<Option<CachedHistory>>,
}

/// What was looked at in a minute.
#[derive(Debug)]
struct CachedHistory {
    targets: Arc<Targets>,
    minute: Millis,
    figures: Arc<[PastFigures]>,
}

/// What past periods say of a target.
#[derive(Debug, Clone, Copy)]
struct PastFigures {
    dispersion: f64,
    /// Of all of them together.
    tally: Tally,
}

impl Evaluator {
    pub fn new(zone: TimeZone) -> Self {
        Self { zone, past: Mutex::new(None) }
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// By target. `closed`: the newest instant at which periods were closed.
    pub fn standings(
        &self,
        targets: &Arc<Targets>,
        tallies: &Tallies,
        now: Millis,
        closed: Option<Millis>,
    ) -> Vec<TargetStatus> {
        let past = self.past(targets, tallies, now);
        let standing = |(place, target): (usize, &Target)| TargetStatus {
            current: self.current(targets, tallies, place, now, past[place]),
            previous: closed.and_then(|closed| target.period.ended(closed, &self.zone)).and_then(|period| {
                let tally = tallies.within(targets, place, period)?;
                Some(Past { period, goal: goal_of(target, period, &self.zone), actual: target.measure.quantity(tally) })
            }),
            dispersion: past[place].dispersion,
        };
        targets.targets.iter().enumerate().map(standing).collect()
    }

    fn current(
        &self,
        targets: &Targets,
        tallies: &Tallies,
        place: usize,
        now: Millis,
        past: PastFigures,
    ) -> Option<PaceReport> {
        let target = &targets.targets[place];
        let period = target.period.at(now, &self.zone)?;
        let actual = tallies.within(targets, place, period)?;
        let PastFigures { dispersion, tally } = past;
        Some(assess(
            target,
            &Observation { period, now, zone: &self.zone, actual, past: tally, overdispersion: dispersion },
        ))
    }

    fn past(&self, targets: &Arc<Targets>, tallies: &Tallies, now: Millis) -> Arc<[PastFigures]> {
        let minute = floor(now, MINUTE);
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(noted) =
            past.as_ref().filter(|noted| Arc::ptr_eq(&noted.targets, targets) && noted.minute == minute)
        {
            return Arc::clone(&noted.figures);
        }
        let figures: Arc<[PastFigures]> =
            (0..targets.targets.len()).map(|place| past_figures(targets, tallies, place, now, &self.zone)).collect();
        *past = Some(CachedHistory { targets: Arc::clone(targets), minute, figures: Arc::clone(&figures) });
        figures
    }
}

/// What the complete periods that are known say of a target.
fn past_figures(targets: &Targets, tallies: &Tallies, place: usize, now: Millis, zone: &TimeZone) -> PastFigures {
    let target = &targets.targets[place];
    let mut periods = Vec::new();
    let mut sum = Tally::default();
    let mut next = target.period.ended(now, zone);
    let (stream, of_stream) = tallies.places[place];
    let stream = &tallies.streams[stream as usize];
    let first_slot = stream.slots.keys().next().copied().unwrap_or(Millis::MAX);
    while let Some(period) =
        next.filter(|period| period.start >= first_slot && stream.knows(target.measure, period.start))
    {
        sum += &stream.sum(of_stream, period);
        periods.push(days_of(target, stream, of_stream, period, zone));
        next = target.period.ended(period.start, zone).filter(|before| before.end <= period.start);
    }
    if target.measure == Measure::ServiceLevel {
        return PastFigures { dispersion: DEFAULT_OVERDISPERSION, tally: sum };
    }
    let days_alone = periods.iter().all(|period| period.len() == 1);
    let past = match days_alone {
        true => weeks_of_days(&periods.into_iter().rev().flatten().collect::<Vec<_>>()),
        false => periods.into_iter().map(PastPeriod).collect(),
    };
    PastFigures { dispersion: overdispersion(&past), tally: sum }
}

/// The local days of a period: what share of the plan each had, and what was counted.
fn days_of(target: &Target, stream: &StreamTallies, place: usize, period: Interval, zone: &TimeZone) -> Vec<PastDay> {
    let mut days = Vec::new();
    let mut from = period.start;
    while let Some(day) = Period::Day.at(from, zone).filter(|day| day.start < period.end) {
        let tally = stream.sum(place, day);
        let count = if target.measure == Measure::NetPesos { tally.base } else { tally.amount };
        days.push(PastDay { share: target.calendar.weight(day, target.profile.as_ref()), count: count.max(0) as f64 });
        from = day.end;
    }
    days
}
