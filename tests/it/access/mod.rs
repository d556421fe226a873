//! Rights of clients: the built program with a web configuration, asked by curl, `openssl s_client` and Prometheus, and as an
//! attacker would. Figures of the process stand for all: the program has no Kafka to read from.

mod client;
mod flood;
mod health;
mod prometheus;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::certificates::{Certificates, shown};
use crate::program::{Pacemeter, run};

const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
const CLIENTS: &str = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients-ca.crt\n  \
                       client_allowed_sans: [prometheus.example.org]\n";

/// Users with one password each, in hashes of this cost.
fn users(password: &str, cost: u32) -> String {
    format!("basic_auth_users:\n  ann: {}\n", bcrypt::hash(password, cost).expect("a hash"))
}

/// Starts the program with a web configuration and these further settings.
fn start(certificates: &Certificates, text: &str, settings: &[&str]) -> (Pacemeter, TempDir) {
    let state = tempfile::tempdir().expect("a temporary directory");
    let file = shown(&certificates.configure(text));
    let own = ["kafka.bootstrap_servers=127.0.0.1:1".to_owned(), format!("http.web_config_file={file}")];
    let settings: Vec<String> = own.into_iter().chain(settings.iter().map(ToString::to_string)).collect();
    (Pacemeter::start(&state, &settings), state)
}

/// Status (0 without an answer) and body of curl's request for a path, sent as it is, over TLS.
fn curl(certificates: &Certificates, pacemeter: &Pacemeter, path: &str, arguments: &[&str]) -> (u16, String) {
    let url = format!("https://{}{path}", pacemeter.address());
    let ran = Command::new("curl")
        .current_dir(certificates.0.path())
        .args([
            "--silent",
            "--path-as-is",
            "--max-time",
            "20",
            "--cacert",
            "server.crt",
            "--write-out",
            "\n%{http_code}",
        ])
        .args(arguments)
        .arg(url)
        .output()
        .expect("curl runs");
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').expect("a status");
    (status.parse().expect("a number"), body.to_owned())
}

#[test]
fn old_versions_of_tls_are_refused() {
    let certificates = Certificates::make();
    let (pacemeter, _state) = start(&certificates, &format!("{TLS}{}", users("right", 4)), &[]);
    let connect = |version: &str| {
        let ran = Command::new("openssl")
            .args(["s_client", "-connect", pacemeter.address(), version, "-cipher", "DEFAULT@SECLEVEL=0"])
            .stdin(Stdio::null())
            .output()
            .expect("openssl runs");
        String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned()
    };
    for version in ["-tls1", "-tls1_1"] {
        let output = connect(version);
        assert!(output.contains(" alert ") && output.contains("Cipher is (NONE)"), "{version}: {output}");
        assert!(output.contains("no peer certificate available"), "{version}: {output}");
    }
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let output = connect(version);
        assert!(output.contains(&format!("New, {name}")), "{version}: {output}");
    }
}

#[test]
fn certificates_of_clients_decide_by_authority_and_name() {
    let certificates = Certificates::make();
    certificates.server("forged");
    let (pacemeter, _state) = start(&certificates, &format!("{TLS}{CLIENTS}"), &[]);
    let ask = |arguments: &[&str]| curl(&certificates, &pacemeter, "/metrics", arguments);
    let (status, body) = ask(&["--cert", "prometheus.crt", "--key", "prometheus.key"]);
    assert_eq!(status, 200);
    assert!(body.contains("pacemeter_http_tls_handshakes_failed_total 0\n"), "{body}");
    for arguments in [
        &[][..],
        &["--cert", "stranger.crt", "--key", "stranger.key"],
        &["--cert", "forged.crt", "--key", "forged.key"],
    ] {
        for version in [&["--tlsv1.3"][..], &["--tls-max", "1.2"]] {
            let (status, body) = ask(&[arguments, version].concat());
            assert_eq!((status, body.as_str()), (0, ""), "{arguments:?} {version:?}");
        }
    }
    // Scrapes may share a rendering that is older than the last attempt.
    let counted = |body: &str| {
        let line = body.lines().find(|line| line.starts_with("pacemeter_http_tls_handshakes_failed_total "));
        line.expect("the metric").rsplit(' ').next().map(str::to_owned)
    };
    let began = Instant::now();
    loop {
        let (_, body) = ask(&["--cert", "prometheus.crt", "--key", "prometheus.key"]);
        let count = counted(&body);
        if count.as_deref() == Some("6") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "six handshakes failed, and {count:?} are counted");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(pacemeter.events("pacemeter.http.handshake_failed").len(), 6);
}

#[test]
fn a_probe_needs_no_certificate_and_everything_else_does() {
    let certificates = Certificates::make();
    let text = format!("{TLS}{CLIENTS}{}auth_excluded_paths: [/livez, /readyz]\n", users("right", 4));
    let (pacemeter, _state) = start(&certificates, &text, &[]);
    let client = ["--cert", "prometheus.crt", "--key", "prometheus.key"];
    let password = ["--user", "ann:right"];
    assert_eq!(curl(&certificates, &pacemeter, "/livez", &[]).0, 200);
    assert_eq!(curl(&certificates, &pacemeter, "/metrics", &[]).0, 403);
    assert_eq!(curl(&certificates, &pacemeter, "/metrics", &password).0, 403);
    assert_eq!(curl(&certificates, &pacemeter, "/metrics", &client).0, 401);
    assert_eq!(curl(&certificates, &pacemeter, "/livez", &["--cert", "stranger.crt", "--key", "stranger.key"]).0, 0);
    let (status, body) =
        curl(&certificates, &pacemeter, "/metrics", &[client, [password[0], password[1], "-H", "a: b"]].concat());
    assert_eq!(status, 200);
    for (reason, count) in [("certificate", 2), ("missing", 1), ("wrong", 0)] {
        let line = format!("pacemeter_http_unauthorized_total{{reason=\"{reason}\"}} {count}\n");
        assert!(body.contains(&line), "{line}{body}");
    }
}

#[test]
fn no_attempt_of_an_attacker_shows_a_figure() {
    let certificates = Certificates::make();
    let text = format!("{TLS}{}auth_excluded_paths: [/livez, /readyz]\n", users("right", 4));
    let (pacemeter, _state) = start(&certificates, &text, &["http.timeout=500ms"]);
    let attempts: &[&[&str]] = &[
        &[],
        &["--user", "ann:wrong"],
        &["--user", "bob:right"],
        &["--user", ":"],
        &["-H", "Authorization: Basic"],
        &["-H", "Authorization: Basic YW5uOnJpZ2h0!"],
        &["-H", "Authorization: Bearer right"],
        &["--user", "ann:right", "-H", "Authorization: Basic eA=="],
        &["-H", "X-Original-URL: /livez", "-H", "X-Rewrite-URL: /livez", "-H", "X-Forwarded-User: ann"],
        &["-H", "X-Forwarded-For: 127.0.0.1", "-H", "Forwarded: for=127.0.0.1", "-H", "Connection: Authorization"],
        &["-H", "Transfer-Encoding: chunked", "--data", "x"],
        &["--http0.9"],
        &["--http1.0", "--no-alpn"],
        &["--request", "OPTIONS"],
        &["--request", "TRACE"],
        &["--head"],
    ];
    let paths = [
        "/metrics",
        "/api/v1/status",
        "/api/v1/now",
        "/",
        "/openapi.json",
        "/livez/../metrics",
        "/livez%2f..%2fmetrics",
        "/livez%2f..",
        "//livez/../metrics",
        "/livez;/../metrics",
        "/metrics?/livez",
        "/metrics%3f/livez",
        "/./metrics",
    ];
    for path in paths {
        for arguments in attempts {
            let (status, body) = curl(&certificates, &pacemeter, path, arguments);
            assert!([401, 413, 429].contains(&status), "{path} {arguments:?}: {status} {body}");
            assert!(!body.contains("pacemeter_") && !body.contains("partitions"), "{path} {arguments:?}: {body}");
        }
    }
    // Slow clients: half a handshake, and a request without TLS.
    for begin in [&[22, 3, 1, 2, 0, 1][..], b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n"] {
        let mut stream = TcpStream::connect(pacemeter.address()).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        stream.write_all(begin).expect("it reads");
        let (began, mut answer) = (Instant::now(), Vec::new());
        // A reset is an end too.
        let _ = stream.read_to_end(&mut answer);
        assert!(began.elapsed() < Duration::from_secs(5) && !String::from_utf8_lossy(&answer).contains("pacemeter_"));
    }
    assert_eq!(curl(&certificates, &pacemeter, "/metrics", &["--user", "ann:right"]).0, 200);
    let log = pacemeter.log();
    assert!(!log.contains("bob") && !log.contains("ann:"), "no name, no password");
}

#[test]
fn beyond_loopback_it_listens_only_with_access_control() {
    let certificates = Certificates::make();
    let file = format!("http.web_config_file={}", shown(&certificates.path("web.yml")));
    let base = ["http.listen=0.0.0.0:0".to_owned(), "kafka.bootstrap_servers=127.0.0.1:1".to_owned()];
    let check = |more: &[&str]| {
        let settings: Vec<String> = base.iter().cloned().chain(more.iter().map(ToString::to_string)).collect();
        run(&["check", "--offline"], &settings)
    };
    let refused = check(&[]);
    assert_eq!(refused.code, Some(78), "{}", refused.stderr);
    for part in ["http.listen", "deploy/web-config.example.yml", "http.web_config_file", "http.accept_exposed = true"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    assert_eq!(run(&["run"], &base).code, Some(78), "the start refuses it too");
    let accepted = check(&["http.accept_exposed=true"]);
    assert_eq!(accepted.code, Some(0), "{}", accepted.stderr);
    assert!(format!("{}{}", accepted.stdout, accepted.stderr).contains("lets everybody read"), "{}", accepted.stdout);
    for (text, code) in [
        (TLS.to_owned(), 78),
        (users("right", 4), 78),
        (format!("{TLS}  client_auth_type: RequireAnyClientCert\n"), 78),
        (format!("{TLS}{}", users("right", 4)), 0),
        (format!("{TLS}{CLIENTS}"), 0),
    ] {
        certificates.configure(&text);
        let checked = check(&[&file]);
        assert_eq!(checked.code, Some(code), "{text}{}", checked.stderr);
    }
}

#[test]
fn the_example_of_a_web_configuration_is_valid() {
    let certificates = Certificates::make();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/web-config.example.yml");
    let text = fs::read_to_string(path).expect("the example");
    let hash = text.lines().find_map(|line| line.trim().strip_prefix("prometheus: ")).expect("a user");
    assert!(bcrypt::verify("example", hash).expect("a hash"), "the password that the comment names");
    let file = shown(&certificates.configure(&text));
    let settings = [format!("http.web_config_file={file}"), "http.listen=0.0.0.0:9464".to_owned()];
    let checked = run(&["check", "--offline", "--deny-warnings"], &[&settings[..], &lists()].concat());
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
}

/// Lists of labels, so that none is empty, which is a warning.
fn lists() -> Vec<String> {
    let lists = ["programmes", "queues", "sites", "initiatives", "milestones"];
    lists.iter().map(|list| format!("labels.{list}=[\"other\"]")).collect()
}
