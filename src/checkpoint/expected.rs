//! Comparison of a checkpoint with the log, the settings and the pseudonym key of today.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::head::Head;
use crate::aggregate::unnamed_setting;

/// Expected values of a checkpoint's head. A `None` is unknown and not compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedHead {
    /// Cluster id that the brokers report.
    pub cluster_id: Option<String>,
    /// Topic that the settings name.
    pub topic: String,
    /// Id of the topic that the brokers report.
    pub topic_id: Option<String>,
    /// Number of partitions of the topic.
    pub partition_count: Option<i32>,
    /// Settings that state depends on; see [`Head::semantic_settings`].
    pub semantic_settings: BTreeMap<String, String>,
    /// Identifies the pseudonym key in use.
    pub key_id: String,
    /// First offset that the log still has.
    pub low: Option<i64>,
    /// End offset of the log: the offset after its last record.
    pub end: Option<i64>,
}

/// Reason why an intact checkpoint must not be resumed: what was found, what was expected, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The brokers belong to another Kafka cluster.
    #[error(
        "the state belongs to kafka cluster {found}, the brokers to cluster {expected}; set kafka.bootstrap_servers \
         to the right cluster, or move the state directory elsewhere to start over (or run `pacemeter state \
         rebuild`)"
    )]
    Cluster {
        /// Cluster id in the head.
        found: String,
        /// Cluster id that the brokers report.
        expected: String,
    },
    /// The settings name another topic.
    #[error(
        "the state belongs to topic {found}, the settings name topic {expected}; name the right topic, or move the \
         state directory elsewhere to start over (or run `pacemeter state rebuild`)"
    )]
    Topic {
        /// Topic in the head.
        found: String,
        /// Topic that the settings name.
        expected: String,
    },
    /// The topic was deleted and created again, so its log is another one.
    #[error(
        "the state belongs to topic {topic} with id {found}, the brokers have it with id {expected}: the topic was \
         deleted and created again; connect to the right cluster, or run `pacemeter state rebuild` to count what is \
         there"
    )]
    Recreated {
        /// The topic.
        topic: String,
        /// Id of the topic in the head.
        found: String,
        /// Id of the topic that the brokers report.
        expected: String,
    },
    /// Partitions were added to the topic, so keys have moved between partitions. A rebuild would not be exact.
    #[error(
        "the state was built when topic {topic} had {found} partitions, now it has {expected}: partitions were added, \
         and keys moved with them. A rebuild counts twice who has records in two partitions; what is exact is a new topic \
         with {expected} partitions, to which all records are written again by key. If no key moved, or to accept wrong \
         figures, set state.accept_added_partitions = true"
    )]
    AddedPartitions {
        /// The topic.
        topic: String,
        /// Number of partitions in the head.
        found: i32,
        /// Number of partitions now.
        expected: i32,
    },
    /// The topic has fewer partitions, which Kafka never removes.
    #[error(
        "the state was built when topic {topic} had {found} partitions, now it has {expected}: the topic was deleted \
         and created again; connect to the right cluster, or run `pacemeter state rebuild` to count what is there"
    )]
    FewerPartitions {
        /// The topic.
        topic: String,
        /// Number of partitions in the head.
        found: i32,
        /// Number of partitions now.
        expected: i32,
    },
    /// Settings that state depends on have changed.
    #[error(
        "the state was built with other settings: {}; restore them, or run `pacemeter state rebuild` to count again \
         with the new ones",
        list(changes)
    )]
    Settings {
        /// The settings that differ, by key.
        changes: Vec<SettingChange>,
    },
    /// The state was built with another pseudonym key.
    #[error(
        "the state was built with pseudonym key {found}, the key file holds key {expected}; restore the old key \
         file, or run `pacemeter state rebuild` to count again with the new key"
    )]
    PseudonymKey {
        /// Key id in the head.
        found: String,
        /// Key id of the key file.
        expected: String,
    },
    /// Retention removed records that the state does not have.
    #[error(
        "the state ends at offset {next_offset}, the log of topic {topic} begins at offset {low}: retention has \
         passed the state, and up to {} records are lost; `pacemeter state rebuild` counts what is left",
        low - next_offset
    )]
    Retention {
        /// The topic.
        topic: String,
        /// First offset that is not part of the state.
        next_offset: i64,
        /// First offset that the log still has.
        low: i64,
    },
    /// The log ends before the state does.
    #[error(
        "the state ends at offset {next_offset}, the log of topic {topic} at offset {end}: the log was truncated or \
         the topic recreated; connect to the right cluster, or run `pacemeter state rebuild` to count what is there"
    )]
    Truncated {
        /// The topic.
        topic: String,
        /// First offset that is not part of the state.
        next_offset: i64,
        /// End offset of the log.
        end: i64,
    },
    /// The log has another record where the state has its last one.
    #[error(
        "the record at offset {offset} of topic {topic} is not the last applied record of the state: the log was \
         truncated or the topic recreated; connect to the right cluster, or run `pacemeter state rebuild` to count \
         what is there"
    )]
    LastRecord {
        /// The topic.
        topic: String,
        /// Offset of the last applied record.
        offset: i64,
    },
}

/// A setting that differs; `None` where it is not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChange {
    /// Key of the setting.
    pub key: String,
    /// Value in the head.
    pub found: Option<String>,
    /// Value now.
    pub expected: Option<String>,
}

fn list(changes: &[SettingChange]) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
    let describe = |change: &SettingChange| {
        format!("{} was {} and is {}", change.key, value(&change.found), value(&change.expected))
    };
    changes.iter().map(describe).collect::<Vec<_>>().join(", ")
}

impl Mismatch {
    /// True if a rebuild from the log cannot be exact.
    pub fn forbids_rebuild(&self) -> bool {
        matches!(self, Self::AddedPartitions { .. })
    }

    /// Short name for tests.
    #[cfg(test)]
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Mismatch::Cluster { .. } => "cluster",
            Mismatch::Topic { .. } => "topic",
            Mismatch::Recreated { .. } => "recreated",
            Mismatch::AddedPartitions { .. } => "added_partitions",
            Mismatch::FewerPartitions { .. } => "fewer_partitions",
            Mismatch::Settings { .. } => "settings",
            Mismatch::PseudonymKey { .. } => "pseudonym_key",
            Mismatch::Retention { .. } => "retention",
            Mismatch::Truncated { .. } => "truncated",
            Mismatch::LastRecord { .. } => "last_record",
        }
    }
}

impl ExpectedHead {
    /// Returns all differences from `head`. The caller compares the last applied record itself
    /// ([`Mismatch::LastRecord`]).
    pub fn mismatches(&self, head: &Head) -> Vec<Mismatch> {
        let log = [self.cluster(head), self.topic(head), self.recreated(head)];
        let is_same_log = log.iter().all(Option::is_none);
        // Of another log, the number of partitions and the offsets mean nothing.
        let partitions = self.partitions(head).filter(|_| is_same_log);
        let dependencies = [partitions, self.settings(head), self.key(head)];
        let range = if is_same_log { [self.retention(head), self.truncated(head)] } else { [None, None] };
        log.into_iter().chain(dependencies).chain(range).flatten().collect()
    }

    fn cluster(&self, head: &Head) -> Option<Mismatch> {
        let (found, expected) = (head.cluster_id.clone()?, self.cluster_id.clone()?);
        (found != expected).then_some(Mismatch::Cluster { found, expected })
    }

    fn topic(&self, head: &Head) -> Option<Mismatch> {
        let differs = head.topic != self.topic;
        differs.then(|| Mismatch::Topic { found: head.topic.clone(), expected: self.topic.clone() })
    }

    /// `None` also for another topic, or one of another cluster, whose id says nothing.
    fn recreated(&self, head: &Head) -> Option<Mismatch> {
        if self.cluster(head).is_some() || self.topic(head).is_some() {
            return None;
        }
        let (found, expected) = (head.topic_id.clone()?, self.topic_id.clone()?);
        (found != expected).then(|| Mismatch::Recreated { topic: self.topic.clone(), found, expected })
    }

    fn partitions(&self, head: &Head) -> Option<Mismatch> {
        let (topic, found, expected) = (self.topic.clone(), head.partition_count, self.partition_count?);
        match expected.cmp(&found) {
            Ordering::Greater => Some(Mismatch::AddedPartitions { topic, found, expected }),
            Ordering::Less => Some(Mismatch::FewerPartitions { topic, found, expected }),
            Ordering::Equal => None,
        }
    }

    fn settings(&self, head: &Head) -> Option<Mismatch> {
        let mut keys: Vec<&String> = head.semantic_settings.keys().chain(self.semantic_settings.keys()).collect();
        keys.sort();
        keys.dedup();
        let found = |key: &str| head.semantic_settings.get(key).map(String::as_str).or_else(|| unnamed_setting(key));
        let changes = keys.into_iter().map(|key| SettingChange {
            key: key.clone(),
            found: found(key).map(str::to_owned),
            expected: self.semantic_settings.get(key).cloned(),
        });
        let changes: Vec<SettingChange> = changes.filter(|change| change.found != change.expected).collect();
        (!changes.is_empty()).then_some(Mismatch::Settings { changes })
    }

    fn key(&self, head: &Head) -> Option<Mismatch> {
        let differs = head.key_id != self.key_id;
        differs.then(|| Mismatch::PseudonymKey { found: head.key_id.clone(), expected: self.key_id.clone() })
    }

    fn retention(&self, head: &Head) -> Option<Mismatch> {
        let (next_offset, low) = (head.next_offset, self.low?);
        (low > next_offset).then(|| Mismatch::Retention { topic: self.topic.clone(), next_offset, low })
    }

    fn truncated(&self, head: &Head) -> Option<Mismatch> {
        let (next_offset, end) = (head.next_offset, self.end?);
        (end < next_offset).then(|| Mismatch::Truncated { topic: self.topic.clone(), next_offset, end })
    }
}
