//! The beginning: what each partition goes on from.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Worker;
use crate::checkpoint::Damage;
use crate::clock::Millis;
use crate::pipeline::batch_decoder::ResumePoint;
use crate::pipeline::compatibility::ClusterInfo;
use crate::pipeline::message::{Command, LogInfo, LogInventory};
use crate::pipeline::metrics::PipelineMetrics;
use crate::pipeline::partitions::OwnedPartition;
use crate::pipeline::restore::{RestoreObserver, RestoredPartition, Restorer};
use crate::record::PerStream;
use crate::runtime::{Failure, failpoint};
use crate::view::snapshot::Phase;

impl Worker {
    /// Finds for every partition what it goes on from, and asks for its records.
    pub(super) fn restore(&mut self, found: LogInventory) -> Result<(), Failure> {
        let began = self.clock.instant();
        let now = self.clock.now();
        let LogInventory { cluster_id, logs, short_retention } = found;
        let counts = PerStream::from_fn(|stream| logs.iter().filter(|log| log.partition.stream == stream).count());
        self.partitions.cluster = ClusterInfo { cluster_id, partition_counts: counts };
        self.outputs.metrics.found(&logs, &short_retention);
        let restored = self.restore_all(&logs, now)?;
        if self.partitions.cluster.cluster_id.is_none() {
            // The brokers did not tell this time; what is written must not forget it.
            self.partitions.cluster.cluster_id = restored.iter().find_map(|restored| restored.cluster_id.clone());
        }
        let starts = restored.iter().map(|restored| ResumePoint {
            next_offset: restored.state.next_offset(),
            last_record: restored.last_record,
        });
        let starts: Vec<ResumePoint> =
            logs.iter().zip(starts).map(|(log, start)| self.without_lost_last_record(log, start)).collect();
        self.outputs.metrics.restored(&restored, self.clock.instant().saturating_duration_since(began));
        for ((log, restored), start) in logs.iter().zip(&restored).zip(&starts) {
            log_restored(log, restored, start);
        }
        // The newest of all is what readers see: that it moves must not depend on a clock that went back.
        let newest = restored.iter().filter_map(|restored| restored.built).max();
        let built_if_new = newest.map_or(now, |newest| now.max(newest + 1));
        let instant = self.clock.instant();
        for ((log, mut restored), start) in logs.into_iter().zip(restored).zip(&starts) {
            let last = restored.last_record.and_then(|record| record.timestamp);
            let cuts = self.cut_scheduler.resume(last, std::mem::take(&mut restored.parts));
            let partition = OwnedPartition::new(log, restored, start, cuts, (now, instant), built_if_new);
            let index = self.partitions.add(partition);
            self.follow_people(index);
        }
        self.outputs.metrics.saved(self.partitions.checkpoint_bytes());
        self.phase = Phase::Replaying { read: 0, total: 0 };
        self.reading_since = Some(self.clock.instant());
        failpoint("restore.done");
        // Without a poll thread nothing is read, which it has said why.
        let _ = self.outputs.commands.send(Command::Read(starts));
        Ok(())
    }

    /// A tail that retention has passed, or compaction may have taken, cannot be looked for.
    fn without_lost_last_record(&self, log: &LogInfo, start: ResumePoint) -> ResumePoint {
        let is_kept = |offset: i64| offset >= log.low && !self.settings.restore.accept_compacted_topics;
        ResumePoint { last_record: start.last_record.filter(|last_record| is_kept(last_record.offset)), ..start }
    }

    fn restore_all(&mut self, logs: &[LogInfo], now: Millis) -> Result<Vec<RestoredPartition>, Failure> {
        let progress = RestoreProgress {
            metrics: &self.outputs.metrics,
            partitions: logs.len() as u64,
            done: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            total: AtomicU64::new(0),
        };
        let restorer = Restorer {
            settings: self.settings.restore,
            compatibility: &self.partitions.compatibility,
            cluster: &self.partitions.cluster,
            store: &self.store,
            view_config: &self.view_config,
            checkpoints: &self.outputs.checkpoints,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            now,
            progress: &progress,
        };
        let mut failures: Vec<Failure> = Vec::new();
        let mut restored = Vec::new();
        for log in logs {
            let result = restorer.restore(log);
            progress.partition_done();
            match result {
                Ok(partition) => restored.push(partition),
                Err(failure) => failures.push(failure),
            }
        }
        let Some(first) = failures.first() else { return Ok(restored) };
        let message: Vec<&str> = failures.iter().map(|failure| failure.message.as_str()).collect();
        Err(Failure::new(first.exit, message.join("\n")))
    }
}

fn log_restored(log: &LogInfo, restored: &RestoredPartition, start: &ResumePoint) {
    tracing::info!(
        event = "pacemeter.state.restored",
        topic = log.partition.topic,
        partition = log.partition.partition,
        source = restored.source.name(),
        first_offset = restored.state.first_offset(),
        next_offset = start.next_offset,
        bytes = restored.bytes,
        tail_checked = restored.last_record.is_none() || start.last_record.is_some(),
        "state restored"
    );
}

/// Tells metrics and log how the restoring goes.
struct RestoreProgress<'a> {
    metrics: &'a PipelineMetrics,
    partitions: u64,
    done: AtomicU64,
    /// Of the partition that is being read.
    bytes: AtomicU64,
    total: AtomicU64,
}

impl RestoreProgress<'_> {
    fn partition_done(&self) {
        self.bytes.store(0, Ordering::Relaxed);
        self.done.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    fn tell(&self) {
        let part = self.bytes.load(Ordering::Relaxed) as f64 / self.total.load(Ordering::Relaxed).max(1) as f64;
        self.metrics
            .restoring((self.done.load(Ordering::Relaxed) as f64 + part.min(1.0)) / self.partitions.max(1) as f64);
    }
}

impl RestoreObserver for RestoreProgress<'_> {
    fn damaged(&self, file: &str, damage: &Damage) {
        self.metrics.damaged_checkpoint(damage);
        tracing::error!(event = "pacemeter.checkpoint.damaged", file, damage = %damage, "checkpoint damaged; trying an older one");
    }

    fn incomplete(&self, files: u64) {
        self.metrics.incomplete_checkpoints(files);
        tracing::info!(event = "pacemeter.checkpoint.incomplete", files, "incomplete checkpoints found");
    }

    fn begins(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    fn filled(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.tell();
    }
}
