//! Entries with a stable index, stored in pages.
//!
//! Growing adds a page, so it neither moves entries nor doubles memory. A removed entry becomes vacant: vacant entries
//! form a linked list through themselves, and the next insertion reuses the newest of them. Indexes are `u32`;
//! [`SlabLink`] stores one in four unaligned bytes.
//!
//! The crate `slab` keeps its entries in one vector, which doubles and moves; pages do neither and are copied into
//! checkpoints as they are.

use std::ops::Index;

use bytemuck::Pod;
use serde::{Deserialize, Serialize};

use super::effort::count_look;
use super::packed::SlabLink;
use super::pages::{PAGE, PagedTable, Pages};

/// An entry of a [`Slab`].
pub(crate) trait SlabEntry: Pod {
    /// Creates a vacant entry that links to the next vacant one.
    fn vacant(next: SlabLink) -> Self;
    /// Returns the link to the next vacant entry, or `None` if this one is occupied.
    fn next_vacant(&self) -> Option<SlabLink>;
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Slab<T: SlabEntry> {
    pages: Pages<T>,
    /// Number of entries that were ever occupied.
    used: u32,
    len: u32,
    /// Newest vacant entry.
    vacant: SlabLink,
}

impl<T: SlabEntry> Slab<T> {
    pub(crate) fn new() -> Self {
        Self { pages: Pages::new(), used: 0, len: 0, vacant: SlabLink::NONE }
    }

    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) fn insert(&mut self, entry: T) -> u32 {
        self.len += 1;
        if let Some(index) = self.vacant.get() {
            self.vacant = self[index].next_vacant().expect("the list of vacant entries holds vacant entries");
            *self.get_mut(index) = entry;
            return index;
        }
        let index = self.used;
        self.used = self.used.checked_add(1).expect("a slab holds fewer than 2^32 entries");
        if index as usize == self.pages.len() * PAGE {
            self.pages.push();
        }
        *self.get_mut(index) = entry;
        index
    }

    /// Removes an entry; its index is reused.
    pub(crate) fn remove(&mut self, index: u32) {
        *self.get_mut(index) = T::vacant(self.vacant);
        self.vacant = SlabLink::to(index);
        self.len -= 1;
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> &mut T {
        self.pages.entry_mut(index as usize)
    }

    /// Occupied entries with their indexes, in rising order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..self.used).zip(self.pages.iter()).filter(|(_, entry)| entry.next_vacant().is_none())
    }

    /// Index above every entry that was ever occupied.
    pub(crate) fn end_index(&self) -> u32 {
        self.used
    }

    /// The entry at an index below [`Self::end_index`], unless it is vacant.
    pub(crate) fn get_occupied(&self, index: u32) -> Option<&T> {
        Some(&self[index]).filter(|entry| entry.next_vacant().is_none())
    }

    pub(crate) fn region(&mut self) -> &mut dyn PagedTable {
        &mut self.pages
    }
}

impl<T: SlabEntry> Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, index: u32) -> &T {
        count_look();
        self.pages.entry(index as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
    #[repr(C)]
    struct Pair(u8, SlabLink);

    impl SlabEntry for Pair {
        fn vacant(next: SlabLink) -> Self {
            Self(0, next)
        }

        fn next_vacant(&self) -> Option<SlabLink> {
            (self.0 == 0).then_some(self.1)
        }
    }

    proptest! {
        #[test]
        fn an_index_leads_to_its_entry_until_it_is_removed(steps in prop::collection::vec((1..=u8::MAX, any::<bool>()), 0..2_000)) {
            let mut slab = Slab::<Pair>::new();
            let mut expected = BTreeMap::new();
            for (value, removes) in steps {
                match expected.keys().nth(usize::from(value) % expected.len().max(1)).copied().filter(|_| removes) {
                    Some(index) => {
                        prop_assert_eq!(slab[index].0, expected.remove(&index).unwrap());
                        slab.remove(index);
                    }
                    None => prop_assert!(expected.insert(slab.insert(Pair(value, SlabLink::NONE)), value).is_none()),
                }
                prop_assert_eq!(slab.len(), expected.len());
            }
            prop_assert_eq!(slab.iter().map(|(index, pair)| (index, pair.0)).collect::<BTreeMap<_, _>>(), expected);
        }
    }
}
