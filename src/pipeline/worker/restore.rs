//! Restores every partition at the start, and requests their records.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Worker;
use crate::checkpoint::{Damage, LastCut};
use crate::clock::Timestamp;
use crate::pipeline::batch_decoder::ResumePoint;
use crate::pipeline::compatibility::ClusterInfo;
use crate::pipeline::cut_thread::CutRequest;
use crate::pipeline::message::{LogInfo, LogInventory, PollerCommand};
use crate::pipeline::metrics::PipelineMetrics;
use crate::pipeline::partitions::{OwnedPartition, StateAges};
use crate::pipeline::restore::{RestoreObserver, RestoredPartition, Restorer, StateSource};
use crate::pipeline::shared_causes::SharedCauses;
use crate::record::PerStream;
use crate::runtime::{Failure, failpoint};
use crate::view::snapshot::Phase;

impl Worker {
    /// Restores the state of every log, and requests its records from there.
    pub(super) fn restore(&mut self, inventory: LogInventory) -> Result<(), Failure> {
        let began = self.clock.instant();
        let now = self.clock.now();
        let LogInventory { cluster_id, topic_ids, logs, committed_fault, timestamps, short_retention } = inventory;
        let counts = PerStream::from_fn(|stream| logs.iter().filter(|log| log.partition.stream == stream).count());
        self.partitions.cluster = ClusterInfo { cluster_id, partition_counts: counts, topic_ids };
        self.outputs.metrics.logs_found(&logs, &short_retention);
        let restored = self.restore_all(&logs, committed_fault.as_deref(), now)?;
        self.keep_ids(&logs, &restored);
        let resume_points: Vec<ResumePoint> =
            logs.iter().zip(&restored).map(|(log, restored)| self.resume_point(log, restored)).collect();
        self.outputs.metrics.restored(&restored, self.clock.instant().saturating_duration_since(began));
        log_restored(&logs, &restored, &resume_points);
        let last_cuts: Vec<LastCut> = restored.iter().filter_map(|restored| restored.last_cut.clone()).collect();
        let named = last_cuts.iter().max_by(|one, other| one.id.cmp(&other.id)).cloned();
        // After a rebuild, and from older versions, there is no checkpoint that names it.
        let unnamed = self.newest_cut.take().filter(|newest| named.as_ref().is_none_or(|named| named.id < newest.id));
        let is_unnamed = unnamed.is_some();
        self.partitions.last_cut = unnamed.or(named);
        let _ = self.outputs.cuts.send(CutRequest::Compare(last_cuts));
        let ages = StateAges::new(&restored, now);
        let instant = self.clock.instant();
        for ((log, mut restored), resume_point) in logs.into_iter().zip(restored).zip(&resume_points) {
            let saved = std::mem::take(&mut restored.cuts);
            let mut cuts = self.cut_scheduler.resume(timestamps[log.partition.stream], saved);
            cuts.reopen(resume_point.next_offset);
            let partition = OwnedPartition::new(log, restored, resume_point, cuts, (now, instant), ages);
            let index = self.partitions.add(partition);
            self.audit_restored(index);
        }
        let unsettled = std::mem::take(&mut self.stored_unsettled);
        self.resume_unsettled(unsettled);
        if is_unnamed {
            self.checkpoint_scheduler.name_last_cut(&mut self.partitions, instant);
        }
        self.outputs.metrics.saved(self.partitions.checkpoint_bytes());
        self.phase = Phase::Replaying { read: 0, total: 0 };
        self.reading_since = Some(self.clock.instant());
        self.begin_summaries();
        failpoint("restore.done");
        // A poll thread that is gone has sent its failure.
        let _ = self.outputs.commands.send(PollerCommand::Read(resume_points));
        Ok(())
    }

    /// Keeps ids of the checkpoints that the brokers did not report this time: new checkpoints must still have them.
    fn keep_ids(&mut self, logs: &[LogInfo], restored: &[RestoredPartition]) {
        let ClusterInfo { cluster_id, topic_ids, .. } = &mut self.partitions.cluster;
        for (log, restored) in logs.iter().zip(restored) {
            let topic_id = &mut topic_ids[log.partition.stream];
            *topic_id = topic_id.take().or_else(|| restored.topic_id.clone());
            *cluster_id = cluster_id.take().or_else(|| restored.cluster_id.clone());
        }
    }

    /// Point from which a partition is read. A last record that retention has removed, or compaction may have, is not
    /// checked.
    fn resume_point(&self, log: &LogInfo, restored: &RestoredPartition) -> ResumePoint {
        let is_kept = |offset: i64| offset >= log.low && !self.settings.restore.accept_compacted_topics;
        ResumePoint {
            next_offset: restored.state.next_offset(),
            last_record: restored.last_record.filter(|last_record| is_kept(last_record.offset)),
        }
    }

    fn restore_all(
        &mut self,
        logs: &[LogInfo],
        committed_fault: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<RestoredPartition>, Failure> {
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
            cut_offsets: &self.cut_offsets,
            committed_fault,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            now,
            observer: &progress,
            findings: RefCell::default(),
        };
        let (mut restored, mut refused, mut exit) = (Vec::new(), SharedCauses::default(), None);
        for log in logs {
            let result = restorer.restore(log);
            progress.partition_done();
            match result {
                Ok(partition) => restored.push(partition),
                Err(refusal) => {
                    exit.get_or_insert(refusal.exit);
                    refusal.reasons.iter().for_each(|reason| refused.add(&log.partition, reason, ""));
                }
            }
        }
        restorer.findings.borrow().log();
        exit.map_or(Ok(restored), |exit| Err(Failure::new(exit, refused.to_string())))
    }
}

/// Logs each state that is resumed or rebuilt, and the partitions that begin without one.
fn log_restored(logs: &[LogInfo], restored: &[RestoredPartition], resume_points: &[ResumePoint]) {
    let mut begun = SharedCauses::default();
    for ((log, restored), resume_point) in logs.iter().zip(restored).zip(resume_points) {
        if restored.source == StateSource::New {
            begun.add(&log.partition, "", "");
            continue;
        }
        tracing::info!(
            event = "pacemeter.state.restored",
            topic = log.partition.topic,
            partition = log.partition.partition,
            source = restored.source.name(),
            first_offset = restored.state.first_offset(),
            next_offset = resume_point.next_offset,
            bytes = restored.bytes,
            tail_checked = restored.last_record.is_none() || resume_point.last_record.is_some(),
            "state restored"
        );
    }
    for topic in begun.iter() {
        tracing::info!(
            event = "pacemeter.state.begun",
            topic = topic.topic,
            partitions = topic.partitions(),
            "partitions begin without state"
        );
    }
}

/// Reports the progress of restoring to metrics.
struct RestoreProgress<'a> {
    metrics: &'a PipelineMetrics,
    partitions: u64,
    /// Number of partitions that are restored.
    done: AtomicU64,
    /// Bytes of the present partition that were read.
    bytes: AtomicU64,
    /// Size of the present partition in bytes.
    total: AtomicU64,
}

impl RestoreProgress<'_> {
    fn partition_done(&self) {
        self.bytes.store(0, Ordering::Relaxed);
        self.done.fetch_add(1, Ordering::Relaxed);
        self.publish();
    }

    fn publish(&self) {
        let part = self.bytes.load(Ordering::Relaxed) as f64 / self.total.load(Ordering::Relaxed).max(1) as f64;
        self.metrics
            .restoring((self.done.load(Ordering::Relaxed) as f64 + part.min(1.0)) / self.partitions.max(1) as f64);
    }
}

impl RestoreObserver for RestoreProgress<'_> {
    fn damaged(&self, damage: &Damage) {
        self.metrics.damaged_checkpoint(damage);
    }

    fn incomplete(&self, files: u64) {
        self.metrics.incomplete_checkpoints(files);
    }

    fn begins(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    fn filled(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.publish();
    }
}
