//! Tests of the reload: a change is put in force once it is settled, and a broken file changes nothing.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::http::WebConfig;
use crate::settings::{Layers, SettingsReader};
use crate::telemetry::Metrics;
use crate::telemetry::log::{LogCounters, Settings as LogSettings};

struct World {
    reloader: WebReloader,
    path: PathBuf,
    metrics: Arc<Metrics>,
    _directory: TempDir,
}

impl World {
    /// Starts with a file of one user, and this address.
    fn new(listen: &str, users: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("web.yml");
        fs::write(&path, users).unwrap();
        let overrides = vec![format!("http.web_config_file={path:?}"), format!("http.listen={listen:?}")];
        let settings = http::Settings::read(&mut SettingsReader::load(&Layers { overrides, ..Layers::default() }));
        let log = LogSettings::OF_TESTS;
        let metrics = Arc::new(Metrics::new(&[], &[], Arc::new(LogCounters::new(&log))));
        let loaded = LoadedWebConfig::read(Some(&path));
        let config: WebConfig = loaded.result.unwrap_or_else(|faults| panic!("{faults}"));
        let access = Arc::new(WebAccess::new(config, metrics.http.clone()));
        let reloader = WebReloader::new(settings, loaded.texts, access, metrics.http.clone());
        Self { reloader, path, metrics, _directory: directory }
    }

    /// Checks once, and returns the users in force and the gauge of success.
    async fn check(&mut self, is_requested: bool) -> (Vec<String>, bool) {
        self.reloader.check(is_requested).await;
        let mut text = String::new();
        self.metrics.write(&mut text);
        (self.reloader.access.users(), text.contains("pacemeter_http_web_config_last_reload_successful 1"))
    }
}

fn file(users: &[&str]) -> String {
    let hash = bcrypt::hash("right", 4).unwrap();
    let users: String = users.iter().map(|user| format!("  {user}: {hash}\n")).collect();
    format!("basic_auth_users:\n{users}")
}

#[tokio::test]
async fn a_settled_change_is_put_in_force() {
    let mut world = World::new("127.0.0.1:0", &file(&["ann"]));
    assert_eq!(world.check(false).await, (vec!["ann".to_owned()], true));
    fs::write(&world.path, file(&["bob"])).unwrap();
    assert_eq!(world.check(false).await, (vec!["ann".to_owned()], true), "it may still be written");
    assert_eq!(world.check(false).await, (vec!["bob".to_owned()], true));
    fs::write(&world.path, file(&["cid"])).unwrap();
    assert_eq!(world.check(true).await, (vec!["cid".to_owned()], true), "a request waits for no second check");
}

#[tokio::test]
async fn a_broken_file_keeps_the_previous_one() {
    let mut world = World::new("127.0.0.1:0", &file(&["ann"]));
    for broken in ["basic_auth_users: {}\n", "cipher_suites: 1\n", "a: [", "tls_server_config: {}\n"] {
        fs::write(&world.path, broken).unwrap();
        world.check(false).await;
        assert_eq!(world.check(false).await, (vec!["ann".to_owned()], false), "{broken}");
    }
    fs::remove_file(&world.path).unwrap();
    assert_eq!(world.check(true).await, (vec!["ann".to_owned()], false));
    fs::write(&world.path, file(&["bob"])).unwrap();
    assert_eq!(world.check(true).await, (vec!["bob".to_owned()], true));
}

#[tokio::test]
async fn a_file_that_would_expose_the_figures_is_refused() {
    let mut world = World::new("192.0.2.1:9464", &file(&["ann"]));
    fs::write(&world.path, "auth_excluded_paths: [/livez]\n").unwrap();
    assert_eq!(world.check(true).await, (vec!["ann".to_owned()], false));
}
