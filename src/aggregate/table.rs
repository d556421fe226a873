//! A hash table of small entries whose key is a 128-bit hash.
//!
//! Made for tens of millions of entries that come and go:
//!
//! - Entries are stored inline and unaligned.
//! - The table has 64 shards by the first bits of the hash. They grow one at a time, by an eighth, so memory never
//!   doubles and the table stays about 80 % full.
//! - Memory is in pages of one size ([`Pages`]), so memory that one shard returns serves the next.
//! - Expired entries are found by a sweep of a few slots for each insertion, at constant cost ([`Table::sweep`]).
//!
//! Each shard is an ordered linear-probing table (Amble and Knuth, "Ordered hash tables", 1974). The home slot grows
//! with the hash and entries are sorted by hash: a miss ends as early as a hit, growing is one sequential pass, and the
//! layout follows from the entries and the capacity alone.
//!
//! `hashbrown` serves the small maps of this crate. It is not used here because it aligns entries, doubles memory at
//! once and lays entries out by history: an image of its memory could not be a checkpoint. docs/benchmarks.md has the
//! bytes a support.

use bytemuck::Pod;
#[cfg(test)]
use bytemuck::Zeroable;
use serde::{Deserialize, Serialize};

use super::effort::count_look;
use super::pages::{PAGE, PagedTable, Pages};
use crate::event::Hash128;

/// An entry of a [`Table`]. Zeroed memory is an empty slot; no hash is all zero.
pub(crate) trait TableEntry: Pod {
    fn key(&self) -> Hash128;
}

const SHARD_BITS: u32 = 6;
const EMPTY: Hash128 = [0; 16];

#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Table<E: TableEntry> {
    shards: Vec<Shard<E>>,
    len: usize,
    /// Shard and slot at which the sweep continues.
    cursor: (usize, usize),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
struct Shard<E: TableEntry> {
    /// Slots: `capacity` home slots, then room for entries displaced from the last of them.
    pages: Pages<E>,
    capacity: usize,
    len: usize,
}

impl<E: TableEntry> Table<E> {
    pub(crate) fn new() -> Self {
        let shard = || Shard { pages: Pages::new(), capacity: 0, len: 0 };
        Self { shards: (0..1 << SHARD_BITS).map(|_| shard()).collect(), len: 0, cursor: (0, 0) }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, key: &Hash128) -> Option<&E> {
        let shard = &self.shards[shard_of(key)];
        shard.find(key).ok().map(|slot| shard.slot(slot))
    }

    pub(crate) fn get_mut(&mut self, key: &Hash128) -> Option<&mut E> {
        let shard = &mut self.shards[shard_of(key)];
        shard.find(key).ok().map(|slot| shard.slot_mut(slot))
    }

    /// Entry of `key`; if there is none, `new` is inserted.
    pub(crate) fn get_or_insert(&mut self, key: &Hash128, new: impl FnOnce() -> E) -> &mut E {
        let number = shard_of(key);
        let found = self.shards[number].find(key);
        let slot = found.unwrap_or_else(|_| {
            self.len += 1;
            self.shards[number].insert(new())
        });
        self.shards[number].slot_mut(slot)
    }

    /// Reads the slot where `key` is or would be, so that it is in the cache when the entry is used. Several calls in a
    /// row wait for memory together. Changes nothing; the returned byte keeps the compiler from removing the read.
    pub(crate) fn touch(&self, key: &Hash128) -> u8 {
        let shard = &self.shards[shard_of(key)];
        let slot = home(key, shard.capacity);
        shard.pages.page(slot / PAGE).map_or(0, |page| page[slot % PAGE].key()[0])
    }

    /// Inserts an entry whose key is not in the table.
    pub(crate) fn insert(&mut self, entry: E) {
        let key = entry.key();
        assert!(key != EMPTY, "no hash is all zero");
        self.len += 1;
        self.shards[shard_of(&key)].insert(entry);
    }

    pub(crate) fn remove(&mut self, key: &Hash128) -> Option<E> {
        let shard = &mut self.shards[shard_of(key)];
        let slot = shard.find(key).ok()?;
        self.len -= 1;
        Some(shard.remove(slot))
    }

    /// Examines the next slot of an endless round and removes its entry if it is `expired`. Four calls an insertion
    /// keep expired entries below a fifth of the table.
    pub(crate) fn sweep(&mut self, expired: impl Fn(&E) -> bool) -> Option<E> {
        let (mut shard, mut slot) = self.cursor;
        if slot >= self.shards[shard].slots() {
            (shard, slot) = ((shard + 1) % self.shards.len(), 0);
        }
        self.cursor = (shard, slot + 1);
        if slot >= self.shards[shard].slots() {
            return None;
        }
        let entry = self.shards[shard].slot(slot);
        if entry.key() == EMPTY || !expired(entry) {
            return None;
        }
        // The entry behind may move into the slot: examine it again.
        self.cursor = (shard, slot);
        self.len -= 1;
        Some(self.shards[shard].remove(slot))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &E> {
        self.shards.iter().flat_map(|shard| shard.pages.iter()).filter(|entry| entry.key() != EMPTY)
    }

    pub(crate) fn regions(&mut self) -> impl Iterator<Item = &mut dyn PagedTable> {
        self.shards.iter_mut().map(|shard| &mut shard.pages as &mut dyn PagedTable)
    }
}

impl<E: TableEntry> Shard<E> {
    fn slots(&self) -> usize {
        self.pages.len() * PAGE
    }

    fn slot(&self, slot: usize) -> &E {
        self.pages.entry(slot)
    }

    fn slot_mut(&mut self, slot: usize) -> &mut E {
        self.pages.entry_mut(slot)
    }

    /// Slot of `key`, or the slot where it would be inserted.
    fn find(&self, key: &Hash128) -> Result<usize, usize> {
        let number = u128::from_be_bytes(*key);
        let first = home(key, self.capacity);
        let (mut page, mut start) = (first / PAGE, first % PAGE);
        while let Some(slots) = self.pages.page(page) {
            for (distance, entry) in slots[start..].iter().enumerate() {
                count_look();
                let there = u128::from_be_bytes(entry.key());
                if there == number {
                    return Ok(page * PAGE + start + distance);
                }
                if there == 0 || there > number {
                    return Err(page * PAGE + start + distance);
                }
            }
            (page, start) = (page + 1, 0);
        }
        Err(self.slots())
    }

    /// Inserts an entry in order, moves the following ones by one slot and returns its slot.
    fn insert(&mut self, entry: E) -> usize {
        if (self.len + 1) * 8 > self.capacity * 7 {
            self.grow();
        }
        self.len += 1;
        let slot = self.find(&entry.key()).expect_err("an entry is inserted once");
        let free = (slot..self.slots()).find(|&slot| self.slot(slot).key() == EMPTY);
        let free = free.unwrap_or_else(|| {
            self.pages.push();
            self.slots() - PAGE
        });
        for to in (slot + 1..=free).rev() {
            *self.slot_mut(to) = *self.slot(to - 1);
        }
        *self.slot_mut(slot) = entry;
        slot
    }

    fn remove(&mut self, slot: usize) -> E {
        let removed = *self.slot(slot);
        let mut last = slot;
        while last + 1 < self.slots() {
            let next = *self.slot(last + 1);
            if next.key() == EMPTY || home(&next.key(), self.capacity) > last {
                break;
            }
            *self.slot_mut(last) = next;
            last += 1;
        }
        *self.slot_mut(last) = E::zeroed();
        self.len -= 1;
        removed
    }

    /// Grows in one pass: entries are sorted by hash, and so are their new slots. Each page is freed as soon as it is
    /// read.
    fn grow(&mut self) {
        self.capacity += self.capacity / 8 + 16;
        let mut next = 0;
        for page in self.pages.take() {
            for entry in page.iter().filter(|entry| entry.key() != EMPTY) {
                let slot = next.max(home(&entry.key(), self.capacity));
                self.reserve(slot);
                *self.slot_mut(slot) = *entry;
                next = slot + 1;
            }
        }
        self.reserve(self.capacity - 1);
    }

    /// Adds pages until the slot exists.
    fn reserve(&mut self, slot: usize) {
        while slot >= self.slots() {
            self.pages.push();
        }
    }
}

fn prefix(key: &Hash128) -> u64 {
    u64::from_be_bytes(key[..8].try_into().expect("eight bytes"))
}

fn shard_of(key: &Hash128) -> usize {
    (prefix(key) >> (64 - SHARD_BITS)) as usize
}

/// Home slot within a shard: grows with the hash from 0 to `capacity - 1`.
fn home(key: &Hash128, capacity: usize) -> usize {
    let within_shard = prefix(key) << SHARD_BITS;
    ((u128::from(within_shard) * capacity as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
    #[repr(C)]
    struct Pair(Hash128, u32);

    impl TableEntry for Pair {
        fn key(&self) -> Hash128 {
            self.0
        }
    }

    /// Keys that crowd the ends of two shards, so that runs touch and displace each other.
    fn key(number: u16) -> Hash128 {
        let mut key = [1; 16];
        key[0] = if number.is_multiple_of(2) { 0x03 } else { 0x04 };
        key[1] = if number.is_multiple_of(3) { 0xff } else { 0x00 };
        key[14..].copy_from_slice(&number.to_be_bytes());
        key
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u16),
        Remove(u16),
        Sweep(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..400u16).prop_map(Step::Insert),
            2 => (0..400u16).prop_map(Step::Remove),
            1 => (0..400u32).prop_map(Step::Sweep)
        ];
        prop::collection::vec(step, 0..1_200)
    }

    proptest! {
        #[test]
        fn behaves_as_a_map(steps in steps()) {
            let mut table = Table::new();
            let mut map = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Insert(number) => {
                        if map.insert(key(number), u32::from(number)).is_none() {
                            table.insert(Pair(key(number), u32::from(number)));
                        }
                    }
                    Step::Remove(number) => {
                        prop_assert_eq!(table.remove(&key(number)).map(|pair| pair.1), map.remove(&key(number)));
                    }
                    Step::Sweep(below) => {
                        if let Some(pair) = table.sweep(|pair| pair.1 < below) {
                            prop_assert!(pair.1 < below);
                            prop_assert_eq!(map.remove(&pair.0), Some(pair.1));
                        }
                    }
                }
            }
            prop_assert_eq!(table.len(), map.len());
            prop_assert_eq!(table.iter().map(|pair| (pair.0, pair.1)).collect::<Vec<_>>(), map.clone().into_iter().collect::<Vec<_>>());
            for number in 0..400 {
                prop_assert_eq!(table.get(&key(number)).map(|pair| pair.1), map.get(&key(number)).copied());
            }
        }
    }

    #[test]
    fn a_full_round_of_the_sweep_finds_every_expired_entry() {
        let mut table = Table::new();
        (0..400).for_each(|number| table.insert(Pair(key(number), u32::from(number))));
        let mut swept = 0;
        for _ in 0..20_000 {
            swept += usize::from(table.sweep(|pair| pair.1 % 2 == 0).is_some());
        }
        assert_eq!((swept, table.len()), (200, 200));
    }

    #[test]
    fn stays_about_eighty_percent_full() {
        let mut table = Table::new();
        for number in 0..200_000u32 {
            table.insert(Pair(blake3::hash(&number.to_le_bytes()).as_bytes()[..16].try_into().unwrap(), number));
        }
        let slots: usize = table.shards.iter().map(Shard::slots).sum();
        let load = table.len() as f64 / slots as f64;
        assert!((0.7..=0.9).contains(&load), "load {load}");
    }
}
