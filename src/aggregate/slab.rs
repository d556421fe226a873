//! Entries with a stable index, in pages, so that growing neither moves nor doubles anything. Free places form a list through themselves.

use std::ops::Index;

use bytemuck::Pod;
use serde::{Deserialize, Serialize};

use super::packed::SlabLink;
use super::pages::{PAGE, PagedTable, Pages};

/// What a [`Slab`] holds.
pub trait SlabEntry: Pod {
    /// A free place, and the next one.
    fn vacant(next: SlabLink) -> Self;
    /// The next free place, if this is one.
    fn next_vacant(&self) -> Option<SlabLink>;
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Slab<T: SlabEntry> {
    pages: Pages<T>,
    /// Places that were ever taken.
    used: u32,
    len: u32,
    free: SlabLink,
}

impl<T: SlabEntry> Slab<T> {
    pub fn new() -> Self {
        Self { pages: Pages::new(), used: 0, len: 0, free: SlabLink::NONE }
    }

    pub fn len(&self) -> usize {
        self.len as usize
    }

    pub fn insert(&mut self, entry: T) -> u32 {
        self.len += 1;
        if let Some(index) = self.free.get() {
            self.free = self[index].next_vacant().expect("the list of free places holds free places");
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

    /// Gives the place back.
    pub fn remove(&mut self, index: u32) {
        *self.get_mut(index) = T::vacant(self.free);
        self.free = SlabLink::to(index);
        self.len -= 1;
    }

    pub fn get_mut(&mut self, index: u32) -> &mut T {
        self.pages.entry_mut(index as usize)
    }

    /// Entries with their indexes, in the order of these.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..self.used).zip(self.pages.iter()).filter(|(_, entry)| entry.next_vacant().is_none())
    }

    /// Places that were ever taken.
    pub fn places(&self) -> u32 {
        self.used
    }

    /// The entry at a place below [`Self::places`], if it is not free.
    pub fn at_place(&self, index: u32) -> Option<&T> {
        Some(&self[index]).filter(|entry| entry.next_vacant().is_none())
    }

    pub fn region(&mut self) -> &mut dyn PagedTable {
        &mut self.pages
    }
}

impl<T: SlabEntry> Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, index: u32) -> &T {
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
