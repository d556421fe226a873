//! A support (apoyo): which of its steps happened, and its lists of dispersals.

use bytemuck::{Pod, Zeroable};

use crate::aggregate::labels::LabelId;
use crate::aggregate::packed::{PackedTime, SlabLink, U16, U48};
use crate::aggregate::table::TableEntry;
use crate::clock::Timestamp;
use crate::event::{Centavos, DisbursementKind, Hash128};

/// A support in 45 bytes.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Support {
    credit: Hash128,
    /// Newest time of its events.
    newest: PackedTime,
    /// One bit for each kind of event that was applied.
    seen: u8,
    /// Time of the first approval; until one is known, of the first application.
    time: PackedTime,
    /// Centavos of the first approval; until one is known, the time of the first dispersal, or 0.
    amount: U48,
    /// Programme of the first approval; until one is known, of the first dispersal.
    programme: U16,
    /// Newest dispersal of which something is left; each links to its predecessor in log order.
    pub live: SlabLink,
    /// Newest dispersal that was returned whole; linked likewise.
    pub spent: SlabLink,
}

/// The first approval of a support in log order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Approval {
    pub time: Timestamp,
    pub amount: Centavos,
    pub programme: LabelId,
}

impl TableEntry for Support {
    fn key(&self) -> Hash128 {
        self.credit
    }
}

impl Support {
    pub(crate) fn new(credit: Hash128) -> Self {
        Self { credit, ..Self::zeroed() }
    }

    pub(crate) fn newest(&self) -> Timestamp {
        self.newest.get().unwrap_or(Timestamp::MIN)
    }

    pub(crate) fn has(&self, kind: DisbursementKind) -> bool {
        self.seen & 1 << kind as u8 != 0
    }

    /// Records an event; true if it is the first of its kind.
    pub(crate) fn note(&mut self, kind: DisbursementKind, time: Timestamp) -> bool {
        let first = !self.has(kind);
        self.seen |= 1 << kind as u8;
        self.newest = PackedTime::at(time.max(self.newest()));
        first
    }

    /// True if the support is approved, and neither dispersed nor rejected. Open supports are the backlog.
    pub(crate) fn is_open(&self) -> bool {
        self.has(DisbursementKind::Approved)
            && !self.has(DisbursementKind::Dispersed)
            && !self.has(DisbursementKind::Rejected)
    }

    /// First approval of an open support.
    pub(crate) fn open(&self) -> Option<Approval> {
        self.approved().filter(|_| self.is_open())
    }

    pub(crate) fn approved(&self) -> Option<Approval> {
        let time = self.time.get().filter(|_| self.has(DisbursementKind::Approved))?;
        Some(Approval { time, amount: self.amount.get(), programme: self.programme.get() as LabelId })
    }

    /// Stores the first application. No approval may be known yet.
    pub(crate) fn set_applied(&mut self, at: Timestamp) {
        self.time = PackedTime::at(at);
    }

    /// Stores the first dispersal. No approval may be known yet.
    pub(crate) fn set_dispersed(&mut self, at: Timestamp, programme: LabelId) {
        (self.amount, self.programme) = (U48::new(at.as_millis() as u64), U16::new(u64::from(programme)));
    }

    /// Stores the first approval. Returns the first application and the first dispersal that were stored in its place.
    pub(crate) fn set_approved(&mut self, approved: Approval) -> (Option<Timestamp>, Option<(Timestamp, LabelId)>) {
        let dispersed = Some(self.amount.get() as i64).filter(|&millis| millis != 0).map(Timestamp::from_millis);
        let waited = (self.time.get(), dispersed.map(|time| (time, self.programme.get() as LabelId)));
        self.time = PackedTime::at(approved.time);
        self.amount = U48::new(approved.amount);
        self.programme = U16::new(u64::from(approved.programme));
        waited
    }
}
