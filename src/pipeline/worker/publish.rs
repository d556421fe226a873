//! Snapshots for readers, a few times a second.

use std::sync::Arc;
use std::time::Duration;

use super::Worker;
use crate::clock::{Timestamp, millis};
use crate::pipeline::freshness::PartitionFreshness;
use crate::pipeline::partitions::OwnedPartition;
use crate::pipeline::publication::PublicationFacts;
use crate::record::PerStream;
use crate::view::merged::MergedView;
use crate::view::snapshot::{Phase, Publication, Snapshot};

/// Time between two log lines about a replay.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

impl Worker {
    /// Publishes a snapshot, and looks for stalls, passed cuts and the end of the replay. `waiting` is the number of
    /// messages in the queue.
    pub fn publish(&mut self, waiting: usize) {
        self.settle();
        let now = self.clock.now();
        let instant = self.clock.instant();
        let is_idle = waiting == 0 && !self.is_applying();
        if is_idle && instant.saturating_duration_since(self.positions_taken) >= self.stall_timeout {
            // The poll thread does not answer.
            self.drained = instant;
        }
        // After a delay of its own the task would take for a stall what waits in its queue: the queue comes first.
        let since = instant.saturating_duration_since(self.published);
        self.published = instant;
        if since < self.settings.publish_interval + self.stall_timeout / 2 {
            self.look_for_stalls();
        }
        self.partitions.iter_mut().for_each(|partition| partition.renew_view(now));
        self.cut();
        self.follow_replay();
        self.reexamine_keys();
        self.log_unlisted();
        let merged = self.merged();
        let complete_until = PerStream::from_fn(|stream| self.partitions.complete_until(stream));
        let publication = self.publication(now);
        let mut snapshot = Snapshot {
            phase: self.phase.clone(),
            partitions: self.partitions.iter().map(OwnedPartition::status).collect(),
            merged,
            outgrown: self.partitions.outgrown(),
            outage: self.outage.clone(),
            complete_until,
            built: self.partitions.built().unwrap_or(now),
            targets: Arc::clone(&self.view_config.targets),
            closed_periods: Arc::clone(&self.cut_scheduler.closed_periods),
            due_cut: self.due_cut(),
            due: instant + self.settings.publish_interval,
            publication,
        };
        snapshot.publication.statuses = self.observe_targets(&snapshot);
        let states = self.partitions.iter().map(|partition| &partition.state);
        self.outputs.metrics.published(&snapshot, states, self.outputs.dead_letters.counts(), waiting);
        self.outputs.metrics.unsaved(self.partitions.unsaved_age(instant));
        self.outputs.publisher.publish(snapshot);
    }

    /// Counts the publication. The statuses of targets follow from its snapshot.
    fn publication(&mut self, now: Timestamp) -> Publication {
        let read = |partition: &OwnedPartition| {
            u64::try_from(partition.freshness.position() - partition.started_at).unwrap_or(0)
        };
        let instant = self.clock.instant();
        self.publication_log.next(PublicationFacts {
            now,
            instant,
            phase: &self.phase,
            is_stalled: self.partitions.iter().any(|partition| partition.stalled || partition.missing),
            records: self.partitions.iter().map(read).sum(),
            unsaved: millis(self.partitions.unsaved_age(instant)),
            dead_letters_failed: self.outputs.dead_letters.counts().failed,
        })
    }

    /// Adds up the views of all partitions, once they are shown.
    fn merged(&mut self) -> MergedView {
        if self.phase != Phase::Live {
            return MergedView::default();
        }
        let views = self.partitions.iter().map(|partition| Arc::clone(partition.view())).collect();
        self.view_merger.merge(views)
    }

    /// Shows the figures once every partition has reached an end offset asked for after the start, and every log is the
    /// right one.
    fn follow_replay(&mut self) {
        let Phase::Replaying { .. } = self.phase else { return };
        let instant = self.clock.instant();
        let from_start =
            |partition: &OwnedPartition, offset: i64| u64::try_from(offset - partition.started_at).unwrap_or(0);
        let sum = |offset: fn(&PartitionFreshness) -> i64| -> u64 {
            self.partitions.iter().map(|partition| from_start(partition, offset(&partition.freshness))).sum()
        };
        let read = sum(PartitionFreshness::position);
        let total = sum(|freshness| freshness.newest_end().unwrap_or(0));
        if self.partitions.are_caught_up() && self.partitions.are_verified() {
            self.phase = Phase::Live;
            let took =
                self.reading_since.take().map_or(Duration::ZERO, |since| instant.saturating_duration_since(since));
            self.outputs.metrics.replayed(read, took);
            let took_ms = took.as_millis() as u64;
            tracing::info!(event = "pacemeter.replay.finished", records = read, took_ms, "replay finished");
            return;
        }
        self.phase = Phase::Replaying { read, total };
        if instant.saturating_duration_since(self.progress_logged) >= PROGRESS_INTERVAL {
            self.progress_logged = instant;
            tracing::info!(event = "pacemeter.replay.progress", read, total, "replay progressing");
        }
    }
}
