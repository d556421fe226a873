//! Provisional cuts, and the records that settle them or come late.

use super::cuts::apply;
use super::*;
use crate::cuts::{CutSeal, SealKind, UnsettledCut};
use crate::pipeline::cut_thread::CutOutcome;
use crate::source::check::TimestampSource;

const START: &str = "2026-09-22T12:00:00Z";
const HASH: &str = "5a";

/// A task with these checkpoints and provisional cuts, whose topic bounds no delay of timestamps.
fn started(store: &CheckpointStore, unsettled: &[UnsettledCut]) -> Rig {
    let mut rig = Rig::on(store.clone(), 1, START, &["checkpoint.max_interval=1d"]);
    let timestamps = PerStream::from_fn(|_| TimestampSource::Producer { is_delay_bounded: false });
    rig.task.worker.stored_unsettled = unsettled.to_vec();
    let inventory = LogInventory { timestamps, ..inventory(&rig.partitions) };
    rig.task.worker.take(WorkerMessage::LogsFound(inventory)).unwrap();
    rig
}

/// Applies the next batch, written so long after the start.
fn apply_next(rig: &mut Rig, number: i64, later: Millis) {
    let start = rig.start;
    rig.start = start + later;
    let batch = rig.batches(number + 1).pop();
    rig.start = start;
    apply(&mut rig.task.worker, batch.into_iter().collect());
    rig.letters.observe(Observer::look);
}

/// Lets everything be complete until two days after the start, and confirms the cuts until then.
fn pass_by_clock(rig: &mut Rig, end: i64) {
    rig.clock.advance(2 * DAY, 0);
    let ends = vec![(PartitionIndex::new(0), End { stable: end, high: end })];
    rig.task.worker.take(WorkerMessage::Ends { asked: rig.clock.now(), ends, missing: Vec::new() }).unwrap();
    rig.task.worker.publish(0);
    rig.confirm_cuts();
}

/// The oldest cut, which is requested, and reported as stored.
fn store_cut(rig: &mut Rig) -> Cut {
    let cut = rig.letters.observe(|seen| seen.cuts.remove(0).1);
    let seal = CutSeal { hash: HASH.repeat(32), kind: SealKind::Sealed };
    rig.task.worker.cut_stored(CutOutcome { cut: cut.clone(), result: Ok(seal) });
    cut
}

/// Decisions so far: true for a late record.
fn decisions(rig: &Rig) -> Vec<bool> {
    rig.letters.observe(|seen| {
        seen.look();
        assert!(seen.decisions.iter().all(|decision| decision.hash == HASH.repeat(32) && decision.position == 0));
        seen.decisions.iter().map(|decision| decision.is_late).collect()
    })
}

/// A task whose first midnight is stored provisionally, and that cut.
fn with_provisional_cut(store: &CheckpointStore) -> (Rig, Cut) {
    let mut rig = started(store, &[]);
    apply_next(&mut rig, 0, 0);
    pass_by_clock(&mut rig, BATCH);
    let cut = store_cut(&mut rig);
    assert!(cut.is_provisional());
    assert!(decisions(&rig).is_empty());
    (rig, cut)
}

fn store() -> CheckpointStore {
    CheckpointStore::new(Arc::new(MemoryDisk::default()))
}

#[test]
fn the_next_record_settles_a_stored_cut_or_came_late() {
    for (later, is_late) in [(3 * DAY, false), (1, true)] {
        let (mut rig, _) = with_provisional_cut(&store());
        apply_next(&mut rig, 1, later);
        assert_eq!(decisions(&rig), [is_late]);
        apply_next(&mut rig, 2, 1);
        assert_eq!(decisions(&rig), [is_late], "later ones decide nothing");
    }
}

#[test]
fn a_record_before_a_cut_is_stored_decides_too() {
    for (later, is_late) in [(3 * DAY, false), (1, true)] {
        let mut rig = started(&store(), &[]);
        apply_next(&mut rig, 0, 0);
        rig.clock.advance(2 * DAY, 0);
        let ends = vec![(PartitionIndex::new(0), End { stable: BATCH, high: BATCH })];
        rig.task.worker.take(WorkerMessage::Ends { asked: rig.clock.now(), ends, missing: Vec::new() }).unwrap();
        rig.task.worker.publish(0);
        apply_next(&mut rig, 1, later);
        rig.confirm_cuts();
        assert_eq!(store_cut(&mut rig).is_provisional(), is_late, "a settled one is final from the first");
        let late = [true];
        assert_eq!(decisions(&rig), late[..usize::from(is_late)]);
    }
}

#[test]
fn a_restart_decides_from_the_end_in_the_stored_cut() {
    for saves_after in [0, 1, 2] {
        let store = store();
        let mut rig = started(&store, &[]);
        apply_next(&mut rig, 0, 0);
        if saves_after == 0 {
            rig.save();
        }
        pass_by_clock(&mut rig, BATCH);
        let cut = store_cut(&mut rig);
        if saves_after == 1 {
            rig.save();
        }
        apply_next(&mut rig, 1, 1);
        if saves_after == 2 {
            // The checkpoint that names the cut may be in progress.
            (0..2).for_each(|_| rig.save());
        }
        let unsettled = UnsettledCut::of(&cut, &HASH.repeat(32));
        let older = UnsettledCut { state_built: unsettled.state_built - 1, ..unsettled.clone() };
        let mut rig = started(&store, &[older, unsettled]);
        let next_offset = rig.task.worker.states().map(|state| state.next_offset()).max().unwrap();
        assert_eq!(next_offset, [BATCH, BATCH, 2 * BATCH][saves_after]);
        let number = next_offset / BATCH;
        apply_next(&mut rig, number, 1);
        rig.task.worker.publish(0);
        let expected: &[bool] = if saves_after == 2 { &[] } else { &[true] };
        // Nothing is decided about the cut of an older state.
        assert_eq!(decisions(&rig), expected, "the first record behind the end is read again, or unknown");
    }
}
