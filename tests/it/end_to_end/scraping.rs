//! Answers to scrapers, to slow clients and to bad requests.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use pacemeter::oracle::SeriesValues;

use super::catalogue::assert_promtool_is_quiet;
use crate::exposition::Exposition;
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Topics};

/// Sends a request and returns the head of the answer, in lower case, and its body as bytes on the wire.
fn ask(pacemeter: &Pacemeter, request: &str) -> (String, Vec<u8>) {
    let mut stream = connect(pacemeter);
    stream.write_all(request.as_bytes()).expect("the request is sent");
    read_answer(&mut stream)
}

fn connect(pacemeter: &Pacemeter) -> TcpStream {
    let stream = TcpStream::connect(pacemeter.address()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    stream
}

fn read_answer(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the answer ends with the connection");
    let end =
        answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or_else(|| panic!("no head in {answer:?}"));
    let head = String::from_utf8(answer[..end].to_vec()).expect("a head is text");
    (head.to_lowercase(), answer[end + 4..].to_vec())
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n")
}

#[test]
fn a_compressed_scrape_equals_a_plain_one() {
    let topics = Topics::create(shared_kafka(), 1, LOG_APPEND_TIME);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &topics.settings());
    pacemeter.wait_ready();
    let (head, plain) = ask(&pacemeter, &get("/metrics", ""));
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(!head.contains("content-encoding"), "{head}");
    let (head, compressed) = ask(&pacemeter, &get("/metrics", "accept-encoding: gzip\r\n"));
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert!(compressed.len() * 4 < plain.len(), "{} bytes of {}", compressed.len(), plain.len());
    let mut text = String::new();
    GzDecoder::new(compressed.as_slice()).read_to_string(&mut text).expect("gzip");
    let plain = String::from_utf8(plain).expect("an exposition is UTF-8");
    assert_promtool_is_quiet(&text);
    // Figures of an empty log do not change; metrics of the process do.
    let figures = |text: &str| SeriesValues::parse_exposition(text).expect("figures");
    assert_eq!(figures(&plain), figures(&text));
    let names = |text: &str| -> BTreeSet<String> { Exposition::parse(text).families.into_keys().collect() };
    assert_eq!(names(&plain), names(&text));
}

#[test]
fn bad_requests_are_refused_and_good_ones_are_answered() {
    let topics = Topics::create(shared_kafka(), 1, LOG_APPEND_TIME);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut settings = topics.settings();
    settings.extend(["http.timeout=1s", "http.max_connections=4"].map(str::to_owned));
    let pacemeter = Pacemeter::start(&state, &settings);

    let post = "POST /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab";
    let (head, _) = ask(&pacemeter, post);
    assert!(head.starts_with("http/1.1 405") || head.starts_with("http/1.1 413"), "POST: {head}");
    let (head, _) = ask(&pacemeter, "DELETE /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(head.starts_with("http/1.1 405"), "DELETE: {head}");
    let (head, _) = ask(&pacemeter, &get("/secret", ""));
    assert!(head.starts_with("http/1.1 404"), "{head}");
    let (head, _) = ask(&pacemeter, &get("/metrics", &format!("x-large: {}\r\n", "x".repeat(64 * 1024))));
    assert!(head.starts_with("http/1.1 4"), "a large head: {head}");

    // A head that never ends is cut off after the time limit of a request.
    let started = Instant::now();
    let mut slow = connect(&pacemeter);
    slow.write_all(b"GET /metrics HTTP/1.1\r\nhost: local").expect("a beginning is sent");
    let mut answer = Vec::new();
    // The client may get an answer or a reset.
    let _ = slow.read_to_end(&mut answer);
    assert!(started.elapsed() < Duration::from_secs(10), "a slow client was tolerated for {:?}", started.elapsed());
    assert!(!answer.starts_with(b"HTTP/1.1 200"));

    // Connections that only wait make room for those beyond the limit.
    let idle: Vec<TcpStream> = (0..4).map(|_| connect(&pacemeter)).collect();
    for path in ["/livez", "/metrics", "/livez", "/metrics", "/livez", "/metrics"] {
        let (head, _) = ask(&pacemeter, &get(path, ""));
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
    }
    drop(idle);

    // A page in a browser that points its own name at this address gets no figures.
    let rebound = "GET /metrics HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    let (head, body) = ask(&pacemeter, rebound);
    assert!(head.starts_with("http/1.1 421"), "{head}");
    assert!(String::from_utf8_lossy(&body).contains("http.hosts"));
}
