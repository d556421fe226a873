//! The state of a partition of milestones: quantities reached and withdrawn.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::labels::{LabelId, Labels, OTHER};
use super::panes::{Panes, pane_key};
use super::{Rules, Unlisted};
use crate::clock::Millis;
use crate::display::{Display, LabelKind};
use crate::event::{self, Event, MilestoneKind, Texts};
use crate::view::{MilestoneTotals, MilestoneView};

#[derive(Debug)]
pub struct Milestones {
    state: State,
    display: Arc<Display>,
    unlisted: Unlisted,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    max_milestones: usize,
    initiatives: Labels,
    milestones: Labels,
    totals: BTreeMap<(LabelId, LabelId), MilestoneTotals>,
    /// By initiative and milestone: quantities by [`MilestoneKind`].
    panes: Panes<2>,
}

impl State {
    pub fn panes(&self) -> &Panes<2> {
        &self.panes
    }

    pub fn panes_mut(&mut self) -> &mut Panes<2> {
        &mut self.panes
    }
}

impl Milestones {
    pub fn new(rules: Rules, display: Arc<Display>) -> Self {
        let state = State {
            max_milestones: rules.max_milestones,
            initiatives: Labels::new(rules.max_label_values),
            milestones: Labels::new(rules.max_label_values),
            totals: BTreeMap::new(),
            panes: Panes::new(rules.fine_history, rules.coarse_history),
        };
        Self::restored(state, display)
    }

    /// Of a state that was read from a checkpoint.
    pub fn restored(state: State, display: Arc<Display>) -> Self {
        Self { state, display, unlisted: Unlisted::default() }
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn unlisted(&self) -> &Unlisted {
        &self.unlisted
    }

    pub fn forget(&mut self, watermark: Millis) {
        self.state.panes.forget(watermark);
    }

    pub fn apply(&mut self, event: &Event, body: &event::Milestone, texts: &Texts) {
        let (initiative, milestone) = (texts.get(body.initiative), texts.get(body.milestone));
        let Display { initiatives, milestones, .. } = &*self.display;
        self.unlisted.count(LabelKind::Initiative, initiatives.index(initiative) == initiatives.other());
        self.unlisted.count(LabelKind::Milestone, milestones.index(milestone) == milestones.other());
        let mut key = (self.state.initiatives.intern(initiative), self.state.milestones.intern(milestone));
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
        self.state.panes.add(event.time, pane_key(key.0, key.1), amounts);
    }

    pub fn view(&self) -> MilestoneView {
        let mut cells = vec![MilestoneTotals::default(); self.display.milestone_cells()];
        for (&(initiative, milestone), totals) in &self.state.totals {
            let initiative = self.display.initiatives.index(self.state.initiatives.name(initiative));
            let milestone = self.display.milestones.index(self.state.milestones.name(milestone));
            cells[self.display.milestone_cell(initiative, milestone)] += totals;
        }
        MilestoneView { cells }
    }
}
