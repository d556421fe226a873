//! A hash table of small entries whose key is a 128-bit hash.
//!
//! Made for tens of millions of entries that come and go:
//!
//! - Entries are stored inline and unaligned.
//! - The table has 64 shards by the first bits of the hash. They grow one at a time, by an eighth, so memory never
//!   doubles and the table stays about 80 % full.
//! - Memory is in pages of one size ([`Pages`]), so memory that one shard returns serves the next.
//! - Expired entries are found by a sweep of a few slots at a time, at constant cost ([`Table::sweep`]).
//!
//! Each shard is an ordered linear-probing table (Amble and Knuth, "Ordered hash tables", 1974). The home slot grows
//! with the hash and entries are sorted by hash: a miss ends as early as a hit, growing is one sequential pass, and the
//! layout follows from the entries and the capacity alone.
//!
//! A record searches a table once: [`Table::find`] returns a [`Place`], which later reads and the insertion take. A
//! search compares the leading eight bytes, which almost always decide. An insertion moves its neighbours, a dozen or
//! more, by one copy a page. Identifiers and supports take less than half of the instructions that they did without this
//! (docs/benchmarks.md).
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

/// Number of records between two sweeps of a table. Sweeping more slots at once costs less than as many small steps.
pub(crate) const RECORDS_A_SWEEP: u64 = 16;
/// Number of slots examined by a sweep: four a record keep expired entries below a fifth of the table.
const SWEPT_SLOTS: usize = 4 * RECORDS_A_SWEEP as usize;

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

/// Place of a key: its slot, or the one in which it would be inserted. Valid until entries are inserted or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    shard: usize,
    slot: Result<usize, usize>,
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
        self.at(self.find(key))
    }

    pub(crate) fn get_mut(&mut self, key: &Hash128) -> Option<&mut E> {
        let Place { shard, slot } = self.find(key);
        slot.ok().map(|slot| self.shards[shard].pages.entry_mut(slot))
    }

    pub(crate) fn find(&self, key: &Hash128) -> Place {
        let shard = shard_of(key);
        Place { shard, slot: self.shards[shard].find(key) }
    }

    /// Entry at a place; `None` if its key is not in the table.
    pub(crate) fn at(&self, place: Place) -> Option<&E> {
        place.slot.ok().map(|slot| self.shards[place.shard].pages.entry(slot))
    }

    /// Inserts an entry at the place of its key, or replaces the one that is there.
    pub(crate) fn put(&mut self, place: Place, entry: E) {
        debug_assert!(place == self.find(&entry.key()), "the place is that of the entry's key");
        let shard = &mut self.shards[place.shard];
        match place.slot {
            Ok(slot) => *shard.pages.entry_mut(slot) = entry,
            Err(slot) => {
                self.len += 1;
                shard.insert(slot, entry);
            }
        }
    }

    /// Reads the slots where `key` is or would be, so that they are in the cache when the entry is used: two cache lines,
    /// which a search seldom leaves. Several calls in a row wait for memory together. Changes nothing; the returned byte
    /// keeps the compiler from removing the reads.
    pub(crate) fn touch(&self, key: &Hash128) -> u8 {
        let shard = &self.shards[shard_of(key)];
        let first = home(prefix(key), shard.capacity);
        let Some(page) = shard.pages.page(first / PAGE) else { return 0 };
        let slot = first % PAGE;
        let in_next_line = (slot + 64_usize.div_ceil(size_of::<E>())).min(PAGE - 1);
        page[slot].key()[0] ^ page[in_next_line].key()[0]
    }

    /// Inserts an entry whose key is not in the table.
    pub(crate) fn insert(&mut self, entry: E) {
        let key = entry.key();
        assert!(!is_empty(&entry), "no hash is all zero");
        let place = self.find(&key);
        assert!(place.slot.is_err(), "an entry is inserted once");
        self.put(place, entry);
    }

    pub(crate) fn remove(&mut self, key: &Hash128) -> Option<E> {
        let Place { shard, slot } = self.find(key);
        let slot = slot.ok()?;
        self.len -= 1;
        Some(self.shards[shard].remove(slot))
    }

    /// Examines the next slots of an endless round, and removes and returns the entries that are `expired`. Due every
    /// [`RECORDS_A_SWEEP`] records: as many records are in state, the turns follow from the log.
    pub(crate) fn sweep(&mut self, expired: impl Fn(&E) -> bool) -> Vec<E> {
        let mut removed = Vec::new();
        let mut left = SWEPT_SLOTS;
        while left > 0 {
            let (number, slot) = self.cursor;
            let shard = &mut self.shards[number];
            let Some(page) = shard.pages.page(slot / PAGE) else {
                self.cursor = ((number + 1) % self.shards.len(), 0);
                left -= 1;
                continue;
            };
            let start = slot % PAGE;
            let slots = &page[start..PAGE.min(start + left)];
            match slots.iter().position(|entry| !is_empty(entry) && expired(entry)) {
                None => {
                    self.cursor = (number, slot + slots.len());
                    left -= slots.len();
                }
                Some(distance) => {
                    // The entry behind may move into the slot: examine it again.
                    self.cursor = (number, slot + distance);
                    left -= distance + 1;
                    self.len -= 1;
                    removed.push(shard.remove(slot + distance));
                }
            }
        }
        removed
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &E> {
        self.shards.iter().flat_map(|shard| shard.pages.iter()).filter(|entry| !is_empty(*entry))
    }

    pub(crate) fn regions(&mut self) -> impl Iterator<Item = &mut dyn PagedTable> {
        self.shards.iter_mut().map(|shard| &mut shard.pages as &mut dyn PagedTable)
    }
}

impl<E: TableEntry> Shard<E> {
    fn slots(&self) -> usize {
        self.pages.len() * PAGE
    }

    /// Slot of `key`, or the slot where it would be inserted.
    fn find(&self, key: &Hash128) -> Result<usize, usize> {
        let leading = prefix(key);
        let first = home(leading, self.capacity);
        let (mut page, mut start) = (first / PAGE, first % PAGE);
        while let Some(slots) = self.pages.page(page) {
            for (distance, entry) in slots[start..].iter().enumerate() {
                count_look();
                let there = prefix(&entry.key());
                if there < leading && there != 0 {
                    continue;
                }
                if entry.key() == *key {
                    return Ok(page * PAGE + start + distance);
                }
                if is_empty(entry) || entry.key() > *key {
                    return Err(page * PAGE + start + distance);
                }
            }
            (page, start) = (page + 1, 0);
        }
        Err(self.slots())
    }

    /// Inserts an entry in its slot and moves the following ones by one slot.
    fn insert(&mut self, mut slot: usize, mut entry: E) {
        if (self.len + 1) * 8 > self.capacity * 7 {
            self.grow();
            slot = self.find(&entry.key()).expect_err("an entry is inserted once");
        }
        self.len += 1;
        let (mut page, mut start) = (slot / PAGE, slot % PAGE);
        loop {
            if page == self.pages.len() {
                self.pages.push();
            }
            let slots = self.pages.page_mut(page);
            let free = slots[start..].iter().position(is_empty);
            let end = free.map_or(PAGE - 1, |distance| start + distance);
            let last = slots[end];
            slots.copy_within(start..end, start + 1);
            slots[start] = entry;
            if free.is_some() {
                return;
            }
            // The page is full: its last entry moves into the next one.
            entry = last;
            (page, start) = (page + 1, 0);
        }
    }

    /// Removes the entry of a slot and moves the displaced ones behind it back by one slot.
    fn remove(&mut self, slot: usize) -> E {
        let removed = *self.pages.entry(slot);
        let is_displaced = |slot: usize| {
            let entry = self.pages.page(slot / PAGE).map(|page| &page[slot % PAGE]);
            entry.is_some_and(|entry| !is_empty(entry) && home(prefix(&entry.key()), self.capacity) < slot)
        };
        let mut last = slot;
        while is_displaced(last + 1) {
            last += 1;
        }
        for page in slot / PAGE..=last / PAGE {
            let start = if page == slot / PAGE { slot % PAGE } else { 0 };
            let (end, follows) = match self.pages.page(page + 1).filter(|_| page < last / PAGE) {
                Some(next) => (PAGE - 1, next[0]),
                None => (last % PAGE, E::zeroed()),
            };
            let slots = self.pages.page_mut(page);
            slots.copy_within(start + 1..=end, start);
            slots[end] = follows;
        }
        self.len -= 1;
        removed
    }

    /// Grows in one pass: entries are sorted by hash, and so are their new slots. Each page is freed as soon as it is
    /// read.
    #[cold]
    fn grow(&mut self) {
        self.capacity += self.capacity / 8 + 16;
        let old = self.pages.take();
        self.pages.push();
        let mut next = 0;
        for page in old {
            let mut entries = &page[..];
            loop {
                let last = self.pages.len() - 1;
                let moved = fill(self.pages.page_mut(last), last * PAGE, entries, self.capacity, &mut next);
                entries = &entries[moved..];
                if entries.is_empty() {
                    break;
                }
                self.pages.push();
            }
        }
        while self.slots() < self.capacity {
            self.pages.push();
        }
    }
}

/// Copies entries to their slots of a page that begins at slot `first`, up to the first entry that belongs behind it.
/// Returns the number of examined slots; `next` is the first slot that is still free.
fn fill<E: TableEntry>(page: &mut [E; PAGE], first: usize, entries: &[E], capacity: usize, next: &mut usize) -> usize {
    for (index, entry) in entries.iter().enumerate() {
        if is_empty(entry) {
            continue;
        }
        let slot = home(prefix(&entry.key()), capacity).max(*next);
        let Some(empty) = page.get_mut(slot - first) else { return index };
        *empty = *entry;
        *next = slot + 1;
    }
    entries.len()
}

fn is_empty<E: TableEntry>(entry: &E) -> bool {
    u128::from_ne_bytes(entry.key()) == 0
}

/// Leading eight bytes of a key, in its order.
fn prefix(key: &Hash128) -> u64 {
    u64::from_be_bytes(*key.first_chunk().expect("eight bytes"))
}

fn shard_of(key: &Hash128) -> usize {
    (prefix(key) >> (64 - SHARD_BITS)) as usize
}

/// Home slot within a shard, by the prefix of the key: grows with it from 0 to `capacity - 1`.
fn home(prefix: u64, capacity: usize) -> usize {
    let within_shard = prefix << SHARD_BITS;
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
                        for pair in table.sweep(|pair| pair.1 < below) {
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

    /// All keys of a class have one home and equal leading bytes.
    #[test]
    fn runs_of_several_pages_stay_in_order() {
        let (mut table, mut map) = (Table::<Pair>::new(), BTreeMap::new());
        let numbers = || (0..3_000_u16).map(|number| number.wrapping_mul(26_501) % 9_000);
        for number in numbers().chain(numbers().filter(|number| number % 3 == 1)) {
            let pair = Pair(key(number), u32::from(number));
            let place = table.find(&pair.0);
            assert_eq!(table.at(place).map(|pair| pair.1), map.insert(pair.0, pair.1));
            table.put(place, pair);
            if number % 3 == 0 {
                let other = key(number / 3);
                assert_eq!(table.remove(&other).map(|pair| pair.1), map.remove(&other));
            }
        }
        assert!(table.len() == map.len() && table.len() > 4 * PAGE);
        assert_eq!(table.iter().map(|pair| (pair.0, pair.1)).collect::<Vec<_>>(), map.into_iter().collect::<Vec<_>>());
        let removed: usize = (0..200).map(|_| table.sweep(|_| true).len()).sum();
        assert!(removed > 0 && table.iter().count() == table.len());
    }

    #[test]
    fn a_full_round_of_the_sweep_finds_every_expired_entry() {
        let mut table = Table::new();
        (0..400).for_each(|number| table.insert(Pair(key(number), u32::from(number))));
        let mut swept = 0;
        for _ in 0..20_000 / SWEPT_SLOTS {
            swept += table.sweep(|pair| pair.1 % 2 == 0).len();
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
