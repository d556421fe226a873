//! Routes, and the headers of every answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Semaphore;

use super::Service;
use super::api_request::{ApiRequest, ApiResponse};
use super::encoded_body::accepts_gzip;

/// Maximum number of threads that render at once, for `/metrics` and the API together.
pub(super) const MAX_RENDERINGS: usize = 4;

/// Content type of the Prometheus text format 0.0.4.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Headers of every answer: no answer loads, embeds or sends anything, and none may be cached, as it is outdated a
/// moment later.
const COMMON_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

const INDEX: &str = r#"<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Pacemeter</title></head>
<body>
<h1>Pacemeter</h1>
<ul>
<li><a href="/metrics">/metrics</a>: figures for Prometheus</li>
<li><a href="/readyz">/readyz</a>: readiness of the figures, or the reasons against it</li>
<li><a href="/livez">/livez</a>: liveness of the process</li>
<li><a href="/api/v1/status">/api/v1/status</a>: version, partitions, lag, outcomes, as JSON</li>
<li><a href="/api/v1/targets">/api/v1/targets</a>: progress of all targets; /api/v1/targets/NAME of one, /api/v1/targets/NAME/history its closed periods</li>
<li><a href="/api/v1/cuts">/api/v1/cuts</a>: permanent copies of the figures at certain instants; /api/v1/cuts/ID one of them, beside today's figures</li>
<li>/api/v1/periods/day/2020-05-15, /api/v1/periods/week/2020-W20, /api/v1/periods/month/2020-05: a closed period, beside today's figures</li>
</ul>
</body>
</html>
"#;

#[derive(Clone)]
struct AppState {
    service: Arc<dyn Service>,
    renderings: Arc<Semaphore>,
    timeout: Duration,
}

/// Returns the routes over `service`. A request waits at most `timeout` for a thread to render on.
pub(super) fn router(service: Arc<dyn Service>, timeout: Duration) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/api/v1/status", get(status))
        .route("/api/v1/targets", get(targets))
        .route("/api/v1/targets/{name}", get(target))
        .route("/api/v1/targets/{name}/history", get(history))
        .route("/api/v1/cuts", get(cuts))
        .route("/api/v1/cuts/{id}", get(cut))
        .route("/api/v1/periods/{period}/{id}", get(period))
        .route("/", get(index))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(guard))
        .with_state(AppState { service, renderings: Arc::new(Semaphore::new(MAX_RENDERINGS)), timeout })
}

/// Refuses a request with a body before the body is read, and adds the common headers.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = if request.body().is_end_stream() {
        next.run(request).await
    } else {
        (StatusCode::PAYLOAD_TOO_LARGE, [(header::CONNECTION, "close")], "request bodies are not accepted\n")
            .into_response()
    };
    response.headers_mut().extend(COMMON_HEADERS);
    response
}

async fn metrics(State(app): State<AppState>, headers: HeaderMap) -> Response {
    let gzip = accepts_gzip(&headers);
    let rendered = app
        .render(move |service| {
            let body = service.metrics();
            if gzip { body.gzip() } else { body.plain() }
        })
        .await;
    let mut response = match rendered {
        Ok(body) => ([(header::CONTENT_TYPE, EXPOSITION)], body).into_response(),
        Err(overloaded) => return overloaded.into_response(),
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

async fn livez() -> &'static str {
    "ok\n"
}

async fn readyz(State(app): State<AppState>) -> Response {
    match app.service.readiness() {
        Ok(()) => "ok\n".into_response(),
        Err(reasons) => {
            let lines: String = reasons.iter().flat_map(|reason| [reason.as_str(), "\n"]).collect();
            (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
        }
    }
}

async fn status(State(app): State<AppState>) -> Response {
    match app.render(|service| service.status().to_string()).await {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(overloaded) => overloaded.into_response(),
    }
}

async fn targets(State(app): State<AppState>, RawQuery(query): RawQuery) -> Response {
    app.answer(ApiRequest::Targets, query).await
}

async fn target(State(app): State<AppState>, Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    app.answer(ApiRequest::Target(name), query).await
}

async fn history(State(app): State<AppState>, Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    app.answer(ApiRequest::History(name), query).await
}

async fn cuts(State(app): State<AppState>, RawQuery(query): RawQuery) -> Response {
    app.answer(ApiRequest::Cuts, query).await
}

async fn cut(State(app): State<AppState>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    app.answer(ApiRequest::Cut(id), query).await
}

async fn period(
    State(app): State<AppState>,
    Path((period, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    app.answer(ApiRequest::Period(period, id), query).await
}

async fn index() -> Html<&'static str> {
    Html(INDEX)
}

async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "not found; see / for the paths\n")
}

async fn method_not_allowed() -> (StatusCode, &'static str) {
    (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are allowed\n")
}

/// Error that no thread to render on became free in time.
struct Overloaded;

impl IntoResponse for Overloaded {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], "too many requests at once\n").into_response()
    }
}

impl AppState {
    /// Returns the service's answer to an API request.
    async fn answer(&self, request: ApiRequest, query: Option<String>) -> Response {
        match self.render(move |service| service.answer(&request, query.as_deref().unwrap_or_default())).await {
            Ok(ApiResponse { status, json }) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                (status, [(header::CONTENT_TYPE, "application/json")], json).into_response()
            }
            Err(overloaded) => overloaded.into_response(),
        }
    }

    /// Runs `work` on a thread that may block.
    async fn render<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Service) -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let permit = tokio::time::timeout(self.timeout, Arc::clone(&self.renderings).acquire_owned())
            .await
            .map_err(|_| Overloaded)?;
        let permit = permit.expect("the semaphore is never closed");
        let service = Arc::clone(&self.service);
        let rendered = tokio::task::spawn_blocking(move || {
            // The thread holds the permit, not the request: a client that disconnects does not make room for a fifth
            // thread.
            let _permit = permit;
            work(service.as_ref())
        });
        match rendered.await {
            Ok(rendered) => Ok(rendered),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down.
                Err(_) => Err(Overloaded),
            },
        }
    }
}
