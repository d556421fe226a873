//! Reload of the web configuration: the file of `http.web_config_file`, and the certificates and keys that it names.

use std::sync::Arc;

use crate::http::{self, LoadedWebConfig, WebAccess};
use crate::settings::{FileText, SettingsFaults};
use crate::telemetry::process::HttpMetrics;

/// Watcher of the web configuration that puts a changed one in force.
pub(in crate::app) struct WebReloader {
    settings: http::Settings,
    /// Contents that were read last, valid or not.
    read: Vec<FileText>,
    /// Contents of the last check, if they differ from `read`.
    changed: Option<Vec<FileText>>,
    access: Arc<WebAccess>,
    metrics: HttpMetrics,
}

impl WebReloader {
    /// Starts with the configuration in force, which was read from the contents `read`.
    pub(in crate::app) fn new(
        settings: http::Settings,
        read: Vec<FileText>,
        access: Arc<WebAccess>,
        metrics: HttpMetrics,
    ) -> Self {
        Self { settings, read, changed: None, access, metrics }
    }

    /// Watches nothing.
    #[cfg(test)]
    pub(super) fn without_file(metrics: HttpMetrics) -> Self {
        let settings = http::Settings::read(&mut crate::settings::SettingsReader::load(&Default::default()));
        let access = Arc::new(WebAccess::new(http::WebConfig::default(), metrics.clone()));
        Self::new(settings, Vec::new(), access, metrics)
    }

    /// Reads the files and puts them in force, if they have changed or `is_requested` is true.
    pub(super) async fn check(&mut self, is_requested: bool) {
        let Some(path) = self.settings.web_config_file.clone() else { return };
        let Ok(loaded) = tokio::task::spawn_blocking(move || LoadedWebConfig::read(Some(&path))).await else { return };
        let is_different = loaded.texts != self.read;
        let is_settled = self.changed.take().is_some_and(|previous| previous == loaded.texts);
        if is_requested || (is_different && is_settled) {
            self.apply(loaded);
        } else if is_different {
            self.changed = Some(loaded.texts);
        }
    }

    fn apply(&mut self, loaded: LoadedWebConfig) {
        self.read = loaded.texts;
        super::super::log_exposures(loaded.exposures.iter());
        let mut faults = SettingsFaults::default();
        loaded.outdated.into_iter().for_each(|fault| faults.add(fault));
        match loaded.result {
            Ok(config) => {
                if let Some(message) = self.settings.exposure(&config) {
                    faults.add(http::exposure_fault(message));
                }
                if faults.is_empty() {
                    self.access.replace(config);
                    tracing::info!(event = "pacemeter.web_config.reloaded", "web configuration reloaded");
                    return;
                }
            }
            Err(more) => faults.append(more),
        }
        self.metrics.web_config_refused();
        for fault in faults.iter() {
            tracing::error!(
                event = "pacemeter.web_config.refused",
                fault = %fault,
                faults = faults.len(),
                "web configuration refused; previous one stays"
            );
        }
    }
}

#[cfg(test)]
mod tests;
