//! Reload of the files of targets and calendars: on SIGHUP, and when they have changed.
//!
//! Contents are compared, not times, so that a file may be anywhere and be replaced in any way. Without SIGHUP, a
//! change is loaded once two checks in a row have found the same content, since the first may have seen a file that was
//! still being written. The web configuration is watched in the same way. Faulty files change nothing but a metric and the log. A fault is logged when it is found, and
//! again on every SIGHUP.

mod diff;
mod web;

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use self::diff::TargetsDiff;
pub(super) use self::web::WebReloader;
use super::files::{LoadedFiles, MissingHolidays, TargetFiles};
use crate::clock::Clock;
use crate::runtime::{ServiceManager, Shutdown};
use crate::settings::{FileText, SettingsFaults};
use crate::targets::Targets;
use crate::telemetry::Metrics;

/// Watcher of the files that passes changed targets to the pipeline.
pub(super) struct Reloader {
    files: Arc<TargetFiles>,
    /// Texts that were read last, valid or not.
    read: Vec<FileText>,
    /// Texts of the last check, if they differ from `read`.
    changed: Option<Vec<FileText>>,
    /// Targets in effect.
    current: Arc<Targets>,
    /// Channel to the pipeline.
    targets: watch::Sender<Arc<Targets>>,
    metrics: Arc<Metrics>,
    clock: Clock,
    web: WebReloader,
}

impl Reloader {
    /// Starts with the targets in the channel, which were read from the texts `read`.
    pub(super) fn new(
        files: TargetFiles,
        read: Vec<FileText>,
        targets: watch::Sender<Arc<Targets>>,
        metrics: Arc<Metrics>,
        clock: Clock,
        web: WebReloader,
    ) -> Self {
        metrics.targets.reloaded(clock.now());
        let current = Arc::clone(&targets.borrow());
        Self { files: Arc::new(files), read, changed: None, current, targets, metrics, clock, web }
    }

    /// Reloads whenever `requested` is notified or the files have changed, until the shutdown.
    /// The service manager receives a requested reload and its end.
    pub(super) async fn run(mut self, requested: Arc<Notify>, manager: ServiceManager, shutdown: Shutdown) {
        tokio::select! {
            () = shutdown.requested() => {}
            () = self.watch(&requested, &manager) => {}
        }
    }

    /// Loops forever; returns only if the runtime shuts down.
    async fn watch(&mut self, requested: &Notify, manager: &ServiceManager) {
        loop {
            let is_requested = tokio::select! {
                () = requested.notified() => true,
                () = sleep(self.files.check_interval) => false,
            };
            if is_requested {
                manager.reloading();
            }
            self.web.check(is_requested).await;
            let files = Arc::clone(&self.files);
            let Ok(texts) = tokio::task::spawn_blocking(move || files.texts()).await else { return };
            if !is_requested && !self.has_settled_change(&texts) {
                continue;
            }
            let files = Arc::clone(&self.files);
            let Ok((loaded, texts)) = tokio::task::spawn_blocking(move || (files.read(&texts), texts)).await else {
                return;
            };
            self.apply(loaded, texts);
            if is_requested {
                manager.ready();
            }
        }
    }

    /// True if these texts differ from those read last, and the previous check found the same texts.
    fn has_settled_change(&mut self, texts: &[FileText]) -> bool {
        let is_different = texts != self.read;
        let previous = self.changed.take();
        let is_settled = previous.is_some_and(|previous| previous == texts);
        if is_different && !is_settled {
            self.changed = Some(texts.to_vec());
        }
        is_different && is_settled
    }

    /// Passes changed targets to the pipeline, or faults to the log.
    fn apply(&mut self, loaded: LoadedFiles, texts: Vec<FileText>) {
        self.read = texts;
        self.changed = None;
        log_uncovered(&loaded.uncovered(self.clock.now()));
        log_unlisted(&loaded.unlisted());
        match loaded.result {
            Ok(targets) => self.accept(targets),
            Err(faults) => self.refuse(&faults),
        }
    }

    fn accept(&mut self, targets: Targets) {
        let difference = TargetsDiff::between(&self.current, &targets);
        let count = targets.targets.len();
        if !difference.is_empty() {
            self.current = Arc::new(targets);
            self.targets.send_replace(Arc::clone(&self.current));
        }
        self.metrics.targets.reloaded(self.clock.now());
        tracing::info!(
            event = "pacemeter.targets.reloaded",
            added = difference.added.join(", "),
            removed = difference.removed.join(", "),
            changed = difference.changed.join(", "),
            targets = count,
            "target and calendar files reloaded"
        );
    }

    fn refuse(&self, faults: &SettingsFaults) {
        self.metrics.targets.reload_refused();
        for fault in faults.iter() {
            tracing::error!(
                event = "pacemeter.targets.refused",
                fault = %fault,
                faults = faults.len(),
                "target or calendar file refused"
            );
        }
    }
}

/// Logs the calendars that lack holidays: plans that use them are wrong on those days.
pub(super) fn log_uncovered(MissingHolidays { this_year, next_year }: &MissingHolidays) {
    for fault in this_year.iter().chain(next_year.iter()) {
        tracing::warn!(event = "pacemeter.calendar.uncovered", fault = %fault, "holidays missing from calendar");
    }
}

/// Logs the filters of targets with a value that no allowlist has.
pub(super) fn log_unlisted(unlisted: &SettingsFaults) {
    for fault in unlisted.iter() {
        tracing::warn!(event = "pacemeter.targets.unlisted", fault = %fault, "filter of target names unlisted value");
    }
}

#[cfg(test)]
mod tests;
