//! Reports of readiness and of the shutdown to the service manager.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::clock::Clock;
use crate::runtime::{ServiceManager, Shutdown};
use crate::view::snapshot::{Snapshot, SnapshotPublisher};

/// Interval between looks at the snapshot.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Status until the state directory is open.
pub(super) const OPENING: &str = "starting: opening the state directory";

/// Reporter to the service manager.
pub(super) struct StatusReporter {
    pub(super) manager: ServiceManager,
    pub(super) publisher: Arc<SnapshotPublisher>,
    pub(super) clock: Clock,
}

impl StatusReporter {
    /// Reports that the process has started, then each status that differs from the previous one, and the shutdown.
    pub(super) async fn run(self, shutdown: Shutdown) {
        self.manager.ready();
        tokio::select! {
            () = shutdown.requested() => {}
            () = self.watch() => {}
        }
        self.manager.stopping("stopping: saving the state");
    }

    /// Loops forever.
    async fn watch(&self) {
        let mut reported = String::new();
        loop {
            let status = self.status();
            if status != reported {
                self.manager.status(&status);
                reported = status;
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    fn status(&self) -> String {
        let snapshot = self.publisher.newest();
        let readiness = readiness(&snapshot, &self.clock);
        snapshot.outage.as_ref().map_or(readiness.clone(), |outage| format!("{readiness}; {outage}"))
    }
}

fn readiness(snapshot: &Snapshot, clock: &Clock) -> String {
    match snapshot.not_ready(clock.instant()).as_slice() {
        [] => "ready".to_owned(),
        [reason] => format!("not ready: {reason}"),
        [reason, others @ ..] => format!("not ready: {reason} ({} more reasons at /readyz)", others.len()),
    }
}
