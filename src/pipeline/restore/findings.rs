//! Findings about stored states that are no reason against the start, logged once for all partitions of a topic.

use crate::checkpoint::Damage;
use crate::pipeline::shared_causes::SharedCauses;
use crate::record::TopicPartition;

/// Findings of one start.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct RestoreFindings {
    damaged: SharedCauses,
    refused_marks: SharedCauses,
    unsealed: SharedCauses,
    rebuilt: SharedCauses,
    /// Topics with added partitions that a setting accepts: name, number of partitions before, and now.
    added_partitions: Vec<(String, i32, i32)>,
    incomplete_files: u64,
}

impl RestoreFindings {
    /// A damaged file was skipped.
    pub(super) fn add_damaged(&mut self, partition: &TopicPartition, file: &str, damage: &Damage) {
        self.damaged.add(partition, &damage.to_string(), file);
    }

    /// A file with the name of a mark was ignored, since anybody could have made it.
    pub(super) fn add_refused_mark(&mut self, partition: &TopicPartition, file: &str) {
        self.refused_marks.add(partition, "", file);
    }

    /// A checkpoint without a keyed hash is resumed.
    pub(super) fn add_unsealed(&mut self, partition: &TopicPartition, file: &str) {
        self.unsealed.add(partition, "", file);
    }

    /// A state is discarded for this reason.
    pub(super) fn add_rebuilt(&mut self, partition: &TopicPartition, reason: &str) {
        self.rebuilt.add(partition, reason, "");
    }

    /// Added partitions are accepted.
    pub(super) fn add_partitions(&mut self, topic: &str, before: i32, now: i32) {
        let added = (topic.to_owned(), before, now);
        if !self.added_partitions.contains(&added) {
            self.added_partitions.push(added);
        }
    }

    /// Unfinished files of an earlier process were found.
    pub(super) fn add_incomplete(&mut self, files: u64) {
        self.incomplete_files += files;
    }

    /// Logs the findings.
    pub(in crate::pipeline) fn log(&self) {
        for cause in self.damaged.iter() {
            tracing::error!(
                event = "pacemeter.checkpoint.damaged",
                topic = cause.topic,
                partitions = cause.partitions(),
                damage = cause.text,
                files = cause.count,
                file = cause.file,
                "checkpoints damaged; trying older ones"
            );
        }
        for cause in self.refused_marks.iter() {
            tracing::warn!(
                event = "pacemeter.checkpoint.mark_refused",
                topic = cause.topic,
                partitions = cause.partitions(),
                file = cause.file,
                "marks without a valid keyed hash ignored"
            );
        }
        for cause in self.unsealed.iter() {
            tracing::warn!(
                event = "pacemeter.checkpoint.unsealed",
                topic = cause.topic,
                partitions = cause.partitions(),
                file = cause.file,
                "checkpoints have no keyed hash"
            );
        }
        for (topic, expected, found) in &self.added_partitions {
            tracing::warn!(
                event = "pacemeter.topic.partitions_accepted",
                topic,
                found,
                expected,
                "added partitions accepted by setting"
            );
        }
        for cause in self.rebuilt.iter() {
            tracing::warn!(
                event = "pacemeter.state.rebuild",
                topic = cause.topic,
                partitions = cause.partitions(),
                reason = cause.text,
                "state discarded; rebuilding from the log"
            );
        }
        if self.incomplete_files > 0 {
            let files = self.incomplete_files;
            tracing::info!(event = "pacemeter.checkpoint.incomplete", files, "incomplete checkpoints found");
        }
    }
}
