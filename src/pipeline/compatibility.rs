//! Everything besides its log that a state depends on: written into the head of a checkpoint, and compared with it at
//! the next start.

use std::collections::BTreeMap;

use super::message::LogInfo;
use crate::aggregate::{PartitionState, Rules, ViewConfig};
use crate::allowlists::Allowlist;
use crate::checkpoint::{ExpectedHead, Head, LastRecord};
use crate::clock::Timestamp;
use crate::cuts::{Cut, CutOffset};
use crate::decode;
use crate::record::{PerStream, Stream, TopicPartition};
use crate::settings::OffsetRange;
use crate::source::TopicIds;
use crate::targets::Target;

/// Name of the cluster id among the settings of a cut.
pub(super) const CLUSTER_SETTING: &str = "kafka cluster";

/// Settings and key that a state depends on. A checkpoint holds them by name and as text, so that a mismatch can name
/// them.
#[derive(Debug, Clone)]
pub struct Compatibility {
    /// Rules of aggregation.
    pub rules: Rules,
    /// Settings of decoding.
    pub decode: decode::Settings,
    /// Offsets that are rejected without decoding.
    pub excluded: PerStream<Vec<OffsetRange>>,
    /// Id of the pseudonym key.
    pub key_id: String,
}

/// Cluster and topics that the logs are part of.
#[derive(Debug, Clone, Default)]
pub(super) struct ClusterInfo {
    /// Cluster id; `None` if the brokers did not report it.
    pub(super) cluster_id: Option<String>,
    pub(super) partition_counts: PerStream<usize>,
    /// Ids of the topics; `None` if the brokers did not report them.
    pub(super) topic_ids: TopicIds,
}

impl ClusterInfo {
    pub(super) fn partition_count(&self, stream: Stream) -> i32 {
        i32::try_from(self.partition_counts[stream]).unwrap_or(i32::MAX)
    }
}

impl Compatibility {
    /// Head that a checkpoint of this partition, up to `next_offset`, must match.
    pub(super) fn expected(&self, log: &LogInfo, cluster: &ClusterInfo, next_offset: i64) -> ExpectedHead {
        let stream = log.partition.stream;
        ExpectedHead {
            cluster_id: cluster.cluster_id.clone(),
            topic: log.partition.topic.clone(),
            topic_id: cluster.topic_ids[stream].clone(),
            partition_count: Some(cluster.partition_count(stream)),
            semantic_settings: self.semantic_settings(&log.partition, next_offset),
            key_id: self.key_id.clone(),
            low: Some(log.low),
            end: log.end,
        }
    }

    /// Head of a checkpoint of the present `state`.
    pub(super) fn head(
        &self,
        partition: &TopicPartition,
        state: &PartitionState,
        cluster: &ClusterInfo,
        labels: [u8; 16],
        last_record: Option<LastRecord>,
        built: Timestamp,
    ) -> Head {
        let next_offset = state.next_offset();
        Head {
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            sequence: 0,
            cluster_id: cluster.cluster_id.clone(),
            stream: partition.stream,
            topic: partition.topic.clone(),
            partition: partition.partition,
            partition_count: cluster.partition_count(partition.stream),
            semantic_settings: self.semantic_settings(partition, next_offset),
            key_id: self.key_id.clone(),
            labels,
            first_offset: state.first_offset(),
            next_offset,
            last_record,
            built,
            written: Timestamp::EPOCH,
            records: state.records(),
            pending_cuts: Vec::new(),
            first_timestamp: None,
            pending_until: Vec::new(),
            last_cut: None,
            topic_id: cluster.topic_ids[partition.stream].clone(),
            passed: None,
            provisional: Vec::new(),
        }
    }

    /// Settings that the figures of a cut with these ends depend on, and the fingerprints of all targets.
    pub(super) fn cut_settings(
        &self,
        offsets: &[CutOffset],
        cluster_id: Option<&str>,
        view_config: &ViewConfig,
    ) -> BTreeMap<String, String> {
        let ViewConfig { targets, allowlists } = view_config;
        let mut settings = BTreeMap::new();
        for offset in offsets {
            let Some(stream) = Stream::from_name(&offset.stream) else { continue };
            let CutOffset { topic, partition, next_offset, .. } = offset;
            let excluded = format!("streams.{}.exclude", stream.name());
            let partition = TopicPartition { stream, topic: topic.clone(), partition: *partition };
            for (name, value) in self.semantic_settings(&partition, *next_offset) {
                let is_of_partition = name == excluded;
                let name = if is_of_partition { format!("{name} (partition {})", partition.partition) } else { name };
                settings.insert(name, value);
            }
        }
        for (name, list) in [("labels.programmes", &allowlists.programmes), ("labels.states", &allowlists.states)] {
            let fingerprint = u128::from_be_bytes(labels_fingerprint([list]));
            settings.insert(name.to_owned(), format!("a list with fingerprint {fingerprint:032x}"));
        }
        let zone = allowlists.zone.iana_name().unwrap_or_default();
        settings.insert("programme.time_zone".to_owned(), zone.to_owned());
        settings.insert("pseudonym key".to_owned(), self.key_id.clone());
        settings.extend(cluster_id.map(|id| (CLUSTER_SETTING.to_owned(), id.to_owned())));
        let selection = |target: &Target| (Cut::target_setting(&target.name), target.selection().to_string());
        settings.extend(targets.targets.iter().map(selection));
        settings
    }

    /// Settings that the state of a partition up to `next_offset` depends on. Excluded offsets beyond it do not count
    /// yet.
    fn semantic_settings(&self, partition: &TopicPartition, next_offset: i64) -> BTreeMap<String, String> {
        let stream = partition.stream;
        let mut semantic_settings: BTreeMap<String, String> =
            self.rules.semantic_settings(stream).into_iter().collect();
        semantic_settings.extend(self.decode.semantic_settings().map(|(key, value)| (key.to_owned(), value)));
        let ranges = self.excluded[stream].iter();
        let read = ranges.filter(|range| range.partition == partition.partition && range.first_offset < next_offset);
        let mut read: Vec<_> = read.map(|range| (range.first_offset, range.last_offset.min(next_offset - 1))).collect();
        read.sort_unstable();
        if !read.is_empty() {
            let ranges: Vec<String> = read.into_iter().map(|(first, last)| format!("{first} to {last}")).collect();
            semantic_settings.insert(format!("streams.{}.exclude", stream.name()), ranges.join(", "));
        }
        semantic_settings
    }
}

/// Fingerprint of allowlists, which decide the labels of the counters.
pub(super) fn labels_fingerprint<'a>(lists: impl IntoIterator<Item = &'a Allowlist>) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for listed in lists {
        hasher.update(&(listed.count() as u64).to_le_bytes());
        for name in listed.names() {
            hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        }
    }
    *hasher.finalize().as_bytes().first_chunk().expect("32 bytes have a first half")
}
