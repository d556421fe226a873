//! Tests of options and of the file: what is understood, and the fault of everything else.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use clap::Parser;
use tempfile::TempDir;

use super::*;
use crate::http::tests::certificates::make_server;

#[derive(Parser)]
struct AccessCommand {
    #[command(flatten)]
    access: AccessArgs,
}

fn write(directory: &TempDir, name: &str, text: &str, mode: u32) {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A directory with a password, and a certificate with its key.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(&directory, "password", " right\n", 0o600);
    make_server(directory.path());
    directory
}

/// Reads options; a word that begins with `@` is a file of the directory.
fn read(directory: &TempDir, options: &str) -> Result<ClientAccess, Failure> {
    let words = options.split_whitespace().map(|word| match word.strip_prefix('@') {
        Some(name) => directory.path().join(name).to_str().unwrap().to_owned(),
        None => word.to_owned(),
    });
    AccessCommand::try_parse_from(["x".to_owned()].into_iter().chain(words)).unwrap().access.read()
}

fn failure(directory: &TempDir, options: &str) -> Failure {
    read(directory, options).err().unwrap_or_else(|| panic!("{options} is accepted"))
}

#[test]
fn a_file_in_the_format_of_prometheus_is_understood() {
    let directory = directory();
    let text = "basic_auth:\n  username: ann\n  password_file: password\ntls_config:\n  ca_file: server.crt\n  cert_file: \
                server.crt\n  key_file: server.key\n  server_name: metrics.example.org\n  insecure_skip_verify: false\n  \
                min_version: TLS13\nfollow_redirects: false\nenable_http2: false\n";
    write(&directory, "client.yml", text, 0o644);
    let access = read(&directory, "--http-config-file @client.yml").unwrap();
    // "ann:right", without the blanks around the password.
    assert_eq!(access.credentials.unwrap().header(), "Basic YW5uOnJpZ2h0");
    let tls = access.tls.unwrap();
    assert_eq!(
        (tls.server_name.as_deref(), tls.versions.len(), tls.is_unverified),
        (Some("metrics.example.org"), 1, false)
    );
    assert!(tls.authorities.is_some() && tls.identity.is_some());
    tls.client("10.0.0.1", None).unwrap();
    // Options override the keys of the file.
    write(&directory, "other", "wrong", 0o600);
    let access =
        read(&directory, "--http-config-file @client.yml --password-file @other --server-name b.example").unwrap();
    assert_eq!(access.credentials.unwrap().header(), "Basic YW5uOndyb25n");
    assert_eq!(access.tls.unwrap().server_name.as_deref(), Some("b.example"));
}

#[test]
fn without_options_no_access_is_asked_for() {
    let access = read(&directory(), "").unwrap();
    assert!(access.credentials.is_none() && access.tls.is_none() && !AccessArgs::default().is_given());
    let tls = read(&directory(), "--server-name a.example").unwrap().tls;
    assert!(tls.is_some_and(|tls| tls.authorities.is_none()));
}

#[test]
fn every_fault_of_the_file_is_named_with_its_line() {
    let directory = directory();
    for (text, key, line, message) in [
        ("basic_aut:\n  username: a\n", "basic_aut", 1, "did you mean basic_auth?"),
        ("oauth2: {}\n", "oauth2", 1, "use basic_auth"),
        ("proxy_url: http://x:1\n", "proxy_url", 1, "asked directly"),
        ("authorization:\n  credentials_file: x\n", "authorization", 1, "use basic_auth"),
        ("follow_redirects: true\n", "follow_redirects", 1, "set it to false"),
        ("basic_auth:\n  username: a\n", "basic_auth.password_file", 1, "is missing"),
        ("basic_auth:\n  username: a\n  password: hunter-two\n", "basic_auth.password", 3, "name a file"),
        ("tls_config:\n  cert_file: server.crt\n", "tls_config.key_file", 1, "is missing"),
        ("tls_config:\n  ca: x\n", "tls_config.ca", 2, "name a file in ca_file"),
        ("tls_config:\n  server_nam: x\n", "tls_config.server_nam", 2, "did you mean server_name?"),
        ("tls_config:\n  min_version: TLS10\n", "tls_config.min_version", 2, "TLS12 and TLS13 are"),
        ("tls_config:\n  insecure_skip_verify: perhaps\n", "tls_config.insecure_skip_verify", 2, "expected"),
        ("- a\n", "", 1, "not a table"),
    ] {
        write(&directory, "client.yml", text, 0o644);
        let failure = failure(&directory, "--http-config-file @client.yml");
        assert_eq!(failure.exit, Exit::Configuration, "{failure}");
        let place = format!("client.yml:{line}");
        assert!([key, &place, message].iter().all(|part| failure.message.contains(part)), "{text}: {failure}");
        assert!(!failure.message.contains("hunter-two"), "{failure}");
    }
    let absent = failure(&directory, "--http-config-file @absent.yml");
    assert!(absent.message.contains("absent.yml"), "{absent}");
}

#[test]
fn what_cannot_be_used_is_refused_with_the_next_step() {
    let directory = directory();
    write(&directory, "open", "right", 0o644);
    write(&directory, "empty", "\n", 0o600);
    write(&directory, "long", &"x".repeat(5_000), 0o600);
    for (options, exit, parts) in [
        ("--user ann", Exit::Usage, ["a user needs a password", "--password-file"]),
        ("--password-file @password", Exit::Usage, ["a password needs a user", "--user"]),
        ("--cert-file @server.crt", Exit::Usage, ["needs its key", "--key-file"]),
        ("--key-file @server.key", Exit::Usage, ["needs its certificate", "--cert-file"]),
        ("--user a:b --password-file @password", Exit::Configuration, ["colon", "--user"]),
        ("--user ann --password-file @open", Exit::Configuration, ["mode 644", "chmod 600"]),
        ("--user ann --password-file @empty", Exit::Configuration, ["is empty", "write the password"]),
        ("--user ann --password-file @long", Exit::Configuration, ["4096 bytes", "name another file"]),
        ("--user ann --password-file @absent", Exit::Configuration, ["--password-file: ", "that you can read"]),
        ("--ca-file @password", Exit::Configuration, ["no certificate in PEM", "BEGIN CERTIFICATE"]),
        ("--cert-file @server.crt --key-file @password", Exit::Configuration, ["no private key", "name one that has"]),
    ] {
        let failure = failure(&directory, options);
        assert_eq!(failure.exit, exit, "{options}: {failure}");
        assert!(parts.iter().all(|part| failure.message.contains(part)), "{options}: {failure}");
    }
}

#[test]
fn the_servers_own_certificate_is_trusted_without_a_name() {
    let directory = directory();
    let own = certificates(&NamedFile::of_option("--ca-file", &directory.path().join("server.crt"))).unwrap().remove(0);
    let tls = TlsAccess::default().client("127.0.0.1", Some(own)).unwrap();
    assert!(tls.presented().is_none(), "before a handshake");
    let wrong = TlsAccess { server_name: Some("a b".to_owned()), is_unverified: true, ..TlsAccess::default() };
    let failure = wrong.client("127.0.0.1", None).unwrap_err();
    assert!(failure.exit == Exit::Configuration && failure.message.contains("--server-name"), "{failure}");
}
