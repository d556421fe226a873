//! Agents: who is on, where, doing what.

use std::collections::BTreeMap;

use super::families::AGENTS;
use super::labels::{LabelValues, UNKNOWN, listed_other_and_unknown};
use super::series_map::SeriesMap;
use super::steps::ReplayedLog;
use super::{Body, OracleRules};
use crate::clock::Millis;
use crate::event::Status;

struct AgentStatus<'a> {
    time: Millis,
    site: &'a str,
    status: Status,
}

pub(super) fn start_series<'a>(rules: &'a OracleRules, series: &mut SeriesMap<'a>) {
    let statuses: Vec<_> =
        Status::ALL.iter().filter(|status| **status != Status::SignedOut).map(|status| status.name()).collect();
    series.start_pairs(&AGENTS, &listed_other_and_unknown(&rules.labels.sites), &statuses);
}

/// Adds the agents that are on at `now`.
///
/// An agent who was forgotten and comes back needs no thought: what comes is newer than all that was forgotten, else it would be expired.
pub(super) fn evaluate<'a>(log: &ReplayedLog<'a>, rules: &'a OracleRules, now: Millis, series: &mut SeriesMap<'a>) {
    let mut agents: BTreeMap<&str, AgentStatus> = BTreeMap::new();
    let mut sites = LabelValues::new(&rules.labels.sites, rules);
    for applied in &log.applied {
        let Body::Agent(given) = &applied.event.body else { continue };
        // "An absent `site` is `unknown`": it is no value that would take a place among those kept. One that is called so means the same.
        let site = match given.site.as_deref() {
            None | Some(UNKNOWN) => UNKNOWN,
            Some(site) => sites.show(site),
        };
        let next = AgentStatus { time: applied.event.time, site, status: given.status };
        // "The status newest by `time` (then log order) holds."
        match agents.get_mut(given.agent.as_str()) {
            Some(held) if next.time < held.time => {}
            Some(held) => *held = next,
            None => {
                agents.insert(&given.agent, next);
            }
        }
    }
    for held in agents.into_values() {
        // "`signed_out`, or nothing for `calls.agent_timeout` before now, takes the agent off. Agents are forgotten by the horizon."
        let signed_out = held.status == Status::SignedOut;
        let timed_out = now - held.time > rules.agent_timeout;
        let forgotten = log.watermark.is_some_and(|watermark| held.time < watermark - rules.horizons.call);
        if !signed_out && !timed_out && !forgotten {
            series.count(&AGENTS, [held.site, held.status.name()], 1);
        }
    }
}
