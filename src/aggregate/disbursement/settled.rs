//! Where a dispersal stands among those of its person; also one that is forgotten.

use bytemuck::{Pod, Zeroable};

use crate::aggregate::packed::{Time, U16};
use crate::clock::Millis;
use crate::event::State;

/// A dispersal's place in the order of a person's dispersals, and where it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub time: Millis,
    tie: u64,
    pub state: State,
}

/// The first dispersal of a person under one programme among those that are forgotten and of which something was left for good.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct Settled {
    pub time: Time,
    pub tie: U16,
    pub state: State,
}

impl Settled {
    pub fn is_some(&self) -> bool {
        self.time.is_some()
    }

    /// None if nothing is settled.
    pub fn place(&self) -> Option<Place> {
        Some(Place { time: self.time.get()?, tie: self.tie.get(), state: self.state })
    }

    /// The first of two.
    pub fn first(self, other: Settled) -> Settled {
        if other.place() < self.place() { other } else { self }
    }
}
