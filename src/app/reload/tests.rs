use crate::clock::{SECOND, Timestamp};
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::aggregate::Rules;
use crate::allowlists::Allowlists;
use crate::settings::{Layers, SettingsReader};
use crate::telemetry::log::{LogCounters, Settings};

/// A targets file, its reloader, and the receiver of the reloaded targets.
struct Fixture {
    path: PathBuf,
    _directory: TempDir,
    reload: Reloader,
    received: watch::Receiver<Arc<Targets>>,
    clock: Clock,
}

fn utc() -> Arc<Allowlists> {
    let overrides = vec!["programme.time_zone=UTC".to_owned()];
    Arc::new(Allowlists::read(&mut SettingsReader::load(&Layers { overrides, ..Layers::default() })))
}

fn target(name: &str, goal: u32) -> String {
    format!("[target.{name}]\nmeasure = 'dispersals'\nperiod = 'week'\ngoal = {goal}\n")
}

impl Fixture {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("targets.toml");
        fs::write(&path, text).unwrap();
        let overrides = vec![format!("targets.files=[{path:?}]"), "targets.check_interval=100ms".to_owned()];
        let mut reader = SettingsReader::load(&Layers { overrides, ..Layers::default() });
        let files = TargetFiles::from_settings(&mut reader, &Rules::default(), &utc());
        let texts = files.texts();
        let (sender, mut received) = watch::channel(Arc::new(files.read(&texts).result.unwrap()));
        received.mark_unchanged();
        let counters = LogCounters::new(&Settings::OF_TESTS);
        let clock = Clock::manual(Timestamp::from_millis(1_000 * SECOND));
        let metrics = Arc::new(Metrics::new(&[], &[], Arc::new(counters)));
        let web = WebReloader::without_file(metrics.http.clone());
        let reload = Reloader::new(files, texts, sender, metrics, clock.clone(), web);
        Self { path, _directory: directory, reload, received, clock }
    }

    fn write(&self, text: &str) {
        fs::write(&self.path, text).unwrap();
    }

    /// Checks the file as at the end of an interval. Returns true if that reloaded it.
    fn check(&mut self) -> bool {
        let texts = self.reload.files.texts();
        let has_changed = self.reload.has_settled_change(&texts);
        if has_changed {
            self.read();
        }
        has_changed
    }

    /// Reloads as on SIGHUP.
    fn read(&mut self) {
        let texts = self.reload.files.texts();
        let loaded = self.reload.files.read(&texts);
        self.reload.apply(loaded, texts);
    }

    /// Names and goals of the targets passed on since the last call, if any were.
    fn passed_on(&mut self) -> Option<Vec<(String, crate::targets::Quantity)>> {
        self.received.has_changed().unwrap().then(|| {
            let targets = self.received.borrow_and_update();
            targets.targets.iter().map(|target| (target.name.clone(), target.goals[0].1)).collect()
        })
    }

    /// Metrics: success of the last reload (1 or 0), and time of the last successful one (seconds).
    fn metrics(&self) -> (f64, f64) {
        let mut text = String::new();
        self.reload.metrics.write(&mut text);
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap();
        (
            value("pacemeter_config_last_reload_successful "),
            value("pacemeter_config_last_reload_success_timestamp_seconds "),
        )
    }
}

fn count(goal: i128) -> crate::targets::Quantity {
    crate::targets::Quantity::Count(goal)
}

#[test]
fn a_change_is_loaded_once_two_checks_have_found_it() {
    let mut fixture = Fixture::new(&target("week", 10));
    assert!(!fixture.check());
    fixture.write(&target("week", 20));
    assert!(!fixture.check());
    fixture.write(&target("week", 30));
    assert!(!fixture.check(), "the file may still be being written");
    assert!(fixture.check());
    assert_eq!(fixture.passed_on(), Some(vec![("week".to_owned(), count(30))]));
    assert!(!fixture.check() && !fixture.check());
}

#[test]
fn a_change_that_is_reverted_is_not_loaded() {
    let mut fixture = Fixture::new(&target("week", 10));
    for _ in 0..3 {
        fixture.write("");
        assert!(!fixture.check());
        fixture.write(&target("week", 10));
        assert!(!fixture.check());
    }
}

#[test]
fn a_requested_reload_is_immediate() {
    let mut fixture = Fixture::new(&target("week", 10));
    fixture.write(&target("day", 1));
    fixture.clock.advance(60 * SECOND, 0);
    fixture.read();
    assert_eq!(fixture.passed_on(), Some(vec![("day".to_owned(), count(1))]));
    assert_eq!(fixture.metrics(), (1.0, 1_060.0));
}

#[test]
fn an_equal_reading_succeeds_and_is_not_passed_on() {
    let mut fixture = Fixture::new(&target("week", 10));
    fixture.write(&format!("# the same\n{}", target("week", 10)));
    fixture.clock.advance(60 * SECOND, 0);
    fixture.read();
    assert_eq!((fixture.passed_on(), fixture.metrics()), (None, (1.0, 1_060.0)));
}

#[test]
fn a_faulty_file_changes_the_metric_until_it_is_fixed() {
    let mut fixture = Fixture::new(&target("week", 10));
    fixture.write("[target.week]\ngoal = 'many'\n");
    fixture.clock.advance(60 * SECOND, 0);
    assert!(!fixture.check() && fixture.check());
    assert_eq!((fixture.passed_on(), fixture.metrics()), (None, (0.0, 1_000.0)));
    assert!(!fixture.check() && !fixture.check(), "the same faults are logged once");
    fixture.write(&target("week", 11));
    assert!(!fixture.check() && fixture.check());
    assert_eq!(fixture.passed_on(), Some(vec![("week".to_owned(), count(11))]));
    assert_eq!(fixture.metrics(), (1.0, 1_060.0));
}

#[test]
fn a_removed_file_is_a_fault() {
    let mut fixture = Fixture::new(&target("week", 10));
    fs::remove_file(&fixture.path).unwrap();
    fixture.read();
    assert_eq!((fixture.passed_on(), fixture.metrics().0), (None, 0.0));
    fixture.write(&target("week", 10));
    fixture.read();
    assert_eq!((fixture.passed_on(), fixture.metrics().0), (None, 1.0));
}

#[tokio::test]
async fn it_checks_regularly_and_ends_at_a_shutdown() {
    let Fixture { path, _directory, reload, mut received, .. } = Fixture::new(&target("week", 10));
    let shutdown = Shutdown::new();
    let requested = Arc::new(Notify::new());
    let running = tokio::spawn(reload.run(requested.clone(), ServiceManager::default(), shutdown.clone()));
    fs::write(&path, target("week", 20)).unwrap();
    received.changed().await.unwrap();
    assert_eq!(received.borrow_and_update().targets[0].goals[0].1, count(20));
    fs::write(&path, target("week", 30)).unwrap();
    requested.notify_one();
    received.changed().await.unwrap();
    assert_eq!(received.borrow_and_update().targets[0].goals[0].1, count(30));
    shutdown.request();
    running.await.unwrap();
}

fn targets(text: &str) -> Targets {
    let mut reader = SettingsReader::load(&Layers::default());
    let files = TargetFiles::from_settings(&mut reader, &Rules::default(), &utc());
    files.read(&[FileText::new("a.toml", text)]).result.unwrap()
}

#[test]
fn a_diff_names_what_was_added_removed_and_changed() {
    let before = targets(&[target("a", 1), target("b", 1), target("c", 1)].concat());
    let after = targets(
        &[
            target("d", 1),
            target("c", 2),
            target("b", 1),
            "[calendar.payments.hours]\nmonday = ['09:00-10:00']\n".into(),
        ]
        .concat(),
    );
    let TargetsDiff { added, removed, changed } = TargetsDiff::between(&before, &after);
    assert_eq!((added.join(" "), removed.join(" ")), ("target.d".into(), "target.a".into()));
    assert_eq!(changed, ["calendar.payments", "target.c"]);
    assert!(TargetsDiff::between(&after, &after).is_empty());
}

#[test]
fn a_target_has_changed_if_its_calendar_has() {
    let with = |hours: &str| {
        targets(&format!("{}calendar = 'office'\n[calendar.office.hours]\nmonday = ['{hours}']\n", target("a", 1)))
    };
    let TargetsDiff { added, removed, changed } = TargetsDiff::between(&with("09:00-10:00"), &with("09:00-11:00"));
    assert_eq!((added.len(), removed.len(), changed.join(" ")), (0, 0, "calendar.office target.a".into()));
    assert!(TargetsDiff::between(&with("09:00-10:00"), &with("09:00-10:00")).is_empty());
}
