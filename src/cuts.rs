//! Cuts ("cortes"): the figures of an instant, stored once and never changed.
//!
//! A cut at T is the figures of the log before the first record of each partition whose Kafka timestamp is later than T. It is taken once every
//! partition has given its part ([`PartitionCut`](crate::view::cut::PartitionCut)): the pipeline sees to that, here is what a cut says ([`Cut`]), where it lies
//! ([`CutStore`]), and what all of them together say of periods that have closed ([`ClosedPeriods`](crate::view::closed_periods::ClosedPeriods)). Taken again from the same log it is the same, but for when
//! that was.

mod assembly;
mod record;
mod store;

pub use assembly::CutContext;
pub use record::{Correction, Cut, CutCell, CutOffset, CutPeriod, CutTarget, cut_id};
pub use store::CutStore;
