//! Reading ahead: memory that the next events need is brought into the cache before they are applied.
//!
//! An event waits for memory several times, and where it reads next depends on what it has read. So several events take
//! each step together, and their waits overlap. Nothing changes by it.

use std::hint::black_box;

use super::PartitionState;
use crate::event::Event;

/// Steps of reading ahead. Each finds its addresses in what the step before has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TouchStep {
    /// Identifiers, supports and the index of people.
    Tables,
    /// People.
    People,
    /// Their newest dispersals.
    Dispersals,
}

/// Reads the memory that the next events of some partitions need. About as many events should be given as a core has
/// cache misses in flight at once: 16.
pub fn touch_all<'a>(next: impl Iterator<Item = (&'a PartitionState, &'a Event)> + Clone) {
    for step in [TouchStep::Tables, TouchStep::People, TouchStep::Dispersals] {
        // The result keeps the compiler from removing the reads.
        black_box(next.clone().fold(0, |touched, (partition, event)| touched ^ partition.touch(event, step)));
    }
}
