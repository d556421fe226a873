//! Progress of the answers of one connection, as its socket and its bodies see it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use super::registry::{OpenConnection, Purpose};

/// State of a connection. One task uses it, so the order of memory operations does not matter.
pub(super) struct Activity {
    connection: OpenConnection,
    /// True from a request until its answer is with the kernel.
    answering: AtomicBool,
    /// True once hyper has taken the whole body of the answer.
    body_taken: AtomicBool,
    /// True while the kernel takes nothing of the answer, because the client does not.
    stalled: AtomicBool,
    /// Number of requests so far.
    requests: AtomicUsize,
}

impl Activity {
    pub(super) fn new(connection: OpenConnection) -> Self {
        let [answering, body_taken, stalled] = [const { AtomicBool::new(false) }; 3];
        Self { connection, answering, body_taken, stalled, requests: AtomicUsize::new(0) }
    }

    pub(super) fn is_reserved(&self) -> bool {
        self.connection.is_reserved()
    }

    pub(super) fn is_answering(&self) -> bool {
        self.answering.load(Relaxed)
    }

    /// Begins an answer. Returns false if the request must be refused, which is an answer too.
    pub(super) fn begin(&self, path: &str) -> bool {
        self.body_taken.store(false, Relaxed);
        self.answering.store(true, Relaxed);
        self.stalled.store(false, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        self.connection.begin(Purpose::of_path(path), Instant::now())
    }

    /// Returns the number of requests so far.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Relaxed)
    }

    /// Notes whether a write had to wait for the client. It matters in the reserve only.
    pub(super) fn written(&self, has_to_wait: bool) {
        if self.is_reserved() && self.stalled.swap(has_to_wait, Relaxed) != has_to_wait {
            self.connection.set_stalled(has_to_wait.then(Instant::now));
        }
    }

    /// Ends the answer, if it is complete: the kernel has all that hyper has written.
    pub(super) fn flushed(&self) {
        if self.is_answering() && self.body_taken.load(Relaxed) {
            self.answering.store(false, Relaxed);
            self.connection.end(Instant::now());
        }
    }
}

/// Body that reports when hyper has taken all of it, which is when it drops it.
pub(super) struct TrackedBody {
    body: Body,
    activity: Arc<Activity>,
}

impl TrackedBody {
    pub(super) fn new(body: Body, activity: Arc<Activity>) -> Self {
        Self { body, activity }
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.activity.body_taken.store(true, Relaxed);
    }
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
