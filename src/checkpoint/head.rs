//! What a checkpoint says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::record::Stream;
use crate::view::cut::PartitionCut;

use super::container;
use super::damage::Damage;
use super::names::PartitionDir;

/// Which state it is, of which log, and what it depends on. Its fields and their order are part of the format: a change is a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version of the program, for people.
    pub written_by: String,
    /// Counts the checkpoints of a partition. Set by the writer.
    pub sequence: u64,
    /// As the brokers tell it; none if they did not.
    pub cluster_id: Option<String>,
    #[serde(with = "stream")]
    pub stream: Stream,
    pub topic: String,
    pub partition: i32,
    /// Of the topic.
    pub partition_count: i32,
    /// Every setting that the meaning of state depends on, as text, by its key (`streams.disbursement.horizon`: `92d`).
    pub semantic_settings: BTreeMap<String, String>,
    /// Names the pseudonym key without telling anything of it.
    pub key_id: String,
    /// A fingerprint of the allowlists. They change no state; but where they differ, counters may have moved from one label to another.
    pub labels: [u8; 16],
    /// The offset at which this state began.
    pub first_offset: i64,
    /// The first offset that is not in it.
    pub next_offset: i64,
    /// None if there is no record in it.
    pub last_record: Option<LastRecord>,
    /// When this state was begun to be built from its first offset.
    pub built: Millis,
    /// When the image was begun.
    pub written: Millis,
    /// How many were taken since `first_offset`.
    pub records: u64,
    /// What the partition has of cuts that were not stored yet, by their instants. Since version 2.
    pub parts: Vec<(Millis, PartitionCut)>,
}

/// The last record taken: by it a log is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRecord {
    pub offset: i64,
    /// As Kafka gave it.
    pub timestamp: Option<Millis>,
    pub hash: [u8; 16],
}

impl Head {
    /// As a file of this version has it.
    pub(super) fn parse(mut bytes: Vec<u8>, version: u32) -> Result<Self, Damage> {
        if version == 1 {
            // Version 2 added a list at the end; an empty one is a length of 0.
            bytes.push(0);
        }
        container::parse(&bytes, "head")
    }

    pub fn dir(&self) -> PartitionDir {
        PartitionDir { stream: self.stream, partition: self.partition }
    }
}

/// A stream by its name.
mod stream {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::record::Stream;

    pub(super) fn serialize<S: Serializer>(stream: &Stream, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(stream.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Stream, D::Error> {
        let name = <&str>::deserialize(deserializer)?;
        Stream::from_name(name).ok_or_else(|| D::Error::custom("no stream"))
    }
}
