//! Rights of clients: the file of `http.web_config_file`, in the format of Prometheus' exporter-toolkit.
//!
//! The file is YAML. Paths in it are relative to its directory. Keys that are unknown or that this server does not
//! implement are faults, so that nobody relies on what has no effect. Certificates and keys are read with the file and
//! compared with it, so that a renewed certificate is a change too.

mod certificate;
mod client_certificates;
mod pem;
mod read;
mod tls;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;

use crate::clock::{Clock, Timestamp};
use crate::settings::{FileText, SecretExposure, SettingsFault, SettingsFaults};

pub(crate) use certificate::CertificateFacts;
pub(crate) use pem::{pem_certificates, pem_key};
pub(crate) use tls::tls_versions;

/// Rights and transport in force. Without a file, everybody who can connect may read, and nothing is encrypted.
///
/// It has hashes of passwords, so it does not implement `Debug`.
#[derive(Default)]
pub struct WebConfig {
    /// TLS, or `None` for plain HTTP.
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Certificate of the server; with TLS never `None`.
    certificate: Option<CertificateDer<'static>>,
    /// True if a request needs a client certificate.
    pub(super) needs_certificate: bool,
    /// True if client certificates are those of a certificate authority that the file names.
    is_certificate_verified: bool,
    /// End of the server certificate's validity.
    pub(super) not_after: Option<Timestamp>,
    /// Passwords as bcrypt hashes, by user; empty if requests need none.
    pub(super) users: BTreeMap<String, String>,
    /// Paths that need neither a password nor a client certificate.
    pub(super) excluded_paths: Vec<String>,
    /// Headers of every answer.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) rate_limit: Option<RateLimit>,
}

/// Bound on requests: a token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RateLimit {
    /// Time in which one request is allowed.
    pub(super) interval: Duration,
    /// Number of requests that are allowed at once.
    pub(super) burst: u32,
}

impl WebConfig {
    /// Returns the server's own certificate, or `None` for plain HTTP.
    pub(crate) fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.certificate.as_ref()
    }

    /// True if only those can read whom the file admits, and nobody on the way can listen.
    pub fn is_protected(&self) -> bool {
        let is_authenticated = !self.users.is_empty() || (self.needs_certificate && self.is_certificate_verified);
        self.tls.is_some() && is_authenticated
    }
}

/// One reading of the file and of the files that it names.
pub(crate) struct LoadedWebConfig {
    /// Contents of all files, valid or not, compared to detect changes.
    pub(crate) texts: Vec<FileText>,
    /// The configuration, or all faults.
    pub(crate) result: Result<WebConfig, SettingsFaults>,
    /// Fault of a server certificate that is expired or not valid yet.
    pub(crate) outdated: Option<SettingsFault>,
    /// Secrets in the files that other users can read.
    pub(crate) exposures: Vec<SecretExposure>,
}

impl LoadedWebConfig {
    /// Reads the file, if there is one. Waits for the disk.
    pub(crate) fn read(path: Option<&Path>) -> Self {
        path.map_or_else(
            || Self { texts: Vec::new(), result: Ok(WebConfig::default()), outdated: None, exposures: Vec::new() },
            // Clients judge certificates by the real time, whatever the programme's clock is.
            |path| read::read(path, Clock::wall().now()),
        )
    }
}

#[cfg(test)]
mod tests;
