//! Socket of a connection, with a deadline for the answers that it takes.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::activity::Activity;

/// Socket whose writes fail once the client has delayed an answer for too long.
///
/// The time runs from the first write that has to wait until the kernel has the whole answer, which is when hyper
/// flushes. So a client that reads a byte now and then is aborted too.
///
/// What hyper writes without a request is its own answer to a head that it cannot read: it reads the next head once the
/// previous answer is flushed. That answer has neither a body nor the common headers, so it is discarded, and [`serve`](super::connection::serve) answers instead.
pub(super) struct TimedSocket {
    pub(super) stream: TcpStream,
    activity: Arc<Activity>,
    timeout: Duration,
    deadline: Pin<Box<Sleep>>,
    waiting: bool,
    /// True once the client has delayed an answer for too long.
    pub(super) overdue: bool,
    /// True once an answer of hyper's own was discarded.
    discarded: bool,
}

impl TimedSocket {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>, timeout: Duration) -> Self {
        let deadline = Box::pin(tokio::time::sleep(timeout));
        Self { stream, activity, timeout, deadline, waiting: false, overdue: false, discarded: false }
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
        if self.activity.is_answering() {
            // What the client did not take is thrown away with the connection, instead of staying in the kernel.
            let _ = self.stream.set_zero_linger();
        }
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
        self.waiting = false;
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.activity.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.discarded {
            // The answer that replaces it is still to be written.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
