//! Requests to the API and their answers: the server parses paths and sends text without interpreting them.

use std::sync::Arc;

use super::encoded_body::EncodedBody;

/// Request to a path below `/api/v1`, except `status`, or to `/openapi.json`. Names are percent-decoded, but not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiRequest {
    /// Everything that a page shows of now.
    Now,
    /// All targets.
    Targets,
    /// Target of this name.
    Target(String),
    /// Curve of the target of this name.
    Curve(String),
    /// Closed periods of the target of this name.
    History(String),
    /// All cuts.
    Cuts,
    /// Cut of this id.
    Cut(String),
    /// Kind of period (`day`, `week`, `month`), and the id of one.
    Period(String, String),
    /// Answer to another request as a file to save.
    File(Box<ApiRequest>, FileFormat),
    /// Events of note.
    Events,
    /// Description of the API in OpenAPI.
    OpenApi,
}

impl ApiRequest {
    /// Returns a request whose last name may end with the extension of a file, as the last extension of it. Ids of cuts and
    /// periods may have dots, and none ends like a file; names of targets are never last where there are files.
    pub(super) fn with_extension(name: &str, request: impl FnOnce(String) -> Self) -> Self {
        for format in [FileFormat::Csv, FileFormat::Xlsx] {
            let id = name.strip_suffix(format.extension()).and_then(|rest| rest.strip_suffix('.'));
            if let Some(id) = id {
                return Self::File(Box::new(request(id.to_owned())), format);
            }
        }
        request(name.to_owned())
    }
}

/// Format of a file to save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated values.
    Csv,
    /// Workbook of Office Open XML.
    Xlsx,
}

impl FileFormat {
    /// Returns the end of a file's name, after the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    /// Returns the media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// Answer to a request.
#[derive(Debug, Clone)]
pub struct ApiResponse {
    /// HTTP status code.
    pub status: u16,
    /// Body.
    pub content: ApiContent,
}

/// Body of an answer.
#[derive(Debug, Clone)]
pub enum ApiContent {
    /// JSON of this request alone.
    Json(String),
    /// JSON that everybody who asks is given, rendered and compressed once. A client that has the version of this tag,
    /// which is without quotes, is answered with 304.
    Shared(Arc<EncodedBody>, String),
    /// File to save.
    File {
        /// Media type.
        media_type: &'static str,
        /// Proposed name, of ASCII letters, digits, `-`, `_` and `.`.
        name: String,
        /// Contents.
        bytes: Vec<u8>,
    },
}

impl ApiResponse {
    /// Creates a response in JSON.
    pub fn json(status: u16, json: String) -> Self {
        Self { status, content: ApiContent::Json(json) }
    }
}
