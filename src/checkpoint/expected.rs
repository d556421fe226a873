//! Whether a checkpoint fits what there is now: the log, the settings, the key.

use std::collections::BTreeMap;

use super::head::Head;
use crate::aggregate::unnamed_setting;

/// What the head of a checkpoint is held against. What is not known (none) is not compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedHead {
    pub cluster_id: Option<String>,
    pub topic: String,
    pub partition_count: Option<i32>,
    /// See [`Head::semantic_settings`].
    pub semantic_settings: BTreeMap<String, String>,
    pub key_id: String,
    /// The first offset that the log still has.
    pub low: Option<i64>,
    /// The offset after the last record.
    pub end: Option<i64>,
}

/// Why a whole checkpoint must not be gone on from: what was found, what was expected, what can be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error(
        "the state is of kafka cluster {found}, the brokers are of cluster {expected}; point kafka.bootstrap_servers to the right cluster, or \
         move the state directory away to begin anew (or run `pacemeter state rebuild`)"
    )]
    Cluster { found: String, expected: String },
    #[error(
        "the state is of topic {found}, the settings name topic {expected}; name the right topic, or move the state directory away to begin \
         anew (or run `pacemeter state rebuild`)"
    )]
    Topic { found: String, expected: String },
    #[error(
        "the state was built when topic {topic} had {found} partitions, now it has {expected}; keys have moved between partitions, so run \
         `pacemeter state rebuild` to count from the beginning of the log"
    )]
    PartitionCount { topic: String, found: i32, expected: i32 },
    #[error(
        "the state was built under other settings: {}; set them back, or run `pacemeter state rebuild` to count anew under the new ones",
        listed(changes)
    )]
    Settings { changes: Vec<SettingChange> },
    #[error(
        "the state was built with pseudonym key {found}, the key file holds key {expected}; put the old key file back, or run `pacemeter state \
         rebuild` to count anew under the new one"
    )]
    PseudonymKey { found: String, expected: String },
    #[error(
        "the state goes up to offset {next_offset}, the log of topic {topic} begins at offset {low}: the topic's retention has passed the state, \
         and up to {} records are lost for good; `pacemeter state rebuild` counts what is left", low - next_offset
    )]
    Retention { topic: String, next_offset: i64, low: i64 },
    #[error(
        "the state goes up to offset {next_offset}, the log of topic {topic} ends at offset {end}: the log was truncated or the topic made anew; \
         point to the right cluster, or run `pacemeter state rebuild` to count what is there"
    )]
    Truncated { topic: String, next_offset: i64, end: i64 },
    #[error(
        "the record at offset {offset} of topic {topic} is not the one that the state took last: the log was truncated or the topic made anew; \
         point to the right cluster, or run `pacemeter state rebuild` to count what is there"
    )]
    LastRecord { topic: String, offset: i64 },
}

/// A setting by its key; none where there was, or is, none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChange {
    pub key: String,
    pub found: Option<String>,
    pub expected: Option<String>,
}

fn listed(changes: &[SettingChange]) -> String {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
    let told = |change: &SettingChange| {
        format!("{} was {} and is {}", change.key, shown(&change.found), shown(&change.expected))
    };
    changes.iter().map(told).collect::<Vec<_>>().join(", ")
}

impl Mismatch {
    /// Its kind, as a label.
    pub fn kind(&self) -> &'static str {
        match self {
            Mismatch::Cluster { .. } => "cluster",
            Mismatch::Topic { .. } => "topic",
            Mismatch::PartitionCount { .. } => "partition_count",
            Mismatch::Settings { .. } => "settings",
            Mismatch::PseudonymKey { .. } => "pseudonym_key",
            Mismatch::Retention { .. } => "retention",
            Mismatch::Truncated { .. } => "truncated",
            Mismatch::LastRecord { .. } => "tail",
        }
    }
}

impl ExpectedHead {
    /// Everything in which `head` differs. The record at its tail is for the caller to look at: [`Mismatch::LastRecord`].
    pub fn mismatches(&self, head: &Head) -> Vec<Mismatch> {
        let offsets_are_of_this_log = self.cluster(head).is_none() && self.topic_of(head).is_none();
        let told =
            [self.cluster(head), self.topic_of(head), self.partitions(head), self.settings(head), self.key(head)];
        // Offsets of another log say nothing.
        let range = if offsets_are_of_this_log { [self.retention(head), self.truncated(head)] } else { [None, None] };
        told.into_iter().chain(range).flatten().collect()
    }

    fn cluster(&self, head: &Head) -> Option<Mismatch> {
        let (found, expected) = (head.cluster_id.clone()?, self.cluster_id.clone()?);
        (found != expected).then_some(Mismatch::Cluster { found, expected })
    }

    fn topic_of(&self, head: &Head) -> Option<Mismatch> {
        let differs = head.topic != self.topic;
        differs.then(|| Mismatch::Topic { found: head.topic.clone(), expected: self.topic.clone() })
    }

    fn partitions(&self, head: &Head) -> Option<Mismatch> {
        let (found, expected) = (head.partition_count, self.partition_count?);
        (found != expected).then(|| Mismatch::PartitionCount { topic: self.topic.clone(), found, expected })
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
