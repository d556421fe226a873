//! The head of a checkpoint: what it says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::record::Stream;
use crate::view::cut::PartitionCut;

use super::container;
use super::damage::Damage;
use super::names::PartitionDir;

/// The head of a checkpoint: which state it holds, of which log, and what that state depends on.
///
/// The fields and their order are part of the format: a change needs a new format version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Version of the program that wrote it, for people.
    pub written_by: String,
    /// Sequence number of the checkpoint among those of its partition.
    pub sequence: u64,
    /// Cluster id that the brokers reported; `None` if they did not.
    pub cluster_id: Option<String>,
    /// Stream of the topic.
    #[serde(with = "stream")]
    pub stream: Stream,
    /// Topic that the state was built from.
    pub topic: String,
    /// Partition of the topic.
    pub partition: i32,
    /// Number of partitions of the topic.
    pub partition_count: i32,
    /// Every setting that state depends on, as text by its key (`streams.disbursement.horizon`: `92d`), so that a
    /// mismatch can name it.
    pub semantic_settings: BTreeMap<String, String>,
    /// Identifies the pseudonym key without revealing it.
    pub key_id: String,
    /// Fingerprint of the allowlists. They change no state, but if they differ, counters may have moved from one label
    /// to another.
    pub labels: [u8; 16],
    /// Offset at which the state began.
    pub first_offset: i64,
    /// First offset that is not part of the state.
    pub next_offset: i64,
    /// Last applied record; `None` if the state has none.
    pub last_record: Option<LastRecord>,
    /// Instant when building the state from `first_offset` began.
    pub built: Timestamp,
    /// Instant when the image began.
    pub written: Timestamp,
    /// Number of records applied since `first_offset`.
    pub records: u64,
    /// The partition's share of each cut that is not stored yet, by the cut's instant. Since format version 2.
    pub pending_cuts: Vec<(Timestamp, PartitionCut)>,
    /// Latest instant that was over when the first record of the state was written: the partition has no share of earlier
    /// cuts. `None` without a record. Since format version 3.
    pub first_timestamp: Option<Timestamp>,
    /// Last cut for which each of `pending_cuts` stands, as nothing changes between; empty if each stands for its own
    /// alone. Since format version 4.
    pub pending_until: Vec<Timestamp>,
    /// Cut that was stored last; `None` before the first. Since format version 5.
    pub last_cut: Option<LastCut>,
    /// Id that Kafka gave the topic, which a topic of the same name made later does not have; `None` if the brokers did
    /// not report it. Since format version 5.
    pub topic_id: Option<String>,
    /// Instant before which the partition has passed all cuts; `None` without a record. Since format version 6.
    pub passed: Option<Timestamp>,
    /// True for each of `pending_cuts` that a late record may belong to; empty if none is. Since format version 6.
    pub provisional: Vec<bool>,
}

/// Stored cut that a checkpoint names. A list of cuts without it has lost cuts, or is an older copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCut {
    /// Id of the cut.
    pub id: String,
    /// Keyed hash over the cut and the one before, in hexadecimal digits.
    pub hash: String,
}

/// The last applied record. A log that has another record at its offset is another log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRecord {
    /// Offset in the partition.
    pub offset: i64,
    /// Timestamp that Kafka has for it.
    pub timestamp: Option<Timestamp>,
    /// Keyed hash of key and value.
    pub hash: [u8; 16],
}

/// First fields of a [`Head`], up to the id of the key.
#[derive(Deserialize)]
#[expect(dead_code, reason = "fields before the key are part of the format")]
struct HeadStart<'a> {
    written_by: &'a str,
    sequence: u64,
    cluster_id: Option<&'a str>,
    stream: &'a str,
    topic: &'a str,
    partition: i32,
    partition_count: i32,
    semantic_settings: Vec<(&'a str, &'a str)>,
    key_id: &'a str,
}

/// Maximum length of a key id, which is of hexadecimal digits (bytes).
const MAX_KEY_ID_BYTES: usize = 64;

/// Returns the key id in the first bytes of a head that is not proven; `None` if they have none.
pub(super) fn unproven_key_id(bytes: &[u8]) -> Option<&str> {
    let (start, _) = postcard::take_from_bytes::<HeadStart<'_>>(bytes).ok()?;
    let is_id = |id: &&str| id.len() <= MAX_KEY_ID_BYTES && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    Some(start.key_id).filter(is_id)
}

impl Head {
    /// Decodes the head of a file of this format version.
    pub(super) fn decode(mut bytes: Vec<u8>, version: u32) -> Result<Self, Damage> {
        // Version 2 appended `pending_cuts`, version 3 `first_timestamp`, version 4 `pending_until`, version 5 `last_cut`
        // and `topic_id`, version 6 `passed` and `provisional`; an empty list and `None` are encoded as 0.
        let missing = [0, 7, 6, 5, 4, 2].get(version as usize).copied().unwrap_or(0);
        bytes.resize(bytes.len() + missing, 0);
        container::decode(&bytes, "head")
    }

    /// Returns the stream and partition that the checkpoint belongs to.
    pub fn dir(&self) -> PartitionDir {
        PartitionDir { stream: self.stream, partition: self.partition }
    }
}

/// Encodes a stream as its name.
mod stream {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::record::Stream;

    pub(super) fn serialize<S: Serializer>(stream: &Stream, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(stream.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Stream, D::Error> {
        let name = <&str>::deserialize(deserializer)?;
        Stream::from_name(name).ok_or_else(|| D::Error::custom("unknown stream"))
    }
}
