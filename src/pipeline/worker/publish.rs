//! What readers see, made anew a few times a second.

use std::sync::Arc;
use std::time::Duration;

use super::{OwnedPartition, Worker};
use crate::clock::{MINUTE, floor};
use crate::pipeline::snapshot::{PartitionStatus, Phase, Snapshot};
use crate::record::Stream;

/// How often the log says how far a replay is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

impl Worker {
    /// Publishes what changed, and looks after what is stalled and what is complete. `waiting`: messages that wait to be taken.
    pub fn publish(&mut self, waiting: usize) {
        let now = self.clock.now();
        let instant = self.clock.instant();
        // A task that was held up finds what seems to be missing in its own queue: first it takes that.
        let since = instant.saturating_duration_since(self.published);
        self.published = instant;
        if since < self.settings.publish_interval + self.stall_timeout / 2 {
            self.look_for_stalls();
        }
        for owned in &mut self.partitions {
            // What depends on now is kept in panes around it, so a view that nothing changed is made anew once a minute.
            if owned.changed || owned.minute != floor(now, MINUTE) {
                owned.view = Arc::new(owned.state.view(now));
                (owned.changed, owned.minute) = (false, floor(now, MINUTE));
            }
        }
        self.cut();
        self.follow_replay();
        let status = |(slot, owned): (usize, &OwnedPartition)| PartitionStatus {
            partition: owned.log.partition.clone(),
            position: self.freshness.position(slot),
            end: self.freshness.newest_end(slot),
            lag: self.freshness.lag(slot),
            stalled: owned.stalled,
            missing: owned.missing,
            view: Arc::clone(&owned.view),
        };
        let snapshot = Snapshot {
            phase: self.phase.clone(),
            partitions: self.partitions.iter().enumerate().map(status).collect(),
            complete_until: Stream::ALL.map(|stream| self.freshness.complete_until(stream)),
            built: self.partitions.iter().map(|owned| owned.built).max().unwrap_or(now),
            targets: Arc::clone(&self.view_config.targets),
            closed_periods: Arc::clone(&self.cut_scheduler.closed_periods),
        };
        let states = self.partitions.iter().map(|owned| &owned.state);
        self.outputs.metrics.published(&snapshot, states, self.outputs.dead_letters.counts(), waiting);
        self.outputs.metrics.unsaved(self.checkpoint_scheduler.age(instant));
        self.outputs.publisher.publish(snapshot);
    }

    /// Figures are shown once every partition has reached an end asked for since the start, and its log is known to be the right one.
    fn follow_replay(&mut self) {
        let Phase::Replaying { .. } = self.phase else { return };
        let instant = self.clock.instant();
        let slots = 0..self.partitions.len();
        let from_start =
            |slot: usize, offset: i64| u64::try_from(offset - self.partitions[slot].started_at).unwrap_or(0);
        let read: u64 = slots.clone().map(|slot| from_start(slot, self.freshness.position(slot))).sum();
        let total: u64 = slots.map(|slot| from_start(slot, self.freshness.newest_end(slot).unwrap_or(0))).sum();
        if self.freshness.caught_up() && self.partitions.iter().all(|owned| owned.verified) {
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
