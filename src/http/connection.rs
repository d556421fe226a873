//! Handling of one connection, from accept to close.

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

/// Maximum size of a request's head: request line and headers together.
pub(super) const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Maximum number of headers of a request.
pub(super) const MAX_HEADERS: usize = 32;

/// Maximum part of a refused request that is still read before the connection is closed.
const LINGER_BYTES: usize = 256 * 1024;
/// Maximum time for reading it.
const LINGER: Duration = Duration::from_millis(500);

const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 21\r\n\
    cache-control: no-store\r\n\
    x-content-type-options: nosniff\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\
    \r\n\
    too many connections\n";

/// Serves a connection until either side ends it, it exceeds the timeout, or `stopping` is true and its request is
/// answered.
pub(super) async fn serve(
    stream: TcpStream,
    router: Router,
    timeout: Duration,
    mut stopping: watch::Receiver<bool>,
    metrics: HttpMetrics,
) {
    // The last segment of an answer must not wait for a delayed acknowledgement. The call fails if the client is
    // already gone.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(TimedSocket::new(stream, timeout));
    let mut connection = http1::Builder::new()
        // Without a timer, hyper applies no header timeout.
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

/// Answers with 503 if that needs no wait, and closes the connection.
pub(super) fn refuse(stream: TcpStream) {
    // A socket of the standard library stays non-blocking, and can be written before the runtime knows that it is
    // writable.
    if let Ok(mut stream) = stream.into_std()
        && stream.write_all(REFUSAL).is_ok()
    {
        // Closing with unread bytes would reset the connection; see `linger`. Bytes that arrive later still do.
        let mut discarded = [0; MAX_HEAD_BYTES];
        let _ = stream.read(&mut discarded);
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // The sender is dropped only with the server, which is a stop too.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Continues to read for a moment after the answer, until the client closes its side. Closing a socket with unread
/// bytes resets the connection, and the reset can discard the refusal of a large head or body before the client reads
/// it.
async fn linger(stream: &TcpStream) {
    let read_on = async {
        let mut discarded = [0; 4096];
        let mut left = LINGER_BYTES;
        while left > 0 && stream.readable().await.is_ok() {
            match stream.try_read(&mut discarded) {
                Ok(0) => break,
                Ok(count) => left = left.saturating_sub(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
    };
    // On timeout the connection is closed all the same.
    let _ = tokio::time::timeout(LINGER, read_on).await;
}

/// Socket whose writes fail once the client has delayed an answer for too long.
///
/// The time runs from the first write that has to wait until the kernel has the whole answer, which is when hyper
/// flushes. So a client that reads a byte now and then is aborted too.
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
