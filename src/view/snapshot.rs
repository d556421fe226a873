//! Where the pipeline shows what readers see. A reader takes the newest snapshot and never waits for, nor slows, the pipeline.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::PartitionView;
use super::closed_periods::ClosedPeriods;
use crate::clock::Millis;
use crate::record::PerStream;
use crate::record::TopicPartition;
use crate::targets::Targets;

/// What the pipeline last published.
#[derive(Debug)]
pub struct SnapshotPublisher(ArcSwap<Snapshot>);

/// Everything a reader sees, of one instant.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub phase: Phase,
    pub partitions: Vec<PartitionStatus>,
    /// By [`Stream`].
    pub complete_until: PerStream<Option<Millis>>,
    /// When the state was begun to be built that the figures come from.
    pub built: Millis,
    /// Those that the views' tallies are of.
    pub targets: Arc<Targets>,
    /// The periods that have closed.
    pub closed_periods: Arc<ClosedPeriods>,
}

/// How far the pipeline is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is read yet, and why.
    Starting(String),
    /// Records up to the end asked for after the start are still being read: this many of this many.
    Replaying { read: u64, total: u64 },
    /// The figures are there.
    Live,
}

/// Of one partition.
#[derive(Debug, Clone)]
pub struct PartitionStatus {
    pub partition: TopicPartition,
    /// The next offset to apply, or the client's position beyond it.
    pub position: i64,
    /// The high watermark, as last asked for. Open transactions hold the figures back from it.
    pub end: Option<i64>,
    pub lag: Option<i64>,
    /// It has something to read, and yields nothing.
    pub stalled: bool,
    /// Its topic is not there.
    pub missing: bool,
    pub view: Arc<PartitionView>,
}

impl SnapshotPublisher {
    pub fn new(built: Millis, targets: Arc<Targets>) -> Self {
        let phase = Phase::Starting("the pipeline is starting".to_owned());
        Self(ArcSwap::from_pointee(Snapshot {
            phase,
            partitions: Vec::new(),
            complete_until: PerStream::default(),
            built,
            targets,
            closed_periods: Arc::default(),
        }))
    }

    pub fn publish(&self, snapshot: Snapshot) {
        self.0.store(Arc::new(snapshot));
    }

    pub fn newest(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }
}

impl Snapshot {
    /// Whether business families are exposed: once there, they stay.
    pub fn has_figures(&self) -> bool {
        self.phase == Phase::Live
    }

    /// Why the figures are not to be relied on, if so.
    pub fn not_ready(&self) -> Vec<String> {
        match &self.phase {
            Phase::Starting(reason) => vec![reason.clone()],
            Phase::Replaying { read, total } if read >= total => {
                vec!["waiting for the ends of the logs, and the last record of each".to_owned()]
            }
            Phase::Replaying { read, total } => vec![format!("replaying the log: {read} of {total} records read")],
            Phase::Live => {
                let told = |status: &PartitionStatus| {
                    let what = if status.missing { "is not there" } else { "is stalled" };
                    format!("{} partition {} {what}", status.partition.topic, status.partition.partition)
                };
                self.partitions.iter().filter(|status| status.stalled || status.missing).map(told).collect()
            }
        }
    }
}
