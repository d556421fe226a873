//! A disk that refuses: whatever it refuses, what was there before stays usable, and the next checkpoint is whole.

use std::io::ErrorKind;
use std::sync::Arc;

use super::world::{PLACE, State, newest, store};
use crate::checkpoint::names::Name;
use crate::checkpoint::{
    BytesInFlight, CheckpointId, CheckpointOutcome, CheckpointRequest, CheckpointStore, CheckpointThread, KEPT,
    WriteReason,
};
use crate::disk::tests::faulty::{Call, FaultyDisk, Op};

/// With a closed day more in each, so that each has a file of days.
fn state(number: u64) -> State {
    State::made_up(number, 6, number as i64 + 1)
}

fn save(keeper: &mut CheckpointThread, number: u64) -> CheckpointOutcome {
    let state = state(number);
    let id = CheckpointId { dir: PLACE, number };
    let chunks = state.chunks(&mut fastrand::Rng::with_seed(number));
    let orders = [CheckpointRequest::Begin(id, Box::new(state.begin()))].into_iter();
    let orders = orders
        .chain(chunks.into_iter().map(|chunk| CheckpointRequest::Pages(id, chunk)))
        .chain([CheckpointRequest::Finish(id)]);
    let mut reports: Vec<CheckpointOutcome> = orders.filter_map(|order| keeper.handle(order)).collect();
    assert_eq!(reports.len(), 1, "one report a job: {reports:?}");
    reports.remove(0)
}

fn saved_thrice() -> (FaultyDisk, CheckpointThread) {
    let disk = FaultyDisk::default();
    let mut keeper = CheckpointThread::new(CheckpointStore::new(Arc::new(disk.clone())), BytesInFlight::default());
    (1..=3).for_each(|number| _ = save(&mut keeper, number).result.unwrap());
    (disk, keeper)
}

/// Checks that every checkpoint that has its name is whole and the state that was written as that number, and gives the numbers.
fn assert_whole(disk: &FaultyDisk) -> Vec<u64> {
    let store = store(&disk.disk);
    let listing = store.list(PLACE).unwrap();
    for sequence in &listing.checkpoints {
        let opened = store.open(PLACE, *sequence).unwrap();
        assert_eq!(State::read(&opened, 1).unwrap(), state(opened.head().next_offset as u64 - 10));
    }
    listing.checkpoints
}

/// What failed is not touched again but to be removed; what is renamed was synced after its last byte, and the directory is synced before
/// anything else is renamed or removed.
fn assert_protocol(calls: &[Call]) {
    for (at, call) in calls.iter().enumerate() {
        let (before, after) = (&calls[..at], &calls[at + 1..]);
        let of_same = |other: &&Call| other.path == call.path;
        match call.op {
            Op::Create | Op::Append | Op::Sync | Op::Rename if call.is_refused => {
                let touched = after.iter().filter(of_same).find(|other| other.op != Op::Remove);
                assert!(touched.is_none(), "after {call:?} came {touched:?}");
            }
            Op::Rename => {
                let last = before.iter().rfind(of_same).expect("it was made");
                assert!(last.op == Op::Sync && !last.is_refused, "before {call:?} came {last:?}");
                let next = after.iter().find(|other| matches!(other.op, Op::SyncDirectory | Op::Rename | Op::Remove));
                assert!(next.is_none_or(|next| next.op == Op::SyncDirectory), "after {call:?} came {next:?}");
            }
            _ => {}
        }
    }
}

#[test]
fn whatever_the_disk_refuses_older_checkpoints_stay_usable_and_the_next_is_whole() {
    let (disk, mut keeper) = saved_thrice();
    let before = disk.calls().len();
    save(&mut keeper, 4).result.unwrap();
    let steps = disk.calls()[before..].to_vec();
    for op in [Op::List, Op::Create, Op::Append, Op::Sync, Op::Rename, Op::Remove, Op::SyncDirectory] {
        assert!(steps.iter().any(|call| call.op == op), "{op:?} is not refused anywhere");
    }
    let kinds = [
        (ErrorKind::StorageFull, WriteReason::NoSpace),
        (ErrorKind::PermissionDenied, WriteReason::Denied),
        (ErrorKind::Other, WriteReason::Io),
    ];
    for (kind, reason) in kinds {
        for (at, step) in steps.iter().enumerate() {
            for count in [1, 2, usize::MAX] {
                let (disk, mut keeper) = saved_thrice();
                disk.refuse(at, count, kind);
                let report = save(&mut keeper, 4);
                let told = format!("{count} refused from {step:?} on: {report:?}");
                let whole = assert_whole(&disk);
                let is_named = disk.disk.read(&PLACE.path(Name::checkpoint(4))).is_some();
                match &report.result {
                    Ok(_) => assert!(is_named && whole[0] == 4, "{told}"),
                    Err(error) => {
                        assert_eq!(error.reason, reason, "{told}");
                        assert!(whole.ends_with(&[3, 2, 1]), "{told}");
                    }
                }
                assert_eq!(
                    newest(&store(&disk.disk)).opened.unwrap().head().next_offset,
                    13 + i64::from(is_named),
                    "{told}"
                );
                disk.heal();
                let next = save(&mut keeper, 5);
                assert!(next.result.is_ok() && next.prune_error.is_none(), "{told}, then {next:?}");
                let whole = assert_whole(&disk);
                assert_eq!(
                    (whole.len(), newest(&store(&disk.disk)).opened.unwrap().head().next_offset),
                    (KEPT, 15),
                    "{told}"
                );
                assert_eq!(newest(&store(&disk.disk)).incomplete, 0, "{told}");
                assert_protocol(&disk.calls());
            }
        }
    }
}

#[test]
fn a_refusal_while_pruning_is_told_and_does_not_undo_the_checkpoint() {
    let (disk, mut keeper) = saved_thrice();
    let before = disk.calls().len();
    save(&mut keeper, 4).result.unwrap();
    let at = disk.calls()[before..].iter().position(|call| call.op == Op::Remove).unwrap();
    let (disk, mut keeper) = saved_thrice();
    disk.refuse(at, 1, ErrorKind::PermissionDenied);
    let report = save(&mut keeper, 4);
    assert!(report.result.is_ok());
    let error = report.prune_error.unwrap();
    assert_eq!(error.reason, WriteReason::Denied);
    assert_eq!(error.to_string(), format!("cannot remove {}: permission denied", PLACE.path(Name::checkpoint(1))));
    assert_eq!(assert_whole(&disk), [4, 3, 2, 1]);
}

#[test]
fn a_job_that_is_abandoned_leaves_nothing_behind() {
    let (disk, mut keeper) = saved_thrice();
    let paths = disk.disk.paths();
    let id = CheckpointId { dir: PLACE, number: 4 };
    assert!(keeper.handle(CheckpointRequest::Begin(id, Box::new(state(4).begin()))).is_none());
    assert_eq!(disk.disk.paths().len(), paths.len() + 1);
    let chunk = state(4).chunks(&mut fastrand::Rng::with_seed(0)).remove(0);
    assert!(keeper.handle(CheckpointRequest::Pages(id, chunk.clone())).is_none());
    assert!(keeper.handle(CheckpointRequest::Abandon(id)).is_none());
    assert!(keeper.handle(CheckpointRequest::Pages(id, chunk)).is_none(), "what still comes of it is dropped");
    assert_eq!(disk.disk.paths(), paths);
    assert_eq!(save(&mut keeper, 5).result.unwrap().head.sequence, 5, "its number is not taken again");
}
