//! Certificates for tests, made by the `openssl` command.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Runs `openssl` in a directory.
fn openssl(directory: &Path, arguments: &str) {
    let words = arguments.split_whitespace();
    let ran = Command::new("openssl").current_dir(directory).args(words).output().expect("openssl runs");
    assert!(ran.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// Makes a certificate `NAME.crt` that signs itself, with these extensions, and its key `NAME.key`.
pub(in crate::http) fn make(directory: &Path, name: &str, extensions: &[&str]) {
    let extensions: String = extensions.iter().map(|extension| format!(" -addext {extension}")).collect();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(
        directory,
        &format!("req -x509 {key} -keyout {name}.key -out {name}.crt -days 2 -subj /CN={name}{extensions}"),
    );
    fs::set_permissions(directory.join(format!("{name}.key")), Permissions::from_mode(0o600)).unwrap();
}

/// Makes the certificate of a server on loopback.
pub(crate) fn make_server(directory: &Path) {
    make(directory, "server", &["subjectAltName=DNS:localhost,IP:127.0.0.1"]);
}
