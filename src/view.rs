//! What a partition shows: a small immutable read model, published a few times a second, and what the views of all partitions are together.
//!
//! Totals are added up; what depends on now is held in panes with their bounds ([`panes`]) and evaluated at the reader's clock
//! ([`totals`]). Everything is in the order of [`Allowlists`](crate::allowlists::Allowlists): by programme, by programme and state (a *cell*), by queue.

pub mod closed_periods;
pub mod cut;
pub mod histogram;
pub mod panes;
pub mod progress;
pub mod slots;
pub mod snapshot;
pub mod totals;

use std::ops::AddAssign;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::event::{CallKind, histogram_bounds};
use crate::record::{Outcome, Reason, Stream};
use histogram::Histogram;
use panes::{RecentPanes, RollingPanes};
use slots::Slots;

/// What one partition shows.
#[derive(Debug, Clone)]
pub struct PartitionView {
    pub stream: Stream,
    /// State knows nothing before this offset.
    pub first_offset: i64,
    pub next_offset: i64,
    /// The newest event time applied.
    pub watermark: Option<Millis>,
    pub counts: RecordCounts,
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

    pub fn slots(&self) -> &Slots {
        match &self.figures {
            StreamFigures::Disbursement(view) => &view.slots,
            StreamFigures::Call(view) => &view.slots,
            StreamFigures::Milestone(view) => &view.slots,
        }
    }
}

/// What became of the records read; the outcomes add up to all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordCounts {
    pub outcomes: [u64; Outcome::ALL.len()],
    pub rejected: [u64; Reason::ALL.len()],
    pub conflicts: u64,
}

#[derive(Debug, Clone)]
pub enum StreamFigures {
    Disbursement(Box<DisbursementView>),
    Call(Box<CallView>),
    Milestone(MilestoneView),
}

#[derive(Debug, Clone)]
pub struct DisbursementView {
    pub programmes: Vec<ProgrammeTotals>,
    pub cells: Vec<CellTotals>,
    /// False if more people were paid than state may hold: how many is then not known.
    pub people_complete: bool,
    pub unmatched: UnmatchedDisbursements,
    pub rolling: RollingPanes,
    pub slots: Slots,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmatchedDisbursements {
    pub returned: u64,
    pub approved: u64,
}

/// Of one programme. Money in centavos.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgrammeTotals {
    /// By [`DisbursementKind`](crate::event::DisbursementKind).
    pub events: [u64; 5],
    pub unmatched_returned: u128,
    pub waiting_returned: u128,
    pub application_to_approval: Histogram,
    pub approval_to_dispersal: Histogram,
    pub backlog: Backlog,
}

/// Supports approved and neither dispersed nor rejected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Backlog {
    pub supports: u64,
    pub centavos: u128,
    pub oldest_approval: Option<Millis>,
}

/// Of one programme and state. Money in centavos.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellTotals {
    pub approved: u128,
    pub dispersed: u128,
    pub returned: u128,
    /// Dispersals ever: whether the cell was ever in use.
    pub dispersals: u64,
    pub beneficiaries: u64,
}

#[derive(Debug, Clone)]
pub struct CallView {
    pub queues: Vec<QueueTotals>,
    /// By [`CallKind`]; an offered call is never unmatched.
    pub unmatched: [u64; CallKind::ALL.len()],
    /// Calls that wait, by queue, at the time of their offer.
    pub waiting: RecentPanes,
    /// Agents by site and status ([`agent_cell`]), at the time of their status.
    pub agents: RecentPanes,
    pub slots: Slots,
}

/// Of one queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueTotals {
    /// By [`CallKind`].
    pub events: [u64; CallKind::ALL.len()],
    pub answered_within_target: u64,
    pub abandoned_short: u64,
    pub answered_wait: Histogram,
    pub abandoned_wait: Histogram,
    pub handle: Histogram,
}

#[derive(Debug, Clone, Default)]
pub struct MilestoneView {
    /// Quantities reached and withdrawn, by initiative and milestone ([`Allowlists::milestone_cell`](crate::allowlists::Allowlists::milestone_cell)).
    pub cells: Vec<MilestoneTotals>,
    pub slots: Slots,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneTotals {
    pub reached: u128,
    pub withdrawn: u128,
}

/// The views of all partitions, one a partition.
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

/// Adds figures to figures of the same order, one by one.
pub fn add_each<T: for<'a> AddAssign<&'a T>>(sums: &mut [T], more: &[T]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}
