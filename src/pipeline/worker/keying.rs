//! Follows the sampled keys of all partitions: see [`KeyingAudit`](crate::pipeline::keying_audit::KeyingAudit).

use super::Worker;
use crate::aggregate::{KeyKind, SampledKey};
use crate::record::PartitionIndex;

/// Number of keys examined with each snapshot, so that what was forgotten is noticed without new keys.
const EXAMINED: usize = 64;

impl Worker {
    /// Adds the sampled keys that a restored state remembers.
    pub(super) fn audit_restored(&mut self, index: PartitionIndex) {
        let keys = self.partitions[index].state.follow_keys();
        self.audit_keys(index, keys);
    }

    /// Adds the sampled keys of the records that a partition has applied since the last time.
    pub(super) fn audit_applied(&mut self, index: PartitionIndex) {
        let keys = self.partitions[index].state.take_sampled();
        self.audit_keys(index, keys);
    }

    /// Looks for keys that partitions have forgotten meanwhile.
    pub(super) fn reexamine_keys(&mut self) {
        let Self { audit, partitions, outputs, .. } = self;
        audit.examine(EXAMINED, |index, key| partitions[index].state.remembers(key));
        outputs.metrics.misplaced_keys(audit);
    }

    fn audit_keys(&mut self, index: PartitionIndex, keys: Vec<SampledKey>) {
        if keys.is_empty() {
            return;
        }
        let Self { audit, partitions, outputs, .. } = self;
        let first_misplaced = audit.add(index, keys, |index, key| partitions[index].state.remembers(key));
        outputs.metrics.misplaced_keys(audit);
        for (kind, other) in first_misplaced {
            self.log_misplaced(kind, index, other);
        }
    }

    fn log_misplaced(&self, kind: KeyKind, index: PartitionIndex, other: PartitionIndex) {
        let partition = |index: PartitionIndex| &self.partitions[index].log.partition;
        tracing::error!(
            event = "pacemeter.partitioning.violated",
            topic = partition(index).topic,
            kind = kind.name(),
            partition = partition(index).partition,
            other_partition = partition(other).partition,
            "events of one key in two partitions"
        );
    }
}
