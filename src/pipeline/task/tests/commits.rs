//! Committed offsets, from which tools work out lag.

use super::*;

/// A worker that has applied a batch of the first of two partitions.
fn worker_behind_a_batch(rig: &mut Rig) -> &mut Worker {
    let batches = rig.batches(1);
    let worker = &mut rig.task.worker;
    batches.into_iter().for_each(|batch| worker.take(batch).unwrap());
    while worker.is_applying() {
        worker.apply_step();
    }
    worker
}

fn reach(worker: &mut Worker, positions: &[(u16, i64)]) {
    let positions = positions.iter().map(|&(index, offset)| (PartitionIndex(index), offset)).collect();
    worker.take(WorkerMessage::Positions { positions, drained: None }).unwrap();
}

fn committed(worker: &mut Worker, letters: &SlowLetters) -> Vec<(u16, i64)> {
    worker.commit();
    letters.observe(|seen| {
        seen.committed.clear();
        seen.look();
        seen.committed.iter().map(|(index, offset)| (index.0, *offset)).collect()
    })
}

#[test]
fn commits_pass_markers_and_aborted_records() {
    let mut rig = Rig::new(2, "2026-09-22T12:00:00Z", &[]);
    let letters = rig.letters.clone();
    let worker = worker_behind_a_batch(&mut rig);
    assert_eq!(committed(worker, &letters), [(0, BATCH)]);
    reach(worker, &[(0, BATCH + 12)]);
    assert_eq!(committed(worker, &letters), [(0, BATCH + 12)]);
}

#[test]
fn commits_at_the_end_of_a_log_wait_for_letters_too() {
    let mut rig = Rig::new(1, "2026-09-22T12:00:00Z", &[]);
    let letters = rig.letters.clone();
    let worker = worker_behind_a_batch(&mut rig);
    reach(worker, &[(0, BATCH + 12)]);
    letters.observe(|seen| seen.unacknowledged = Some(BATCH - 3));
    assert_eq!(committed(worker, &letters), [(0, BATCH - 3)]);
    letters.observe(|seen| seen.unacknowledged = None);
    assert_eq!(committed(worker, &letters), [(0, BATCH + 12)]);
}

#[test]
fn a_batch_in_progress_is_committed_as_far_as_applied() {
    let mut rig = Rig::new(1, "2026-09-22T12:00:00Z", &[]);
    let (letters, batches) = (rig.letters.clone(), rig.batches(1));
    let worker = &mut rig.task.worker;
    batches.into_iter().for_each(|batch| worker.take(batch).unwrap());
    worker.apply(7);
    let applied = letters.observe(|seen| seen.records as i64);
    assert!((1..=7).contains(&applied) && worker.is_applying());
    assert_eq!(committed(worker, &letters), [(0, applied)]);
}

#[test]
fn without_any_record_nothing_is_committed() {
    // A restart would take the offset for that of a state that was lost.
    let mut rig = Rig::new(2, "2026-09-22T12:00:00Z", &[]);
    let letters = rig.letters.clone();
    let worker = worker_behind_a_batch(&mut rig);
    reach(worker, &[(1, 12)]);
    assert_eq!(committed(worker, &letters), [(0, BATCH)]);
}

#[test]
fn a_restart_never_commits_less_than_before() {
    let store = CheckpointStore::new(Arc::new(MemoryDisk::default()));
    let started = |committed| {
        let mut rig = Rig::on(store.clone(), 1, "2026-09-22T12:00:00Z", &["state.on_missing=fail"]);
        let mut inventory = inventory(&rig.partitions);
        inventory.logs[0].committed = committed;
        rig.task.worker.take(WorkerMessage::LogsFound(inventory)).unwrap();
        rig
    };
    let mut rig = started(None);
    worker_behind_a_batch(&mut rig).save_all();
    let began = Instant::now();
    while rig.letters.observe(|seen| seen.checkpoints.is_empty()) || rig.task.worker.is_saving() {
        assert!(began.elapsed() < Duration::from_secs(20), "the checkpoint is not written");
        rig.task.worker.step().unwrap();
        rig.letters.observe(Observer::look);
        while let Ok(outcome) = rig.task.checkpoint_outcomes.try_recv() {
            rig.task.worker.report(outcome).unwrap();
        }
    }
    let mut rig = started(Some(BATCH + 12));
    let letters = rig.letters.clone();
    let worker = &mut rig.task.worker;
    assert_eq!(committed(worker, &letters), [], "the state ends before what was committed");
    reach(worker, &[(0, BATCH + 12)]);
    assert_eq!(committed(worker, &letters), []);
    reach(worker, &[(0, BATCH + 20)]);
    assert_eq!(committed(worker, &letters), [(0, BATCH + 20)]);
}
