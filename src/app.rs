//! Assembly of the program: settings become stages, stages become a running process, and the process shuts down in
//! order.

mod check;
mod files;
mod opening;
mod past_events;
mod recompute;
mod reload;
mod service;
mod service_status;
pub(crate) mod state;
mod state_files;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use self::opening::{OpenedState, open_unless_stopped};
use self::reload::{Reloader, WebReloader};
use self::service::PipelineService;
use self::service_status::StatusReporter;
use crate::aggregate::Rules;
use crate::allowlists::{Allowlists, LabelKind};
use crate::api::Api;
use crate::checkpoint;
use crate::clock::{Clock, Millis, Timestamp};
use crate::cuts::{self, CutStore};
use crate::decode;
use crate::disk::{LOCK_NAME, Lock};
use crate::export::Exporter;
use crate::http::{self, BindError, LoadedWebConfig, WebAccess, WebConfig};
use crate::page::Page;
use crate::pipeline::{self, Dependencies};
use crate::runtime::{Exit, Failure, ServiceManager, Shutdown, ShutdownDeadline, log_failpoint};
use crate::settings::{FileText, SecretExposure, SettingsFaults, SettingsReader};
use crate::source;
use crate::telemetry::Metrics;
use crate::telemetry::events::EventRing;
use crate::telemetry::log::{self, Guard, JsonObject};
use crate::telemetry::process::REVISION;
use crate::view::progress::Evaluator;
use crate::view::snapshot::SnapshotPublisher;
use crate::view::totals::PresenceLimits;

pub(crate) use check::check;
pub(crate) use files::TargetFiles;
pub(crate) use recompute::recompute_cut;

/// Valid settings of every stage.
pub struct Settings {
    source: source::Settings,
    decode: decode::Settings,
    rules: Rules,
    allowlists: Arc<Allowlists>,
    pipeline: pipeline::Settings,
    files: TargetFiles,
    http: http::Settings,
    log: log::Settings,
    state_directory: PathBuf,
    pseudonym_key_file: Option<PathBuf>,
    max_series: usize,
    /// Settings that differ from their defaults, without secrets.
    changed: JsonObject,
    /// Source of each of them.
    sources: JsonObject,
}

impl Settings {
    /// Reads the settings of every stage, but not the files that they name.
    ///
    /// # Errors
    /// 78 with all faults together.
    pub fn read(mut reader: SettingsReader) -> Result<Self, Failure> {
        let settings = Self::of(&mut reader);
        reader.finish()?;
        Ok(settings)
    }

    fn pseudonym_key_path(&self) -> PathBuf {
        self.pseudonym_key_file.clone().unwrap_or_else(|| self.state_directory.join(KEY_NAME))
    }

    /// Reads the settings and leaves faults in the reader.
    fn of(reader: &mut SettingsReader) -> Self {
        let (rules, allowlists) = (Rules::read(reader), Arc::new(Allowlists::read(reader)));
        let settings = Self {
            source: source::Settings::read(reader),
            decode: decode::Settings::read(reader),
            files: TargetFiles::from_settings(reader, &rules, &allowlists),
            rules,
            allowlists,
            pipeline: pipeline::Settings::read(reader),
            http: http::Settings::read(reader),
            log: log::Settings::read(reader),
            state_directory: PathBuf::from(reader.string("state.directory")),
            pseudonym_key_file: reader.optional_path("state.pseudonym_key_file"),
            max_series: reader.integer("http.max_series", 100..=10_000_000) as usize,
            changed: JsonObject(reader.changed()),
            sources: JsonObject(reader.sources()),
        };
        assert!(reader.unread().is_empty(), "every setting is read by a stage: {:?}", reader.unread());
        settings
    }
}

/// Name of the pseudonym key in the state directory, unless `state.pseudonym_key_file` names another file.
const KEY_NAME: &str = "pseudonym.key";

/// Entries of the state directory that are ours. Other entries are left alone.
const STATE_ENTRIES: [&str; 4] = [LOCK_NAME, KEY_NAME, checkpoint::DIRECTORY, cuts::DIRECTORY];

/// Time after `shutdown.deadline` at which the process ends all the same: for connections, and for what blocks.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Handle of a running pacemeter: its address and its tasks.
pub(crate) struct RunningApp {
    address: SocketAddr,
    shutdown: Shutdown,
    pipeline: JoinHandle<Result<(), Failure>>,
    http: JoinHandle<()>,
    reload: JoinHandle<()>,
    status: JoinHandle<()>,
    _lock: Lock,
    _deadline: ShutdownDeadline,
}

/// Settings of the process as they were read, faults included.
pub(crate) struct Configuration {
    reader: SettingsReader,
    settings: Settings,
}

/// Reads the settings and opens the log. Faults of the settings are left to [`start`], which the log can then report.
pub(crate) fn configure(mut reader: SettingsReader) -> (Configuration, Guard) {
    let settings = Settings::of(&mut reader);
    let log = log::install(&settings.log, settings.allowlists.zone.clone(), Clock::wall());
    (Configuration { reader, settings }, log)
}

/// Logs why the process cannot start or continue.
pub(crate) fn log_failure(failure: &Failure) {
    let (exit, reason) = (failure.exit.code(), &failure.message);
    tracing::error!(event = "pacemeter.failed", exit, reason, "pacemeter failed; exiting");
}

/// Starts all stages, and returns once `/metrics` answers; `None` if the shutdown was requested before. The files of
/// targets are reloaded whenever `reload` is notified. The service manager receives start, status and end.
///
/// # Errors
/// 78 with all faults of the settings and of the files of targets; else the failure of a resource that the settings
/// name.
pub(crate) async fn start(
    configuration: Configuration,
    log: &Guard,
    clock: Clock,
    shutdown: Shutdown,
    reload: Arc<Notify>,
    manager: ServiceManager,
) -> Result<Option<RunningApp>, Failure> {
    let Configuration { mut reader, settings } = configuration;
    log.events().set_clock(&clock);
    let deadline = shutdown.enforce(settings.pipeline.shutdown_deadline + SHUTDOWN_GRACE)?;
    let exposures = settings.source.check_files(&mut reader);
    let texts = settings.files.texts();
    let loaded = settings.files.read(&texts);
    let (uncovered, unlisted) = (loaded.uncovered(clock.now()), loaded.unlisted());
    let targets = loaded.targets_or_faults(&mut reader);
    let (web, web_texts) = web_config(&settings.http, &mut reader);
    reader.finish()?;
    log_start(&settings);
    log_exposures(reader.exposures().iter().chain(&exposures));
    reload::log_uncovered(&uncovered);
    reload::log_unlisted(&unlisted);
    manager.status(service_status::OPENING);
    let opened = open_unless_stopped(&settings, &shutdown).await?;
    let Some(OpenedState { lock, store, key, cuts, closed_periods, cut_offsets, unsettled_cuts }) = opened else {
        tracing::info!(event = "pacemeter.ended", "pacemeter ended");
        return Ok(None);
    };
    past_events::recall(&log.events(), &cuts, &closed_periods, &settings.allowlists.zone);
    let labels = LabelKind::ALL.map(|(_, name)| name);
    let metrics = Arc::new(Metrics::new(settings.source.topics.as_array(), &labels, log.counters()));
    metrics.add_build_info(&source::linked_libraries());
    let publisher = Arc::new(SnapshotPublisher::new(clock.now(), Arc::clone(&targets), clock.instant()));
    let service = service(&settings, &publisher, &metrics, &cuts, &clock, log.events());
    let (targets, changed_targets) = watch::channel(targets);
    let access = Arc::new(WebAccess::new(web, metrics.http.clone()));
    let server = http::bind(&settings.http, Arc::clone(&access), metrics.http.clone())
        .await
        .map_err(|error| bind_failure(&error))?;
    let address = server.address();
    let web = WebReloader::new(settings.http, web_texts, access, metrics.http.clone());
    let reloader = Reloader::new(settings.files, texts, targets, Arc::clone(&metrics), clock.clone(), web);
    let reporter = StatusReporter { manager: manager.clone(), publisher: Arc::clone(&publisher), clock: clock.clone() };
    let requested = shutdown.clone();
    let http = tokio::spawn(async move { server.serve(service, requested.requested()).await });
    let pipeline = pipeline::start(Dependencies {
        source: settings.source,
        settings: settings.pipeline,
        rules: settings.rules,
        allowlists: settings.allowlists,
        targets: changed_targets,
        decode: settings.decode,
        key,
        store,
        cuts,
        closed_periods,
        cut_offsets,
        unsettled_cuts,
        clock,
        metrics,
        publisher,
        shutdown: shutdown.clone(),
        manager: manager.clone(),
    })?;
    let reload = tokio::spawn(reloader.run(reload, manager, shutdown.clone()));
    let status = tokio::spawn(reporter.run(shutdown.clone()));
    Ok(Some(RunningApp { address, shutdown, pipeline, http, reload, status, _lock: lock, _deadline: deadline }))
}

/// Logs the start, and what the settings do that should be known.
fn log_start(settings: &Settings) {
    tracing::info!(
        event = "pacemeter.started",
        revision = REVISION,
        settings = settings.changed.as_field(),
        sources = settings.sources.as_field(),
        "pacemeter started"
    );
    log_certificate_checks(&settings.source);
    log_failpoint();
    log_empty_lists(&settings.allowlists);
}

/// Reads the web configuration with the contents of its files, and leaves faults in the reader. An expired certificate is
/// none at the start: the figures must go on.
fn web_config(settings: &http::Settings, reader: &mut SettingsReader) -> (WebConfig, Vec<FileText>) {
    let loaded = LoadedWebConfig::read(settings.web_config_file.as_deref());
    log_exposures(loaded.exposures.iter());
    if let Some(fault) = &loaded.outdated {
        tracing::warn!(event = "pacemeter.web_config.outdated", fault = %fault, "server certificate not valid now");
    }
    let config = config_or_faults(settings, loaded.result, reader);
    (config, loaded.texts)
}

/// Returns the web configuration. If it has faults, or lets everybody read, passes the faults to the reader.
fn config_or_faults(
    settings: &http::Settings,
    read: Result<WebConfig, SettingsFaults>,
    reader: &mut SettingsReader,
) -> WebConfig {
    match read {
        Ok(config) => {
            if let Some(message) = settings.exposure(&config) {
                reader.fault("http.listen", message);
            }
            config
        }
        Err(faults) => {
            reader.add_faults(faults);
            WebConfig::default()
        }
    }
}

fn log_exposures<'a>(exposures: impl Iterator<Item = &'a SecretExposure>) {
    for exposure in exposures {
        tracing::warn!(event = "pacemeter.secret.exposed", exposure = %exposure, "other users can read a secret");
    }
}

/// Creates what the HTTP server serves: metrics, status and the API.
fn service(
    settings: &Settings,
    publisher: &Arc<SnapshotPublisher>,
    metrics: &Arc<Metrics>,
    cuts: &CutStore,
    clock: &Clock,
    events: Arc<EventRing>,
) -> Arc<PipelineService> {
    let evaluator = Arc::new(Evaluator::new(settings.allowlists.zone.clone()));
    let limits = PresenceLimits { wait: settings.rules.max_wait, agent: settings.rules.agent_timeout };
    let api = Api::new(
        Arc::clone(publisher),
        Arc::clone(&settings.allowlists),
        limits,
        Arc::clone(&evaluator),
        clock.clone(),
        cuts.clone(),
        events,
    );
    let exporter = Exporter::new(
        Arc::clone(publisher),
        Arc::clone(&settings.allowlists),
        limits,
        evaluator,
        clock.clone(),
        Arc::clone(metrics),
        settings.max_series,
    );
    let publisher = Arc::clone(publisher);
    Arc::new(PipelineService {
        exporter,
        api,
        page: Page::new(),
        publisher,
        clock: clock.clone(),
        started: clock.now(),
    })
}

impl RunningApp {
    /// Address at which `/metrics` is served.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for a requested shutdown or a failure.
    pub(crate) async fn wait(self) -> Result<(), Failure> {
        let result = self
            .pipeline
            .await
            .unwrap_or_else(|error| Err(Failure::new(Exit::Bug, format!("pipeline task did not finish: {error}"))));
        self.shutdown.request();
        if let Err(error) = self.http.await {
            tracing::error!(event = "pacemeter.http.ended", error = %error, "http server ended");
        }
        // These tasks end with the shutdown; a panic in one would have ended the process.
        drop(self.reload.await);
        drop(self.status.await);
        result.inspect(|()| tracing::info!(event = "pacemeter.ended", "pacemeter ended"))
    }

    /// Requests a shutdown and waits for it.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.shutdown.request();
        self.wait().await
    }
}

/// Logs the allowlists that name no value.
fn log_empty_lists(allowlists: &Allowlists) {
    if !allowlists.empty.is_empty() {
        let lists = allowlists.empty.join(", ");
        tracing::warn!(event = "pacemeter.label.unnamed", lists, "allowlists empty; values shown as other");
    }
}

/// Logs the checks of certificates that the settings switch off.
fn log_certificate_checks(settings: &source::Settings) {
    for property in settings.certificate_checks_off() {
        tracing::warn!(event = "pacemeter.kafka.certificates_unchecked", property, "certificate checks switched off");
    }
}

fn bind_failure(error: &BindError) -> Failure {
    let exit = match error {
        BindError::InUse { .. } | BindError::Failed { .. } => Exit::TryAgain,
        BindError::Denied { .. } => Exit::Denied,
        BindError::NotLocal { .. } => Exit::Configuration,
    };
    Failure::new(exit, error.to_string())
}

/// Milliseconds since the process started.
fn uptime(started: Timestamp, now: Timestamp) -> Millis {
    (now - started).max(0)
}
