//! Facts of a certificate: its names and its validity.

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::clock::Timestamp;

/// Names and validity of a certificate.
#[derive(Debug)]
pub(crate) struct CertificateFacts {
    /// Subject alternative names: DNS names, addresses, e-mail addresses and URIs.
    pub(crate) names: Vec<String>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

impl CertificateFacts {
    /// Parses a certificate; `None` if it is malformed.
    pub(crate) fn parse(certificate: &CertificateDer<'_>) -> Option<Self> {
        let certificate = Certificate::from_der(certificate).ok()?;
        let certificate = certificate.tbs_certificate();
        let names = certificate.get_extension::<SubjectAltName>().ok()?;
        let names = names.map_or(Vec::new(), |(_, names)| names.0.iter().filter_map(text).collect());
        let time = |time: x509_cert::time::Time| {
            let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
            Some(Timestamp::from_millis(seconds.checked_mul(1_000)?))
        };
        let validity = certificate.validity();
        Some(Self { names, not_before: time(validity.not_before)?, not_after: time(validity.not_after)? })
    }
}

fn text(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::Rfc822Name(name) => Some(name.to_string()),
        GeneralName::UniformResourceIdentifier(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let v4 = || <[u8; 4]>::try_from(bytes).ok().map(|octets| std::net::IpAddr::from(octets).to_string());
            v4().or_else(|| <[u8; 16]>::try_from(bytes).ok().map(|octets| std::net::IpAddr::from(octets).to_string()))
        }
        _ => None,
    }
}
