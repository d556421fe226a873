//! Progress of the process.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::record::{Outcome, Reason};
use crate::view::snapshot::Snapshot;

/// Progress of the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct HealthNow {
    /// Records read in a second, over the last ten seconds; null at first.
    pub(crate) records_per_second: Option<f64>,
    /// Number of offsets between the positions and the ends of the logs; null while an end is unknown.
    pub(crate) lag_records: Option<i64>,
    /// Number of partitions.
    pub(crate) partitions: usize,
    /// Number of partitions with records that do not arrive, or without their topic.
    pub(crate) stalled_partitions: usize,
    /// Number of records with each outcome since the state began, over all streams.
    pub(crate) outcomes: BTreeMap<String, u64>,
    /// Rejected records since the state began.
    pub(crate) rejected: Vec<RejectedNow>,
    /// Age of the oldest record that no checkpoint covers, in milliseconds.
    pub(crate) checkpoint_age_ms: Millis,
    /// Number of rejected or expired records that could not be written to the dead-letter topic.
    pub(crate) dead_letters_failed: u64,
}

/// Rejected records of a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RejectedNow {
    /// Name of the stream.
    pub(crate) stream: String,
    /// Reason of the rejection.
    pub(crate) reason: String,
    /// Number of records.
    pub(crate) count: u64,
}

pub(super) fn describe(snapshot: &Snapshot) -> HealthNow {
    let records = &snapshot.merged.records;
    let outcome = |outcome: Outcome| {
        let count = records.iter().map(|(_, counts)| counts.outcomes[outcome as usize]).sum();
        (outcome.name().to_owned(), count)
    };
    let rejected = records.iter().flat_map(|(stream, counts)| {
        let counts = Reason::ALL.into_iter().map(|reason| (reason, counts.rejected[reason as usize]));
        counts.filter(|(_, count)| *count > 0).map(move |(reason, count)| RejectedNow {
            stream: stream.name().to_owned(),
            reason: reason.name().to_owned(),
            count,
        })
    });
    HealthNow {
        records_per_second: snapshot.publication.records_per_second,
        lag_records: snapshot.partitions.iter().map(|partition| partition.lag).sum(),
        partitions: snapshot.partitions.len(),
        stalled_partitions: snapshot.partitions.iter().filter(|status| status.stalled || status.missing).count(),
        outcomes: Outcome::ALL.into_iter().map(outcome).collect(),
        rejected: rejected.collect(),
        checkpoint_age_ms: snapshot.publication.unsaved_ms,
        dead_letters_failed: snapshot.publication.dead_letters_failed,
    }
}
