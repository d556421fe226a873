//! What is asked of the API, and its answer: the server reads paths and sends texts, and knows nothing of what they mean.

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
    /// Of HTTP.
    pub status: u16,
    pub json: String,
}
