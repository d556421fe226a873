//! The merged view of all partitions, evaluated at one instant.

use super::merged::MergedView;
use super::panes::{Span, SpanFigures};
use super::slots::{SlotFigures, Slots};
use super::{
    CallView, CellTotals, DisbursementView, MilestoneTotals, ProgrammeTotals, QueueTotals, RecordCounts,
    UnmatchedDisbursements, add_each,
};
use crate::allowlists::Allowlists;
use crate::calendar::{Interval, Period};
use crate::clock::{Millis, Timestamp};
use crate::event::{CallKind, Status};
use crate::record::{PerStream, Stream};

/// Statuses of agents who are signed in: agents are counted by site, then by these.
pub const AGENT_STATUSES: [Status; 4] = [Status::Available, Status::Handling, Status::WrapUp, Status::Paused];

/// Durations that decide which calls and agents count now.
#[derive(Debug, Clone, Copy)]
pub struct PresenceLimits {
    /// Longest time that an offered call counts as waiting, in milliseconds.
    pub wait: Millis,
    /// Longest time that an agent counts after a status, in milliseconds.
    pub agent: Millis,
}

/// Every business figure over all partitions, at one instant.
#[derive(Debug)]
pub struct Totals {
    /// Outcomes of records.
    pub records: PerStream<RecordCounts>,
    /// Newest event time applied.
    pub watermarks: PerStream<Option<Timestamp>>,
    /// Totals of each programme.
    pub programmes: Vec<ProgrammeTotals>,
    /// Totals of each cell.
    pub cells: Vec<CellTotals>,
    /// False if a partition had more people than state may hold: their number is then unknown.
    pub people_complete: bool,
    /// Disbursement events whose counterpart never came.
    pub unmatched_disbursements: UnmatchedDisbursements,
    /// Figures of each of [`SPANS`], by cell.
    pub spans: Vec<Vec<SpanFigures>>,
    /// Number of dispersals of the current day, week and month ([`Period::STANDARD`]) that were returned in full, by cell.
    pub returned: [Vec<u64>; Period::STANDARD.len()],
    /// Totals of each queue.
    pub queues: Vec<QueueTotals>,
    /// Number of unmatched events of each [`CallKind`].
    pub unmatched_calls: [u64; CallKind::ALL.len()],
    /// Number of waiting calls of each queue.
    pub calls_waiting: Vec<u64>,
    /// Number of agents by site, then by [`AGENT_STATUSES`].
    pub agents: Vec<u64>,
    /// Totals by initiative and milestone.
    pub milestones: Vec<MilestoneTotals>,
}

/// Spans that are shown. A new window also needs its names in `export/business.rs` (same order), the catalogue and the
/// oracle; none may reach beyond the least horizon of 35 days.
pub const SPANS: [Span; 6] = [
    Span::Calendar(Period::Day),
    Span::Calendar(Period::WEEK),
    Span::Calendar(Period::Month),
    Span::Rolling1h,
    Span::Rolling24h,
    Span::Rolling7d,
];

impl Totals {
    /// Evaluates the figures at `now`.
    pub fn of(merged: &MergedView, allowlists: &Allowlists, lasting: PresenceLimits, now: Timestamp) -> Self {
        let periods = Period::STANDARD
            .map(|period| period.at(now, &allowlists.zone).expect("every instant has its day, week and month"));
        let mut totals = Self {
            records: merged.records.clone(),
            watermarks: merged.watermarks,
            programmes: vec![ProgrammeTotals::default(); allowlists.programmes.count()],
            cells: vec![CellTotals::default(); allowlists.cells()],
            people_complete: merged.disbursements.people_complete,
            unmatched_disbursements: merged.disbursements.unmatched.clone(),
            spans: vec![vec![SpanFigures::default(); allowlists.cells()]; SPANS.len()],
            returned: std::array::from_fn(|_| vec![0; allowlists.cells()]),
            queues: vec![QueueTotals::default(); allowlists.queues.count()],
            unmatched_calls: merged.calls.unmatched,
            calls_waiting: vec![0; allowlists.queues.count()],
            agents: vec![0; allowlists.sites.count() * AGENT_STATUSES.len()],
            milestones: vec![MilestoneTotals::default(); allowlists.milestone_cells()],
        };
        totals.add_disbursements(&merged.disbursements, now, &periods);
        totals.add_calls(&merged.calls, now, lasting);
        add_each(&mut totals.milestones, &merged.milestones.cells);
        totals
    }

    fn add_disbursements(&mut self, view: &DisbursementView, now: Timestamp, periods: &[Interval; 3]) {
        add_each(&mut self.programmes, &view.programmes);
        add_each(&mut self.cells, &view.cells);
        for (sums, span) in self.spans.iter_mut().zip(SPANS) {
            match span {
                Span::Calendar(period) => {
                    let cells = cells_of(&view.slots, sums.len(), periods[period.index()]);
                    add_period(sums, &cells, period);
                    let returned = self.returned[period.index()].iter_mut().zip(&cells);
                    returned.for_each(|(sum, cell)| *sum += cell.returned);
                }
                Span::Rolling1h => view.rolling.add_minutes(sums, now),
                Span::Rolling24h => view.rolling.add_hours(sums, 0, now),
                Span::Rolling7d => view.rolling.add_hours(sums, 1, now),
            }
        }
    }

    fn add_calls(&mut self, view: &CallView, now: Timestamp, lasting: PresenceLimits) {
        add_each(&mut self.queues, &view.queues);
        view.waiting.add_to(&mut self.calls_waiting, now, lasting.wait);
        view.agents.add_to(&mut self.agents, now, lasting.agent);
    }

    /// Number of records read of a stream: the sum of the outcomes.
    pub fn read(&self, stream: Stream) -> u64 {
        self.records[stream].outcomes.iter().sum()
    }

    /// True if a cell ever had a dispersal: its gauges are shown from then on.
    pub fn in_use(&self, cell: usize) -> bool {
        self.cells[cell].dispersals > 0
    }
}

/// Figures of a period, one of [`Period::STANDARD`], from its beginning to the end of `span`, by cell. `None` if some of
/// it is forgotten, or if slots are no longer divided at the end of the span.
pub fn cells_within(
    slots: &Slots,
    allowlists: &Allowlists,
    period: Period,
    span: Interval,
) -> Option<Vec<SpanFigures>> {
    let mut sums = vec![SpanFigures::default(); allowlists.cells()];
    if span.start < slots.people_from || !slots.divides(span) {
        return None;
    }
    add_period(&mut sums, &cells_of(slots, allowlists.cells(), span), period);
    Some(sums)
}

/// Sums of the slots of a span, by cell.
fn cells_of(slots: &Slots, cells: usize, span: Interval) -> Vec<SlotFigures> {
    let mut sums = vec![SlotFigures::default(); cells];
    for (cell, figures) in slots.within(span).flat_map(|slot| &slot.cells) {
        sums[cell.index()] += figures;
    }
    sums
}

fn add_period(sums: &mut [SpanFigures], cells: &[SlotFigures], period: Period) {
    sums.iter_mut().zip(cells).for_each(|(sum, cell)| *sum += &cell.of_period(period.index()));
}
