//! State of a partition of disbursements: supports, people and money (`spec/figures.md#supports`), and the figures
//! derived from it.
//!
//! [`DisbursementsState`] is what the log says. [`DerivedFigures`] is what is shown of it, kept up by the same steps
//! and rebuilt from state when the allowlists change.
//!
//! # Returns
//!
//! A return takes from what is left of its support's dispersals, the newest first (`spec/figures.md#returns`). What
//! finds nothing to take, because there is no dispersal yet or nothing is left of it, waits ([`waiting`]):
//!
//! 1. It counts in `waiting_returned` of its programme, a gauge.
//! 2. The support's next dispersal is taken from at once, by the oldest waiting return first
//!    ([`Disbursements::settle_waiting`]).
//! 3. If the support is forgotten first, the remainder moves from `waiting_returned` to `unmatched_returned`, and the
//!    return counts as an unmatched event ([`Disbursements::forget_support`]).
//!
//! # Forgetting
//!
//! A support is forgotten once the watermark is a horizon past its newest event; an open one (approved, neither
//! dispersed nor rejected) only after the open horizon. Where that changes a figure, a timer does it to the millisecond
//! ([`Timers`]); other supports are removed by the sweep of the table. Who was ever paid is remembered for all time:
//! dispersals of which something is left are *settled* into the person.

mod backlog;
mod crowds;
mod days;
mod derived;
mod further_programmes;
mod keys;
mod people;
mod rolling;
mod settled;
mod support;
mod waiting;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::days::DispersalSlots;
use self::derived::DerivedFigures;
use self::people::{NewDispersal, People};
use self::support::{Approval, Support};
use self::waiting::{WaitingReturn, WaitingReturns};
use super::labels::{LabelId, LabelTable};
use super::packed::SlabLink;
use super::pages::PagedTable;
use super::panes::{PaneKey, Panes, pane_key};
use super::table::{Place, Table, TableEntry};
use super::timers::Timers;
use super::{KeyCounts, Rules, UnlistedCounts, ViewConfig};
use crate::allowlists::LabelKind;
use crate::clock::Timestamp;
use crate::event::{self, Centavos, DisbursementKind, Event, FederalState, Hash128, LabelArena};
use crate::record::Stream;
use crate::view::histogram::Histogram;
use crate::view::slots::Slots;
use crate::view::{CellTotals, DisbursementView, ProgrammeTotals, UnmatchedDisbursements, add_each};

#[derive(Debug)]
pub(crate) struct Disbursements {
    state: DisbursementsState,
    derived: DerivedFigures,
    unlisted: UnlistedCounts,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DisbursementsState {
    rules: Rules,
    programmes: LabelTable,
    supports: Table<Support>,
    people: People,
    waiting: WaitingReturns,
    /// Deadlines of the supports whose forgetting changes a figure: open ones, and those with waiting returns. Follows
    /// from these.
    #[serde(skip)]
    timers: Timers,
    /// Running totals of each programme, by its number in this partition.
    totals: Vec<StoredTotals>,
    unmatched: UnmatchedDisbursements,
    /// Applications, approvals and approved centavos of each programme and state.
    panes: Panes<3>,
}

/// Running totals of a programme. Money in centavos.
#[derive(Debug, Serialize, Deserialize)]
struct StoredTotals {
    events: [u64; 5],
    unmatched_returned: u128,
    waiting_returned: u128,
    application_to_approval: Histogram,
    approval_to_dispersal: Histogram,
    /// Totals of each federal state, by [`FederalState::index`].
    cells: Vec<CellTotals>,
}

impl Disbursements {
    pub(crate) fn new(rules: Rules, view_config: &ViewConfig, now: Timestamp) -> Self {
        let state = DisbursementsState {
            rules,
            programmes: LabelTable::new(rules.max_label_values),
            supports: Table::new(),
            people: People::new(rules.max_people),
            waiting: WaitingReturns::new(),
            timers: Timers::default(),
            totals: vec![StoredTotals::new()],
            unmatched: UnmatchedDisbursements::default(),
            panes: Panes::new(rules.fine_history, rules.coarse_history),
        };
        Self { derived: DerivedFigures::build(&state, view_config, now), state, unlisted: UnlistedCounts::default() }
    }

    /// Restores a state from a checkpoint. Rules that change no state may differ from those it was written under.
    pub(crate) fn restored(
        mut state: DisbursementsState,
        rules: Rules,
        view_config: &ViewConfig,
        now: Timestamp,
    ) -> Self {
        state.rules = rules;
        state.people.index();
        state.timers = state.supports.iter().filter_map(|support| state.timer(support)).collect();
        Self { derived: DerivedFigures::build(&state, view_config, now), state, unlisted: UnlistedCounts::default() }
    }

    pub(crate) fn state(&self) -> &DisbursementsState {
        &self.state
    }

    pub(crate) fn state_mut(&mut self) -> &mut DisbursementsState {
        &mut self.state
    }

    /// Reads the memory that an event will need into the cache: see [`Table::touch`].
    pub(crate) fn touch(&self, body: &event::Disbursement) -> u8 {
        let person =
            if body.kind == DisbursementKind::Dispersed { self.state.people.touch(&body.beneficiary) } else { 0 };
        self.state.supports.touch(&body.credit) ^ person
    }

    pub(crate) fn keys(&self) -> KeyCounts {
        KeyCounts {
            supports: self.state.supports.len() as u64,
            people: self.state.people.len() as u64,
            dispersals: self.state.people.dispersal_count() as u64,
            ..KeyCounts::default()
        }
    }

    /// Forgets what is older than the horizon at this watermark and changes a figure by that.
    pub(crate) fn forget(&mut self, watermark: Timestamp) {
        while let Some(credit) = self.state.timers.due(watermark) {
            self.forget_support(&credit);
        }
        self.state.panes.forget(watermark);
    }

    pub(crate) fn apply(
        &mut self,
        event: &Event,
        body: &event::Disbursement,
        arena: &LabelArena,
        watermark: Timestamp,
    ) {
        let programme = self.intern(arena.get(body.programme));
        let [programme_unlisted, state_unlisted] = self.derived.unlisted(programme, body.state);
        self.unlisted.count(LabelKind::Programme, programme_unlisted, || arena.get(body.programme));
        self.unlisted.count(LabelKind::State, state_unlisted, || body.state.code());
        self.state.totals[usize::from(programme)].events[body.kind as usize] += 1;
        let mut place = self.state.supports.find(&body.credit);
        let mut known = self.state.supports.at(place).copied();
        if known.is_some_and(|support| self.state.deadline(&support) < watermark) {
            self.forget_support(&body.credit);
            (place, known) = (self.state.supports.find(&body.credit), None);
        }
        self.change(known.unwrap_or_else(|| Support::new(body.credit)), place, |this, support| {
            let first = support.note(body.kind, event.time);
            match body.kind {
                DisbursementKind::Applied => this.applied(support, event.time, first, programme, body.state),
                DisbursementKind::Approved => {
                    let approved = Approval { time: event.time, amount: body.amount, programme };
                    this.approved(support, approved, first, body.state);
                }
                DisbursementKind::Rejected => {}
                DisbursementKind::Dispersed => this.dispersed(support, event, body, first, programme),
                DisbursementKind::Returned => this.returned(support, body, programme),
            }
        });
    }

    /// Changes a support and puts it in its place, then updates the backlog and the timer of its forgetting.
    fn change(&mut self, mut support: Support, place: Place, change: impl FnOnce(&mut Self, &mut Support)) {
        let (open_before, timer_before) = (support.open(), self.state.timer(&support));
        change(self, &mut support);
        let (open_after, timer_after) = (support.open(), self.state.timer(&support));
        self.state.supports.put(place, support);
        self.state.timers.change(timer_before, timer_after);
        if open_before != open_after {
            open_before.inspect(|approved| self.derived.close(approved));
            open_after.inspect(|approved| self.derived.open(approved));
        }
    }

    fn applied(
        &mut self,
        support: &mut Support,
        time: Timestamp,
        first: bool,
        programme: LabelId,
        state: FederalState,
    ) {
        self.state.panes.add(time, cell_key(programme, state), [1, 0, 0]);
        self.derived.step(&self.state, time, cell_key(programme, state), [1, 0]);
        if !first {
            return;
        }
        match support.approved() {
            Some(approved) => {
                let totals = &mut self.state.totals[usize::from(approved.programme)];
                totals.application_to_approval.observe(approved.time - time);
            }
            None => support.set_applied(time),
        }
    }

    fn approved(&mut self, support: &mut Support, approved: Approval, first: bool, state: FederalState) {
        self.state.totals[usize::from(approved.programme)].cells[state.index()].approved += u128::from(approved.amount);
        self.state.panes.add(approved.time, cell_key(approved.programme, state), [0, 1, u128::from(approved.amount)]);
        self.derived.step(&self.state, approved.time, cell_key(approved.programme, state), [0, 1]);
        if !first {
            return;
        }
        let (applied, dispersed) = support.set_approved(approved);
        if let Some(applied) = applied {
            let totals = &mut self.state.totals[usize::from(approved.programme)];
            totals.application_to_approval.observe(approved.time - applied);
        }
        if let Some((time, programme)) = dispersed {
            self.state.totals[usize::from(programme)].approval_to_dispersal.observe(time - approved.time);
        }
    }

    fn dispersed(
        &mut self,
        support: &mut Support,
        event: &Event,
        body: &event::Disbursement,
        first: bool,
        programme: LabelId,
    ) {
        let totals = &mut self.state.totals[usize::from(programme)];
        let cell = &mut totals.cells[body.state.index()];
        cell.dispersed += u128::from(body.amount);
        cell.dispersals += 1;
        if first {
            match support.approved() {
                Some(approved) => totals.approval_to_dispersal.observe(event.time - approved.time),
                None => support.set_dispersed(event.time, programme),
            }
        }
        let new = NewDispersal {
            person: body.beneficiary,
            time: event.time,
            amount: body.amount,
            programme,
            state: body.state,
        };
        let entered = self.state.people.enter(new);
        self.state.people.dispersal_mut(entered.index).before = support.live;
        support.live = SlabLink::to(entered.index);
        self.derived.enter(&self.state, entered);
        self.settle_waiting(support);
    }

    /// Takes a return from the support's dispersals, newest first; the remainder waits.
    fn returned(&mut self, support: &mut Support, body: &event::Disbursement, programme: LabelId) {
        let left = self.take(support, body.amount);
        if left > 0 {
            self.state.totals[usize::from(programme)].waiting_returned += u128::from(left);
            self.state.waiting.push(&body.credit, WaitingReturn { programme, amount: left });
        }
    }

    /// Takes the support's waiting returns from a new dispersal, oldest first.
    fn settle_waiting(&mut self, support: &mut Support) {
        if !support.has(DisbursementKind::Returned) {
            return;
        }
        let credit = support.key();
        while let Some(oldest) = self.state.waiting.oldest(&credit) {
            let left = self.take(support, oldest.amount);
            self.state.totals[usize::from(oldest.programme)].waiting_returned -= u128::from(oldest.amount - left);
            self.state.waiting.set_oldest(&credit, left);
            if left > 0 {
                return;
            }
        }
    }

    /// Takes `amount` from the support's dispersals, newest first. Returns the amount that found nothing to be taken
    /// from.
    fn take(&mut self, support: &mut Support, mut amount: Centavos) -> Centavos {
        while let Some(index) = support.live.get().filter(|_| amount > 0) {
            let dispersal = *self.state.people.dispersal(index);
            let taken = amount.min(dispersal.left());
            amount -= taken;
            let totals = &mut self.state.totals[usize::from(dispersal.programme())];
            totals.cells[dispersal.state().index()].returned += u128::from(taken);
            self.derived.take(&self.state, index, taken);
            self.state.people.dispersal_mut(index).take(taken);
            if taken == dispersal.left() {
                self.derived.leave(&self.state, index);
                self.state.people.withdraw(index);
                support.live = dispersal.before;
                self.state.people.dispersal_mut(index).before = support.spent;
                support.spent = SlabLink::to(index);
            }
        }
        amount
    }

    /// Forgets old supports whose forgetting changes no figure, some table slots at a time.
    pub(crate) fn sweep(&mut self, watermark: Timestamp) {
        let DisbursementsState { rules, supports, waiting, .. } = &mut self.state;
        let oldest = watermark - rules.horizon(Stream::Disbursement);
        let swept =
            supports.sweep(|support| support.newest() < oldest && !support.is_open() && !waiting.has_returns(support));
        swept.iter().for_each(|support| self.forget_dispersals(support));
    }

    fn forget_support(&mut self, credit: &Hash128) {
        let support = self.state.supports.remove(credit).expect("a support is forgotten once");
        self.state.timers.change(self.state.timer(&support), None);
        if let Some(approved) = support.open() {
            self.derived.close(&approved);
            self.state.unmatched.approved += 1;
        }
        while let Some(waiting) = self.state.waiting.oldest(credit) {
            self.state.waiting.set_oldest(credit, 0);
            let totals = &mut self.state.totals[usize::from(waiting.programme)];
            totals.waiting_returned -= u128::from(waiting.amount);
            totals.unmatched_returned += u128::from(waiting.amount);
            self.state.unmatched.returned += 1;
        }
        self.forget_dispersals(&support);
    }

    /// Forgets a support's dispersals; that their people were paid is kept for all time.
    fn forget_dispersals(&mut self, support: &Support) {
        let mut live = support.live;
        while let Some(index) = live.get() {
            let dispersal = *self.state.people.dispersal(index);
            live = dispersal.before;
            self.derived.forget(&self.state, index);
            self.state.people.settle(index);
            if self.state.people.complete() {
                let settled = (dispersal.programme(), dispersal.order());
                self.derived.note_settled(&self.state, dispersal.person(), settled);
            }
        }
        let mut spent = support.spent;
        while let Some(index) = spent.get() {
            spent = self.state.people.dispersal(index).before;
            self.derived.forget(&self.state, index);
            self.state.people.forget_spent(index);
        }
    }

    fn intern(&mut self, programme: &str) -> LabelId {
        let id = self.state.programmes.intern(programme);
        if self.state.totals.len() < self.state.programmes.len() {
            self.state.totals.push(StoredTotals::new());
            self.derived.list_programme(&self.state, id);
        }
        id
    }

    /// View of this partition for readers whose clock is about `now`.
    pub(crate) fn view(&mut self, now: Timestamp, watermark: Option<Timestamp>) -> DisbursementView {
        self.derived.advance(&self.state, now);
        let allowlists = self.derived.allowlists();
        let mut programmes = vec![ProgrammeTotals::default(); allowlists.programmes.count()];
        let mut cells = vec![CellTotals::default(); allowlists.cells()];
        for (id, totals) in self.state.totals.iter().enumerate() {
            let programme = self.derived.programme(id as LabelId);
            let sum = &mut programmes[programme.index()];
            add_each(&mut sum.events, &totals.events);
            sum.unmatched_returned += totals.unmatched_returned;
            sum.waiting_returned += totals.waiting_returned;
            sum.application_to_approval += &totals.application_to_approval;
            sum.approval_to_dispersal += &totals.approval_to_dispersal;
            for (state, cell) in totals.cells.iter().enumerate() {
                cells[self.derived.cell(id as LabelId, FederalState::from_index(state)).index()] += cell;
            }
        }
        self.derived.add_to(&mut programmes, &mut cells);
        DisbursementView {
            programmes,
            cells,
            people_complete: self.state.people.complete(),
            unmatched: self.state.unmatched.clone(),
            rolling: self.derived.rolling(),
            slots: self.slots(watermark),
        }
    }

    /// Figures by slot at `watermark`.
    pub(crate) fn slots(&mut self, watermark: Option<Timestamp>) -> Slots {
        self.derived.slots(watermark)
    }

    pub(crate) fn stage_targets(&mut self, view_config: &ViewConfig) {
        self.derived.stage_targets(&self.state, view_config);
    }

    pub(crate) fn backfill(&mut self, budget: usize) -> bool {
        self.derived.backfill(&self.state, budget)
    }

    pub(crate) fn promote(&mut self) {
        self.derived.promote();
    }

    pub(crate) fn unlisted(&self) -> &UnlistedCounts {
        &self.unlisted
    }
}

impl DisbursementsState {
    pub(crate) fn panes(&self) -> &Panes<3> {
        &self.panes
    }

    pub(crate) fn panes_mut(&mut self) -> &mut Panes<3> {
        &mut self.panes
    }

    pub(crate) fn regions(&mut self) -> impl Iterator<Item = &mut dyn PagedTable> {
        self.supports.regions().chain(self.people.regions()).chain(self.waiting.regions())
    }

    /// Empty figures by slot for a set of targets.
    fn dispersal_slots(&self, view_config: &ViewConfig) -> DispersalSlots {
        let horizon = self.rules.horizon(Stream::Disbursement);
        DispersalSlots::new(
            Arc::clone(&view_config.allowlists),
            view_config.selection(Stream::Disbursement, horizon, self.panes.history()),
            horizon,
        )
    }

    /// Watermark beyond which a support is forgotten.
    fn deadline(&self, support: &Support) -> Timestamp {
        let horizon =
            if support.is_open() { self.rules.open_horizon } else { self.rules.horizon(Stream::Disbursement) };
        support.newest() + horizon
    }

    /// Deadline of a support whose forgetting changes a figure.
    fn timer(&self, support: &Support) -> Option<(Timestamp, Hash128)> {
        let is_timed = support.is_open() || self.waiting.has_returns(support);
        is_timed.then(|| (self.deadline(support), support.key()))
    }
}

fn cell_key(programme: LabelId, state: FederalState) -> PaneKey {
    pane_key(programme, state.index() as u16)
}

impl StoredTotals {
    fn new() -> Self {
        let ProgrammeTotals { application_to_approval, approval_to_dispersal, .. } = ProgrammeTotals::default();
        Self {
            events: [0; 5],
            unmatched_returned: 0,
            waiting_returned: 0,
            application_to_approval,
            approval_to_dispersal,
            cells: vec![CellTotals::default(); FederalState::CODES.len()],
        }
    }
}
