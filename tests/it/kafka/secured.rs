//! Listeners with TLS: one with logins, one for certificates of clients, one whose certificate has expired.

use std::fs;
use std::path::{Path, PathBuf};

use crate::certificates::{Authority, keep_private};

/// Account that logs in at the listener with SCRAM. The certificate of the client `client` is the same account's.
pub const SECURED_ACCOUNT: &str = "pacemeter";

/// Common name of the certificate that [`SECURED_ACCOUNT`] has at the listener for certificates.
const COMMON_NAME: &str = "pacemeter";

/// Ports, certificates and the password of the listeners.
pub struct Secured {
    directory: PathBuf,
    pub(super) tls_port: u16,
    scram_port: u16,
    mutual_port: u16,
    expired_port: u16,
    password: String,
}

impl Secured {
    /// Makes certificates and keys in a new directory, and a password.
    pub(super) fn make(directory: PathBuf, ports: [u16; 4]) -> Self {
        fs::create_dir_all(&directory).expect("a directory for certificates");
        let brokers = Authority::make(&directory, "brokers");
        let name = "subjectAltName=DNS:localhost\n";
        brokers.sign("broker", "localhost", name, 2);
        brokers.sign("expired", "localhost", name, -1);
        let clients = Authority::make(&directory, "clients");
        let purpose = "extendedKeyUsage=clientAuth\n";
        clients.sign("client", COMMON_NAME, purpose, 2);
        clients.sign("lapsed", COMMON_NAME, purpose, -1);
        brokers.sign("foreign", COMMON_NAME, purpose, 2);
        for server in ["broker", "expired"] {
            let part = |kind: &str| fs::read_to_string(directory.join(format!("{server}.{kind}"))).expect("a text");
            fs::write(directory.join(format!("{server}.pem")), part("key") + &part("crt")).expect("a file");
        }
        let [tls_port, scram_port, mutual_port, expired_port] = ports;
        // With what other formats would take for a comment or an end of the value.
        let password = format!("{:032x}#!=;x", fastrand::u128(..));
        Self { directory, tls_port, scram_port, mutual_port, expired_port, password }
    }

    /// Argument of Kafka's tool that makes the account.
    pub(super) fn scram_account(&self) -> String {
        format!("SCRAM-SHA-512=[name={SECURED_ACCOUNT},password={}]", self.password)
    }

    /// Names, addresses and protocols of the listeners.
    pub(super) fn listeners(&self) -> [(&'static str, u16, &'static str); 4] {
        [
            ("TLS", self.tls_port, "SSL"),
            ("SCRAM", self.scram_port, "SASL_SSL"),
            ("MUTUAL", self.mutual_port, "SSL"),
            ("EXPIRED", self.expired_port, "SSL"),
        ]
    }

    /// Properties of the broker.
    pub(super) fn properties(&self) -> String {
        let directory = self.directory.display();
        let keys = |listener: &str, file: &str| {
            format!(
                "listener.name.{listener}.ssl.keystore.type=PEM\nlistener.name.{listener}.ssl.keystore.location={directory}/{file}.pem\n"
            )
        };
        [
            keys("tls", "broker"),
            keys("scram", "broker"),
            keys("mutual", "broker"),
            keys("expired", "expired"),
            "listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512\n\
             listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
             listener.name.mutual.ssl.client.auth=required\n\
             listener.name.mutual.ssl.truststore.type=PEM\n"
                .to_owned(),
            format!("listener.name.mutual.ssl.truststore.location={directory}/clients.crt\n"),
            format!("listener.name.mutual.ssl.principal.mapping.rules=RULE:^CN={COMMON_NAME}$/{SECURED_ACCOUNT}/,DEFAULT\n"),
        ]
        .concat()
    }

    /// Address at which [`SECURED_ACCOUNT`] logs in with SCRAM-SHA-512, over TLS.
    pub fn scram_bootstrap(&self) -> String {
        format!("localhost:{}", self.scram_port)
    }

    /// Address at which clients need a certificate.
    pub fn mutual_bootstrap(&self) -> String {
        format!("localhost:{}", self.mutual_port)
    }

    /// Address of a listener whose certificate has expired.
    pub fn expired_bootstrap(&self) -> String {
        format!("localhost:{}", self.expired_port)
    }

    /// Password of [`SECURED_ACCOUNT`].
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Path of a file: `brokers.crt`, the authority of the brokers; `NAME.crt` and `NAME.key` of the clients `client`,
    /// `lapsed` (expired) and `foreign` (of another authority).
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes a file of properties, readable by its owner alone.
    pub fn write_properties(directory: &Path, name: &str, lines: &[String]) -> PathBuf {
        let path = directory.join(name);
        fs::write(&path, lines.join("\n") + "\n").expect("a file");
        keep_private(&path);
        path
    }
}
