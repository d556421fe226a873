//! Age of the state, as readers see it, over restarts.

use super::cuts::apply;
use super::topic_ids::heads;
use super::*;

/// A task with these checkpoints at a time. Partitions have these ends of their logs; only the first has records.
fn started(store: &CheckpointStore, start: &str, ends: &[i64]) -> Rig {
    let mut rig = Rig::on(store.clone(), ends.len() as i32, start, &["checkpoint.max_interval=1s"]);
    let mut inventory = inventory(&rig.partitions);
    inventory.logs.iter_mut().zip(ends).for_each(|(log, &end)| log.end = Some(end));
    rig.task.worker.take(WorkerMessage::LogsFound(inventory)).unwrap();
    rig
}

fn built(rig: &mut Rig) -> Timestamp {
    rig.task.worker.publish(0);
    rig.letters.observe(|seen| seen.publisher.newest().built)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_restart_with_empty_partitions_moves_no_age() {
    let store = CheckpointStore::new(Arc::new(MemoryDisk::default()));
    let (first, second) = ("2026-09-22T12:00:00Z", "2026-09-23T12:00:00Z");
    let mut rig = started(&store, first, &[0, 0, 5]);
    assert_eq!(built(&mut rig), at(first), "all are empty");
    assert!(heads(rig).iter().all(|head| head.built == at(first) && head.next_offset > 0));
    let mut rig = started(&store, second, &[BATCH, 0, 5]);
    assert_eq!(built(&mut rig), at(first));
}

#[test]
fn the_first_records_of_an_empty_log_move_no_age() {
    let store = CheckpointStore::new(Arc::new(MemoryDisk::default()));
    let (first, second) = ("2026-09-22T12:00:00Z", "2026-09-23T12:00:00Z");
    heads(started(&store, first, &[0]));
    // A second partition now comes first, so that the records are its.
    for (end, expected) in [(0, first), (BATCH, second)] {
        let mut rig = started_with_new_first(&store, second, end);
        assert_eq!(built(&mut rig), at(first), "it has no records yet");
        let batches = rig.batches(1);
        apply(&mut rig.task.worker, batches);
        assert_eq!(built(&mut rig), at(expected), "a log that ended at {end}");
    }
}

/// A task whose second partition has the checkpoints, and whose first is new.
fn started_with_new_first(store: &CheckpointStore, start: &str, end: i64) -> Rig {
    let mut rig = Rig::on(store.clone(), 2, start, &["state.accept_added_partitions=true"]);
    rig.partitions.reverse();
    let mut inventory = inventory(&rig.partitions);
    inventory.logs[0].end = Some(end);
    rig.task.worker.take(WorkerMessage::LogsFound(inventory)).unwrap();
    rig
}

/// An earlier process has applied a record and was killed before a checkpoint; then retention removed the record.
#[test]
fn a_log_that_retention_has_emptied_moves_the_age() {
    let store = CheckpointStore::new(Arc::new(MemoryDisk::default()));
    let (first, second) = ("2026-09-22T12:00:00Z", "2026-09-23T12:00:00Z");
    heads(started(&store, first, &[0]));
    let mut rig = Rig::on(store, 2, second, &["state.accept_added_partitions=true", "state.accept_lost_history=true"]);
    let mut inventory = inventory(&rig.partitions);
    (inventory.logs[0].end, inventory.logs[1].low, inventory.logs[1].end) = (Some(BATCH), 5, Some(5));
    rig.task.worker.take(WorkerMessage::LogsFound(inventory)).unwrap();
    assert_eq!(built(&mut rig), at(second), "a counter may have gone down");
}
