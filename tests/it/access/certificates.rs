//! Certificates of servers and clients, made by the `openssl` command.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A directory of certificates `NAME.crt` with keys `NAME.key`.
pub struct Certificates(pub TempDir);

impl Certificates {
    /// Makes `server`, the authority `clients-ca`, and the clients `prometheus` and `stranger` that it has signed.
    pub fn make() -> Self {
        let made = Self(tempfile::tempdir().expect("a temporary directory"));
        made.server("server");
        made.openssl("req -x509 KEY -keyout clients-ca.key -out clients-ca.crt -days 2 -subj /CN=clients");
        for client in ["prometheus", "stranger"] {
            made.openssl(&format!("req KEY -keyout {client}.key -out {client}.csr -subj /CN=prometheus.example.org"));
            let extensions = format!("subjectAltName=DNS:{client}.example.org\nextendedKeyUsage=clientAuth\n");
            fs::write(made.path("extensions"), extensions).expect("a file");
            made.openssl(&format!(
                "x509 -req -in {client}.csr -CA clients-ca.crt -CAkey clients-ca.key -CAcreateserial -out {client}.crt -days 2 \
                 -extfile extensions"
            ));
        }
        made
    }

    /// Makes, or makes again, a certificate of a server on loopback, which signs itself.
    pub fn server(&self, name: &str) {
        self.openssl(&format!(
            "req -x509 KEY -keyout {name}.key -out {name}.crt -days 2 -subj /CN={name} -addext \
             subjectAltName=IP:127.0.0.1,DNS:localhost"
        ));
        let owner_alone = Permissions::from_mode(0o600);
        fs::set_permissions(self.path(&format!("{name}.key")), owner_alone).expect("ours");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes the web configuration, readable by its owner alone, and returns its path.
    pub fn configure(&self, text: &str) -> PathBuf {
        let path = self.path("web.yml");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("ours");
        path
    }

    fn openssl(&self, arguments: &str) {
        let arguments = arguments.replace("KEY", "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes");
        let words = arguments.split_whitespace();
        let ran = Command::new("openssl").current_dir(self.0.path()).args(words).output().expect("openssl runs");
        assert!(ran.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

/// Text of a path, for a setting or an argument.
pub fn shown(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}
