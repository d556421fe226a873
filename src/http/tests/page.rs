use std::sync::Arc;

use super::driver::{Answer, Fixed, TEXT, serving, settings, start};
use crate::http::Settings;
use std::io::Write;

#[test]
fn every_view_of_the_page_has_a_path() {
    let server = serving(TEXT);
    for (path, view, query) in [
        ("/", "Now", ""),
        ("/?lang=en&x=%3C", "Now", "lang=en&x=%3C"),
        ("/targets/ni%C3%B1os%2Fa", "Target(\"niños/a\")", ""),
        ("/cuts", "Cuts", ""),
        ("/cuts/20200515T230000Z", "Cut(\"20200515T230000Z\")", ""),
        ("/periods/week/2020-W20?theme=dark", "Period(\"week\", \"2020-W20\")", "theme=dark"),
        ("/health", "Health", ""),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}");
        let expected = format!("PageRequest {{ view: {view}, query: {query:?}, accept_language: \"\" }}");
        assert_eq!(answer.text(), expected, "{path}");
    }
    assert_eq!(server.get("/targets/none").status, 404);
    for path in ["/targets/%ff", "/%ff"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.text().starts_with("path is not UTF-8"), "{}", answer.text());
    }
}

#[test]
fn the_document_runs_only_its_own_scripts() {
    let server = serving(TEXT);
    let answer = server.exchange("GET / HTTP/1.1\r\nhost: x\r\naccept-language: en\r\nconnection: close\r\n\r\n");
    assert!(answer.text().contains("accept_language: \"en\""));
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-cache"),
        ("content-language", "es"),
        ("vary", "accept-encoding, accept-language"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert_eq!(server.get_encoded("/", "gzip").header("content-encoding"), Some("gzip"));
}

#[test]
fn an_asset_never_changes_and_another_hash_has_none() {
    let server = serving(TEXT);
    let answer = server.get("/assets/0123456789ab/a.js");
    assert_eq!((answer.status, answer.text()), (200, "export {};"));
    assert_eq!(answer.header("content-type"), Some("text/javascript"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(answer.header("vary"), Some("accept-encoding"));
    for (accepted, coding, body) in [
        ("gzip, deflate, br, zstd", Some("br"), "as brotli"),
        ("br", Some("br"), "as brotli"),
        ("gzip, deflate", Some("gzip"), "as gzip"),
        ("gzip, br;q=0.5", Some("gzip"), "as gzip"),
        ("*", Some("gzip"), "as gzip"),
        ("br;q=0", None, "export {};"),
        ("br;q=0.5, identity", None, "export {};"),
    ] {
        let answer = server.get_encoded("/assets/0123456789ab/a.js", accepted);
        assert_eq!((answer.header("content-encoding"), answer.text()), (coding, body), "{accepted}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
    }
    for path in ["/assets/0123456789ab/b.js", "/assets/ba9876543210/a.js", "/assets/a.js", "/assets/"] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("cache-control")), (404, Some("no-store")), "{path}");
    }
}

/// A browser keeps its connection, and asks again each second.
#[test]
fn as_many_viewers_as_connections_are_served_at_once() {
    let bounds = Settings { max_connections: 8, max_connections_per_peer: 8, ..settings() };
    let server = start(&bounds, Arc::new(Fixed::new(TEXT)));
    let mut viewers: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for _ in 0..3 {
        for viewer in &mut viewers {
            viewer.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        }
        assert!(viewers.iter_mut().all(|viewer| Answer::next(viewer).status == 200));
    }
    // All have just asked, so none makes room.
    let answer = server.get("/");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(server.metrics.refused.get(), 1);
}
