//! Query parameters of a request.

use super::ApiError;
use crate::http::ApiRequest;

/// Default number of entries in a list, and the maximum that a request may ask for.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

pub(super) struct Parameters {
    /// The most entries of a list.
    pub(super) limit: usize,
}

impl Parameters {
    /// # Errors
    /// An unknown parameter, one given twice, or a value that is none.
    pub(super) fn read(query: &str, request: &ApiRequest) -> Result<Self, ApiError> {
        let has_limit = matches!(request, ApiRequest::History(_) | ApiRequest::Cuts);
        let mut limit = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name != "limit" || !has_limit {
                let there = if has_limit { "the only parameter is limit" } else { "there are no parameters" };
                return Err(ApiError::bad(format!("unknown parameter: {there}")));
            }
            let number = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
            let number =
                number.ok_or_else(|| ApiError::bad(format!("limit must be a whole number from 1 to {MAX_LIMIT}")))?;
            if limit.replace(number).is_some() {
                return Err(ApiError::bad("limit is given twice"));
            }
        }
        Ok(Self { limit: limit.unwrap_or(DEFAULT_LIMIT) })
    }
}
