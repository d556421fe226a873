//! `/api/v1/status`: the process, its readiness, and every partition.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use crate::clock::{Millis, Timestamp};
use crate::record::{Outcome, Reason, Stream};
use crate::view::snapshot::{PartitionStatus, Snapshot};

/// Answer of `/api/v1/status`. Instants are milliseconds since the epoch.
#[derive(Debug, Serialize)]
pub(crate) struct StatusResponse {
    complete_until_ms: BTreeMap<&'static str, Option<Timestamp>>,
    /// Reasons why the figures must not be relied on; empty when ready.
    not_ready: Vec<String>,
    /// Outage of the brokers; null while they answer.
    outage: Option<OutageEntry>,
    partitions: Vec<PartitionEntry>,
    ready: bool,
    state_built_ms: Timestamp,
    uptime_seconds: f64,
    version: &'static str,
}

/// Begin and cause of an outage of the brokers.
#[derive(Debug, Serialize)]
struct OutageEntry {
    reason: String,
    since_ms: Timestamp,
}

/// Position and counts of a partition.
#[derive(Debug, Serialize)]
struct PartitionEntry {
    conflicts: u64,
    first_offset: i64,
    high_watermark: Option<i64>,
    lag: Option<i64>,
    next_offset: i64,
    outcomes: BTreeMap<&'static str, u64>,
    partition: i32,
    position: i64,
    rejected: BTreeMap<&'static str, u64>,
    stalled: bool,
    stream: &'static str,
    topic: String,
    watermark_ms: Option<Timestamp>,
}

impl StatusResponse {
    /// Describes a snapshot at `now`; `uptime` is in milliseconds.
    pub(crate) fn new(snapshot: &Snapshot, now: Instant, version: &'static str, uptime: Millis) -> Self {
        let not_ready = snapshot.not_ready(now);
        let complete_until = Stream::ALL.map(|stream| (stream.name(), snapshot.complete_until[stream]));
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
            version,
        }
    }
}

impl PartitionEntry {
    fn new(status: &PartitionStatus) -> Self {
        let counts = &status.view.counts;
        let outcomes = Outcome::ALL.map(|outcome| (outcome.name(), counts.outcomes[outcome as usize]));
        let rejected = Reason::ALL.map(|reason| (reason.name(), counts.rejected[reason as usize]));
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
            stream: status.partition.stream.name(),
            topic: status.partition.topic.clone(),
            watermark_ms: status.view.watermark,
        }
    }
}
