//! Drives the worker: what is due by the clock first, then a step of records or a message, then the same again.
//!
//! ```text
//! loop: tend (publish, commit, save, sum up: what is due) --> one outcome, report or change of targets,
//!                                                             else a step of the batch in progress,
//!                                                             else the next message,
//!                                                             else wait for one of these, or until something is due
//! ```
//!
//! Nothing starves the rest. What is due waits for one step at most, since a step is bounded in records and in time. A
//! step waits for what is due at most, since that rests in between (`duties`). Outcomes and reports come before records;
//! there are few: the task asked for each outcome, and a report comes once in a while.
//!
//! Only the wait uses the runtime's timers. While the queue is never empty there is no wait, and no timer fires.

use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::Settings;
use super::cut_thread::CutOutcome;
use super::message::WorkerMessage;
use super::worker::Worker;
use crate::checkpoint::CheckpointOutcome;
use crate::clock::Clock;
use crate::runtime::{Exit, Failure, Shutdown, failpoint};
use crate::targets::Targets;

/// Everything that the task owns.
pub(super) struct PipelineTask {
    pub(super) worker: Worker,
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) checkpoint_outcomes: UnboundedReceiver<CheckpointOutcome>,
    pub(super) cut_outcomes: UnboundedReceiver<CutOutcome>,
    /// Targets to show.
    pub(super) targets: watch::Receiver<Arc<Targets>>,
}

impl PipelineTask {
    /// Runs until the poll thread has stopped or reading cannot continue. Before anything is read, a requested shutdown
    /// ends it at once: the poll thread may be waiting for a broker that does not answer. After that, what waits is
    /// applied for a fifth of the shutdown's deadline; state is saved in the middle of a batch if need be.
    pub(super) async fn run(
        mut self,
        mut messages: Receiver<WorkerMessage>,
        mut reports: Receiver<WorkerMessage>,
        shutdown: Shutdown,
    ) -> Result<(), Failure> {
        let mut stop_at: Option<Instant> = None;
        loop {
            if stop_at.is_some_and(|stop_at| self.clock.instant() >= stop_at) {
                return self.finish();
            }
            let worker = &mut self.worker;
            worker.tend(messages.len())?;
            let due = stop_at.map_or(worker.next_due(), |stop_at| stop_at.min(worker.next_due()));
            let (has_room, is_applying) = (worker.has_room(), worker.is_applying());
            tokio::select! {
                biased;
                Some(outcome) = self.checkpoint_outcomes.recv() => {
                    worker.report(outcome)?;
                    worker.step()?;
                }
                Some(outcome) = self.cut_outcomes.recv() => worker.cut_stored(outcome),
                Ok(()) = self.targets.changed() => worker.stage_targets(Arc::clone(&self.targets.borrow_and_update())),
                () = shutdown.requested(), if stop_at.is_none() => {
                    if !worker.is_reading() {
                        return Ok(());
                    }
                    stop_at = Some(self.clock.instant() + self.settings.shutdown_deadline / 5);
                }
                Some(report) = reports.recv() => worker.take(report)?,
                () = ready(()), if has_room && is_applying => worker.apply_step(),
                message = messages.recv(), if has_room && !is_applying => match message {
                    Some(WorkerMessage::Stopped) => return self.finish(),
                    Some(message) => worker.take(message)?,
                    None => return Err(Failure::new(Exit::Bug, "the poll thread ended without its last message")),
                },
                () = sleep_until(due.into()) => {}
            }
        }
    }

    /// Stops in order: waits for the dead letters, then saves everything, both within 4/5 of the deadline.
    fn finish(mut self) -> Result<(), Failure> {
        self.worker.heartbeat().suspend();
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

#[cfg(test)]
mod tests;
