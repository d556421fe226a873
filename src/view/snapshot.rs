//! Publication of snapshots. A reader loads the newest one; it neither waits for the pipeline nor delays it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::PartitionView;
use super::closed_periods::ClosedPeriods;
use super::held_statuses::HeldStatuses;
use super::merged::MergedView;
use crate::clock::{Clock, Millis, Timestamp};
use crate::record::{PerStream, TopicPartition};
use crate::targets::Targets;

/// Time by which the next snapshot may be late. After that nobody can say whether the figures are current.
pub const MAX_SNAPSHOT_DELAY: Duration = Duration::from_secs(10);

/// Newest snapshot that the pipeline has published.
#[derive(Debug)]
pub struct SnapshotPublisher(ArcSwap<Snapshot>);

/// Everything that readers see, as of one instant.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Progress of the pipeline.
    pub phase: Phase,
    /// Assigned partitions of all streams.
    pub partitions: Vec<PartitionStatus>,
    /// Views of the partitions, added up; of none before [`Phase::Live`].
    pub merged: MergedView,
    /// Topics with more partitions than are read.
    pub outgrown: Vec<OutgrownTopic>,
    /// Outage of the brokers; `None` while they answer.
    pub outage: Option<BrokerOutage>,
    /// Instant up to which the figures of a stream are complete; `None` while unknown.
    pub complete_until: PerStream<Option<Timestamp>>,
    /// Instant when the build of the state began. Milliseconds since the epoch.
    pub built: Timestamp,
    /// Targets that the tallies of the views belong to.
    pub targets: Arc<Targets>,
    /// Closed periods with their results.
    pub closed_periods: Arc<ClosedPeriods>,
    /// Instant of the oldest cut that is not stored; `None` before the first record.
    pub due_cut: Option<Timestamp>,
    /// Time at which the next snapshot is due.
    pub due: Instant,
    /// Revision, instant, and what else is known of the publication.
    pub publication: Publication,
}

/// Facts of one publication.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Number of the publication since the start of the process.
    pub revision: u64,
    /// Instant of the publication.
    pub at: Timestamp,
    /// Start of the process.
    pub process_started: Timestamp,
    /// Beginning of the phase.
    pub phase_since: Timestamp,
    /// Instant from which on some partition has been stalled or missing; `None` if none is.
    pub stalled_since: Option<Timestamp>,
    /// Records read in a second of the machine's time, of late; `None` at first.
    pub records_per_second: Option<f64>,
    /// Age of the oldest record that no checkpoint covers.
    pub unsaved_ms: Millis,
    /// Number of dead letters that failed permanently.
    pub dead_letters_failed: u64,
    /// Statuses of the targets as shown.
    pub statuses: HeldStatuses,
}

impl Publication {
    /// Publication before any other, at the start of the process.
    pub fn first(at: Timestamp) -> Self {
        Self {
            revision: 0,
            at,
            process_started: at,
            phase_since: at,
            stalled_since: None,
            records_per_second: None,
            unsaved_ms: 0,
            dead_letters_failed: 0,
            statuses: HeldStatuses::default(),
        }
    }
}

/// Progress of the pipeline from start to live figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has been read yet, for this reason.
    Starting(String),
    /// Reading the records up to the end offsets of the start.
    Replaying {
        /// Number of records read.
        read: u64,
        /// Number of records to read.
        total: u64,
    },
    /// Figures are exposed.
    Live,
}

/// Status of one partition, with its figures.
#[derive(Debug, Clone)]
pub struct PartitionStatus {
    /// Topic and partition.
    pub partition: TopicPartition,
    /// Next offset to apply, or the client's position beyond it.
    pub position: i64,
    /// Last known high watermark. Records of open transactions are counted in it, but not read yet.
    pub end: Option<i64>,
    /// Number of offsets between position and end; `None` while the end is unknown.
    pub lag: Option<i64>,
    /// True if there are records to read, but none arrive.
    pub stalled: bool,
    /// True if the topic does not exist.
    pub missing: bool,
    /// Figures of the partition.
    pub view: Arc<PartitionView>,
}

/// A topic to which partitions were added while it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgrownTopic {
    /// Name of the topic.
    pub topic: String,
    /// Number of partitions that are read.
    pub read: usize,
    /// Number of partitions that it has.
    pub found: usize,
}

/// A time in which brokers do not report the end offsets of all partitions, so that nobody knows what is still to be
/// read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerOutage {
    /// Time of the first query without a complete answer.
    pub since: Timestamp,
    /// Cause, with a remedy where one is known.
    pub reason: String,
}

/// Reason why the figures must not be relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotReady {
    /// Kind of the reason.
    pub kind: NotReadyKind,
    /// Reason in words for operators.
    pub text: String,
}

/// Kind of a reason why the figures must not be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReadyKind {
    /// Nothing has been read yet.
    Starting,
    /// Records of before the start are being read.
    Replaying,
    /// The pipeline does not publish.
    Overdue,
    /// A partition has records that do not arrive, or its topic is missing.
    Stalled,
    /// A topic has partitions that are not read.
    Unread,
}

impl NotReadyKind {
    /// Kinds, the gravest first.
    pub const ALL: [Self; 5] = [Self::Starting, Self::Replaying, Self::Overdue, Self::Stalled, Self::Unread];
}

impl fmt::Display for BrokerOutage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "brokers have not answered since {}: {}", self.since, self.reason)
    }
}

impl SnapshotPublisher {
    /// Publishes an empty snapshot in phase [`Phase::Starting`].
    pub fn new(built: Timestamp, targets: Arc<Targets>, due: Instant) -> Self {
        let phase = Phase::Starting("the pipeline is starting".to_owned());
        Self(ArcSwap::from_pointee(Snapshot {
            phase,
            partitions: Vec::new(),
            merged: MergedView::default(),
            outgrown: Vec::new(),
            outage: None,
            complete_until: PerStream::default(),
            built,
            targets,
            closed_periods: Arc::default(),
            due_cut: None,
            due,
            publication: Publication::first(built),
        }))
    }

    /// Replaces the newest snapshot.
    pub fn publish(&self, snapshot: Snapshot) {
        self.0.store(Arc::new(snapshot));
    }

    /// Returns the newest snapshot.
    pub fn newest(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }
}

impl Snapshot {
    /// Instant for which readers evaluate the figures: that of the publication, so that all answers of a revision agree.
    /// Once the next publication is overdue, the clock's.
    pub fn evaluated_at(&self, clock: &Clock) -> Timestamp {
        if self.is_overdue(clock.instant()) { clock.now() } else { self.publication.at }
    }

    /// True if the pipeline has not published for too long.
    pub fn is_overdue(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.due) >= MAX_SNAPSHOT_DELAY
    }

    /// True if business metrics are exposed. Once exposed they stay so.
    pub fn has_figures(&self) -> bool {
        self.phase == Phase::Live
    }

    /// True if the figures can be relied on at `now`.
    pub fn is_ready(&self, now: Instant) -> bool {
        self.has_figures() && self.not_ready(now).is_empty()
    }

    /// Reasons why the figures must not be relied on at `now`; empty if ready.
    ///
    /// An outage is none: the figures are exact up to "complete until", which stands still.
    pub fn not_ready(&self, now: Instant) -> Vec<String> {
        self.reasons(now).into_iter().map(|reason| reason.text).collect()
    }

    /// Reasons like [`Self::not_ready`], with their kinds.
    pub fn reasons(&self, now: Instant) -> Vec<NotReady> {
        let reason = |kind, text: String| NotReady { kind, text };
        match &self.phase {
            Phase::Starting(text) => vec![reason(NotReadyKind::Starting, text.clone())],
            Phase::Replaying { read, total } if read >= total => {
                let text = "waiting for the ends of the logs, and the last record of each";
                vec![reason(NotReadyKind::Replaying, text.to_owned())]
            }
            Phase::Replaying { read, total } => {
                vec![reason(NotReadyKind::Replaying, format!("replaying the log: {read} of {total} records read"))]
            }
            Phase::Live => {
                let problem = |status: &PartitionStatus| {
                    let what = if status.missing { "is not there" } else { "is stalled" };
                    let text = format!("{} partition {} {what}", status.partition.topic, status.partition.partition);
                    reason(NotReadyKind::Stalled, text)
                };
                let overdue = self.overdue(now).map(|text| reason(NotReadyKind::Overdue, text));
                let partitions = self.partitions.iter().filter(|status| status.stalled || status.missing).map(problem);
                let unread = self.unread().map(|text| reason(NotReadyKind::Unread, text));
                overdue.into_iter().chain(partitions).chain(unread).collect()
            }
        }
    }

    /// Reasons why records of a topic are in no figure.
    fn unread(&self) -> impl Iterator<Item = String> {
        self.outgrown.iter().map(|OutgrownTopic { topic, read, found }| {
            format!(
                "topic {topic} has {found} partitions now, of which {read} are read: added partitions move keys; write all records to a \
                 new topic"
            )
        })
    }

    fn overdue(&self, now: Instant) -> Option<String> {
        let late = now.saturating_duration_since(self.due);
        (late >= MAX_SNAPSHOT_DELAY)
            .then(|| format!("the next figures are {} s late: the pipeline does not publish", late.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_that_is_not_followed_is_not_relied_on() {
        let due = Instant::now();
        let publisher = SnapshotPublisher::new(Timestamp::EPOCH, Arc::default(), due);
        let snapshot = Snapshot { phase: Phase::Live, ..(*publisher.newest()).clone() };
        let late = |millis| due + MAX_SNAPSHOT_DELAY + Duration::from_millis(millis) - Duration::from_millis(1);
        assert!(snapshot.is_ready(due) && snapshot.is_ready(late(0)));
        assert!(!snapshot.is_ready(late(1)));
        assert_eq!(snapshot.not_ready(late(1)), ["the next figures are 10 s late: the pipeline does not publish"]);
        assert!(!publisher.newest().is_ready(due), "nothing was published yet");
    }

    #[test]
    fn an_outage_is_no_reason_against_exact_figures() {
        let due = Instant::now();
        let publisher = SnapshotPublisher::new(Timestamp::EPOCH, Arc::default(), due);
        let outage = BrokerOutage { since: Timestamp::EPOCH, reason: "nothing listens at a:1".to_owned() };
        let text = outage.to_string();
        let snapshot = Snapshot { phase: Phase::Live, outage: Some(outage), ..(*publisher.newest()).clone() };
        assert!(snapshot.is_ready(due));
        assert_eq!(text, "brokers have not answered since 1970-01-01T00:00:00Z: nothing listens at a:1");
    }
}
