//! The snapshot as JSON, for `/api/v1/status`.

use serde_json::{Value, json};

use super::snapshot::Snapshot;
use crate::clock::Millis;
use crate::record::{Outcome, Reason, Stream};

/// Version, uptime and readiness of the process, and of each partition position, end, lag, watermark and outcomes. Times are
/// milliseconds since the epoch.
pub fn status(snapshot: &Snapshot, version: &str, uptime: Millis) -> Value {
    let not_ready = snapshot.not_ready();
    let partitions = snapshot.partitions.iter().map(|status| {
        let counts = &status.view.counts;
        let outcomes =
            Outcome::ALL.map(|outcome| (outcome.name().to_owned(), counts.outcomes[outcome as usize].into()));
        let rejected = Reason::ALL.map(|reason| (reason.name().to_owned(), counts.rejected[reason as usize].into()));
        json!({
            "stream": status.partition.stream.name(),
            "topic": status.partition.topic,
            "partition": status.partition.partition,
            "first_offset": status.view.first_offset,
            "next_offset": status.view.next_offset,
            "position": status.position,
            "high_watermark": status.end,
            "lag": status.lag,
            "stalled": status.stalled,
            "watermark_ms": status.view.watermark,
            "outcomes": serde_json::Map::from_iter(outcomes),
            "rejected": serde_json::Map::from_iter(rejected),
            "conflicts": counts.conflicts,
        })
    });
    let complete_until = Stream::ALL.map(|stream| (stream.name().to_owned(), snapshot.complete_until[stream].into()));
    json!({
        "version": version,
        "uptime_seconds": uptime as f64 / 1_000.0,
        "ready": snapshot.has_figures() && not_ready.is_empty(),
        "not_ready": not_ready,
        "state_built_ms": snapshot.built,
        "complete_until_ms": serde_json::Map::from_iter(complete_until),
        "partitions": partitions.collect::<Vec<_>>(),
    })
}
