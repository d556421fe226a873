//! Files of targets and calendars are read again: on SIGHUP, and when they have changed.
//!
//! Contents are compared, not times, so that a file may lie anywhere and be replaced in any way. A change that nobody asked to be read is taken
//! over once two looks in a row have found the same: the first may have met somebody in the middle of writing. Faulty files change nothing but
//! a metric and the log; a fault is told when it is found, and again whenever somebody asks.

mod difference;

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use self::difference::TargetsDiff;
use super::files::{Files, LoadedFiles};
use crate::clock::Clock;
use crate::runtime::Shutdown;
use crate::settings::{FileText, SettingsFault};
use crate::targets::Targets;
use crate::telemetry::Metrics;

/// The most faults of one reading that are logged.
const MAX_FAULTS_LOGGED: usize = 20;

/// What the files held, and what holds.
pub struct Reload {
    files: Arc<Files>,
    /// What was read last, right or faulty.
    read: Vec<FileText>,
    /// What the last look found, if that is something else.
    changed: Option<Vec<FileText>>,
    holding: Arc<Targets>,
    /// Where other targets go.
    targets: watch::Sender<Arc<Targets>>,
    metrics: Arc<Metrics>,
    clock: Clock,
}

impl Reload {
    /// After a start with the targets that `read` said.
    pub fn new(
        files: Files,
        read: Vec<FileText>,
        targets: watch::Sender<Arc<Targets>>,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Self {
        metrics.reloaded(clock.now());
        let holding = Arc::clone(&targets.borrow());
        Self { files: Arc::new(files), read, changed: None, holding, targets, metrics, clock }
    }

    /// Reads again whenever `asked`, or when there is something else to read; until a shutdown.
    pub async fn run(mut self, asked: Arc<Notify>, shutdown: Shutdown) {
        tokio::select! {
            () = shutdown.requested() => {}
            () = self.watch(&asked) => {}
        }
    }

    /// Ends only if the runtime does.
    async fn watch(&mut self, asked: &Notify) {
        loop {
            let is_asked = tokio::select! {
                () = asked.notified() => true,
                () = sleep(self.files.check_interval) => false,
            };
            let files = Arc::clone(&self.files);
            let Ok(texts) = tokio::task::spawn_blocking(move || files.texts()).await else { return };
            if !is_asked && !self.is_to_be_read(&texts) {
                continue;
            }
            let files = Arc::clone(&self.files);
            let Ok((reading, texts)) = tokio::task::spawn_blocking(move || (files.read(&texts), texts)).await else {
                return;
            };
            self.take(reading, texts);
        }
    }

    /// Whether these are other texts than those that were read, and the second look finds the same.
    fn is_to_be_read(&mut self, texts: &[FileText]) -> bool {
        let is_other = texts != self.read;
        let before = self.changed.take();
        let is_settled = before.is_some_and(|before| before == texts);
        if is_other && !is_settled {
            self.changed = Some(texts.to_vec());
        }
        is_other && is_settled
    }

    /// Other targets than those that hold go to the pipeline, faults into the log.
    fn take(&mut self, reading: LoadedFiles, texts: Vec<FileText>) {
        self.read = texts;
        self.changed = None;
        warn_of(&reading.uncovered(self.clock.now()));
        match reading.result {
            Ok(targets) => self.accept(targets),
            Err(faults) => self.refuse(&faults),
        }
    }

    fn accept(&mut self, targets: Targets) {
        let difference = TargetsDiff::between(&self.holding, &targets);
        let count = targets.targets.len();
        if !difference.is_empty() {
            self.holding = Arc::new(targets);
            self.targets.send_replace(Arc::clone(&self.holding));
        }
        self.metrics.reloaded(self.clock.now());
        tracing::info!(
            event = "pacemeter.targets.reloaded",
            added = difference.added.join(", "),
            removed = difference.removed.join(", "),
            changed = difference.changed.join(", "),
            targets = count,
            "target and calendar files reloaded"
        );
    }

    fn refuse(&self, faults: &[SettingsFault]) {
        self.metrics.reload_refused();
        for fault in faults.iter().take(MAX_FAULTS_LOGGED) {
            tracing::error!(
                event = "pacemeter.targets.refused",
                fault = %fault,
                faults = faults.len(),
                "target or calendar file refused"
            );
        }
    }
}

/// Says which calendars lack holidays: plans that go by them are wrong on those days.
pub fn warn_of(uncovered: &[SettingsFault]) {
    for fault in uncovered {
        tracing::warn!(event = "pacemeter.calendar.uncovered", fault = %fault, "holidays missing from calendar");
    }
}

#[cfg(test)]
mod tests;
