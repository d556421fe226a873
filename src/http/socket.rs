//! Socket of a connection, with a deadline for the answers that it takes.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use prometheus::IntCounter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::activity::Activity;
use super::heads::ReceivedHeads;
use super::transport::Transport;
use crate::source;

/// Pause between two questions to the kernel whether an answer is delivered.
const DELIVERY_PAUSE: Duration = Duration::from_millis(20);

/// Socket whose writes fail once the client has delayed an answer for too long.
///
/// The time runs from the first write that has to wait until the kernel has the whole answer, which is when hyper
/// flushes. So a client that reads a byte now and then is aborted too.
///
/// When it is dropped with bytes that the client has not taken, the connection is reset. The kernel would otherwise keep
/// them for minutes after the close, and no setting bounds how many such connections there are.
///
/// Bytes that hyper writes without a request are its own answer to a head that it cannot read: it reads the next head once the
/// previous answer is flushed. That answer has neither a body nor the common headers, so it is discarded, and
/// [`serve`](super::connection::serve) answers instead.
pub(super) struct TimedSocket {
    pub(super) stream: Transport,
    activity: Arc<Activity>,
    timeout: Duration,
    deadline: Pin<Box<Sleep>>,
    waiting: bool,
    /// True once the client has delayed an answer for too long.
    pub(super) overdue: bool,
    /// True once an answer of hyper's own was discarded.
    discarded: bool,
    heads: ReceivedHeads,
    /// Counts connections that are reset with bytes that the client has not taken.
    aborted: IntCounter,
}

impl TimedSocket {
    pub(super) fn new(stream: Transport, activity: Arc<Activity>, timeout: Duration, aborted: IntCounter) -> Self {
        let deadline = Box::pin(tokio::time::sleep(timeout));
        let heads = ReceivedHeads::default();
        Self { stream, activity, timeout, deadline, waiting: false, overdue: false, discarded: false, heads, aborted }
    }

    /// Returns what has arrived from the first head on that has not become a request.
    pub(super) fn refused_head(&mut self) -> &[u8] {
        self.heads.advance(self.activity.requests(), &[]);
        self.heads.bytes()
    }

    /// Waits until the client has taken all that was written, or is gone.
    pub(super) async fn delivered(&self) {
        while !self.is_delivered() {
            tokio::time::sleep(DELIVERY_PAUSE).await;
        }
    }

    /// True if the client has taken all that was written, or is gone: the kernel then has no address of it.
    fn is_delivered(&self) -> bool {
        source::unacknowledged_bytes(self.stream.tcp()) == 0 || self.stream.tcp().peer_addr().is_err()
    }

    fn within_deadline<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.activity.written(written.is_pending());
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

impl Drop for TimedSocket {
    fn drop(&mut self) {
        let is_aborted = self.overdue || !self.is_delivered();
        if is_aborted {
            self.aborted.inc();
        }
        if is_aborted || self.activity.is_answering() {
            let _ = self.stream.tcp().set_zero_linger();
        }
    }
}

impl AsyncRead for TimedSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let requests = self.activity.requests();
        self.heads.advance(requests, &buffer.filled()[filled..]);
        read
    }
}

impl AsyncWrite for TimedSocket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.activity.is_answering() {
            self.discarded = true;
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within_deadline(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.activity.is_answering() {
            self.discarded = true;
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.within_deadline(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_pending() {
            // TLS has taken more than the kernel.
            return self.within_deadline(context, flushed);
        }
        self.waiting = false;
        self.activity.flushed();
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.discarded {
            // The answer that replaces it is still to be written.
            return Poll::Ready(Ok(()));
        }
        let closed = Pin::new(&mut self.stream).poll_shutdown(context);
        if closed.is_pending() { self.within_deadline(context, closed) } else { closed }
    }
}
