//! Where a dispersal stands among those of its person; also one that is forgotten.

use bytemuck::{Pod, Zeroable};

use crate::aggregate::packed::{PackedTime, U16};
use crate::clock::Millis;
use crate::event::FederalState;

/// A dispersal's place in the order of a person's dispersals, and where it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogOrder {
    pub time: Millis,
    tie: u64,
    pub state: FederalState,
}

/// The first dispersal of a person under one programme among those that are forgotten and of which something was left for good.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct SettledDispersal {
    pub time: PackedTime,
    pub tie: U16,
    pub state: FederalState,
}

impl SettledDispersal {
    pub fn is_some(&self) -> bool {
        self.time.is_some()
    }

    /// None if nothing is settled.
    pub fn place(&self) -> Option<LogOrder> {
        Some(LogOrder { time: self.time.get()?, tie: self.tie.get(), state: self.state })
    }

    /// The first of two.
    pub fn first(self, other: SettledDispersal) -> SettledDispersal {
        if other.place() < self.place() { other } else { self }
    }
}
