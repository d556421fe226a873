//! Access of requests to a running pacemeter: user, password and TLS, from options or from a file in the format of
//! Prometheus' `http_config`, as `promtool --http.config.file` reads it.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueHint};
use rustls::SupportedProtocolVersion;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};

use super::client_tls::{ClientIdentity, TlsClient, Trust};
use crate::http;
use crate::runtime::{Exit, Failure};
use crate::settings::{Document, DocumentTable, FileText, SecretExposure};

const HEADING: &str = "Access";
/// Maximum length of user and password together, so that they fit in the head of a request.
const MAX_CREDENTIALS: usize = 4_096;
/// Places of the system's authorities: those of Debian, Fedora and Alpine.
const SYSTEM_AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Options that say how a server with a password or TLS is asked. They override the keys of the file.
#[derive(Args, Default)]
pub(crate) struct AccessArgs {
    /// File with user, password and TLS in the format of Prometheus' http_config; its paths are relative to its
    /// directory.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    http_config_file: Option<PathBuf>,
    /// User of the server.
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    user: Option<String>,
    /// File with the password of the user.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    password_file: Option<PathBuf>,
    /// Trusted certificates (PEM): those of authorities, or that of the server itself. Asks with TLS.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    ca_file: Option<PathBuf>,
    /// Name that the server's certificate must have; default: the host of --address. Asks with TLS.
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    server_name: Option<String>,
    /// Certificate of the client (PEM), for a server that requires one. Asks with TLS.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    cert_file: Option<PathBuf>,
    /// Key of the client's certificate (PEM, without a passphrase).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = HEADING)]
    key_file: Option<PathBuf>,
}

/// User and password as a line of the request.
#[derive(Clone)]
pub(super) struct Credentials(String);

/// Omits user and password.
impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Credentials")
    }
}

impl Credentials {
    fn new(user: &str, password: &str) -> Self {
        Self(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    /// Returns the value of the Authorization line (RFC 7617).
    pub(super) fn header(&self) -> &str {
        &self.0
    }
}

/// Access of requests, with all files read.
pub(super) struct ClientAccess {
    pub(super) credentials: Option<Credentials>,
    /// TLS that is asked for; `None` if neither an option nor the file mentions TLS.
    pub(super) tls: Option<TlsAccess>,
}

/// TLS that an option or the file asks for.
pub(super) struct TlsAccess {
    authorities: Option<Vec<CertificateDer<'static>>>,
    identity: Option<ClientIdentity>,
    server_name: Option<String>,
    is_unverified: bool,
    versions: Vec<&'static SupportedProtocolVersion>,
}

impl Default for TlsAccess {
    fn default() -> Self {
        let versions = vec![&TLS12, &TLS13];
        Self { authorities: None, identity: None, server_name: None, is_unverified: false, versions }
    }
}

impl TlsAccess {
    /// Access to any server, which need not prove who it is.
    pub(super) fn unverified() -> Self {
        Self { is_unverified: true, ..Self::default() }
    }

    /// Creates the client for a host. Without authorities it trusts `own`, the certificate of the server's settings, and
    /// without that the authorities of the system. `own` must have the name that is asked for, if there is one; the host is
    /// an address, which it need not have.
    ///
    /// # Errors
    /// Exit code 78 if there is nobody to trust, or something cannot be used.
    pub(super) fn client(self, host: &str, own: Option<CertificateDer<'static>>) -> Result<TlsClient, Failure> {
        let trust = match (self.is_unverified, self.authorities, own) {
            (true, ..) => Trust::Any,
            (false, Some(authorities), _) => Trust::Authorities(authorities),
            (false, None, Some(own)) if self.server_name.is_none() => Trust::Certificate(own),
            (false, None, Some(own)) => Trust::NamedCertificate(own),
            (false, None, None) => Trust::Authorities(system_authorities()?),
        };
        let name = self.server_name.as_deref().unwrap_or(host);
        TlsClient::new(trust, self.identity, &self.versions, name).map_err(|message| {
            Failure::new(
                Exit::Configuration,
                format!("TLS cannot be used: {message}; check --ca-file, --server-name, --cert-file and --key-file"),
            )
        })
    }
}

fn system_authorities() -> Result<Vec<CertificateDer<'static>>, Failure> {
    let place = SYSTEM_AUTHORITIES.map(Path::new).into_iter().find(|place| place.exists()).ok_or_else(|| {
        let message = "the server's certificate cannot be verified, as this machine has no authorities; name the server's in --ca-file";
        Failure::new(Exit::Configuration, message)
    })?;
    certificates(&NamedFile { path: place.to_owned(), key: "authorities of the system".to_owned() })
}

/// A file, and the option or key that names it.
struct NamedFile {
    path: PathBuf,
    key: String,
}

impl NamedFile {
    fn of_option(option: &str, path: &Path) -> Self {
        Self { path: path.to_owned(), key: option.to_owned() }
    }

    /// Fault of this file, then the remedy.
    fn fault(&self, message: &str) -> Failure {
        Failure::new(Exit::Configuration, format!("{}: {message}", self.key))
    }

    /// Reads the file, whose mode matters if it is a secret. A pipe is allowed.
    fn read(&self, is_secret: bool) -> Result<String, Failure> {
        let (text, mode) = FileText::read_with_mode(&self.path);
        if let Some(mode) = mode.filter(|_| is_secret) {
            SecretExposure::refuse_unsafe(&self.path, mode).map_err(|message| self.fault(&message))?;
        }
        let path = self.path.display();
        let unread = |reason: &str| self.fault(&format!("{path} {reason}; name a file that you can read"));
        text.text().map(str::to_owned).map_err(unread)
    }
}

fn certificates(file: &NamedFile) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let text = file.read(false)?;
    http::pem_certificates(&text).map_err(|message| file.fault(&format!("{} {message}", file.path.display())))
}

fn private_key(file: &NamedFile) -> Result<PrivateKeyDer<'static>, Failure> {
    let text = file.read(true)?;
    http::pem_key(&text).map_err(|message| file.fault(&format!("{} {message}", file.path.display())))
}

/// Access as it is written, before its files are read.
#[derive(Default)]
struct AccessSource {
    user: Option<String>,
    password: Option<NamedFile>,
    authorities: Option<NamedFile>,
    certificate: Option<NamedFile>,
    key: Option<NamedFile>,
    server_name: Option<String>,
    is_unverified: bool,
    versions: Option<Vec<&'static SupportedProtocolVersion>>,
    has_tls: bool,
}

impl AccessArgs {
    /// True if an option asks for a certain access.
    pub(super) fn is_given(&self) -> bool {
        self.http_config_file.is_some() || self.user.is_some() || self.password_file.is_some() || self.asks_for_tls()
    }

    fn asks_for_tls(&self) -> bool {
        self.ca_file.is_some() || self.server_name.is_some() || self.cert_file.is_some() || self.key_file.is_some()
    }

    /// Reads the file, and the files that it and the options name.
    ///
    /// # Errors
    /// Exit code 78 with the faults of the file, or of one that is named; 64 if an option lacks another.
    pub(super) fn read(&self) -> Result<ClientAccess, Failure> {
        let mut source = self.http_config_file.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let named = |option: &str, path: &Option<PathBuf>| path.as_ref().map(|path| NamedFile::of_option(option, path));
        source.user = self.user.clone().or(source.user);
        source.password = named("--password-file", &self.password_file).or(source.password);
        source.authorities = named("--ca-file", &self.ca_file).or(source.authorities);
        source.certificate = named("--cert-file", &self.cert_file).or(source.certificate);
        source.key = named("--key-file", &self.key_file).or(source.key);
        source.server_name = self.server_name.clone().or(source.server_name);
        source.has_tls |= self.asks_for_tls();
        source.load()
    }
}

impl AccessSource {
    fn load(self) -> Result<ClientAccess, Failure> {
        let lacks = |message: &str| Failure::new(Exit::Usage, message);
        let credentials = match (self.user, self.password) {
            (None, None) => None,
            (Some(user), Some(file)) => Some(read_credentials(&user, &file)?),
            (Some(_), None) => return Err(lacks("a user needs a password; name its file in --password-file")),
            (None, Some(_)) => return Err(lacks("a password needs a user; name it in --user")),
        };
        let identity = match (self.certificate, self.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificates(&certificate)?, private_key(&key)?)),
            (Some(_), None) => return Err(lacks("a client certificate needs its key; name the file in --key-file")),
            (None, Some(_)) => return Err(lacks("a client key needs its certificate; name the file in --cert-file")),
        };
        let tls = TlsAccess {
            authorities: self.authorities.as_ref().map(certificates).transpose()?,
            identity,
            server_name: self.server_name,
            is_unverified: self.is_unverified,
            versions: self.versions.unwrap_or_else(|| TlsAccess::default().versions),
        };
        Ok(ClientAccess { credentials, tls: self.has_tls.then_some(tls) })
    }
}

/// Reads the password, without the line break at its end, as Prometheus does.
fn read_credentials(user: &str, file: &NamedFile) -> Result<Credentials, Failure> {
    let password = file.read(true)?;
    let (password, path) = (password.trim(), file.path.display());
    if user.is_empty() || user.contains(':') || user.chars().any(char::is_control) {
        return Err(Failure::new(Exit::Configuration, "the user is no name, or has a colon; check --user"));
    }
    match () {
        () if password.is_empty() => Err(file.fault(&format!("{path} is empty; write the password into it"))),
        () if user.len() + password.len() > MAX_CREDENTIALS => {
            Err(file
                .fault(&format!("{path} has no password, but more than {MAX_CREDENTIALS} bytes; name another file")))
        }
        () => Ok(Credentials::new(user, password)),
    }
}

/// Keys of the format that have no effect here, with what to do.
const UNSUPPORTED: [(&str, &str); 9] = [
    ("authorization", "is not supported; the server asks for a user and a password: use basic_auth"),
    ("bearer_token", "is not supported; use basic_auth"),
    ("bearer_token_file", "is not supported; use basic_auth"),
    ("oauth2", "is not supported; use basic_auth"),
    ("proxy_url", "is not supported; the server is asked directly: remove it"),
    ("proxy_from_environment", "is not supported; the server is asked directly: remove it"),
    ("proxy_connect_header", "is not supported; the server is asked directly: remove it"),
    ("no_proxy", "is not supported; the server is asked directly: remove it"),
    ("http_headers", "is not supported; remove it"),
];

const TLS_KEYS: [&str; 10] = [
    "ca_file",
    "cert_file",
    "key_file",
    "server_name",
    "insecure_skip_verify",
    "min_version",
    "max_version",
    "ca",
    "cert",
    "key",
];

/// Reads a file of the format. All faults are reported together.
fn read_file(path: &Path) -> Result<AccessSource, Failure> {
    let (text, _) = FileText::read_with_mode(path);
    let document = Document::of_yaml(&text);
    let known: Vec<&str> = ["basic_auth", "tls_config", "follow_redirects", "enable_http2"]
        .into_iter()
        .chain(UNSUPPORTED.iter().map(|(key, _)| *key))
        .collect();
    let root = document.root(&known);
    for (key, message) in UNSUPPORTED.into_iter().filter(|(key, _)| root.has(key)) {
        root.fault(key, message);
    }
    for (key, message) in [
        ("follow_redirects", "is not supported; the server never redirects: remove it, or set it to false"),
        ("enable_http2", "is not supported; the server speaks HTTP/1.1: remove it, or set it to false"),
    ] {
        if root.boolean(key) == Some(true) {
            root.fault(key, message);
        }
    }
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut source = AccessSource::default();
    basic_auth(&root, directory, &mut source);
    tls_config(&root, directory, &mut source);
    document.faults().err_if_any().map_err(|faults| {
        let lines: String = faults.iter().map(|fault| format!("\n  {fault}")).collect();
        let more =
            if faults.unreported() > 0 { format!("\n  and {} more", faults.unreported()) } else { String::new() };
        Failure::new(Exit::Configuration, format!("--http-config-file has faults; correct them:{lines}{more}"))
    })?;
    Ok(source)
}

fn named_file(table: &DocumentTable<'_>, key: &str, directory: &Path) -> Option<NamedFile> {
    let path = directory.join(table.string(key)?);
    Some(NamedFile { path, key: format!("{key} ({})", table.origin(key)) })
}

fn basic_auth(root: &DocumentTable<'_>, directory: &Path, source: &mut AccessSource) {
    let known = ["username", "password_file", "password", "username_file", "username_ref", "password_ref"];
    let Some(table) = root.table("basic_auth", &known) else { return };
    for (key, message) in [
        ("password", "does not belong in this file; name a file in password_file"),
        ("username_file", "is not supported; write the name in username"),
        ("username_ref", "is not supported; write the name in username"),
        ("password_ref", "is not supported; name a file in password_file"),
    ] {
        if table.has(key) {
            table.fault(key, message);
        }
    }
    table.requires(&["username", "password_file"]);
    source.user = table.string("username");
    source.password = named_file(&table, "password_file", directory);
}

fn tls_config(root: &DocumentTable<'_>, directory: &Path, source: &mut AccessSource) {
    let Some(table) = root.table("tls_config", &TLS_KEYS) else { return };
    for key in ["ca", "cert", "key"] {
        if table.has(key) {
            table.fault(key, format!("is not read from this file; name a file in {key}_file"));
        }
    }
    match (table.has("cert_file"), table.has("key_file")) {
        (true, false) => table.requires(&["key_file"]),
        (false, true) => table.requires(&["cert_file"]),
        _ => {}
    }
    source.has_tls = true;
    source.authorities = named_file(&table, "ca_file", directory);
    source.certificate = named_file(&table, "cert_file", directory);
    source.key = named_file(&table, "key_file", directory);
    source.server_name = table.string("server_name");
    source.is_unverified = table.boolean("insecure_skip_verify").unwrap_or(false);
    source.versions = Some(http::tls_versions(&table));
}

#[cfg(test)]
mod tests;
