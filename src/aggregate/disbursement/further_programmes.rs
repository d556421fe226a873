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
    /// Entry of each person and programme. Follows from the entries.
    #[serde(skip)]
    places: HashMap<(u32, LabelId), u32>,
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
        Self { entries: Slab::new(), newest: HashMap::new(), places: HashMap::new() }
    }

    /// True if a person has further programmes.
    pub(crate) fn has(&self, person: u32) -> bool {
        !self.newest.is_empty() && self.newest.contains_key(&person)
    }

    /// Further programmes of a person, with the first settled dispersal of each. There may be thousands.
    pub(crate) fn of(&self, person: u32) -> impl Iterator<Item = (LabelId, SettledDispersal)> {
        let newest = if self.newest.is_empty() { None } else { self.newest.get(&person).copied() };
        std::iter::successors(newest, |&index| self.entries[index].next.get())
            .map(|index| (self.entries[index].programme.get() as LabelId, self.entries[index].settled))
    }

    /// Keeps the first settled dispersal of a programme.
    pub(crate) fn keep_first(&mut self, person: u32, programme: LabelId, settled: SettledDispersal) {
        if let Some(&index) = self.places.get(&(person, programme)) {
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
        let index = self.entries.insert(item);
        self.newest.insert(person, index);
        self.places.insert((person, programme), index);
    }

    /// Rebuilds the maps. The newest entry of a person is the one with the highest index: nothing is ever removed.
    pub(crate) fn index(&mut self) {
        let place = |item: &SettledEntry| (item.person.get() as u32, item.programme.get() as LabelId);
        self.newest = self.entries.iter().map(|(index, item)| (place(item).0, index)).collect();
        self.places = self.entries.iter().map(|(index, item)| (place(item), index)).collect();
    }

    pub(crate) fn region(&mut self) -> &mut dyn PagedTable {
        self.entries.region()
    }
}
