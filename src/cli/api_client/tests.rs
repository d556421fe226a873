//! Tests of addresses, requests and responses.

use super::*;
use std::io::{Read, Write};
use std::net::TcpListener;

/// Answers one connection after the other with these statuses and bodies; returns the address.
pub(in crate::cli) fn serve(answers: &'static [(u16, &str)]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4_096]).unwrap();
            let length = body.len();
            let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            stream.write_all((head + body).as_bytes()).unwrap();
        }
    });
    address
}

#[test]
fn a_server_on_all_addresses_is_reached_on_the_loopback() {
    let found = |listen: &str| reachable(listen.parse().unwrap()).to_string();
    assert_eq!(found("0.0.0.0:9464"), "127.0.0.1:9464");
    assert_eq!(found("[::]:9464"), "[::1]:9464");
    assert_eq!(found("192.0.2.1:80"), "192.0.2.1:80");
}

#[test]
fn an_address_is_a_name_or_an_ip_and_a_port() {
    for text in ["127.0.0.1:9464", "pacemeter.example.org:80", "[::1]:9464", "pod_7:1", "Señal-1:65535"] {
        assert_eq!(text.parse::<HostPort>().map(|address| address.to_string()), Ok(text.to_owned()));
    }
    for (text, advice) in [
        ("localhost", "write localhost:9464"),
        ("192.0.2.1", "write 192.0.2.1:9464"),
        ("::1", "write [::1]:9464"),
        ("[::1]", "write [::1]:9464"),
        ("localhost:", "no port"),
        ("localhost:0", "no port"),
        ("localhost:70000", "no port"),
        ("localhost:9464/", "no port"),
        ("2001:db8::7:x", "no port"),
        ("2001:db8::7:1:99999", "no port"),
        ("a:b:1", "needs brackets"),
        ("[localhost]:1", "no IPv6 address"),
        (":9464", "no host"),
        ("a b:1", "no host"),
        ("me@host:1", "no host"),
    ] {
        let error = text.parse::<HostPort>().expect_err(text);
        assert!(error.contains(advice), "{text}: {error}");
    }
}

#[test]
fn names_of_hosts_are_resolved() {
    let loopback = HostPort { host: "localhost".to_owned(), port: 9464 }.resolve(TIMEOUT).unwrap();
    assert!(loopback.iter().all(|address| address.ip().is_loopback() && address.port() == 9464), "{loopback:?}");
    let failure = HostPort { host: "nowhere.invalid".to_owned(), port: 1 }.resolve(TIMEOUT).unwrap_err();
    assert!(failure.exit == Exit::TryAgain && failure.message.contains("nowhere.invalid"), "{failure:?}");
}

#[test]
fn the_next_address_is_asked_if_one_does_not_respond() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = serve(&[(404, "{\"error\":\"a\"}")]);
    let server = Server { name: "here".to_owned(), addresses: vec![free, address], client: HttpClient::default() };
    let response = server.get("/").unwrap();
    assert_eq!(response.absence(), Some("a".to_owned()));
    assert_eq!(response.body().unwrap_err(), Failure::new(Exit::Usage, "a"));
}

#[test]
fn an_absent_address_does_not_hide_a_refusal() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // It speaks no TLS, which ends with 78.
    let plain = serve(&[(200, "")]);
    let tls = TlsAccess::unverified().client("127.0.0.1", None).unwrap();
    let client = HttpClient { tls: Some(tls), credentials: None };
    let server = Server { name: "here".to_owned(), addresses: vec![free, plain, free], client };
    let failure = server.get("/").unwrap_err();
    assert!(failure.exit == Exit::Configuration && failure.message.contains("does not speak TLS"), "{failure}");
}

#[test]
fn the_time_limit_is_that_of_all_addresses_together() {
    // They accept connections and never respond.
    let silent = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses = silent.iter().map(|listener| listener.local_addr().unwrap()).collect();
    let server = Server { name: "here".to_owned(), addresses, client: HttpClient::default() };
    let begun = Instant::now();
    let failure = server.get_within("/", Duration::from_millis(500)).unwrap_err();
    assert!(failure.exit == Exit::TryAgain && begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let failure = HostPort { host: "nowhere.invalid".to_owned(), port: 1 }.resolve(Duration::ZERO).unwrap_err();
    assert!(failure.message.contains("no answer within 0"), "{failure}");
}

#[test]
fn error_responses_become_messages() {
    let reasons = r#"{"error":"the figures are not there yet","reasons":["replaying the log: 1 of 2 records read","topic a is missing"]}"#;
    assert_eq!(
        message(503, reasons),
        "the figures are not there yet: replaying the log: 1 of 2 records read; topic a is missing"
    );
    assert_eq!(message(404, r#"{"error":"no such cut","nearest":"x"}"#), "no such cut");
    assert_eq!(
        message(404, "not found, see / for what there is\n"),
        "pacemeter responds with status 404: not found, see / for what there is"
    );
}

#[test]
fn names_are_encoded_as_one_path_segment() {
    assert_eq!(path_segment("20200515T230000.250Z"), "20200515T230000.250Z");
    assert_eq!(path_segment("../ñ?x"), "..%2F%C3%B1%3Fx");
}

#[test]
fn an_address_says_whether_tls_is_spoken() {
    let parsed = |text: &str| text.parse::<ServerAddress>().map(|address| (address.is_tls, address.at.to_string()));
    assert_eq!(parsed("localhost:1"), Ok((None, "localhost:1".to_owned())));
    assert_eq!(parsed("https://[::1]:9464"), Ok((Some(true), "[::1]:9464".to_owned())));
    assert_eq!(parsed("http://localhost:9464/"), Ok((Some(false), "localhost:9464".to_owned())));
    for (text, advice) in [
        ("http://localhost:9464/metrics", "write http://localhost:9464"),
        ("https://localhost", "write localhost:9464"),
        ("ftp://localhost:1/a", "write localhost:1"),
        ("localhost:9464/", "no port"),
    ] {
        let error = parsed(text).expect_err(text);
        assert!(error.contains(advice), "{text}: {error}");
    }
}

#[test]
fn a_password_is_not_sent_in_the_clear() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    std::fs::write(&path, "right").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let ask = |address: &str| {
        let line = format!("pacemeter status --user ann --address {address} --password-file {}", path.display());
        let cli = <crate::cli::Cli as clap::Parser>::try_parse_from(line.split(' ')).unwrap();
        let crate::cli::Command::Status(arguments) = cli.command else { panic!("{line}") };
        arguments.endpoint.server()
    };
    for address in ["192.0.2.1:9464", "http://192.0.2.1:9464"] {
        let failure = ask(address).unwrap_err();
        assert!(failure.exit == Exit::Usage && failure.message.contains("https://192.0.2.1:9464"), "{failure}");
    }
    for address in ["127.0.0.1:9464", "[::ffff:127.0.0.1]:9464"] {
        assert!(ask(address).is_ok_and(|server| server.client.credentials.is_some()), "{address}");
    }
}
