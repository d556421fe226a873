//! Figures derived from a partition's supports and people, kept up as these change: the backlog, people of all time,
//! rolling windows, and figures by slot. All of them can be rebuilt from state ([`DerivedFigures::build`]).

use std::sync::Arc;

use hashbrown::HashMap;

use super::backlog::OpenSupports;
use super::crowds::Crowds;
use super::days::DispersalSlots;
use super::people::{Dispersal, Entered};
use super::rolling::RollingWindows;
use super::settled::LogOrder;
use super::support::Approval;
use super::{DisbursementsState, ViewConfig};
use crate::aggregate::double_buffer::DoubleBuffer;
use crate::aggregate::labels::LabelId;
use crate::aggregate::panes::PaneKey;
use crate::allowlists::{Allowlists, CellIndex, ProgrammeIndex};
use crate::clock::Timestamp;
use crate::event::{Centavos, FederalState};
use crate::view::panes::RollingPanes;
use crate::view::slots::Slots;
use crate::view::{CellTotals, ProgrammeTotals};

#[derive(Debug)]
pub(crate) struct DerivedFigures {
    allowlists: Arc<Allowlists>,
    /// Position at which each programme is shown, by its number in this partition.
    programmes: Vec<ProgrammeIndex>,
    /// Open supports of each programme as shown.
    backlog: Vec<OpenSupports>,
    /// People with at least one payment not fully returned, for each cell.
    beneficiaries: Vec<u64>,
    /// Dispersals of crowded people, by programme as shown.
    crowds: Crowds<ProgrammeIndex>,
    /// First settled dispersal under each programme as shown, for people with further programmes.
    settled: HashMap<(u32, ProgrammeIndex), LogOrder>,
    rolling: RollingWindows,
    slots: DoubleBuffer<DispersalSlots>,
}

impl DerivedFigures {
    /// Derives everything from state.
    pub(crate) fn build(state: &DisbursementsState, view_config: &ViewConfig, now: Timestamp) -> Self {
        let allowlists = Arc::clone(&view_config.allowlists);
        let mut derived = Self {
            programmes: Vec::new(),
            backlog: (0..allowlists.programmes.count()).map(|_| OpenSupports::default()).collect(),
            beneficiaries: vec![0; allowlists.cells()],
            crowds: Crowds::new(),
            settled: HashMap::new(),
            rolling: RollingWindows::new(now),
            slots: DoubleBuffer::new(state.dispersal_slots(view_config)),
            allowlists,
        };
        (0..state.programmes.len()).for_each(|id| derived.list_programme(state, id as LabelId));
        for support in state.supports.iter() {
            support.open().inspect(|approved| derived.open(approved));
        }
        state.people.crowded().for_each(|person| derived.gather(state, person));
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
                let (older, _) = self.neighbours(state, index);
                if let Some(older) = older {
                    self.rolling.except(dispersal.time(), cell, state.people.dispersal(older).time());
                }
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
        for person in state.people.iter() {
            firsts.clear();
            if state.people.has_further(person) {
                state.people.settled(person).for_each(|(programme, order)| self.settle(person, programme, order));
            }
            let listed = state.people.listed(person).map(|index| {
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
        self.backlog[programme.index()].open(approved);
    }

    /// Removes a support from the backlog.
    pub(crate) fn close(&mut self, approved: &Approval) {
        let programme = self.programme(approved.programme);
        self.backlog[programme.index()].close(approved);
    }

    /// Counts a new dispersal, of which everything is left.
    pub(crate) fn enter(&mut self, state: &DisbursementsState, entered: Entered) {
        let index = entered.index;
        let dispersal = state.people.dispersal(index);
        if entered.crowds {
            self.gather(state, dispersal.person());
        } else if state.people.is_crowded(dispersal.person()) {
            self.crowds.insert(dispersal.person(), [self.programme(dispersal.programme())], state.people.rank(index));
        }
        self.slots.each(|slots| slots.enter(state, entered));
        self.rolling.add(dispersal.time(), self.cell_of(dispersal), dispersal.left());
        self.recount(state, index, true);
    }

    /// Subtracts a return from a dispersal.
    pub(crate) fn take(&mut self, state: &DisbursementsState, index: u32, amount: Centavos) {
        let dispersal = state.people.dispersal(index);
        self.slots.each(|slots| slots.take(state, index, amount));
        self.rolling.take(dispersal.time(), self.cell_of(dispersal), amount);
    }

    /// Discounts the person of a dispersal of which nothing is left, before it leaves its person's list.
    pub(crate) fn leave(&mut self, state: &DisbursementsState, index: u32) {
        let dispersal = state.people.dispersal(index);
        self.slots.each(|slots| slots.leave(state, index));
        self.rolling.end(dispersal.time(), self.cell_of(dispersal));
        self.recount(state, index, false);
        self.leave_crowd(state, index);
    }

    /// Discounts a dispersal that is about to be forgotten. Its person stays counted among those ever paid. The periods
    /// and windows shown are younger than what is forgotten, unless the clock is weeks behind the watermark; then they
    /// may lack it.
    pub(crate) fn forget(&mut self, state: &DisbursementsState, index: u32) {
        let dispersal = state.people.dispersal(index);
        self.slots.each(|slots| slots.forget(state, index));
        self.rolling.remove(dispersal.time(), self.cell_of(dispersal), dispersal.left());
        if dispersal.left() > 0 {
            let neighbours = self.neighbours(state, index);
            self.recount_rolling(state, index, neighbours, false);
            self.leave_crowd(state, index);
        }
    }

    /// Notes that a dispersal was settled into its person.
    pub(crate) fn note_settled(&mut self, state: &DisbursementsState, person: u32, settled: (LabelId, LogOrder)) {
        if state.people.has_further(person) {
            // The one that the person's entry holds is noted with the first further one at the latest.
            for (programme, order) in state.people.inline_settled(person).into_iter().chain([settled]) {
                self.settle(person, programme, order);
            }
        }
    }

    fn settle(&mut self, person: u32, programme: LabelId, order: LogOrder) {
        let first = self.settled.entry((person, self.programme(programme))).or_insert(order);
        *first = order.min(*first);
    }

    /// First settled dispersal of a person under a programme as shown.
    fn first_settled(&self, state: &DisbursementsState, person: u32, programme: ProgrammeIndex) -> Option<LogOrder> {
        if state.people.has_further(person) {
            return self.settled.get(&(person, programme)).copied();
        }
        let inline = state.people.inline_settled(person)?;
        (self.programme(inline.0) == programme).then_some(inline.1)
    }

    /// Orders the dispersals of a person who is crowded.
    fn gather(&mut self, state: &DisbursementsState, person: u32) {
        for index in state.people.listed(person) {
            let programme = self.programme(state.people.dispersal(index).programme());
            self.crowds.insert(person, [programme], state.people.rank(index));
        }
    }

    /// Removes a dispersal that is about to leave its person's list from the order of a crowded one.
    fn leave_crowd(&mut self, state: &DisbursementsState, index: u32) {
        let dispersal = state.people.dispersal(index);
        if state.people.is_crowded(dispersal.person()) {
            self.crowds.remove(dispersal.person(), [self.programme(dispersal.programme())], state.people.rank(index));
        }
    }

    /// Nearest older and newer dispersal of the same person under the same programme as shown: several unlisted
    /// programmes, shown as `other`, count a person once.
    fn neighbours(&self, state: &DisbursementsState, index: u32) -> (Option<u32>, Option<u32>) {
        let dispersal = state.people.dispersal(index);
        let (person, shown) = (dispersal.person(), self.programme(dispersal.programme()));
        if !state.people.is_crowded(person) {
            return state.people.neighbours(index, |_, other| self.programme(other.programme()) == shown);
        }
        let rank = state.people.rank(index);
        (self.crowds.older(person, shown, rank), self.crowds.newer(person, shown, rank))
    }

    /// Updates figures of people when a dispersal starts or ceases to count its person.
    fn recount(&mut self, state: &DisbursementsState, index: u32, enters: bool) {
        let neighbours = self.neighbours(state, index);
        self.recount_rolling(state, index, neighbours, enters);
        self.recount_beneficiaries(state, index, neighbours, enters);
    }

    /// Updates the exceptions of the rolling windows: only that of the dispersal changes, and that of the next one.
    fn recount_rolling(
        &mut self,
        state: &DisbursementsState,
        index: u32,
        (older, newer): (Option<u32>, Option<u32>),
        enters: bool,
    ) {
        let dispersal = state.people.dispersal(index);
        let (time, cell) = (dispersal.time(), self.cell_of(dispersal));
        let previous = older.map(|older| state.people.dispersal(older).time());
        if let Some(next) = newer.map(|newer| state.people.dispersal(newer)) {
            let (next, next_cell) = (next.time(), self.cell_of(next));
            let (before, after) = if enters { (previous, Some(time)) } else { (Some(time), previous) };
            before.inspect(|&before| self.rolling.count_again(next, next_cell, before));
            after.inspect(|&after| self.rolling.except(next, next_cell, after));
        }
        match previous {
            Some(previous) if enters => self.rolling.except(time, cell, previous),
            Some(previous) => self.rolling.count_again(time, cell, previous),
            None => {}
        }
    }

    /// Updates people of all time likewise. A person counts under the federal state of the first dispersal of which
    /// something is left, settled or not.
    fn recount_beneficiaries(
        &mut self,
        state: &DisbursementsState,
        index: u32,
        (older, newer): (Option<u32>, Option<u32>),
        enters: bool,
    ) {
        if !state.people.complete() {
            // Earlier people were not all kept, so the family stays absent.
            return;
        }
        if older.is_some() {
            return;
        }
        let dispersal = state.people.dispersal(index);
        let programme = self.programme(dispersal.programme());
        let settled = self.first_settled(state, dispersal.person(), programme);
        let next = newer.map(|newer| state.people.dispersal(newer).order());
        let without = settled.into_iter().chain(next).min();
        let with = Some(without.map_or(dispersal.order(), |first| first.min(dispersal.order())));
        let (before, after) = if enters { (without, with) } else { (with, without) };
        before.inspect(|first| {
            self.beneficiaries[self.allowlists.cell(programme, self.allowlists.state(first.state)).index()] -= 1
        });
        after.inspect(|first| {
            self.beneficiaries[self.allowlists.cell(programme, self.allowlists.state(first.state)).index()] += 1
        });
    }

    /// Adds the derived figures to those that follow from state alone.
    pub(crate) fn add_to(&mut self, programmes: &mut [ProgrammeTotals], cells: &mut [CellTotals]) {
        for (programme, backlog) in programmes.iter_mut().zip(&mut self.backlog) {
            programme.backlog = backlog.show();
        }
        cells.iter_mut().zip(&self.beneficiaries).for_each(|(cell, &people)| cell.beneficiaries = people);
    }

    fn cell_of(&self, dispersal: &Dispersal) -> CellIndex {
        self.cell(dispersal.programme(), dispersal.state())
    }
}
