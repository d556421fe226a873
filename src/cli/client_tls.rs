//! TLS of requests to a running pacemeter: who is trusted, and the transport below HTTP.

use std::fmt;
use std::io::{Read, Write};
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    StreamOwned, SupportedProtocolVersion,
};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use crate::clock::Timestamp;
use crate::http::CertificateFacts;

/// Servers that are trusted.
pub(super) enum Trust {
    /// Servers whose certificate is one of these, or signed by one of these, and names the host.
    Authorities(Vec<CertificateDer<'static>>),
    /// The server that has this certificate, whatever it names.
    Certificate(CertificateDer<'static>),
    /// The server that has this certificate, if it names the host and is valid.
    NamedCertificate(CertificateDer<'static>),
    /// Any server.
    Any,
}

/// Certificates and key with which the client proves who it is.
pub(super) type ClientIdentity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// TLS of a client: its configuration, and the name to verify. Cheap to clone.
#[derive(Clone)]
pub(super) struct TlsClient {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    /// Certificate of the first server that has presented one.
    presented: Arc<OnceLock<CertificateDer<'static>>>,
}

/// Omits the client's key.
impl fmt::Debug for TlsClient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TlsClient({:?})", self.name)
    }
}

impl TlsClient {
    /// Creates the client.
    ///
    /// # Errors
    /// The name is no name of a host, an authority cannot be used, or the key is not that of the certificate.
    pub(super) fn new(
        trust: Trust,
        identity: Option<ClientIdentity>,
        versions: &[&'static SupportedProtocolVersion],
        name: &str,
    ) -> Result<Self, String> {
        let name = ServerName::try_from(name.to_owned()).map_err(|_| format!("{name} is no name of a host"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let presented = Arc::default();
        let verifier = ServerVerifier::new(trust, &provider, Arc::clone(&presented))?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match identity {
            Some((certificates, key)) => builder
                .with_client_auth_cert(certificates, key)
                .map_err(|error| format!("the client's certificate and key cannot be used: {error}"))?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), name, presented })
    }

    /// Returns the first certificate that a server has presented; `None` before a handshake.
    pub(super) fn presented(&self) -> Option<&CertificateDer<'static>> {
        self.presented.get()
    }
}

/// Verifier of the server's certificate.
#[derive(Debug)]
struct ServerVerifier {
    /// Certificates that are trusted without a chain.
    known: Vec<CertificateDer<'static>>,
    /// True if a known certificate must name the host and be valid now.
    checks_name: bool,
    chain: Option<Arc<WebPkiServerVerifier>>,
    accepts_any: bool,
    algorithms: WebPkiSupportedAlgorithms,
    presented: Arc<OnceLock<CertificateDer<'static>>>,
}

impl ServerVerifier {
    fn new(
        trust: Trust,
        provider: &Arc<CryptoProvider>,
        presented: Arc<OnceLock<CertificateDer<'static>>>,
    ) -> Result<Self, String> {
        let algorithms = provider.signature_verification_algorithms;
        let mut verifier =
            Self { known: Vec::new(), checks_name: true, chain: None, accepts_any: false, algorithms, presented };
        match trust {
            Trust::Any => verifier.accepts_any = true,
            Trust::Certificate(certificate) => (verifier.known, verifier.checks_name) = (vec![certificate], false),
            Trust::NamedCertificate(certificate) => verifier.known = vec![certificate],
            Trust::Authorities(authorities) => {
                let mut roots = RootCertStore::empty();
                // A system's store may have some that are malformed; one that all are is a fault.
                let (usable, _) = roots.add_parsable_certificates(authorities.iter().cloned());
                if usable == 0 {
                    return Err("no certificate in it can be used".to_owned());
                }
                let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
                verifier.chain = Some(chain.map_err(|error| error.to_string())?);
                verifier.known = authorities;
            }
        }
        Ok(verifier)
    }

    /// Accepts a certificate that is itself trusted. A chain of one would be refused: a certificate that signs itself
    /// is that of an authority, which no server may have.
    fn verify_known(&self, end_entity: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
        if !self.checks_name {
            return Ok(());
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
        let facts =
            CertificateFacts::parse(end_entity).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX / 1_000);
        let now = Timestamp::from_millis(seconds.saturating_mul(1_000));
        match () {
            () if now < facts.not_before => Err(Error::InvalidCertificate(CertificateError::NotValidYet)),
            () if now > facts.not_after => Err(Error::InvalidCertificate(CertificateError::Expired)),
            () => Ok(()),
        }
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.presented.get_or_init(|| end_entity.clone().into_owned());
        if self.known.iter().any(|known| known.as_ref() == end_entity.as_ref()) {
            self.verify_known(end_entity, server_name, now)?;
            return Ok(ServerCertVerified::assertion());
        }
        match &self.chain {
            Some(chain) => chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            None if self.accepts_any => Ok(ServerCertVerified::assertion()),
            None => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
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

/// Connector that speaks TLS on the connection below. Unlike that of ureq it takes a configuration of rustls, and the
/// name to verify apart from the address.
#[derive(Debug)]
pub(super) struct TlsConnector(pub(super) TlsClient);

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = TlsTransport;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<TlsTransport>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        let mut socket = TransportAdapter::new(transport.boxed(), Arc::clone(&details.current_time));
        socket.set_timeout(details.timeout);
        let tls = ClientConnection::new(Arc::clone(&self.0.config), self.0.name.clone()).map_err(io_error)?;
        let mut stream = StreamOwned { conn: tls, sock: socket };
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(TlsTransport { buffers, stream }))
    }
}

/// The form in which rustls reports the errors of a stream.
fn io_error(error: Error) -> ureq::Error {
    ureq::Error::Io(std::io::Error::new(std::io::ErrorKind::InvalidData, error))
}

/// TLS connection below HTTP.
pub(super) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("TlsTransport")
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output).map_err(|error| {
            // The server may have said why, before it closed the connection.
            let alert = self.stream.read(&mut [0]).err().map(ureq::Error::Io);
            alert.filter(|alert| tls_error(alert).is_some()).unwrap_or_else(|| error.into())
        })
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let amount = self.stream.read(input)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// Returns the error of TLS in an error of a request, if it is one.
pub(super) fn tls_error(error: &ureq::Error) -> Option<&Error> {
    match error {
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}
