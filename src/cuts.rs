//! Cuts ("cortes"): the figures of an instant, stored once and never changed.
//!
//! A cut at T is the figures of the log before the first record of each partition whose Kafka timestamp is later than T. It is taken once every
//! partition has given its part ([`Part`](crate::view::cut::Part)): the pipeline sees to that, here is what a cut says ([`Cut`]), where it lies
//! ([`Cuts`]), and what all of them together say of periods that have closed ([`Book`]). Taken again from the same log it is the same, but for when
//! that was.

mod assembly;
mod book;
mod record;
mod store;

pub use assembly::Context;
pub use book::{Book, Closing};
pub use record::{Correction, Cut, CutCell, CutPeriod, CutTarget, Offset, cut_id};
pub use store::Cuts;
