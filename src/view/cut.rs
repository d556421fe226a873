//! A partition's part of a cut (corte): its slots up to the instant of the cut, added up.
//!
//! A cut at T consists of the records of each partition before the first one whose Kafka timestamp is later than T. A
//! partition's part is made just before that record is applied, or once every record up to T is known to be. The parts
//! of all partitions add up to the cut. A cut at midnight belongs to the day, week or month that ends there: its period
//! holds the instant before the cut.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::panes::SpanFigures;
use super::slots::{SlotFigures, Slots};
use crate::allowlists::{Allowlists, CellIndex};
use crate::calendar::{Interval, Period};
use crate::clock::Timestamp;
use crate::record::Stream;
use crate::targets::{Tally, Targets};

/// A partition's part of a cut. Stored in the head of a checkpoint: field order and types are part of the format.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionCut {
    /// First offset that is not in the cut.
    pub next_offset: i64,
    /// Figures of each of [`Period::STANDARD`] that holds the instant before the cut.
    pub cells: [Vec<PartitionCutCell>; 3],
    /// Tallies of the targets of the stream.
    pub targets: Vec<PartitionCutTarget>,
}

/// Figures of a programme and federal state as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionCutCell {
    /// Programme as shown.
    pub programme: String,
    /// Federal state as shown.
    pub state: String,
    /// Figures from the beginning of the period up to the cut.
    pub figures: SpanFigures,
}

/// Tallies of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionCutTarget {
    /// Name of the target.
    pub name: String,
    /// Fingerprint of what the target counts, which distinguishes targets of one name; see
    /// [`Target::selection`](crate::targets::Target::selection).
    pub selection: u64,
    /// Periods that begin before may lack forgotten records.
    pub known_from: Timestamp,
    /// Beginning and tally of periods: the current one up to the cut, then past ones, newest first. A known period that
    /// is missing here has a tally of zero.
    pub periods: Vec<(Timestamp, Tally)>,
}

impl PartitionCut {
    /// Makes the part of a partition with these slots, which has applied every record of the cut at `at` and none
    /// after. Without slots it is the part of a partition without records.
    ///
    /// # Panics
    /// Panics if the slots were made for another set of targets.
    pub fn of(
        slots: &Slots,
        stream: Stream,
        targets: &Targets,
        allowlists: &Allowlists,
        at: Timestamp,
        next_offset: i64,
    ) -> Self {
        let cells = Period::STANDARD.map(|period| {
            let span = period.at(at - 1, &allowlists.zone).map(|period| Interval { start: period.start, end: at });
            span.map_or_else(Vec::new, |span| cells(slots, period, span, allowlists))
        });
        let slots = slots.made_for(targets);
        let mut past = PastPeriods::default();
        let targets = targets.of_stream(stream).map(|(index, target)| {
            let known_from = target.measure.known_from(slots.people_from, slots.counts_from);
            let current = period_until(target.period, at, allowlists).filter(|span| span.start >= known_from);
            let current = current.map(|span| (span.start, slots.tally(index, span)));
            let past = past.of(slots, target.period, at, allowlists).iter();
            let past = past.take_while(|span| span.start >= known_from);
            let past = past.map(|span| (span.start, slots.tally(index, *span)));
            PartitionCutTarget {
                name: target.name.clone(),
                selection: target.selection(),
                known_from,
                periods: current.into_iter().chain(past.filter(|(_, tally)| *tally != Tally::default())).collect(),
            }
        });
        Self { next_offset, cells, targets: targets.collect() }
    }

    /// Returns the part of the cut at `later`, given this one of the cut at `at`, if the partition had the same slots at
    /// both and figures in none of those between ([`Slots::unchanged_until`]).
    pub fn later(&self, at: Timestamp, later: Timestamp, zone: &TimeZone) -> Self {
        let mut part = self.clone();
        for (period, cells) in Period::STANDARD.into_iter().zip(&mut part.cells) {
            if period.at(at - 1, zone) != period.at(later - 1, zone) {
                cells.clear();
            }
        }
        // What was the current period of a target is a past one with the same tally, and the new one has none.
        part
    }
}

fn cells(slots: &Slots, period: Period, span: Interval, allowlists: &Allowlists) -> Vec<PartitionCutCell> {
    let mut sums = vec![SlotFigures::default(); allowlists.cells()];
    slots.within(span).flat_map(|slot| &slot.cells).for_each(|(cell, figures)| sums[cell.index()] += figures);
    let in_use = sums.iter().enumerate().filter(|(_, sum)| sum.dispersals > 0);
    let named = in_use.map(|(cell, sum)| {
        let (programme, state) = allowlists.names_of_cell(CellIndex::new(cell));
        PartitionCutCell {
            programme: programme.to_owned(),
            state: state.to_owned(),
            figures: sum.of_period(period.index()),
        }
    });
    named.collect()
}

/// Period that holds the instant before `at`, up to `at`; `None` outside of a campaign.
fn period_until(period: Period, at: Timestamp, allowlists: &Allowlists) -> Option<Interval> {
    period.at(at - 1, &allowlists.zone).map(|current| Interval { start: current.start, end: at })
}

/// Past periods that hold slots, for each kind of period that targets have.
#[derive(Default)]
struct PastPeriods(Vec<(Period, Vec<Interval>)>);

impl PastPeriods {
    /// Periods before the one that holds the instant before `at`, newest first.
    fn of(&mut self, slots: &Slots, period: Period, at: Timestamp, allowlists: &Allowlists) -> &[Interval] {
        let index = self.0.iter().position(|(other, _)| *other == period).unwrap_or_else(|| {
            self.0.push((period, periods_with_slots(slots, period, at, allowlists)));
            self.0.len() - 1
        });
        &self.0[index].1
    }
}

/// Periods before the one that holds the instant before `at` in which a slot begins, newest first. Stretches of time
/// without slots cost nothing: how long they are is up to whoever writes the log.
fn periods_with_slots(slots: &Slots, period: Period, at: Timestamp, allowlists: &Allowlists) -> Vec<Interval> {
    let zone = &allowlists.zone;
    let mut before = period_until(period, at, allowlists).map_or(at, |current| current.start);
    if let Period::Campaign(..) = period {
        return period.ended(before, zone).into_iter().collect();
    }
    let mut periods = Vec::new();
    loop {
        let count = slots.slots.partition_point(|slot| slot.span.start < before);
        let newest = slots.slots[..count].last().and_then(|slot| period.at(slot.span.start, zone));
        let Some(newest) = newest.filter(|newest| newest.start < before) else { return periods };
        before = newest.start;
        periods.push(newest);
    }
}

#[cfg(test)]
mod tests;
