use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::aggregate::Rules;
use crate::clock::SECOND;
use crate::settings::{Layers, SettingsReader};
use crate::telemetry::log::{Format, LogCounters, Settings};

/// A file of targets, somebody who reads it again, and somebody who takes what was read.
struct Scene {
    path: PathBuf,
    _directory: TempDir,
    reload: Reload,
    taken: watch::Receiver<Arc<Targets>>,
    clock: Clock,
}

fn target(name: &str, goal: u32) -> String {
    format!("[target.{name}]\nmeasure = 'dispersals'\nperiod = 'week'\ngoal = {goal}\n")
}

impl Scene {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("targets.toml");
        fs::write(&path, text).unwrap();
        let overrides = vec![format!("targets.files=[{path:?}]"), "targets.check_interval=100ms".to_owned()];
        let mut reader = SettingsReader::load(&Layers { overrides, ..Layers::default() });
        let files = Files::settings(&mut reader, &Rules::default(), &jiff::tz::TimeZone::UTC);
        let texts = files.texts();
        let (sender, mut taken) = watch::channel(Arc::new(files.read(&texts).result.unwrap()));
        taken.mark_unchanged();
        let counters =
            LogCounters::new(&Settings { level: tracing::Level::INFO, format: Format::Auto, burst: 1, per_second: 1 });
        let clock = Clock::manual(1_000 * SECOND);
        let metrics = Arc::new(Metrics::new(&[], &[], Arc::new(counters)));
        let reload = Reload::new(files, texts, sender, metrics, clock.clone());
        Self { path, _directory: directory, reload, taken, clock }
    }

    fn write(&self, text: &str) {
        fs::write(&self.path, text).unwrap();
    }

    /// A look because the interval is over. Says whether it led to a reading.
    fn look(&mut self) -> bool {
        let texts = self.reload.files.texts();
        let is_to_be_read = self.reload.is_to_be_read(&texts);
        if is_to_be_read {
            self.read();
        }
        is_to_be_read
    }

    /// Reads because somebody asked.
    fn read(&mut self) {
        let texts = self.reload.files.texts();
        let reading = self.reload.files.read(&texts);
        self.reload.take(reading, texts);
    }

    /// The names and goals of what was handed on, if anything was since the last call.
    fn handed_on(&mut self) -> Option<Vec<(String, crate::targets::Quantity)>> {
        self.taken.has_changed().unwrap().then(|| {
            let targets = self.taken.borrow_and_update();
            targets.targets.iter().map(|target| (target.name.clone(), target.goals[0].1)).collect()
        })
    }

    /// Whether the last reading was good, and when one was (seconds).
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
fn a_change_is_taken_over_once_two_looks_have_found_it() {
    let mut scene = Scene::new(&target("week", 10));
    assert!(!scene.look());
    scene.write(&target("week", 20));
    assert!(!scene.look());
    scene.write(&target("week", 30));
    assert!(!scene.look(), "it is being written");
    assert!(scene.look());
    assert_eq!(scene.handed_on(), Some(vec![("week".to_owned(), count(30))]));
    assert!(!scene.look() && !scene.look());
}

#[test]
fn a_file_that_is_as_before_after_one_look_has_not_changed() {
    let mut scene = Scene::new(&target("week", 10));
    for _ in 0..3 {
        scene.write("");
        assert!(!scene.look());
        scene.write(&target("week", 10));
        assert!(!scene.look());
    }
}

#[test]
fn what_is_asked_for_is_taken_over_at_once() {
    let mut scene = Scene::new(&target("week", 10));
    scene.write(&target("day", 1));
    scene.clock.advance(60 * SECOND, 0);
    scene.read();
    assert_eq!(scene.handed_on(), Some(vec![("day".to_owned(), count(1))]));
    assert_eq!(scene.metrics(), (1.0, 1_060.0));
}

#[test]
fn other_words_for_the_same_targets_are_a_success_and_nothing_to_hand_on() {
    let mut scene = Scene::new(&target("week", 10));
    scene.write(&format!("# the same\n{}", target("week", 10)));
    scene.clock.advance(60 * SECOND, 0);
    scene.read();
    assert_eq!((scene.handed_on(), scene.metrics()), (None, (1.0, 1_060.0)));
}

#[test]
fn a_faulty_file_changes_the_metric_only_and_a_mended_one_changes_it_back() {
    let mut scene = Scene::new(&target("week", 10));
    scene.write("[target.week]\ngoal = 'many'\n");
    scene.clock.advance(60 * SECOND, 0);
    assert!(!scene.look() && scene.look());
    assert_eq!((scene.handed_on(), scene.metrics()), (None, (0.0, 1_000.0)));
    assert!(!scene.look() && !scene.look(), "the same faults are told once");
    scene.write(&target("week", 11));
    assert!(!scene.look() && scene.look());
    assert_eq!(scene.handed_on(), Some(vec![("week".to_owned(), count(11))]));
    assert_eq!(scene.metrics(), (1.0, 1_060.0));
}

#[test]
fn a_file_that_is_gone_is_a_fault() {
    let mut scene = Scene::new(&target("week", 10));
    fs::remove_file(&scene.path).unwrap();
    scene.read();
    assert_eq!((scene.handed_on(), scene.metrics().0), (None, 0.0));
    scene.write(&target("week", 10));
    scene.read();
    assert_eq!((scene.handed_on(), scene.metrics().0), (None, 1.0));
}

#[tokio::test]
async fn it_looks_by_itself_and_ends_at_a_shutdown() {
    let Scene { path, _directory, reload, mut taken, .. } = Scene::new(&target("week", 10));
    let shutdown = Shutdown::new();
    let asked = Arc::new(Notify::new());
    let running = tokio::spawn(reload.run(asked.clone(), shutdown.clone()));
    fs::write(&path, target("week", 20)).unwrap();
    taken.changed().await.unwrap();
    assert_eq!(taken.borrow_and_update().targets[0].goals[0].1, count(20));
    fs::write(&path, target("week", 30)).unwrap();
    asked.notify_one();
    taken.changed().await.unwrap();
    assert_eq!(taken.borrow_and_update().targets[0].goals[0].1, count(30));
    shutdown.request();
    running.await.unwrap();
}

fn targets(text: &str) -> Targets {
    let mut reader = SettingsReader::load(&Layers::default());
    let files = Files::settings(&mut reader, &Rules::default(), &jiff::tz::TimeZone::UTC);
    files.read(&[FileText::new("a.toml", text)]).result.unwrap()
}

#[test]
fn what_was_added_removed_and_changed_is_told_by_name() {
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
