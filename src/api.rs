//! Answers under `/api/v1`: status, targets and their closed periods, cuts, and the figures of any period.
//!
//! Answers are typed ([`targets`], [`history`], [`cuts`], [`periods`]); the command line reads the same types. In all
//! of them
//!
//! - instants are milliseconds since the epoch (`*_ms`), and beside them, where people read them, RFC 3339 text in the
//!   programme's zone;
//! - amounts that were counted are [`Quantity`](crate::targets::Quantity): whole numbers, text of pesos with two
//!   decimals, ratios. What follows from a plan (plan, shortfall, projection, rates) is a number with decimals, in the
//!   same unit;
//! - `today` is what is known now of the same thing, null where it is forgotten;
//! - undefined values are null, never 0.
//!
//! An answer is of one snapshot and one instant. Nothing here knows HTTP or changes anything.

mod cells;
pub mod cuts;
mod fault;
pub mod history;
mod parameters;
pub mod periods;
mod present;
pub mod status;
pub mod targets;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Serialize;

use self::parameters::Parameters;
use self::present::Present;
use crate::allowlists::Allowlists;
use crate::clock::Clock;
use crate::cuts::CutStore;
use crate::http::{ApiRequest, ApiResponse};
use crate::view::progress::Evaluator;
use crate::view::snapshot::SnapshotPublisher;

pub use cells::CellFigures;
pub use fault::ApiError;
pub use present::PeriodSpan;

/// Answers requests from the newest snapshot.
pub struct Api {
    /// Source of the newest snapshot.
    pub publisher: Arc<SnapshotPublisher>,
    /// Names under which labels are shown.
    pub allowlists: Arc<Allowlists>,
    /// Evaluation of targets.
    pub evaluator: Arc<Evaluator>,
    /// Source of the present.
    pub clock: Clock,
    /// Stored cuts.
    pub cuts: CutStore,
}

impl Api {
    /// Answers a request; `query` is the part of its address after the question mark. Reads files, so it may block.
    pub fn answer(&self, request: &ApiRequest, query: &str) -> ApiResponse {
        self.json(request, query).map_or_else(|fault| fault.answer(), |json| ApiResponse { status: 200, json })
    }

    fn json(&self, request: &ApiRequest, query: &str) -> Result<String, ApiError> {
        let parameters = Parameters::read(query, request)?;
        let present = Present::of(self)?;
        match request {
            ApiRequest::Targets => text(&targets::all(&present)),
            ApiRequest::Target(name) => text(&targets::one(&present, name)?),
            ApiRequest::History(name) => text(&history::of(&present, name, parameters.limit)?),
            ApiRequest::Cuts => text(&cuts::list(&present, parameters.limit)),
            ApiRequest::Cut(id) => text(&cuts::one(&present, id)?),
            ApiRequest::Period(kind, id) => text(&periods::one(&present, kind, id)?),
        }
    }
}

fn text(answer: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(answer).map_err(|error| ApiError::internal(format!("the answer cannot be written: {error}")))
}
