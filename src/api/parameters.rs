//! Query parameters of a request.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::ApiError;
use super::curve::{CurveOptions, CurvePeriod, CurveStep};
use crate::clock::Timestamp;
use crate::http::ApiRequest;
use crate::telemetry::events::MAX_EVENTS;

/// Number of entries in a list without `limit`.
pub(super) const DEFAULT_LIMIT: usize = 100;

/// Largest `limit`.
pub(super) const MAX_LIMIT: usize = 1_000;

/// Query parameters, with defaults.
pub(super) struct Parameters {
    /// Maximum number of entries in a list.
    pub(super) limit: usize,
    /// Instant before which the entries of a list are; `None` for the newest.
    pub(super) before: Option<Timestamp>,
    /// Step and period of a curve.
    pub(super) curve: CurveOptions,
}

impl Parameters {
    /// Parses the query of a request; names and values are percent-decoded.
    ///
    /// # Errors
    /// 400 for a parameter that is unknown or repeated, and for an invalid value.
    pub(super) fn read(query: &str, request: &ApiRequest) -> Result<Self, ApiError> {
        let of = if let ApiRequest::File(of, _) = request { of } else { request };
        let known: &[&str] = match of {
            ApiRequest::Cuts | ApiRequest::History(_) => &["limit", "before_ms"],
            ApiRequest::Events => &["limit"],
            ApiRequest::Curve(_) => &["step", "period"],
            _ => &[],
        };
        let (mut limit, mut before, mut step, mut period) = (None, None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if !known.contains(&name.as_str()) {
                let accepted = if known.is_empty() { "none is accepted here" } else { &known.join(" and ") };
                return Err(ApiError::bad(format!("unknown parameter; accepted: {accepted}")));
            }
            let is_second = match name.as_str() {
                "step" => step.replace(parse_step(&value)?).is_some(),
                "period" => period.replace(parse_period(&value)?).is_some(),
                "limit" => limit.replace(parse_limit(&value)?).is_some(),
                _ => before.replace(parse_instant(&value)?).is_some(),
            };
            if is_second {
                return Err(ApiError::bad(format!("{name} is given twice; give it once")));
            }
        }
        let curve = CurveOptions { step: step.unwrap_or_default(), period: period.unwrap_or_default() };
        let default = if matches!(of, ApiRequest::Events) { MAX_EVENTS } else { DEFAULT_LIMIT };
        Ok(Self { limit: limit.unwrap_or(default), before, curve })
    }
}

fn parse_step(value: &str) -> Result<CurveStep, ApiError> {
    match value {
        "hour" => Ok(CurveStep::Hour),
        "day" => Ok(CurveStep::Day),
        _ => Err(ApiError::bad("step must be hour or day")),
    }
}

fn parse_period(value: &str) -> Result<CurvePeriod, ApiError> {
    match value {
        "current" => Ok(CurvePeriod::Current),
        "previous" => Ok(CurvePeriod::Previous),
        _ => Err(ApiError::bad("period must be current or previous")),
    }
}

fn parse_limit(value: &str) -> Result<usize, ApiError> {
    let limit = digits(value).and_then(|digits| digits.parse().ok()).filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| ApiError::bad(format!("limit must be a whole number from 1 to {MAX_LIMIT}")))
}

fn parse_instant(value: &str) -> Result<Timestamp, ApiError> {
    let millis = digits(value).and_then(|digits| digits.parse().ok());
    let error = || ApiError::bad("before_ms must be an instant in milliseconds since the epoch");
    millis.map(Timestamp::from_millis).ok_or_else(error)
}

fn digits(value: &str) -> Option<&str> {
    value.bytes().all(|byte| byte.is_ascii_digit()).then_some(value)
}

/// Decodes a name or a value of a query, in which `+` means a space.
fn decoded(text: &str) -> Result<String, ApiError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned);
    decoded.map_err(|_| ApiError::bad("a parameter is not UTF-8 after percent-decoding; encode it as UTF-8"))
}
