//! Answers under `/api/v1`: everything of now, status, targets and their closed periods, cuts, and the figures of any period.
//!
//! Answers are typed (`now`, `targets`, `history`, `cuts`, `periods`); the command line reads the same types. In all of them
//!
//! - instants are milliseconds since the epoch (`*_ms`), and beside them, where people read them, RFC 3339 text in the
//!   programme's zone;
//! - counted amounts are a [`Quantity`](crate::targets::Quantity): a whole number, pesos as text with two decimals, or a
//!   ratio. Values derived from a plan (plan, shortfall, projection, rates) are numbers with decimals in the same unit;
//! - `today` is the value of the same figure now, null where it is forgotten;
//! - undefined values are null, never 0.
//!
//! Every answer is evaluated for one snapshot and one instant. Nothing here knows HTTP or changes anything.

mod cells;
mod context;
pub(crate) mod curve;
pub(crate) mod cuts;
mod fault;
pub(crate) mod history;
mod instant_name;
pub(crate) mod now;
mod parameters;
pub(crate) mod periods;
pub(crate) mod status;
pub(crate) mod targets;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Serialize;

use self::context::RequestContext;
use self::now::NowCache;
use self::parameters::Parameters;
use crate::allowlists::Allowlists;
use crate::clock::Clock;
use crate::cuts::CutStore;
use crate::http::{ApiRequest, ApiResponse};
use crate::view::progress::Evaluator;
use crate::view::snapshot::SnapshotPublisher;
use crate::view::totals::PresenceLimits;

#[cfg(test)]
pub(crate) use cells::CellFigures;
pub(crate) use cells::PeriodTotals;
pub(crate) use context::PeriodSpan;
pub(crate) use fault::ApiError;

/// Answers requests from the newest snapshot.
pub struct Api {
    /// Source of the newest snapshot.
    publisher: Arc<SnapshotPublisher>,
    /// Displayed label values.
    allowlists: Arc<Allowlists>,
    /// Durations that decide which calls and agents count now.
    presence_limits: PresenceLimits,
    /// Evaluator of targets.
    evaluator: Arc<Evaluator>,
    /// Clock that gives the instant of an answer.
    clock: Clock,
    /// Stored cuts.
    pub(crate) cuts: CutStore,
    /// Last answer of `/api/v1/now`.
    now: NowCache,
}

impl Api {
    /// Creates the API over the newest snapshot of `publisher`.
    pub fn new(
        publisher: Arc<SnapshotPublisher>,
        allowlists: Arc<Allowlists>,
        presence_limits: PresenceLimits,
        evaluator: Arc<Evaluator>,
        clock: Clock,
        cuts: CutStore,
    ) -> Self {
        let now = NowCache::new(clock.now());
        Self { publisher, allowlists, presence_limits, evaluator, clock, cuts, now }
    }

    /// Answers a request; `query` is the part of its address after the question mark. Reads files, so it may block.
    pub fn answer(&self, request: &ApiRequest, query: &str) -> ApiResponse {
        let answer = match request {
            ApiRequest::Now => Parameters::read(query, request).and_then(|_| self.now.answer(self)),
            _ => self.json(request, query).map(|json| ApiResponse::json(200, json)),
        };
        answer.unwrap_or_else(|error| error.response())
    }

    fn json(&self, request: &ApiRequest, query: &str) -> Result<String, ApiError> {
        let parameters = Parameters::read(query, request)?;
        let context = RequestContext::new(self)?;
        match request {
            ApiRequest::Now => Err(ApiError::internal("the answer of now is shared")),
            ApiRequest::Targets => json_text(&targets::list(&context)),
            ApiRequest::Target(name) => json_text(&targets::get(&context, name)?),
            ApiRequest::Curve(name) => json_text(&curve::get(&context, name, parameters.curve)?),
            ApiRequest::History(name) => json_text(&history::get(&context, name, parameters.limit)?),
            ApiRequest::Cuts => json_text(&cuts::list(&context, &parameters)),
            ApiRequest::Cut(id) => json_text(&cuts::get(&context, id)?),
            ApiRequest::Period(kind, id) => json_text(&periods::get(&context, kind, id)?),
        }
    }
}

fn json_text(answer: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(answer).map_err(|error| ApiError::internal(format!("answer cannot be serialized: {error}")))
}
