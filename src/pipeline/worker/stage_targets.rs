//! Other targets: filled in the background from every partition's state, and shown together once all are.

use std::sync::Arc;

use super::{OwnedPartition, Worker};
use crate::aggregate::ViewConfig;
use crate::targets::Targets;

/// How much of a partition is filled between two messages (dispersals): less than a millisecond.
const FILLED_AT_ONCE: usize = 4_096;

impl Worker {
    /// Begins to fill figures for these targets; those before are shown until then.
    pub fn stage_targets(&mut self, targets: Arc<Targets>) {
        let next = ViewConfig { targets, ..self.view_config.clone() };
        self.partitions.iter_mut().for_each(|owned| owned.state.stage_targets(&next));
        self.next_view_config = Some(next);
    }

    /// Whether [`Worker::step`] wants to be called again soon for that.
    pub fn is_filling(&self) -> bool {
        self.next_view_config.is_some()
    }

    /// Goes on with the first partition that is not filled.
    pub(super) fn fill(&mut self) {
        if self.next_view_config.is_none() || !self.partitions.iter_mut().all(|owned| owned.state.fill(FILLED_AT_ONCE))
        {
            return;
        }
        let Some(next) = self.next_view_config.take() else { return };
        for owned in &mut self.partitions {
            owned.state.promote();
            owned.changed = true;
        }
        let now = self.clock.now();
        let latest = |(slot, owned): (usize, &OwnedPartition)| {
            (
                owned.last_record.map(|last_record| last_record.timestamp.unwrap_or(now)),
                self.freshness.complete_until_of(slot),
            )
        };
        self.cut_scheduler.change_times(
            next.targets.cut_times(&next.allowlists.zone),
            self.partitions.iter().enumerate().map(latest),
        );
        self.view_config = next;
        tracing::info!(
            event = "pacemeter.targets.adopted",
            targets = self.view_config.targets.targets.len(),
            "reloaded targets published"
        );
    }
}
