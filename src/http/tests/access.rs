//! Rights of requests: passwords, excluded paths, bounds on attempts, and TLS.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::certificates::make_server;
use super::driver::start_with;
use super::*;
use crate::http::LoadedWebConfig;

/// Reads a configuration with user `ann` and password `right`, and this text.
fn config(directory: &Path, more: &str) -> WebConfig {
    let hash = bcrypt::hash("right", 4).unwrap();
    let path = directory.join("web.yml");
    fs::write(&path, format!("basic_auth_users:\n  ann: {hash}\n{more}")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    LoadedWebConfig::read(Some(&path)).result.unwrap_or_else(|faults| panic!("{faults}"))
}

fn with_passwords(more: &str) -> driver::Running {
    let directory = tempfile::tempdir().unwrap();
    start_with(&settings(), Arc::new(Fixed::new(TEXT)), config(directory.path(), more))
}

/// Authorization line of a user and password.
fn basic(credentials: &str) -> String {
    format!("authorization: Basic {}\r\n", STANDARD.encode(credentials))
}

fn ask(server: &driver::Running, path: &str, lines: &str) -> Answer {
    server.exchange(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n{lines}connection: close\r\n\r\n"))
}

#[test]
fn only_the_right_password_opens_any_path() {
    let server = with_passwords("");
    for path in [
        "/metrics",
        "/",
        "/api/v1/status",
        "/api/v1/now",
        "/openapi.json",
        "/assets/0123456789ab/a.js",
        "/none",
        "/livez",
    ] {
        for lines in [
            String::new(),
            basic("ann:wrong"),
            basic("ann:"),
            basic(":right"),
            basic("bob:right"),
            basic("ann:right\0"),
            basic("ANN:right"),
            basic("ann:right") + &basic("ann:right"),
            basic("ann:right").replace("Basic", "Bearer"),
            "x-forwarded-user: ann\r\nx-original-url: /livez\r\nx-forwarded-for: 127.0.0.1\r\n".to_owned(),
        ] {
            let answer = ask(&server, path, &lines);
            assert_eq!(answer.status, 401, "{path} {lines:?}");
            let challenge = answer.header("www-authenticate").expect("a challenge");
            assert!(challenge.starts_with("Basic realm="), "{challenge}");
            assert!(!answer.text().contains("pacemeter_ready"), "{path}");
        }
    }
    assert_eq!(ask(&server, "/metrics", &basic("ann:right")).text(), TEXT);
    assert_eq!(ask(&server, "/none", &basic("ann:right")).status, 404);
    assert!(server.metrics.responses("401") > 0);
}

#[test]
fn only_the_excluded_path_itself_needs_no_password() {
    let server = with_passwords("auth_excluded_paths: [/livez]\n");
    assert_eq!(ask(&server, "/livez", "").status, 200);
    assert_eq!(ask(&server, "/livez?x=/metrics", "").text(), "ok\n");
    assert_eq!(ask(&server, "http://x/livez", "").status, 200);
    for path in [
        "/readyz",
        "/livez/../metrics",
        "/livez%2f..%2fmetrics",
        "/livez%2f..",
        "/livez/",
        "//livez",
        "/./livez",
        "/%6civez",
        "/metrics?/livez",
        "/metrics#/livez",
        "/livez;/metrics",
        "http://x/metrics",
        "http://livez/metrics",
        "/LIVEZ",
        "/metrics/../livez",
        "*",
        "/livez\\..\\metrics",
    ] {
        let answer = ask(&server, path, "");
        assert!([400, 401, 404, 421].contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.text().contains("pacemeter_ready"), "{path}");
        assert!(answer.status != 404, "{path} must not reach the routes");
    }
}

#[test]
fn wrong_passwords_are_bounded_and_do_not_delay_a_scrape() {
    let server = with_passwords("");
    assert_eq!(ask(&server, "/metrics", &basic("ann:right")).status, 200);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let server = &server;
        let attempts = |thread: usize| {
            scope.spawn(move || {
                let password = |attempt: usize| basic(&format!("ann:{thread}-{attempt}"));
                (0..50).map(|attempt| ask(server, "/metrics", &password(attempt)).status).collect::<Vec<_>>()
            })
        };
        let threads: Vec<_> = (0..8).map(attempts).collect();
        for _ in 0..20 {
            assert_eq!(ask(server, "/metrics", &basic("ann:right")).status, 200, "a verified pair needs no queue");
        }
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&429), "more than four attempts at once are refused");
}

#[test]
fn requests_beyond_the_rate_limit_are_refused() {
    let server = with_passwords("rate_limit:\n  interval: 1h\n  burst: 2\nauth_excluded_paths: [/livez]\n");
    for _ in 0..5 {
        assert_eq!(ask(&server, "/metrics", "").status, 401, "attempts take nothing from those who may read");
    }
    let statuses = [(); 4].map(|()| ask(&server, "/metrics", &basic("ann:right")));
    assert_eq!(statuses.each_ref().map(|answer| answer.status), [200, 200, 429, 429]);
    assert_eq!(statuses[3].header("retry-after"), Some("1"));
    assert_eq!(ask(&server, "/livez", "").status, 200);
}

#[test]
fn headers_of_the_file_are_in_every_answer() {
    let server = with_passwords("http_server_config:\n  headers:\n    Content-Security-Policy: sandbox\n");
    for lines in [String::new(), basic("ann:right")] {
        let answer = ask(&server, "/metrics", &lines);
        assert_eq!(answer.header("content-security-policy"), Some("sandbox"));
    }
}

#[test]
fn a_changed_configuration_closes_idle_connections() {
    let server = with_passwords("");
    let directory = tempfile::tempdir().unwrap();
    let mut stream = server.connect();
    let request = format!("GET /metrics HTTP/1.1\r\nhost: x\r\n{}\r\n", basic("ann:right"));
    stream.write_all(request.as_bytes()).unwrap();
    assert_eq!(Answer::next(&mut stream).status, 200);
    let hash = bcrypt::hash("new", 4).unwrap();
    let mut changed = config(directory.path(), "");
    changed.users.insert("ann".to_owned(), hash);
    server.access.replace(changed);
    assert_eq!(drain(&mut stream), 0, "closed without an answer");
    assert_eq!(ask(&server, "/metrics", &basic("ann:right")).status, 401, "a remembered pair is one of its hash");
    assert_eq!(ask(&server, "/metrics", &basic("ann:new")).status, 200);
}

fn with_tls(settings: &Settings) -> driver::Running {
    let directory = tempfile::tempdir().unwrap();
    make_server(directory.path());
    let tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    start_with(settings, Arc::new(Fixed::new(TEXT)), config(directory.path(), tls))
}

#[test]
fn a_slow_handshake_is_closed_in_time() {
    let server = with_tls(&hasty());
    // The beginning of a ClientHello whose rest never comes, and nothing at all.
    for begin in [&[22, 3, 1, 2, 0, 1, 0, 1, 252][..], &[]] {
        let mut stream = server.connect();
        let began = Instant::now();
        stream.write_all(begin).unwrap();
        drain(&mut stream);
        let took = began.elapsed();
        assert!((Duration::from_millis(200)..Duration::from_secs(5)).contains(&took), "{took:?}");
    }
    eventually("both are counted", || server.metrics.timed_out.get() == 2);
}

#[test]
fn silent_handshakes_make_room_for_another_client() {
    let server = with_tls(&Settings { max_connections: 4, max_connections_per_peer: 4, ..settings() });
    let silent: Vec<_> = (0..4).map(|_| server.connect()).collect();
    std::thread::sleep(Duration::from_millis(200));
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(Answer::last(&mut stream).status, 400, "it is served, though it speaks no TLS");
    assert!(server.metrics.evicted.get() >= 1);
    drop(silent);
}

#[test]
fn plain_http_on_a_tls_port_is_told_to_use_https() {
    let server = with_tls(&settings());
    let answer = server.get("/metrics");
    assert_eq!((answer.status, answer.text()), (400, "this port speaks TLS; use https\n"));
    eventually("it is counted", || server.metrics.handshakes_failed.get() == 1);
}
