//! Routes, and the headers of every answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, HttpBody};
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::access::WebAccess;
use super::api_request::{ApiContent, ApiRequest, ApiResponse, FileFormat};
use super::encoded_body::{EncodedBody, accepts_gzip};
use super::hosts::AllowedHosts;
use super::refusal::{COMMON_HEADERS, JSON, Refusal, is_api};
use super::{Readiness, Service};
use crate::settings::printable;

/// Maximum number of threads that render at once, for `/metrics` and the API together.
pub(crate) const MAX_RENDERINGS: usize = 4;
/// Maximum number of those threads for the API, so that a scrape does not wait for its answers.
pub(super) const MAX_API_RENDERINGS: usize = 3;

/// Content type of the Prometheus text format 0.0.4.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Header with the number of the publication that the figures are of.
const REVISION: HeaderName = HeaderName::from_static("x-pacemeter-revision");

#[derive(Clone)]
pub(super) struct AppState {
    pub(super) service: Arc<dyn Service>,
    renderings: Arc<Semaphore>,
    api_renderings: Arc<Semaphore>,
    timeout: Duration,
}

/// Returns the routes over `service`, with those of the page, for requests to these hosts. A request waits at most `timeout` for a thread to
/// render on.
pub(super) fn router(
    service: Arc<dyn Service>,
    admission: Admission,
    timeout: Duration,
    page: Router<AppState>,
) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/api/v1/status", get(status))
        .route("/api/v1/now", answering(ApiRequest::Now))
        .route("/api/v1/targets", answering(ApiRequest::Targets))
        .route("/api/v1/targets/{name}", answering_of(ApiRequest::Target))
        .route("/api/v1/targets/{name}/curve", answering_of(ApiRequest::Curve))
        .route("/api/v1/targets/{name}/history", answering_of(ApiRequest::History))
        .route(
            "/api/v1/targets/{name}/history.csv",
            answering_of(|name| file(ApiRequest::History(name), FileFormat::Csv)),
        )
        .route(
            "/api/v1/targets/{name}/history.xlsx",
            answering_of(|name| file(ApiRequest::History(name), FileFormat::Xlsx)),
        )
        .route("/api/v1/events", answering(ApiRequest::Events))
        .route("/api/v1/cuts", answering(ApiRequest::Cuts))
        .route("/api/v1/cuts.csv", answering(file(ApiRequest::Cuts, FileFormat::Csv)))
        .route("/api/v1/cuts.xlsx", answering(file(ApiRequest::Cuts, FileFormat::Xlsx)))
        .route("/api/v1/cuts/{id}", answering_of(|id: String| ApiRequest::with_extension(&id, ApiRequest::Cut)))
        .route("/api/v1/periods/{period}/{id}", answering_of(period))
        .route("/openapi.json", get(openapi))
        .merge(page)
        .fallback(async || Refusal::NOT_FOUND)
        .method_not_allowed_fallback(async || Refusal::METHOD)
        .layer(middleware::from_fn_with_state(Arc::new(admission), guard))
        .with_state(AppState {
            service,
            renderings: Arc::new(Semaphore::new(MAX_RENDERINGS)),
            api_renderings: Arc::new(Semaphore::new(MAX_API_RENDERINGS)),
            timeout,
        })
}

/// Hosts and rights that a request needs before any route sees it.
pub(super) struct Admission {
    pub(super) hosts: AllowedHosts,
    pub(super) access: Arc<WebAccess>,
}

/// Refuses what no route should see, completes refusals, and adds the common headers.
async fn guard(State(admission): State<Arc<Admission>>, request: Request, next: Next) -> Response {
    let json = is_api(request.uri());
    let (head, body) = request.into_parts();
    let config = admission.access.current();
    let checked = match admission.hosts.check(&head) {
        Ok(()) => admission.access.check(&config, &head).await,
        refused => refused,
    };
    if checked == Err(Refusal::OTHER_HOST) {
        let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        tracing::warn!(event = "pacemeter.http.other_host", host, "request for another host refused");
    }
    let mut response = if let Err(refusal) = checked {
        refusal.into_response()
    } else if !body.is_end_stream() {
        // The body is not read.
        Refusal::BODY.into_response()
    } else if percent_decode_str(head.uri.path()).decode_utf8().is_err() {
        Refusal::MALFORMED_PATH.into_response()
    } else {
        next.run(Request::from_parts(head, body)).await
    };
    Refusal::complete(&mut response, json);
    for (name, value) in COMMON_HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    for (name, value) in &config.headers {
        response.headers_mut().insert(name, value.clone());
    }
    response
}

async fn metrics(State(app): State<AppState>, headers: HeaderMap) -> Response {
    let gzip = accepts_gzip(&headers);
    let rendered = app
        .render(move |service| {
            let body = service.metrics();
            (if gzip { body.gzip() } else { body.plain() }, body.revision())
        })
        .await;
    match rendered {
        Ok((body, revision)) => with_revision(encoded(EXPOSITION, body, gzip), revision),
        Err(refusal) => refusal.into_response(),
    }
}

/// Returns a response whose body is plain or compressed, as the client accepts.
pub(super) fn encoded(media_type: &'static str, body: Bytes, gzip: bool) -> Response {
    let mut response = ([(header::CONTENT_TYPE, media_type)], body).into_response();
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Adds the revision of the figures: answers of one revision agree.
fn with_revision(mut response: Response, revision: Option<u64>) -> Response {
    response.headers_mut().extend(revision.map(|revision| (REVISION, HeaderValue::from(revision))));
    response
}

/// Returns the response for a client that sent these headers.
fn api_response(ApiResponse { status, content }: ApiResponse, headers: &HeaderMap) -> Response {
    let mut response = match content {
        ApiContent::Json(json) => ([(header::CONTENT_TYPE, JSON)], json).into_response(),
        ApiContent::Shared(body, tag) => shared(&body, &tag, headers),
        ApiContent::File { media_type, name, bytes } => {
            let disposition = format!("attachment; filename=\"{name}\"");
            ([(header::CONTENT_TYPE, media_type)], [(header::CONTENT_DISPOSITION, disposition)], bytes).into_response()
        }
    };
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    }
    response
}

/// Returns a shared body, or 304 to a client that has it. The tag is weak, as it is one for both encodings
/// (RFC 9110, 8.8.3.3).
fn shared(body: &EncodedBody, tag: &str, headers: &HeaderMap) -> Response {
    let tag = format!("W/\"{tag}\"");
    let known = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|line| line.to_str().ok());
    let opaque = tag.trim_start_matches("W/");
    let is_known = known
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == opaque);
    let mut response = if is_known {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        response
    } else {
        let gzip = accepts_gzip(headers);
        encoded(JSON, if gzip { body.gzip() } else { body.plain() }, gzip)
    };
    response.headers_mut().extend(HeaderValue::from_str(&tag).ok().map(|tag| (header::ETAG, tag)));
    with_revision(response, body.revision())
}

async fn livez() -> &'static str {
    "ok\n"
}

async fn readyz(State(app): State<AppState>) -> Response {
    let Readiness { is_ready, reasons } = app.service.readiness();
    let lines: String = reasons.iter().flat_map(|reason| [printable(reason), "\n".to_owned()]).collect();
    if is_ready {
        format!("ok\n{lines}").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
    }
}

async fn status(State(app): State<AppState>) -> Response {
    match app.render_api(|service| service.status().to_string()).await {
        Ok(body) => ([(header::CONTENT_TYPE, JSON)], body).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Handler of a path that asks for one thing.
fn answering(request: ApiRequest) -> MethodRouter<AppState> {
    get(move |State(app): State<AppState>, RawQuery(query): RawQuery, headers: HeaderMap| async move {
        app.answer(request, query, headers).await
    })
}

/// Handler of a path with names in it, from which the request is made.
fn answering_of<N>(request: impl FnOnce(N) -> ApiRequest + Clone + Send + Sync + 'static) -> MethodRouter<AppState>
where
    N: DeserializeOwned + Send + 'static,
{
    get(
        move |State(app): State<AppState>, Path(names): Path<N>, RawQuery(query): RawQuery, headers: HeaderMap| async move {
            app.answer(request(names), query, headers).await
        },
    )
}

/// Description of the API. It is the same for every query.
async fn openapi(State(app): State<AppState>, headers: HeaderMap) -> Response {
    app.answer(ApiRequest::OpenApi, None, headers).await
}

/// Request for a period of a kind.
fn period((kind, id): (String, String)) -> ApiRequest {
    ApiRequest::with_extension(&id, |id| ApiRequest::Period(kind, id))
}

/// Request for an answer as a file.
fn file(request: ApiRequest, format: FileFormat) -> ApiRequest {
    ApiRequest::File(Box::new(request), format)
}

impl AppState {
    /// Returns the service's answer to an API request.
    async fn answer(&self, request: ApiRequest, query: Option<String>, headers: HeaderMap) -> Response {
        match self.render_api(move |service| service.answer(&request, query.as_deref().unwrap_or_default())).await {
            Ok(answer) => api_response(answer, &headers),
            Err(refusal) => refusal.into_response(),
        }
    }

    /// Runs `work` for the API on a thread that may block.
    pub(super) async fn render_api<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Service) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let share = self.permit(&self.api_renderings).await?;
        self.render(move |service| {
            let _share = share;
            work(service)
        })
        .await
    }

    /// Waits for a permit, at most for the timeout.
    async fn permit(&self, semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refusal> {
        let permit = tokio::time::timeout(self.timeout, Arc::clone(semaphore).acquire_owned()).await;
        Ok(permit.map_err(|_| Refusal::OVERLOADED)?.expect("the semaphores are never closed"))
    }

    /// Runs `work` on a thread that may block.
    async fn render<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Service) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = self.permit(&self.renderings).await?;
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
                Err(_) => Err(Refusal::OVERLOADED),
            },
        }
    }
}
