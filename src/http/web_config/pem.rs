//! Certificates and keys in PEM.

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Maximum number of certificates in a file.
const MAX_CERTIFICATES: usize = 1_000;

/// Reads the certificates in the text of a file; at least one.
///
/// # Errors
/// Fault of the file with its remedy, for a sentence that begins with its path.
pub(crate) fn pem_certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).take(MAX_CERTIFICATES + 1).collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err("has no certificate in PEM; name a file that begins with -----BEGIN CERTIFICATE-----".to_owned())
        }
        Ok(found) if found.len() > MAX_CERTIFICATES => {
            Err(format!("has more than {MAX_CERTIFICATES} certificates; name the ones that are needed"))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(format!("is not PEM: {error}; name a file of certificates")),
    }
}

/// Reads the private key in the text of a file.
///
/// # Errors
/// Missing content of the file with its remedy, for a sentence that begins with its path.
pub(crate) fn pem_key(text: &str) -> Result<PrivateKeyDer<'static>, &'static str> {
    let message = "has no private key in PEM without a passphrase; name one that has";
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_certificate_or_key_are_refused_with_remedy() {
        let one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(pem_certificates(one).map(|found| found.len()), Ok(1));
        assert_eq!(pem_certificates(&one.repeat(MAX_CERTIFICATES)).map(|found| found.len()), Ok(MAX_CERTIFICATES));
        for (text, said) in [
            (String::new(), "has no certificate in PEM; name a file that begins with"),
            (one.repeat(MAX_CERTIFICATES + 1), "has more than 1000 certificates; name the ones"),
            (one.replace("AAAA", "?"), "is not PEM: "),
        ] {
            let refused = pem_certificates(&text).unwrap_err();
            assert!(refused.starts_with(said), "{refused}");
        }
        assert!(pem_key(one).unwrap_err().starts_with("has no private key in PEM"));
    }
}
