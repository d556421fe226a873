//! The list of a person's dispersals: where a new one belongs, and what follows from the lists.

use super::{Dispersal, People};
use crate::aggregate::disbursement::crowds::{CROWDED, Crowds, Rank};
use crate::aggregate::packed::SlabLink;
use crate::clock::Timestamp;

impl People {
    /// Dispersals between which a place in the person's list lies.
    pub(super) fn around(&self, person: u32, rank: Rank) -> (Option<u32>, Option<u32>) {
        if self.is_crowded(person) {
            return (self.crowds.older(person, (), rank), self.crowds.newer(person, (), rank));
        }
        let (mut older, mut newer) = (self.people[person].newest.get(), None);
        while let Some(later) = older.filter(|&index| self.rank(index) > rank) {
            (older, newer) = (self.dispersals[later].older.get(), Some(later));
        }
        (older, newer)
    }

    /// Tie number above those of every remembered dispersal to the person at the same instant, of which `older` has the
    /// highest. Settled ones are earlier: their support was forgotten because the horizon had passed its newest event,
    /// and what is older than the horizon is not applied.
    pub(super) fn next_tie(&self, older: Option<u32>, time: Timestamp) -> u64 {
        let older = older.map(|older| &self.dispersals[older]).filter(|older| older.time() == time);
        older.map_or(0, |older| (older.tie.get() + 1).min(u64::from(u16::MAX)))
    }

    /// Counts a dispersal that joined its person's list; true if the person is crowded from it on.
    pub(super) fn count_listed(&mut self, index: u32) -> bool {
        let dispersal = &self.dispersals[index];
        let person = dispersal.person();
        if dispersal.older.get().or(dispersal.newer.get()).is_none() {
            return false;
        }
        if self.is_crowded(person) {
            self.crowds.insert(person, [()], self.rank(index));
            return false;
        }
        self.count_another(person);
        let crowds = self.others[person as usize] + 1 >= CROWDED;
        if crowds {
            self.gather(person);
        }
        crowds
    }

    fn count_another(&mut self, person: u32) {
        let place = person as usize;
        if self.others.len() <= place {
            self.others.resize(place + 1, 0);
        }
        self.others[place] = self.others[place].saturating_add(1);
    }

    /// Makes a person crowded.
    fn gather(&mut self, person: u32) {
        self.others[person as usize] = 0;
        let mut newer = None;
        let ranks: Vec<Rank> = self.listed(person).map(|index| self.rank(index)).collect();
        ranks.iter().for_each(|&rank| self.crowds.insert(person, [()], rank));
        if ranks.is_sorted_by(|newer, older| newer > older) {
            return;
        }
        // An earlier version listed dispersals of equal ties in log order.
        let mut ranks = ranks;
        ranks.sort_unstable();
        for rank in ranks.into_iter().rev() {
            self.join(person, Some(rank.index), newer);
            newer = Some(rank.index);
        }
        self.join(person, None, newer);
    }

    /// Removes a dispersal from its person's list.
    pub(super) fn unlist(&mut self, index: u32) {
        let dispersal = self.dispersals[index];
        let (person, older, newer) = (dispersal.person(), dispersal.older.get(), dispersal.newer.get());
        self.join(person, older, newer);
        if self.is_crowded(person) {
            self.crowds.remove(person, [()], self.rank(index));
        } else if older.or(newer).is_some() {
            self.others[person as usize] -= 1;
        }
    }

    /// Rebuilds what follows from the lists.
    pub(super) fn index_lists(&mut self) {
        (self.others, self.crowds) = (Vec::new(), Crowds::new());
        for index in 0..self.dispersals.end_index() {
            let listed = self.dispersals.get_occupied(index).filter(|dispersal| dispersal.left() > 0);
            if let Some(person) = listed.filter(|dispersal| dispersal.older.is_some()).map(Dispersal::person) {
                self.count_another(person);
            }
        }
        for person in 0..self.others.len() {
            if self.others[person].saturating_add(1) >= CROWDED {
                self.gather(person as u32);
            }
        }
    }

    /// Links two dispersals as neighbours; `None` stands for an end of the list.
    pub(super) fn join(&mut self, person: u32, older: Option<u32>, newer: Option<u32>) {
        let link = |index: Option<u32>| index.map_or(SlabLink::NONE, SlabLink::to);
        if let Some(older) = older {
            self.dispersals.get_mut(older).newer = link(newer);
        }
        match newer {
            Some(newer) => self.dispersals.get_mut(newer).older = link(older),
            None => self.people.get_mut(person).newest = link(older),
        }
    }
}
