//! Requests for the page and its assets, and their answers.

use std::sync::Arc;

use axum::body::Bytes;

use super::encoded_body::EncodedBody;

/// View of the page that an address names. Names are percent-decoded, but not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageView {
    /// Figures of now.
    Now,
    /// Target of this name.
    Target(String),
    /// List of the cuts.
    Cuts,
    /// Cut of this id.
    Cut(String),
    /// Kind of period (`day`, `week`, `month`), and the id of one.
    Period(String, String),
    /// Health of the process.
    Health,
}

/// Request for the document of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// View that is asked for.
    pub view: PageView,
    /// Raw query string without the question mark, or empty.
    pub query: String,
    /// Value of `Accept-Language`, or empty.
    pub accept_language: String,
}

/// Document of a view.
#[derive(Debug, Clone)]
pub struct PageResponse {
    /// HTTP status code.
    pub status: u16,
    /// Language of the document, such as `es`.
    pub language: &'static str,
    /// HTML.
    pub body: Arc<EncodedBody>,
}

/// File that the document loads.
#[derive(Debug)]
pub struct PageAsset {
    /// Media type.
    pub media_type: &'static str,
    /// Contents, plain and as gzip.
    pub body: EncodedBody,
    /// Contents as brotli, which every browser accepts from loopback and over TLS.
    pub brotli: Bytes,
}
