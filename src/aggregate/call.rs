//! The state of a partition of the call centre: calls by their identifier, agents by theirs.

mod agents;

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use self::agents::Agents;
pub(crate) use self::agents::AgentsState;
use super::counts::TargetCounts;
use super::double_buffer::DoubleBuffer;
use super::labels::{LabelId, LabelTable};
use super::packed::{PackedTime, U16};
use super::pages::PagedTable;
use super::panes::{Panes, first_of, pane_key};
use super::selection::has;
use super::table::{Table, TableEntry};
use super::timers::Timers;
use super::{KeyCounts, Rules, UnlistedCounts, ViewConfig};
use crate::allowlists::{Allowlists, CellIndex, LabelKind};
use crate::clock::Millis;
use crate::event::{self, CallKind, Event, Hash128, LabelArena};
use crate::record::Stream;
use crate::targets::{Measure, Tally};
use crate::view::panes::RecentPanes;
use crate::view::slots::Slots;
use crate::view::{CallView, QueueTotals};

#[derive(Debug)]
pub(crate) struct Calls {
    state: CallsState,
    agents: Agents,
    allowlists: Arc<Allowlists>,
    /// By the partition's number of a queue: where it is shown.
    queues: Vec<CellIndex>,
    /// Calls that wait, by queue as shown, at the time of their offer. Derived.
    waiting: RecentPanes,
    /// For targets. Derived.
    counts: DoubleBuffer<TargetCounts<PANE_COUNTS>>,
    unlisted: UnlistedCounts,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CallsState {
    rules: Rules,
    queues: LabelTable,
    calls: Table<Call>,
    /// When calls are forgotten whose forgetting is seen in figures. Follows from the calls.
    #[serde(skip)]
    timers: Timers,
    /// By queue.
    totals: Vec<QueueTotals>,
    unmatched: [u64; CallKind::ALL.len()],
    /// By queue.
    panes: Panes<PANE_COUNTS>,
}

/// The counts kept in quarter-hour panes: the four events, then these.
const WITHIN_TARGET: usize = 4;
const ABANDONED_SHORT: usize = 5;
pub(crate) const PANE_COUNTS: usize = 6;

/// One of a count, none of the others.
fn one(which: usize) -> [u128; PANE_COUNTS] {
    std::array::from_fn(|count| u128::from(count == which))
}

/// A call in 55 bytes: of each kind of event the first in log order, with its queue.
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
    fn step(&self, kind: CallKind) -> Option<(Millis, LabelId)> {
        let step = self.steps[kind as usize];
        Some((step.time.get()?, step.queue.get() as LabelId))
    }

    fn newest(&self) -> Millis {
        self.newest.get().unwrap_or(Millis::MIN)
    }

    /// Offered, and neither answered nor abandoned.
    fn waiting(&self) -> Option<(Millis, LabelId)> {
        let ended = self.step(CallKind::Answered).is_some() || self.step(CallKind::Abandoned).is_some();
        self.step(CallKind::Offered).filter(|_| !ended)
    }

    /// The steps that lack the one they need. Contract, section 2, "Unmatched".
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

    /// Of a state that was read from a checkpoint. Rules that change no state may be others than when it was written.
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
            unlisted: UnlistedCounts::default(),
        };
        calls.list_queues();
        let Self { state, queues, waiting, .. } = &mut calls;
        for call in state.calls.iter() {
            state.timers.change(None, state.rules.timer(call));
            call.waiting().inspect(|&(time, queue)| waiting.add(time, queues[usize::from(queue)]));
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

    pub(crate) fn unlisted(&self) -> &UnlistedCounts {
        &self.unlisted
    }

    /// Forgets whatever is older than the horizon at this watermark.
    pub(crate) fn forget(&mut self, watermark: Millis) {
        while let Some(key) = self.state.timers.due(watermark) {
            self.forget_call(&key);
        }
        self.agents.forget(watermark);
        self.state.panes.forget(watermark);
    }

    pub(crate) fn apply_agent(&mut self, event: &Event, body: &event::Agent, arena: &LabelArena) {
        self.agents.apply(event.time, body, arena, &mut self.unlisted);
    }

    pub(crate) fn apply_call(&mut self, event: &Event, body: &event::Call, arena: &LabelArena, watermark: Millis) {
        let horizon = self.state.rules.horizon(Stream::Call);
        for _ in 0..4 {
            self.state.calls.sweep(|call| {
                call.newest() + horizon < watermark && call.waiting().is_none() && call.unmatched().count() == 0
            });
        }
        let queue = self.state.queues.intern(arena.get(body.queue));
        self.list_queues();
        self.unlisted
            .count(LabelKind::Queue, self.queues[usize::from(queue)].index() == self.allowlists.queues.other());
        let new = || Call { key: body.call, ..Call::zeroed() };
        let mut before = *self.state.calls.get_or_insert(&body.call, new);
        if before.newest.is_some() && before.newest() + horizon < watermark {
            self.forget_call(&body.call);
            before = *self.state.calls.get_or_insert(&body.call, new);
        }
        self.state.totals[usize::from(queue)].events[body.kind as usize] += 1;
        self.count(event.time, queue, body.kind as usize, Millis::MIN);
        let mut call = before;
        call.newest = PackedTime::at(event.time.max(call.newest()));
        if call.step(body.kind).is_none() {
            call.steps[body.kind as usize] =
                Step { time: PackedTime::at(event.time), queue: U16::new(u64::from(queue)) };
            for (time, queue, count) in self.state.observe_waits(&call, body.kind) {
                self.count(time, queue, count, watermark - horizon);
            }
            self.state.observe_handle(&mut call, body);
        }
        *self.state.calls.get_mut(&body.call).expect("the call is there") = call;
        self.follow(&before, &call);
    }

    /// TargetCounts something in the panes. An answer may be known for longer than any event may be late, as long as its call is: so its day may be
    /// `settled`.
    fn count(&mut self, time: Millis, queue: LabelId, count: usize, settled: Millis) {
        let Self { state, counts, .. } = self;
        state.panes.add_to_past(time, pane_key(queue, 0), one(count), settled);
        let name = state.queues.name(queue);
        counts.each(|counts| counts.add(time, pane_key(queue, 0), one(count), |filter| has(&filter.queues, name)));
    }

    /// Keeps what follows from a call: whether it waits, and whether its forgetting will show.
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

    /// Makes room for every queue there is.
    fn list_queues(&mut self) {
        self.state.totals.resize(self.state.queues.len(), QueueTotals::default());
        for id in self.queues.len()..self.state.queues.len() {
            self.queues.push(CellIndex::new(self.allowlists.queues.index(self.state.queues.name(id as LabelId))));
        }
    }

    /// Figures by slot, to whoever knows the log up to `watermark`.
    pub(crate) fn slots(&mut self, watermark: Option<Millis>) -> Slots {
        self.counts.current().show(watermark)
    }

    pub(crate) fn stage_targets(&mut self, view_config: &ViewConfig) {
        self.counts.stage(self.state.counts(view_config));
    }

    pub(crate) fn promote(&mut self) {
        self.counts.promote();
    }

    /// What is shown of this partition at `now`.
    pub(crate) fn view(&mut self, now: Millis, watermark: Option<Millis>) -> CallView {
        let mut queues = vec![QueueTotals::default(); self.allowlists.queues.count()];
        for (totals, queue) in self.state.totals.iter().zip(&self.queues) {
            queues[queue.index()] += totals;
        }
        CallView {
            queues,
            unmatched: self.state.unmatched,
            waiting: self.waiting.recent(now, self.state.rules.max_wait),
            agents: self.agents.recent(now),
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

    /// TargetCounts for targets, of all that the panes have.
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

    /// The waits that become known with the first event of `kind`; what is to be counted of them: when, of which queue, and what.
    fn observe_waits(&mut self, call: &Call, kind: CallKind) -> impl Iterator<Item = (Millis, LabelId, usize)> + use<> {
        let offered = call.step(CallKind::Offered).map(|(offered, _)| offered);
        let step =
            |step: CallKind| Some((call.step(step)?, offered?)).filter(|_| kind == CallKind::Offered || kind == step);
        let answered = step(CallKind::Answered).and_then(|((time, queue), offered)| {
            let wait = (time - offered).max(0);
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

    /// The handle time, once it is known: as given with the completion, else from the answer to it.
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

/// What the counts of a pane add to a target. The service level counts each call where it was answered or abandoned, so that its parts are of
/// the same calls.
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
        _ => unreachable!("the measure of another stream"),
    }
}

impl Rules {
    /// When a call is forgotten, if that shows in a figure.
    fn timer(&self, call: &Call) -> Option<(Millis, Hash128)> {
        let shows = call.waiting().is_some() || call.unmatched().next().is_some();
        shows.then(|| (call.newest() + self.horizon(Stream::Call), call.key))
    }
}
