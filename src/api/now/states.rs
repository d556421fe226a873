//! Federal states in the current periods.

use serde::{Deserialize, Serialize};

use crate::api::context::RequestContext;
use crate::clock::Timestamp;
use crate::settings::BilingualText;
use crate::targets::Quantity;
use crate::view::totals::Totals;

/// Payments in a federal state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StateNow {
    /// Code of the state as in labels.
    pub(crate) state: String,
    /// Name of the state.
    pub(crate) name: BilingualText,
    /// Payments of the current day.
    pub(crate) day: StatePayments,
    /// Payments of the current week.
    pub(crate) week: StatePayments,
    /// Week before, up to the instant with the same share of working time; null if part of it is forgotten.
    pub(crate) before: Option<StateBefore>,
}

/// Payments in a state in a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StatePayments {
    /// Number of distinct people over all programmes with a dispersal in the state and period that is not fully returned.
    pub(crate) beneficiaries: u64,
    /// Pesos of the dispersals less returns, as text with two decimals.
    pub(crate) net_pesos: Quantity,
}

/// Week before the current one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StateBefore {
    /// Number of distinct people, as of the current week.
    pub(crate) beneficiaries: u64,
    /// Instant up to which they are counted, in milliseconds since the epoch.
    pub(crate) until_ms: Timestamp,
}

pub(super) fn describe(_context: &RequestContext<'_>, _totals: &Totals) -> Vec<StateNow> {
    Vec::new()
}
