//! A disk that refuses: older checkpoints stay usable, and the next checkpoint is intact.

use std::io::ErrorKind;
use std::sync::Arc;

use super::world::{DIR, State, newest, store};
use crate::checkpoint::names::Name;
use crate::checkpoint::store::MAX_CHECKPOINTS;
use crate::checkpoint::{
    BytesInFlight, CheckpointId, CheckpointOutcome, CheckpointRequest, CheckpointStore, CheckpointThread, WriteReason,
};
use crate::disk::tests::faulty::{Call, FaultyDisk, Op};

/// Each state has one more closed day, so that each checkpoint has a file of closed days.
fn state(number: u64) -> State {
    State::made_up(number, 6, number as i64 + 1)
}

fn save(thread: &mut CheckpointThread, number: u64) -> CheckpointOutcome {
    let state = state(number);
    let id = CheckpointId { dir: DIR, number };
    let chunks = state.chunks(&mut fastrand::Rng::with_seed(number));
    let requests = [CheckpointRequest::Begin(id, Box::new(state.begin()))].into_iter();
    let requests = requests
        .chain(chunks.into_iter().map(|chunk| CheckpointRequest::Pages(id, chunk)))
        .chain([CheckpointRequest::Finish(id)]);
    let mut outcomes: Vec<CheckpointOutcome> = requests.filter_map(|request| thread.handle(request)).collect();
    assert_eq!(outcomes.len(), 1, "one outcome per checkpoint: {outcomes:?}");
    outcomes.remove(0)
}

fn after_three_checkpoints() -> (FaultyDisk, CheckpointThread) {
    let disk = FaultyDisk::default();
    let mut thread = CheckpointThread::new(CheckpointStore::new(Arc::new(disk.clone())), BytesInFlight::default());
    (1..=3).for_each(|number| _ = save(&mut thread, number).result.unwrap());
    (disk, thread)
}

/// Checks that every named checkpoint has the state that was written under its number; returns the numbers.
fn assert_intact(disk: &FaultyDisk) -> Vec<u64> {
    let store = store(&disk.disk);
    let listing = store.list(DIR).unwrap();
    for sequence in &listing.checkpoints {
        let reader = store.open(DIR, *sequence).unwrap();
        assert_eq!(State::read(&reader, 1).unwrap(), state(reader.head().next_offset as u64 - 10));
    }
    listing.checkpoints
}

/// Checks that a file with a failed step is only ever removed; that a renamed file was synced after its last byte; and
/// that the directory is synced before anything else is renamed or removed.
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
fn a_refusal_leaves_older_checkpoints_and_the_next_one_intact() {
    let (disk, mut thread) = after_three_checkpoints();
    let before = disk.calls().len();
    save(&mut thread, 4).result.unwrap();
    let steps = disk.calls()[before..].to_vec();
    for op in [Op::List, Op::Create, Op::Append, Op::Sync, Op::Rename, Op::Remove, Op::SyncDirectory] {
        assert!(steps.iter().any(|call| call.op == op), "{op:?} is never refused");
    }
    let kinds = [
        (ErrorKind::StorageFull, WriteReason::NoSpace),
        (ErrorKind::PermissionDenied, WriteReason::Denied),
        (ErrorKind::Other, WriteReason::Io),
    ];
    for (kind, reason) in kinds {
        for (at, step) in steps.iter().enumerate() {
            for count in [1, 2, usize::MAX] {
                let (disk, mut thread) = after_three_checkpoints();
                disk.refuse(at, count, kind);
                let outcome = save(&mut thread, 4);
                let context = format!("{count} refused from {step:?} on: {outcome:?}");
                let intact = assert_intact(&disk);
                let is_named = disk.disk.read(&DIR.path(Name::checkpoint(4))).is_some();
                match &outcome.result {
                    Ok(_) => assert!(is_named && intact[0] == 4, "{context}"),
                    Err(error) => {
                        assert_eq!(error.reason, reason, "{context}");
                        assert!(intact.ends_with(&[3, 2, 1]), "{context}");
                    }
                }
                assert_eq!(
                    newest(&store(&disk.disk)).reader.unwrap().head().next_offset,
                    13 + i64::from(is_named),
                    "{context}"
                );
                disk.heal();
                let next = save(&mut thread, 5);
                assert!(next.result.is_ok() && next.prune_error.is_none(), "{context}, then {next:?}");
                let intact = assert_intact(&disk);
                assert_eq!(
                    (intact.len(), newest(&store(&disk.disk)).reader.unwrap().head().next_offset),
                    (MAX_CHECKPOINTS, 15),
                    "{context}"
                );
                assert_eq!(newest(&store(&disk.disk)).incomplete, 0, "{context}");
                assert_protocol(&disk.calls());
            }
        }
    }
}

#[test]
fn a_refusal_while_pruning_does_not_undo_the_checkpoint() {
    let (disk, mut thread) = after_three_checkpoints();
    let before = disk.calls().len();
    save(&mut thread, 4).result.unwrap();
    let at = disk.calls()[before..].iter().position(|call| call.op == Op::Remove).unwrap();
    let (disk, mut thread) = after_three_checkpoints();
    disk.refuse(at, 1, ErrorKind::PermissionDenied);
    let outcome = save(&mut thread, 4);
    assert!(outcome.result.is_ok());
    let error = outcome.prune_error.unwrap();
    assert_eq!(error.reason, WriteReason::Denied);
    assert_eq!(error.to_string(), format!("cannot remove {}: permission denied", DIR.path(Name::checkpoint(1))));
    assert_eq!(assert_intact(&disk), [4, 3, 2, 1]);
}

#[test]
fn an_abandoned_checkpoint_leaves_nothing_behind() {
    let (disk, mut thread) = after_three_checkpoints();
    let paths = disk.disk.paths();
    let id = CheckpointId { dir: DIR, number: 4 };
    assert!(thread.handle(CheckpointRequest::Begin(id, Box::new(state(4).begin()))).is_none());
    assert_eq!(disk.disk.paths().len(), paths.len() + 1);
    let chunk = state(4).chunks(&mut fastrand::Rng::with_seed(0)).remove(0);
    assert!(thread.handle(CheckpointRequest::Pages(id, chunk.clone())).is_none());
    assert!(thread.handle(CheckpointRequest::Abandon(id)).is_none());
    assert!(thread.handle(CheckpointRequest::Pages(id, chunk)).is_none(), "later chunks are dropped");
    assert_eq!(disk.disk.paths(), paths);
    assert_eq!(save(&mut thread, 5).result.unwrap().head.sequence, 5, "its number is not used again");
}
