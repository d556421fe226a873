//! What a partition has of a cut: its slots up to the instant of the cut, added up.
//!
//! A cut at T is the figures of the log before the first record of each partition whose Kafka timestamp is later than T. A part is made when that
//! record is about to be applied, or once it is known that every record up to T is. Parts of all partitions add up to the cut.

use serde::{Deserialize, Serialize};

use super::panes::SpanFigures;
use super::slots::{SlotFigures, Slots};
use crate::allowlists::{Allowlists, CellIndex};
use crate::calendar::{Interval, Period};
use crate::clock::Millis;
use crate::record::Stream;
use crate::targets::{Tally, Targets};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionCut {
    /// The first offset that is not in it.
    pub next_offset: i64,
    /// By [`Period::OWN`]: what counts in the period that holds the instant before the cut.
    pub cells: [Vec<PartitionCutCell>; 3],
    pub targets: Vec<PartitionCutTarget>,
}

/// By programme and state as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionCutCell {
    pub programme: String,
    pub state: String,
    pub figures: SpanFigures,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionCutTarget {
    pub name: String,
    /// Tells apart targets of one name; see [`Target::selection`](crate::targets::Target::selection).
    pub selection: u64,
    /// Of periods that begin before, what is needed may be forgotten in part.
    pub known_from: Millis,
    /// By the beginning of the period: the current one, up to the cut, first, then the past ones, newest first. Of past ones that are known and
    /// missing here there is nothing.
    pub periods: Vec<(Millis, Tally)>,
}

impl PartitionCut {
    /// Of a partition whose slots these are, and which has applied all that a cut at `at` is made of. Without slots it is that of a partition
    /// which had no record by then.
    pub fn of(
        slots: &Slots,
        stream: Stream,
        targets: &Targets,
        allowlists: &Allowlists,
        at: Millis,
        next_offset: i64,
    ) -> Self {
        let cells = Period::OWN.map(|period| {
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

/// The period that holds the instant before `at`, up to `at`, and the ones before, as far back as slots are kept and nothing before `from` is needed.
fn known_periods(
    slots: &Slots,
    period: Period,
    from: Millis,
    at: Millis,
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
