//! One connection, from accept to close.

use std::future::Future;
use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use crate::telemetry::process::HttpMetrics;

/// The head of a request: request line and headers together, and the number of headers.
pub(super) const MAX_HEAD_BYTES: usize = 16 * 1024;
pub(super) const MAX_HEADERS: usize = 32;

/// Maximum bytes and time for which a refused request is still read before the connection is closed.
const LINGER_BYTES: usize = 256 * 1024;
const LINGER: Duration = Duration::from_millis(500);

const REJECTION: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 21\r\n\
    cache-control: no-store\r\n\
    x-content-type-options: nosniff\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\
    \r\n\
    too many connections\n";

/// Serves one connection until either side ends it, it takes too long, or `stopping` becomes true and its request is
/// answered.
pub(super) async fn serve(
    stream: TcpStream,
    router: Router,
    timeout: Duration,
    mut stopping: watch::Receiver<bool>,
    metrics: HttpMetrics,
) {
    // An answer's last segment is not to wait for the client's delayed acknowledgement. The call fails if the client is
    // gone already.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(TimedSocket::new(stream, timeout));
    let mut connection = http1::Builder::new()
        // Without a timer hyper has no header timeout at all.
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_header_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(io, TowerToHyperService::new(router));
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stopped(&mut stopping) => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let TimedSocket { stream, overdue, .. } = connection.into_parts().io.into_inner();
    if overdue {
        metrics.aborted.inc();
        // What the client did not take is thrown away with the connection, instead of staying in the kernel.
        let _ = stream.set_zero_linger();
    } else if ended.map_or_else(|error| error.is_parse(), |()| true) {
        tokio::select! {
            () = linger(&stream) => {}
            () = stopped(&mut stopping) => {}
        }
    }
}

/// Answers 503 as far as that goes without waiting, and closes.
pub(super) fn reject(stream: TcpStream) {
    // Of the standard library's type the socket is still non-blocking, and can be written before the runtime has heard
    // that it is writable.
    if let Ok(mut stream) = stream.into_std()
        && stream.write_all(REJECTION).is_ok()
    {
        // See `linger`; what arrives later than this has bad luck.
        let mut scrap = [0; MAX_HEAD_BYTES];
        let _ = stream.read(&mut scrap);
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // The sender goes only with the server itself: that is a stop too.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Reads on for a moment after the answer, until the client has closed its side. A socket closed with unread bytes in
/// it resets the connection, and the reset can destroy the answer that says why a large head or body was refused before
/// the client has read it.
async fn linger(stream: &TcpStream) {
    let read_on = async {
        let mut scrap = [0; 4096];
        let mut left = LINGER_BYTES;
        while left > 0 && stream.readable().await.is_ok() {
            match stream.try_read(&mut scrap) {
                Ok(0) => break,
                Ok(count) => left = left.saturating_sub(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
    };
    // The client had its time.
    let _ = tokio::time::timeout(LINGER, read_on).await;
}

/// A socket whose writes fail once the client has kept an answer waiting for too long.
///
/// The time runs from the first write that has to wait until all of the answer is with the kernel (hyper flushes then,
/// and not before), so that a client that takes a byte now and then is cut as well.
struct TimedSocket {
    stream: TcpStream,
    timeout: Duration,
    deadline: Pin<Box<Sleep>>,
    waiting: bool,
    overdue: bool,
}

impl TimedSocket {
    fn new(stream: TcpStream, timeout: Duration) -> Self {
        Self { stream, timeout, deadline: Box::pin(tokio::time::sleep(timeout)), waiting: false, overdue: false }
    }

    fn within_deadline<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() && !self.waiting {
            return written;
        }
        if !self.waiting {
            self.waiting = true;
            self.deadline.as_mut().reset(Instant::now() + self.timeout);
        }
        if self.deadline.as_mut().poll(context).is_ready() {
            self.overdue = true;
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }
}

impl AsyncRead for TimedSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for TimedSocket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within_deadline(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.within_deadline(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.waiting = false;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
