//! Certificates of servers and clients, made by the `openssl` command.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// An authority whose certificate and key are `NAME.crt` and `NAME.key` of a directory, and what it has signed there.
pub struct Authority<'a> {
    directory: &'a Path,
    name: &'a str,
}

impl<'a> Authority<'a> {
    pub fn make(directory: &'a Path, name: &'a str) -> Self {
        openssl(directory, &format!("req -x509 KEY -keyout {name}.key -out {name}.crt -days 2 -subj /CN={name}"));
        Self { directory, name }
    }

    /// Makes a key `FILE.key`, and signs a certificate `FILE.crt` with these extensions for a number of days; a negative
    /// one makes it expired.
    pub fn sign(&self, file: &str, common_name: &str, extensions: &str, days: i32) {
        let Self { directory, name } = self;
        openssl(directory, &format!("req KEY -keyout {file}.key -out {file}.csr -subj /CN={common_name}"));
        fs::write(directory.join("extensions"), extensions).expect("a file");
        openssl(
            directory,
            &format!(
                "x509 -req -in {file}.csr -CA {name}.crt -CAkey {name}.key -CAcreateserial -out {file}.crt -days {days} -extfile \
                 extensions"
            ),
        );
        keep_private(&directory.join(format!("{file}.key")));
    }
}

/// Makes a file readable by its owner alone.
pub fn keep_private(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("ours");
}

fn openssl(directory: &Path, arguments: &str) {
    let arguments = arguments.replace("KEY", "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes");
    let words = arguments.split_whitespace();
    let ran = Command::new("openssl").current_dir(directory).args(words).output().expect("openssl runs");
    assert!(ran.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// A directory of certificates `NAME.crt` with keys `NAME.key`.
pub struct Certificates(pub TempDir);

impl Certificates {
    /// Makes `server`, the authority `clients-ca`, and the clients `prometheus` and `stranger` that it has signed.
    pub fn make() -> Self {
        let made = Self(tempfile::tempdir().expect("a temporary directory"));
        made.server("server");
        let authority = Authority::make(made.0.path(), "clients-ca");
        for client in ["prometheus", "stranger"] {
            let extensions = format!("subjectAltName=DNS:{client}.example.org\nextendedKeyUsage=clientAuth\n");
            authority.sign(client, "prometheus.example.org", &extensions, 2);
        }
        made
    }

    /// Makes, or makes again, a certificate of a server on loopback, which signs itself.
    pub fn server(&self, name: &str) {
        openssl(
            self.0.path(),
            &format!(
                "req -x509 KEY -keyout {name}.key -out {name}.crt -days 2 -subj /CN={name} -addext \
                 subjectAltName=IP:127.0.0.1,DNS:localhost"
            ),
        );
        keep_private(&self.path(&format!("{name}.key")));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes the web configuration, readable by its owner alone, and returns its path.
    pub fn configure(&self, text: &str) -> PathBuf {
        let path = self.path("web.yml");
        fs::write(&path, text).expect("a file");
        keep_private(&path);
        path
    }
}

/// Text of a path, for a setting or an argument.
pub fn shown(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}
