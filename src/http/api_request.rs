//! Requests to the API and their responses. The server reads paths and sends texts; it does not know what they mean.

/// The path of a request below `/api/v1`, without `status`. Names are as given, percent-decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiRequest {
    Targets,
    Target(String),
    /// The closed periods of a target.
    History(String),
    Cuts,
    Cut(String),
    /// A kind of period, and the name of one.
    Period(String, String),
}

/// An answer in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiResponse {
    /// HTTP status.
    pub status: u16,
    pub json: String,
}
