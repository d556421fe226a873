//! Refusals: JSON below `/api`, a line of text elsewhere.

use std::io::Write;

use super::driver::{Answer, Fixed, Running, TEXT, drain, eventually, hasty, serving, start};
use super::{Arc, Ordering, routes};

/// Asserts that the answer is an error in the form of the API.
fn assert_api_error(answer: &Answer, status: u16, case: &str) {
    assert_eq!((answer.status, answer.header("content-type")), (status, Some("application/json")), "{case}");
    let body: serde_json::Value = serde_json::from_str(answer.text()).expect(case);
    assert!(body["error"].as_str().is_some_and(|error| !error.is_empty()), "{case}: {body}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{case}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{case}");
}

fn get(server: &Running, path: &str, lines: &str) -> Answer {
    server.exchange(&format!("GET {path} HTTP/1.1\r\n{lines}connection: close\r\n\r\n"))
}

#[test]
fn every_error_of_the_api_is_json() {
    let server = serving(TEXT);
    for path in ["/api", "/api/", "/api/v1", "/api/v2/targets", "/api/v1/targets/", "/api/v1/cuts/a/b?x=y"] {
        assert_api_error(&server.get(path), 404, path);
    }
    for path in ["/api/v1/targets/%ff", "/api/v1/cuts/%C3", "/api/v1/periods/week/%80", "/api/%ff"] {
        assert_api_error(&server.get(path), 400, path);
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = server.ask(method, "/api/v1/status");
        assert_api_error(&answer, 405, method);
        assert_eq!(answer.header("allow"), Some("GET,HEAD"), "{method}");
    }
    assert_api_error(&get(&server, "/api/v1/status", "host: evil.example\r\n"), 421, "another host");
    assert_api_error(&get(&server, "/api/v1/status", "host: x\r\nhost: x\r\n"), 400, "two hosts");
    assert_api_error(&get(&server, "/api/v1/status", ""), 400, "no host");
    assert_api_error(&get(&server, "/api/v1/status", "host: x\r\ncontent-length: 9\r\n"), 413, "a body");
}

#[test]
fn an_overloaded_api_answers_in_json() {
    let service = Arc::new(Fixed::new(TEXT));
    let server = start(&hasty(), Arc::<Fixed>::clone(&service));
    let gate = service.gate.lock().unwrap();
    let mut scrapes: Vec<_> = (0..routes::MAX_RENDERINGS).map(|_| server.connect()).collect();
    for stream in &mut scrapes {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    }
    eventually("four threads render", || service.rendering_now.load(Ordering::SeqCst) == routes::MAX_RENDERINGS);
    for path in ["/api/v1/status", "/api/v1/targets"] {
        let answer = server.get(path);
        assert_api_error(&answer, 503, path);
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    drop(gate);
}

#[test]
fn heads_that_cannot_be_read_are_answered_in_json_and_counted() {
    let server = start(&hasty(), Arc::new(Fixed::new(TEXT)));
    let large = format!("GET /api/v1/status HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "x".repeat(20 << 10));
    let long = format!("GET /api/v1/{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(20 << 10));
    let many = format!("GET /api/v1/status HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(40));
    for (head, status) in [
        ("GET /api/v1/status HTTP/1.1\r\nhost : x\r\n\r\n", 400),
        ("GET /api/v1/status HTTP/9.9\r\nhost: x\r\n\r\n", 400),
        ("GET  /api/v1/status HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("GET\t/api/v1/status HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("GET http://x/api/v1/status HTTP/1.1\r\nhost x\r\n\r\n", 400),
        ("GET /api/v1/status HTTP/1.1\r\nhost: x\r\ntransfer-encoding: x\r\n\r\n", 400),
        ("GET /api/v1/status HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("GET /api/v1/status HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", 400),
        ("GET /api/v1/status HTTP/1.1\r\nhost: x\r\ncontent-length: 18446744073709551615\r\n\r\n", 413),
        ("GET /api/v1/status HTTP/1.1\r\nhost: x\r\ncontent-length: 18446744073709551616\r\n\r\n", 400),
        ("GET /api/v1/status HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nGET /livez HTTP", 400),
        (large.as_str(), 431),
        (many.as_str(), 431),
        (long.as_str(), 414),
        ("GET /api/v1/status HTTP/1.1\r\nho", 408),
    ] {
        let counted = server.metrics.responses(&status.to_string());
        let answer = server.exchange(head);
        assert_api_error(&answer, status, &head[..30]);
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
        assert_eq!(server.metrics.responses(&status.to_string()), counted + 1, "{}", &head[..30]);
    }
    for head in ["GET /metrics HTTP/1.1\r\nhost : x\r\n\r\n", "GET\r\n/api /api: x\r\n\r\n"] {
        let text = server.exchange(head);
        assert_eq!((text.status, text.text()), (400, "malformed request\n"));
    }
    assert_eq!(server.exchange("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status, 400);
}

#[test]
fn an_answer_before_a_malformed_head_stays_whole() {
    let server = serving(TEXT);
    let mut stream = server.connect();
    let heads = "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\nGET /api/v1/cuts HTTP/1.1\r\nhost : x\r\n\r\n";
    stream.write_all(heads.as_bytes()).unwrap();
    assert_eq!(Answer::next(&mut stream).text(), TEXT);
    assert_api_error(&Answer::last(&mut stream), 400, "the second");
    let mut stream = server.connect();
    let heads =
        "GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET /api/v1/cuts HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n";
    stream.write_all(heads.as_bytes()).unwrap();
    assert_eq!(Answer::next(&mut stream).status, 200);
    assert_api_error(&Answer::last(&mut stream), 400, "a second with a bad framing");
}

#[test]
fn an_idle_connection_ends_without_an_answer_and_is_counted() {
    let server = start(&hasty(), Arc::new(Fixed::new(TEXT)));
    assert_eq!(drain(&mut server.connect()), 0);
    let mut idle = server.connect();
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(Answer::next(&mut idle).status, 200);
    assert_eq!(drain(&mut idle), 0);
    eventually("both are counted", || server.metrics.timed_out.get() == 2);
    assert_eq!((server.metrics.responses("408"), server.metrics.responses("200")), (0, 1));
}

#[test]
fn responses_are_counted_by_status() {
    let server = serving(TEXT);
    for path in ["/livez", "/metrics", "/none", "/api/v1/targets/none"] {
        server.get(path);
    }
    server.ask("POST", "/metrics");
    get(&server, "/metrics", "host: evil.example\r\n");
    let counted = ["200", "404", "405", "421", "400", "other"].map(|status| server.metrics.responses(status));
    assert_eq!(counted, [2, 2, 1, 1, 0, 0]);
}

#[test]
fn refusals_elsewhere_are_a_line_of_text() {
    let server = serving(TEXT);
    for (answer, status) in [
        (server.get("/none"), 404),
        (server.get("/apis"), 404),
        (server.ask("POST", "/metrics"), 405),
        (get(&server, "/metrics", "host: evil.example\r\n"), 421),
        (get(&server, "/metrics", ""), 400),
    ] {
        assert_eq!((answer.status, answer.header("content-type")), (status, Some("text/plain; charset=utf-8")));
        assert!(answer.text().ends_with('\n') && answer.text().lines().count() == 1, "{:?}", answer.text());
    }
}
