//! Tests of the reader: what is understood, and the fault of everything else.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::clock::DAY;
use crate::http::tests::certificates::{make, make_server};

const USERS: &str = "basic_auth_users:\n  ann: $2y$04$e5s3fW0hVhBx8oZ7R0Z1hOq6V8mYq0kz0t8gKk0m3q6n7b1dXb7tC\n";

/// Reads a text as the file of a directory with the certificate `server`.
fn read_in(directory: &Path, text: &str) -> LoadedWebConfig {
    let path = directory.join("web.yml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    LoadedWebConfig::read(Some(&path))
}

fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    make_server(directory.path());
    directory
}

fn faults(directory: &TempDir, text: &str) -> Vec<String> {
    let result = read_in(directory.path(), text).result;
    result.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn a_whole_file_is_understood() {
    let directory = directory();
    make(directory.path(), "ca", &["basicConstraints=critical,CA:TRUE"]);
    let text = format!(
        "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_auth_type: RequireAndVerifyClientCert\n  \
         client_ca_file: ca.crt\n  client_allowed_sans: [prometheus.example.org]\n  min_version: TLS13\n  max_version: TLS13\n\
         {USERS}auth_excluded_paths: [/livez, /readyz]\nhttp_server_config:\n  http2: false\n  headers:\n    \
         Strict-Transport-Security: max-age=60\n    X-Frame-Options: deny\n    X-XSS-Protection: ''\nrate_limit:\n  \
         interval: 250ms\n  burst: 20\n"
    );
    let loaded = read_in(directory.path(), &text);
    assert_eq!((loaded.texts.len(), loaded.exposures.len(), loaded.outdated.is_none()), (4, 0, true));
    let config = loaded.result.unwrap();
    assert!(config.is_protected() && config.needs_certificate && config.not_after.is_some());
    assert_eq!(config.users.keys().collect::<Vec<_>>(), ["ann"]);
    assert_eq!(config.excluded_paths, ["/livez", "/readyz"]);
    let names: Vec<&str> = config.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-frame-options", "strict-transport-security"]);
    assert_eq!(config.rate_limit, Some(RateLimit { interval: Duration::from_millis(250), burst: 20 }));
    let open = read_in(directory.path(), "rate_limit:\n  interval: 0\n  burst: 5\n").result.unwrap();
    assert!(open.rate_limit.is_none() && open.tls.is_none() && !open.is_protected());
}

#[test]
fn protected_is_tls_with_a_password_or_verified_client() {
    let directory = directory();
    make(directory.path(), "ca", &["basicConstraints=critical,CA:TRUE"]);
    let tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    let protected = |text: &str| read_in(directory.path(), text).result.unwrap().is_protected();
    assert!(!protected(tls) && !protected(USERS) && protected(&format!("{tls}{USERS}")));
    for (policy, is_protected) in
        [("RequestClientCert", false), ("RequireAnyClientCert", false), ("NoClientCert", false)]
    {
        assert_eq!(protected(&format!("{tls}  client_auth_type: {policy}\n")), is_protected, "{policy}");
    }
    for (policy, is_protected) in [("VerifyClientCertIfGiven", false), ("RequireAndVerifyClientCert", true)] {
        let text = format!("{tls}  client_auth_type: {policy}\n  client_ca_file: ca.crt\n");
        assert_eq!(protected(&text), is_protected, "{policy}");
    }
}

#[test]
fn each_fault_has_its_file_line_and_remedy() {
    let directory = directory();
    make(directory.path(), "other", &["subjectAltName=DNS:x"]);
    make(directory.path(), "nameless", &[]);
    fs::write(directory.path().join("empty.pem"), "nothing\n").unwrap();
    let tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    for (text, key, line, message) in [
        ("tls_server_confg: {}\n".to_owned(), "tls_server_confg", 1, "did you mean tls_server_config?"),
        (format!("{tls}  cipher_suites: [A]\n"), "cipher_suites", 4, "cannot be chosen"),
        (format!("{tls}  curve_preferences: [A]\n"), "curve_preferences", 4, "cannot be chosen"),
        (format!("{tls}  prefer_server_cipher_suites: true\n"), "prefer_server_cipher_suites", 4, "cannot be chosen"),
        (format!("{tls}  key: x\n"), "tls_server_config.key ", 4, "key_file"),
        (format!("{tls}  min_version: TLS11\n"), "min_version", 4, "TLS11 is not supported"),
        (format!("{tls}  min_version: TLS13\n  max_version: TLS12\n"), "min_version", 4, "above max_version"),
        (format!("{tls}  client_auth_type: Requird\n"), "client_auth_type", 4, "is not one of"),
        (format!("{tls}  client_auth_type: RequireAndVerifyClientCert\n"), "client_auth_type", 4, "client_ca_file"),
        (format!("{tls}  client_ca_file: server.crt\n"), "client_ca_file", 4, "has no effect"),
        (format!("{tls}  client_allowed_sans: [a]\n"), "client_allowed_sans", 4, "needs client_auth_type"),
        (format!("{tls}  client_allowed_sans: []\n"), "client_allowed_sans", 4, "admits nobody"),
        ("tls_server_config:\n  cert_file: server.crt\n".to_owned(), "key_file", 1, "missing"),
        (tls.replace("server.crt", "none.crt"), "cert_file", 2, "No such file"),
        (tls.replace("server.crt", "."), "cert_file", 2, "not a regular file"),
        (tls.replace("server.crt", "empty.pem"), "cert_file", 2, "no certificate"),
        (
            tls.replace("server.crt", "nameless.crt").replace("server.key", "nameless.key"),
            "cert_file",
            2,
            "subjectAltName",
        ),
        (tls.replace("server.key", "other.key"), "key_file", 3, "does not belong"),
        (tls.replace("server.key", "server.crt"), "key_file", 3, "lets other users read"),
        ("basic_auth_users:\n  ann: secret\n".to_owned(), "basic_auth_users.ann", 2, "is not a bcrypt hash"),
        (USERS.replace("$04$", "$20$"), "basic_auth_users.ann", 2, "has bcrypt cost 20"),
        ("basic_auth_users: {}\n".to_owned(), "basic_auth_users", 1, "names no user"),
        ("auth_excluded_paths: [/metrics]\n".to_owned(), "auth_excluded_paths", 1, "only /livez and /readyz"),
        ("auth_excluded_paths: [/livez/../metrics]\n".to_owned(), "auth_excluded_paths", 1, "cannot be excluded"),
        ("http_server_config:\n  http2: true\n".to_owned(), "http2", 2, "HTTP/1.1"),
        ("http_server_config:\n  headers:\n    Server: x\n".to_owned(), "headers", 3, "no such key"),
        (
            "http_server_config:\n  headers:\n    X-Frame-Options: all\n".to_owned(),
            "X-Frame-Options",
            3,
            "must be deny",
        ),
        ("rate_limit:\n  burst: 5\n".to_owned(), "rate_limit", 1, "missing"),
        ("rate_limit:\n  interval: 1x\n  burst: 5\n".to_owned(), "interval", 2, "1x"),
        ("rate_limit: [\n".to_owned(), "", 2, "not YAML"),
    ] {
        let faults = faults(&directory, &text);
        let place = format!("web.yml:{line}");
        assert!(
            faults.iter().any(|fault| fault.contains(key) && fault.contains(&place) && fault.contains(message)),
            "{text} {message}: {faults:#?}"
        );
        assert!(!faults.iter().any(|fault| fault.contains("secret") || fault.contains("$2y$20")), "{faults:?}");
    }
    let both = faults(&directory, "a: 1\nb: 2\nrate_limit: 3\n");
    assert_eq!(both.len(), 3, "{both:?}");
}

#[test]
fn an_outdated_certificate_is_a_fault_of_its_own() {
    let directory = directory();
    let path = directory.path().join("web.yml");
    fs::write(&path, "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n").unwrap();
    let at = |days: i64| read::read(&path, Clock::wall().now() + days * DAY);
    assert!(at(0).outdated.is_none() && at(1).outdated.is_none());
    for (days, message) in [(3, "expired at"), (-1, "is not valid before")] {
        let loaded = at(days);
        assert!(loaded.result.is_ok());
        let fault = loaded.outdated.expect("an outdated certificate").to_string();
        assert!(fault.contains(message) && fault.contains("web.yml:2"), "{fault}");
    }
}

#[test]
fn a_key_that_others_can_read_or_write_is_refused() {
    let directory = directory();
    let key = directory.path().join("server.key");
    let text = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    for (mode, is_refused, exposures) in
        [(0o600, false, 0), (0o400, false, 0), (0o640, false, 1), (0o644, true, 0), (0o660, true, 0), (0o602, true, 0)]
    {
        fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        let loaded = read_in(directory.path(), text);
        let shown = format!("{mode:o}: {:?} {:?}", loaded.result.as_ref().err(), loaded.exposures);
        assert_eq!((loaded.result.is_err(), loaded.exposures.len()), (is_refused, exposures), "{shown}");
    }
}
