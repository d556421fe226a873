//! `/api/v1/now`: everything that a page shows, of one instant and one revision.
//!
//! It is evaluated at the instant of the publication, like `/metrics`, so whatever stands in both is equal when both are
//! of one revision. It is rendered at most once a publication (`cache`), and answered before the figures are complete,
//! too: then it says why there are none.

mod cache;
mod calls;
mod health;
mod milestones;
mod payments;
mod states;
mod trust;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use self::cache::NowCache;
use self::calls::CallsNow;
use self::health::HealthNow;
use self::milestones::MilestoneNow;
use self::payments::PaymentsNow;
use self::states::StateNow;
use self::trust::TrustNow;
use super::context::RequestContext;
use super::targets::{TargetEntry, entries};
use crate::clock::Timestamp;
use crate::settings::BilingualText;
use crate::view::totals::{PresenceLimits, Totals};

/// Answer of `/api/v1/now`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct NowResponse {
    /// Instant for which everything is evaluated, in milliseconds since the epoch.
    pub(crate) now_ms: Timestamp,
    /// That instant as text in the programme's zone.
    pub(crate) now: String,
    /// Number of the publication since the start of the process; `/metrics` has it in the header `X-Pacemeter-Revision`.
    pub(crate) revision: u64,
    /// IANA name of the programme's zone.
    pub(crate) zone: String,
    /// Version of the program.
    pub(crate) version: String,
    /// Title of the programme.
    pub(crate) programme: BilingualText,
    /// Time at which the state behind the figures began to be built, in milliseconds since the epoch.
    pub(crate) state_built_ms: Timestamp,
    /// Readiness of the figures, and reasons against it.
    pub(crate) trust: TrustNow,
    /// Targets in the order of their files; null until the figures are complete.
    pub(crate) targets: Option<Vec<TargetEntry>>,
    /// Payments of the current periods and the backlog; null until the figures are complete.
    pub(crate) payments: Option<PaymentsNow>,
    /// Federal states with a payment.
    pub(crate) states: Vec<StateNow>,
    /// Calls and agents; null until the figures are complete.
    pub(crate) calls: Option<CallsNow>,
    /// Initiatives and milestones in use.
    pub(crate) milestones: Vec<MilestoneNow>,
    /// Progress of the process.
    pub(crate) health: HealthNow,
}

/// Describes the snapshot of the context.
pub(super) fn describe(context: &RequestContext<'_>, limits: PresenceLimits) -> NowResponse {
    let (snapshot, allowlists) = (&context.snapshot, context.allowlists);
    let has_figures = snapshot.has_figures();
    let totals = has_figures.then(|| Totals::of(&snapshot.merged, allowlists, limits, context.now));
    let tallies = has_figures.then(|| context.tallies());
    let statuses = tallies.as_ref().map(|tallies| context.statuses(tallies));
    NowResponse {
        now_ms: context.now,
        now: context.local(context.now),
        revision: snapshot.publication.revision,
        zone: allowlists.zone.iana_name().unwrap_or("UTC").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        programme: allowlists.title.clone(),
        state_built_ms: snapshot.built,
        trust: trust::describe(context),
        targets: statuses.map(|statuses| entries(context, &statuses)),
        payments: totals.as_ref().map(|totals| payments::describe(totals, allowlists)),
        states: totals.as_ref().map_or_else(Vec::new, |totals| states::describe(context, totals)),
        calls: totals.as_ref().map(|totals| calls::describe(context, totals, limits)),
        milestones: totals.as_ref().map_or_else(Vec::new, |totals| milestones::describe(context, totals)),
        health: health::describe(snapshot),
    }
}
