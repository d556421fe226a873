//! Records of a partition that are not saved yet.

use std::time::Instant;

use crate::checkpoint::PartitionDir;

/// Records of one partition that no checkpoint covers, and its newest checkpoint.
#[derive(Debug)]
pub(super) struct Unsaved {
    pub(super) dir: PartitionDir,
    /// Number of records taken that the newest checkpoint does not cover; 1 if a checkpoint is wanted for another
    /// reason.
    pub(super) records: u64,
    /// Time at which the first of these was taken.
    pub(super) since: Option<Instant>,
    /// Size of the newest checkpoint on disk, in bytes.
    pub(super) checkpoint_bytes: u64,
    /// Number of consecutive failures.
    pub(super) failures: u32,
}

impl Unsaved {
    /// Starts with the size of the newest checkpoint. `wanted_since` is set if a new one is wanted even without
    /// records.
    pub(super) fn new(dir: PartitionDir, checkpoint_bytes: u64, wanted_since: Option<Instant>) -> Self {
        let records = u64::from(wanted_since.is_some());
        Self { dir, records, since: wanted_since, checkpoint_bytes, failures: 0 }
    }
}
