//! Requests to the cut thread, and cuts in the heads of checkpoints.

use super::*;
use crate::clock::HOUR;
use crate::cuts::{CutSeal, SealKind};
use crate::pipeline::cut_thread::CutOutcome;
use crate::targets::Targets;

/// Retention of cuts by default.
const KEEP: Millis = 800 * DAY;

pub(super) fn apply(worker: &mut Worker, batches: Vec<WorkerMessage>) {
    for batch in batches {
        worker.take(batch).unwrap();
        while worker.is_applying() {
            worker.tend(1).unwrap();
            worker.apply_step();
        }
    }
    worker.publish(0);
}

fn save(worker: &mut Worker) {
    worker.save_all();
    worker.step().unwrap();
}

#[test]
fn a_first_timestamp_of_years_ago_costs_one_part_of_all_cuts() {
    let mut rig = Rig::new(1, "2026-09-22T12:00:00Z", &[]);
    let (letters, start) = (rig.letters.clone(), rig.start);
    rig.start = start - 799 * DAY;
    let mut batches = rig.batches(1);
    rig.start = start;
    batches.extend(rig.batches(2).pop());
    apply(&mut rig.task.worker, batches);
    rig.confirm_cuts();
    save(&mut rig.task.worker);
    letters.observe(Observer::look);
    letters.observe(|seen| {
        assert_eq!(seen.cuts.len(), 1, "the oldest cut is requested");
        let (_, head) = seen.checkpoints.last().expect("one was begun");
        let lengths: Vec<_> =
            head.pending_cuts.iter().zip(&head.pending_until).map(|((at, _), until)| *until - *at).collect();
        assert_eq!(lengths.len(), 1);
        assert!(lengths[0] >= 797 * DAY, "{lengths:?}");
    });
}

#[test]
fn the_cut_that_was_stored_last_is_named_by_the_next_checkpoint() {
    let mut rig = Rig::new(1, "2026-09-22T12:00:00Z", &[]);
    let letters = rig.letters.clone();
    let mut batches = rig.batches(1);
    rig.start += DAY;
    batches.extend(rig.batches(2).pop());
    apply(&mut rig.task.worker, batches);
    rig.confirm_cuts();
    let worker = &mut rig.task.worker;
    let cut = letters.observe(|seen| seen.cuts[0].1.clone());
    let (id, hash) = (cut.id.clone(), "5a".repeat(32));
    worker.cut_stored(CutOutcome { cut, result: Ok(CutSeal { hash: hash.clone(), kind: SealKind::Sealed }) });
    // Nothing else makes a checkpoint due.
    worker.step().unwrap();
    worker.step().unwrap();
    letters.observe(Observer::look);
    let named = letters.observe(|seen| seen.checkpoints.last().expect("one was begun").1.last_cut.clone());
    assert_eq!(named, Some(LastCut { id, hash }));
}

/// Cuts that the checkpoints name which a start makes due, on these checkpoints and with this list of cuts.
fn named_at_start(store: &CheckpointStore, newest_cut: Option<&LastCut>) -> Vec<Option<LastCut>> {
    let mut rig = Rig::with_cut(store.clone(), newest_cut.cloned(), 2, "2026-09-22T12:00:00Z", &[]);
    let letters = rig.letters.clone();
    let worker = &mut rig.task.worker;
    worker.take(WorkerMessage::LogsFound(inventory(&rig.partitions))).unwrap();
    for _ in 0..6 {
        worker.step().unwrap();
        letters.observe(Observer::look);
    }
    letters.observe(|seen| seen.checkpoints.iter().map(|(_, head)| head.last_cut.clone()).collect())
}

#[test]
fn after_a_rebuild_a_checkpoint_names_the_newest_cut_at_once() {
    let store = CheckpointStore::new(Arc::new(MemoryDisk::default()));
    let cut = |id: &str, digits: &str| LastCut { id: id.to_owned(), hash: digits.repeat(32) };
    let (older, newer) = (cut("20260921T060000Z", "5a"), cut("20260922T060000Z", "6b"));
    assert_eq!(named_at_start(&store, None), [], "there is no cut");
    assert_eq!(named_at_start(&store, Some(&older)), [Some(older.clone())], "no checkpoint named any");
    assert_eq!(named_at_start(&store, Some(&older)), [], "it is named by now");
    assert_eq!(named_at_start(&store, Some(&newer)), [Some(newer.clone())], "the list has a later one");
    // An older copy of the list does not replace what a checkpoint names.
    assert_eq!(named_at_start(&store, Some(&older)), []);
    assert_eq!(named_at_start(&store, None), []);
    assert_eq!(named_at_start(&store, Some(&cut("20260923T060000Z", "7c"))).len(), 1);
}

#[test]
fn no_clock_that_is_ahead_removes_cuts() {
    // Producers: the second batch is stamped in years.
    let mut rig = Rig::new(1, "2026-09-22T12:00:00Z", &[]);
    let (letters, start) = (rig.letters.clone(), rig.start);
    let mut batches = rig.batches(1);
    rig.start += 900 * DAY;
    batches.extend(rig.batches(2).pop());
    apply(&mut rig.task.worker, batches);
    rig.confirm_cuts();
    let (at, oldest) = letters.observe(|seen| (seen.cuts[0].1.at_ms, seen.cuts[0].2));
    assert!(at > start + 90 * DAY && oldest < start + DAY - KEEP, "{at} removes all before {oldest}");

    // This machine: everything is complete, in years.
    let mut rig = Rig::new(1, "2026-09-22T12:00:00Z", &[]);
    let letters = rig.letters.clone();
    let batches = rig.batches(1);
    apply(&mut rig.task.worker, batches);
    rig.clock.advance(900 * DAY, 0);
    let ends = vec![(PartitionIndex::new(0), End { stable: BATCH, high: BATCH })];
    rig.task.worker.take(WorkerMessage::Ends { asked: rig.clock.now(), ends, missing: Vec::new() }).unwrap();
    rig.task.worker.publish(0);
    rig.confirm_cuts();
    let (at, oldest) = letters.observe(|seen| (seen.cuts[0].1.at_ms, seen.cuts[0].2));
    assert!(at > start + 90 * DAY && oldest < start + DAY - KEEP, "{at} removes all before {oldest}");
}

/// Instant of the due cut that the newest snapshot shows.
fn due_cut(rig: &Rig) -> Option<Timestamp> {
    rig.letters.observe(|seen| seen.publisher.newest().due_cut)
}

#[test]
fn a_cut_is_due_until_it_is_stored() {
    let mut rig = Rig::new(1, "2026-09-22T12:00:00Z", &[]);
    rig.task.worker.publish(0);
    assert_eq!(due_cut(&rig), None);
    let mut batches = rig.batches(1);
    rig.start += DAY;
    batches.extend(rig.batches(2).pop());
    apply(&mut rig.task.worker, batches);
    rig.confirm_cuts();
    rig.letters.observe(Observer::look);
    let cut = rig.letters.observe(|seen| seen.cuts[0].1.clone());
    let at = cut.at_ms;
    rig.task.worker.publish(0);
    assert_eq!(due_cut(&rig), Some(at), "it is requested");
    let failed = Err(std::io::Error::other("no space"));
    rig.task.worker.cut_stored(CutOutcome { cut: cut.clone(), result: failed });
    rig.task.worker.publish(0);
    assert_eq!(due_cut(&rig), Some(at), "the disk refuses");
    let seal = CutSeal { hash: "5a".repeat(32), kind: SealKind::Sealed };
    rig.task.worker.cut_stored(CutOutcome { cut, result: Ok(seal) });
    rig.task.worker.publish(0);
    assert_eq!(due_cut(&rig), Some(at + DAY), "the next");
}

/// A time of day comes into force between the last records of two partitions, of which one has passed it.
#[test]
fn a_missed_cut_is_due_for_a_day() {
    let mut rig = Rig::new(2, "2026-09-22T12:00:00Z", &[]);
    let (start, missed, midnight) = (rig.start, rig.start + HOUR, rig.start + 18 * HOUR);
    let batch = |rig: &Rig, partition, number, start| {
        let first_offset = number * BATCH;
        let (decoder, excluded) = (decoder(), PerStream::default());
        let resume_points = vec![ResumePoint { next_offset: first_offset, last_record: None }; 2];
        let mut decoder = BatchDecoder::new(&decoder, &excluded, rig.partitions.clone(), resume_points);
        let records =
            EmptyRecords { index: PartitionIndex::new(partition), first_offset, count: BATCH as usize, start };
        WorkerMessage::Records(decoder.decode(records, rig.clock.instant()).unwrap())
    };
    let before = vec![batch(&rig, 0, 0, start), batch(&rig, 1, 0, start), batch(&rig, 1, 1, start + 2 * HOUR)];
    apply(&mut rig.task.worker, before);
    assert_eq!(due_cut(&rig), Some(midnight));
    // In Mexico.
    let cuts = (vec!["07:00".parse().unwrap()], None);
    rig.task.worker.stage_targets(Arc::new(Targets { cuts, ..Targets::default() }));
    while rig.task.worker.is_backfilling() {
        rig.task.worker.step().unwrap();
    }
    let after = vec![batch(&rig, 0, 1, start + 3 * HOUR)];
    apply(&mut rig.task.worker, after);
    assert_eq!(due_cut(&rig), Some(missed));
    rig.clock.advance(DAY - HOUR, 0);
    rig.task.worker.publish(0);
    assert_eq!(due_cut(&rig), Some(missed));
    rig.clock.advance(HOUR, 0);
    rig.task.worker.publish(0);
    assert_eq!(due_cut(&rig), Some(midnight));
}
