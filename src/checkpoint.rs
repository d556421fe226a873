//! Checkpoints: a partition's state and its `next_offset` as one durable value.

mod disk;

pub use disk::{Disk, DiskReader, DiskWriter};
