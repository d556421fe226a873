//! Answers that refuse a request before the [`Service`](super::Service) sees it.
//!
//! Below `/api` a refusal is JSON, in the form of the API's own errors, and elsewhere a line of text.

use axum::body::Body;
use axum::http::uri::Uri;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Headers of every answer: no answer loads, embeds or sends anything, and none may be cached, as it is outdated a
/// moment later.
pub(super) const COMMON_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

pub(super) const JSON: &str = "application/json";
/// Challenge of a 401 (RFC 7617).
const CHALLENGE: &str = "Basic realm=\"pacemeter\", charset=\"UTF-8\"";
const TEXT: &str = "text/plain; charset=utf-8";

/// Refusal of a request: a status and what to do about it.
///
/// The response of a handler has no body yet: [`Refusal::complete`] adds one, in the form that fits the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    message: &'static str,
    closes_connection: bool,
}

impl Refusal {
    pub(super) const MALFORMED: Self = Self::closing(StatusCode::BAD_REQUEST, "malformed request");
    pub(super) const LONG_LINE: Self =
        Self::closing(StatusCode::URI_TOO_LONG, "request line is too long; a head may have 16 KiB");
    pub(super) const LARGE_HEAD: Self = Self::closing(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "request head is too large; it may have 16 KiB and 32 headers",
    );
    pub(super) const SLOW_HEAD: Self =
        Self::closing(StatusCode::REQUEST_TIMEOUT, "request head did not arrive in time; send it at once");
    pub(super) const TOO_MANY_CONNECTIONS: Self =
        Self::closing(StatusCode::SERVICE_UNAVAILABLE, "too many connections");
    pub(super) const NO_HOST: Self = Self::closing(StatusCode::BAD_REQUEST, "no Host line; send one");
    pub(super) const SEVERAL_HOSTS: Self = Self::closing(StatusCode::BAD_REQUEST, "several Host lines; send one");
    pub(super) const MALFORMED_HOST: Self = Self::closing(
        StatusCode::BAD_REQUEST,
        "malformed Host line; send a name or an address, with or without a port",
    );
    pub(super) const MALFORMED_PATH: Self =
        Self::open(StatusCode::BAD_REQUEST, "path is not UTF-8 after percent-decoding; encode its names as UTF-8");
    pub(super) const NOT_FOUND: Self = Self::open(StatusCode::NOT_FOUND, "not found; see / for the paths");
    pub(super) const METHOD: Self = Self::open(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are allowed");
    pub(super) const BODY: Self = Self::closing(StatusCode::PAYLOAD_TOO_LARGE, "request bodies are not accepted");
    pub(super) const OTHER_HOST: Self = Self::open(
        StatusCode::MISDIRECTED_REQUEST,
        "host not accepted; ask by IP address or as localhost, or add the name to the setting http.hosts",
    );
    pub(super) const OVERLOADED: Self = Self::open(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once");

    pub(super) const UNAUTHORIZED: Self =
        Self::open(StatusCode::UNAUTHORIZED, "a user and the right password are needed; see http.web_config_file");
    pub(super) const NO_CERTIFICATE: Self =
        Self::open(StatusCode::FORBIDDEN, "a client certificate is needed; see http.web_config_file");
    pub(super) const TOO_MANY_ATTEMPTS: Self =
        Self::open(StatusCode::TOO_MANY_REQUESTS, "too many passwords wait to be verified; retry later");
    pub(super) const RATE_LIMITED: Self =
        Self::open(StatusCode::TOO_MANY_REQUESTS, "more requests than rate_limit of http.web_config_file allows");
    pub(super) const PLAIN_HTTP: Self = Self::closing(StatusCode::BAD_REQUEST, "this port speaks TLS; use https");

    const fn open(status: StatusCode, message: &'static str) -> Self {
        Self { status, message, closes_connection: false }
    }

    const fn closing(status: StatusCode, message: &'static str) -> Self {
        Self { status, message, closes_connection: true }
    }

    /// Fills in the body of a response that is a refusal; leaves any other response alone.
    pub(super) fn complete(response: &mut Response, json: bool) {
        if let Some(refusal) = response.extensions_mut().remove::<Self>() {
            *response.body_mut() = Body::from(refusal.body(json));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(json)));
        }
    }

    /// Returns the whole answer, for a client whose request never reached the routes.
    pub(super) fn bytes(&self, json: bool) -> Vec<u8> {
        let body = self.body(json);
        let mut headers = HeaderMap::from_iter(COMMON_HEADERS);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(json)));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        headers.extend(self.retry_after().map(|seconds| (header::RETRY_AFTER, seconds)));
        let mut answer = format!("HTTP/1.1 {}\r\n", self.status).into_bytes();
        for (name, value) in &headers {
            answer.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        answer.extend([b"\r\n", body.as_bytes()].concat());
        answer
    }

    fn body(&self, json: bool) -> String {
        if json { serde_json::json!({ "error": self.message }).to_string() } else { format!("{}\n", self.message) }
    }

    /// Time after which a retry may succeed (seconds).
    fn retry_after(&self) -> Option<HeaderValue> {
        matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
            .then(|| HeaderValue::from_static("1"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if self.closes_connection {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        response.extensions_mut().insert(self);
        response
    }
}

fn content_type(json: bool) -> &'static str {
    if json { JSON } else { TEXT }
}

/// Returns true if the errors of this address are JSON.
pub(super) fn is_api(uri: &Uri) -> bool {
    is_api_path(uri.path())
}

fn is_api_path(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns true if the request that begins with these bytes is for an address whose errors are JSON. The head may be
/// malformed or incomplete.
pub(super) fn is_api_head(head: &[u8]) -> bool {
    let line = head.trim_ascii_start().split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let target = words.nth(1).unwrap_or_default();
    let target = String::from_utf8_lossy(target);
    // The absolute form has scheme and host before the path.
    let path = target.split_once("://").map_or(&*target, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
    is_api_path(path.split('?').next().unwrap_or_default())
}
