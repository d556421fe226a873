//! A runtime for the waits of one thread.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};

use super::Failure;

/// A runtime for the waits of one thread, with timers. It may be dropped anywhere: tokio's own panics if asynchronous
/// code drops it, as a start does that fails further on.
pub(crate) struct ThreadRuntime(Option<Runtime>);

impl ThreadRuntime {
    /// Creates the runtime of `thread`.
    ///
    /// # Errors
    /// 75 if the system refuses what it needs.
    pub(crate) fn new(thread: &str) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_time().build();
        runtime
            .map(|runtime| Self(Some(runtime)))
            .map_err(|error| Failure::from_spawn(format!("the runtime of {thread}"), &error))
    }

    /// Runs a future to its end on this thread.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.as_ref().expect("the runtime is there until it is dropped").block_on(future)
    }
}

impl Drop for ThreadRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_fails_may_drop_it_in_asynchronous_code() {
        let outer = ThreadRuntime::new("a test").unwrap();
        outer.block_on(async { drop(ThreadRuntime::new("a test").unwrap()) });
    }
}
