//! Answers under `/api/v1`: everything of now, status, targets and their closed periods, cuts, and the figures of any period.
//! `/openapi.json` describes them (`openapi`).
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
mod documents;
mod events;
mod fault;
pub(crate) mod history;
mod instant_name;
pub(crate) mod now;
mod openapi;
mod parameters;
pub(crate) mod periods;
pub(crate) mod status;
pub(crate) mod targets;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use self::context::RequestContext;
use self::now::NowCache;
use self::parameters::Parameters;
use crate::allowlists::Allowlists;
use crate::clock::{Clock, Timestamp};
use crate::cuts::CutStore;
use crate::http::{ApiRequest, ApiResponse};
use crate::telemetry::events::EventRing;
use crate::view::progress::Evaluator;
use crate::view::snapshot::{Snapshot, SnapshotPublisher};
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
    /// Events of note.
    pub(crate) events: Arc<EventRing>,
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
        events: Arc<EventRing>,
    ) -> Self {
        let now = NowCache::new(clock.now());
        Self { publisher, allowlists, presence_limits, evaluator, clock, cuts, events, now }
    }

    /// Answers a request; `query` is the part of its address after the question mark. Reads files, so it may block.
    pub fn answer(&self, request: &ApiRequest, query: &str) -> ApiResponse {
        self.response(request, query).unwrap_or_else(|error| error.response())
    }

    /// Returns the newest snapshot.
    pub(crate) fn newest(&self) -> Arc<Snapshot> {
        self.publisher.newest()
    }

    /// Returns the typed answer of `/api/v1/now` for a snapshot.
    pub(crate) fn now(&self, snapshot: &Arc<Snapshot>) -> now::NowResponse {
        let context = RequestContext::of(self, Arc::clone(snapshot));
        now::describe(&context, self.presence_limits)
    }

    /// Returns the instant of the clock that measures ages of answers.
    pub(crate) fn instant(&self) -> Instant {
        self.clock.instant()
    }

    /// Returns an instant as people read it in the programme's zone, such as `2020-05-15 18:00:00`.
    pub(crate) fn local(&self, instant: Timestamp) -> String {
        instant.to_jiff().to_zoned(self.allowlists.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn response(&self, request: &ApiRequest, query: &str) -> Result<ApiResponse, ApiError> {
        if *request == ApiRequest::OpenApi {
            return Ok(openapi::response());
        }
        let parameters = Parameters::read(query, request)?;
        match request {
            // Both are answered before there are figures, too: they say why.
            ApiRequest::Now => return self.now.answer(self),
            ApiRequest::Events => {
                return json_text(&events::list(self, parameters.limit)).map(|json| ApiResponse::json(200, json));
            }
            _ => {}
        }
        let context = RequestContext::new(self)?;
        if let ApiRequest::File(request, format) = request {
            return documents::get(&context, request, &parameters, *format);
        }
        Self::json(&context, request, &parameters).map(|json| ApiResponse::json(200, json))
    }

    fn json(context: &RequestContext<'_>, request: &ApiRequest, parameters: &Parameters) -> Result<String, ApiError> {
        match request {
            ApiRequest::Targets => json_text(&targets::list(context)),
            ApiRequest::Target(name) => json_text(&targets::get(context, name)?),
            ApiRequest::Curve(name) => json_text(&curve::get(context, name, parameters.curve)?),
            ApiRequest::History(name) => json_text(&history::get(context, name, parameters)?),
            ApiRequest::Cuts => json_text(&cuts::list(context, parameters)),
            ApiRequest::Cut(id) => json_text(&cuts::get(context, id)?),
            ApiRequest::Period(kind, id) => json_text(&periods::get(context, kind, id)?),
            ApiRequest::Now | ApiRequest::File(..) | ApiRequest::Events | ApiRequest::OpenApi => {
                Err(ApiError::internal("the answer is no figure in JSON"))
            }
        }
    }
}

fn json_text(answer: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(answer).map_err(|error| ApiError::internal(format!("answer cannot be serialized: {error}")))
}
