//! What is remembered of a support: which of its steps happened, and what of its dispersals is left.

use crate::aggregate::labels::LabelId;
use crate::aggregate::packed::{Link, Time, U16, U40};
use crate::aggregate::table::Entry;
use crate::clock::Millis;
use crate::event::{Centavos, DisbursementKind, Hash128};

/// A support in 47 bytes.
#[derive(Debug, Clone, Copy, Hash)]
pub struct Support {
    credit: Hash128,
    /// The newest time of its events.
    newest: Time,
    /// One bit for each kind of event that came.
    seen: u8,
    approval: Approval,
    /// The newest dispersal of which something is left; each links to the one before it in log order.
    pub live: Link,
    /// Dispersals that were returned whole.
    pub spent: Link,
}

/// Spans need the first application and the first dispersal only until the approval is known.
#[derive(Debug, Clone, Copy, Hash)]
pub enum Approval {
    Awaited { applied: Time, dispersed: Time, dispersed_programme: U16 },
    Known { time: Time, amount: U40, programme: U16 },
}

/// The first approval of a support in log order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Approved {
    pub time: Millis,
    pub amount: Centavos,
    pub programme: LabelId,
}

impl Default for Support {
    fn default() -> Self {
        let approval = Approval::Awaited { applied: Time::NONE, dispersed: Time::NONE, dispersed_programme: U16::default() };
        Self { credit: [0; 16], newest: Time::NONE, seen: 0, approval, live: Link::NONE, spent: Link::NONE }
    }
}

impl Entry for Support {
    fn key(&self) -> Hash128 {
        self.credit
    }
}

impl Support {
    pub fn new(credit: Hash128) -> Self {
        Self { credit, ..Self::default() }
    }

    pub fn newest(&self) -> Millis {
        self.newest.get().unwrap_or(Millis::MIN)
    }

    /// Whether any event of it came.
    pub fn is_known(&self) -> bool {
        self.seen != 0
    }

    pub fn has(&self, kind: DisbursementKind) -> bool {
        self.seen & 1 << kind as u8 != 0
    }

    /// Notes an event; true if it is the first of its kind.
    pub fn note(&mut self, kind: DisbursementKind, time: Millis) -> bool {
        let first = !self.has(kind);
        self.seen |= 1 << kind as u8;
        self.newest = Time::at(time.max(self.newest()));
        first
    }

    /// Approved, and neither dispersed nor rejected: part of the backlog.
    pub fn open(&self) -> Option<Approved> {
        let closed = self.has(DisbursementKind::Dispersed) || self.has(DisbursementKind::Rejected);
        self.approved().filter(|_| !closed)
    }

    pub fn approved(&self) -> Option<Approved> {
        match self.approval {
            Approval::Known { time, amount, programme } => {
                Some(Approved { time: time.get()?, amount: amount.get(), programme: programme.get() as LabelId })
            }
            Approval::Awaited { .. } => None,
        }
    }

    /// The first application, as long as no approval is known.
    pub fn set_applied(&mut self, at: Millis) {
        if let Approval::Awaited { applied, .. } = &mut self.approval {
            *applied = Time::at(at);
        }
    }

    /// The first dispersal, as long as no approval is known.
    pub fn set_dispersed(&mut self, at: Millis, programme: LabelId) {
        if let Approval::Awaited { dispersed, dispersed_programme, .. } = &mut self.approval {
            (*dispersed, *dispersed_programme) = (Time::at(at), U16::new(u64::from(programme)));
        }
    }

    /// Notes the first approval, and returns the first application and the first dispersal that waited for it.
    pub fn set_approved(&mut self, approved: Approved) -> (Option<Millis>, Option<(Millis, LabelId)>) {
        let known = Approval::Known {
            time: Time::at(approved.time),
            amount: U40::new(approved.amount),
            programme: U16::new(u64::from(approved.programme)),
        };
        match std::mem::replace(&mut self.approval, known) {
            Approval::Awaited { applied, dispersed, dispersed_programme } => {
                (applied.get(), dispersed.get().map(|time| (time, dispersed_programme.get() as LabelId)))
            }
            Approval::Known { .. } => unreachable!("a support is approved first once"),
        }
    }
}
