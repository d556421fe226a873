//! Errors of the API.

use serde::{Deserialize, Serialize};

use crate::http::ApiResponse;
use crate::settings::nearest;

/// Body of an answer with an error status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// HTTP status: 400 bad parameters, 404 unknown name, 500 stored data damaged, 503 no figures yet.
    #[serde(skip)]
    pub status: u16,
    /// Reason, and what to do.
    pub error: String,
    /// Nearest known name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// Reasons why there are no figures yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

impl ApiError {
    fn new(status: u16, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), nearest: None, reasons: Vec::new() }
    }

    pub(super) fn bad(error: impl Into<String>) -> Self {
        Self::new(400, error)
    }

    /// Creates an error for an unknown name, with the nearest known one.
    pub(super) fn unknown<'a>(error: &str, given: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let nearest = nearest(given, known).map(str::to_owned);
        let error =
            nearest.as_ref().map_or_else(|| error.to_owned(), |nearest| format!("{error}; the nearest is {nearest}"));
        Self { nearest, ..Self::new(404, error) }
    }

    pub(super) fn absent(error: impl Into<String>) -> Self {
        Self::new(404, error)
    }

    pub(super) fn internal(error: impl Into<String>) -> Self {
        Self::new(500, error)
    }

    pub(super) fn not_ready(reasons: Vec<String>) -> Self {
        Self { reasons, ..Self::new(503, "the figures are not there yet") }
    }

    pub(super) fn answer(&self) -> ApiResponse {
        ApiResponse { status: self.status, json: serde_json::to_string(self).expect("texts can be written as json") }
    }
}
