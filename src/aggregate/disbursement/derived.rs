//! Figures derived from a partition's supports and people, kept up as these change: the backlog, people of all time,
//! rolling windows, and figures by slot. All of them can be rebuilt from state ([`DerivedFigures::build`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::days::DispersalSlots;
use super::people::Dispersal;
use super::rolling::RollingWindows;
use super::settled::LogOrder;
use super::support::Approval;
use super::{DisbursementsState, ViewConfig};
use crate::aggregate::double_buffer::DoubleBuffer;
use crate::aggregate::labels::LabelId;
use crate::aggregate::panes::PaneKey;
use crate::allowlists::{Allowlists, CellIndex, ProgrammeIndex};
use crate::clock::{HOUR, Timestamp};
use crate::event::{Centavos, FederalState};
use crate::view::panes::RollingPanes;
use crate::view::slots::Slots;
use crate::view::{Backlog, CellTotals, ProgrammeTotals};

#[derive(Debug)]
pub(crate) struct DerivedFigures {
    allowlists: Arc<Allowlists>,
    /// Position at which each programme is shown, by its number in this partition.
    programmes: Vec<ProgrammeIndex>,
    /// Open supports of each programme as shown.
    backlog: Vec<OpenSupports>,
    /// People with at least one payment not fully returned, for each cell.
    beneficiaries: Vec<u64>,
    rolling: RollingWindows,
    slots: DoubleBuffer<DispersalSlots>,
}

#[derive(Debug, Default)]
struct OpenSupports {
    supports: u64,
    centavos: u128,
    /// Number of supports approved at each instant, in buckets of an hour.
    approvals: BTreeMap<Timestamp, HashMap<Timestamp, u32>>,
}

impl DerivedFigures {
    /// Derives everything from state.
    pub(crate) fn build(state: &DisbursementsState, view_config: &ViewConfig, now: Timestamp) -> Self {
        let allowlists = Arc::clone(&view_config.allowlists);
        let mut derived = Self {
            programmes: Vec::new(),
            backlog: (0..allowlists.programmes.count()).map(|_| OpenSupports::default()).collect(),
            beneficiaries: vec![0; allowlists.cells()],
            rolling: RollingWindows::new(now),
            slots: DoubleBuffer::new(state.dispersal_slots(view_config)),
            allowlists,
        };
        (0..state.programmes.len()).for_each(|id| derived.list_programme(state, id as LabelId));
        for support in state.supports.iter() {
            support.open().inspect(|approved| derived.open(approved));
        }
        derived.rebuild_rolling(state);
        derived.slots.current().backfill(state, usize::MAX);
        if state.people.complete() {
            derived.count_beneficiaries(state);
        }
        derived
    }

    /// Advances the rolling windows to `now`. If the clock went back too far for what they keep, they are rebuilt from
    /// state.
    pub(crate) fn advance(&mut self, state: &DisbursementsState, now: Timestamp) {
        if !self.rolling.advance(now) {
            self.rolling = RollingWindows::new(now);
            self.rebuild_rolling(state);
        }
    }

    fn rebuild_rolling(&mut self, state: &DisbursementsState) {
        for index in 0..state.people.end_index() {
            let Some(dispersal) =
                state.people.get_occupied(index).filter(|dispersal| self.rolling.keeps(dispersal.time()))
            else {
                continue;
            };
            let cell = self.cell_of(dispersal);
            self.rolling.add(dispersal.time(), cell, dispersal.left());
            if dispersal.left() > 0 {
                let (older, _) = state.people.neighbours(index, self.same_programme(dispersal.programme()));
                self.rolling.count_person(
                    dispersal.time(),
                    cell,
                    older.map(|older| state.people.dispersal(older).time()),
                );
            }
        }
    }

    /// Begins to keep figures by slot for another set of targets.
    pub(crate) fn stage_targets(&mut self, state: &DisbursementsState, view_config: &ViewConfig) {
        self.slots.stage(state.dispersal_slots(view_config));
    }

    /// Backfills the staged figures; true once all of state is in them.
    pub(crate) fn backfill(&mut self, state: &DisbursementsState, budget: usize) -> bool {
        self.slots.next().is_none_or(|slots| slots.backfill(state, budget))
    }

    /// Shows the staged figures from now on.
    pub(crate) fn promote(&mut self) {
        self.slots.promote();
    }

    /// Counts every person with a payment not fully returned, once a programme as shown.
    fn count_beneficiaries(&mut self, state: &DisbursementsState) {
        let mut firsts: Vec<(ProgrammeIndex, LogOrder)> = Vec::new();
        for (person, newest) in state.people.iter() {
            firsts.clear();
            let listed = std::iter::successors(newest, |&index| state.people.older(index)).map(|index| {
                let dispersal = state.people.dispersal(index);
                (dispersal.programme(), dispersal.order())
            });
            for (programme, order) in listed.chain(state.people.settled(person)) {
                let programme = self.programme(programme);
                match firsts.iter_mut().find(|(known, _)| *known == programme) {
                    Some((_, first)) => *first = order.min(*first),
                    None => firsts.push((programme, order)),
                }
            }
            for &(programme, order) in &firsts {
                self.beneficiaries[self.allowlists.cell(programme, self.allowlists.state(order.state)).index()] += 1;
            }
        }
    }

    pub(crate) fn allowlists(&self) -> &Allowlists {
        &self.allowlists
    }

    /// Adds the position at which the partition's newest programme is shown.
    pub(crate) fn list_programme(&mut self, state: &DisbursementsState, id: LabelId) {
        assert!(usize::from(id) == self.programmes.len(), "programmes are listed in the order of their numbers");
        self.programmes.push(self.allowlists.programme(state.programmes.name(id)));
    }

    /// True for a programme, and for a federal state, that is shown as `other`.
    pub(crate) fn unlisted(&self, programme: LabelId, state: FederalState) -> [bool; 2] {
        [
            self.programme(programme).index() == self.allowlists.programmes.other(),
            self.allowlists.state(state) == self.allowlists.states.other(),
        ]
    }

    pub(crate) fn programme(&self, id: LabelId) -> ProgrammeIndex {
        self.programmes[usize::from(id)]
    }

    pub(crate) fn cell(&self, programme: LabelId, state: FederalState) -> CellIndex {
        self.allowlists.cell(self.programme(programme), self.allowlists.state(state))
    }

    pub(crate) fn rolling(&self) -> RollingPanes {
        self.rolling.panes()
    }

    pub(crate) fn slots(&mut self, watermark: Option<Timestamp>) -> Slots {
        self.slots.current().show(watermark)
    }

    /// Counts applications and approvals.
    pub(crate) fn step(&mut self, state: &DisbursementsState, time: Timestamp, key: PaneKey, steps: [u64; 2]) {
        self.slots.each(|slots| slots.step(state, time, key, steps));
    }

    /// Adds a support to the backlog.
    pub(crate) fn open(&mut self, approved: &Approval) {
        let programme = self.programme(approved.programme);
        let backlog = &mut self.backlog[programme.index()];
        backlog.supports += 1;
        backlog.centavos += u128::from(approved.amount);
        *backlog.approvals.entry(approved.time.floor(HOUR)).or_default().entry(approved.time).or_default() += 1;
    }

    /// Removes a support from the backlog.
    pub(crate) fn close(&mut self, approved: &Approval) {
        let programme = self.programme(approved.programme);
        let backlog = &mut self.backlog[programme.index()];
        backlog.supports -= 1;
        backlog.centavos -= u128::from(approved.amount);
        let hour =
            backlog.approvals.get_mut(&approved.time.floor(HOUR)).expect("a support leaves the backlog that it joined");
        let count = hour.get_mut(&approved.time).expect("a support leaves the backlog that it joined");
        *count -= 1;
        if *count == 0 {
            hour.remove(&approved.time);
            if hour.is_empty() {
                backlog.approvals.remove(&approved.time.floor(HOUR));
            }
        }
    }

    /// Counts a new dispersal, of which everything is left.
    pub(crate) fn enter(&mut self, state: &DisbursementsState, index: u32) {
        let dispersal = state.people.dispersal(index);
        self.slots.each(|slots| slots.enter(state, index));
        self.rolling.add(dispersal.time(), self.cell_of(dispersal), dispersal.left());
        self.recount_rolling(state, index, true);
        self.recount_beneficiaries(state, index, true);
    }

    /// Subtracts a return from a dispersal.
    pub(crate) fn take(&mut self, state: &DisbursementsState, index: u32, amount: Centavos) {
        let dispersal = state.people.dispersal(index);
        self.slots.each(|slots| slots.take(state, index, amount));
        self.rolling.take(dispersal.time(), self.cell_of(dispersal), amount);
    }

    /// Discounts the person of a dispersal of which nothing is left, before it leaves its person's list.
    pub(crate) fn leave(&mut self, state: &DisbursementsState, index: u32) {
        self.slots.each(|slots| slots.leave(state, index));
        self.recount_rolling(state, index, false);
        self.recount_beneficiaries(state, index, false);
    }

    /// Discounts a dispersal that is about to be forgotten. Its person stays counted among those ever paid. The periods
    /// and windows shown are younger than what is forgotten, unless the clock is weeks behind the watermark; then they
    /// may lack it.
    pub(crate) fn forget(&mut self, state: &DisbursementsState, index: u32) {
        let dispersal = state.people.dispersal(index);
        self.slots.each(|slots| slots.forget(state, index));
        self.rolling.remove(dispersal.time(), self.cell_of(dispersal), dispersal.left());
        if dispersal.left() > 0 {
            self.recount_rolling(state, index, false);
        }
    }

    /// Updates the rolling windows when a dispersal starts or ceases to count its person: only its own part changes,
    /// and that of the next one.
    fn recount_rolling(&mut self, state: &DisbursementsState, index: u32, enters: bool) {
        let dispersal = state.people.dispersal(index);
        let (time, cell) = (dispersal.time(), self.cell_of(dispersal));
        let (older, newer) = state.people.neighbours(index, self.same_programme(dispersal.programme()));
        let previous = older.map(|older| state.people.dispersal(older).time());
        let next = newer.map(|newer| state.people.dispersal(newer)).map(|next| (next.time(), self.cell_of(next)));
        let (before, after) = if enters { (previous, Some(time)) } else { (Some(time), previous) };
        if let Some((next, next_cell)) = next {
            self.rolling.discount_person(next, next_cell, before);
            self.rolling.count_person(next, next_cell, after);
        }
        if enters {
            self.rolling.count_person(time, cell, previous);
        } else {
            self.rolling.discount_person(time, cell, previous);
        }
    }

    /// Updates people of all time likewise. A person counts under the federal state of the first dispersal of which
    /// something is left, settled or not.
    fn recount_beneficiaries(&mut self, state: &DisbursementsState, index: u32, enters: bool) {
        if !state.people.complete() {
            // Earlier people were not all kept, so the family stays absent.
            return;
        }
        let dispersal = state.people.dispersal(index);
        let same_programme = self.same_programme(dispersal.programme());
        let (older, newer) = state.people.neighbours(index, &same_programme);
        if older.is_some() {
            return;
        }
        let settled = state.people.first_settled(dispersal.person(), &same_programme);
        let next = newer.map(|newer| state.people.dispersal(newer).order());
        let without = settled.into_iter().chain(next).min();
        let with = Some(without.map_or(dispersal.order(), |first| first.min(dispersal.order())));
        drop(same_programme);
        let (before, after) = if enters { (without, with) } else { (with, without) };
        let programme = self.programme(dispersal.programme());
        before.inspect(|first| {
            self.beneficiaries[self.allowlists.cell(programme, self.allowlists.state(first.state)).index()] -= 1
        });
        after.inspect(|first| {
            self.beneficiaries[self.allowlists.cell(programme, self.allowlists.state(first.state)).index()] += 1
        });
    }

    /// Adds the derived figures to those that follow from state alone.
    pub(crate) fn add_to(&self, programmes: &mut [ProgrammeTotals], cells: &mut [CellTotals]) {
        for (programme, backlog) in programmes.iter_mut().zip(&self.backlog) {
            let oldest_approval = backlog.approvals.first_key_value().and_then(|(_, hour)| hour.keys().min().copied());
            programme.backlog = Backlog { supports: backlog.supports, centavos: backlog.centavos, oldest_approval };
        }
        cells.iter_mut().zip(&self.beneficiaries).for_each(|(cell, &people)| cell.beneficiaries = people);
    }

    fn cell_of(&self, dispersal: &Dispersal) -> CellIndex {
        self.cell(dispersal.programme(), dispersal.state())
    }

    /// True for programmes shown at the same position: several unlisted programmes shown as `other` count a person
    /// once.
    fn same_programme(&self, programme: LabelId) -> impl Fn(LabelId) -> bool {
        let shown = self.programme(programme);
        move |other| self.programme(other) == shown
    }
}
