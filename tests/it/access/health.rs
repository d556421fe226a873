//! `pacemeter health` as the health check of a container: what it asks, and how it ends.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use super::client::assert_refused;
use super::{CLIENTS, TLS, start, users};
use crate::certificates::{Certificates, shown};
use crate::program::Pacemeter;

/// Answers `answers` to one connection after the other; returns the address.
fn serve(answers: &'static [&str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a connection");
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn health_asks_the_address_of_the_settings() {
    let certificates = Certificates::make();
    const READY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nready\n";
    const WAITING: &str =
        "HTTP/1.1 503 -\r\ncontent-length: 29\r\nconnection: close\r\n\r\nreplaying calls\ntopic a is gone";
    let address = serve(&[READY, WAITING]);
    // All addresses are asked on loopback.
    let port = address.rsplit(':').next().expect("a port").to_owned();
    let line = format!("health --set http.listen=0.0.0.0:{port} --set http.accept_exposed=true");
    let ended = certificates.ask(&line);
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "ready\n", ""));
    let ended = certificates.ask(&line);
    assert_refused(&line, &ended, 75, &["not ready: replaying calls; topic a is", "pacemeter status says more"]);
    // Nobody listens any more.
    let ended = certificates.ask(&line);
    assert_refused(&line, &ended, 75, &["no response", "http.listen"]);
    let line = "health --set http.listen=nowhere";
    let ended = certificates.ask(line);
    assert!(ended.code == Some(78) && ended.stderr.contains("http.listen"), "{}", ended.stderr);
}

#[test]
fn health_does_not_wait_longer_than_its_timeout() {
    let certificates = Certificates::make();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    let file = shown(&certificates.configure(&format!("{TLS}{}", users("right", 4))));
    for settings in [String::new(), format!(" --set http.web_config_file={file}")] {
        let line = format!("health --timeout 300ms --set http.listen={address}{settings}");
        let ended = certificates.ask(&line);
        assert_refused(&line, &ended, 75, &["no response", "timeout"]);
        assert!(ended.took < Duration::from_secs(2), "{:?}", ended.took);
    }
}

#[test]
fn health_asks_a_server_with_tls_through_changes() {
    let certificates = Certificates::make();
    let probes = "auth_excluded_paths: [/livez, /readyz]\n";
    let file = certificates.configure(&format!("{TLS}{}{probes}", users("right", 4)));
    let settings = [
        format!("http.web_config_file={}", shown(&file)),
        "kafka.bootstrap_servers=127.0.0.1:1".to_owned(),
        "targets.check_interval=1h".to_owned(),
    ];
    let state = tempfile::tempdir().expect("a temporary directory");
    let pacemeter = Pacemeter::start(&state, &settings);
    let line = format!("health --live --set http.listen={} --set {}", pacemeter.address(), settings[0]);
    let ended = certificates.ask(&line);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "live\n"), "{}", ended.stderr);
    // Not ready: Kafka is not there.
    let not_ready = line.replace(" --live", "");
    assert_refused(&not_ready, &certificates.ask(&not_ready), 75, &["not ready: "]);
    // A certificate that is not in force yet, a broken file, and one without TLS end nothing.
    certificates.server("server");
    let renewed = certificates.ask(&line);
    assert_eq!(renewed.code, Some(0), "{}", renewed.stderr);
    assert!(renewed.stdout.contains("not that of http.web_config_file"), "{}", renewed.stdout);
    for text in ["tls_server_config: {}\n", "basic_auth_users: {\n", ""] {
        certificates.configure(text);
        let ended = certificates.ask(&line);
        assert_eq!(ended.code, Some(0), "{text:?}: {}", ended.stderr);
    }
    // Settings of other stages do not matter.
    let ended = certificates.ask(&format!("{line} --set kafka.request_timeout=soon"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn health_says_what_a_protected_probe_needs() {
    let certificates = Certificates::make();
    certificates.secret("password", "right");
    let (with_password, _state) = start(&certificates, &format!("{TLS}{}", users("right", 4)), &[]);
    let file = format!("--set http.web_config_file={}", shown(&certificates.path("web.yml")));
    let line = format!("health --live {file} --set http.listen={}", with_password.address());
    let ended = certificates.ask(&line);
    assert_refused(&line, &ended, 77, &["asks for a user", "list /livez in auth_excluded_paths"]);
    let options = " --ca-file @server.crt --user ann --password-file @password";
    let ended = certificates.ask(&format!("{line}{options}"));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "live\n"), "{}", ended.stderr);
    let (with_certificate, _state) = start(&certificates, &format!("{TLS}{CLIENTS}"), &[]);
    let line = format!("health --live {file} --set http.listen={}", with_certificate.address());
    let ended = certificates.ask(&line);
    assert_refused(&line, &ended, 77, &["the client's certificate", "list /livez in auth_excluded_paths"]);
}
