//! Agents by their newest status: newest by event time, then by log order (`spec/figures.md#agents`).

use std::collections::BTreeSet;
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use crate::aggregate::key_sample::{KeyKind, SampledKey};
use crate::aggregate::labels::{LabelId, LabelTable};
use crate::aggregate::packed::{PackedTime, U16};
use crate::aggregate::pages::PagedTable;
use crate::aggregate::table::{Table, TableEntry};
use crate::aggregate::{Rules, UnlistedCounts};
use crate::allowlists::{Allowlists, CellIndex, LabelKind};
use crate::clock::Timestamp;
use crate::event::{self, Hash128, LabelArena, Status};
use crate::record::Stream;
use crate::view::panes::RecentPanes;
use crate::view::totals::AGENT_STATUSES;

#[derive(Debug)]
pub(crate) struct Agents {
    state: AgentsState,
    rules: Rules,
    /// Deadline of each agent. Follows from the agents.
    timers: BTreeSet<(Timestamp, Hash128)>,
    allowlists: Arc<Allowlists>,
    /// Agents by shown site and status, at the time of the status. Derived.
    by_last_status: RecentPanes,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AgentsState {
    sites: LabelTable,
    agents: Table<Agent>,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Agent {
    key: Hash128,
    time: PackedTime,
    site: U16,
    /// An index into [`Status::ALL`].
    status: u8,
}

impl TableEntry for Agent {
    fn key(&self) -> Hash128 {
        self.key
    }
}

impl Agent {
    fn time(&self) -> Timestamp {
        self.time.get().expect("an agent's status has a time")
    }
}

impl AgentsState {
    pub(crate) fn new(rules: &Rules) -> Self {
        // An absent site does not count towards the limit.
        let mut sites = LabelTable::new(rules.max_label_values + 1);
        sites.intern("unknown");
        Self { sites, agents: Table::new() }
    }

    pub(crate) fn regions(&mut self) -> impl Iterator<Item = &mut dyn PagedTable> {
        self.agents.regions()
    }
}

impl Agents {
    pub(crate) fn of(state: AgentsState, rules: Rules, allowlists: Arc<Allowlists>) -> Self {
        let mut agents =
            Self { state, rules, timers: BTreeSet::new(), allowlists, by_last_status: RecentPanes::default() };
        let known: Vec<Agent> = agents.state.agents.iter().copied().collect();
        known.iter().for_each(|agent| agents.join(agent));
        agents
    }

    pub(crate) fn state(&self) -> &AgentsState {
        &self.state
    }

    pub(crate) fn state_mut(&mut self) -> &mut AgentsState {
        &mut self.state
    }

    pub(crate) fn len(&self) -> usize {
        self.state.agents.len()
    }

    pub(crate) fn remembered_keys(&self) -> impl Iterator<Item = SampledKey> {
        let agents = self.state.agents.iter();
        agents.map(|agent| SampledKey { kind: KeyKind::Agent, hash: agent.key, time: agent.time() })
    }

    pub(crate) fn has(&self, agent: &Hash128) -> bool {
        self.state.agents.get(agent).is_some()
    }

    pub(crate) fn apply(
        &mut self,
        time: Timestamp,
        body: &event::Agent,
        arena: &LabelArena,
        unlisted: &mut UnlistedCounts,
    ) {
        let site = self.state.sites.intern(arena.get(body.site));
        unlisted.count(
            LabelKind::Site,
            self.allowlists.sites.index(self.state.sites.name(site)) == self.allowlists.sites.other(),
            || arena.get(body.site),
        );
        let place = self.state.agents.find(&body.agent);
        let known = self.state.agents.at(place).copied();
        if known.is_some_and(|agent| agent.time.get() > Some(time)) {
            return;
        }
        let agent = Agent {
            key: body.agent,
            time: PackedTime::at(time),
            site: U16::new(u64::from(site)),
            status: body.status as u8,
        };
        known.inspect(|before| self.leave(before));
        self.state.agents.put(place, agent);
        self.join(&agent);
    }

    /// Forgets agents without a status within the horizon.
    pub(crate) fn forget(&mut self, watermark: Timestamp) {
        while let Some(&(deadline, key)) = self.timers.first() {
            if deadline >= watermark {
                break;
            }
            let agent = self.state.agents.remove(&key).expect("an agent is forgotten once");
            self.leave(&agent);
        }
    }

    /// Agents that can still count at `now`: a status holds until exactly `calls.agent_timeout` has passed.
    pub(crate) fn recent(&self, now: Timestamp) -> RecentPanes {
        self.by_last_status.recent(now, self.rules.agent_timeout)
    }

    fn join(&mut self, agent: &Agent) {
        let time = agent.time();
        self.timers.insert((time + self.rules.horizon(Stream::Call), agent.key));
        if let Some(cell) = self.cell(agent) {
            self.by_last_status.add(time, cell);
        }
    }

    fn leave(&mut self, agent: &Agent) {
        let time = agent.time();
        self.timers.remove(&(time + self.rules.horizon(Stream::Call), agent.key));
        if let Some(cell) = self.cell(agent) {
            self.by_last_status.remove(time, cell);
        }
    }

    /// Cell in which an agent is shown; `None` when signed out.
    fn cell(&self, agent: &Agent) -> Option<CellIndex> {
        let status = Status::ALL[usize::from(agent.status)];
        let column = AGENT_STATUSES.iter().position(|&shown| shown == status)?;
        let site = self.allowlists.sites.index(self.state.sites.name(agent.site.get() as LabelId));
        Some(CellIndex::new(site * AGENT_STATUSES.len() + column))
    }
}
