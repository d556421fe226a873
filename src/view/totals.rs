//! What the views of all partitions are together, evaluated at one instant.

use super::panes::{Span, SpanFigures};
use super::{CallView, CellTotals, DisbursementView, Figures, MilestoneTotals, PartitionView, ProgrammeTotals, QueueTotals, RecordCounts};
use super::{UnmatchedDisbursements, Views};
use crate::calendar::Period;
use crate::clock::Millis;
use crate::display::Display;
use crate::event::{CallKind, Status};
use crate::record::Stream;

/// Agents are counted by site and by the statuses of those who are signed in.
pub const AGENT_STATUSES: [Status; 4] = [Status::Available, Status::Handling, Status::WrapUp, Status::Paused];

/// Durations that decide what counts now.
#[derive(Debug, Clone, Copy)]
pub struct Lasting {
    /// The longest that an offered call waits.
    pub wait: Millis,
    /// The longest that an agent of whom nothing is heard stays on.
    pub agent: Millis,
}

/// Every business figure, at one instant, over all partitions.
#[derive(Debug)]
pub struct Totals {
    /// By [`Stream`].
    pub records: [RecordCounts; 3],
    /// By [`Stream`]: the newest event time applied.
    pub watermarks: [Option<Millis>; 3],
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
    Span::Calendar(Period::Week),
    Span::Calendar(Period::Month),
    Span::Rolling1h,
    Span::Rolling24h,
    Span::Rolling7d,
];

impl Totals {
    /// Adds up the views at `now`.
    pub fn of(views: &Views, display: &Display, lasting: Lasting, now: Millis) -> Self {
        let starts = Period::ALL.map(|period| period.start(now, &display.zone));
        let mut totals = Self {
            records: Default::default(),
            watermarks: [None; 3],
            programmes: vec![ProgrammeTotals::default(); display.programmes.count()],
            cells: vec![CellTotals::default(); display.cells()],
            people_complete: true,
            unmatched_disbursements: UnmatchedDisbursements::default(),
            spans: vec![vec![SpanFigures::default(); display.cells()]; SPANS.len()],
            queues: vec![QueueTotals::default(); display.queues.count()],
            unmatched_calls: [0; CallKind::ALL.len()],
            calls_waiting: vec![0; display.queues.count()],
            agents: vec![0; display.sites.count() * AGENT_STATUSES.len()],
            milestones: vec![MilestoneTotals::default(); display.milestone_cells()],
        };
        for view in views {
            totals.add_records(view);
            match &view.figures {
                Figures::Disbursement(view) => totals.add_disbursements(view, now, &starts),
                Figures::Call(view) => totals.add_calls(view, now, lasting),
                Figures::Milestone(view) => {
                    totals.milestones.iter_mut().zip(&view.cells).for_each(|(sum, more)| sum.merge(more));
                }
            }
        }
        totals
    }

    fn add_records(&mut self, view: &PartitionView) {
        let stream = view.stream as usize;
        let sums = &mut self.records[stream];
        add(&mut sums.outcomes, &view.counts.outcomes);
        add(&mut sums.rejected, &view.counts.rejected);
        sums.conflicts += view.counts.conflicts;
        self.watermarks[stream] = self.watermarks[stream].max(view.watermark);
    }

    fn add_disbursements(&mut self, view: &DisbursementView, now: Millis, starts: &[Millis; 3]) {
        self.programmes.iter_mut().zip(&view.programmes).for_each(|(sum, more)| sum.merge(more));
        self.cells.iter_mut().zip(&view.cells).for_each(|(sum, more)| sum.merge(more));
        self.people_complete &= view.people_complete;
        self.unmatched_disbursements.returned += view.unmatched.returned;
        self.unmatched_disbursements.approved += view.unmatched.approved;
        for (sums, span) in self.spans.iter_mut().zip(SPANS) {
            view.spans.add_to(sums, span, now, |period| starts[period as usize]);
        }
    }

    fn add_calls(&mut self, view: &CallView, now: Millis, lasting: Lasting) {
        self.queues.iter_mut().zip(&view.queues).for_each(|(sum, more)| sum.merge(more));
        add(&mut self.unmatched_calls, &view.unmatched);
        view.waiting.add_to(&mut self.calls_waiting, now, lasting.wait);
        view.agents.add_to(&mut self.agents, now, lasting.agent);
    }

    /// Records read of a stream: the sum of the outcomes.
    pub fn read(&self, stream: Stream) -> u64 {
        self.records[stream as usize].outcomes.iter().sum()
    }

    /// Whether a cell was ever dispersed to: its gauges are shown from then on.
    pub fn in_use(&self, cell: usize) -> bool {
        self.cells[cell].dispersals > 0
    }
}

fn add<const N: usize>(sums: &mut [u64; N], more: &[u64; N]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}
