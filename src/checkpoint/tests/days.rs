//! Closed days: written once, kept while a checkpoint refers to them.

use super::world::{DIR, State, newest, restored, store};
use crate::checkpoint::CheckpointChain;
use crate::checkpoint::days::MAX_FILES;
use crate::checkpoint::names::Name;
use crate::checkpoint::store::MAX_CHECKPOINTS;
use crate::clock::{DAY, Timestamp};
use crate::disk::MemoryDisk;

/// A state with `round` closed days, without those before day `forgotten`.
fn days<const N: usize>(numbers: [i64; N]) -> Vec<Timestamp> {
    numbers.map(|number| Timestamp::from_millis(number * DAY)).into()
}

fn state(round: i64, forgotten: i64) -> State {
    let mut state = State::made_up(round as u64, 4, round);
    state.days.retain(|start, _| *start >= Timestamp::from_millis(forgotten * DAY));
    state
}

#[test]
fn a_closed_day_is_written_once() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    let mut chain = CheckpointChain::default();
    assert_eq!(state(0, 0).write(&store, &mut chain).unwrap().days_bytes, 0, "nothing is closed yet");
    let first = state(1, 0).write(&store, &mut chain).unwrap();
    assert!(first.days_bytes > 0);
    let file = disk.read(&DIR.path(Name::days(2))).unwrap();
    assert_eq!(file.len() as u64, first.days_bytes);
    let again = state(1, 0).write(&store, &mut chain).unwrap();
    assert_eq!((again.days_bytes, &again.days_files), (0, &first.days_files));
    let second = state(2, 0).write(&store, &mut chain).unwrap();
    let starts: Vec<_> = second.days_files.iter().map(|file| (file.sequence, file.starts.clone())).collect();
    assert_eq!(starts, [(2, days([0])), (4, days([1]))]);
    assert_eq!(disk.read(&DIR.path(Name::days(2))).unwrap(), file);
    assert_eq!(restored(&store), Some(state(2, 0)));
}

#[test]
fn a_resumed_state_refers_to_its_days_a_rebuilt_one_does_not() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    state(3, 0).write(&store, &mut CheckpointChain::default()).unwrap();
    let mut found = newest(&store);
    found.chain.resume_from(&found.reader.unwrap());
    let resumed = state(4, 0).write(&store, &mut found.chain).unwrap();
    assert_eq!(resumed.days_files.iter().map(|file| file.sequence).collect::<Vec<_>>(), [1, 2]);
    let rebuilt = state(4, 0).write(&store, &mut newest(&store).chain).unwrap();
    assert_eq!(rebuilt.days_files.iter().map(|file| (file.sequence, file.starts.len())).collect::<Vec<_>>(), [(3, 4)]);
    assert_eq!(restored(&store), Some(state(4, 0)));
}

#[test]
fn too_many_files_of_closed_days_are_merged_into_one() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    let mut chain = CheckpointChain::default();
    let rounds = MAX_FILES as i64 * 2 + 5;
    let mut merged = Vec::new();
    for round in 1..=rounds {
        let written = state(round, 0).write(&store, &mut chain).unwrap();
        assert!(written.days_files.len() <= MAX_FILES, "{} files after round {round}", written.days_files.len());
        assert_eq!(restored(&store), Some(state(round, 0)), "round {round}");
        if written.days_files.len() == 1 {
            merged.push(round);
        }
        assert!(store.list(DIR).unwrap().days.len() < MAX_FILES + MAX_CHECKPOINTS);
    }
    assert_eq!(merged, [1, 33, 65], "32 files, then all of them as one");
    assert_eq!(
        store.list(DIR).unwrap().days,
        (65..=rounds as u64).rev().collect::<Vec<_>>(),
        "merged files are removed"
    );
}

#[test]
fn files_of_forgotten_days_go_with_the_last_reference() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    let mut chain = CheckpointChain::default();
    state(2, 0).write(&store, &mut chain).unwrap();
    state(3, 0).write(&store, &mut chain).unwrap();
    let written = state(3, 1).write(&store, &mut chain).unwrap();
    let starts: Vec<_> = written.days_files.iter().map(|file| (file.sequence, file.starts.clone())).collect();
    assert_eq!(starts, [(1, days([1])), (2, days([2]))]);
    assert_eq!(restored(&store), Some(state(3, 1)));
    for (forgotten, left) in [(2, vec![2, 1]), (2, vec![2, 1]), (2, vec![2]), (3, vec![2]), (3, vec![2]), (3, vec![])] {
        state(3, forgotten).write(&store, &mut chain).unwrap();
        assert_eq!(restored(&store), Some(state(3, forgotten)));
        assert_eq!(store.list(DIR).unwrap().days, left);
    }
}

#[test]
fn a_damaged_checkpoint_keeps_no_days_and_a_newer_one_keeps_all() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    let mut chain = CheckpointChain::default();
    state(1, 0).write(&store, &mut chain).unwrap();
    let original = disk.read(&DIR.path(Name::checkpoint(1))).unwrap();
    let prune = |content: Vec<u8>| {
        disk.put(&DIR.path(Name::checkpoint(1)), content);
        let mut chain = store.chain(DIR).unwrap();
        while store.prune_one(DIR, &mut chain).unwrap() {}
        store.list(DIR).unwrap().days.len()
    };
    assert_eq!(prune(original.clone()), 1);
    let preamble = [&original[..21], &9_u32.to_le_bytes()].concat();
    let newer = [&preamble[..], &crate::checkpoint::container::hash(&preamble)[..7], &original[32..]].concat();
    assert_eq!(prune(newer), 1, "what a newer checkpoint refers to is unknown");
    assert_eq!(prune(original[..40].to_vec()), 0);
}
