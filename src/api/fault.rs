//! Errors of the API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::http::ApiResponse;
use crate::settings::nearest;

/// Error of a request, and the body of its response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ApiError {
    /// HTTP status: 400 bad parameter or id, 404 unknown name, 500 stored cut damaged, 503 no figures yet.
    #[serde(skip)]
    pub(crate) status: u16,
    /// Reason, then what to do.
    pub(crate) error: String,
    /// Known name that is most similar to the unknown one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nearest: Option<String>,
    /// Reasons why there are no figures yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasons: Vec<String>,
}

impl ApiError {
    fn new(status: u16, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), nearest: None, reasons: Vec::new() }
    }

    /// 400 for a parameter or an id that is invalid.
    pub(super) fn bad(error: impl Into<String>) -> Self {
        Self::new(400, error)
    }

    /// 404 for an unknown name, with the most similar known one if any is similar enough.
    pub(super) fn unknown<'a>(error: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let nearest = nearest(name, known).map(str::to_owned);
        let error =
            nearest.as_ref().map_or_else(|| error.to_owned(), |nearest| format!("{error}; did you mean {nearest}?"));
        Self { nearest, ..Self::new(404, error) }
    }

    /// 404 for something that does not exist, where no other name would help.
    pub(super) fn absent(error: impl Into<String>) -> Self {
        Self::new(404, error)
    }

    /// 500.
    pub(super) fn internal(error: impl Into<String>) -> Self {
        Self::new(500, error)
    }

    /// 503 with the reasons that `/readyz` gives.
    pub(super) fn not_ready(reasons: Vec<String>) -> Self {
        Self { reasons, ..Self::new(503, "figures are not complete yet; try again later") }
    }

    pub(super) fn response(&self) -> ApiResponse {
        ApiResponse::json(self.status, serde_json::to_string(self).expect("an error has only strings"))
    }
}
