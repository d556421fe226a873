//! The request to end, by signal or from inside; and what a hangup asks for.

use super::Exit;
use std::io;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

/// What SIGHUP does.
#[derive(Debug, Clone)]
pub enum Hangup {
    /// Whoever waits for this reads its files again; one that comes too early to be waited for is kept.
    Reloads(Arc<Notify>),
    /// Somebody closed the terminal: a request to end.
    Ends,
}

/// The request to end. Clones share it; once made it stays.
#[derive(Debug, Clone)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// One that only [`Shutdown::request`] makes.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// One that SIGTERM and SIGINT make too. The second of these signals ends the process at once, with 75.
    ///
    /// Signals have a thread and a runtime of their own, so that the second is heard even when every other thread is stuck. From the return of
    /// this function on, no signal has its default effect.
    ///
    /// # Errors
    /// The thread or the handlers cannot be had.
    pub fn on_signals(hangup: Hangup) -> io::Result<Self> {
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
        let heard = shutdown.clone();
        let listen = move || runtime.block_on(signals.listen(&heard, &hangup));
        std::thread::Builder::new().name("signals".into()).spawn(listen)?;
        Ok(shutdown)
    }

    /// Asks everybody to end.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the request; at once if it was made before. May be dropped and called again at any time.
    pub async fn requested(&self) {
        // The sender lives in self, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|requested| *requested).await;
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    async fn listen(mut self, shutdown: &Shutdown, hangup: &Hangup) {
        let mut heard = 0;
        loop {
            let signal = tokio::select! {
                _ = self.terminate.recv() => "SIGTERM",
                _ = self.interrupt.recv() => "SIGINT",
                _ = self.hangup.recv() => "SIGHUP",
            };
            if let ("SIGHUP", Hangup::Reloads(reload)) = (signal, hangup) {
                reload.notify_one();
                continue;
            }
            heard += 1;
            if heard > 1 {
                tracing::warn!(event = "pacemeter.shutdown.forced", signal, "second signal; exiting");
                Exit::TryAgain.at_once();
            }
            tracing::info!(event = "pacemeter.shutdown.requested", signal, "shutdown requested");
            shutdown.request();
        }
    }
}
