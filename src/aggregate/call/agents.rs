//! Agents: the status that is newest by its time, then in the log, holds.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::aggregate::labels::{LabelId, Labels};
use crate::aggregate::packed::{Time, U16};
use crate::aggregate::table::{Entry, Table};
use crate::aggregate::{Rules, Unlisted};
use crate::clock::Millis;
use crate::display::{Display, LabelKind};
use crate::event::{self, Hash128, Status, Texts};
use crate::record::Stream;
use crate::view::panes::{Cell, RecentPanes};
use crate::view::totals::AGENT_STATUSES;

#[derive(Debug)]
pub struct Agents {
    rules: Rules,
    sites: Labels,
    agents: Table<Agent>,
    /// When each is forgotten.
    timers: BTreeSet<(Millis, Hash128)>,
    display: Arc<Display>,
    /// By site and status as shown, at the time of the status. Derived.
    heard_of: RecentPanes,
}

#[derive(Debug, Clone, Copy, Default, Hash)]
struct Agent {
    key: Hash128,
    time: Time,
    site: U16,
    /// An index into [`Status::ALL`].
    status: u8,
}

impl Entry for Agent {
    fn key(&self) -> Hash128 {
        self.key
    }
}

impl Agents {
    pub fn new(rules: Rules, display: Arc<Display>) -> Self {
        // An absent site takes no place of those that are named.
        let mut sites = Labels::new(rules.max_label_values + 1);
        sites.intern("unknown");
        Self { rules, sites, agents: Table::new(), timers: BTreeSet::new(), display, heard_of: RecentPanes::default() }
    }

    pub fn hash_state<H: Hasher>(&self, hasher: &mut H) {
        (&self.sites, &self.agents, &self.timers).hash(hasher);
    }

    pub fn len(&self) -> usize {
        self.agents.len()
    }

    pub fn apply(&mut self, time: Millis, body: &event::Agent, texts: &Texts, unlisted: &mut Unlisted) {
        let site = self.sites.intern(texts.get(body.site));
        unlisted.count(LabelKind::Site, self.display.sites.index(self.sites.name(site)) == self.display.sites.other());
        let known = self.agents.get(&body.agent).copied();
        if known.is_some_and(|agent| agent.time.get() > Some(time)) {
            return;
        }
        let agent = Agent { key: body.agent, time: Time::at(time), site: U16::new(u64::from(site)), status: body.status as u8 };
        match known {
            Some(before) => {
                self.leave(&before);
                *self.agents.get_mut(&body.agent).expect("the agent is there") = agent;
            }
            None => self.agents.insert(agent),
        }
        self.timers.insert((time + self.rules.horizon(Stream::Call), body.agent));
        if let Some(cell) = self.cell(&agent) {
            self.heard_of.add(time, cell);
        }
    }

    /// Forgets agents of whom nothing was heard within the horizon.
    pub fn forget(&mut self, watermark: Millis) {
        while let Some(&(deadline, key)) = self.timers.first() {
            if deadline >= watermark {
                break;
            }
            let agent = self.agents.remove(&key).expect("an agent is forgotten once");
            self.leave(&agent);
        }
    }

    /// What can still count at `now`.
    pub fn recent(&self, now: Millis) -> RecentPanes {
        self.heard_of.recent(now, self.rules.agent_timeout)
    }

    fn leave(&mut self, agent: &Agent) {
        let time = agent.time.get().expect("an agent's status has a time");
        self.timers.remove(&(time + self.rules.horizon(Stream::Call), agent.key));
        if let Some(cell) = self.cell(agent) {
            self.heard_of.remove(time, cell);
        }
    }

    /// Where an agent is shown; nowhere when signed out.
    fn cell(&self, agent: &Agent) -> Option<Cell> {
        let status = Status::ALL[usize::from(agent.status)];
        let column = AGENT_STATUSES.iter().position(|&shown| shown == status)?;
        let site = self.display.sites.index(self.sites.name(agent.site.get() as LabelId));
        Some((site * AGENT_STATUSES.len() + column) as Cell)
    }
}
