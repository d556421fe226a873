//! First settled dispersals of a person's second and later programmes. Few people have any, so they are stored apart
//! from the people.

use bytemuck::{Pod, Zeroable};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::settled::SettledDispersal;
use crate::aggregate::labels::LabelId;
use crate::aggregate::packed::{SlabLink, U16, U32};
use crate::aggregate::pages::PagedTable;
use crate::aggregate::slab::{Slab, SlabEntry};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FurtherProgrammes {
    entries: Slab<SettledEntry>,
    /// Newest entry of each person; entries form a linked list. Follows from the entries.
    #[serde(skip)]
    newest: HashMap<u32, u32>,
}

/// First settled dispersal of a person under one programme, in 19 bytes. Never removed.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct SettledEntry {
    settled: SettledDispersal,
    programme: U16,
    person: U32,
    next: SlabLink,
}

impl SlabEntry for SettledEntry {
    fn vacant(next: SlabLink) -> Self {
        Self { next, ..Self::zeroed() }
    }

    fn next_vacant(&self) -> Option<SlabLink> {
        (!self.settled.is_some()).then_some(self.next)
    }
}

impl FurtherProgrammes {
    pub(crate) fn new() -> Self {
        Self { entries: Slab::new(), newest: HashMap::new() }
    }

    /// Further programmes of a person, with the first settled dispersal of each.
    pub(crate) fn of(&self, person: u32) -> impl Iterator<Item = (LabelId, SettledDispersal)> {
        self.links(person).map(|index| (self.entries[index].programme.get() as LabelId, self.entries[index].settled))
    }

    /// Keeps the first settled dispersal of a programme.
    pub(crate) fn keep_first(&mut self, person: u32, programme: LabelId, settled: SettledDispersal) {
        let known = self.links(person).find(|&index| self.entries[index].programme.get() as LabelId == programme);
        if let Some(index) = known {
            let entry = self.entries.get_mut(index);
            entry.settled = entry.settled.first(settled);
            return;
        }
        let next = self.newest.get(&person).map_or(SlabLink::NONE, |&index| SlabLink::to(index));
        let item = SettledEntry {
            settled,
            programme: U16::new(u64::from(programme)),
            person: U32::new(u64::from(person)),
            next,
        };
        self.newest.insert(person, self.entries.insert(item));
    }

    /// Rebuilds the newest entry of each person: nothing is ever removed, so it is the one with the highest index.
    pub(crate) fn index(&mut self) {
        self.newest = self.entries.iter().map(|(index, item)| (item.person.get() as u32, index)).collect();
    }

    pub(crate) fn region(&mut self) -> &mut dyn PagedTable {
        self.entries.region()
    }

    fn links(&self, person: u32) -> impl Iterator<Item = u32> {
        let newest = if self.newest.is_empty() { None } else { self.newest.get(&person).copied() };
        std::iter::successors(newest, |&index| self.entries[index].next.get())
    }
}
