//! Tests of the server over real sockets.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use tokio::runtime::Runtime;

use super::{
    AllowedHosts, ApiRequest, BindError, EncodedBody, Readiness, SHUTDOWN_GRACE, Service, Settings, WebAccess,
    WebConfig, bind, is_peer_error, routes,
};

mod access;
pub(crate) mod certificates;
mod delivery;
mod driver;
mod fairness;
mod hosts;
mod page;
mod refusals;
mod registry;
mod settings;
mod shared;

use driver::{Answer, Fixed, TEXT, drain, eventually, hasty, metrics, serving, settings, start};

#[test]
fn metrics_are_text_0_0_4_as_rendered() {
    let answer = serving(TEXT).get("/metrics");
    assert_eq!((answer.status, answer.text()), (200, TEXT));
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.header("vary"), Some("accept-encoding"));
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.header("content-length"), Some(TEXT.len().to_string().as_str()));
}

#[test]
fn metrics_are_compressed_for_clients_that_accept_gzip() {
    let text = TEXT.repeat(1000);
    let answer = serving(&text).get_encoded("/metrics", "deflate, GZIP;q=0.5");
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_eq!(answer.header("vary"), Some("accept-encoding"));
    assert!(answer.body.len() < text.len() / 10);
    let mut unpacked = String::new();
    GzDecoder::new(answer.body.as_slice()).read_to_string(&mut unpacked).unwrap();
    assert!(unpacked == text, "unpacked text differs");
}

#[test]
fn gzip_is_chosen_by_weight() {
    let server = serving(TEXT);
    let chosen = |accept: &str| server.get_encoded("/metrics", accept).header("content-encoding").is_some();
    for accept in ["gzip", "x-gzip", "*", "br, *;q=0.1", "gzip; q=1.0, identity; q=0.5", "identity;q=0, gzip;q=0.001"] {
        assert!(chosen(accept), "{accept} takes gzip");
    }
    for accept in [
        "",
        "identity",
        "br",
        "gzip;q=0",
        "gzip;q=0.0, *",
        "*;q=0",
        "gzip;q=0.5, identity",
        "gzip;q=x",
        "gzip;q=NaN",
        ";;;,,,=",
    ] {
        assert!(!chosen(accept), "{accept} takes plain text");
    }
}

#[test]
fn gzip_is_made_once_for_all_threads() {
    let body = EncodedBody::new(TEXT.repeat(10_000));
    let made: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| body.gzip())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(made.iter().all(|bytes| bytes.as_ptr() == made[0].as_ptr()), "every answer is the same memory");
    assert_eq!(body.plain().as_ptr(), body.plain().as_ptr());
}

#[test]
fn liveness_is_a_plain_ok() {
    let answer = serving(TEXT).get("/livez");
    assert_eq!((answer.status, answer.text()), (200, "ok\n"));
}

#[test]
fn readiness_is_ok_or_all_reasons_against_it() {
    assert_eq!(serving(TEXT).get("/readyz").status, 200);
    let mut waiting = Fixed::new(TEXT);
    waiting.reasons = vec!["topic a is missing", "partition b 0 is behind"];
    let answer = start(&settings(), Arc::new(waiting)).get("/readyz");
    assert_eq!((answer.status, answer.text()), (503, "topic a is missing\npartition b 0 is behind\n"));
    let mut ready = Fixed::new(TEXT);
    ready.remarks = vec!["brokers have not answered"];
    let answer = start(&settings(), Arc::new(ready)).get("/readyz");
    assert_eq!((answer.status, answer.text()), (200, "ok\nbrokers have not answered\n"), "a remark is no reason");
}

#[test]
fn status_is_json() {
    let answer = serving(TEXT).get("/api/v1/status");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!((answer.status, answer.text()), (200, r#"{"ready":true}"#));
}

#[test]
fn api_requests_are_parsed_from_paths_and_answered_in_json() {
    let server = serving(TEXT);
    for (path, understood) in [
        ("targets", "Targets "),
        ("targets/weekly", "Target(\"weekly\") "),
        ("targets/ni%C3%B1os%2Fa?x=%20y", "Target(\"niños/a\") x=%20y"),
        ("targets/weekly/history?limit=3", "History(\"weekly\") limit=3"),
        ("cuts", "Cuts "),
        ("targets/a.csv/history.csv?limit=3", "File(History(\"a.csv\"), Csv) limit=3"),
        ("targets/weekly/history.xlsx", "File(History(\"weekly\"), Xlsx) "),
        ("targets/weekly.csv", "Target(\"weekly.csv\") "),
        ("cuts/20200515T230000Z?", "Cut(\"20200515T230000Z\") "),
        ("cuts/20200515T230000.125Z", "Cut(\"20200515T230000.125Z\") "),
        ("cuts/20200515T230000.125Z.csv", "File(Cut(\"20200515T230000.125Z\"), Csv) "),
        ("cuts/newest%2Exlsx", "File(Cut(\"newest\"), Xlsx) "),
        ("cuts/a.csv.csv", "File(Cut(\"a.csv\"), Csv) "),
        ("cuts/a.CSV", "Cut(\"a.CSV\") "),
        ("periods/week/2020-W20.xlsx", "File(Period(\"week\", \"2020-W20\"), Xlsx) "),
        ("events?limit=2", "Events limit=2"),
        ("periods/week/2020-W20", "Period(\"week\", \"2020-W20\") "),
    ] {
        let answer = server.get(&format!("/api/v1/{path}"));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{path}");
        assert_eq!(serde_json::from_str::<String>(answer.text()).unwrap(), understood, "{path}");
    }
    assert_eq!(server.get("/api/v1/targets/none").status, 404);
    for path in ["targets/", "targets/a/b", "periods/week", "cuts/a/b", "targets/%ff"] {
        assert!((400..=404).contains(&server.get(&format!("/api/v1/{path}")).status), "{path}");
    }
}

#[test]
fn every_answer_forbids_sniffing_caching_and_loading() {
    let server = serving(TEXT);
    for (method, path) in
        [("GET", "/assets/0/a.js"), ("GET", "/metrics"), ("GET", "/readyz"), ("GET", "/none"), ("PUT", "/")]
    {
        let answer = server.ask(method, path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
        assert!(
            answer.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'")),
            "{method} {path}"
        );
    }
}

#[test]
fn head_is_get_without_the_body() {
    let server = serving(TEXT);
    for path in ["/", "/metrics", "/livez", "/readyz", "/api/v1/status", "/none"] {
        let (head, get) = (server.ask("HEAD", path), server.get(path));
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[test]
fn other_paths_are_not_found_and_are_not_echoed() {
    let server = serving(TEXT);
    for path in ["/metrics/", "/canary", "/api/v1/", "//", "/%2e%2e/metrics", "/metrics?name[]=up"] {
        let answer = server.get(path);
        assert_eq!(answer.status, if path.starts_with("/metrics?") { 200 } else { 404 }, "{path}");
        assert!(!answer.text().contains("canary"));
    }
}

#[test]
fn other_methods_receive_the_allowed_ones() {
    let server = serving(TEXT);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"] {
        let answer = server.ask(method, "/metrics");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD")), "{method}");
    }
}

#[test]
fn odd_request_targets_do_no_harm() {
    let server = serving(TEXT);
    for head in [
        "OPTIONS * HTTP/1.1\r\nhost: x",
        "CONNECT x:443 HTTP/1.1\r\nhost: x:443",
        "GET http:///metrics HTTP/1.1",
        "GET metrics HTTP/1.1",
        "\0",
    ] {
        let answer = server.exchange(&format!("{head}\r\nconnection: close\r\n\r\n"));
        assert!((400..500).contains(&answer.status), "{head}: {answer:?}");
    }
    let answer = server.exchange("GET http://x/livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(answer.status, 200, "the absolute form of a path is that path");
    assert_eq!(server.exchange("GET /livez HTTP/1.0\r\n\r\n").status, 200);
}

#[test]
fn a_connection_serves_many_requests() {
    let server = serving(TEXT);
    let mut stream = server.connect();
    for _ in 0..3 {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        assert_eq!(Answer::next(&mut stream).text(), TEXT);
    }
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(
        [Answer::next(&mut stream).status, Answer::next(&mut stream).status],
        [200, 200],
        "pipelined requests are answered in turn"
    );
}

#[test]
fn an_idle_connection_is_closed_after_the_timeout() {
    let server = start(&hasty(), Arc::new(Fixed::new(TEXT)));
    let mut stream = server.connect();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(Answer::next(&mut stream).status, 200);
    let started = Instant::now();
    assert_eq!(drain(&mut stream), 0);
    assert!((200..3_000).contains(&started.elapsed().as_millis()), "closed after {:?}", started.elapsed());
}

#[test]
fn a_slow_request_head_is_aborted() {
    let server = start(&hasty(), Arc::new(Fixed::new(TEXT)));
    let mut stream = server.connect();
    let started = Instant::now();
    let mut sent = 0;
    while stream.write_all(b"a").is_ok() && started.elapsed() < Duration::from_secs(10) {
        sent += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        (200..3_000).contains(&started.elapsed().as_millis()),
        "aborted after {:?} and {sent} bytes",
        started.elapsed()
    );
}

#[test]
fn a_silent_connection_is_closed() {
    let server = start(&hasty(), Arc::new(Fixed::new(TEXT)));
    let started = Instant::now();
    assert_eq!(drain(&mut server.connect()), 0);
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_client_that_does_not_read_is_aborted_and_counted() {
    let text = "x".repeat(32 << 20);
    let server = start(&hasty(), Arc::new(Fixed::new(text.as_str())));
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    eventually("the connection is aborted", || server.metrics.aborted.get() == 1);
    assert!(drain(&mut stream) < text.len());
}

#[test]
fn a_client_that_reads_too_slowly_is_aborted() {
    let server = start(&hasty(), Arc::new(Fixed::new("x".repeat(32 << 20))));
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let started = Instant::now();
    let mut discarded = [0; 16 << 10];
    while server.metrics.aborted.get() == 0 {
        assert!(started.elapsed() < Duration::from_secs(5), "still being served");
        let _ = stream.read(&mut discarded);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_client_that_reads_gets_all_of_a_large_answer() {
    let text = "0123456789abcdef".repeat(2 << 20);
    let answer = serving(&text).get("/metrics");
    assert!(answer.body == text.as_bytes());
}

#[test]
fn a_head_of_more_than_16_kib_is_refused() {
    let server = serving(TEXT);
    let fits = format!("GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: {}\r\n\r\n", "x".repeat(15 << 10));
    assert_eq!(server.exchange(&fits).status, 200);
    let large = format!("GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: {}\r\n\r\n", "x".repeat(100 << 10));
    assert_eq!(server.exchange(&large).status, 431);
}

#[test]
fn more_than_32_headers_are_refused() {
    let server = serving(TEXT);
    let head = |count: usize| {
        format!("GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}\r\n", "x: y\r\n".repeat(count - 2))
    };
    assert_eq!(server.exchange(&head(32)).status, 200);
    assert_eq!(server.exchange(&head(33)).status, 431);
}

#[test]
fn a_body_is_refused_and_the_connection_closed() {
    let server = serving(TEXT);
    for framing in
        ["content-length: 200000", "transfer-encoding: chunked", "content-length: 200000\r\nexpect: 100-continue"]
    {
        let answer = server.exchange(&format!("GET /metrics HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n"));
        assert_eq!((answer.status, answer.header("connection")), (413, Some("close")), "{framing}");
    }
    let empty = "GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    assert_eq!(server.exchange(empty).status, 200, "an empty body is none");
}

#[test]
fn a_refusal_survives_a_body_that_is_still_sent() {
    let server = serving(TEXT);
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n").unwrap();
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(10));
        stream.write_all(&[0; 20_000]).unwrap();
    }
    assert_eq!(Answer::last(&mut stream).status, 413);
}

#[test]
fn slow_renderings_are_bounded_and_delay_nobody_else() {
    let service = Arc::new(Fixed::new(TEXT));
    let server = start(&settings(), Arc::<Fixed>::clone(&service));
    let gate = service.gate.lock().unwrap();
    let mut waiting: Vec<_> = (0..12).map(|_| server.connect()).collect();
    for stream in &mut waiting {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    }
    eventually("four threads render", || service.rendering_now.load(Ordering::SeqCst) == routes::MAX_RENDERINGS);
    let started = Instant::now();
    assert_eq!([server.get("/livez").status, server.get("/readyz").status], [200, 200]);
    assert!(started.elapsed() < Duration::from_secs(2));
    drop(gate);
    assert!(waiting.iter_mut().all(|stream| Answer::last(stream).status == 200));
    assert_eq!(service.most_at_once.load(Ordering::SeqCst), routes::MAX_RENDERINGS);
}

#[test]
fn a_request_that_waits_too_long_for_a_thread_gets_503() {
    let service = Arc::new(Fixed::new(TEXT));
    let server = start(&hasty(), Arc::<Fixed>::clone(&service));
    let gate = service.gate.lock().unwrap();
    let mut blocked: Vec<_> = (0..routes::MAX_RENDERINGS).map(|_| server.connect()).collect();
    for stream in &mut blocked {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    }
    eventually("four threads render", || service.rendering_now.load(Ordering::SeqCst) == routes::MAX_RENDERINGS);
    // The threads of clients that disconnect stay busy.
    blocked.clear();
    let answer = server.get("/metrics");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    drop(gate);
}

#[test]
fn a_stop_closes_idle_connections_at_once() {
    let mut server = serving(TEXT);
    let mut idle = server.connect();
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(Answer::next(&mut idle).status, 200);
    let mut silent = server.connect();
    eventually("the silent one is accepted", || server.get("/livez").status == 200);
    let took = server.stop();
    assert!(took < Duration::from_millis(400), "stopping took {took:?}");
    assert_eq!((drain(&mut idle), drain(&mut silent)), (0, 0));
    assert!(TcpStream::connect(server.address).is_err(), "nobody listens any more");
}

#[test]
fn a_stop_waits_for_an_answer_in_flight() {
    let service = Arc::new(Fixed::new(TEXT));
    let mut server = start(&settings(), Arc::<Fixed>::clone(&service));
    let gate = service.gate.lock().unwrap();
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    eventually("it renders", || service.rendering_now.load(Ordering::SeqCst) == 1);
    server.stop.take().unwrap().send(()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    drop(gate);
    let answer = Answer::last(&mut stream);
    assert_eq!((answer.status, answer.text()), (200, TEXT));
    server.runtime.block_on(server.served.take().unwrap()).unwrap();
}

#[test]
fn a_stop_does_not_wait_for_a_client_that_does_not_read() {
    let mut server = start(&settings(), Arc::new(Fixed::new("x".repeat(32 << 20))));
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 100]).unwrap();
    let took = server.stop();
    assert!(took < SHUTDOWN_GRACE + Duration::from_secs(1), "stopping took {took:?}");
}

#[test]
fn a_bug_in_the_service_ends_the_server() {
    struct Broken;
    impl Service for Broken {
        fn metrics(&self) -> Arc<EncodedBody> {
            panic!("a bug")
        }
        fn readiness(&self) -> Readiness {
            Readiness { is_ready: true, reasons: Vec::new() }
        }
        fn status(&self) -> serde_json::Value {
            serde_json::Value::Null
        }
        fn answer(&self, _: &ApiRequest, _: &str) -> super::ApiResponse {
            panic!("a bug")
        }
        fn page(&self, _: &super::PageRequest) -> super::PageResponse {
            panic!("a bug")
        }
        fn asset(&self, _: &str, _: &str) -> Option<&super::PageAsset> {
            None
        }
    }
    let mut server = start(&settings(), Arc::new(Broken));
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(drain(&mut stream), 0);
    let served = server.runtime.block_on(server.served.take().unwrap());
    assert!(served.unwrap_err().is_panic());
}

#[test]
fn an_address_in_use_is_reported_with_the_remedy() {
    let server = serving(TEXT);
    let error = server
        .runtime
        .block_on(bind(
            &Settings { listen: server.address, ..settings() },
            Arc::clone(&server.access),
            server.metrics.clone(),
        ))
        .unwrap_err();
    assert!(matches!(error, BindError::InUse { address } if address == server.address));
    assert_eq!(
        error.to_string(),
        format!("address {} is in use; stop the process that listens there, or change http.listen", server.address)
    );
}

#[test]
fn a_foreign_address_is_distinct_from_one_in_use() {
    let runtime = Runtime::new().unwrap();
    let listen = SocketAddr::from(([192, 0, 2, 1], 0));
    let error = runtime.block_on(bind(&Settings { listen, ..settings() }, open_access(), metrics())).unwrap_err();
    assert!(matches!(error, BindError::NotLocal { address } if address == listen), "{error}");
}

#[test]
fn a_failed_accept_is_a_peer_error_or_not() {
    let peer_error = |code| is_peer_error(&io::Error::from_raw_os_error(code));
    assert!([libc::ECONNABORTED, libc::ECONNRESET, libc::EINTR].into_iter().all(peer_error));
    assert!(![libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS].into_iter().any(peer_error));
}

fn open_access() -> Arc<WebAccess> {
    Arc::new(WebAccess::new(WebConfig::default(), metrics()))
}
