//! The read model: a small immutable view of each partition, and all of them added up a few times a second ([`merged`])
//! for the snapshot that readers see.
//!
//! Totals are added up. Whatever depends on now is kept in panes with their bounds ([`panes`], [`slots`]) and evaluated
//! at one instant, that of the publication ([`totals`], [`progress`]), so all spans of a scrape are of one instant. Everything is in the
//! order of [`Allowlists`](crate::allowlists::Allowlists): by programme, by programme and state (a *cell*,
//! [`CellIndex`](crate::allowlists::CellIndex)), by queue.
//!
//! Publishing copies pointers: panes and slots are `Arc`s, copied when they change next.

pub mod closed_periods;
pub mod cut;
pub mod held_statuses;
pub mod histogram;
pub mod huella;
pub mod merged;
pub mod panes;
pub mod progress;
pub mod recent_counts;
pub mod slots;
pub mod snapshot;
pub mod states;
pub mod timeline;
pub mod totals;

use std::ops::AddAssign;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::event::{CallKind, histogram_bounds};
use crate::record::{Outcome, Reason, Stream};
use histogram::Histogram;
use panes::{RecentPanes, RollingPanes};
use recent_counts::RecentCounts;
use slots::Slots;

/// View of one partition.
#[derive(Debug, Clone)]
pub struct PartitionView {
    /// Stream of the partition.
    pub stream: Stream,
    /// Offset at which the state began: it knows nothing before.
    pub first_offset: i64,
    /// Offset after the last record in the figures.
    pub next_offset: i64,
    /// Newest event time applied.
    pub watermark: Option<Timestamp>,
    /// Outcomes of the records.
    pub counts: RecordCounts,
    /// Figures of the stream.
    pub figures: StreamFigures,
}

impl PartitionView {
    #[cfg(test)]
    pub(crate) fn slots_mut(&mut self) -> &mut Slots {
        match &mut self.figures {
            StreamFigures::Disbursement(view) => &mut view.slots,
            StreamFigures::Call(view) => &mut view.slots,
            StreamFigures::Milestone(view) => &mut view.slots,
        }
    }

    /// Figures by slot.
    pub fn slots(&self) -> &Slots {
        match &self.figures {
            StreamFigures::Disbursement(view) => &view.slots,
            StreamFigures::Call(view) => &view.slots,
            StreamFigures::Milestone(view) => &view.slots,
        }
    }
}

/// Outcomes of the records read; together they are all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordCounts {
    /// Number of records with each [`Outcome`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Number of rejected records for each [`Reason`].
    pub rejected: [u64; Reason::ALL.len()],
    /// Number of duplicates that differ from the first record with their identifier.
    pub conflicts: u64,
}

/// Figures of a partition, by its stream.
#[derive(Debug, Clone)]
pub enum StreamFigures {
    /// Supports, people and money.
    Disbursement(Box<DisbursementView>),
    /// Calls and agents.
    Call(Box<CallView>),
    /// Quantities reached and withdrawn.
    Milestone(MilestoneView),
}

/// Figures of a partition of disbursements, or of all together.
#[derive(Debug, Clone)]
pub struct DisbursementView {
    /// Totals of each programme.
    pub programmes: Vec<ProgrammeTotals>,
    /// Totals of each cell.
    pub cells: Vec<CellTotals>,
    /// False if more people were paid than state may hold: their number is then unknown.
    pub people_complete: bool,
    /// Events whose counterpart never came.
    pub unmatched: UnmatchedDisbursements,
    /// Panes of the rolling windows.
    pub rolling: RollingPanes,
    /// Figures by slot: periods, targets, cuts.
    pub slots: Slots,
}

/// Numbers of disbursement events whose counterpart never came before they were forgotten
/// (`spec/figures.md#unmatched`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmatchedDisbursements {
    /// Number of returns of which something still waited.
    pub returned: u64,
    /// Number of approvals that were still open.
    pub approved: u64,
}

/// Totals of one programme. Money in centavos.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgrammeTotals {
    /// Number of events of each [`DisbursementKind`](crate::event::DisbursementKind).
    pub events: [u64; 5],
    /// Centavos of returns that found no dispersal before their support was forgotten.
    pub unmatched_returned: u128,
    /// Centavos of returns that wait for a dispersal.
    pub waiting_returned: u128,
    /// Time from a support's first application to its first approval.
    pub application_to_approval: Histogram,
    /// Time from a support's first approval to its first dispersal.
    pub approval_to_dispersal: Histogram,
    /// Open supports.
    pub backlog: Backlog,
}

/// Open supports: approved, and neither dispersed nor rejected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Backlog {
    /// Number of open supports.
    pub supports: u64,
    /// Approved centavos.
    pub centavos: u128,
    /// Time of the oldest approval; `None` if the backlog is empty.
    pub oldest_approval: Option<Timestamp>,
}

/// Totals of one programme and federal state. Money in centavos.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellTotals {
    /// Centavos approved.
    pub approved: u128,
    /// Centavos dispersed, returns not taken off.
    pub dispersed: u128,
    /// Centavos taken back by returns.
    pub returned: u128,
    /// Number of dispersals ever. The gauges of a cell appear once it is above zero, returned or not.
    pub dispersals: u64,
    /// Number of distinct people with at least one payment not fully returned.
    pub beneficiaries: u64,
}

/// Figures of a partition of the call centre, or of all together.
#[derive(Debug, Clone, Default)]
pub struct CallView {
    /// Totals of each queue.
    pub queues: Vec<QueueTotals>,
    /// Number of unmatched events of each [`CallKind`]; an offer is never unmatched.
    pub unmatched: [u64; CallKind::ALL.len()],
    /// Waiting calls by queue, at the time of their offer.
    pub waiting: RecentPanes,
    /// Agents by site and status ([`totals::AGENT_STATUSES`]), at the time of their status.
    pub agents: RecentPanes,
    /// Counts of the last days by queue, in the order of [`CallCount`].
    pub recent: RecentCounts<{ CallCount::NUMBER }>,
    /// Answered calls of the last days whose offer is known, by queue, at the time of the answer: milliseconds that they
    /// waited, and their number.
    pub waits: RecentCounts<2>,
    /// Figures by slot: targets.
    pub slots: Slots,
}

/// Counts of calls by quarter hour: the four [`CallKind`]s, then these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallCount {
    /// Calls answered within `calls.service_level_seconds`.
    WithinTarget = CallKind::ALL.len() as isize,
    /// Calls abandoned before `calls.short_abandon_seconds`.
    AbandonedShort,
}

impl CallCount {
    /// Number of counts, those of kinds included.
    pub const NUMBER: usize = CallKind::ALL.len() + 2;
}

/// Totals of one queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueTotals {
    /// Number of events of each [`CallKind`].
    pub events: [u64; CallKind::ALL.len()],
    /// Number of calls answered within `calls.service_level_seconds`.
    pub answered_within_target: u64,
    /// Number of calls abandoned before `calls.short_abandon_seconds`.
    pub abandoned_short: u64,
    /// Wait until the answer.
    pub answered_wait: Histogram,
    /// Wait until the abandonment.
    pub abandoned_wait: Histogram,
    /// Handle time of completed calls.
    pub handle: Histogram,
}

/// Figures of a partition of milestones, or of all together.
#[derive(Debug, Clone, Default)]
pub struct MilestoneView {
    /// Totals by initiative and milestone
    /// ([`Allowlists::milestone_cell`](crate::allowlists::Allowlists::milestone_cell)).
    pub cells: Vec<MilestoneTotals>,
    /// Quantities of the last days, reached and withdrawn, by initiative and milestone.
    pub recent: RecentCounts<2>,
    /// Figures by slot: targets.
    pub slots: Slots,
}

/// Totals of one initiative and milestone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneTotals {
    /// Quantity reached, withdrawals not taken off.
    pub reached: u128,
    /// Quantity withdrawn.
    pub withdrawn: u128,
}

/// Views of all partitions, one for each.
pub type Views = Vec<Arc<PartitionView>>;

impl Default for ProgrammeTotals {
    fn default() -> Self {
        Self {
            events: [0; 5],
            unmatched_returned: 0,
            waiting_returned: 0,
            application_to_approval: Histogram::new(histogram_bounds::APPLICATION_TO_APPROVAL.bounds),
            approval_to_dispersal: Histogram::new(histogram_bounds::APPROVAL_TO_DISPERSAL.bounds),
            backlog: Backlog::default(),
        }
    }
}

impl Default for DisbursementView {
    /// View of no partition.
    fn default() -> Self {
        Self {
            programmes: Vec::new(),
            cells: Vec::new(),
            people_complete: true,
            unmatched: UnmatchedDisbursements::default(),
            rolling: RollingPanes::default(),
            slots: Slots::default(),
        }
    }
}

impl Default for QueueTotals {
    fn default() -> Self {
        Self {
            events: [0; CallKind::ALL.len()],
            answered_within_target: 0,
            abandoned_short: 0,
            answered_wait: Histogram::new(histogram_bounds::CALL_WAIT.bounds),
            abandoned_wait: Histogram::new(histogram_bounds::CALL_WAIT.bounds),
            handle: Histogram::new(histogram_bounds::CALL_HANDLE.bounds),
        }
    }
}

impl AddAssign<&RecordCounts> for RecordCounts {
    fn add_assign(&mut self, more: &RecordCounts) {
        add_each(&mut self.outcomes, &more.outcomes);
        add_each(&mut self.rejected, &more.rejected);
        self.conflicts += more.conflicts;
    }
}

impl AddAssign<&UnmatchedDisbursements> for UnmatchedDisbursements {
    fn add_assign(&mut self, more: &UnmatchedDisbursements) {
        self.returned += more.returned;
        self.approved += more.approved;
    }
}

impl AddAssign<&QueueTotals> for QueueTotals {
    fn add_assign(&mut self, more: &QueueTotals) {
        add_each(&mut self.events, &more.events);
        self.answered_within_target += more.answered_within_target;
        self.abandoned_short += more.abandoned_short;
        self.answered_wait += &more.answered_wait;
        self.abandoned_wait += &more.abandoned_wait;
        self.handle += &more.handle;
    }
}

impl AddAssign<&CellTotals> for CellTotals {
    fn add_assign(&mut self, more: &CellTotals) {
        self.approved += more.approved;
        self.dispersed += more.dispersed;
        self.returned += more.returned;
        self.dispersals += more.dispersals;
        self.beneficiaries += more.beneficiaries;
    }
}

impl AddAssign<&ProgrammeTotals> for ProgrammeTotals {
    fn add_assign(&mut self, more: &ProgrammeTotals) {
        add_each(&mut self.events, &more.events);
        self.unmatched_returned += more.unmatched_returned;
        self.waiting_returned += more.waiting_returned;
        self.application_to_approval += &more.application_to_approval;
        self.approval_to_dispersal += &more.approval_to_dispersal;
        self.backlog += &more.backlog;
    }
}

impl AddAssign<&Backlog> for Backlog {
    fn add_assign(&mut self, more: &Backlog) {
        self.supports += more.supports;
        self.centavos += more.centavos;
        self.oldest_approval = self.oldest_approval.into_iter().chain(more.oldest_approval).min();
    }
}

impl AddAssign<&MilestoneTotals> for MilestoneTotals {
    fn add_assign(&mut self, more: &MilestoneTotals) {
        self.reached += more.reached;
        self.withdrawn += more.withdrawn;
    }
}

/// Adds figures to figures in the same order, one by one.
pub fn add_each<T: for<'a> AddAssign<&'a T>>(sums: &mut [T], more: &[T]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}
