//! A restored state equals the one that was written.

use std::sync::atomic::{AtomicU64, Ordering};

use super::world::{DIR, State, head, newest, restored, store};
use crate::checkpoint::store::MAX_CHECKPOINTS;
use crate::checkpoint::{CheckpointChain, Head};
use crate::disk::MemoryDisk;

#[test]
fn any_order_of_chunks_and_number_of_threads_restores_the_state() {
    for seed in 0..20 {
        let disk = MemoryDisk::default();
        let store = store(&disk);
        let state = State::made_up(seed, seed as u32 * 7, seed as i64 % 4);
        let written = state.write(&store, &mut CheckpointChain::default()).unwrap();
        assert_eq!(written.head, Head { sequence: 1, ..head(state.next_offset) });
        let reader = newest(&store).reader.unwrap();
        assert_eq!(reader.head(), &written.head);
        assert_eq!(reader.bytes(), written.bytes);
        reader.verify().unwrap();
        for threads in [0, 1, 2, 5] {
            assert_eq!(State::read(&reader, threads).unwrap(), state, "seed {seed}, {threads} threads");
        }
    }
}

#[test]
fn progress_adds_up_to_the_pages() {
    let disk = MemoryDisk::default();
    let state = State::made_up(1, 50, 0);
    state.write(&store(&disk), &mut CheckpointChain::default()).unwrap();
    let reader = newest(&store(&disk)).reader.unwrap();
    let mut tables = state.tables.clone();
    let mut slices: Vec<Vec<&mut [u8]>> =
        tables.iter_mut().map(|(_, pages)| pages.iter_mut().map(Vec::as_mut_slice).collect()).collect();
    let done = AtomicU64::new(0);
    reader.fill(&mut slices, 2, &|bytes| _ = done.fetch_add(bytes, Ordering::Relaxed)).unwrap();
    assert_eq!(done.into_inner(), state.layouts().iter().map(|layout| layout.bytes()).sum::<u64>());
}

#[test]
fn three_checkpoints_are_kept_with_their_closed_days() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    let mut chain = CheckpointChain::default();
    for round in 0..8 {
        let state = State::made_up(round, 10, round as i64);
        state.write(&store, &mut chain).unwrap();
        assert_eq!(restored(&store), Some(state));
        assert_eq!(store.list(DIR).unwrap().checkpoints.len(), MAX_CHECKPOINTS.min(round as usize + 1));
    }
    let listing = store.list(DIR).unwrap();
    assert_eq!(listing.checkpoints, [8, 7, 6]);
    assert_eq!(listing.days, [8, 7, 6, 5, 4, 3, 2], "one per round, since each has one more day");
}
