//! The shutdown request, from a signal or from the program itself.

use super::{Exit, Failure, ThreadRuntime};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

/// Effect of SIGHUP.
#[derive(Debug, Clone)]
pub(crate) enum Hangup {
    /// Notifies a task that reloads files. A notification sent before the task waits is not lost.
    Reload(Arc<Notify>),
    /// Requests a shutdown, since the terminal was closed.
    Shutdown,
}

/// The shutdown request. Clones share it, and it cannot be withdrawn.
#[derive(Debug, Clone)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// A request that only [`Shutdown::request`] makes.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// A request that SIGTERM and SIGINT make too. The second such signal ends the process immediately, with 75.
    ///
    /// Signals have a thread and a runtime of their own, so that the second one works even when every other thread is
    /// stuck. Once this function has returned, none of the three signals has its default effect.
    ///
    /// # Errors
    /// 75 if the thread or the signal handlers cannot be started.
    pub(crate) fn on_signals(hangup: Hangup) -> Result<Self, Failure> {
        Self::listening(hangup).map_err(|error| Failure::from_spawn("the thread for signals", &error))
    }

    fn listening(hangup: Hangup) -> io::Result<Self> {
        let shutdown = Self::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let signals = {
            let _context = runtime.enter();
            Signals {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
                hangup: signal(SignalKind::hangup())?,
            }
        };
        let requested = shutdown.clone();
        let listen = move || runtime.block_on(signals.listen(&requested, &hangup));
        std::thread::Builder::new().name("signals".into()).spawn(listen)?;
        Ok(shutdown)
    }

    /// Ends the process with 75 if it still works `limit` after the request, whatever its threads wait for. Dropping the
    /// returned value says that the work has ended.
    ///
    /// # Errors
    /// 75 if the thread cannot be started.
    pub(crate) fn enforce(&self, limit: Duration) -> Result<ShutdownDeadline, Failure> {
        let (work, ended) = mpsc::channel();
        let requested = self.clone();
        let runtime = ThreadRuntime::new("the thread for the end")?;
        let watch = move || {
            runtime.block_on(requested.requested());
            if let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(limit) {
                let limit_ms = limit.as_millis() as u64;
                tracing::error!(event = "pacemeter.shutdown.overdue", limit_ms, "shutdown overdue; exiting");
                Exit::TryAgain.at_once();
            }
        };
        let spawned = std::thread::Builder::new().name("deadline".into()).spawn(watch);
        spawned.map_err(|error| Failure::from_spawn("the thread for the end", &error))?;
        Ok(ShutdownDeadline { _work: work })
    }

    /// Requests the shutdown.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// True once the shutdown is requested.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the request, and returns immediately if it was made before. The future may be dropped at any time.
    pub async fn requested(&self) {
        // Waiting cannot fail, since `self` owns the sender.
        let _ = self.0.subscribe().wait_for(|requested| *requested).await;
    }
}

/// Work that [`Shutdown::enforce`] limits; it lasts while this value lives.
pub(crate) struct ShutdownDeadline {
    _work: mpsc::Sender<()>,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    async fn listen(mut self, shutdown: &Shutdown, hangup: &Hangup) {
        let mut received = 0;
        loop {
            let signal = tokio::select! {
                _ = self.terminate.recv() => "SIGTERM",
                _ = self.interrupt.recv() => "SIGINT",
                _ = self.hangup.recv() => "SIGHUP",
            };
            if let ("SIGHUP", Hangup::Reload(reload)) = (signal, hangup) {
                reload.notify_one();
                continue;
            }
            received += 1;
            if received > 1 {
                tracing::warn!(event = "pacemeter.shutdown.forced", signal, "second signal; exiting");
                Exit::TryAgain.at_once();
            }
            tracing::info!(event = "pacemeter.shutdown.requested", signal, "shutdown requested");
            shutdown.request();
        }
    }
}
