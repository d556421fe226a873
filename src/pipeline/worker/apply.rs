//! Applies batches, and writes rejected and expired records to the dead letters.

use super::Worker;
use crate::pipeline::batch_decoder::{DecodedBatch, DecodedRecord, PartitionStats};
use crate::record::{Outcome, PartitionIndex, Rejection};
use crate::runtime::failpoint;
use crate::source::DeadLetter;

/// Number of events prefetched together: about as many cache misses as a core has in flight at once.
const PREFETCHED: usize = 16;

impl Worker {
    pub(super) fn apply(&mut self, batch: &DecodedBatch) {
        let now = self.clock.now();
        for &index in &batch.verified {
            self.partitions[index].verified = true;
        }
        for (number, record) in batch.records.iter().enumerate() {
            if number % PREFETCHED == 0 {
                self.prefetch(&batch.records[number..]);
            }
            if let Some(timestamp) =
                record.timestamp.filter(|&timestamp| self.partitions[record.index].cuts.is_passed_by(timestamp))
            {
                self.pass_cuts(record.index, timestamp);
            }
            let partition = &mut self.partitions[record.index];
            partition.changed = true;
            let outcome = partition.state.step(record.offset, &record.event, &batch.arena);
            let stream = partition.log.partition.stream;
            match (outcome, &record.event) {
                (Outcome::Applied, Ok(event)) => self.outputs.metrics.applied(stream, now - event.time),
                (Outcome::Expired, _) => self.dead_letter(batch, record, outcome.name(), None),
                (_, Err(Rejection { reason, field })) => self.dead_letter(batch, record, reason.name(), *field),
                (_, Ok(_)) => {}
            }
        }
        let applied = self.clock.instant();
        for &PartitionStats { index, records, last_record, .. } in &batch.stats {
            let partition = &mut self.partitions[index];
            partition.last_record = Some(last_record);
            partition.freshness.reach(partition.state.next_offset(), applied);
            self.checkpoint_scheduler.count_taken(&mut self.partitions, index, records, applied);
            self.audit_keying(index);
        }
        self.outputs.metrics.batch(batch, applied.saturating_duration_since(batch.fetched), now);
        failpoint("batch.applied");
    }

    /// Touches the table entries of the next events, so that their cache misses overlap.
    fn prefetch(&self, records: &[DecodedRecord]) {
        let next =
            records.iter().take(PREFETCHED).filter_map(|record| Some((record.index, record.event.as_ref().ok()?)));
        let touched = next.fold(0, |touched, (index, event)| touched ^ self.partitions[index].state.touch(event));
        std::hint::black_box(touched);
    }

    /// Looks for people of the sample who are paid in two partitions.
    pub(super) fn audit_keying(&mut self, index: PartitionIndex) {
        let people = self.partitions[index].state.take_sampled();
        if people.is_empty() {
            return;
        }
        if let Some(other) = self.audit.add(index, people) {
            let partition = |index: PartitionIndex| self.partitions[index].log.partition.partition;
            tracing::error!(
                event = "pacemeter.partitioning.violated",
                topic = self.partitions[index].log.partition.topic,
                partition = partition(index),
                other_partition = partition(other),
                "person paid in two partitions"
            );
        }
        self.outputs.metrics.misplaced_people(self.audit.misplaced());
    }

    /// Writes a record to the dead-letter topic, unless an earlier process has.
    fn dead_letter(
        &self,
        batch: &DecodedBatch,
        record: &DecodedRecord,
        reason: &'static str,
        field: Option<&'static str>,
    ) {
        let DecodedRecord { index, offset, position, .. } = *record;
        let log = &self.partitions[index].log;
        let partition = &log.partition;
        tracing::warn!(
            event = "pacemeter.record.set_aside",
            topic = partition.topic,
            partition = partition.partition,
            offset,
            reason,
            field,
            "record rejected or expired"
        );
        if log.committed.is_some_and(|committed| offset < committed) {
            return;
        }
        let mut headers = Vec::new();
        let record = batch.raw.get(position as usize, &mut headers);
        self.outputs.dead_letters.send(&DeadLetter { index, partition, record, reason, field });
    }
}
