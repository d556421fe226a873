//! Client certificates: who must have one, from whom, and for which names.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::certificate::CertificateFacts;

/// Policies of `client_auth_type` that ask for a certificate, as crypto/tls of Go defines them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientAuthType {
    /// A certificate is asked for, and neither required nor verified.
    Request,
    /// Any certificate is required; it is not verified.
    RequireAny,
    /// A certificate is verified if there is one.
    VerifyIfGiven,
    /// A verified certificate is required.
    RequireAndVerify,
}

impl ClientAuthType {
    pub(super) fn is_required(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }

    pub(super) fn is_verified(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }
}

/// Verifier of client certificates in a handshake.
#[derive(Debug)]
pub(super) struct ClientCertificates {
    /// Verifier of the chain, or `None` if any certificate is accepted.
    pub(super) chain: Option<Arc<dyn ClientCertVerifier>>,
    /// True if a handshake without a certificate fails. It is false where paths are excluded: requests for other paths
    /// are refused then.
    pub(super) is_mandatory: bool,
    /// Names of which a certificate must have one; empty if any will do.
    pub(super) allowed_names: Vec<String>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for ClientCertificates {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.as_ref().map_or(&[], |chain| chain.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(chain) = &self.chain {
            chain.verify_client_cert(end_entity, intermediates, now)?;
        }
        if !self.allowed_names.is_empty() {
            let facts =
                CertificateFacts::parse(end_entity).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
            if !facts.names.iter().any(|name| self.allowed_names.contains(name)) {
                return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
            }
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
