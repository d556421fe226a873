//! Calls that wait, and agents who are signed in.

use serde::{Deserialize, Serialize};

use crate::allowlists::LabelKind;
use crate::api::context::RequestContext;
use crate::clock::Timestamp;
use crate::event::Status;
use crate::settings::BilingualText;
use crate::view::totals::{AGENT_STATUSES, PresenceLimits, Totals};

/// Call centre now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CallsNow {
    /// Number of waiting calls.
    pub(crate) waiting: u64,
    /// Time of the oldest offer that waits, in milliseconds since the epoch; null if none waits.
    pub(crate) oldest_waiting_ms: Option<Timestamp>,
    /// Queues with any call.
    pub(crate) queues: Vec<QueueNow>,
    /// Signed-in agents by site and status; combinations without agents are left out.
    pub(crate) agents: Vec<AgentsNow>,
}

/// Queue now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct QueueNow {
    /// Queue as in labels.
    pub(crate) queue: String,
    /// Name of the queue; without one the label.
    pub(crate) name: BilingualText,
    /// Number of waiting calls.
    pub(crate) waiting: u64,
    /// Time of the oldest offer that waits, in milliseconds since the epoch; null if none waits.
    pub(crate) oldest_waiting_ms: Option<Timestamp>,
}

/// Agents of a site in one status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AgentsNow {
    /// Site as in labels.
    pub(crate) site: String,
    /// Name of the site; without one the label.
    pub(crate) name: BilingualText,
    /// `available`, `handling`, `wrap_up` or `paused`.
    pub(crate) status: String,
    /// Number of agents.
    pub(crate) count: u64,
}

pub(super) fn describe(context: &RequestContext<'_>, totals: &Totals, limits: PresenceLimits) -> CallsNow {
    let allowlists = context.allowlists;
    let waiting = &context.snapshot.merged.calls.waiting;
    let oldest = waiting.oldest(allowlists.queues.count(), context.now, limits.wait);
    let in_use =
        |index: &usize| totals.queues[*index].events.iter().any(|&count| count > 0) || totals.calls_waiting[*index] > 0;
    let queue = |index: usize| QueueNow {
        queue: allowlists.queues.names()[index].clone(),
        name: allowlists.names.of(LabelKind::Queue, index).clone(),
        waiting: totals.calls_waiting[index],
        oldest_waiting_ms: oldest[index],
    };
    let statuses = totals.agents.chunks(AGENT_STATUSES.len()).enumerate().flat_map(|(site, counts)| {
        AGENT_STATUSES.map(Status::name).into_iter().zip(counts).map(move |(status, &count)| (site, status, count))
    });
    let agents = statuses.filter(|(_, _, count)| *count > 0).map(|(site, status, count)| AgentsNow {
        site: allowlists.sites.names()[site].clone(),
        name: allowlists.names.of(LabelKind::Site, site).clone(),
        status: status.to_owned(),
        count,
    });
    CallsNow {
        waiting: totals.calls_waiting.iter().sum(),
        oldest_waiting_ms: oldest.iter().flatten().min().copied(),
        queues: (0..allowlists.queues.count()).filter(in_use).map(queue).collect(),
        agents: agents.collect(),
    }
}
