//! What a partition shows: a small immutable read model, published a few times a second, and what the views of all partitions are together.
//!
//! Totals are added up; what depends on now is held in panes with their bounds ([`panes`]) and evaluated at the reader's clock
//! ([`totals`]). Everything is in the order of [`Display`](crate::display::Display): by programme, by programme and state (a *cell*), by queue.

pub mod histogram;
pub mod panes;
pub mod totals;

use std::sync::Arc;

use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND};
use crate::event::CallKind;
use crate::record::{Outcome, Reason, Stream};
use histogram::Histogram;
use panes::{RecentPanes, SpanPanes};

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
    pub figures: Figures,
}

/// What became of the records read; the outcomes add up to all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RecordCounts {
    pub outcomes: [u64; Outcome::ALL.len()],
    pub rejected: [u64; Reason::ALL.len()],
    pub conflicts: u64,
}

#[derive(Debug, Clone)]
pub enum Figures {
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
    pub spans: SpanPanes,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
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
}

/// Of one queue.
#[derive(Debug, Clone, PartialEq, Hash)]
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
    /// Quantities reached and withdrawn, by initiative and milestone ([`Display::milestone_cell`](crate::display::Display::milestone_cell)).
    pub cells: Vec<MilestoneTotals>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct MilestoneTotals {
    pub reached: u128,
    pub withdrawn: u128,
}

/// The views of all partitions, one a partition.
pub type Views = Vec<Arc<PartitionView>>;

const DAYS_TO_STEP: [Millis; 10] = [HOUR, 6 * HOUR, DAY, 2 * DAY, 3 * DAY, 5 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 60 * DAY];
const WAIT: [Millis; 11] =
    [SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 20 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE];
const HANDLE: [Millis; 8] = [30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR];

impl Default for ProgrammeTotals {
    fn default() -> Self {
        Self {
            events: [0; 5],
            unmatched_returned: 0,
            waiting_returned: 0,
            application_to_approval: Histogram::new(&DAYS_TO_STEP),
            approval_to_dispersal: Histogram::new(&DAYS_TO_STEP),
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
            answered_wait: Histogram::new(&WAIT),
            abandoned_wait: Histogram::new(&WAIT),
            handle: Histogram::new(&HANDLE),
        }
    }
}

impl QueueTotals {
    pub fn merge(&mut self, other: &QueueTotals) {
        self.events.iter_mut().zip(other.events).for_each(|(sum, more)| *sum += more);
        self.answered_within_target += other.answered_within_target;
        self.abandoned_short += other.abandoned_short;
        self.answered_wait.merge(&other.answered_wait);
        self.abandoned_wait.merge(&other.abandoned_wait);
        self.handle.merge(&other.handle);
    }
}

impl CellTotals {
    pub fn merge(&mut self, other: &CellTotals) {
        self.approved += other.approved;
        self.dispersed += other.dispersed;
        self.returned += other.returned;
        self.dispersals += other.dispersals;
        self.beneficiaries += other.beneficiaries;
    }
}

impl ProgrammeTotals {
    pub fn merge(&mut self, other: &ProgrammeTotals) {
        self.events.iter_mut().zip(other.events).for_each(|(sum, more)| *sum += more);
        self.unmatched_returned += other.unmatched_returned;
        self.waiting_returned += other.waiting_returned;
        self.application_to_approval.merge(&other.application_to_approval);
        self.approval_to_dispersal.merge(&other.approval_to_dispersal);
        self.backlog.merge(&other.backlog);
    }
}

impl Backlog {
    fn merge(&mut self, other: &Backlog) {
        self.supports += other.supports;
        self.centavos += other.centavos;
        self.oldest_approval = self.oldest_approval.into_iter().chain(other.oldest_approval).min();
    }
}

impl MilestoneTotals {
    pub fn merge(&mut self, other: &MilestoneTotals) {
        self.reached += other.reached;
        self.withdrawn += other.withdrawn;
    }
}
