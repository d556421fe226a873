use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::aggregate::image::PageChunk;
use crate::aggregate::{Rules, ViewConfig};
use crate::checkpoint::BytesInFlight;
use crate::clock::{Millis, SECOND};
use crate::record::Stream;
use crate::source::{DeadLetter, DeadLetterCounts};

const NOW: Millis = 1_790_000_000_000;

/// No letter is ever under way.
struct NoDeadLetters;

impl DeadLetterSink for NoDeadLetters {
    fn send(&self, _letter: &DeadLetter<'_>) {}

    fn acknowledged_below(&self, _slot: PartitionIndex, next_offset: i64) -> i64 {
        next_offset
    }

    fn counts(&self) -> DeadLetterCounts {
        DeadLetterCounts::default()
    }

    fn flush(&self, _deadline: Duration) -> bool {
        true
    }
}

struct Partitions(Vec<PartitionState>);

impl PartitionStates for Partitions {
    fn state(&mut self, slot: usize) -> &mut PartitionState {
        &mut self.0[slot]
    }

    fn begin_image(&mut self, slot: usize, sink: &dyn Fn() -> PageSink) -> (Head, StateImage) {
        let head = Head {
            written_by: String::new(),
            sequence: 0,
            cluster_id: None,
            stream: Stream::Milestone,
            topic: String::new(),
            partition: slot as i32,
            partition_count: 2,
            semantic_settings: BTreeMap::new(),
            key_id: String::new(),
            labels: [0; 16],
            first_offset: 0,
            next_offset: 0,
            last_record: None,
            built: NOW,
            written: NOW,
            records: 0,
            pending_cuts: Vec::new(),
        };
        (head, self.0[slot].begin_image(&sink()))
    }
}

/// Two partitions with something unsaved, and whoever is to write it.
struct Subject {
    saving: CheckpointScheduler,
    states: Partitions,
    clock: Clock,
    orders: Receiver<CheckpointRequest>,
}

impl Subject {
    fn new(exit_after_failures: Option<u32>) -> Self {
        let clock = Clock::manual(NOW);
        let (sender, orders) = channel();
        let checkpoints = CheckpointHandle::new(sender, BytesInFlight::default());
        let settings = Settings {
            max_interval: Duration::from_secs(600),
            max_replay_records: 1,
            max_cpu_percent: 1,
            exit_after_failures,
        };
        let dir = |partition| (PartitionDir { stream: Stream::Milestone, partition }, 0, true);
        let saving = CheckpointScheduler::new(settings, clock.clone(), checkpoints, [dir(0), dir(1)].into_iter());
        let state = |_| PartitionState::new(Stream::Milestone, 0, Rules::default(), &ViewConfig::default(), NOW);
        Self { saving, states: Partitions((0..2).map(state).collect()), clock, orders }
    }

    fn step(&mut self) -> Option<CheckpointOutcome> {
        self.saving.step(&mut self.states, &NoDeadLetters)
    }

    /// The disk refuses the checkpoint that is being made; says of which slot it was, and how many of it failed in a row.
    fn fail(&mut self) -> (usize, u32) {
        self.step();
        let id = self.saving.current.as_ref().expect("one is being made").id;
        let error = WriteError { reason: WriteReason::NoSpace, what: String::new(), message: String::new() };
        let outcome = self.saving.report(CheckpointOutcome::failed(id, error), &mut self.states);
        assert!(outcome.is_some_and(|outcome| outcome.id == id && outcome.result.is_err()));
        (id.dir.partition as usize, self.saving.failures_of(id.dir))
    }
}

#[test]
fn one_that_fails_keeps_no_other_from_being_made_and_counts_for_itself() {
    let mut subject = Subject::new(Some(2));
    subject.saving.begin_round();
    assert_eq!([subject.fail(), subject.fail()], [(0, 1), (1, 1)]);
    assert!(!subject.saving.is_busy() && !subject.saving.has_failed_for_good());
    assert!(!subject.saving.is_due(subject.clock.instant()), "it is tried again after a while");
    subject.clock.advance(10 * SECOND, 0);
    assert!(subject.saving.is_due(subject.clock.instant()));
    subject.saving.begin_round();
    assert_eq!(subject.fail(), (0, 2));
    assert!(subject.saving.has_failed_for_good());
}

#[test]
fn a_disk_that_hangs_holds_up_the_applying_for_a_while_and_no_longer() {
    let mut subject = Subject::new(None);
    subject.saving.begin_round();
    subject.step();
    let id = subject.saving.current.as_ref().expect("one is being made").id;
    let bytes = vec![0; LEAST_MAX_IN_FLIGHT as usize + 1];
    subject.saving.checkpoints.send(CheckpointRequest::Pages(id, PageChunk { runs: Vec::new(), bytes }));
    assert!(!subject.saving.has_room());
    assert!(subject.step().is_none());
    subject.clock.advance(9 * SECOND, 0);
    assert!(subject.step().is_none() && !subject.saving.has_room());
    subject.clock.advance(SECOND, 0);
    assert!(subject.step().is_some_and(|outcome| outcome.id == id && outcome.result.is_err()));
    assert_eq!(subject.saving.failures_of(id.dir), 1);
    assert!(subject.saving.has_room(), "what is applied now is copied nowhere");
    assert!(
        subject
            .orders
            .try_iter()
            .any(|order| matches!(order, CheckpointRequest::Abandon(abandoned) if abandoned == id))
    );
}
