//! Applies batches in steps, and writes rejected and expired records to the dead letters.
//!
//! A batch is applied record by record, and may be left after any of them. What belongs to state changes with the
//! record: its figures, its next offset. What is kept beside it changes when the batch is left
//! for something else ([`Worker::settle`]): the position, the last record and the number of unsaved ones. So a snapshot,
//! a cut or a checkpoint in the middle of a batch is one of the records before it, as if the batch had ended there.
//!
//! The cuts that a record passes come before it. If they are many, a step ends with some of them, and the record stays
//! for a later one.

use std::time::{Duration, Instant};

use super::Worker;
use crate::pipeline::batch_decoder::{DecodedBatch, DecodedRecord, PartitionSpan};
use crate::record::{Outcome, RawRecords, Rejection};
use crate::runtime::failpoint;
use crate::source::DeadLetter;

/// Number of events prefetched together: about as many cache misses as a core has in flight at once.
const PREFETCHED: usize = 16;
/// Number of records between two readings of the clock, unless they are slow.
const STEP_RECORDS: usize = 256;
/// Time of a step beyond which the next one has fewer records, and after which a dead letter ends it.
const STEP_TIME: Duration = Duration::from_millis(10);

/// A batch that is being applied.
pub(super) struct BatchInProgress {
    batch: DecodedBatch,
    /// Number of records applied.
    applied: usize,
    /// Number of records that the worker has settled.
    settled: usize,
}

/// Number of records of the next step, so that a step takes about [`STEP_TIME`] at most.
#[derive(Debug)]
pub(super) struct StepSize(usize);

impl Default for StepSize {
    fn default() -> Self {
        Self(STEP_RECORDS)
    }
}

impl StepSize {
    fn adapt(&mut self, took: Duration) {
        self.0 = if took > STEP_TIME { (self.0 / 2).max(1) } else { (self.0 * 2).min(STEP_RECORDS) };
    }
}

impl Worker {
    /// Begins a batch, which [`Worker::apply`] continues.
    pub(super) fn begin_batch(&mut self, batch: DecodedBatch) {
        for &index in &batch.verified {
            self.partitions[index].verified = true;
        }
        self.batch = Some(BatchInProgress { batch, applied: 0, settled: 0 });
        // One without records is done.
        self.apply(0);
    }

    /// Applies a step of the batch in progress: some records, or fewer if they are slow.
    pub fn apply_step(&mut self) {
        let began = self.clock.instant();
        self.apply(self.step_size.0);
        let ended = self.clock.instant();
        self.step_size.adapt(ended.saturating_duration_since(began));
    }

    /// Applies at most this number of records of the batch in progress. Ends early after a dead letter that had to wait
    /// for room.
    pub fn apply(&mut self, most: usize) {
        let Some(mut progress) = self.batch.take() else { return };
        let BatchInProgress { batch, applied, .. } = &mut progress;
        let began = self.clock.instant();
        let now = self.clock.now();
        let DecodedBatch { records, arena, raw, .. } = batch;
        let end = applied.saturating_add(most).min(records.len());
        for (number, record) in records[*applied..end].iter().enumerate() {
            if number % PREFETCHED == 0 {
                self.prefetch(&records[*applied..]);
            }
            if let Some(instant) = record.written_after
                && self.partitions[record.index].cuts.is_passed_by(instant)
                && !self.pass_cuts(record.index, instant)
            {
                break;
            }
            *applied += 1;
            let partition = &mut self.partitions[record.index];
            partition.cuts.reach(record.written_after);
            partition.cuts.open_ends.take(record.offset, record.written_after);
            partition.changed = true;
            let outcome = partition.state.step(record.offset, &record.event, arena);
            let stream = partition.log.partition.stream;
            self.heartbeat.beat();
            match (outcome, &record.event) {
                (Outcome::Applied, Ok(event)) => self.outputs.metrics.applied(stream, now - event.time),
                (Outcome::Expired, _) => self.dead_letter(&mut **raw, record, outcome.name(), None),
                (_, Err(rejection)) => self.dead_letter(&mut **raw, record, rejection.reason.name(), Some(*rejection)),
                (_, Ok(_)) => continue,
            }
            if outcome != Outcome::Applied && self.has_taken(STEP_TIME, began) {
                break;
            }
        }
        let is_done = *applied == records.len();
        self.batch = Some(progress);
        if is_done {
            self.end_batch();
        }
    }

    fn has_taken(&self, time: Duration, began: Instant) -> bool {
        self.clock.instant().saturating_duration_since(began) >= time
    }

    fn end_batch(&mut self) {
        self.settle();
        let Some(BatchInProgress { batch, .. }) = self.batch.take() else { return };
        self.outputs.metrics.batch(&batch);
        failpoint("batch.applied");
    }

    /// Accounts for the records applied since the last time, before anything that asks for positions, last records or
    /// unsaved records.
    pub(super) fn settle(&mut self) {
        let Some(progress) = &mut self.batch else { return };
        if progress.settled == progress.applied {
            return;
        }
        let (spans, fetched) = (progress.batch.spans(progress.settled..progress.applied), progress.batch.fetched);
        progress.settled = progress.applied;
        let applied = self.clock.instant();
        for &PartitionSpan { index, records, last_record } in &spans {
            let partition = &mut self.partitions[index];
            partition.last_record = Some(last_record);
            partition.freshness.reach(partition.state.next_offset(), applied);
            self.checkpoint_scheduler.count_taken(&mut self.partitions, index, records, applied);
            self.audit_applied(index);
        }
        let elapsed = applied.saturating_duration_since(fetched);
        self.outputs.metrics.processed(&spans, elapsed, self.clock.now());
    }

    /// Touches the table entries of the next events, so that their cache misses overlap.
    fn prefetch(&self, records: &[DecodedRecord]) {
        let next =
            records.iter().take(PREFETCHED).filter_map(|record| Some((record.index, record.event.as_ref().ok()?)));
        let touched = next.fold(0, |touched, (index, event)| touched ^ self.partitions[index].state.touch(event));
        std::hint::black_box(touched);
    }

    /// Writes a record to the dead-letter topic, unless an earlier process has.
    fn dead_letter(
        &mut self,
        raw: &mut dyn RawRecords,
        record: &DecodedRecord,
        reason: &'static str,
        rejection: Option<Rejection>,
    ) {
        let DecodedRecord { index, offset, position, .. } = *record;
        let (field, detail) = rejection.map_or((None, None), |Rejection { field, detail, .. }| (field, detail));
        let log = &self.partitions[index].log;
        let partition = &log.partition;
        if self.rejection_log.count(reason) {
            tracing::warn!(
                event = "pacemeter.record.set_aside",
                topic = partition.topic,
                partition = partition.partition,
                offset,
                reason,
                field,
                detail = detail.map(tracing::field::display),
                "record rejected or expired"
            );
        }
        if log.committed.is_some_and(|committed| offset < committed) {
            return;
        }
        let mut headers = Vec::new();
        let record = raw.get(position as usize, &mut headers);
        self.outputs.dead_letters.send(&DeadLetter { index, partition, record, reason, field, detail });
    }
}
