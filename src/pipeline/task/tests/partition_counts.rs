//! Partitions that are added to a topic, while the process runs and before a restart.

use jiff::tz::TimeZone;

use super::cuts::apply;
use super::*;
use crate::settings::Document;
use crate::targets::read::{PeriodBounds, read};
use crate::targets::status::PaceStatus;

const START: &str = "2026-09-22T12:00:00Z";

/// A live task that has read a batch of its one partition, and the time passes by a second.
fn live() -> Rig {
    let mut rig = Rig::new(1, START, &[]);
    let batches = rig.batches(1);
    apply(&mut rig.task.worker, batches);
    rig
}

/// Takes an end offset, then the number of partitions, both asked for after a second; publishes.
fn take(rig: &mut Rig, count: Option<usize>) -> Result<Timestamp, Failure> {
    rig.clock.advance(1_000, 0);
    let asked = rig.clock.now();
    let topics = topics(&rig.clock, count, PerStream::default());
    let worker = &mut rig.task.worker;
    let ends = vec![(PartitionIndex::new(0), End { stable: BATCH, high: BATCH })];
    worker.take(WorkerMessage::Ends { asked, ends, missing: Vec::new() })?;
    worker.publish(0);
    worker.take(topics)?;
    worker.publish(0);
    rig.letters.observe(Observer::look);
    Ok(asked)
}

/// Reasons against readiness, and the instant up to which milestones are complete.
fn shown(rig: &Rig) -> (Vec<String>, Option<Timestamp>) {
    let newest = rig.letters.observe(|seen| seen.publisher.newest());
    (newest.not_ready(rig.clock.instant()), newest.complete_until[Stream::Milestone])
}

#[test]
fn added_partitions_leave_the_rest_running_and_not_ready() {
    let mut rig = live();
    take(&mut rig, None).unwrap();
    let counted = take(&mut rig, Some(1)).unwrap();
    assert_eq!(shown(&rig), (vec![], Some(counted)));
    for found in [2, 2, 1, 3] {
        take(&mut rig, Some(found)).unwrap();
        let (reasons, complete_until) = shown(&rig);
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        let said = format!("topic milestone has {} partitions now, of which 1 are read", found.max(2));
        assert!(reasons[0].starts_with(&said), "{reasons:?}");
        assert_eq!(complete_until, Some(counted), "the topic has been complete until then");
    }
    let newest = rig.letters.observe(|seen| seen.publisher.newest());
    assert!(newest.has_figures() && !newest.is_ready(rig.clock.instant()));
}

#[test]
fn a_target_of_a_pipeline_that_is_not_ready_is_unknown() {
    let mut rig = live();
    let text = "[target.businesses]\nmeasure = \"milestones\"\nperiod = \"day\"\ngoal = 10\n";
    let bounds = PeriodBounds { disbursement_horizon: 92 * DAY, counts: (92 * DAY, "state.fine_history") };
    let targets = read(&[Document::parse("targets.toml", text)], &TimeZone::UTC, &bounds).unwrap();
    rig.task.worker.stage_targets(Arc::new(targets));
    while rig.task.worker.is_backfilling() {
        rig.task.worker.step().unwrap();
    }
    let mut status = |found| {
        take(&mut rig, Some(found)).unwrap();
        let newest = rig.letters.observe(|seen| seen.publisher.newest());
        newest.publication.statuses.get("businesses").expect("it is observed").status
    };
    status(1);
    let ready = status(1);
    assert_ne!(ready, PaceStatus::Unknown);
    status(2);
    assert_eq!(status(2), PaceStatus::Unknown, "a topic has a partition that is not read");
    assert_eq!(status(1), PaceStatus::Unknown, "it was seen once");
}

#[test]
fn fewer_partitions_end_the_process() {
    let mut rig = Rig::new(2, START, &[]);
    let answer = topics(&rig.clock, Some(1), PerStream::default());
    let failed = rig.task.worker.take(answer).unwrap_err();
    assert_eq!(failed.exit, Exit::TryAgain);
    assert!(failed.message.contains("was deleted and created again"), "{}", failed.message);
}

/// Number of cuts that are stored after answers with these numbers of partitions, of which the first three come after a
/// midnight.
fn cuts_after(found: [Option<usize>; 4]) -> usize {
    let mut rig = live();
    take(&mut rig, Some(1)).unwrap();
    rig.clock.advance(DAY, 0);
    for count in found {
        take(&mut rig, count).unwrap();
    }
    rig.letters.observe(|seen| seen.cuts.len())
}

#[test]
fn no_cut_is_stored_without_the_records_of_added_partitions() {
    let one = Some(1);
    assert_eq!(cuts_after([one, None, None, None]), 0, "the first answer may be older than the last records");
    assert_eq!(cuts_after([one, one, None, None]), 1);
    assert_eq!(cuts_after([one, None, one, None]), 1);
    assert_eq!(cuts_after([one, Some(2), Some(2), Some(2)]), 0, "an added partition may have records of the cut");
    assert_eq!(cuts_after([one, Some(2), one, one]), 0, "an old answer");
}

/// Starts a task with so many partitions, of which checkpoints may exist.
fn started(store: &CheckpointStore, partitions: i32, overrides: &[&str]) -> Result<Rig, Failure> {
    let mut rig = Rig::on(store.clone(), partitions, START, overrides);
    rig.task.worker.take(WorkerMessage::LogsFound(inventory(&rig.partitions)))?;
    Ok(rig)
}

/// Checkpoints of a task with so many partitions.
fn saved(partitions: i32) -> CheckpointStore {
    let store = CheckpointStore::new(Arc::new(MemoryDisk::default()));
    let mut rig = started(&store, partitions, &[]).unwrap();
    let batches = rig.batches(1);
    apply(&mut rig.task.worker, batches);
    rig.save();
    store
}

#[test]
fn a_rebuild_is_refused_if_partitions_were_added() {
    let store = saved(2);
    for overrides in
        [&[][..], &["state.on_mismatch=rebuild"], &["state.on_mismatch=rebuild", "state.accept_lost_history=true"]]
    {
        let refused = started(&store, 4, overrides).err().expect("keys have moved");
        assert_eq!(refused.exit, Exit::StateUnusable);
        for said in ["had 2 partitions, now it has 4", "counts twice", "a new topic with 4 partitions"] {
            assert!(refused.message.contains(said), "{}", refused.message);
        }
        assert!(!refused.message.contains("pacemeter state rebuild"), "{}", refused.message);
    }
    let mut rig = started(&store, 4, &["state.accept_added_partitions=true"]).unwrap();
    let resumed: Vec<i64> = rig.task.worker.states().map(|state| state.next_offset()).collect();
    assert_eq!(resumed, [BATCH, 0, 0, 0]);
}

#[test]
fn fewer_partitions_allow_a_rebuild() {
    let store = saved(2);
    let refused = started(&store, 1, &[]).err().expect("it is another topic");
    assert!(refused.message.contains("pacemeter state rebuild"), "{}", refused.message);
    let mut rig = started(&store, 1, &["state.on_mismatch=rebuild"]).unwrap();
    assert_eq!(rig.task.worker.states().map(|state| state.next_offset()).collect::<Vec<_>>(), [0]);
}
