//! Progress of targets: the slots of all partitions together, and the status of each target at one instant.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::tz::TimeZone;

use super::closed_periods::ClosedPeriods;
use super::slots::Slots;
use crate::calendar::{Interval, Period};
use crate::clock::{MINUTE, Timestamp};
use crate::record::{PerStream, Stream};
use crate::targets::overdispersion::{DEFAULT_OVERDISPERSION, PastDay, PastPeriod, overdispersion, weeks_of_days};
use crate::targets::pace::{Observation, PaceReport, assess, goal_of};
use crate::targets::{Measure, Quantity, StreamTargetIndex, Tally, Target, TargetIndex, Targets};

/// Tallies of every target, slot by slot, over all partitions.
#[derive(Debug)]
pub struct Tallies {
    streams: PerStream<Slots>,
    /// The set of targets that the tallies are of.
    targets: Arc<Targets>,
    /// Stream and position within it of each target of the set.
    positions: Vec<(Stream, StreamTargetIndex)>,
}

/// Status of a target at an instant.
#[derive(Debug, Clone)]
pub struct TargetStatus {
    /// Pace in the current period; `None` outside of a campaign, or if the period is not known as a whole.
    pub current: Option<PaceReport>,
    /// Last period that ended by the newest cut: with today's knowledge, or as cuts last reported it once some of it is
    /// forgotten. `None` if there was none, or no cut has it.
    pub previous: Option<EndedPeriod>,
    /// Overdispersion of past periods; see [`overdispersion`](crate::targets::overdispersion).
    pub dispersion: f64,
}

/// A period that has ended, with what is known of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EndedPeriod {
    /// Bounds of the period.
    pub period: Interval,
    /// Goal that held in the period.
    pub goal: Quantity,
    /// Quantity reached; `None` for a ratio of nothing.
    pub actual: Option<Quantity>,
}

impl Tallies {
    /// Takes the slots of all partitions together ([`MergedView::slots`](super::merged::MergedView::slots)).
    ///
    /// # Panics
    /// Panics if slots were made for another set of targets.
    pub fn of(targets: &Arc<Targets>, streams: PerStream<Slots>) -> Self {
        let mut counts = PerStream::<usize>::default();
        let position = |target: &Target| {
            let stream = target.measure.stream();
            counts[stream] += 1;
            (stream, StreamTargetIndex::new(counts[stream] - 1))
        };
        let positions = targets.targets.iter().map(position).collect();
        for (_, slots) in streams.iter() {
            slots.made_for(targets);
        }
        Self { streams, targets: Arc::clone(targets), positions }
    }

    /// Tally of a target in a span of whole slots. `None` if records that it needs may be forgotten.
    pub fn within(&self, target: TargetIndex, span: Interval) -> Option<Tally> {
        let (stream, position) = self.positions[target.index()];
        let slots = &self.streams[stream];
        (knows(slots, self.targets[target].measure, span.start) && slots.divides(span))
            .then(|| slots.tally(position, span))
    }
}

impl Tallies {
    /// Tallies of a target in the hours of a span of whole slots, by the beginning of the hour; hours without anything may
    /// be missing, and one that a cut divides comes in two parts. `None` if hours or records of the span may be
    /// forgotten.
    pub fn hours(&self, target: TargetIndex, span: Interval) -> Option<Vec<(Timestamp, Tally)>> {
        let (stream, position) = self.positions[target.index()];
        let slots = &self.streams[stream];
        let is_known = knows(slots, self.targets[target].measure, span.start) && slots.divides(span);
        is_known.then(|| slots.hours(position, span)).flatten()
    }
}

/// True if all that a measure counts is known from an instant on.
fn knows(slots: &Slots, measure: Measure, from: Timestamp) -> bool {
    from >= measure.known_from(slots.people_from, slots.counts_from)
}

/// Evaluates targets at an instant.
#[derive(Debug)]
pub struct Evaluator {
    zone: TimeZone,
    /// Figures of past periods change slowly and take long, so they are computed once a minute.
    past: Mutex<Option<CachedHistory>>,
}

/// Figures of past periods, as computed in a minute.
#[derive(Debug)]
struct CachedHistory {
    targets: Arc<Targets>,
    minute: Timestamp,
    figures: Arc<[PastFigures]>,
}

/// Figures of a target's past periods.
#[derive(Debug, Clone, Copy)]
struct PastFigures {
    dispersion: f64,
    /// Sum over all that is known of them.
    tally: Tally,
}

impl Evaluator {
    /// Creates an evaluator for the programme's time zone.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone, past: Mutex::new(None) }
    }

    /// Time zone of the programme.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Returns the status of each target of the set that the tallies are of.
    pub fn statuses(&self, tallies: &Tallies, now: Timestamp, closed_periods: &ClosedPeriods) -> Vec<TargetStatus> {
        let past = self.past(tallies, now);
        let status = |(index, past): (usize, &PastFigures)| {
            let index = TargetIndex::new(index);
            TargetStatus {
                current: self.current(tallies, index, now, *past),
                previous: self.previous(tallies, index, closed_periods),
                dispersion: past.dispersion,
            }
        };
        past.iter().enumerate().map(status).collect()
    }

    fn previous(&self, tallies: &Tallies, index: TargetIndex, closed_periods: &ClosedPeriods) -> Option<EndedPeriod> {
        let (target, zone) = (&tallies.targets[index], &self.zone);
        let period = target.period.ended(closed_periods.newest_cut()?, zone)?;
        let (goal, actual) = match tallies.within(index, period) {
            Some(tally) => (goal_of(target, period, zone), target.measure.quantity(tally)),
            None => {
                let closed = closed_periods.find(&target.name, target.selection(), period)?;
                (closed.goal, closed.last_reported())
            }
        };
        Some(EndedPeriod { period, goal, actual })
    }

    fn current(&self, tallies: &Tallies, index: TargetIndex, now: Timestamp, past: PastFigures) -> Option<PaceReport> {
        let target = &tallies.targets[index];
        let period = target.period.at(now, &self.zone)?;
        let actual = tallies.within(index, period)?;
        let PastFigures { dispersion, tally } = past;
        Some(assess(
            target,
            &Observation { period, now, zone: &self.zone, actual, past: tally, overdispersion: dispersion },
        ))
    }

    fn past(&self, tallies: &Tallies, now: Timestamp) -> Arc<[PastFigures]> {
        let minute = now.floor(MINUTE);
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let is_of_now =
            |cached: &&CachedHistory| Arc::ptr_eq(&cached.targets, &tallies.targets) && cached.minute == minute;
        if let Some(cached) = past.as_ref().filter(is_of_now) {
            return Arc::clone(&cached.figures);
        }
        let indexes = (0..tallies.targets.targets.len()).map(TargetIndex::new);
        let figures: Arc<[PastFigures]> = indexes.map(|index| past_figures(tallies, index, now, &self.zone)).collect();
        *past = Some(CachedHistory { targets: Arc::clone(&tallies.targets), minute, figures: Arc::clone(&figures) });
        figures
    }
}

/// Figures of a target's past periods, as far back as they are known. The overdispersion leaves out the period in which
/// the log begins: days before the first event say nothing of how much counts vary.
fn past_figures(tallies: &Tallies, index: TargetIndex, now: Timestamp, zone: &TimeZone) -> PastFigures {
    let target = &tallies.targets[index];
    let mut periods = Vec::new();
    let mut sum = Tally::default();
    let (stream, position) = tallies.positions[index.index()];
    let slots = &tallies.streams[stream];
    let first_slot = slots.slots.first().map_or(Timestamp::MAX, |slot| slot.span.start);
    let is_known = |period: &Interval| period.end > first_slot && knows(slots, target.measure, period.start);
    for period in target.period.all_ended(now, zone).take_while(is_known) {
        sum += &slots.tally(position, period);
        if period.start >= first_slot {
            periods.push(days_of(target, slots, position, period, zone));
        }
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

/// Local days of a period: share of the plan and count of each.
fn days_of(
    target: &Target,
    slots: &Slots,
    position: StreamTargetIndex,
    period: Interval,
    zone: &TimeZone,
) -> Vec<PastDay> {
    let past_day = |day| {
        let tally = slots.tally(position, day);
        let count = if target.measure == Measure::NetPesos { tally.base } else { tally.amount };
        PastDay { share: target.calendar.weight(day, target.profile.as_ref()), count: count.max(0) as f64 }
    };
    Period::Day.overlapping(period, zone).map(past_day).collect()
}

#[cfg(test)]
mod tests;
