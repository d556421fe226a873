//! `/api/v1/status`: the process, its readiness, and every partition.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::clock::{Millis, Timestamp};
use crate::record::{Outcome, Reason, Stream};
use crate::view::snapshot::{PartitionStatus, Snapshot};

/// Answer of `/api/v1/status`. Instants are milliseconds since the epoch.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StatusResponse {
    pub(crate) complete_until_ms: BTreeMap<Cow<'static, str>, Option<Timestamp>>,
    /// Reasons why the figures must not be relied on; empty when ready.
    pub(crate) not_ready: Vec<String>,
    /// Outage of the brokers; null while they answer.
    pub(crate) outage: Option<OutageEntry>,
    pub(crate) partitions: Vec<PartitionEntry>,
    pub(crate) ready: bool,
    pub(crate) state_built_ms: Timestamp,
    pub(crate) uptime_seconds: f64,
    pub(crate) version: Cow<'static, str>,
}

/// Begin and cause of an outage of the brokers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OutageEntry {
    pub(crate) reason: String,
    pub(crate) since_ms: Timestamp,
}

/// Position and counts of a partition.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PartitionEntry {
    pub(crate) conflicts: u64,
    pub(crate) first_offset: i64,
    pub(crate) high_watermark: Option<i64>,
    pub(crate) lag: Option<i64>,
    pub(crate) next_offset: i64,
    pub(crate) outcomes: BTreeMap<Cow<'static, str>, u64>,
    pub(crate) partition: i32,
    pub(crate) position: i64,
    pub(crate) rejected: BTreeMap<Cow<'static, str>, u64>,
    pub(crate) stalled: bool,
    pub(crate) stream: Cow<'static, str>,
    pub(crate) topic: String,
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
