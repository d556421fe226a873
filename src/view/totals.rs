//! What the views of all partitions are together, evaluated at one instant.

use std::sync::Arc;

use super::panes::{Span, SpanFigures};
use super::slots::SlotFigures;
use super::{
    CallView, CellTotals, DisbursementView, MilestoneTotals, PartitionView, ProgrammeTotals, QueueTotals, RecordCounts,
    StreamFigures,
};
use super::{UnmatchedDisbursements, Views, add_each};
use crate::allowlists::Allowlists;
use crate::calendar::{Interval, Period};
use crate::clock::Millis;
use crate::event::{CallKind, Status};
use crate::record::{PerStream, Stream};

/// Agents are counted by site and by the statuses of those who are signed in.
pub const AGENT_STATUSES: [Status; 4] = [Status::Available, Status::Handling, Status::WrapUp, Status::Paused];

/// Durations that decide what counts now.
#[derive(Debug, Clone, Copy)]
pub struct PresenceLimits {
    /// The longest that an offered call waits.
    pub wait: Millis,
    /// The longest that an agent of whom nothing is heard stays on.
    pub agent: Millis,
}

/// Every business figure, at one instant, over all partitions.
#[derive(Debug)]
pub struct Totals {
    pub records: PerStream<RecordCounts>,
    /// Newest event time applied.
    pub watermarks: PerStream<Option<Millis>>,
    pub programmes: Vec<ProgrammeTotals>,
    pub cells: Vec<CellTotals>,
    pub people_complete: bool,
    pub unmatched_disbursements: UnmatchedDisbursements,
    /// By [`SPANS`], then by cell.
    pub spans: Vec<Vec<SpanFigures>>,
    pub queues: Vec<QueueTotals>,
    pub unmatched_calls: [u64; CallKind::ALL.len()],
    pub calls_waiting: Vec<u64>,
    /// By site, then by [`AGENT_STATUSES`].
    pub agents: Vec<u64>,
    pub milestones: Vec<MilestoneTotals>,
}

/// The spans that are shown.
pub const SPANS: [Span; 6] = [
    Span::Calendar(Period::Day),
    Span::Calendar(Period::WEEK),
    Span::Calendar(Period::Month),
    Span::Rolling1h,
    Span::Rolling24h,
    Span::Rolling7d,
];

impl Totals {
    /// Adds up the views at `now`.
    pub fn of(views: &Views, allowlists: &Allowlists, lasting: PresenceLimits, now: Millis) -> Self {
        let periods = Period::OWN
            .map(|period| period.at(now, &allowlists.zone).expect("every instant has its day, week and month"));
        let mut totals = Self {
            records: PerStream::default(),
            watermarks: PerStream::default(),
            programmes: vec![ProgrammeTotals::default(); allowlists.programmes.count()],
            cells: vec![CellTotals::default(); allowlists.cells()],
            people_complete: true,
            unmatched_disbursements: UnmatchedDisbursements::default(),
            spans: vec![vec![SpanFigures::default(); allowlists.cells()]; SPANS.len()],
            queues: vec![QueueTotals::default(); allowlists.queues.count()],
            unmatched_calls: [0; CallKind::ALL.len()],
            calls_waiting: vec![0; allowlists.queues.count()],
            agents: vec![0; allowlists.sites.count() * AGENT_STATUSES.len()],
            milestones: vec![MilestoneTotals::default(); allowlists.milestone_cells()],
        };
        for view in views {
            totals.add_records(view);
            match &view.figures {
                StreamFigures::Disbursement(view) => totals.add_disbursements(view, now, &periods),
                StreamFigures::Call(view) => totals.add_calls(view, now, lasting),
                StreamFigures::Milestone(view) => add_each(&mut totals.milestones, &view.cells),
            }
        }
        totals
    }

    fn add_records(&mut self, view: &PartitionView) {
        let stream = view.stream;
        self.records[stream] += &view.counts;
        self.watermarks[stream] = self.watermarks[stream].max(view.watermark);
    }

    fn add_disbursements(&mut self, view: &DisbursementView, now: Millis, periods: &[Interval; 3]) {
        add_each(&mut self.programmes, &view.programmes);
        add_each(&mut self.cells, &view.cells);
        self.people_complete &= view.people_complete;
        self.unmatched_disbursements += &view.unmatched;
        for (sums, span) in self.spans.iter_mut().zip(SPANS) {
            match span {
                Span::Calendar(period) => add_period(sums, view, period, &periods[period.index()]),
                Span::Rolling1h => view.rolling.add_minutes(sums, now),
                Span::Rolling24h => view.rolling.add_hours(sums, 0, now),
                Span::Rolling7d => view.rolling.add_hours(sums, 1, now),
            }
        }
    }

    fn add_calls(&mut self, view: &CallView, now: Millis, lasting: PresenceLimits) {
        add_each(&mut self.queues, &view.queues);
        add_each(&mut self.unmatched_calls, &view.unmatched);
        view.waiting.add_to(&mut self.calls_waiting, now, lasting.wait);
        view.agents.add_to(&mut self.agents, now, lasting.agent);
    }

    /// Records read of a stream: the sum of the outcomes.
    pub fn read(&self, stream: Stream) -> u64 {
        self.records[stream].outcomes.iter().sum()
    }

    /// Whether a cell was ever dispersed to: its gauges are shown from then on.
    pub fn in_use(&self, cell: usize) -> bool {
        self.cells[cell].dispersals > 0
    }
}

/// What counts in a period, one of [`Period::OWN`], from its beginning to the end of `span`; by cell, over all views. None if some of it
/// is forgotten, or if slots are no longer divided at the end of the span.
pub fn cells_within(
    views: &[Arc<PartitionView>],
    allowlists: &Allowlists,
    period: Period,
    span: Interval,
) -> Option<Vec<SpanFigures>> {
    let mut sums = vec![SpanFigures::default(); allowlists.cells()];
    for view in views {
        if let StreamFigures::Disbursement(view) = &view.figures {
            if span.start < view.slots.people_from || !view.slots.divides(span) {
                return None;
            }
            add_period(&mut sums, view, period, &span);
        }
    }
    Some(sums)
}

fn add_period(sums: &mut [SpanFigures], view: &DisbursementView, period: Period, span: &Interval) {
    let mut cells = vec![SlotFigures::default(); sums.len()];
    for (cell, figures) in view.slots.within(*span).flat_map(|slot| &slot.cells) {
        cells[cell.index()] += figures;
    }
    sums.iter_mut().zip(&cells).for_each(|(sum, cell)| *sum += &cell.of_period(period.index()));
}
