//! Dispersals by slot: the figures of day, week and month, and of every target of disbursements.
//!
//! # Distinct people without sets
//!
//! A dispersal of which something is left is *live*. The live dispersals of a person form a list by time, then log
//! order ([`people`](super::people)). A dispersal *repeats* another if the list has an earlier one in the same period
//! that counts for the same figure: for a programme as shown, or for a target. Distinct people are the live dispersals
//! less the repeating ones. That is summed slot by slot, so a person counts in the slot, and under the federal state,
//! of the period's first dispersal to them (`spec/figures.md#people`).
//!
//! A dispersal that joins or leaves the list changes only whether it repeats, and whether the next one does
//! ([`DispersalSlots::follow`]). A person with a single dispersal, as most are, costs one addition, however many
//! targets there are: dispersals that count for the same figures form one *group* ([`Groups`]), and targets are added
//! up over groups when a slot is shown.
//!
//! # Backfill
//!
//! Figures of other targets are derived in the background, beside those that are shown ([`DoubleBuffer`]): dispersals
//! by their index, those below `counted` so far, then the applications and approvals of past days, those before
//! `history_from` so far. A change of a dispersal that is counted changes the figures; one that is not will be counted
//! as it is by then. A dispersal repeats only counted ones, so that one joins them in the background as a new one joins
//! its list. The worker
//! backfills some thousand entries between two messages and promotes all partitions between two publications, so that a
//! snapshot is of one set of targets.
//!
//! [`DoubleBuffer`]: crate::aggregate::double_buffer::DoubleBuffer

mod contents;

use std::sync::Arc;

use self::contents::{
    DispersalCounts, Group, GroupCounts, Headcount, HeadcountFigures, change_hour, hour_of, repeat_in_hour, show,
};
use super::crowds::Crowds;
use super::people::{Dispersal, Entered};
use super::{DisbursementsState, cell_key};
use crate::aggregate::panes::{PaneKey, first_of, second_of};
use crate::aggregate::selection::{Groups, Selection, counts_of, has};
use crate::aggregate::slots::SlotSeries;
use crate::allowlists::Allowlists;
use crate::clock::{DAY, Millis, Timestamp};
use crate::event::{Centavos, FederalState};
use crate::view::slots::Slots;

#[derive(Debug)]
pub(crate) struct DispersalSlots {
    allowlists: Arc<Allowlists>,
    selection: Selection,
    horizon: Millis,
    groups: Groups<Group>,
    series: SlotSeries<DispersalCounts>,
    /// Dispersals with a lower index are counted.
    counted: u32,
    /// Applications and approvals of the UTC days before are counted.
    history_from: Timestamp,
    /// Counted dispersals of crowded people.
    crowds: Crowds<Headcount>,
}

impl DispersalSlots {
    /// Creates the slots with nothing counted yet.
    pub(crate) fn new(allowlists: Arc<Allowlists>, selection: Selection, horizon: Millis) -> Self {
        let series = SlotSeries::new(Arc::clone(&selection.layout));
        Self {
            allowlists,
            selection,
            horizon,
            groups: Groups::new(),
            series,
            counted: 0,
            history_from: Timestamp::MIN,
            crowds: Crowds::new(),
        }
    }

    /// Counts about `budget` more dispersals of state; true once all of state is counted.
    pub(crate) fn backfill(&mut self, state: &DisbursementsState, budget: usize) -> bool {
        if self.counted == u32::MAX {
            return true;
        }
        let end_index = state.people.end_index();
        let end = self.counted.saturating_add(u32::try_from(budget).unwrap_or(u32::MAX)).min(end_index);
        for index in self.counted..end {
            self.counted = index + 1;
            if let Some(&dispersal) = state.people.get_occupied(index) {
                self.add(state, &dispersal);
                if dispersal.left() > 0 {
                    self.join_crowd(state, index);
                    self.follow(state, index, true);
                }
            }
        }
        if end < end_index || !self.backfill_history(state, budget) {
            return false;
        }
        (self.counted, self.history_from) = (u32::MAX, Timestamp::MAX);
        true
    }

    fn backfill_history(&mut self, state: &DisbursementsState, mut budget: usize) -> bool {
        while let Some(day) = state.panes.first_day_from(self.history_from) {
            if budget == 0 {
                return false;
            }
            for (time, key, [applications, approvals, _]) in state.panes.of_day(day) {
                self.add_steps(state, time, key, [*applications as u64, *approvals as u64]);
                budget = budget.saturating_sub(1);
            }
            self.history_from = day + DAY;
        }
        true
    }

    /// Counts applications and approvals.
    pub(crate) fn step(&mut self, state: &DisbursementsState, time: Timestamp, key: PaneKey, steps: [u64; 2]) {
        if time.floor(DAY) < self.history_from {
            self.add_steps(state, time, key, steps);
        }
    }

    /// Counts a new dispersal, of which everything is left.
    pub(crate) fn enter(&mut self, state: &DisbursementsState, Entered { index, crowds }: Entered) {
        let dispersal = state.people.dispersal(index);
        if crowds {
            let counted = state.people.listed(dispersal.person()).filter(|&other| other < self.counted);
            counted.collect::<Vec<_>>().into_iter().for_each(|other| self.join_crowd(state, other));
        } else if index < self.counted {
            self.join_crowd(state, index);
        }
        if index < self.counted {
            self.add(state, dispersal);
            self.follow(state, index, true);
        }
    }

    /// Subtracts a return from a dispersal.
    pub(crate) fn take(&mut self, state: &DisbursementsState, index: u32, amount: Centavos) {
        if index < self.counted {
            self.change(state, state.people.dispersal(index), |counts| counts.net -= u128::from(amount));
        }
    }

    /// Discounts the person of a dispersal of which nothing is left, before it leaves its person's list.
    pub(crate) fn leave(&mut self, state: &DisbursementsState, index: u32) {
        if index < self.counted {
            self.change(state, state.people.dispersal(index), |counts| counts.live -= 1);
            self.follow(state, index, false);
            self.leave_crowd(state, index);
        }
    }

    /// Discounts a dispersal that is about to be forgotten. If something is left of it, it is still in its person's
    /// list.
    pub(crate) fn forget(&mut self, state: &DisbursementsState, index: u32) {
        if index >= self.counted {
            return;
        }
        let dispersal = state.people.dispersal(index);
        self.change(state, dispersal, |counts| {
            counts.dispersals -= 1;
            counts.net -= u128::from(dispersal.left());
            counts.live -= u64::from(dispersal.left() > 0);
        });
        if dispersal.left() > 0 {
            self.follow(state, index, false);
            self.leave_crowd(state, index);
        }
    }

    /// Slots as shown at `watermark`.
    pub(crate) fn show(&mut self, watermark: Option<Timestamp>) -> Slots {
        let Self { selection, groups, series, horizon, .. } = self;
        let back = |by: Millis| watermark.map_or(Timestamp::MIN, |watermark| watermark - by);
        let (people_from, counts_from) = (back(*horizon), back(selection.counted));
        let hours_from = back(selection.hours);
        series.keep_from(back(selection.reach));
        let show_hour = |start, content: &DispersalCounts| hour_of(start, content, selection, groups);
        let slots = series.show(show_hour, |span, contents, hours| show(span, contents, hours, selection, groups));
        Slots { targets: Arc::clone(&selection.set), slots, people_from, counts_from, hours_from }
    }

    fn add(&mut self, state: &DisbursementsState, dispersal: &Dispersal) {
        self.change(state, dispersal, |counts| {
            counts.dispersals += 1;
            counts.net += u128::from(dispersal.left());
            counts.live += u64::from(dispersal.left() > 0);
        });
    }

    fn add_steps(
        &mut self,
        state: &DisbursementsState,
        time: Timestamp,
        key: PaneKey,
        [applications, approvals]: [u64; 2],
    ) {
        self.change_at(state, time, key, |counts| {
            counts.applications += applications;
            counts.approvals += approvals;
        });
    }

    fn change(&mut self, state: &DisbursementsState, dispersal: &Dispersal, change: impl FnOnce(&mut GroupCounts)) {
        self.change_at(state, dispersal.time(), key_of(dispersal), change);
    }

    fn change_at(
        &mut self,
        state: &DisbursementsState,
        time: Timestamp,
        key: PaneKey,
        change: impl FnOnce(&mut GroupCounts),
    ) {
        let group = self.group(state, key);
        let Self { selection, groups, series, .. } = self;
        if series.is_beyond(time) {
            series.advance(time, |start, content| hour_of(start, content, selection, groups));
        }
        let Some(place) = series.at(time) else { return };
        let counts = counts_of(&mut place.content.counts, group);
        match place.hour {
            None => change(counts),
            Some(hour) => {
                let before = counts.clone();
                change(counts);
                change_hour(hour, groups.get(group), selection, &before, counts);
            }
        }
    }

    fn group(&mut self, state: &DisbursementsState, key: PaneKey) -> u32 {
        let Self { allowlists, selection, groups, .. } = self;
        groups.number(key, || {
            let (name, entity) =
                (state.programmes.name(first_of(key)), FederalState::from_index(usize::from(second_of(key))));
            let programme = allowlists.programme(name);
            let targets =
                selection.matching(|filter| has(&filter.programmes, name) && has(&filter.states, entity.code()));
            Group::new(programme, allowlists.state(entity), allowlists, targets, selection)
        })
    }

    /// Updates repeats among counted dispersals after one joined them, or before it leaves them: only whether it repeats
    /// another changes, and whether the next one does.
    fn follow(&mut self, state: &DisbursementsState, index: u32, joins: bool) {
        if state.people.has_neighbours(index) {
            self.follow_neighbours(state, index, if joins { 1 } else { -1 });
        }
    }

    /// Neighbours are searched once a headcount: many targets have few filters.
    fn follow_neighbours(&mut self, state: &DisbursementsState, index: u32, change: i64) {
        let people = &state.people;
        let dispersal = people.dispersal(index);
        let (person, time) = (dispersal.person(), dispersal.time());
        let own = self.group(state, key_of(dispersal));
        let Self { groups, series, crowds, counted, .. } = self;
        for HeadcountFigures { headcount, figures } in &groups.get(own).people {
            let (older, newer) = if people.is_crowded(person) {
                let rank = people.rank(index);
                (crowds.older(person, *headcount, rank), crowds.newer(person, *headcount, rank))
            } else {
                people.neighbours(index, |other, dispersal| {
                    let group = (other < *counted).then(|| groups.known(key_of(dispersal)));
                    group.is_some_and(|group| group == own || groups.get(group).counts_for(*headcount))
                })
            };
            let older = older.map(|older| people.dispersal(older).time());
            let newer = newer.map(|newer| people.dispersal(newer));
            for &(figure, period) in figures {
                let Some(period) = series.periods_at(time).and_then(|periods| periods[period]) else { continue };
                let (repeating, group) = match newer {
                    _ if older.is_some_and(|older| older >= period.start) => (time, own),
                    Some(newer) if newer.time() < period.end => (newer.time(), groups.known(key_of(newer))),
                    _ => continue,
                };
                let Some(place) = series.at(repeating) else { continue };
                *place.content.repeats(figure, group) += change;
                if let Some(hour) = place.hour {
                    repeat_in_hour(hour, figure, groups.get(group).state, change);
                }
            }
        }
    }

    /// Adds a counted dispersal of a crowded person to the order of those.
    fn join_crowd(&mut self, state: &DisbursementsState, index: u32) {
        let dispersal = state.people.dispersal(index);
        if state.people.is_crowded(dispersal.person()) {
            let group = self.group(state, key_of(dispersal));
            let headcounts = self.groups.get(group).people.iter().map(|people| people.headcount);
            self.crowds.insert(dispersal.person(), headcounts, state.people.rank(index));
        }
    }

    /// Reverts [`Self::join_crowd`].
    fn leave_crowd(&mut self, state: &DisbursementsState, index: u32) {
        let dispersal = state.people.dispersal(index);
        if state.people.is_crowded(dispersal.person()) {
            let group = self.group(state, key_of(dispersal));
            let headcounts = self.groups.get(group).people.iter().map(|people| people.headcount);
            self.crowds.remove(dispersal.person(), headcounts, state.people.rank(index));
        }
    }
}

fn key_of(dispersal: &Dispersal) -> PaneKey {
    cell_key(dispersal.programme(), dispersal.state())
}
