//! A partition's part of a cut (corte): its slots up to the instant of the cut, added up.
//!
//! A cut at T consists of the records of each partition before the first one whose Kafka timestamp is later than T. A
//! partition's part is made just before that record is applied, or once every record up to T is known to be. The parts
//! of all partitions add up to the cut. A cut at midnight belongs to the day, week or month that ends there: its period
//! holds the instant before the cut.

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
    /// Beginning and tally of each period: the current one up to the cut, then past ones, newest first. A known past
    /// period that is missing here has a tally of zero.
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
        let targets = targets.of_stream(stream).map(|(index, target)| {
            let known_from = target.measure.known_from(slots.people_from, slots.counts_from);
            let periods = known_periods(slots, target.period, known_from, at, allowlists);
            let tallied = periods.map(|span| (span.start, slots.tally(index, span)));
            PartitionCutTarget {
                name: target.name.clone(),
                selection: target.selection(),
                known_from,
                periods: tallied.collect(),
            }
        });
        Self { next_offset, cells, targets: targets.collect() }
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

/// Period that holds the instant before `at`, up to `at`, then the periods before it, as long as slots are kept and
/// they begin at `from` or later.
fn known_periods(
    slots: &Slots,
    period: Period,
    from: Timestamp,
    at: Timestamp,
    allowlists: &Allowlists,
) -> impl Iterator<Item = Interval> {
    let zone = &allowlists.zone;
    let oldest = slots.slots.first().map_or(at, |slot| slot.span.start);
    let current = period.at(at - 1, zone).map(|current| Interval { start: current.start, end: at });
    let last = period.ended(current.map_or(at, |current| current.start), zone);
    let past = std::iter::successors(last, move |last| {
        period.ended(last.start, zone).filter(|before| before.end <= last.start)
    });
    let past = past.take_while(move |past| past.end > oldest);
    current.into_iter().chain(past).filter(move |span| span.start >= from)
}
