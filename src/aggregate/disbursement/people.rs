//! People and their dispersals: who was paid, when, under which programme and federal state, and how much of it is
//! left.
//!
//! The dispersals of a person of which something is left form a doubly linked list by time, then log order; where it
//! is long, neighbours are found without a walk ([`crowds`](super::crowds)). Whether a
//! dispersal is the first of its person in a day, a week or any other period follows from its predecessor. A change of
//! one dispersal therefore changes only its own count and that of its successor, for every period at once: no set of
//! people is kept for any (see [`days`](super::days)).
//!
//! People are found by hash through an index in 256 shards, so that growing doubles little memory at a time. When a
//! dispersal with something left is forgotten, the person keeps the first such one of each programme
//! ([`SettledDispersal`]): one inline, further ones in [`FurtherProgrammes`].

mod list;

use bytemuck::{Pod, Zeroable};
use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use super::crowds::{Crowds, Rank};
use super::further_programmes::FurtherProgrammes;
use super::settled::{LogOrder, SettledDispersal};
use crate::aggregate::labels::LabelId;
use crate::aggregate::packed::{PackedTime, SlabLink, U16, U32, U40};
use crate::aggregate::pages::PagedTable;
use crate::aggregate::slab::{Slab, SlabEntry};
use crate::clock::Timestamp;
use crate::event::{Centavos, FederalState, Hash128};

/// A dispersal in 32 bytes.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Dispersal {
    time: PackedTime,
    /// Order of dispersals to one person at one instant: the later in the log has the higher number. Beyond 65,535 they
    /// tie.
    tie: U16,
    left: U40,
    programme: U16,
    state: FederalState,
    person: U32,
    /// Predecessor in the person's list.
    older: SlabLink,
    /// Successor in the person's list.
    newer: SlabLink,
    /// Previous dispersal of the support in the same list (live or spent).
    pub before: SlabLink,
}

/// A person in 31 bytes. Further programmes are in [`People::further`].
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Person {
    hash: Hash128,
    /// The newest dispersal of the person's list.
    newest: SlabLink,
    settled: SettledDispersal,
    programme: U16,
}

/// Fields of a new dispersal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewDispersal {
    pub person: Hash128,
    pub time: Timestamp,
    pub amount: Centavos,
    pub programme: LabelId,
    pub state: FederalState,
}

/// A dispersal that was entered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entered {
    pub index: u32,
    /// True if its person is crowded from this dispersal on.
    pub crowds: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct People {
    dispersals: Slab<Dispersal>,
    people: Slab<Person>,
    /// People by hash, in shards. Follows from the people.
    #[serde(skip)]
    index: Vec<HashTable<u32>>,
    /// Number of listed dispersals to each person beside one, by the person's index; 0 for crowded people. Follows from
    /// the lists.
    #[serde(skip)]
    others: Vec<u8>,
    /// Lists of crowded people. Follows from the lists.
    #[serde(skip, default = "Crowds::new")]
    crowds: Crowds<()>,
    further: FurtherProgrammes,
    max_people: u64,
    /// True once there were more people than the bound: from then on nothing is settled any more.
    overflowed: bool,
}

impl People {
    /// Creates an empty table. Beyond `max_people` people at once, those ever paid are no longer kept, so their number
    /// is unknown from then on.
    pub(crate) fn new(max_people: u64) -> Self {
        Self {
            dispersals: Slab::new(),
            people: Slab::new(),
            index: (0..=u8::MAX).map(|_| HashTable::new()).collect(),
            others: Vec::new(),
            crowds: Crowds::new(),
            further: FurtherProgrammes::new(),
            max_people,
            overflowed: false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.people.len()
    }

    pub(crate) fn dispersal_count(&self) -> usize {
        self.dispersals.len()
    }

    /// Index above that of every dispersal.
    pub(crate) fn end_index(&self) -> u32 {
        self.dispersals.end_index()
    }

    /// Dispersal at an index below [`Self::end_index`], unless it is vacant.
    pub(crate) fn get_occupied(&self, index: u32) -> Option<&Dispersal> {
        self.dispersals.get_occupied(index)
    }

    /// True if something is left of another dispersal to the same person.
    pub(crate) fn has_neighbours(&self, index: u32) -> bool {
        let dispersal = &self.dispersals[index];
        dispersal.older.is_some() || dispersal.newer.is_some()
    }

    /// False once the bound on people was passed: from then on it is not known who was ever paid.
    pub(crate) fn complete(&self) -> bool {
        !self.overflowed
    }

    pub(crate) fn dispersal(&self, index: u32) -> &Dispersal {
        &self.dispersals[index]
    }

    pub(crate) fn dispersal_mut(&mut self, index: u32) -> &mut Dispersal {
        self.dispersals.get_mut(index)
    }

    /// Inserts a dispersal with its whole amount left.
    pub(crate) fn enter(&mut self, new: NewDispersal) -> Entered {
        let person = self.find_or_add(&new.person);
        let (mut older, mut newer) = self.around(person, Rank::end_of(new.time));
        let tie = self.next_tie(older, new.time);
        let index = self.dispersals.insert(Dispersal {
            time: PackedTime::at(new.time),
            tie: U16::new(tie),
            left: U40::new(new.amount),
            programme: U16::new(u64::from(new.programme)),
            state: new.state,
            person: U32::new(u64::from(person)),
            older: SlabLink::NONE,
            newer: SlabLink::NONE,
            before: SlabLink::NONE,
        });
        if tie == u64::from(u16::MAX) {
            (older, newer) = self.around(person, self.rank(index));
        }
        self.join(person, older, Some(index));
        self.join(person, Some(index), newer);
        Entered { index, crowds: self.count_listed(index) }
    }

    /// Removes a dispersal of which nothing is left from its person's list; it stays in its support's list of spent
    /// ones.
    pub(crate) fn withdraw(&mut self, index: u32) {
        self.unlist(index);
        self.release(self.dispersals[index].person());
    }

    /// Forgets a dispersal of which nothing is left.
    pub(crate) fn forget_spent(&mut self, index: u32) {
        self.dispersals.remove(index);
    }

    /// Forgets a dispersal of which something is left, and remembers for all time that its person was paid.
    pub(crate) fn settle(&mut self, index: u32) {
        let dispersal = self.dispersals[index];
        let person = dispersal.person();
        self.unlist(index);
        self.dispersals.remove(index);
        let settled = dispersal.settled();
        if self.complete() {
            self.keep_first(person, dispersal.programme(), settled);
        }
        self.release(person);
    }

    /// True if a walk along the person's list would take long.
    pub(crate) fn is_crowded(&self, person: u32) -> bool {
        self.crowds.has(person)
    }

    /// Crowded people, in no order.
    pub(crate) fn crowded(&self) -> impl Iterator<Item = u32> {
        self.crowds.people()
    }

    /// Indexes of a person's listed dispersals, newest first.
    pub(crate) fn listed(&self, person: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(self.people[person].newest.get(), |&index| self.dispersals[index].older.get())
    }

    /// Place of a dispersal in its person's list.
    pub(crate) fn rank(&self, index: u32) -> Rank {
        let dispersal = &self.dispersals[index];
        Rank { time: dispersal.time(), tie: dispersal.tie.get() as u16, state: dispersal.state, index }
    }

    /// Nearest older and newer dispersal of the same person that `belongs`, by a walk along the list: not for crowded
    /// people. `belongs` gets a dispersal and its index.
    pub(crate) fn neighbours(
        &self,
        index: u32,
        belongs: impl Fn(u32, &Dispersal) -> bool,
    ) -> (Option<u32>, Option<u32>) {
        let walk = |step: fn(&Dispersal) -> SlabLink| {
            let mut at = step(&self.dispersals[index]).get();
            while let Some(other) = at {
                let dispersal = &self.dispersals[other];
                if belongs(other, dispersal) {
                    break;
                }
                at = step(dispersal).get();
            }
            at
        };
        (walk(|dispersal| dispersal.older), walk(|dispersal| dispersal.newer))
    }

    /// The settled dispersal that a person's entry holds, with its programme.
    pub(crate) fn inline_settled(&self, person: u32) -> Option<(LabelId, LogOrder)> {
        let entry = &self.people[person];
        Some((entry.programme.get() as LabelId, entry.settled.order()?))
    }

    /// True if a person has settled dispersals under further programmes.
    pub(crate) fn has_further(&self, person: u32) -> bool {
        self.further.has(person)
    }

    /// Index of every person.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.people.iter().map(|(person, _)| person)
    }

    /// Programmes with settled dispersals of a person, and the first of each.
    pub(crate) fn settled(&self, person: u32) -> impl Iterator<Item = (LabelId, LogOrder)> {
        let further = self.further.of(person);
        let further = further.filter_map(|(programme, settled)| Some((programme, settled.order()?)));
        self.inline_settled(person).into_iter().chain(further)
    }

    /// Rebuilds the index by hash, and what follows from the lists, after people were read from a checkpoint.
    pub(crate) fn index(&mut self) {
        let mut counts = [0; 256];
        self.people.iter().for_each(|(_, person)| counts[usize::from(person.hash[0])] += 1);
        self.index = counts.into_iter().map(HashTable::with_capacity).collect();
        for (number, person) in self.people.iter() {
            let people = &self.people;
            self.index[usize::from(person.hash[0])]
                .insert_unique(key(&person.hash), number, |&other| key(&people[other].hash));
        }
        self.further.index();
        self.index_lists();
    }

    /// Hash of every person.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = Hash128> {
        self.people.iter().map(|(_, person)| person.hash)
    }

    /// True if a person has a dispersal of which something is left, or did when it was forgotten.
    pub(crate) fn has(&self, hash: &Hash128) -> bool {
        self.find(hash).is_some()
    }

    pub(crate) fn regions(&mut self) -> impl Iterator<Item = &mut dyn PagedTable> {
        [self.dispersals.region(), self.people.region(), self.further.region()].into_iter()
    }

    /// Reads the memory that a dispersal to this person will need into the cache. Reading index, person and dispersal in
    /// three passes over the next events made no difference.
    pub(crate) fn touch(&self, hash: &Hash128) -> u8 {
        self.find(hash).map_or(0, |person| {
            self.people[person].newest.get().map_or(0, |newest| self.dispersals[newest].programme() as u8)
        })
    }

    fn find(&self, hash: &Hash128) -> Option<u32> {
        self.index[usize::from(hash[0])].find(key(hash), |&person| self.people[person].hash == *hash).copied()
    }

    fn find_or_add(&mut self, hash: &Hash128) -> u32 {
        let Self { people, index, .. } = self;
        let shard = &mut index[usize::from(hash[0])];
        if let Some(&person) = shard.find(key(hash), |&person| people[person].hash == *hash) {
            return person;
        }
        let person = people.insert(Person { hash: *hash, ..Person::zeroed() });
        shard.insert_unique(key(hash), person, |&other| key(&people[other].hash));
        self.overflowed |= people.len() as u64 > self.max_people;
        person
    }

    /// Forgets a person with neither listed nor settled dispersals.
    fn release(&mut self, person: u32) {
        let Self { people, index, .. } = self;
        let entry = people[person];
        if entry.newest.is_some() || entry.settled.is_some() {
            return;
        }
        if let Ok(found) = index[usize::from(entry.hash[0])].find_entry(key(&entry.hash), |&other| other == person) {
            found.remove();
        }
        people.remove(person);
    }

    fn keep_first(&mut self, person: u32, programme: LabelId, settled: SettledDispersal) {
        let entry = self.people.get_mut(person);
        if !entry.settled.is_some() {
            entry.programme = U16::new(u64::from(programme));
            entry.settled = settled;
        } else if entry.programme.get() as LabelId == programme {
            entry.settled = entry.settled.first(settled);
        } else {
            self.further.keep_first(person, programme, settled);
        }
    }
}

impl SlabEntry for Dispersal {
    fn vacant(next: SlabLink) -> Self {
        Self { older: next, ..Self::zeroed() }
    }

    fn next_vacant(&self) -> Option<SlabLink> {
        (!self.time.is_some()).then_some(self.older)
    }
}

impl SlabEntry for Person {
    fn vacant(next: SlabLink) -> Self {
        Self { newest: next, ..Self::zeroed() }
    }

    fn next_vacant(&self) -> Option<SlabLink> {
        (self.hash == Hash128::default()).then_some(self.newest)
    }
}

impl Dispersal {
    pub(crate) fn time(&self) -> Timestamp {
        self.time.get().expect("a dispersal has a time")
    }

    pub(crate) fn left(&self) -> Centavos {
        self.left.get()
    }

    pub(crate) fn take(&mut self, amount: Centavos) {
        self.left = U40::new(self.left.get().checked_sub(amount).expect("no more is taken than is left"));
    }

    pub(crate) fn programme(&self) -> LabelId {
        self.programme.get() as LabelId
    }

    pub(crate) fn state(&self) -> FederalState {
        self.state
    }

    pub(crate) fn person(&self) -> u32 {
        self.person.get() as u32
    }

    fn settled(&self) -> SettledDispersal {
        SettledDispersal { time: self.time, tie: self.tie, state: self.state }
    }

    pub(crate) fn order(&self) -> LogOrder {
        self.settled().order().expect("a dispersal has a time")
    }
}

/// Key of the index. Identifiers are hashes already.
fn key(hash: &Hash128) -> u64 {
    u64::from_le_bytes(hash[8..].try_into().expect("eight bytes"))
}
