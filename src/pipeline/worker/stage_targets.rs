//! Changed targets: backfilled in the background from every partition's state, then promoted together.

use std::sync::Arc;

use super::Worker;
use crate::aggregate::ViewConfig;
use crate::targets::Targets;

/// Dispersals of a partition that are backfilled between two messages: less than a millisecond.
const BACKFILLED_AT_ONCE: usize = 4_096;

impl Worker {
    /// Begins to backfill figures for these targets; the present ones are shown until then.
    pub fn stage_targets(&mut self, targets: Arc<Targets>) {
        let next = ViewConfig { targets, ..self.view_config.clone() };
        self.partitions.iter_mut().for_each(|partition| partition.state.stage_targets(&next));
        self.next_view_config = Some(next);
    }

    /// True while targets are backfilled: [`Worker::step`] wants to be called again soon.
    pub fn is_backfilling(&self) -> bool {
        self.next_view_config.is_some()
    }

    /// Continues with the first partition that is not backfilled. Once all are, promotes them between two publications,
    /// so that a snapshot shows one set of targets.
    pub(super) fn backfill(&mut self) {
        let Self { partitions, cut_scheduler, .. } = self;
        if self.next_view_config.is_none()
            || !partitions.iter_mut().all(|partition| partition.state.backfill(BACKFILLED_AT_ONCE))
        {
            return;
        }
        let Some(next) = self.next_view_config.take() else { return };
        cut_scheduler.change_times(next.targets.cut_times(&next.allowlists.zone));
        for partition in partitions.iter_mut() {
            partition.state.promote();
            partition.changed = true;
            cut_scheduler.reschedule(&mut partition.cuts);
        }
        self.view_config = next;
        let targets = self.view_config.targets.targets.len();
        tracing::info!(event = "pacemeter.targets.adopted", targets, "reloaded targets published");
    }
}
