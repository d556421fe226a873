//! Query parameters of a request.

use super::ApiError;
use crate::http::ApiRequest;

/// Number of entries in a list without `limit`.
const DEFAULT_LIMIT: usize = 100;

/// Largest `limit`.
const MAX_LIMIT: usize = 1_000;

/// Query parameters, with defaults.
pub(super) struct Parameters {
    /// Maximum number of entries in a list.
    pub(super) limit: usize,
}

impl Parameters {
    /// Parses the query of a request.
    ///
    /// # Errors
    /// 400 for a parameter that is unknown or repeated, and for an invalid value.
    pub(super) fn read(query: &str, request: &ApiRequest) -> Result<Self, ApiError> {
        let has_limit = matches!(request, ApiRequest::History(_) | ApiRequest::Cuts);
        let mut limit = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name != "limit" || !has_limit {
                let known = if has_limit { "only limit is accepted" } else { "none is accepted here" };
                return Err(ApiError::bad(format!("unknown parameter; {known}")));
            }
            let number = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
            let number =
                number.ok_or_else(|| ApiError::bad(format!("limit must be a whole number from 1 to {MAX_LIMIT}")))?;
            if limit.replace(number).is_some() {
                return Err(ApiError::bad("limit is given twice; give it once"));
            }
        }
        Ok(Self { limit: limit.unwrap_or(DEFAULT_LIMIT) })
    }
}
