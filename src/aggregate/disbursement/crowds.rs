//! The order of dispersals to *crowded* people: those to whom so many are listed that a walk along the list would take
//! long, such as a placeholder that a producer sends in place of identifiers.
//!
//! The list of anybody else is walked, which is as fast as it can be for one to five dispersals. From [`CROWDED`] on,
//! until none is left, the dispersals of a person are also in ordered sets, one for each figure that they may count
//! for, and a neighbour is found in logarithmic time. Sets follow from state, so no checkpoint stores them, and nothing
//! depends on whether a person is crowded but time.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::hash::Hash;
use std::ops::Bound;

use hashbrown::HashMap;

use crate::aggregate::effort::count_look;
use crate::clock::Timestamp;
use crate::event::FederalState;

/// Number of listed dispersals from which on a person is crowded.
pub(crate) const CROWDED: u8 = 8;

/// Place of a dispersal in its person's list: by time, then log order. Dispersals whose ties are equal (beyond 65,535 at
/// one instant) follow by federal state, so that which is first does not depend on how it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rank {
    pub time: Timestamp,
    pub tie: u16,
    pub state: FederalState,
    /// Index of the dispersal.
    pub index: u32,
}

impl Rank {
    /// Place behind every dispersal at `time`.
    pub(crate) fn end_of(time: Timestamp) -> Self {
        Self { time, tie: u16::MAX, state: FederalState::OTHER, index: u32::MAX }
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        count_look();
        let key = |rank: &Self| (rank.time, rank.tie, rank.state, rank.index);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Dispersals of crowded people, in order, for each figure of kind `F` that they count for.
#[derive(Debug)]
pub(crate) struct Crowds<F> {
    people: HashMap<u32, HashMap<F, BTreeSet<Rank>>>,
}

impl<F: Copy + Eq + Hash> Crowds<F> {
    pub(crate) fn new() -> Self {
        Self { people: HashMap::new() }
    }

    pub(crate) fn has(&self, person: u32) -> bool {
        !self.people.is_empty() && self.people.contains_key(&person)
    }

    /// People in no order.
    pub(crate) fn people(&self) -> impl Iterator<Item = u32> {
        self.people.keys().copied()
    }

    /// Inserts a dispersal of a person for each of `figures`.
    pub(crate) fn insert(&mut self, person: u32, figures: impl IntoIterator<Item = F>, rank: Rank) {
        let sets = self.people.entry(person).or_default();
        for figure in figures {
            sets.entry(figure).or_default().insert(rank);
        }
    }

    /// Removes a dispersal that was inserted for `figures`; people without any are forgotten.
    pub(crate) fn remove(&mut self, person: u32, figures: impl IntoIterator<Item = F>, rank: Rank) {
        let Some(sets) = self.people.get_mut(&person) else { return };
        for figure in figures {
            if let Some(set) = sets.get_mut(&figure) {
                set.remove(&rank);
                if set.is_empty() {
                    sets.remove(&figure);
                }
            }
        }
        if sets.is_empty() {
            self.people.remove(&person);
        }
    }

    /// Index of the nearest older dispersal that counts for a figure.
    pub(crate) fn older(&self, person: u32, figure: F, rank: Rank) -> Option<u32> {
        self.set(person, figure)?.range(..rank).next_back().map(|older| older.index)
    }

    /// Index of the nearest newer dispersal that counts for a figure.
    pub(crate) fn newer(&self, person: u32, figure: F, rank: Rank) -> Option<u32> {
        let after = (Bound::Excluded(rank), Bound::Unbounded);
        self.set(person, figure)?.range(after).next().map(|newer| newer.index)
    }

    fn set(&self, person: u32, figure: F) -> Option<&BTreeSet<Rank>> {
        self.people.get(&person)?.get(&figure)
    }
}
