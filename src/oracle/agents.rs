//! Agents: their status and site at `now` (`spec/figures.md#agents`).

use std::collections::BTreeMap;

use super::families::AGENTS;
use super::labels::{LabelValues, UNKNOWN, listed_other_and_unknown};
use super::series_map::SeriesMap;
use super::steps::ReplayedLog;
use super::{OracleRules, SentBody};
use crate::clock::Timestamp;
use crate::event::Status;

struct AgentStatus<'a> {
    time: Timestamp,
    site: &'a str,
    status: Status,
}

pub(super) fn start_series<'a>(rules: &'a OracleRules, series: &mut SeriesMap<'a>) {
    let statuses: Vec<_> =
        Status::ALL.iter().filter(|status| **status != Status::SignedOut).map(|status| status.name()).collect();
    series.start_pairs(&AGENTS, &listed_other_and_unknown(&rules.labels.sites), &statuses);
}

/// Counts the agents that are signed in at `now`.
///
/// An agent may be forgotten and come back. This needs no code: the new status is later than the forgotten one, or it
/// would have expired.
pub(super) fn evaluate<'a>(log: &ReplayedLog<'a>, rules: &'a OracleRules, now: Timestamp, series: &mut SeriesMap<'a>) {
    let mut agents: BTreeMap<&str, AgentStatus> = BTreeMap::new();
    let mut sites = LabelValues::new(&rules.labels.sites, rules);
    for applied in &log.applied {
        let SentBody::Agent(given) = &applied.event.body else { continue };
        // An absent site takes no place among the values (spec/figures.md#label-bounds), nor does one named `unknown`.
        let site = match given.site.as_deref() {
            None | Some(UNKNOWN) => UNKNOWN,
            Some(site) => sites.show(site),
        };
        let next = AgentStatus { time: applied.event.time, site, status: given.status };
        // The newest time holds; at the same instant, the later in the log.
        match agents.get_mut(given.agent.as_str()) {
            Some(newest) if next.time < newest.time => {}
            Some(newest) => *newest = next,
            None => {
                agents.insert(&given.agent, next);
            }
        }
    }
    for newest in agents.into_values() {
        let signed_out = newest.status == Status::SignedOut;
        let timed_out = now - newest.time > rules.agent_timeout;
        let forgotten = log.watermark.is_some_and(|watermark| newest.time < watermark - rules.horizons.call);
        if !signed_out && !timed_out && !forgotten {
            series.count(&AGENTS, [newest.site, newest.status.name()], 1);
        }
    }
}
