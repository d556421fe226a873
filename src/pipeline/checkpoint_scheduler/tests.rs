use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::aggregate::image::PageChunk;
use crate::aggregate::{PartitionState, Rules, ViewConfig};
use crate::checkpoint::BytesInFlight;
use crate::clock::{SECOND, Timestamp};
use crate::decode;
use crate::pipeline::batch_decoder::ResumePoint;
use crate::pipeline::compatibility::Compatibility;
use crate::pipeline::cut_scheduler::CutProgress;
use crate::pipeline::cut_scheduler::SavedProgress;
use crate::pipeline::message::LogInfo;
use crate::pipeline::partitions::{OwnedPartition, StateAges};
use crate::pipeline::restore::{RestoredPartition, StateSource};
use crate::record::{PerStream, Stream, TopicPartition};
use crate::source::{DeadLetter, DeadLetterCounts};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// A sink without dead letters in flight.
struct NoDeadLetters;

impl DeadLetterSink for NoDeadLetters {
    fn send(&self, _letter: &DeadLetter<'_>) {}

    fn acknowledged_below(&self, _partition: PartitionIndex, next_offset: i64) -> i64 {
        next_offset
    }

    fn counts(&self) -> DeadLetterCounts {
        DeadLetterCounts::default()
    }

    fn flush(&self, _deadline: Duration) -> bool {
        true
    }
}

/// A partition without records whose first checkpoint is wanted.
fn partition(number: i32, clock: &Clock) -> OwnedPartition {
    let partition = TopicPartition { stream: Stream::Milestone, topic: String::new(), partition: number };
    let restored = RestoredPartition {
        state: PartitionState::new(Stream::Milestone, 0, Rules::default(), &ViewConfig::default(), NOW),
        source: StateSource::Rebuild,
        last_record: None,
        built: None,
        bytes: 0,
        needs_checkpoint: true,
        cluster_id: None,
        topic_id: None,
        cuts: SavedProgress::default(),
        last_cut: None,
    };
    let log = LogInfo { partition, low: 0, end: None, committed: None };
    let resume = ResumePoint { next_offset: 0, last_record: None };
    OwnedPartition::new(
        log,
        restored,
        &resume,
        CutProgress::default(),
        (NOW, clock.instant()),
        StateAges::new(&[], NOW),
    )
}

/// A scheduler, and two partitions that want a checkpoint.
struct Subject {
    scheduler: CheckpointScheduler,
    partitions: Partitions,
    clock: Clock,
    requests: Receiver<CheckpointRequest>,
}

impl Subject {
    fn new(exit_after_failures: Option<u32>) -> Self {
        let clock = Clock::manual(NOW);
        let (sender, requests) = channel();
        let checkpoints = CheckpointHandle::new(sender, BytesInFlight::default());
        let settings = Settings {
            max_interval: Duration::from_secs(600),
            max_replay_records: 1,
            max_cpu_percent: 1,
            exit_after_failures,
        };
        let compatibility = Compatibility {
            rules: Rules::default(),
            decode: decode::Settings { max_record_bytes: 1, max_future_skew: 0 },
            excluded: PerStream::default(),
            key_id: String::new(),
        };
        let mut partitions = Partitions::new(compatibility, [0; 16]);
        for number in 0..2 {
            partitions.add(partition(number, &clock));
        }
        let scheduler = CheckpointScheduler::new(settings, clock.clone(), checkpoints);
        Self { scheduler, partitions, clock, requests }
    }

    fn step(&mut self) -> Option<CheckpointOutcome> {
        self.scheduler.step(&mut self.partitions, &NoDeadLetters).map(|(_, outcome)| outcome)
    }

    /// Fails the checkpoint in progress; returns its partition, and how many of it have failed in a row.
    fn fail(&mut self) -> (usize, u32) {
        self.step();
        let id = self.scheduler.current.as_ref().expect("a checkpoint is in progress").id;
        let error = WriteError { reason: WriteReason::NoSpace, what: String::new(), message: String::new() };
        let reported = self.scheduler.report(CheckpointOutcome::failed(id, error), &mut self.partitions);
        let (index, outcome) = reported.expect("it is the one in progress");
        assert!(outcome.id == id && outcome.result.is_err());
        (index.index(), self.partitions[index].unsaved.failures)
    }

    fn is_due(&self) -> bool {
        self.scheduler.is_due(&self.partitions, self.clock.instant())
    }
}

#[test]
fn a_failed_checkpoint_does_not_keep_others_from_being_made() {
    let mut subject = Subject::new(Some(2));
    subject.scheduler.begin_round(&subject.partitions);
    assert_eq!([subject.fail(), subject.fail()], [(0, 1), (1, 1)]);
    assert!(!subject.scheduler.is_busy() && !subject.scheduler.has_failed_too_often(&subject.partitions));
    assert!(!subject.is_due(), "the next try comes after a pause");
    subject.clock.advance(10 * SECOND, 0);
    assert!(subject.is_due());
    subject.scheduler.begin_round(&subject.partitions);
    assert_eq!(subject.fail(), (0, 2));
    assert!(subject.scheduler.has_failed_too_often(&subject.partitions));
}

#[test]
fn a_disk_that_hangs_holds_up_applying_only_for_a_while() {
    let mut subject = Subject::new(None);
    subject.scheduler.begin_round(&subject.partitions);
    subject.step();
    let id = subject.scheduler.current.as_ref().expect("a checkpoint is in progress").id;
    let bytes = vec![0; LEAST_MAX_IN_FLIGHT as usize + 1];
    subject.scheduler.checkpoints.send(CheckpointRequest::Pages(id, PageChunk { runs: Vec::new(), bytes }));
    assert!(!subject.scheduler.has_room());
    assert!(subject.step().is_none());
    subject.clock.advance(9 * SECOND, 0);
    assert!(subject.step().is_none() && !subject.scheduler.has_room());
    subject.clock.advance(SECOND, 0);
    assert!(subject.step().is_some_and(|outcome| outcome.id == id && outcome.result.is_err()));
    assert_eq!(subject.partitions[PartitionIndex::new(0)].unsaved.failures, 1);
    assert!(subject.scheduler.has_room(), "without an image nothing is copied");
    assert!(
        subject
            .requests
            .try_iter()
            .any(|order| matches!(order, CheckpointRequest::Abandon(abandoned) if abandoned == id))
    );
}
