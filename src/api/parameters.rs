//! Query parameters of a request.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

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
    /// Parses the query of a request; names and values are percent-decoded.
    ///
    /// # Errors
    /// 400 for a parameter that is unknown or repeated, and for an invalid value.
    pub(super) fn read(query: &str, request: &ApiRequest) -> Result<Self, ApiError> {
        let has_limit = matches!(request, ApiRequest::History(_) | ApiRequest::Cuts);
        let mut limit = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if name != "limit" || !has_limit {
                let known = if has_limit { "only limit is accepted" } else { "none is accepted here" };
                return Err(ApiError::bad(format!("unknown parameter; {known}")));
            }
            let is_digits = value.bytes().all(|byte| byte.is_ascii_digit());
            let number = value.parse().ok().filter(|limit| is_digits && (1..=MAX_LIMIT).contains(limit));
            let number =
                number.ok_or_else(|| ApiError::bad(format!("limit must be a whole number from 1 to {MAX_LIMIT}")))?;
            if limit.replace(number).is_some() {
                return Err(ApiError::bad("limit is given twice; give it once"));
            }
        }
        Ok(Self { limit: limit.unwrap_or(DEFAULT_LIMIT) })
    }
}

/// Decodes a name or a value of a query, in which `+` means a space.
fn decoded(text: &str) -> Result<String, ApiError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned);
    decoded.map_err(|_| ApiError::bad("a parameter is not UTF-8 after percent-decoding; encode it as UTF-8"))
}
