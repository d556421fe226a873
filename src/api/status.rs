//! `/api/v1/status`: the process, its readiness, and every partition.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::{Millis, Timestamp};
use crate::record::{Outcome, Reason, Stream};
use crate::view::snapshot::{PartitionStatus, Snapshot};

/// Answer of `/api/v1/status`. Instants are milliseconds since the epoch.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct StatusResponse {
    /// Instant up to which each stream is complete; null until known.
    pub(crate) complete_until_ms: BTreeMap<Cow<'static, str>, Option<Timestamp>>,
    /// Reasons why the figures must not be relied on; empty when ready.
    pub(crate) not_ready: Vec<String>,
    /// Outage of the brokers; null while they answer.
    pub(crate) outage: Option<OutageEntry>,
    /// Position and counts of every partition.
    pub(crate) partitions: Vec<PartitionEntry>,
    /// True if the figures can be relied on, as `/readyz` says.
    pub(crate) ready: bool,
    /// Time at which the state behind the figures began to be built.
    pub(crate) state_built_ms: Timestamp,
    /// Time since the start of the process, in seconds.
    pub(crate) uptime_seconds: f64,
    /// Version of the program.
    pub(crate) version: Cow<'static, str>,
}

/// Begin and cause of an outage of the brokers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OutageEntry {
    /// Answer of the client, in a line.
    pub(crate) reason: String,
    /// Beginning of the outage.
    pub(crate) since_ms: Timestamp,
}

/// Position and counts of a partition.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PartitionEntry {
    /// Number of duplicates whose content differs from the first record.
    pub(crate) conflicts: u64,
    /// First offset of the state behind the figures.
    pub(crate) first_offset: i64,
    /// End of the log; null while it is unknown.
    pub(crate) high_watermark: Option<i64>,
    /// Number of offsets between the position and the end of the log; null while the end is unknown.
    pub(crate) lag: Option<i64>,
    /// Offset after the last record in the figures.
    pub(crate) next_offset: i64,
    /// Number of records with each outcome since the state began.
    pub(crate) outcomes: BTreeMap<Cow<'static, str>, u64>,
    /// Number of the partition.
    pub(crate) partition: i32,
    /// Next offset to apply, or the client's position beyond it.
    pub(crate) position: i64,
    /// Number of rejected records by reason since the state began.
    pub(crate) rejected: BTreeMap<Cow<'static, str>, u64>,
    /// True if there are records to read, but none arrive.
    pub(crate) stalled: bool,
    /// Name of the stream.
    pub(crate) stream: Cow<'static, str>,
    /// Topic of the stream.
    pub(crate) topic: String,
    /// Newest event time applied; null before the first.
    pub(crate) watermark_ms: Option<Timestamp>,
}

impl StatusResponse {
    /// Describes a snapshot at `now`; `uptime` is in milliseconds.
    pub(crate) fn new(snapshot: &Snapshot, now: Instant, version: &'static str, uptime: Millis) -> Self {
        let not_ready = snapshot.not_ready(now);
        let complete_until = Stream::ALL.map(|stream| (stream.name().into(), snapshot.complete_until[stream]));
        Self {
            complete_until_ms: BTreeMap::from(complete_until),
            ready: snapshot.has_figures() && not_ready.is_empty(),
            not_ready,
            outage: snapshot
                .outage
                .as_ref()
                .map(|outage| OutageEntry { reason: outage.reason.clone(), since_ms: outage.since }),
            partitions: snapshot.partitions.iter().map(PartitionEntry::new).collect(),
            state_built_ms: snapshot.built,
            uptime_seconds: uptime as f64 / 1_000.0,
            version: version.into(),
        }
    }
}

impl PartitionEntry {
    fn new(status: &PartitionStatus) -> Self {
        let counts = &status.view.counts;
        let outcomes = Outcome::ALL.map(|outcome| (outcome.name().into(), counts.outcomes[outcome as usize]));
        let rejected = Reason::ALL.map(|reason| (reason.name().into(), counts.rejected[reason as usize]));
        Self {
            conflicts: counts.conflicts,
            first_offset: status.view.first_offset,
            high_watermark: status.end,
            lag: status.lag,
            next_offset: status.view.next_offset,
            outcomes: BTreeMap::from(outcomes),
            partition: status.partition.partition,
            position: status.position,
            rejected: BTreeMap::from(rejected),
            stalled: status.stalled,
            stream: status.partition.stream.name().into(),
            topic: status.partition.topic.clone(),
            watermark_ms: status.view.watermark,
        }
    }
}
