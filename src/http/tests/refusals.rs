//! Refusals: JSON below `/api`, a line of text elsewhere.

use super::driver::{Answer, Running, TEXT, hasty, serving, start};
use super::{Arc, Fixed, Ordering, eventually, routes};
use std::io::Write;

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
