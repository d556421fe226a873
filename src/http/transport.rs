//! Bytes of a connection: plain, or within TLS.

use std::io::{self, IoSlice, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::refusal::Refusal;
use crate::telemetry::process::HttpMetrics;

/// First byte of a TLS connection: the content type of a handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;

/// Stream of one connection.
pub(super) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Transport {
    /// Accepts a connection: with a handshake of at most `timeout`, if there is TLS. Returns `None` if it fails.
    pub(super) async fn accept(
        stream: TcpStream,
        tls: Option<&Arc<ServerConfig>>,
        timeout: Duration,
        metrics: &HttpMetrics,
    ) -> Option<Self> {
        let Some(tls) = tls else { return Some(Self::Plain(stream)) };
        let address = stream.peer_addr().ok();
        match tokio::time::timeout(timeout, handshake(stream, tls, metrics)).await {
            Ok(Ok(stream)) => return Some(Self::Tls(Box::new(stream))),
            Ok(Err(error)) => fail(address, &error, metrics),
            Err(_) => metrics.timed_out.inc(),
        }
        None
    }

    /// Returns the socket beneath.
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    /// True if the client has shown a certificate, which the handshake then has accepted.
    pub(super) fn has_certificate(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.peer_certificates().is_some_and(|chain| !chain.is_empty()),
        }
    }

    /// Writes what needs no wait. Bytes within TLS leave with the shutdown that follows.
    pub(super) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.try_write(bytes),
            Self::Tls(stream) => stream.get_mut().1.writer().write(bytes),
        }
    }
}

async fn handshake(
    stream: TcpStream,
    tls: &Arc<ServerConfig>,
    metrics: &HttpMetrics,
) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE {
        let answer = Refusal::PLAIN_HTTP.bytes(false);
        if stream.try_write(&answer).is_ok() {
            metrics.responded(Refusal::PLAIN_HTTP.status.as_u16());
        }
        // Closing with unread bytes would reset the connection before the client has the answer.
        let _ = stream.try_read(&mut [0; 4096]);
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the client does not speak TLS"));
    }
    TlsAcceptor::from(Arc::clone(tls)).accept(stream).await
}

fn fail(address: Option<SocketAddr>, error: &io::Error, metrics: &HttpMetrics) {
    metrics.handshakes_failed.inc();
    let address = address.map_or(String::new(), |address| address.ip().to_string());
    tracing::warn!(event = "pacemeter.http.handshake_failed", address, error = %error, "handshake failed");
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
