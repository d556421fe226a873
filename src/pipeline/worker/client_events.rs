//! Reactions to the Kafka client and the brokers: errors, end offsets, partition counts, stalls.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Worker;
use crate::checkpoint::Mismatch;
use crate::clock::Timestamp;
use crate::pipeline::message::PollerCommand;
use crate::pipeline::partitions::ShortLog;
use crate::pipeline::passage::ExcludedPassage;
use crate::pipeline::shared_causes::SharedCauses;
use crate::record::{PartitionIndex, PerStream, TopicPartition};
use crate::runtime::{Exit, Failure};
use crate::source::{ClientEvent, End, TopicIds};

impl Worker {
    pub(super) fn on_client_event(&mut self, event: ClientEvent) -> Result<(), Failure> {
        self.outputs.metrics.client_event(&event, self.clock.now());
        match event {
            ClientEvent::Errors { code, reason, count, .. } => {
                tracing::warn!(event = "pacemeter.kafka.error", code = ?code, reason, count, "kafka client errors reported");
            }
            ClientEvent::Interrupted { index, offset, next_offset, code, reason, unreadable: true, .. } => {
                let partition = &self.partitions[index].log.partition;
                tracing::error!(
                    event = "pacemeter.partition.interrupted",
                    topic = partition.topic,
                    partition = partition.partition,
                    offset,
                    code = ?code,
                    reason,
                    remedy = unreadable_remedy(partition, next_offset),
                    "partition not readable; retrying"
                );
            }
            // Logged together.
            ClientEvent::Interrupted { .. } => {}
            ClientEvent::OutOfRange { index, next_offset, reason } => {
                let partition = &self.partitions[index].log.partition;
                let message = format!(
                    "topic {} partition {}: offset {next_offset} is not in the log ({reason}): retention removed it, or the log was truncated \
                     or recreated; restart the process to see which, and what to do",
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
                return Err(Failure::new(
                    Exit::TryAgain,
                    format!("kafka client failed permanently: {reason}; restart the process"),
                ));
            }
        }
        Ok(())
    }

    /// Logs the partitions that brokers do not deliver now, each cause once.
    pub(super) fn log_interruptions(&self, events: &[ClientEvent]) {
        let mut by_code: BTreeMap<String, SharedCauses> = BTreeMap::new();
        for event in events {
            let ClientEvent::Interrupted { index, code, reason, unreadable: false, .. } = event else { continue };
            let causes = by_code.entry(format!("{code:?}")).or_default();
            causes.add(&self.partitions[*index].log.partition, reason, "");
        }
        for (code, causes) in &by_code {
            for cause in causes.iter() {
                tracing::error!(
                    event = "pacemeter.partition.interrupted",
                    topic = cause.topic,
                    partitions = cause.partitions(),
                    code,
                    reason = cause.text,
                    "partitions not readable; retrying"
                );
            }
        }
    }

    /// Counts excluded offsets that cannot be read, and resumes behind them.
    pub(super) fn pass_excluded(&mut self, passage: ExcludedPassage) {
        let ExcludedPassage { index, first_offset, last_offset } = passage;
        let partition = &mut self.partitions[index];
        let passed = partition.state.pass_excluded(first_offset, last_offset);
        tracing::warn!(
            event = "pacemeter.partition.passed",
            topic = partition.log.partition.topic,
            partition = partition.log.partition.partition,
            first_offset,
            last_offset,
            counted = passed,
            "unreadable excluded offsets passed over"
        );
        if passed > 0 {
            let now = self.clock.instant();
            partition.changed = true;
            partition.freshness.reach(partition.state.next_offset(), now);
            self.checkpoint_scheduler.count_taken(&mut self.partitions, index, passed, now);
        }
    }

    /// Failure because the log does not contain the last applied record.
    pub(super) fn log_mismatch(&self, index: PartitionIndex) -> Failure {
        let partition = &self.partitions[index];
        let offset = partition.last_record.map_or(partition.state.next_offset(), |last_record| last_record.offset);
        let mismatch = Mismatch::LastRecord { topic: partition.log.partition.topic.clone(), offset };
        Failure::new(Exit::StateUnusable, format!("partition {}: {mismatch}", partition.log.partition.partition))
    }

    /// Takes the end offset of a partition.
    ///
    /// # Errors
    /// Returns an error if the log has ended before the last applied record for a stall time-out, which a new leader
    /// may need to catch up; or if its topic was missing and exists again.
    pub(super) fn add_end(
        &mut self,
        index: PartitionIndex,
        asked: Timestamp,
        end: End,
        now: Instant,
    ) -> Result<(), Failure> {
        let partition = &mut self.partitions[index];
        partition.end_known = Some(now);
        let (topic, number) = (&partition.log.partition.topic, partition.log.partition.partition);
        if partition.missing {
            let message = format!(
                "topic {topic} was missing and exists again; restart the process, which checks that it is the same topic"
            );
            return Err(Failure::new(Exit::TryAgain, message));
        }
        let next_offset = partition.state.next_offset();
        // An answer may be older than records read meanwhile, but the log reaches in time what was applied at any moment.
        // An open transaction hides records only from readers, and excluded ones may be passed over.
        let reached = end.high.max(end.stable);
        let short = ShortLog { since: now, noticed: self.clock.now(), next_offset };
        let known = *partition.short.get_or_insert(short);
        if reached >= next_offset {
            partition.short = None;
        } else if reached >= known.next_offset {
            partition.short = Some(short);
        } else if asked > known.noticed && now.saturating_duration_since(known.since) >= self.stall_timeout {
            let mismatch = Mismatch::Truncated { topic: topic.clone(), next_offset, end: reached };
            return Err(Failure::new(Exit::StateUnusable, format!("partition {number}: {mismatch}")));
        }
        partition.freshness.add_end(asked, end, now, self.stall_timeout);
        Ok(())
    }

    /// Compares the number of partitions of each topic with the number assigned. Added ones are not read, and the figures
    /// are not ready from then on. True if every topic has those that are read and no others.
    ///
    /// # Errors
    /// Returns an error if there are fewer: it is another topic.
    pub(super) fn count_partitions(
        &mut self,
        asked: Timestamp,
        counts: &PerStream<Option<usize>>,
    ) -> Result<bool, Failure> {
        let mut has_all = true;
        for (stream, count) in counts.iter() {
            let known = self.partitions.cluster.partition_counts[stream];
            has_all &= known == 0 || *count == Some(known);
            let Some(count) = count.filter(|_| known != 0) else { continue };
            let is_added = self.partitions.count_checks[stream].take(asked, known, count);
            if !is_added && count >= known {
                continue;
            }
            let topic = self.partitions.topic(stream);
            tracing::error!(
                event = "pacemeter.topic.partitions_changed",
                topic,
                found = count,
                expected = known,
                "number of partitions changed"
            );
            if count < known {
                return Err(Failure::new(
                    Exit::TryAgain,
                    format!(
                        "topic {topic} has {count} partitions now and had {known}, so it was deleted and created again; restart the \
                         process, which says what to do"
                    ),
                ));
            }
        }
        Ok(has_all && self.partitions.outgrown().is_empty())
    }

    /// Compares the ids of the topics with those at the start, or with the first that were reported since. True if each of
    /// these was reported.
    ///
    /// # Errors
    /// Returns an error if one differs: the state may mix records of both topics. Checkpoints since then have the id of
    /// the old topic, or none, so the next start refuses them or checks the last record.
    pub(super) fn compare_topic_ids(&mut self, ids: &TopicIds) -> Result<bool, Failure> {
        let mut has_all = true;
        for (stream, id) in ids.iter() {
            let expected = self.partitions.cluster.topic_ids[stream].as_ref();
            let Some(found) = id else {
                has_all &= expected.or(self.first_ids[stream].as_ref()).is_none();
                continue;
            };
            let expected = expected.unwrap_or_else(|| self.first_ids[stream].get_or_insert_with(|| found.clone()));
            if found == expected {
                continue;
            }
            let topic = self.partitions.topic(stream);
            tracing::error!(
                event = "pacemeter.topic.recreated",
                topic,
                found,
                expected,
                "topic deleted and created again"
            );
            return Err(Failure::new(
                Exit::TryAgain,
                format!(
                    "topic {topic} was deleted and created again while it was read (its id was {expected} and is {found}); restart the \
                     process, which says what to do"
                ),
            ));
        }
        Ok(has_all)
    }

    /// Refetches partitions that are stalled, each at most once per stall time-out. One that yields nothing after that,
    /// while its end is known, is given up: librdkafka takes some batches for incomplete and reports nothing.
    ///
    /// A partition whose records wait behind those of others is not stalled, and a refetch would let them wait again.
    pub(super) fn look_for_stalls(&mut self) {
        let Self { partitions, stall_timeout, outputs, clock, drained, .. } = self;
        let now = clock.instant();
        let (mut found, mut resumed) = (SharedCauses::default(), SharedCauses::default());
        let mut positions = PerStream::<i64>::default();
        for index in partitions.indexes() {
            let partition = &mut partitions[index];
            let was_stalled = std::mem::replace(
                &mut partition.stalled,
                partition.freshness.is_stalled(*drained, now, *stall_timeout),
            );
            if !partition.stalled {
                if was_stalled {
                    resumed.add(&partition.log.partition, "", "");
                }
                partition.refetched = None;
                continue;
            }
            if partition.refetched.is_some_and(|at| now.saturating_duration_since(at) < *stall_timeout) {
                continue;
            }
            found.add(&partition.log.partition, "", "");
            positions[partition.log.partition.stream] = partition.freshness.position();
            let is_answered = partition.refetched.is_some_and(|at| partition.end_known.is_some_and(|known| known > at));
            partition.refetched = Some(now);
            outputs.metrics.refetched();
            let command = if is_answered { PollerCommand::GiveUp(index) } else { PollerCommand::Refetch(index) };
            // Without a poll thread the process is about to exit.
            let _ = outputs.commands.send(command);
        }
        log_stalls(&found, &positions, &resumed);
    }
}

fn log_stalls(found: &SharedCauses, positions: &PerStream<i64>, resumed: &SharedCauses) {
    for stalled in found.iter() {
        tracing::warn!(
            event = "pacemeter.partition.stalled",
            topic = stalled.topic,
            partitions = stalled.partitions(),
            position = (stalled.count == 1).then_some(positions[stalled.stream]),
            "partitions stalled; refetching"
        );
    }
    for cause in resumed.iter() {
        tracing::info!(
            event = "pacemeter.partition.resumed",
            topic = cause.topic,
            partitions = cause.partitions(),
            "stalled partitions yield records again"
        );
    }
}

/// Instruction for a batch that cannot be read: make it readable, or pass over it.
fn unreadable_remedy(partition: &TopicPartition, next_offset: i64) -> String {
    let (stream, number) = (partition.stream.name(), partition.partition);
    format!(
        "raise kafka.properties.receive.message.max.bytes if the batch is larger than that when unpacked, or pass over it with \
         streams.{stream}.exclude = [{{ partition = {number}, first_offset = {next_offset}, last_offset = LAST }}], where LAST is the last \
         offset of the batch, as kafka-dump-log shows it"
    )
}
