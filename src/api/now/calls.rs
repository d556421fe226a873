//! Calls that wait, those of today and of the last hour, and agents who are signed in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::allowlists::LabelKind;
use crate::api::context::RequestContext;
use crate::calendar::{Interval, Period};
use crate::clock::{HOUR, QUARTER_HOUR, Timestamp};
use crate::event::{CallKind, Status};
use crate::settings::BilingualText;
use crate::view::totals::{AGENT_STATUSES, PresenceLimits, Totals};
use crate::view::{CallCount, CallView, add_each};

/// Call centre now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CallsNow {
    /// Number of waiting calls.
    pub(crate) waiting: u64,
    /// Time of the oldest offer that waits, in milliseconds since the epoch; null if none waits.
    pub(crate) oldest_waiting_ms: Option<Timestamp>,
    /// Counts of the current day; null if part of it is forgotten.
    pub(crate) day: Option<CallFigures>,
    /// Counts of the current quarter hour and the three before.
    pub(crate) hour: Option<CallFigures>,
    /// Queues with any call.
    pub(crate) queues: Vec<QueueNow>,
    /// Signed-in agents by site and status; combinations without agents are left out.
    pub(crate) agents: Vec<AgentsNow>,
}

/// Queue now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct QueueNow {
    /// Queue as in labels.
    pub(crate) queue: String,
    /// Name of the queue; without one the label.
    pub(crate) name: BilingualText,
    /// Number of waiting calls.
    pub(crate) waiting: u64,
    /// Time of the oldest offer that waits, in milliseconds since the epoch; null if none waits.
    pub(crate) oldest_waiting_ms: Option<Timestamp>,
    /// Counts of the current day; null if part of it is forgotten.
    pub(crate) day: Option<CallFigures>,
    /// Counts of the current quarter hour and the three before.
    pub(crate) hour: Option<CallFigures>,
}

/// Calls of a span, each counted at the time of the event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CallFigures {
    /// Number of calls offered.
    pub(crate) offered: u64,
    /// Number of calls answered.
    pub(crate) answered: u64,
    /// Number of calls abandoned.
    pub(crate) abandoned: u64,
    /// Number of them that were abandoned before `calls.short_abandon_seconds`.
    pub(crate) abandoned_short: u64,
    /// Number of calls answered within `calls.service_level_seconds`.
    pub(crate) answered_in_time: u64,
    /// Number of calls completed.
    pub(crate) completed: u64,
    /// Answered in time / (answered + abandoned - short abandons); null if there is nothing to divide by.
    pub(crate) service_level_ratio: Option<f64>,
    /// Mean wait until the answer of the answered calls whose offer is known, in seconds; null if there are none, or if
    /// some of them are forgotten.
    pub(crate) wait_seconds: Option<f64>,
}

/// Agents of a site in one status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    let queues = allowlists.queues.count();
    let of_span = |span| SpanCounts::within(&context.snapshot.merged.calls, span, queues);
    let day = Period::Day.at(context.now, &allowlists.zone).and_then(of_span);
    let hour = of_span(last_hour(context.now));
    let of_queue = |span: &Option<SpanCounts>, index: usize| span.as_ref().map(|span| span.of_queue(index));
    let queue = |index: usize| QueueNow {
        queue: allowlists.queues.names()[index].clone(),
        name: allowlists.names.of(LabelKind::Queue, index).clone(),
        waiting: totals.calls_waiting[index],
        oldest_waiting_ms: oldest[index],
        day: of_queue(&day, index),
        hour: of_queue(&hour, index),
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
        day: day.as_ref().map(SpanCounts::of_all),
        hour: hour.as_ref().map(SpanCounts::of_all),
        queues: (0..allowlists.queues.count()).filter(in_use).map(queue).collect(),
        agents: agents.collect(),
    }
}

/// Counts of a queue in the order of [`CallCount`].
type Counts = [u128; CallCount::NUMBER];

/// Current quarter hour and the three before.
fn last_hour(now: Timestamp) -> Interval {
    let end = now.floor(QUARTER_HOUR) + QUARTER_HOUR;
    Interval { start: end - HOUR, end }
}

/// Counts of a span by queue.
struct SpanCounts {
    counts: Vec<Counts>,
    /// Milliseconds that answered calls waited, and their number; `None` if some are forgotten.
    waits: Option<Vec<[u128; 2]>>,
}

impl SpanCounts {
    /// Counts of a span; `None` if part of it is forgotten.
    fn within(calls: &CallView, span: Interval, queues: usize) -> Option<Self> {
        Some(Self { counts: calls.recent.within(span, queues)?, waits: calls.waits.within(span, queues) })
    }

    fn of_queue(&self, index: usize) -> CallFigures {
        CallFigures::of(&self.counts[index], self.waits.as_ref().map(|waits| waits[index]))
    }

    fn of_all(&self) -> CallFigures {
        CallFigures::of(&sum_of(&self.counts), self.waits.as_deref().map(sum_of))
    }
}

fn sum_of<const N: usize>(queues: &[[u128; N]]) -> [u128; N] {
    let mut sum = [0; N];
    queues.iter().for_each(|queue| add_each(&mut sum, queue));
    sum
}

impl CallFigures {
    fn of(counts: &Counts, waits: Option<[u128; 2]>) -> Self {
        let count = |which: usize| u64::try_from(counts[which]).unwrap_or(u64::MAX);
        let [answered, abandoned] = [CallKind::Answered, CallKind::Abandoned].map(|kind| count(kind as usize));
        let abandoned_short = count(CallCount::AbandonedShort as usize);
        let answered_in_time = count(CallCount::WithinTarget as usize);
        let judged = (answered + abandoned).saturating_sub(abandoned_short);
        Self {
            offered: count(CallKind::Offered as usize),
            answered,
            abandoned,
            abandoned_short,
            answered_in_time,
            completed: count(CallKind::Completed as usize),
            service_level_ratio: (judged > 0).then(|| answered_in_time as f64 / judged as f64),
            wait_seconds: waits
                .filter(|[_, calls]| *calls > 0)
                .map(|[millis, calls]| millis as f64 / calls as f64 / 1e3),
        }
    }
}
