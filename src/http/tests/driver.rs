//! Test driver: a service with chosen answers, a running server, and clients that control every byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::http::{
    ApiContent, ApiRequest, ApiResponse, EncodedBody, PageAsset, PageRequest, PageResponse, Readiness, Service,
    Settings, WebAccess, WebConfig, bind,
};
use crate::telemetry::Metrics;
use crate::telemetry::log::{self, LogCounters};
use crate::telemetry::process::HttpMetrics;

pub(super) const TEXT: &str = "# TYPE pacemeter_ready gauge\npacemeter_ready 1\n";

/// Service whose answers a test chooses, and that counts concurrent renderings.
pub(super) struct Fixed {
    pub(super) body: Arc<EncodedBody>,
    asset: PageAsset,
    pub(super) reasons: Vec<&'static str>,
    /// Lines that are no reasons against readiness.
    pub(super) remarks: Vec<&'static str>,
    /// Lock that a test holds to make renderings wait.
    pub(super) gate: Mutex<()>,
    /// Lock that a test holds to make answers to the cut `slow` wait.
    pub(super) api_gate: Mutex<()>,
    pub(super) rendering_now: AtomicUsize,
    pub(super) most_at_once: AtomicUsize,
}

impl Fixed {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            body: Arc::new(EncodedBody::new(text.into())),
            asset: PageAsset {
                media_type: "text/javascript",
                body: EncodedBody::embedded(b"export {};", b"as gzip"),
                brotli: Bytes::from_static(b"as brotli"),
            },
            reasons: Vec::new(),
            remarks: Vec::new(),
            gate: Mutex::new(()),
            api_gate: Mutex::new(()),
            rendering_now: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
        }
    }
}

impl Service for Fixed {
    fn metrics(&self) -> Arc<EncodedBody> {
        let now = self.rendering_now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        drop(self.gate.lock().unwrap());
        self.rendering_now.fetch_sub(1, Ordering::SeqCst);
        Arc::clone(&self.body)
    }

    fn readiness(&self) -> Readiness {
        let reasons = self.reasons.iter().chain(&self.remarks).map(ToString::to_string).collect();
        Readiness { is_ready: self.reasons.is_empty(), reasons }
    }

    fn status(&self) -> serde_json::Value {
        serde_json::json!({ "ready": self.reasons.is_empty() })
    }

    /// Returns the parsed request, with status 404 for the target `none`.
    fn answer(&self, request: &ApiRequest, query: &str) -> ApiResponse {
        if *request == ApiRequest::Cut("slow".to_owned()) {
            self.rendering_now.fetch_add(1, Ordering::SeqCst);
            drop(self.api_gate.lock().unwrap());
            self.rendering_now.fetch_sub(1, Ordering::SeqCst);
        }
        if *request == ApiRequest::Now {
            let body = EncodedBody::new("{}".to_owned()).with_revision(7);
            return ApiResponse { status: 200, content: ApiContent::Shared(Arc::new(body), "boot-7".to_owned()) };
        }
        let status = if *request == ApiRequest::Target("none".to_owned()) { 404 } else { 200 };
        ApiResponse::json(status, serde_json::json!(format!("{request:?} {query}")).to_string())
    }

    /// Returns the parsed request as text, with status 404 for what is called `none`.
    fn page(&self, request: &PageRequest) -> PageResponse {
        let text = format!("{request:?}");
        let status = if text.contains("\"none\"") { 404 } else { 200 };
        PageResponse { status, language: "es", body: Arc::new(EncodedBody::new(text)) }
    }

    fn asset(&self, hash: &str, name: &str) -> Option<&PageAsset> {
        (hash == "0123456789ab" && name == "a.js").then_some(&self.asset)
    }
}

/// Server on its own runtime with one worker, so that anything that blocks it is noticed.
pub(super) struct Running {
    pub(super) runtime: Runtime,
    pub(super) address: SocketAddr,
    pub(super) access: Arc<WebAccess>,
    pub(super) metrics: HttpMetrics,
    pub(super) stop: Option<oneshot::Sender<()>>,
    pub(super) served: Option<JoinHandle<()>>,
}

pub(super) fn settings() -> Settings {
    Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        max_connections: 64,
        max_connections_per_peer: 32,
        hosts: ["x"].into_iter().collect(),
        timeout: Duration::from_secs(10),
        web_config_file: None,
        accepts_exposed: false,
    }
}

pub(super) fn hasty() -> Settings {
    Settings { timeout: Duration::from_millis(300), ..settings() }
}

pub(super) fn metrics() -> HttpMetrics {
    let log = log::Settings::OF_TESTS;
    Metrics::new(&[], &[], Arc::new(LogCounters::new(&log))).http
}

pub(super) fn start(settings: &Settings, service: Arc<dyn Service>) -> Running {
    start_with(settings, service, WebConfig::default())
}

pub(super) fn start_with(settings: &Settings, service: Arc<dyn Service>, config: WebConfig) -> Running {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let metrics = metrics();
    let access = Arc::new(WebAccess::new(config, metrics.clone()));
    let server = runtime.block_on(bind(settings, Arc::clone(&access), metrics.clone())).unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel();
    let served = runtime.spawn(server.serve(service, async move { drop(stopped.await) }));
    Running { runtime, address, access, metrics, stop: Some(stop), served: Some(served) }
}

pub(super) fn serving(text: &str) -> Running {
    start(&settings(), Arc::new(Fixed::new(text)))
}

impl Running {
    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends `head` verbatim on a new connection and reads until the server closes it.
    pub(super) fn exchange(&self, head: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(head.as_bytes()).unwrap();
        Answer::last(&mut stream)
    }

    pub(super) fn ask(&self, method: &str, path: &str) -> Answer {
        self.exchange(&format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path)
    }

    pub(super) fn get_encoded(&self, path: &str, accept: &str) -> Answer {
        self.exchange(&format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\naccept-encoding: {accept}\r\nconnection: close\r\n\r\n"
        ))
    }

    /// Stops the server and returns how long that took.
    pub(super) fn stop(&mut self) -> Duration {
        let started = Instant::now();
        self.stop.take().unwrap().send(()).unwrap();
        self.runtime.block_on(self.served.take().unwrap()).unwrap();
        started.elapsed()
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn last(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Self::parse(&bytes)
    }

    /// Reads one answer from a connection that stays open.
    pub(super) fn next(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            bytes.push(byte[0]);
        }
        let mut answer = Self::parse(&bytes);
        answer.body.resize(answer.header("content-length").unwrap().parse().unwrap(), 0);
        stream.read_exact(&mut answer.body).unwrap();
        answer
    }

    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        Self { status: head[9..12].parse().unwrap(), head, body: bytes[end + 4..].to_vec() }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Reads until the server closes or resets the connection, and returns the number of bytes.
pub(super) fn drain(stream: &mut TcpStream) -> usize {
    let (mut count, mut discarded) = (0, vec![0; 1 << 16]);
    while let Ok(read @ 1..) = stream.read(&mut discarded) {
        count += read;
    }
    count
}

pub(super) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(10), "still not true: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
