//! Records: applied, or set aside.

use super::Worker;
use crate::pipeline::batch_decoder::{DecodedRecord, Original, PartitionStats};
use crate::pipeline::message::RecordBatch;
use crate::record::PartitionIndex;
use crate::record::{Outcome, Rejection};
use crate::runtime::failpoint;
use crate::source::DeadLetter;

/// How many events are fetched into the cache together: about as many reads as a core has under way at once.
const TOUCHED_TOGETHER: usize = 16;

impl Worker {
    pub(super) fn apply(&mut self, records: &RecordBatch) {
        let now = self.clock.now();
        let taken = &records.taken;
        for &slot in &taken.verified {
            self.partitions[slot].verified = true;
        }
        for (index, decoded) in taken.decoded.iter().enumerate() {
            if index % TOUCHED_TOGETHER == 0 {
                self.touch(&taken.decoded[index..]);
            }
            if let Some(timestamp) =
                decoded.timestamp.filter(|&timestamp| self.partitions[decoded.slot].cuts.is_passed_by(timestamp))
            {
                self.pass_cuts(decoded.slot, timestamp);
            }
            let owned = &mut self.partitions[decoded.slot];
            owned.changed = true;
            let outcome = owned.state.step(decoded.offset, &decoded.event, &taken.arena);
            let stream = owned.log.partition.stream;
            match (outcome, &decoded.event) {
                (Outcome::Applied, Ok(event)) => self.outputs.metrics.applied(stream, now - event.time),
                (Outcome::Expired, _) => self.dead_letter(records, decoded, outcome.name(), None),
                (_, Err(Rejection { reason, field })) => self.dead_letter(records, decoded, reason.name(), *field),
                (_, Ok(_)) => {}
            }
        }
        let moved = self.clock.instant();
        for &PartitionStats { slot, records, last_record, .. } in &taken.sums {
            let owned = &mut self.partitions[slot];
            owned.last_record = Some(last_record);
            owned.freshness.reach(owned.state.next_offset(), moved);
            self.checkpoint_scheduler.count_taken(&mut self.partitions, slot, records, moved);
            self.follow_people(slot);
        }
        self.outputs.metrics.batch(records, moved.saturating_duration_since(records.at), now);
        failpoint("batch.applied");
    }

    /// Lets the next events wait for memory together, not one after the other.
    fn touch(&self, decoded: &[DecodedRecord]) {
        let next = decoded
            .iter()
            .take(TOUCHED_TOGETHER)
            .filter_map(|decoded| Some((decoded.slot, decoded.event.as_ref().ok()?)));
        let touched = next.fold(0, |touched, (slot, event)| touched ^ self.partitions[slot].state.touch(event));
        std::hint::black_box(touched);
    }

    /// Looks whether people of the sample are paid in two partitions.
    pub(super) fn follow_people(&mut self, slot: PartitionIndex) {
        let people = self.partitions[slot].state.take_sampled();
        if people.is_empty() {
            return;
        }
        if let Some(other) = self.audit.note(slot, people) {
            let partition = |slot: PartitionIndex| self.partitions[slot].log.partition.partition;
            tracing::error!(
                event = "pacemeter.partitioning.violated",
                topic = self.partitions[slot].log.partition.topic,
                partition = partition(slot),
                other_partition = partition(other),
                "person paid in two partitions"
            );
        }
        self.outputs.metrics.misplaced_people(self.audit.misplaced());
    }

    /// Writes a record to the dead-letter topic, unless an earlier process has.
    fn dead_letter(
        &self,
        records: &RecordBatch,
        decoded: &DecodedRecord,
        reason: &'static str,
        field: Option<&'static str>,
    ) {
        let DecodedRecord { slot, offset, .. } = *decoded;
        let log = &self.partitions[slot].log;
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
        let Original { timestamp, key, value, .. } = records.originals.original(decoded.index as usize, &mut headers);
        self.outputs.dead_letters.send(&DeadLetter {
            index: slot,
            partition,
            offset,
            timestamp,
            key,
            value,
            headers: &headers,
            reason,
            field,
        });
    }
}
