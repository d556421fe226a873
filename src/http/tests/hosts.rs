//! Hosts under which requests are answered.

use super::driver::{Answer, Fixed, Running, TEXT, settings, start};
use super::settings::read;
use super::{Arc, Settings};

fn server() -> Running {
    let hosts = ["metrics.example.org", "Pacemeter"].into_iter().collect();
    start(&Settings { hosts, ..settings() }, Arc::new(Fixed::new(TEXT)))
}

fn ask(server: &Running, target: &str, version: &str, hosts: &[&str]) -> Answer {
    let lines: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
    server.exchange(&format!("GET {target} HTTP/{version}\r\n{lines}connection: close\r\n\r\n"))
}

#[test]
fn addresses_localhost_and_listed_names_are_answered() {
    let server = server();
    for host in [
        "127.0.0.1",
        "127.0.0.1:9464",
        "10.20.0.15:80",
        "[::1]",
        "[2001:db8::7]:9464",
        "localhost",
        "LocalHost.:9464",
        "metrics.example.org",
        "METRICS.Example.org.:443",
        "pacemeter:",
    ] {
        let answer = ask(&server, "/metrics", "1.1", &[host]);
        assert_eq!((answer.status, answer.text()), (200, TEXT), "{host}");
    }
}

#[test]
fn a_rebound_name_gets_no_figures_and_the_remedy() {
    let server = server();
    for host in [
        "evil.example",
        "evil.example:9464",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil-metrics.example.org",
        "example.org",
        "2130706433",
        "[localhost]",
    ] {
        for path in ["/metrics", "/livez", "/readyz", "/", "/none"] {
            let answer = ask(&server, path, "1.1", &[host]);
            assert_eq!(answer.status, 421, "{host} {path}");
            assert!(answer.text().contains("http.hosts") && !answer.text().contains(TEXT), "{}", answer.text());
            assert!(!answer.text().contains("evil"), "the host is not echoed");
        }
    }
}

#[test]
fn several_or_malformed_hosts_and_none_are_bad_requests() {
    let server = server();
    for hosts in [
        &[][..],
        &["127.0.0.1", "127.0.0.1"],
        &["localhost", "evil.example"],
        &["evil.example", "localhost"],
        &[""],
        &["user@localhost"],
        &["localhost:1@localhost:1"],
        &["localhost:x"],
        &["localhost:99999"],
        &["local host"],
        &["localhost/metrics"],
        &["localhost, evil.example"],
    ] {
        let answer = ask(&server, "/metrics", "1.1", hosts);
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")), "{hosts:?}");
        assert!(answer.text().contains("Host line"), "{}", answer.text());
    }
}

#[test]
fn http_1_0_may_omit_the_host_but_not_name_another() {
    let server = server();
    assert_eq!(ask(&server, "/metrics", "1.0", &[]).text(), TEXT);
    assert_eq!(ask(&server, "/metrics", "1.0", &["localhost"]).status, 200);
    assert_eq!(ask(&server, "/metrics", "1.0", &["evil.example"]).status, 421);
    assert_eq!(ask(&server, "/metrics", "1.0", &["localhost", "localhost"]).status, 400);
}

#[test]
fn the_host_of_a_whole_address_counts_too() {
    let server = server();
    assert_eq!(ask(&server, "http://localhost/livez", "1.1", &["localhost"]).status, 200);
    assert_eq!(ask(&server, "http://evil.example/livez", "1.1", &["localhost"]).status, 421);
    assert_eq!(ask(&server, "http://localhost/livez", "1.1", &["evil.example"]).status, 421);
    assert_eq!(ask(&server, "http://evil.example/livez", "1.0", &[]).status, 421);
}

#[test]
fn entries_that_are_no_names_are_faults() {
    for entry in [
        "metrics.example.org:9464",
        "http://metrics.example.org",
        "*.example.org",
        "10.0.0.1",
        "::1",
        "",
        "a..b",
        "a/b",
        "español.example",
        &"a".repeat(254),
    ] {
        let faults = read(&[&format!("http.hosts=[{entry:?}]")]).1.finish().expect_err(entry).to_string();
        assert!(faults.contains("http.hosts") && faults.contains("is not a host name"), "{faults}");
    }
    let (settings, reader) = read(&[r#"http.hosts=["metrics.example.org", "pace_meter-1", "Trailing.Dot."]"#]);
    reader.finish().unwrap();
    assert_eq!(settings.hosts, ["metrics.example.org", "pace_meter-1", "trailing.dot"].into_iter().collect());
}
