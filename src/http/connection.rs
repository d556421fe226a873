//! Handling of one connection, from accept to close.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, Response, header};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::access::{Client, WebAccess};
use super::activity::{Activity, TrackedBody};
use super::heads::MAX_HEAD_BYTES;
use super::refusal::{self, COMMON_HEADERS, Refusal};
use super::registry::OpenConnection;
use super::socket::TimedSocket;
use super::transport::Transport;
use crate::telemetry::process::HttpMetrics;

/// Maximum number of headers of a request.
pub(super) const MAX_HEADERS: usize = 32;

/// Maximum time for a head to arrive on a connection of the reserve.
const RESERVED_HEAD_TIME: Duration = Duration::from_secs(1);

/// Maximum part of a refused request that is still read before the connection is closed.
const LINGER_BYTES: usize = 256 * 1024;
/// Maximum time for reading it.
const LINGER: Duration = Duration::from_millis(500);

/// Parts that all connections of a server share.
#[derive(Clone)]
pub(super) struct ConnectionContext {
    pub(super) router: Router,
    pub(super) timeout: Duration,
    /// True once the server stops.
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) metrics: HttpMetrics,
    pub(super) access: Arc<WebAccess>,
}

/// Serves a connection until either side ends it, it exceeds the timeout, or the server stops and its request is
/// answered.
pub(super) async fn serve(stream: TcpStream, open: OpenConnection, context: ConnectionContext) {
    let ConnectionContext { router, timeout, mut stopping, metrics, access } = context;
    // The last segment of an answer must not wait for a delayed acknowledgement. The call fails if the client is
    // already gone.
    let _ = stream.set_nodelay(true);
    let head_time = if open.is_reserved() { timeout.min(RESERVED_HEAD_TIME) } else { timeout };
    let Ok(address) = stream.peer_addr() else { return };
    let mut changes = access.subscribe();
    let config = access.current();
    let transport = tokio::select! {
        accepted = Transport::accept(stream, config.tls.as_ref(), head_time, &metrics) => accepted,
        () = stopped(&mut stopping) => None,
    };
    let Some(transport) = transport else { return };
    let client = Client { address: address.ip(), has_certificate: transport.has_certificate() };
    let activity = Arc::new(Activity::new(open));
    let io = TokioIo::new(TimedSocket::new(transport, Arc::clone(&activity), timeout, metrics.aborted.clone()));
    let answers = answers(router, activity, metrics.clone(), client);
    let mut connection = http1::Builder::new()
        // Without a timer, hyper applies no header timeout.
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_header_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(io, answers);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stopped(&mut stopping) => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
        // Whoever was admitted by the previous configuration connects again.
        _ = changes.changed() => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let parts = connection.into_parts();
    let mut socket = parts.io.into_inner();
    let is_over = match ended {
        _ if socket.overdue => false,
        Ok(()) => true,
        Err(error) => refuse_head(&mut socket, &error, &parts.read_buf, &metrics, timeout).await,
    };
    if is_over {
        tokio::select! {
            () = linger(socket.stream.tcp()) => {}
            () = stopped(&mut stopping) => {}
        }
        // A client may take longer, also at a stop, where the grace period ends this wait.
        let _ = tokio::time::timeout(timeout, socket.delivered()).await;
    }
}

/// Returns the service of one connection: the router, with the reserve and the counters around it.
fn answers(
    router: Router,
    activity: Arc<Activity>,
    metrics: HttpMetrics,
    client: Client,
) -> impl HttpService<
    axum::http::Request<Incoming>,
    Response = Response<TrackedBody>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<TrackedBody>, Infallible>> + Send,
> {
    let router = TowerToHyperService::new(router);
    service_fn(move |mut request: axum::http::Request<Incoming>| {
        request.extensions_mut().insert(client);
        let refused = (!activity.begin(request.uri().path())).then(|| refusal::is_api(request.uri()));
        let (activity, metrics, router) = (Arc::clone(&activity), metrics.clone(), router.clone());
        async move {
            let mut response = match refused {
                Some(json) => {
                    let mut response = Refusal::TOO_MANY_CONNECTIONS.into_response();
                    Refusal::complete(&mut response, json);
                    response.headers_mut().extend(COMMON_HEADERS);
                    metrics.refused.inc();
                    response
                }
                None => router.call(request).await?,
            };
            if activity.is_reserved() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            metrics.responded(response.status().as_u16());
            Ok(response.map(|body| TrackedBody::new(body, activity)))
        }
    })
}

/// Answers a head that hyper refused, or that did not arrive in time; `unparsed` is what hyper has left in its buffer.
/// Returns false if there was nothing to answer.
async fn refuse_head(
    socket: &mut TimedSocket,
    error: &hyper::Error,
    unparsed: &[u8],
    metrics: &HttpMetrics,
    timeout: Duration,
) -> bool {
    let head = socket.refused_head();
    // hyper judges the framing of a body after it has taken the head from its buffer.
    let is_framing = head.len() > unparsed.len();
    let refusal = if error.is_parse_too_large() && is_framing {
        Refusal::BODY
    } else if error.is_parse_too_large() {
        // Without the end of a line, the request line alone is too long.
        if head.contains(&b'\n') { Refusal::LARGE_HEAD } else { Refusal::LONG_LINE }
    } else if error.is_parse() {
        Refusal::MALFORMED
    } else if error.is_timeout() {
        metrics.timed_out.inc();
        Refusal::SLOW_HEAD
    } else {
        return false;
    };
    // A connection that was only idle ends without an answer.
    let is_answered = error.is_parse() || !head.is_empty();
    let json = refusal::is_api_head(head);
    if is_answered {
        metrics.responded(refusal.status.as_u16());
        // It does not wait for a client that has left earlier answers unread.
        let _ = socket.stream.try_write(&refusal.bytes(json));
        let closed = poll_fn(|context| Pin::new(&mut socket.stream).poll_shutdown(context));
        let _ = tokio::time::timeout(timeout, closed).await;
    }
    is_answered
}

/// Answers with 503 if that needs no wait, and closes the connection.
///
/// A client that expects TLS gets no answer: a handshake would be a wait.
pub(super) fn refuse(stream: TcpStream, is_tls: bool, metrics: &HttpMetrics) {
    metrics.refused.inc();
    if is_tls {
        return;
    }
    // A socket of the standard library stays non-blocking, and can be written before the runtime knows that it is
    // writable.
    if let Ok(mut stream) = stream.into_std() {
        let mut head = [0; MAX_HEAD_BYTES];
        // The request may be there already. If it is not, its path is unknown, and the answer is text.
        let arrived = stream.read(&mut head).unwrap_or_default();
        let answer = Refusal::TOO_MANY_CONNECTIONS.bytes(refusal::is_api_head(&head[..arrived]));
        if stream.write_all(&answer).is_ok() {
            metrics.responded(Refusal::TOO_MANY_CONNECTIONS.status.as_u16());
            // Closing with unread bytes would reset the connection; see `linger`. Bytes that arrive later still do.
            let _ = stream.read(&mut head);
        }
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // The sender is dropped only with the server, which is a stop too.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Continues to read for a moment after the answer, until the client closes its side. Closing a socket with unread
/// bytes resets the connection, and the reset can discard the refusal of a large head or body before the client reads
/// it.
async fn linger(stream: &TcpStream) {
    let read_on = async {
        let mut discarded = [0; 4096];
        let mut left = LINGER_BYTES;
        while left > 0 && stream.readable().await.is_ok() {
            match stream.try_read(&mut discarded) {
                Ok(0) => break,
                Ok(count) => left = left.saturating_sub(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
    };
    // On timeout the connection is closed all the same.
    let _ = tokio::time::timeout(LINGER, read_on).await;
}
