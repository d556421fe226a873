//! What the client and the brokers say: errors, ends of logs, topics that change under us.

use std::time::Instant;

use super::Worker;
use crate::checkpoint::Mismatch;
use crate::clock::Millis;
use crate::pipeline::message::Command;
use crate::record::PartitionIndex;
use crate::record::PerStream;
use crate::runtime::{Exit, Failure};
use crate::source::{ClientEvent, End};

impl Worker {
    pub(super) fn on_client_event(&mut self, event: ClientEvent) -> Result<(), Failure> {
        self.outputs.metrics.client(&event, self.clock.now());
        match event {
            ClientEvent::Errors { code, reason, count, .. } => {
                tracing::warn!(event = "pacemeter.kafka.error", code = ?code, reason, count, "kafka client errors reported");
            }
            ClientEvent::Interrupted { index, offset, code, reason, .. } => {
                let partition = &self.partitions[index].log.partition;
                tracing::error!(
                    event = "pacemeter.partition.interrupted",
                    topic = partition.topic,
                    partition = partition.partition,
                    offset,
                    code = ?code,
                    reason,
                    "partition not readable; retrying"
                );
            }
            ClientEvent::OutOfRange { index, next_offset, reason } => {
                let partition = &self.partitions[index].log.partition;
                let message = format!(
                    "topic {} partition {}: offset {next_offset} is not in the log ({reason}): retention passed it, or the log was cut or made \
                     anew; nothing is skipped: start again to see which, and what can be done",
                    partition.topic, partition.partition
                );
                return Err(Failure { exit: Exit::StateUnusable, message });
            }
            ClientEvent::Repeated { count } => {
                tracing::info!(event = "pacemeter.kafka.repeated", count, "dropped redelivered records");
            }
            ClientEvent::Committed => {}
            ClientEvent::CommitFailed { reason, .. } => {
                tracing::warn!(event = "pacemeter.kafka.commit_failed", reason, "offsets not committed");
            }
            ClientEvent::Fatal { reason } => {
                return Err(Failure {
                    exit: Exit::TryAgain,
                    message: format!("the kafka client failed for good: {reason}"),
                });
            }
        }
        Ok(())
    }

    /// The log does not hold the record that state took last.
    pub(super) fn log_mismatch(&self, index: PartitionIndex) -> Failure {
        let owned = &self.partitions[index];
        let offset = owned.last_record.map_or(owned.state.next_offset(), |last_record| last_record.offset);
        let mismatch = Mismatch::LastRecord { topic: owned.log.partition.topic.clone(), offset };
        Failure::new(Exit::StateUnusable, format!("partition {}: {mismatch}", owned.log.partition.partition))
    }

    /// Takes the end of a partition's log.
    ///
    /// # Errors
    /// If the log ends before what was applied, and has for as long as a new leader may need to know better; if its topic was away.
    pub(super) fn add_end(
        &mut self,
        index: PartitionIndex,
        asked: Millis,
        end: End,
        now: Instant,
    ) -> Result<(), Failure> {
        let owned = &mut self.partitions[index];
        let (topic, number) = (&owned.log.partition.topic, owned.log.partition.partition);
        if owned.missing {
            let message = format!(
                "topic {topic} was away and is there again; start anew, which finds out whether it is the same"
            );
            return Err(Failure::new(Exit::TryAgain, message));
        }
        let next_offset = owned.state.next_offset();
        // An answer may be older than what was read meanwhile; but ends do not go back.
        let stable = end.stable;
        if stable >= next_offset || stable >= owned.highest_end {
            (owned.short_since, owned.highest_end) = (None, owned.highest_end.max(stable));
        } else if now.saturating_duration_since(*owned.short_since.get_or_insert(now)) >= self.stall_timeout {
            let mismatch = Mismatch::Truncated { topic: topic.clone(), next_offset, end: stable };
            return Err(Failure::new(Exit::StateUnusable, format!("partition {number}: {mismatch}")));
        }
        owned.freshness.add_end(asked, end, now, self.stall_timeout);
        Ok(())
    }

    /// Compares how many partitions there are with how many are read.
    ///
    /// # Errors
    /// If some were added: keys have moved.
    pub(super) fn count_partitions(&mut self, counts: &PerStream<Option<usize>>) -> Result<(), Failure> {
        for (stream, count) in counts.iter() {
            let known = self.partitions.cluster.partition_counts[stream];
            let Some(count) = count.filter(|&count| count != known && known != 0) else { continue };
            let mut logs = self.partitions.iter().map(|owned| &owned.log.partition);
            let topic = logs.find(|partition| partition.stream == stream).map_or("", |partition| &partition.topic);
            let message = format!("topic {topic} has {count} partitions now, it had {known}");
            tracing::error!(
                event = "pacemeter.topic.partitions_changed",
                topic,
                found = count,
                expected = known,
                "number of partitions changed"
            );
            return Err(Failure::new(
                Exit::TryAgain,
                format!("{message}; start anew, which finds out whether it may go on"),
            ));
        }
        Ok(())
    }

    /// Refetches partitions that are stalled, each at most once per stall time-out.
    pub(super) fn look_for_stalls(&mut self) {
        let Self { partitions, stall_timeout, outputs, clock, .. } = self;
        let now = clock.instant();
        for index in partitions.indexes() {
            let partition = &mut partitions[index];
            partition.stalled = partition.freshness.is_stalled(now, *stall_timeout);
            if !partition.stalled {
                partition.refetched = None;
                continue;
            }
            if partition.refetched.is_some_and(|at| now.saturating_duration_since(at) < *stall_timeout) {
                continue;
            }
            tracing::warn!(
                event = "pacemeter.partition.stalled",
                topic = partition.log.partition.topic,
                partition = partition.log.partition.partition,
                position = partition.freshness.position(),
                "partition stalled; refetching"
            );
            partition.refetched = Some(now);
            outputs.metrics.refetched();
            // Without a poll thread the process is about to exit.
            let _ = outputs.commands.send(Command::Refetch(index));
        }
    }
}
