//! The HTTP server: how requests are answered, whatever the answers say (that is a [`Service`]'s business).
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | the shared [`EncodedBody`], text 0.0.4, gzip where the client takes it |
//! | `/livez` | 200 as long as the process answers at all |
//! | `/readyz` | 200, or 503 with one reason a line |
//! | `/api/v1/status` | JSON |
//! | `/api/v1/...` | a [`ApiRequest`] to the site, answered in JSON |
//! | `/` | an index of these |
//!
//! # Bounds
//!
//! Nobody who can reach the port can hold more than a fixed share of the process:
//!
//! - at most `http.max_connections` are open; one more is accepted, answered with 503 as far as that goes without
//!   waiting, closed and counted ([`HttpMetrics::refused`]). It is not left in the kernel's queue, where a probe would
//!   time out without knowing why;
//! - the head of a request, at most 16 KiB and 32 headers, is there within `http.timeout` after the connection or the
//!   previous answer, which also closes idle connections; an answer is taken within `http.timeout` or the connection is
//!   reset ([`HttpMetrics::aborted`]);
//! - no request has a body; one that has is refused before it is read;
//! - at most four threads render at once; a request that gets none within `http.timeout` is answered with 503.
//!
//! The runtime's own threads only copy bytes: a [`Service`] renders on the blocking pool.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::settings::SettingsReader;
use crate::telemetry::process::HttpMetrics;

mod api_request;
mod connection;
mod encoded_body;
mod routes;
#[cfg(test)]
mod tests;

pub use api_request::{ApiRequest, ApiResponse};
pub use encoded_body::EncodedBody;

/// Connections that the kernel completes before they are accepted.
const BACKLOG: u32 = 128;
/// Bytes of an unread answer that the kernel holds for each connection; the kernel doubles it for its own bookkeeping.
const SEND_BUFFER_BYTES: u32 = 256 * 1024;
/// Maximum time for answers in flight once the server is asked to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// The pause after a failed accept: from the least, doubled up to the most.
const ACCEPT_PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// The part `[http]` of the settings that concerns connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub listen: SocketAddr,
    /// Connections open at once.
    pub max_connections: usize,
    /// For the head of a request to arrive, and again for the answer to be taken.
    pub timeout: Duration,
}

impl Settings {
    pub fn read(reader: &mut SettingsReader) -> Self {
        let listen = reader.string("http.listen").parse().unwrap_or_else(|_| {
            reader.fault("http.listen", "must be an IP address and a port, such as 127.0.0.1:9464 or [::1]:9464");
            SocketAddr::from(([127, 0, 0, 1], 9464))
        });
        Self {
            listen,
            max_connections: reader.integer("http.max_connections", 1..=65_536) as usize,
            timeout: reader.duration("http.timeout", Duration::from_millis(100)..=Duration::from_secs(600)),
        }
    }
}

/// Content that is served. Every method is called often and from many threads.
pub trait Service: Send + Sync + 'static {
    /// The metrics as they are now. Called on a thread that may block, four at a time at most; scrapes of the same
    /// figures are to get the same [`EncodedBody`], so that it is written and compressed once.
    fn metrics(&self) -> Arc<EncodedBody>;

    /// `Ok` if figures can be relied on, else every reason why not, a line each. Called on the runtime: it must not
    /// block.
    fn readiness(&self) -> Result<(), Vec<String>>;

    /// The answer of `/api/v1/status`. Called on a thread that may block.
    fn status(&self) -> serde_json::Value;

    /// The answer of the other paths of `/api/v1`. `query` is what stands behind the question mark, as given; empty if
    /// there is none. Called on a thread that may block.
    fn answer(&self, request: &ApiRequest, query: &str) -> ApiResponse;
}

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("address {address} is in use: stop what listens there, or set http.listen to another")]
    InUse { address: SocketAddr },
    #[error(
        "listening on {address} is not permitted: set http.listen to a port above 1023, or grant CAP_NET_BIND_SERVICE"
    )]
    Denied { address: SocketAddr },
    #[error("address {address} does not belong to this machine: set http.listen to one that does")]
    NotLocal { address: SocketAddr },
    #[error("cannot listen on {address}")]
    Failed { address: SocketAddr, source: io::Error },
}

impl BindError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address },
            io::ErrorKind::PermissionDenied => Self::Denied { address },
            io::ErrorKind::AddrNotAvailable => Self::NotLocal { address },
            _ => Self::Failed { address, source },
        }
    }
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    max_connections: usize,
    timeout: Duration,
    metrics: HttpMetrics,
}

/// Starts to listen, in the tokio runtime that it is called in. Clients can connect from now on; they are answered once
/// [`Server::serve`] runs.
pub async fn bind(settings: &Settings, metrics: HttpMetrics) -> Result<Server, BindError> {
    let fault = |source| BindError::new(settings.listen, source);
    let listener = listen(settings.listen).map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    tracing::info!(event = "pacemeter.http.listening", address = %address, "listening");
    if !address.ip().to_canonical().is_loopback() {
        tracing::warn!(event = "pacemeter.http.exposed", address = %address, "listening beyond loopback without authentication");
    }
    Ok(Server { listener, address, max_connections: settings.max_connections, timeout: settings.timeout, metrics })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart does not wait for the connections of the process before it to time out.
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit it. Left alone, the kernel takes up to 4 MiB for every client that does not read.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Server {
    /// Address of the listener; if the port was set to 0, the one that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` is done; then stops listening, closes what is idle and gives answers in flight two
    /// seconds.
    ///
    /// # Panics
    ///
    /// With the panic of a [`Service`]'s method, which is a bug: it is not hidden behind an answer.
    pub async fn serve(self, service: Arc<dyn Service>, shutdown: impl Future<Output = ()>) {
        let Self { listener, max_connections, timeout, metrics, .. } = self;
        let router = routes::router(service, timeout);
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut accepting = Accepting { listener, pause: ACCEPT_PAUSE.0 };
        let mut full = false;
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                // Ended connections are taken off before another is accepted, so that their number is right.
                biased;
                () = &mut shutdown => break,
                Some(ended) = connections.join_next() => raise(ended),
                stream = accepting.next() => {
                    if connections.len() < max_connections {
                        full = false;
                        connections.spawn(connection::serve(stream, router.clone(), timeout, stopping.clone(), metrics.clone()));
                    } else {
                        if !full {
                            tracing::warn!(event = "pacemeter.http.full", max_connections, "connection limit reached; refusing connections");
                        }
                        full = true;
                        metrics.refused.inc();
                        connection::reject(stream);
                    }
                }
            }
        }
        drop(accepting);
        stop.send_replace(true);
        finish(connections).await;
    }
}

/// Waits for the connections that are open, for as long as they may take, and drops the rest.
async fn finish(mut connections: JoinSet<()>) {
    let ended = tokio::time::timeout(SHUTDOWN_GRACE, async {
        while let Some(ended) = connections.join_next().await {
            raise(ended);
        }
    });
    if ended.await.is_err() {
        tracing::warn!(
            event = "pacemeter.http.abandoned",
            connections = connections.len(),
            "unfinished answers abandoned"
        );
        connections.shutdown().await;
    }
}

/// A panic in a connection is a bug of ours: it ends the server too.
fn raise(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

struct Accepting {
    listener: TcpListener,
    pause: Duration,
}

impl Accepting {
    /// The next connection. Without file descriptors or memory every accept fails at once, so there is a pause after a
    /// failure. It is cut short (the future is dropped and created again) when a connection ends, which is when another
    /// try is worth it.
    async fn next(&mut self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    self.pause = ACCEPT_PAUSE.0;
                    return stream;
                }
                Err(error) if is_of_the_peer(&error) => {
                    tracing::debug!(event = "pacemeter.http.gone", %error, "client gone before accept")
                }
                Err(error) => {
                    let pause = self.pause;
                    self.pause = (pause * 2).min(ACCEPT_PAUSE.1);
                    tracing::warn!(event = "pacemeter.http.accept_failed", %error, pause_ms = pause.as_millis() as u64, "accepting a connection failed; retrying");
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}

/// True if an accept failed because of that one connection: the next can be accepted at once.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
