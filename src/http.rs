//! HTTP server: transport, routes and limits. A [`Service`] supplies the contents of the answers.
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | the shared [`EncodedBody`], text 0.0.4, gzip where the client accepts it |
//! | `/livez` | 200 while the process answers at all |
//! | `/readyz` | 200 or 503, with one reason per line |
//! | `/api/v1/status` | JSON |
//! | `/api/v1/...` | an [`ApiRequest`] to the service, answered in JSON or with a file |
//! | `/`, `/targets/NAME`, `/cuts`, `/cuts/ID`, `/periods/KIND/ID`, `/health` | the document of a [`PageView`], with links to these paths |
//! | `/assets/HASH/NAME` | a [`PageAsset`], which never changes |
//!
//! # Hosts
//!
//! Requests for other hosts than addresses, `localhost` and `http.hosts` are refused with 421 ([`AllowedHosts`]).
//!
//! # Who may read
//!
//! A [`WebConfig`] may ask for TLS, client certificates and passwords. A request without them reaches no route, but for
//! the probes that the file excludes ([`WebAccess`]).
//!
//! # Bounds
//!
//! A client can use only a fixed share of the process, and cannot shut out a probe or a scrape:
//!
//! - At most `http.max_connections` are open, and `http.max_connections_per_peer` from one address. A further one
//!   closes the one that is idle longest, of the address with the most ([`HttpMetrics::evicted`]). One that is idle
//!   for less than 50 ms keeps its place, so that its request can arrive.
//! - If none makes room, 64 more are a reserve for `/livez`, `/readyz` and `/metrics`: one answer each. A request must
//!   arrive within a second. A full reserve makes room like the rest, but never for an address that has more there.
//! - At most four scrapes are answered in the reserve at once. One whose client takes nothing for 250 ms makes room for
//!   another, and one of an address with several answers for an address that has no scrape there.
//! - If the reserve makes no room either, a connection is accepted, answered with 503 without waiting, closed and
//!   counted ([`HttpMetrics::refused`]); in the kernel's queue a probe would time out without a reason.
//! - The head of a request, at most 16 KiB and 32 headers, must arrive within `http.timeout` after the connection or
//!   the previous answer. This also closes idle connections ([`HttpMetrics::timed_out`]).
//! - The client must read an answer within `http.timeout`, or the connection is reset. However a connection ends, it is
//!   reset and counted ([`HttpMetrics::aborted`]) if the client has not taken all, so that the kernel keeps nothing.
//! - A TLS handshake must end within `http.timeout`, or a second in the reserve. Until then the connection is idle.
//! - One thread verifies passwords, and few of them wait for it; further ones are refused with 429.
//! - A request with a body is refused before the body is read.
//! - At most four threads render at once, three of them for the API. A request that gets none within `http.timeout` is
//!   answered with 503.
//!
//! The runtime's threads only copy bytes: a [`Service`] renders on the blocking pool.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::settings::{SettingsFault, SettingsReader};
use crate::telemetry::process::HttpMetrics;

mod access;
mod activity;
mod api_request;
mod connection;
mod encoded_body;
mod heads;
mod hosts;
mod page_request;
mod page_routes;
mod passwords;
mod refusal;
mod registry;
mod routes;
mod socket;
#[cfg(test)]
pub(crate) mod tests;
mod transport;
mod web_config;

use connection::ConnectionContext;
use registry::{Admission, ConnectionBounds, ConnectionRegistry};

pub use access::WebAccess;
pub use api_request::{ApiContent, ApiRequest, ApiResponse, FileFormat};
pub use encoded_body::{BodyMemory, EncodedBody};
pub use hosts::AllowedHosts;
pub use page_request::{PageAsset, PageRequest, PageResponse, PageView};
pub(crate) use routes::MAX_RENDERINGS;
pub use web_config::WebConfig;
pub(crate) use web_config::{CertificateFacts, LoadedWebConfig, pem_certificates, pem_key, tls_versions};

/// Number of connections that the kernel completes before they are accepted.
const BACKLOG: u32 = 128;
/// Buffer of the kernel for the unread part of an answer (bytes per connection; the kernel doubles it for its
/// bookkeeping).
const SEND_BUFFER_BYTES: u32 = 256 * 1024;
/// Maximum time for answers in flight once the server is asked to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// Number of closed connections whose tasks may not have ended yet; with more, no connection is accepted.
const MAX_ENDING: usize = 16;
/// Pause after a failed accept: from the first value, doubled up to the second.
const ACCEPT_PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Settings `http.*` that concern connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Maximum number of connections open at once, without the reserve.
    pub max_connections: usize,
    /// Maximum number of them from one address.
    pub max_connections_per_peer: usize,
    /// Hosts under which requests are answered.
    pub hosts: AllowedHosts,
    /// Maximum time for the head of a request to arrive, and again for the answer to be read.
    pub timeout: Duration,
    /// File that says who may read.
    pub web_config_file: Option<PathBuf>,
    /// True if everybody may read whoever can connect.
    pub accepts_exposed: bool,
}

impl Settings {
    /// Reads the settings and leaves faults in the reader.
    pub fn read(reader: &mut SettingsReader) -> Self {
        let listen = reader.string("http.listen").parse().unwrap_or_else(|_| {
            reader.fault("http.listen", "must be an IP address and a port, such as 127.0.0.1:9464 or [::1]:9464");
            SocketAddr::from(([127, 0, 0, 1], 9464))
        });
        Self {
            listen,
            max_connections: reader.integer("http.max_connections", 1..=65_536) as usize,
            max_connections_per_peer: reader.integer("http.max_connections_per_peer", 1..=65_536) as usize,
            hosts: AllowedHosts::read(reader),
            timeout: reader.duration("http.timeout", Duration::from_millis(100)..=Duration::from_secs(600)),
            web_config_file: reader.optional_path("http.web_config_file"),
            accepts_exposed: reader.boolean("http.accept_exposed"),
        }
    }

    /// Returns why the server must not listen, if others than those whom the configuration admits could read.
    pub(crate) fn exposure(&self, config: &WebConfig) -> Option<String> {
        if self.accepts_exposed || self.listen.ip().to_canonical().is_loopback() || config.is_protected() {
            return None;
        }
        let lacks = match &self.web_config_file {
            None => "write a file with tls_server_config and basic_auth_users, as deploy/web-config.example.yml, and \
                     name it in http.web_config_file"
                .to_owned(),
            Some(path) => format!(
                "write tls_server_config, and basic_auth_users or client_auth_type: RequireAndVerifyClientCert, into {}",
                path.display()
            ),
        };
        Some(format!(
            "{} is beyond loopback, where everybody could read the figures; {lacks}, listen on 127.0.0.1, or accept the \
             risk with http.accept_exposed = true",
            self.listen
        ))
    }
}

/// Fault of `http.listen` that [`Settings::exposure`] describes.
pub(crate) fn exposure_fault(message: String) -> SettingsFault {
    SettingsFault { key: "http.listen".to_owned(), origin: None, message }
}

/// Contents of the answers. Every method is called often and from many threads.
pub trait Service: Send + Sync + 'static {
    /// Returns the current metrics. It may block, and runs on at most four threads at once. Scrapes of one snapshot
    /// should share an [`EncodedBody`], so that it is rendered and compressed once.
    fn metrics(&self) -> Arc<EncodedBody>;

    /// Returns the readiness of the figures. It runs on the runtime and must not block.
    fn readiness(&self) -> Readiness;

    /// Returns the answer of `/api/v1/status`. It may block.
    fn status(&self) -> serde_json::Value;

    /// Returns the answer of another path of `/api/v1`. `query` is the raw query string without the question mark, or
    /// empty. It may block.
    fn answer(&self, request: &ApiRequest, query: &str) -> ApiResponse;

    /// Returns the document of a view of the page. It may block.
    fn page(&self, request: &PageRequest) -> PageResponse;

    /// Returns a file that the document loads; `hash` and `name` are of its address. It runs on the runtime and must not
    /// block.
    fn asset(&self, hash: &str, name: &str) -> Option<&PageAsset>;
}

/// Readiness of the figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// True if the figures can be relied on.
    pub is_ready: bool,
    /// Reasons why they cannot, and what else is wrong, one line each.
    pub reasons: Vec<String>,
}

/// Failure to listen on an address.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process listens there.
    #[error("address {address} is in use; stop the process that listens there, or change http.listen")]
    InUse {
        /// Address of `http.listen`.
        address: SocketAddr,
    },
    /// The port is privileged.
    #[error(
        "listening on {address} is not permitted; set http.listen to a port above 1023, or grant CAP_NET_BIND_SERVICE"
    )]
    Denied {
        /// Address of `http.listen`.
        address: SocketAddr,
    },
    /// No interface of the machine has the address.
    #[error("address {address} does not belong to this machine; set http.listen to one that does")]
    NotLocal {
        /// Address of `http.listen`.
        address: SocketAddr,
    },
    /// Any other failure.
    #[error("cannot listen on {address}")]
    Failed {
        /// Address of `http.listen`.
        address: SocketAddr,
        /// Error of the system.
        source: io::Error,
    },
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

/// Server that listens, but does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    settings: Settings,
    metrics: HttpMetrics,
    access: Arc<WebAccess>,
}

/// Starts to listen in the current tokio runtime. Clients can connect from now on, and are answered once
/// [`Server::serve`] runs.
///
/// # Errors
/// Returns an error if the address cannot be bound.
pub async fn bind(settings: &Settings, access: Arc<WebAccess>, metrics: HttpMetrics) -> Result<Server, BindError> {
    let fault = |source| BindError::new(settings.listen, source);
    let listener = listen(settings.listen).map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    tracing::info!(event = "pacemeter.http.listening", address = %address, "listening");
    if !address.ip().to_canonical().is_loopback() && !access.current().is_protected() {
        tracing::warn!(event = "pacemeter.http.exposed", address = %address, "listening beyond loopback without authentication");
    }
    Ok(Server { listener, address, settings: settings.clone(), metrics, access })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Lets a restart bind the address while connections of the previous process still time out.
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit it. By default the kernel buffers up to 4 MiB for each client that does not read.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Server {
    /// Returns the address that the server listens on, with the port that the system chose if it was set to 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `shutdown` completes. Then it stops listening, closes idle connections and gives answers
    /// in flight two seconds.
    ///
    /// # Panics
    ///
    /// Panics if a method of the [`Service`] panics: a bug is not hidden behind an answer.
    pub async fn serve(self, service: Arc<dyn Service>, shutdown: impl Future<Output = ()>) {
        let Self { listener, settings, metrics, access, .. } = self;
        let (stop, stopping) = watch::channel(false);
        let admission = routes::Admission { hosts: settings.hosts, access: Arc::clone(&access) };
        let router = routes::router(service, admission, settings.timeout, page_routes::routes());
        let (timeout, shared_access) = (settings.timeout, Arc::clone(&access));
        let context = ConnectionContext { router, timeout, stopping, metrics: metrics.clone(), access: shared_access };
        let bounds = ConnectionBounds { total: settings.max_connections, per_peer: settings.max_connections_per_peer };
        let registry = ConnectionRegistry::new(bounds, metrics.evicted.clone());
        let mut connections = JoinSet::new();
        let mut acceptor = Acceptor { listener, pause: ACCEPT_PAUSE.0 };
        let mut full = false;
        let mut shutdown = pin!(shutdown);
        loop {
            let has_capacity = connections.len() < registry.len() + MAX_ENDING;
            tokio::select! {
                // Ended connections are removed before another is accepted, so that their number is right.
                biased;
                () = &mut shutdown => break,
                Some(ended) = connections.join_next() => propagate_panic(ended),
                (stream, address) = acceptor.next(), if has_capacity => {
                    let Admission { connection, reached } = registry.admit(address.ip(), Instant::now());
                    if let Some(bound) = reached.filter(|_| !full) {
                        tracing::warn!(event = "pacemeter.http.full", bound, "connection limit reached");
                    }
                    full = reached.is_some();
                    match connection {
                        Some(connection) => {
                            let id = connection.id();
                            let task = connections.spawn(connection::serve(stream, connection, context.clone()));
                            registry.attach(id, task);
                        }
                        None => connection::refuse(stream, access.current().tls.is_some(), &metrics),
                    }
                }
            }
        }
        drop(acceptor);
        stop.send_replace(true);
        finish(connections).await;
    }
}

/// Waits for open connections for the grace period, then drops the rest.
async fn finish(mut connections: JoinSet<()>) {
    let ended = tokio::time::timeout(SHUTDOWN_GRACE, async {
        while let Some(ended) = connections.join_next().await {
            propagate_panic(ended);
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

/// Propagates a panic in a connection, which is a bug, and so ends the server.
fn propagate_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

struct Acceptor {
    listener: TcpListener,
    pause: Duration,
}

impl Acceptor {
    /// Returns the next connection. Pauses after a failure, because without file descriptors or memory every accept
    /// fails at once. The end of a connection shortens the pause: the caller then drops this future and creates
    /// another, and the retry may succeed.
    async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => {
                    self.pause = ACCEPT_PAUSE.0;
                    return accepted;
                }
                Err(error) if is_peer_error(&error) => {
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

/// Returns true if an accept failed because of that one connection, so that the next can be accepted at once.
fn is_peer_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
