//! Settings of everything that talks to Kafka.

use crate::record::{PerStream, Stream};
use std::collections::BTreeMap;
use std::time::Duration;

/// How to reach Kafka and what to read there. Holds secrets, so it has no `Debug`.
#[derive(Clone)]
pub struct Settings {
    pub bootstrap_servers: String,
    pub group_id: String,
    /// Passed on to librdkafka; may hold secrets.
    pub properties: BTreeMap<String, String>,
    pub topics: PerStream<String>,
    /// Retention shorter than this is warned of.
    pub horizons: PerStream<Duration>,
    /// The longest wait for an answer to one request.
    pub request_timeout: Duration,
    pub end_offset_interval: Duration,
    pub commit_interval: Duration,
    pub stall_timeout: Duration,
    /// The most records in a batch.
    pub batch_records: usize,
    pub accept_compacted_topics: bool,
    pub accept_unbounded_timestamps: bool,
    pub accept_unverified_topics: bool,
    pub dead_letter: DeadLetterSettings,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterSettings {
    pub enabled: bool,
    pub topic: String,
    /// Records that may wait for the broker's acknowledgement.
    pub max_in_flight: u32,
}

impl Settings {
    pub fn topic(&self, stream: Stream) -> &str {
        &self.topics[stream]
    }

    pub fn horizon(&self, stream: Stream) -> Duration {
        self.horizons[stream]
    }
}
