//! Drives the worker: messages in their order, a little of a checkpoint between two of them, figures a few times a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Settings;
use super::message::{CutOutcome, Message};
use super::watchdog::Heartbeat;
use super::worker::Worker;
use crate::checkpoint::CheckpointOutcome;
use crate::runtime::{Exit, Failure, Shutdown, failpoint};
use crate::targets::Targets;

/// How often the log sums up.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);
/// How often a checkpoint goes on while no message comes.
const SAVING_INTERVAL: Duration = Duration::from_millis(2);
/// How often it is looked whether checkpoints are due, and the watchdog told that all is well.
const DUE_INTERVAL: Duration = Duration::from_millis(50);

pub struct PipelineTask {
    pub worker: Worker,
    pub settings: Settings,
    pub commit_interval: Duration,
    /// What became of the checkpoints.
    pub reports: UnboundedReceiver<CheckpointOutcome>,
    pub stored_cuts: UnboundedReceiver<CutOutcome>,
    /// Those to be shown.
    pub targets: watch::Receiver<Arc<Targets>>,
    pub pulse: Heartbeat,
}

impl PipelineTask {
    /// Runs until the poll thread has stopped or reading cannot go on; if nothing is read yet, only until a shutdown is requested: the poll
    /// thread may be waiting for a broker that does not answer.
    pub async fn run(mut self, mut inbox: Receiver<Message>, shutdown: Shutdown) -> Result<(), Failure> {
        let mut publish = every(self.settings.publish_interval);
        let mut commit = every(self.commit_interval);
        let mut summary = every(SUMMARY_INTERVAL);
        let mut due = every(DUE_INTERVAL);
        loop {
            let worker = &mut self.worker;
            tokio::select! {
                message = inbox.recv(), if worker.has_room() => match message {
                    Some(Message::Stopped) => return self.finish(),
                    Some(message) => {
                        if let Message::Found(_) = message {
                            // To restore takes as long as it takes.
                            self.pulse.rest();
                        }
                        worker.take(message)?;
                        worker.step()?;
                    }
                    None => return Err(Failure { exit: Exit::Bug, message: "the poll thread ended without a word".to_owned() }),
                },
                Some(report) = self.reports.recv() => {
                    worker.report(report)?;
                    worker.step()?;
                }
                Some(stored) = self.stored_cuts.recv() => worker.cut_stored(stored),
                () = tokio::time::sleep(SAVING_INTERVAL), if worker.is_saving() || worker.is_backfilling() => worker.step()?,
                _ = due.tick() => {
                    worker.step()?;
                    self.pulse.beat();
                }
                Ok(()) = self.targets.changed() => worker.stage_targets(Arc::clone(&self.targets.borrow_and_update())),
                () = shutdown.requested(), if !worker.is_reading() => return Ok(()),
                _ = publish.tick() => worker.publish(inbox.len()),
                _ = commit.tick() => worker.commit(),
                _ = summary.tick() => worker.sum_up(),
            }
        }
    }

    /// The end in order: dead letters are waited for, then everything is saved, both within the deadline.
    fn finish(mut self) -> Result<(), Failure> {
        self.pulse.rest();
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
        // One that is under way may not cover the last records: a second round does.
        for _ in 0..2 {
            self.worker.save_all();
            while self.worker.is_saving() {
                if Instant::now() >= deadline {
                    tracing::warn!(event = "pacemeter.checkpoint.unfinished", "unsaved records left at shutdown");
                    return Ok(());
                }
                self.worker.step()?;
                match self.reports.try_recv() {
                    Ok(report) => self.worker.report(report)?,
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
