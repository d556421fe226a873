//! State of a partition of milestones: quantities reached and withdrawn (`spec/figures.md#milestones`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::counts::TargetCounts;
use super::double_buffer::DoubleBuffer;
use super::key_sample::SampledKey;
use super::labels::{LabelId, LabelTable, OTHER};
use super::panes::{PaneKey, Panes, first_of, pane_key, second_of};
use super::selection::has;
use super::{Rules, UnlistedCounts, ViewConfig};
use crate::allowlists::{Allowlists, CellIndex, LabelKind};
use crate::clock::Timestamp;
use crate::event::{self, Event, LabelArena, MilestoneKind};
use crate::record::Stream;
use crate::targets::{Filter, Tally};
use crate::view::recent_counts::RecentCounts;
use crate::view::slots::Slots;
use crate::view::{MilestoneTotals, MilestoneView};

/// Days before the newest event's whose quantities readers see: they show the current day and week.
const RECENT_DAYS: i64 = 9;

#[derive(Debug)]
pub(crate) struct Milestones {
    state: MilestonesState,
    allowlists: Arc<Allowlists>,
    /// Quantities of the last days by shown initiative and milestone. Derived.
    recent: RecentCounts<2>,
    /// Figures of targets. Derived.
    counts: DoubleBuffer<TargetCounts<2>>,
    unlisted: UnlistedCounts,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MilestonesState {
    max_milestones: usize,
    initiatives: LabelTable,
    milestones: LabelTable,
    totals: BTreeMap<(LabelId, LabelId), MilestoneTotals>,
    /// Quantities reached and withdrawn of each initiative and milestone.
    panes: Panes<2>,
}

impl MilestonesState {
    pub(crate) fn panes(&self) -> &Panes<2> {
        &self.panes
    }

    pub(crate) fn panes_mut(&mut self) -> &mut Panes<2> {
        &mut self.panes
    }

    pub(crate) fn remembered_keys(&self) -> impl Iterator<Item = SampledKey> {
        self.initiatives.own_names().map(SampledKey::of_initiative)
    }

    /// Figures of targets, derived from all panes.
    fn counts(&self, view_config: &ViewConfig) -> TargetCounts<2> {
        let net =
            |_, [reached, withdrawn]: &[u128; 2]| Tally { amount: *reached as i128 - *withdrawn as i128, base: 0 };
        let mut counts = TargetCounts::new(view_config.selection(Stream::Milestone, 0, self.panes.history()), net);
        for (time, key, amounts) in self.panes.all() {
            counts.add(time, key, *amounts, |filter| self.is_selected(key, filter));
        }
        counts
    }

    /// Position at which a pair of labels is shown.
    fn cell(&self, allowlists: &Allowlists, key: PaneKey) -> CellIndex {
        let initiative = allowlists.initiatives.index(self.initiatives.name(first_of(key)));
        let milestone = allowlists.milestones.index(self.milestones.name(second_of(key)));
        CellIndex::new(allowlists.milestone_cell(initiative, milestone))
    }

    fn is_selected(&self, key: PaneKey, filter: &Filter) -> bool {
        has(&filter.initiatives, self.initiatives.name(first_of(key)))
            && has(&filter.milestones, self.milestones.name(second_of(key)))
    }
}

impl Milestones {
    pub(crate) fn new(rules: Rules, view_config: &ViewConfig) -> Self {
        let state = MilestonesState {
            max_milestones: rules.max_milestones,
            initiatives: LabelTable::new(rules.max_label_values),
            milestones: LabelTable::new(rules.max_label_values),
            totals: BTreeMap::new(),
            panes: Panes::new(rules.fine_history, rules.coarse_history),
        };
        Self::restored(state, view_config)
    }

    /// Restores a state from a checkpoint.
    pub(crate) fn restored(state: MilestonesState, view_config: &ViewConfig) -> Self {
        let counts = DoubleBuffer::new(state.counts(view_config));
        let mut recent = RecentCounts::default();
        let days = state.panes.fine_days(RECENT_DAYS);
        for (time, key, quantities) in state.panes.recent(days) {
            recent.keep(time, days);
            recent.add(time, state.cell(&view_config.allowlists, key), quantities);
        }
        let allowlists = Arc::clone(&view_config.allowlists);
        Self { state, allowlists, recent, counts, unlisted: UnlistedCounts::default() }
    }

    pub(crate) fn state(&self) -> &MilestonesState {
        &self.state
    }

    pub(crate) fn unlisted(&self) -> &UnlistedCounts {
        &self.unlisted
    }

    pub(crate) fn forget(&mut self, watermark: Timestamp) {
        self.state.panes.forget(watermark);
        self.recent.keep(watermark, self.state.panes.fine_days(RECENT_DAYS));
    }

    /// Applies an event; true if it is the first of an initiative that gets a number of its own.
    pub(crate) fn apply(&mut self, event: &Event, body: &event::Milestone, arena: &LabelArena) -> bool {
        let (initiative, milestone) = (arena.get(body.initiative), arena.get(body.milestone));
        let Allowlists { initiatives, milestones, .. } = &*self.allowlists;
        self.unlisted.count(LabelKind::Initiative, initiatives.index(initiative) == initiatives.other(), || initiative);
        self.unlisted.count(LabelKind::Milestone, milestones.index(milestone) == milestones.other(), || milestone);
        let initiatives_before = self.state.initiatives.len();
        let mut key = (self.state.initiatives.intern(initiative), self.state.milestones.intern(milestone));
        // Beyond the bound a new pair counts as `other`, `other`.
        if !self.state.totals.contains_key(&key) && self.state.totals.len() >= self.state.max_milestones {
            key = (OTHER, OTHER);
        }
        let totals = self.state.totals.entry(key).or_default();
        let quantity = u128::from(body.quantity);
        match body.kind {
            MilestoneKind::Reached => totals.reached += quantity,
            MilestoneKind::Withdrawn => totals.withdrawn += quantity,
        }
        let amounts = match body.kind {
            MilestoneKind::Reached => [quantity, 0],
            MilestoneKind::Withdrawn => [0, quantity],
        };
        let key = pane_key(key.0, key.1);
        let Self { state, counts, recent, allowlists, .. } = self;
        state.panes.add(event.time, key, amounts);
        recent.add(event.time, state.cell(allowlists, key), &amounts);
        counts.each(|counts| counts.add(event.time, key, amounts, |filter| state.is_selected(key, filter)));
        state.initiatives.len() > initiatives_before
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

    pub(crate) fn view(&mut self, watermark: Option<Timestamp>) -> MilestoneView {
        let mut cells = vec![MilestoneTotals::default(); self.allowlists.milestone_cells()];
        for (&(initiative, milestone), totals) in &self.state.totals {
            let initiative = self.allowlists.initiatives.index(self.state.initiatives.name(initiative));
            let milestone = self.allowlists.milestones.index(self.state.milestones.name(milestone));
            cells[self.allowlists.milestone_cell(initiative, milestone)] += totals;
        }
        MilestoneView { cells, recent: self.recent.clone(), slots: self.slots(watermark) }
    }
}
