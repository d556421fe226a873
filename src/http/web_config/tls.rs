//! Reader of `tls_server_config`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::WebConfig;
use super::certificate::CertificateFacts;
use super::client_certificates::{ClientAuthType, ClientCertificates};
use super::pem::{pem_certificates, pem_key};
use crate::clock::Timestamp;
use crate::file::SecretMode;
use crate::settings::{DocumentTable, FileText, SecretExposure, SettingsFault};

const KNOWN: [&str; 13] = [
    "cert_file",
    "key_file",
    "client_auth_type",
    "client_ca_file",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cert",
    "key",
    "client_ca",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
];

/// Keys of the format that have no effect here, with what to do.
const UNSUPPORTED: [(&str, &str); 6] = [
    ("cert", "is not read from this file; name a file in cert_file"),
    ("key", "is not read from this file; name a file in key_file"),
    ("client_ca", "is not read from this file; name a file in client_ca_file"),
    ("cipher_suites", "cannot be chosen; remove it: all that are offered have forward secrecy"),
    ("prefer_server_cipher_suites", "cannot be chosen; remove it"),
    ("curve_preferences", "cannot be chosen; remove it"),
];

/// Maximum number of names of clients.
const MAX_NAMES: usize = 1_000;

/// Files of one reading.
pub(super) struct TlsFiles {
    directory: PathBuf,
    now: Timestamp,
    pub(super) texts: Vec<FileText>,
    pub(super) outdated: Option<SettingsFault>,
    pub(super) exposures: Vec<SecretExposure>,
}

impl TlsFiles {
    /// Begins a reading. Paths are relative to `directory`.
    pub(super) fn new(directory: &Path, now: Timestamp) -> Self {
        Self { directory: directory.to_owned(), now, texts: Vec::new(), outdated: None, exposures: Vec::new() }
    }

    /// Reads the file that `key` names, with its path and mode. One that cannot be read is a fault.
    fn read(&mut self, table: &DocumentTable<'_>, key: &str) -> Option<(String, PathBuf, SecretMode)> {
        let named = table.string(key)?;
        let path = self.directory.join(named);
        let (text, mode) = FileText::read_regular(&path);
        let content = text.text().map(str::to_owned).map_err(str::to_owned);
        self.texts.push(text);
        match content {
            Ok(content) => Some((content, path, mode.unwrap_or_default())),
            Err(error) => {
                table.fault(key, format!("names {}, which {error}", path.display()));
                None
            }
        }
    }

    /// Reads the certificates in the file that `key` names.
    fn certificates(&mut self, table: &DocumentTable<'_>, key: &str) -> Option<Vec<CertificateDer<'static>>> {
        let (text, path, _) = self.read(table, key)?;
        let found = pem_certificates(&text);
        found.map_err(|message| table.fault(key, format!("names {}, which {message}", path.display()))).ok()
    }

    /// Reads the private key, which nobody else may have changed or read.
    fn key(&mut self, table: &DocumentTable<'_>) -> Option<PrivateKeyDer<'static>> {
        let (text, path, mode) = self.read(table, "key_file")?;
        if let Err(message) = SecretExposure::refuse_unsafe(&path, mode) {
            table.fault("key_file", format!("names {message}"));
            return None;
        }
        self.exposures.extend(SecretExposure::of_file(&path, mode, "the key of tls_server_config.key_file"));
        let key = pem_key(&text);
        key.map_err(|message| table.fault("key_file", format!("names {}, which {message}", path.display()))).ok()
    }
}

/// Reads the table into `config`. Faults are left in the table.
pub(super) fn read(root: &DocumentTable<'_>, files: &mut TlsFiles, config: &mut WebConfig) {
    let Some(table) = root.table("tls_server_config", &KNOWN) else { return };
    for (key, message) in UNSUPPORTED.into_iter().filter(|(key, _)| table.has(key)) {
        table.fault(key, message);
    }
    table.requires(&["cert_file", "key_file"]);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = tls_versions(&table);
    let (certificates, key) = (files.certificates(&table, "cert_file"), files.key(&table));
    if let Some(first) = certificates.as_ref().and_then(|certificates| certificates.first()) {
        check_certificate(&table, first, files, config);
        config.certificate = Some(first.clone());
    }
    let clients = clients(&table, files, config, &provider);
    let Some((certificates, key)) = certificates.zip(key) else { return };
    let certified = match CertifiedKey::from_der(certificates, key, &provider) {
        Ok(certified) => certified,
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            return table.fault("key_file", "does not belong to the certificate of cert_file; name the pair");
        }
        Err(error) => return table.fault("key_file", format!("cannot be used with cert_file: {error}")),
    };
    // Before the certificate is chosen, only the versions can be refused, and each is one of the provider.
    let Ok(builder) = ServerConfig::builder_with_provider(provider).with_protocol_versions(&versions) else { return };
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(Arc::new(clients)),
        None => builder.with_no_client_auth(),
    };
    let mut tls = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session would skip a changed list of clients.
    tls.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    tls.send_tls13_tickets = 0;
    config.tls = Some(Arc::new(tls));
}

/// Reads the versions from `min_version` to `max_version`.
pub(crate) fn tls_versions(table: &DocumentTable<'_>) -> Vec<&'static SupportedProtocolVersion> {
    let words = [("TLS12", 2), ("TLS13", 3)];
    let version = |key: &str, default: u8| {
        if let Some(old @ ("TLS10" | "TLS11")) = table.text(key) {
            table.fault(key, format!("{old} is not supported; TLS12 and TLS13 are"));
            return default;
        }
        table.choice(key, &words).unwrap_or(default)
    };
    let (min, max) = (version("min_version", 2), version("max_version", 3));
    if min > max {
        table.fault("min_version", "is above max_version; swap them");
    }
    [(2, &TLS12), (3, &TLS13)]
        .into_iter()
        .filter(|(number, _)| (min..=max).contains(number))
        .map(|(_, it)| it)
        .collect()
}

/// Checks what clients would refuse in the server certificate.
fn check_certificate(
    table: &DocumentTable<'_>,
    certificate: &CertificateDer<'_>,
    files: &mut TlsFiles,
    config: &mut WebConfig,
) {
    let Some(facts) = CertificateFacts::parse(certificate) else {
        return table.fault("cert_file", "begins with a certificate that cannot be parsed");
    };
    if facts.names.is_empty() {
        let message = "has no subject alternative name, so every client refuses it; make one with -addext \
                       subjectAltName=DNS:NAME,IP:ADDRESS";
        table.fault("cert_file", message);
    }
    config.not_after = Some(facts.not_after);
    let outdated = if facts.not_after < files.now {
        Some(format!("expired at {}; renew it", facts.not_after))
    } else if facts.not_before > files.now {
        Some(format!("is not valid before {}; check the clock, or wait", facts.not_before))
    } else {
        None
    };
    files.outdated = outdated.map(|message| SettingsFault {
        key: "tls_server_config.cert_file".to_owned(),
        origin: Some(table.origin("cert_file")),
        message,
    });
}

/// Reads the policy on client certificates.
fn clients(
    table: &DocumentTable<'_>,
    files: &mut TlsFiles,
    config: &mut WebConfig,
    provider: &Arc<CryptoProvider>,
) -> Option<ClientCertificates> {
    let words = [
        ("NoClientCert", None),
        ("RequestClientCert", Some(ClientAuthType::Request)),
        ("RequireAnyClientCert", Some(ClientAuthType::RequireAny)),
        ("VerifyClientCertIfGiven", Some(ClientAuthType::VerifyIfGiven)),
        ("RequireAndVerifyClientCert", Some(ClientAuthType::RequireAndVerify)),
    ];
    let policy = table.choice("client_auth_type", &words).flatten();
    let authorities = files.certificates(table, "client_ca_file");
    let is_verified = policy.is_some_and(ClientAuthType::is_verified);
    if table.has("client_ca_file") && !is_verified {
        let message = "has no effect without client_auth_type: RequireAndVerifyClientCert or VerifyClientCertIfGiven";
        table.fault("client_ca_file", message);
    }
    if is_verified && !table.has("client_ca_file") {
        table
            .fault("client_auth_type", "needs client_ca_file, the authority that has signed the clients' certificates");
    }
    let name = |text: &str| if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text.to_owned()) };
    let allowed_names = table.parsed_each("client_allowed_sans", name).unwrap_or_default();
    if table.has("client_allowed_sans") && !policy.is_some_and(ClientAuthType::is_required) {
        let message = "needs client_auth_type: RequireAndVerifyClientCert or RequireAnyClientCert";
        table.fault("client_allowed_sans", message);
    }
    if allowed_names.len() > MAX_NAMES {
        table.fault("client_allowed_sans", format!("has more than {MAX_NAMES} names; use fewer"));
    }
    if table.is_list("client_allowed_sans") && allowed_names.is_empty() {
        table.fault("client_allowed_sans", "admits nobody; list names, or remove the key");
    }
    let policy = policy?;
    let chain = if is_verified { Some(chain(table, authorities?, provider)?) } else { None };
    config.needs_certificate = policy.is_required();
    config.is_certificate_verified = is_verified;
    Some(ClientCertificates {
        chain,
        is_mandatory: policy.is_required() && config.excluded_paths.is_empty(),
        allowed_names,
        algorithms: provider.signature_verification_algorithms,
    })
}

/// Returns the verifier of certificates that these authorities have signed.
fn chain(
    table: &DocumentTable<'_>,
    authorities: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Option<Arc<dyn rustls::server::danger::ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        if let Err(error) = roots.add(authority) {
            table.fault("client_ca_file", format!("has a certificate that cannot be used: {error}"));
            return None;
        }
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    verifier.map_err(|error| table.fault("client_ca_file", format!("cannot be used: {error}"))).ok()
}
