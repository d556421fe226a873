//! Order of a person's dispersals, including those that are forgotten.

use bytemuck::{Pod, Zeroable};

use crate::aggregate::packed::{PackedTime, U16};
use crate::clock::Timestamp;
use crate::event::FederalState;

/// Rank of a dispersal among those of its person (time, then log order), and the federal state under which it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogOrder {
    pub time: Timestamp,
    tie: u64,
    pub state: FederalState,
}

/// First dispersal of a person under one programme among those that were forgotten with something left of them.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct SettledDispersal {
    pub time: PackedTime,
    pub tie: U16,
    pub state: FederalState,
}

impl SettledDispersal {
    pub(crate) fn is_some(&self) -> bool {
        self.time.is_some()
    }

    /// Rank of the dispersal; `None` if nothing is settled.
    pub(crate) fn order(&self) -> Option<LogOrder> {
        Some(LogOrder { time: self.time.get()?, tie: self.tie.get(), state: self.state })
    }

    /// Earlier of two settled dispersals.
    pub(crate) fn first(self, other: SettledDispersal) -> SettledDispersal {
        if other.order() < self.order() { other } else { self }
    }
}
