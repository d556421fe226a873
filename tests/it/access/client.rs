//! The commands that ask a running pacemeter, over TLS with passwords and client certificates.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::{CLIENTS, TLS, start, users};
use crate::certificates::{Certificates, shown};
use crate::program::{ExitedProcess, run};

impl Certificates {
    /// Writes a file that its owner alone can read.
    pub fn secret(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).expect("ours");
    }

    /// Runs a command; a word that begins with `@` is a file here.
    pub fn ask(&self, line: &str) -> ExitedProcess {
        let words = line.split_whitespace().map(|word| match word.strip_prefix('@') {
            Some(name) => shown(&self.path(name)),
            None => word.to_owned(),
        });
        let words: Vec<String> = words.collect();
        run(&words.iter().map(String::as_str).collect::<Vec<_>>(), &[])
    }
}

/// Asserts the exit code, and that each part is on the one line of standard error.
pub fn assert_refused(line: &str, ended: &ExitedProcess, code: i32, parts: &[&str]) {
    assert_eq!(ended.code, Some(code), "{line}: {}", ended.stderr);
    assert!(ended.stderr.lines().count() == 1 && ended.stdout.is_empty(), "{line}: {}{}", ended.stdout, ended.stderr);
    assert!(parts.iter().all(|part| ended.stderr.contains(part)), "{line}: {}", ended.stderr);
}

#[test]
fn commands_ask_a_server_with_tls_and_a_password() {
    let certificates = Certificates::make();
    certificates.server("other");
    certificates.secret("password", "right\n");
    certificates.secret("wrong", "left");
    let (pacemeter, _state) = start(&certificates, &format!("{TLS}{}", users("right", 4)), &[]);
    let address = pacemeter.address();
    let file = "basic_auth:\n  username: ann\n  password_file: password\ntls_config:\n  ca_file: server.crt\n";
    certificates.secret("client.yml", file);
    let access = format!("--address https://{address} --http-config-file @client.yml");
    let options = format!("--address {address} --ca-file @server.crt --user ann --password-file @password");
    for access in [&access, &options, &options.replace("127.0.0.1", "localhost")] {
        let ended = certificates.ask(&format!("status --json {access}"));
        assert_eq!(ended.code, Some(0), "{access}: {}", ended.stderr);
        assert!(ended.stdout.contains("\"partitions\""), "{}", ended.stdout);
    }
    // Without Kafka there are no figures; that the server says so shows that it was asked.
    for command in ["targets", "cut", "period yesterday"] {
        let line = format!("{command} {access}");
        let ended = certificates.ask(&line);
        assert_refused(&line, &ended, 75, &["pacemeter status says what is missing"]);
    }
    let at = format!("--address https://{address}");
    for (line, code, parts) in [
        (format!("status {at}"), 78, vec!["not trusted", "--ca-file"]),
        (format!("status {at} --ca-file @other.crt"), 78, vec!["not trusted", "--ca-file"]),
        (format!("status {at} --ca-file @server.crt --server-name a.example"), 78, vec!["a.example", "--server-name"]),
        (format!("status {at} --ca-file @server.crt"), 77, vec!["asks for a user", "--password-file"]),
        (format!("status {at} --ca-file @server.crt --user ann --password-file @wrong"), 77, vec!["refuses the user"]),
        (format!("status --address {address}"), 78, vec!["speaks TLS", "https://"]),
        (format!("status --address http://{address} --ca-file @server.crt"), 64, vec!["https://"]),
    ] {
        let ended = certificates.ask(&line);
        assert_refused(&line, &ended, code, &parts);
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("left"), "no password is shown");
    }
    let plain = tempfile::tempdir().expect("a temporary directory");
    let open = crate::program::Pacemeter::start(&plain, &["kafka.bootstrap_servers=127.0.0.1:1".to_owned()]);
    let line = format!("status --address https://{} --ca-file @server.crt", open.address());
    assert_refused(&line, &certificates.ask(&line), 78, &["does not speak TLS"]);
}

#[test]
fn commands_prove_who_they_are_with_a_certificate() {
    let certificates = Certificates::make();
    let (pacemeter, _state) = start(&certificates, &format!("{TLS}{CLIENTS}"), &[]);
    let at = format!("status --json --address https://{} --ca-file @server.crt", pacemeter.address());
    for versions in ["TLS12", "TLS13"] {
        let file = format!(
            "tls_config:\n  ca_file: server.crt\n  cert_file: prometheus.crt\n  key_file: prometheus.key\n  max_version: {versions}\n"
        );
        certificates.secret("client.yml", &file);
        fs::set_permissions(certificates.path("prometheus.key"), Permissions::from_mode(0o600)).expect("ours");
        let ended = certificates
            .ask(&format!("status --json --address https://{} --http-config-file @client.yml", pacemeter.address()));
        assert_eq!(ended.code, Some(0), "{versions}: {}", ended.stderr);
    }
    fs::set_permissions(certificates.path("stranger.key"), Permissions::from_mode(0o600)).expect("ours");
    for line in [at.clone(), format!("{at} --cert-file @stranger.crt --key-file @stranger.key")] {
        assert_refused(&line, &certificates.ask(&line), 77, &["the client's certificate", "--cert-file"]);
    }
}

/// On the machine of the server its settings say how to ask it.
#[test]
fn the_servers_settings_say_that_it_speaks_tls() {
    let certificates = Certificates::make();
    certificates.secret("password", "right");
    let (pacemeter, _state) = start(&certificates, &format!("{TLS}{}", users("right", 4)), &[]);
    let settings = [
        format!("http.listen={}", pacemeter.address()),
        format!("http.web_config_file={}", shown(&certificates.path("web.yml"))),
    ];
    let settings = settings.map(|setting| format!("--set {setting}")).join(" ");
    let ended = certificates.ask(&format!("status --json {settings} --user ann --password-file @password"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // With a name the certificate must have it.
    let named =
        |name: &str| format!("status --json {settings} --server-name {name} --user ann --password-file @password");
    let ended = certificates.ask(&named("localhost"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_refused("--server-name", &certificates.ask(&named("a.example")), 78, &["a.example", "--server-name"]);
    // Another process at the address has another certificate, and gets no password.
    certificates.server("server");
    let line = format!("status {settings} --user ann --password-file @password");
    assert_refused(&line, &certificates.ask(&line), 78, &["not trusted", "--ca-file"]);
}
