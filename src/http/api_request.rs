//! Requests to the API and their answers: the server parses paths and sends text without interpreting them.

/// Request to a path below `/api/v1`, except `status`. Names are percent-decoded, but not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiRequest {
    /// All targets.
    Targets,
    /// Target of this name.
    Target(String),
    /// Closed periods of the target of this name.
    History(String),
    /// All cuts.
    Cuts,
    /// Cut of this id.
    Cut(String),
    /// Kind of period (`day`, `week`, `month`), and the id of one.
    Period(String, String),
}

/// Answer in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiResponse {
    /// HTTP status code.
    pub status: u16,
    /// Body.
    pub json: String,
}
