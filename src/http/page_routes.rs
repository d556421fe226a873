//! Routes of the page and of its assets, with their headers.

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::encoded_body::{accepts_brotli, accepts_gzip};
use super::page_request::{PageRequest, PageView};
use super::refusal::Refusal;
use super::routes::{AppState, encoded};

const HTML: &str = "text/html; charset=utf-8";

/// Headers of the document: it may load what this server has, and run no other script than the assets. A script that
/// makes markup of text fails.
const DOCUMENT_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        ),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (header::VARY, HeaderValue::from_static("accept-encoding, accept-language")),
];

/// An address with the hash of all assets never has other contents.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Returns the routes of the page.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(async |app, query, headers| document(PageView::Now, app, query, headers).await))
        .route("/cuts", get(async |app, query, headers| document(PageView::Cuts, app, query, headers).await))
        .route("/health", get(async |app, query, headers| document(PageView::Health, app, query, headers).await))
        .route(
            "/targets/{name}",
            get(async |Path(name), app, query, headers| document(PageView::Target(name), app, query, headers).await),
        )
        .route(
            "/cuts/{id}",
            get(async |Path(id), app, query, headers| document(PageView::Cut(id), app, query, headers).await),
        )
        .route(
            "/periods/{kind}/{id}",
            get(async |Path((kind, id)), app, query, headers| {
                document(PageView::Period(kind, id), app, query, headers).await
            }),
        )
        .route("/assets/{hash}/{name}", get(asset))
}

async fn document(
    view: PageView,
    State(app): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let languages = headers.get(header::ACCEPT_LANGUAGE).and_then(|languages| languages.to_str().ok());
    let request = PageRequest {
        view,
        query: query.unwrap_or_default(),
        accept_language: languages.unwrap_or_default().to_owned(),
    };
    let gzip = accepts_gzip(&headers);
    let rendered = app
        .render_api(move |service| {
            let page = service.page(&request);
            (page.status, page.language, if gzip { page.body.gzip() } else { page.body.plain() })
        })
        .await;
    let (status, language, body) = match rendered {
        Ok(rendered) => rendered,
        Err(refusal) => return refusal.into_response(),
    };
    let mut response = encoded(HTML, body, gzip);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in DOCUMENT_HEADERS {
        response.headers_mut().insert(name, value);
    }
    response.headers_mut().insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language));
    response
}

async fn asset(
    State(app): State<AppState>,
    Path((hash, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let Some(asset) = app.service.asset(&hash, &name) else { return Refusal::NOT_FOUND.into_response() };
    let gzip = accepts_gzip(&headers);
    let mut response = if accepts_brotli(&headers) {
        let mut response = encoded(asset.media_type, asset.brotli.clone(), false);
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        response
    } else {
        encoded(asset.media_type, if gzip { asset.body.gzip() } else { asset.body.plain() }, gzip)
    };
    response.headers_mut().insert(header::CACHE_CONTROL, IMMUTABLE);
    response
}
