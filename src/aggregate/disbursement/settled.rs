//! Where a dispersal stands among those of its person; also one that is forgotten.

use bytemuck::{Pod, Zeroable};

use crate::aggregate::packed::{PackedTime, U16};
use crate::clock::Millis;
use crate::event::FederalState;

/// A dispersal's place in the order of a person's dispersals, and where it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogOrder {
    pub time: Millis,
    tie: u64,
    pub state: FederalState,
}

/// The first dispersal of a person under one programme among those that are forgotten and of which something was left for good.
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

    /// None if nothing is settled.
    pub(crate) fn order(&self) -> Option<LogOrder> {
        Some(LogOrder { time: self.time.get()?, tie: self.tie.get(), state: self.state })
    }

    /// The first of two.
    pub(crate) fn first(self, other: SettledDispersal) -> SettledDispersal {
        if other.order() < self.order() { other } else { self }
    }
}
