//! Closed days: written once, referred to while they are needed.

use super::world::{PLACE, State, newest, restored, store};
use crate::checkpoint::days::MOST_FILES;
use crate::checkpoint::names::Name;
use crate::checkpoint::{CheckpointChain, KEPT};
use crate::clock::DAY;
use crate::disk::MemoryDisk;

/// A state `round` days after the first, each of which is closed by then, but for those before `forgotten`.
fn state(round: i64, forgotten: i64) -> State {
    let mut state = State::made_up(round as u64, 4, round);
    state.days.retain(|start, _| *start >= forgotten * DAY);
    state
}

#[test]
fn a_closed_day_is_written_once() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    let mut lineage = CheckpointChain::default();
    assert_eq!(state(0, 0).write(&store, &mut lineage).unwrap().days_bytes, 0, "nothing is closed yet");
    let first = state(1, 0).write(&store, &mut lineage).unwrap();
    assert!(first.days_bytes > 0);
    let file = disk.read(&PLACE.path(Name::days(2))).unwrap();
    assert_eq!(file.len() as u64, first.days_bytes);
    let again = state(1, 0).write(&store, &mut lineage).unwrap();
    assert_eq!((again.days_bytes, &again.closed), (0, &first.closed));
    let second = state(2, 0).write(&store, &mut lineage).unwrap();
    let starts: Vec<_> = second.closed.iter().map(|file| (file.sequence, file.starts.clone())).collect();
    assert_eq!(starts, [(2, vec![0]), (4, vec![DAY])]);
    assert_eq!(disk.read(&PLACE.path(Name::days(2))).unwrap(), file);
    assert_eq!(restored(&store), Some(state(2, 0)));
}

#[test]
fn a_process_that_goes_on_from_a_checkpoint_refers_to_its_days_and_one_that_begins_anew_writes_its_own() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    state(3, 0).write(&store, &mut CheckpointChain::default()).unwrap();
    let mut found = newest(&store);
    found.lineage.follow(&found.opened.unwrap());
    let went_on = state(4, 0).write(&store, &mut found.lineage).unwrap();
    assert_eq!(went_on.closed.iter().map(|file| file.sequence).collect::<Vec<_>>(), [1, 2]);
    let begun = state(4, 0).write(&store, &mut newest(&store).lineage).unwrap();
    assert_eq!(begun.closed.iter().map(|file| (file.sequence, file.starts.len())).collect::<Vec<_>>(), [(3, 4)]);
    assert_eq!(restored(&store), Some(state(4, 0)));
}

#[test]
fn beyond_as_many_files_as_may_be_closed_days_are_written_into_one() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    let mut lineage = CheckpointChain::default();
    let rounds = MOST_FILES as i64 * 2 + 5;
    let mut merged = Vec::new();
    for round in 1..=rounds {
        let written = state(round, 0).write(&store, &mut lineage).unwrap();
        assert!(written.closed.len() <= MOST_FILES, "{} files after round {round}", written.closed.len());
        assert_eq!(restored(&store), Some(state(round, 0)), "round {round}");
        if written.closed.len() == 1 {
            merged.push(round);
        }
        assert!(store.list(PLACE).unwrap().days.len() < MOST_FILES + KEPT);
    }
    assert_eq!(merged, [1, 33, 65], "32 files, then all of them as one");
    assert_eq!(
        store.list(PLACE).unwrap().days,
        (65..=rounds as u64).rev().collect::<Vec<_>>(),
        "what was merged is gone"
    );
}

#[test]
fn days_that_are_forgotten_are_not_referred_to_and_their_files_go_with_the_last_checkpoint_that_was() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    let mut lineage = CheckpointChain::default();
    state(2, 0).write(&store, &mut lineage).unwrap();
    state(3, 0).write(&store, &mut lineage).unwrap();
    let written = state(3, 1).write(&store, &mut lineage).unwrap();
    let starts: Vec<_> = written.closed.iter().map(|file| (file.sequence, file.starts.clone())).collect();
    assert_eq!(starts, [(1, vec![DAY]), (2, vec![2 * DAY])]);
    assert_eq!(restored(&store), Some(state(3, 1)));
    for (forgotten, left) in [(2, vec![2, 1]), (2, vec![2, 1]), (2, vec![2]), (3, vec![2]), (3, vec![2]), (3, vec![])] {
        state(3, forgotten).write(&store, &mut lineage).unwrap();
        assert_eq!(restored(&store), Some(state(3, forgotten)));
        assert_eq!(store.list(PLACE).unwrap().days, left);
    }
}

#[test]
fn a_damaged_checkpoint_holds_on_to_no_days_and_an_unreadable_one_to_all() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    let mut lineage = CheckpointChain::default();
    state(1, 0).write(&store, &mut lineage).unwrap();
    let whole = disk.read(&PLACE.path(Name::checkpoint(1))).unwrap();
    let prune = |content: Vec<u8>| {
        disk.put(&PLACE.path(Name::checkpoint(1)), content);
        let mut lineage = store.lineage(PLACE).unwrap();
        while store.prune_one(PLACE, &mut lineage).unwrap() {}
        store.list(PLACE).unwrap().days.len()
    };
    assert_eq!(prune(whole.clone()), 1);
    let preamble = [&whole[..21], &9_u32.to_le_bytes()].concat();
    let newer = [&preamble[..], &crate::checkpoint::container::hash(&preamble)[..7], &whole[32..]].concat();
    assert_eq!(prune(newer), 1, "what a newer program refers to is not known");
    assert_eq!(prune(whole[..40].to_vec()), 0);
}
