//! What was written comes back.

use std::sync::atomic::{AtomicU64, Ordering};

use super::world::{PLACE, State, head, newest, restored, store};
use crate::checkpoint::{CheckpointChain, Head, KEPT};
use crate::disk::MemoryDisk;

#[test]
fn pages_days_body_and_head_come_back_whatever_the_order_of_pieces_and_the_threads() {
    for seed in 0..20 {
        let disk = MemoryDisk::default();
        let store = store(&disk);
        let state = State::made_up(seed, seed as u32 * 7, seed as i64 % 4);
        let written = state.write(&store, &mut CheckpointChain::default()).unwrap();
        assert_eq!(written.head, Head { sequence: 1, ..head(state.next_offset) });
        let opened = newest(&store).opened.unwrap();
        assert_eq!(opened.head(), &written.head);
        assert_eq!(opened.bytes(), written.bytes);
        opened.verify().unwrap();
        for threads in [0, 1, 2, 5] {
            assert_eq!(State::read(&opened, threads).unwrap(), state, "seed {seed}, {threads} threads");
        }
    }
}

#[test]
fn progress_adds_up_to_the_pages() {
    let disk = MemoryDisk::default();
    let state = State::made_up(1, 50, 0);
    state.write(&store(&disk), &mut CheckpointChain::default()).unwrap();
    let opened = newest(&store(&disk)).opened.unwrap();
    let mut regions = state.regions.clone();
    let mut slices: Vec<Vec<&mut [u8]>> =
        regions.iter_mut().map(|(_, pages)| pages.iter_mut().map(Vec::as_mut_slice).collect()).collect();
    let done = AtomicU64::new(0);
    opened.fill(&mut slices, 2, &|bytes| _ = done.fetch_add(bytes, Ordering::Relaxed)).unwrap();
    assert_eq!(done.into_inner(), state.shapes().iter().map(|shape| shape.bytes()).sum::<u64>());
}

#[test]
fn three_are_kept_with_their_closed_days() {
    let disk = MemoryDisk::default();
    let store = store(&disk);
    let mut lineage = CheckpointChain::default();
    for round in 0..8 {
        let state = State::made_up(round, 10, round as i64);
        state.write(&store, &mut lineage).unwrap();
        assert_eq!(restored(&store), Some(state));
        assert_eq!(store.list(PLACE).unwrap().checkpoints.len(), KEPT.min(round as usize + 1));
    }
    let listing = store.list(PLACE).unwrap();
    assert_eq!(listing.checkpoints, [8, 7, 6]);
    assert_eq!(listing.days, [8, 7, 6, 5, 4, 3, 2], "one a round, since each has one day more");
}
