//! State of a partition of the call centre: calls by their identifier, agents by theirs (`spec/figures.md#calls`).
//!
//! A call is the first event of each kind in log order ([`Call`]). Waits and handle times are observed once the events
//! that they span are known, in whatever order these come. A call whose counterpart never came counts as unmatched when
//! it is forgotten.
//!
//! # Adding a call measure
//!
//! - *A counter or histogram of a queue*: a field of [`QueueTotals`] with its line in `AddAssign` (`view.rs`); count it
//!   in [`Calls::apply_call`], [`CallsState::observe_waits`] or [`CallsState::observe_handle`]. It is stored, so the
//!   checkpoint format gets a new version and a golden file; a histogram's bounds go to `event/histogram_bounds.rs`.
//! - *A gauge of now* (like calls waiting): a [`RecentPanes`] kept up in [`Calls::follow`], evaluated in
//!   `view/totals.rs`.
//!   Both need the family in `telemetry/catalogue/business.rs`, its export in `export/business.rs`, and independently
//!   the oracle (`oracle/families.rs`, `oracle/calls.rs`).
//! - *A measure of targets*: a variant of [`Measure`], its line in [`tally`]; if no pane count serves, one more of the
//!   [`PANE_COUNTS`] (stored). Independently, `oracle/targets.rs`. ARCHITECTURE.md lists the rest.

mod agents;

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use self::agents::Agents;
pub(crate) use self::agents::AgentsState;
use super::counts::TargetCounts;
use super::double_buffer::DoubleBuffer;
use super::key_sample::{KeyKind, SampledKey};
use super::labels::{LabelId, LabelTable};
use super::packed::{PackedTime, U16};
use super::pages::PagedTable;
use super::panes::{Panes, first_of, pane_key};
use super::selection::has;
use super::table::{Table, TableEntry};
use super::timers::Timers;
use super::{KeyCounts, Rules, UnlistedCounts, ViewConfig};
use crate::allowlists::{Allowlists, CellIndex, LabelKind};
use crate::clock::{DAY, Millis, Timestamp};
use crate::event::{self, CallKind, Event, Hash128, LabelArena};
use crate::record::Stream;
use crate::targets::{Measure, Tally};
use crate::view::panes::RecentPanes;
use crate::view::recent_counts::RecentCounts;
use crate::view::slots::Slots;
use crate::view::{CallCount, CallView, QueueTotals};

#[derive(Debug)]
pub(crate) struct Calls {
    state: CallsState,
    agents: Agents,
    allowlists: Arc<Allowlists>,
    /// Position at which each queue is shown, by its number in this partition.
    queues: Vec<CellIndex>,
    /// Waiting calls by shown queue, at the time of their offer. Derived.
    waiting: RecentPanes,
    /// Counts of the last days by shown queue. Derived.
    recent: RecentCounts<PANE_COUNTS>,
    /// Waits of answered calls of the last days by shown queue: milliseconds, and number of calls. Derived from the calls.
    waits: RecentCounts<2>,
    /// Figures of targets. Derived.
    counts: DoubleBuffer<TargetCounts<PANE_COUNTS>>,
    unlisted: UnlistedCounts,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CallsState {
    rules: Rules,
    queues: LabelTable,
    calls: Table<Call>,
    /// Deadlines of the calls whose forgetting changes a figure. Follows from the calls.
    #[serde(skip)]
    timers: Timers,
    /// Running totals of each queue, by its number.
    totals: Vec<QueueTotals>,
    unmatched: [u64; CallKind::ALL.len()],
    /// Counts of each queue: the four events, then [`WITHIN_TARGET`] and [`ABANDONED_SHORT`].
    panes: Panes<PANE_COUNTS>,
}

/// Pane counts after those of the four events.
const WITHIN_TARGET: usize = CallCount::WithinTarget as usize;
const ABANDONED_SHORT: usize = CallCount::AbandonedShort as usize;
pub(crate) const PANE_COUNTS: usize = CallCount::NUMBER;

/// Days before the newest event's whose counts readers see: they show the current day and the last hour.
const RECENT_DAYS: i64 = 2;

/// Pane counts with a one at `which`.
fn one(which: usize) -> [u128; PANE_COUNTS] {
    std::array::from_fn(|count| u128::from(count == which))
}

/// A call in 55 bytes: the first event of each kind in log order, with its queue.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Call {
    key: Hash128,
    newest: PackedTime,
    steps: [Step; CallKind::ALL.len()],
    /// 1 once its handle time was observed.
    handled: u8,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Step {
    time: PackedTime,
    queue: U16,
}

impl TableEntry for Call {
    fn key(&self) -> Hash128 {
        self.key
    }
}

impl Call {
    fn step(&self, kind: CallKind) -> Option<(Timestamp, LabelId)> {
        let step = self.steps[kind as usize];
        Some((step.time.get()?, step.queue.get() as LabelId))
    }

    fn newest(&self) -> Timestamp {
        self.newest.get().unwrap_or(Timestamp::MIN)
    }

    /// Time and queue of the offer, if the call was neither answered nor abandoned.
    fn waiting(&self) -> Option<(Timestamp, LabelId)> {
        let ended = self.step(CallKind::Answered).is_some() || self.step(CallKind::Abandoned).is_some();
        self.step(CallKind::Offered).filter(|_| !ended)
    }

    /// Time and queue of the answer, and the wait until then, if the offer is known too.
    fn answered_wait(&self) -> Option<(Timestamp, LabelId, Millis)> {
        let (offered, _) = self.step(CallKind::Offered)?;
        let (answered, queue) = self.step(CallKind::Answered)?;
        Some((answered, queue, (answered - offered).max(0)))
    }

    /// Kinds of events whose counterpart is missing (`spec/figures.md#unmatched`).
    fn unmatched(&self) -> impl Iterator<Item = CallKind> {
        let offered = self.step(CallKind::Offered).is_some();
        let handled = self.handled != 0;
        [(CallKind::Answered, offered), (CallKind::Abandoned, offered), (CallKind::Completed, handled)]
            .into_iter()
            .filter(|&(kind, matched)| self.step(kind).is_some() && !matched)
            .map(|(kind, _)| kind)
    }
}

impl Calls {
    pub(crate) fn new(rules: Rules, view_config: &ViewConfig) -> Self {
        let state = CallsState {
            rules,
            queues: LabelTable::new(rules.max_label_values),
            calls: Table::new(),
            timers: Timers::default(),
            totals: Vec::new(),
            unmatched: [0; CallKind::ALL.len()],
            panes: Panes::new(rules.fine_history, rules.coarse_history),
        };
        Self::restored(state, AgentsState::new(&rules), rules, view_config)
    }

    /// Restores a state from a checkpoint. Rules that change no state may differ from those it was written under.
    pub(crate) fn restored(state: CallsState, agents: AgentsState, rules: Rules, view_config: &ViewConfig) -> Self {
        let allowlists = Arc::clone(&view_config.allowlists);
        let state = CallsState { rules, ..state };
        let mut calls = Self {
            counts: DoubleBuffer::new(state.counts(view_config)),
            agents: Agents::of(agents, rules, Arc::clone(&allowlists)),
            state,
            allowlists,
            queues: Vec::new(),
            waiting: RecentPanes::default(),
            recent: RecentCounts::default(),
            waits: RecentCounts::default(),
            unlisted: UnlistedCounts::default(),
        };
        calls.list_queues();
        let Self { state, queues, waiting, recent, waits, .. } = &mut calls;
        let days = state.panes.fine_days(RECENT_DAYS);
        for (time, key, counts) in state.panes.recent(days) {
            recent.keep(time, days);
            waits.keep(time, state.wait_days());
            recent.add(time, queues[usize::from(first_of(key))], counts);
        }
        state.timers = state.calls.iter().filter_map(|call| state.rules.timer(call)).collect();
        for call in state.calls.iter() {
            call.waiting().inspect(|&(time, queue)| waiting.add(time, queues[usize::from(queue)]));
            call.answered_wait()
                .inspect(|&(time, queue, wait)| add_wait(waits, time, queues[usize::from(queue)], wait));
        }
        calls
    }

    pub(crate) fn state(&self) -> (&CallsState, &AgentsState) {
        (&self.state, self.agents.state())
    }

    pub(crate) fn regions(&mut self) -> impl Iterator<Item = &mut dyn PagedTable> {
        self.state.regions().chain(self.agents.state_mut().regions())
    }

    pub(crate) fn keys(&self) -> KeyCounts {
        KeyCounts { calls: self.state.calls.len() as u64, agents: self.agents.len() as u64, ..KeyCounts::default() }
    }

    pub(crate) fn remembered_keys(&self) -> impl Iterator<Item = SampledKey> {
        let calls = self.state.calls.iter();
        let calls = calls.map(|call| SampledKey { kind: KeyKind::Call, hash: call.key, time: call.newest() });
        calls.chain(self.agents.remembered_keys())
    }

    pub(crate) fn remembers(&self, key: &SampledKey) -> bool {
        match key.kind {
            KeyKind::Agent => self.agents.has(&key.hash),
            _ => self.state.calls.get(&key.hash).is_some(),
        }
    }

    pub(crate) fn unlisted(&self) -> &UnlistedCounts {
        &self.unlisted
    }

    /// Forgets what is older than the horizon at this watermark.
    pub(crate) fn forget(&mut self, watermark: Timestamp) {
        while let Some(key) = self.state.timers.due(watermark) {
            self.forget_call(&key);
        }
        self.agents.forget(watermark);
        self.state.panes.forget(watermark);
        self.recent.keep(watermark, self.state.panes.fine_days(RECENT_DAYS));
    }

    pub(crate) fn apply_agent(&mut self, event: &Event, body: &event::Agent, arena: &LabelArena) {
        self.agents.apply(event.time, body, arena, &mut self.unlisted);
    }

    pub(crate) fn apply_call(&mut self, event: &Event, body: &event::Call, arena: &LabelArena, watermark: Timestamp) {
        let horizon = self.state.rules.horizon(Stream::Call);
        let queue = self.state.queues.intern(arena.get(body.queue));
        self.list_queues();
        let is_unlisted = self.queues[usize::from(queue)].index() == self.allowlists.queues.other();
        self.unlisted.count(LabelKind::Queue, is_unlisted, || arena.get(body.queue));
        let mut place = self.state.calls.find(&body.call);
        let mut known = self.state.calls.at(place).copied();
        if known.is_some_and(|call| call.newest() + horizon < watermark) {
            self.forget_call(&body.call);
            (place, known) = (self.state.calls.find(&body.call), None);
        }
        let before = known.unwrap_or_else(|| Call { key: body.call, ..Call::zeroed() });
        self.state.totals[usize::from(queue)].events[body.kind as usize] += 1;
        self.count(event.time, queue, body.kind as usize, Timestamp::MIN);
        let mut call = before;
        call.newest = PackedTime::at(event.time.max(call.newest()));
        if call.step(body.kind).is_none() {
            call.steps[body.kind as usize] =
                Step { time: PackedTime::at(event.time), queue: U16::new(u64::from(queue)) };
            for (time, queue, count) in self.state.observe_waits(&call, body.kind) {
                self.count(time, queue, count, watermark - horizon);
            }
            if let Some((time, queue, wait)) = call.answered_wait().filter(|_| ends_wait(body.kind)) {
                add_wait(&mut self.waits, time, self.queues[usize::from(queue)], wait);
            }
            self.state.observe_handle(&mut call, body);
        }
        self.state.calls.put(place, call);
        self.follow(&before, &call);
    }

    /// Forgets old calls whose forgetting changes no figure, some table slots at a time.
    pub(crate) fn sweep(&mut self, watermark: Timestamp) {
        let oldest = watermark - self.state.rules.horizon(Stream::Call);
        self.state
            .calls
            .sweep(|call| call.newest() < oldest && call.waiting().is_none() && call.unmatched().next().is_none());
    }

    /// Adds one to a pane count. A known answer can be older than any late event, as old as its call may be, so its day
    /// may lie before `settled`.
    fn count(&mut self, time: Timestamp, queue: LabelId, count: usize, settled: Timestamp) {
        let Self { state, counts, recent, queues, .. } = self;
        state.panes.add_to_past(time, pane_key(queue, 0), one(count), settled);
        recent.add(time, queues[usize::from(queue)], &one(count));
        let name = state.queues.name(queue);
        counts.each(|counts| counts.add(time, pane_key(queue, 0), one(count), |filter| has(&filter.queues, name)));
    }

    /// Updates what follows from a call: whether it waits, and the timer of its forgetting.
    fn follow(&mut self, before: &Call, after: &Call) {
        let rules = &self.state.rules;
        self.state.timers.change(rules.timer(before), rules.timer(after));
        if before.waiting() != after.waiting() {
            before.waiting().inspect(|&(time, queue)| self.waiting.remove(time, self.queues[usize::from(queue)]));
            after.waiting().inspect(|&(time, queue)| self.waiting.add(time, self.queues[usize::from(queue)]));
        }
    }

    fn forget_call(&mut self, key: &Hash128) {
        let call = self.state.calls.remove(key).expect("a call is forgotten once");
        call.unmatched().for_each(|kind| self.state.unmatched[kind as usize] += 1);
        let forgotten = Call { key: call.key, ..Call::zeroed() };
        self.follow(&call, &forgotten);
    }

    /// Makes room for every queue of the partition.
    fn list_queues(&mut self) {
        self.state.totals.resize(self.state.queues.len(), QueueTotals::default());
        for id in self.queues.len()..self.state.queues.len() {
            self.queues.push(CellIndex::new(self.allowlists.queues.index(self.state.queues.name(id as LabelId))));
        }
    }

    /// Figures by slot at `watermark`.
    pub(crate) fn slots(&mut self, watermark: Option<Timestamp>) -> Slots {
        self.counts.current().show(watermark)
    }

    pub(crate) fn stage_targets(&mut self, view_config: &ViewConfig) {
        self.counts.stage(self.state.counts(view_config));
    }

    pub(crate) fn promote(&mut self) {
        self.counts.promote();
    }

    /// View of this partition for readers whose clock is about `now`.
    pub(crate) fn view(&mut self, now: Timestamp, watermark: Option<Timestamp>) -> CallView {
        let mut queues = vec![QueueTotals::default(); self.allowlists.queues.count()];
        for (totals, queue) in self.state.totals.iter().zip(&self.queues) {
            queues[queue.index()] += totals;
        }
        watermark.inspect(|&newest| self.waits.keep(newest, self.state.wait_days()));
        CallView {
            queues,
            unmatched: self.state.unmatched,
            waiting: self.waiting.recent(now, self.state.rules.max_wait),
            agents: self.agents.recent(now),
            recent: self.recent.clone(),
            waits: self.waits.clone(),
            slots: self.slots(watermark),
        }
    }
}

impl CallsState {
    pub(crate) fn regions(&mut self) -> impl Iterator<Item = &mut dyn PagedTable> {
        self.calls.regions()
    }

    pub(crate) fn panes(&self) -> &Panes<PANE_COUNTS> {
        &self.panes
    }

    pub(crate) fn panes_mut(&mut self) -> &mut Panes<PANE_COUNTS> {
        &mut self.panes
    }

    /// Number of days before the newest event's of which every answered call is in state.
    fn wait_days(&self) -> i64 {
        (self.rules.horizon(Stream::Call) / DAY - 1).clamp(0, RECENT_DAYS)
    }

    /// Figures of targets, derived from all panes.
    fn counts(&self, view_config: &ViewConfig) -> TargetCounts<PANE_COUNTS> {
        let mut counts = TargetCounts::new(
            view_config.selection(Stream::Call, self.rules.horizon(Stream::Call), self.panes.history()),
            tally,
        );
        for (time, key, amounts) in self.panes.all() {
            let name = self.queues.name(first_of(key));
            counts.add(time, key, *amounts, |filter| has(&filter.queues, name));
        }
        counts
    }

    /// Observes the waits that become known with the first event of `kind`. Returns the pane counts to raise: time,
    /// queue and count.
    fn observe_waits(
        &mut self,
        call: &Call,
        kind: CallKind,
    ) -> impl Iterator<Item = (Timestamp, LabelId, usize)> + use<> {
        let offered = call.step(CallKind::Offered).map(|(offered, _)| offered);
        let step =
            |step: CallKind| Some((call.step(step)?, offered?)).filter(|_| kind == CallKind::Offered || kind == step);
        let answered = call.answered_wait().filter(|_| ends_wait(kind)).and_then(|(time, queue, wait)| {
            let totals = &mut self.totals[usize::from(queue)];
            totals.answered_wait.observe(wait);
            totals.answered_within_target += u64::from(wait <= self.rules.service_level);
            (wait <= self.rules.service_level).then_some((time, queue, WITHIN_TARGET))
        });
        let abandoned = step(CallKind::Abandoned).and_then(|((time, queue), offered)| {
            let wait = (time - offered).max(0);
            let totals = &mut self.totals[usize::from(queue)];
            totals.abandoned_wait.observe(wait);
            totals.abandoned_short += u64::from(wait < self.rules.short_abandon);
            (wait < self.rules.short_abandon).then_some((time, queue, ABANDONED_SHORT))
        });
        [answered, abandoned].into_iter().flatten()
    }

    /// Observes the handle time once it is known: as given with the completion, otherwise the time from answer to
    /// completion.
    fn observe_handle(&mut self, call: &mut Call, body: &event::Call) {
        let Some((completed, queue)) = call.step(CallKind::Completed).filter(|_| call.handled == 0) else { return };
        let given = body.handle.filter(|_| body.kind == CallKind::Completed);
        let spanned = call.step(CallKind::Answered).map(|(answered, _)| completed - answered);
        if let Some(handle) = given.or(spanned) {
            self.totals[usize::from(queue)].handle.observe(handle);
            call.handled = 1;
        }
    }
}

/// True if the wait until an answer may become known with the first event of a kind.
fn ends_wait(kind: CallKind) -> bool {
    matches!(kind, CallKind::Offered | CallKind::Answered)
}

fn add_wait(waits: &mut RecentCounts<2>, time: Timestamp, queue: CellIndex, wait: Millis) {
    waits.add(time, queue, &[u128::from(wait.unsigned_abs()), 1]);
}

/// Contribution of pane counts to a target. The service level counts each call at its answer or abandonment, so that
/// numerator and denominator are of the same calls.
fn tally(measure: Measure, counts: &[u128; PANE_COUNTS]) -> Tally {
    let count = |which: usize| counts[which] as i128;
    let of = |kind: CallKind| count(kind as usize);
    match measure {
        Measure::CallsOffered => Tally { amount: of(CallKind::Offered), base: 0 },
        Measure::CallsAnswered => Tally { amount: of(CallKind::Answered), base: 0 },
        Measure::CallsCompleted => Tally { amount: of(CallKind::Completed), base: 0 },
        Measure::ServiceLevel => Tally {
            amount: count(WITHIN_TARGET),
            base: of(CallKind::Answered) + of(CallKind::Abandoned) - count(ABANDONED_SHORT),
        },
        _ => unreachable!("targets of other streams are not selected"),
    }
}

impl Rules {
    /// Deadline of a call whose forgetting changes a figure.
    fn timer(&self, call: &Call) -> Option<(Timestamp, Hash128)> {
        let shows = call.waiting().is_some() || call.unmatched().next().is_some();
        shows.then(|| (call.newest() + self.horizon(Stream::Call), call.key))
    }
}
