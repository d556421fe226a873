//! Other targets: filled in the background from every partition's state, and shown together once all are.

use std::sync::Arc;

use super::{OwnedPartition, Worker};
use crate::aggregate::ViewConfig;
use crate::targets::Targets;

/// How much of a partition is filled between two messages (dispersals): less than a millisecond.
const FILLED_AT_ONCE: usize = 4_096;

impl Worker {
    /// Begins to fill figures for these targets; those before are shown until then.
    pub fn retarget(&mut self, targets: Arc<Targets>) {
        let next = ViewConfig { targets, ..self.shown.clone() };
        self.partitions.iter_mut().for_each(|owned| owned.state.retarget(&next));
        self.next_shown = Some(next);
    }

    /// Whether [`Worker::step`] wants to be called again soon for that.
    pub fn is_filling(&self) -> bool {
        self.next_shown.is_some()
    }

    /// Goes on with the first partition that is not filled.
    pub(super) fn fill(&mut self) {
        if self.next_shown.is_none() || !self.partitions.iter_mut().all(|owned| owned.state.fill(FILLED_AT_ONCE)) {
            return;
        }
        let Some(next) = self.next_shown.take() else { return };
        for owned in &mut self.partitions {
            owned.state.adopt();
            owned.changed = true;
        }
        let now = self.clock.now();
        let latest = |(slot, owned): (usize, &OwnedPartition)| {
            (owned.tail.map(|tail| tail.timestamp.unwrap_or(now)), self.freshness.complete_until_of(slot))
        };
        self.cutting.change_times(next.targets.cut_times(&next.display.zone), self.partitions.iter().enumerate().map(latest));
        self.shown = next;
        tracing::info!(event = "pacemeter.targets.adopted", targets = self.shown.targets.targets.len(), "targets are shown from now on");
    }
}
