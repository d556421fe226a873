//! Scrapes through HTTP beside viewers of the page: `cargo bench --locked --bench scrape -- viewers`.
//!
//! `http.max_connections` viewers ask for `/api/v1/now` once a second, as the page does, while figures are
//! published four times a second and `/metrics` is scraped 25 times a second. Phases with and without viewers alternate, so
//! that the ratio of their p99 means something on a busy machine. The goal is at most 2.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pacemeter::clock::Clock;
use pacemeter::http::{
    ApiRequest, ApiResponse, EncodedBody, PageAsset, PageRequest, PageResponse, Readiness, Service, Settings,
    WebAccess, WebConfig, bind,
};
use pacemeter::telemetry::{Metrics, log};

use super::{BenchService, Layers, STEPS, SettingsReader, Variant};

/// Number of phases with viewers, and without.
const PHASES: usize = 4;
const PHASE: Duration = Duration::from_secs(8);
const SCRAPE_INTERVAL: Duration = Duration::from_millis(40);
const PUBLISH_INTERVAL: Duration = Duration::from_millis(250);
const POLL_INTERVAL: Duration = Duration::from_secs(1);

impl Service for BenchService {
    fn metrics(&self) -> Arc<EncodedBody> {
        self.exporter.render()
    }

    fn readiness(&self) -> Readiness {
        Readiness { is_ready: true, reasons: Vec::new() }
    }

    fn status(&self) -> serde_json::Value {
        serde_json::Value::Null
    }

    fn answer(&self, request: &ApiRequest, query: &str) -> ApiResponse {
        self.api.answer(request, query)
    }

    fn page(&self, _: &PageRequest) -> PageResponse {
        PageResponse { status: 200, language: "es", body: Arc::new(EncodedBody::new(String::new())) }
    }

    fn asset(&self, _: &str, _: &str) -> Option<&PageAsset> {
        None
    }
}

/// Answers to viewers.
#[derive(Default)]
struct ViewerCounts {
    answered: AtomicU64,
    refused: AtomicU64,
    reconnected: AtomicU64,
}

pub fn measure() {
    let mut reader = SettingsReader::load(&Layers::default());
    let mut settings = Settings::read(&mut reader);
    settings.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    settings.max_connections_per_peer = settings.max_connections;
    settings.hosts = ["x"].into_iter().collect();
    let counters = Arc::new(log::LogCounters::new(&log::Settings::read(&mut reader)));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let metrics = Metrics::new(&[], &[], counters).http;
    let access = Arc::new(WebAccess::new(WebConfig::default(), metrics.clone()));
    let server = runtime.block_on(bind(&settings, access, metrics)).expect("a free port");
    let address = server.address();
    let mut variant = Variant::new(6, Clock::wall().now());
    runtime.spawn(server.serve(Arc::<BenchService>::clone(&variant.service), std::future::pending()));
    let counts = ViewerCounts::default();
    let mut took: [Vec<f64>; 2] = Default::default();
    for phase in 0..2 * PHASES {
        let has_viewers = phase % 2 == 1;
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for viewer in 0..if has_viewers { settings.max_connections } else { 0 } {
                let (is_over, counts) = (&is_over, &counts);
                let delay = POLL_INTERVAL * viewer as u32 / settings.max_connections as u32;
                scope.spawn(move || view(address, delay, is_over, counts));
            }
            let took = &mut took[usize::from(has_viewers)];
            let scraper = scope.spawn(move || {
                // Viewers connect first.
                thread::sleep(POLL_INTERVAL);
                scrape(address, took);
            });
            while !scraper.is_finished() {
                variant.publish(&mut [Duration::ZERO; STEPS.len()]);
                thread::sleep(PUBLISH_INTERVAL);
            }
            is_over.store(true, Ordering::Relaxed);
        });
    }
    let [alone, beside] = took.map(|mut took| {
        took.sort_by(f64::total_cmp);
        [50, 99].map(|percent| took[took.len() * percent / 100])
    });
    println!(
        "{} scrapes each, ms: median {:.2} and p99 {:.2} alone",
        PHASES as u128 * PHASE.as_millis() / SCRAPE_INTERVAL.as_millis(),
        alone[0],
        alone[1]
    );
    println!(
        "beside {} viewers: median {:.2} and p99 {:.2}: p99 {:.2} x",
        settings.max_connections,
        beside[0],
        beside[1],
        beside[1] / alone[1]
    );
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "viewers: {} answers, {} refused, {} connected again",
        count(&counts.answered),
        count(&counts.refused),
        count(&counts.reconnected)
    );
}

/// Scrapes for a phase.
fn scrape(address: SocketAddr, took: &mut Vec<f64>) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let end = Instant::now() + PHASE;
    while Instant::now() < end {
        let started = Instant::now();
        let answer = ask(&mut stream, "/metrics", "").expect("a scrape is answered");
        assert_eq!(answer.status, 200);
        took.push(started.elapsed().as_secs_f64() * 1e3);
        thread::sleep(SCRAPE_INTERVAL.saturating_sub(started.elapsed()));
    }
}

/// Asks once a second, as the page does.
fn view(address: SocketAddr, delay: Duration, is_over: &AtomicBool, counts: &ViewerCounts) {
    thread::sleep(delay);
    let (mut stream, mut tag) = (None, String::new());
    while !is_over.load(Ordering::Relaxed) {
        let mut connected = stream.take().or_else(|| TcpStream::connect(address).ok());
        match connected.as_mut().map(|stream| ask(stream, "/api/v1/now", &tag)) {
            Some(Ok(answer)) if answer.status == 503 => drop(counts.refused.fetch_add(1, Ordering::Relaxed)),
            Some(Ok(answer)) => {
                counts.answered.fetch_add(1, Ordering::Relaxed);
                tag = answer.tag;
                stream = connected;
            }
            _ => drop(counts.reconnected.fetch_add(1, Ordering::Relaxed)),
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Status and entity tag of an answer.
struct HttpAnswer {
    status: u16,
    tag: String,
}

/// Sends a request on a connection that stays open, and reads its answer.
fn ask(stream: &mut TcpStream, path: &str, tag: &str) -> io::Result<HttpAnswer> {
    let known = if tag.is_empty() { String::new() } else { format!("if-none-match: {tag}\r\n") };
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n{known}\r\n").as_bytes())?;
    let (mut bytes, mut buffer) = (Vec::new(), [0; 65_536]);
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..read]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let length = field("content-length:").and_then(|length| length.parse().ok()).unwrap_or(0);
    stream.read_exact(&mut vec![0; (end + length).saturating_sub(bytes.len())])?;
    let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok(HttpAnswer { status, tag: field("etag:").unwrap_or_default().to_owned() })
}
