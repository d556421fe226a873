//! Settings of everything that talks to Kafka.

use crate::record::{PerStream, Stream};
use crate::settings::redacted_text;
use std::collections::BTreeMap;
use std::time::Duration;

/// Settings under `kafka`, `streams` and `dead_letter`. Holds secrets, so it has no `Debug`.
#[derive(Clone)]
pub struct Settings {
    /// `kafka.bootstrap_servers`: addresses of brokers, separated by commas. Printed as
    /// [`Settings::shown_servers`].
    pub bootstrap_servers: String,
    /// `kafka.group_id`: group under which offsets are committed; partitions are not assigned by it.
    pub group_id: String,
    /// `kafka.properties` and those of `kafka.properties_files`: passed on to librdkafka; may hold secrets.
    pub properties: BTreeMap<String, String>,
    /// File and line of each property that is in a file of `kafka.properties_files`.
    pub(crate) property_origins: BTreeMap<String, String>,
    /// `streams.<stream>.topic`.
    pub topics: PerStream<String>,
    /// `streams.<stream>.horizon`: shorter retention of the topic is a warning.
    pub horizons: PerStream<Duration>,
    /// Maximum wait for the answer to one request.
    pub request_timeout: Duration,
    /// Time between two queries of all end offsets.
    pub end_offset_interval: Duration,
    /// Time between two commits of offsets.
    pub commit_interval: Duration,
    /// Time without progress after which a partition with unread records is stalled.
    pub stall_timeout: Duration,
    /// Maximum number of records in a batch.
    pub batch_records: usize,
    /// Accepts input topics that are compacted (spec/events.md#refused-topics).
    pub accept_compacted_topics: bool,
    /// Accepts input topics whose producers may stamp records far ahead of the broker's clock.
    pub accept_unbounded_timestamps: bool,
    /// Accepts input topics whose configuration the broker does not show.
    pub accept_unverified_topics: bool,
    /// Settings of dead letters.
    pub dead_letter: DeadLetterSettings,
}

/// Settings under `dead_letter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterSettings {
    /// True if dead letters are written.
    pub enabled: bool,
    /// Topic that they are written to.
    pub topic: String,
    /// Maximum number of dead letters that wait for the broker's acknowledgement.
    pub max_in_flight: u32,
    /// Maximum size of these dead letters, in bytes.
    pub max_in_flight_bytes: u64,
}

impl Settings {
    /// `kafka.bootstrap_servers` for people. Credentials in it are refused, and redacted wherever they could be seen.
    pub fn shown_servers(&self) -> &str {
        redacted_text(&self.bootstrap_servers)
    }

    /// Topic of a stream.
    pub fn topic(&self, stream: Stream) -> &str {
        &self.topics[stream]
    }

    /// Horizon of a stream (spec/figures.md#horizons).
    pub fn horizon(&self, stream: Stream) -> Duration {
        self.horizons[stream]
    }
}
