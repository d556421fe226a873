//! Drives the worker: messages in order, a step of a checkpoint between two of them, a snapshot a few times a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Settings;
use super::message::{CutOutcome, WorkerMessage};
use super::watchdog::Heartbeat;
use super::worker::Worker;
use crate::checkpoint::CheckpointOutcome;
use crate::runtime::{Exit, Failure, Shutdown, failpoint};
use crate::targets::Targets;

/// Time between two summaries in the log.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);
/// Time between two steps of a checkpoint while no message arrives.
const SAVING_INTERVAL: Duration = Duration::from_millis(2);
/// Time between two looks for a due checkpoint, and between two heartbeats.
const DUE_INTERVAL: Duration = Duration::from_millis(50);

/// Everything that the task owns.
pub(super) struct PipelineTask {
    pub(super) worker: Worker,
    pub(super) settings: Settings,
    pub(super) commit_interval: Duration,
    pub(super) checkpoint_outcomes: UnboundedReceiver<CheckpointOutcome>,
    pub(super) cut_outcomes: UnboundedReceiver<CutOutcome>,
    /// Targets to show.
    pub(super) targets: watch::Receiver<Arc<Targets>>,
    pub(super) heartbeat: Heartbeat,
}

impl PipelineTask {
    /// Runs until the poll thread has stopped or reading cannot continue. Before anything is read, a requested shutdown
    /// ends it at once: the poll thread may be waiting for a broker that does not answer.
    pub(super) async fn run(
        mut self,
        mut messages: Receiver<WorkerMessage>,
        shutdown: Shutdown,
    ) -> Result<(), Failure> {
        let mut publish = every(self.settings.publish_interval);
        let mut commit = every(self.commit_interval);
        let mut summary = every(SUMMARY_INTERVAL);
        let mut due = every(DUE_INTERVAL);
        loop {
            let worker = &mut self.worker;
            tokio::select! {
                message = messages.recv(), if worker.has_room() => match message {
                    Some(WorkerMessage::Stopped) => return self.finish(),
                    Some(message) => {
                        if let WorkerMessage::LogsFound(_) = message {
                            // Restoring has no time limit.
                            self.heartbeat.suspend();
                        }
                        worker.take(message)?;
                        worker.step()?;
                    }
                    None => return Err(Failure::new(Exit::Bug, "the poll thread ended without its last message")),
                },
                Some(outcome) = self.checkpoint_outcomes.recv() => {
                    worker.report(outcome)?;
                    worker.step()?;
                }
                Some(outcome) = self.cut_outcomes.recv() => worker.cut_stored(outcome),
                () = tokio::time::sleep(SAVING_INTERVAL), if worker.is_saving() || worker.is_backfilling() => worker.step()?,
                _ = due.tick() => {
                    worker.step()?;
                    self.heartbeat.beat();
                }
                Ok(()) = self.targets.changed() => worker.stage_targets(Arc::clone(&self.targets.borrow_and_update())),
                () = shutdown.requested(), if !worker.is_reading() => return Ok(()),
                _ = publish.tick() => worker.publish(messages.len()),
                _ = commit.tick() => worker.commit(),
                _ = summary.tick() => worker.sum_up(),
            }
        }
    }

    /// Stops in order: waits for the dead letters, then saves everything, both within the deadline.
    fn finish(mut self) -> Result<(), Failure> {
        self.heartbeat.suspend();
        let deadline = Instant::now() + self.settings.shutdown_deadline * 4 / 5;
        self.worker.flush_dead_letters(self.settings.shutdown_deadline / 2);
        failpoint("shutdown.drained");
        self.worker.publish(0);
        let result = self.save(deadline);
        self.worker.commit();
        self.worker.sum_up();
        failpoint("shutdown.saved");
        result
    }

    fn save(&mut self, deadline: Instant) -> Result<(), Failure> {
        // A round in progress may not cover the last records; a second one does.
        for _ in 0..2 {
            self.worker.save_all();
            while self.worker.is_saving() {
                if Instant::now() >= deadline {
                    tracing::warn!(event = "pacemeter.checkpoint.unfinished", "unsaved records left at shutdown");
                    return Ok(());
                }
                self.worker.step()?;
                match self.checkpoint_outcomes.try_recv() {
                    Ok(outcome) => self.worker.report(outcome)?,
                    Err(_) => std::thread::sleep(Duration::from_millis(1)),
                }
            }
        }
        Ok(())
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
