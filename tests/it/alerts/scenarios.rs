//! The scenarios of deploy/prometheus/tests, played by promtool.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::rules::{self, Rule};
use super::{copy, prometheus, run, yaml_files};

/// A file of scenarios.
pub struct Scenarios {
    pub name: String,
    text: String,
}

impl Scenarios {
    pub fn all() -> Vec<Self> {
        let name = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
        let read = |path: PathBuf| Self { name: name(&path), text: fs::read_to_string(path).expect("scenarios") };
        yaml_files(&prometheus().join("tests")).into_iter().map(read).collect()
    }

    /// The file reduced to one scenario and the first, which has the series common to all; `None` if there is no such
    /// scenario.
    pub fn only(&self, scenario: &str) -> Option<String> {
        let mut parts = self.text.split("  - name: ");
        let head = [parts.next()?, parts.next()?].join("  - name: ");
        let is_wanted = |part: &str| part.lines().next() == Some(scenario);
        if is_wanted(head.split("  - name: ").nth(1)?) {
            return Some(head);
        }
        parts.find(|part| is_wanted(part)).map(|part| format!("{head}  - name: {part}"))
    }

    /// True if a scenario expects this alert, with its labels and texts.
    fn expects(&self, alert: &str) -> bool {
        self.text
            .split("eval_time: ")
            .any(|check| check.contains(&format!("alertname: {alert}\n")) && check.contains("exp_annotations:"))
    }

    /// True if a scenario expects that this alert does not fire.
    fn expects_not(&self, alert: &str) -> bool {
        self.text.contains(&format!("alertname: {alert}, exp_alerts: []}}"))
    }
}

/// Plays a file of scenarios with the rules of the same directory.
pub fn play(directory: &Path, file: &str) -> Result<String, String> {
    run("promtool", &["test", "rules", &format!("tests/{file}")], directory)
}

#[test]
fn promtool_accepts_the_rules_and_the_configuration() {
    let paths = yaml_files(&prometheus().join("rules"));
    let names = paths.iter().map(|path| path.to_str().expect("UTF-8"));
    let arguments: Vec<&str> = ["check", "rules", "--lint=all", "--lint-fatal"].into_iter().chain(names).collect();
    if let Err(said) = run("promtool", &arguments, &prometheus()) {
        panic!("{said}");
    }
    let said = run("promtool", &["check", "config", "--lint=all", "--lint-fatal", "prometheus.yml"], &prometheus());
    let said = said.unwrap_or_else(|said| panic!("{said}"));
    assert!(said.contains(&format!("{} rule files found", paths.len())), "{said}");
}

#[test]
fn every_scenario_passes() {
    for scenarios in Scenarios::all() {
        if let Err(said) = play(&prometheus(), &scenarios.name) {
            panic!("{said}");
        }
    }
}

#[test]
fn every_alert_has_scenarios_with_and_without_it() {
    let scenarios = Scenarios::all();
    for alert in rules::alerts() {
        assert!(scenarios.iter().any(|file| file.expects(&alert.name)), "no scenario has {} fire", alert.name);
        assert!(scenarios.iter().any(|file| file.expects_not(&alert.name)), "no scenario has {} silent", alert.name);
    }
}

/// Every `for` has a reason: without it the alert fires too early in a scenario.
#[test]
fn every_alert_waits_before_it_fires() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    copy(&prometheus(), directory.path());
    for file in rules::files() {
        let lines = file.text.lines().filter(|line| !line.starts_with("        for: ")).collect::<Vec<_>>().join("\n");
        fs::write(directory.path().join("rules").join(file.name()), lines).expect("a rules file");
    }
    let said: String = Scenarios::all().iter().filter_map(|file| play(directory.path(), &file.name).err()).collect();
    let early: BTreeSet<&str> = said.lines().filter_map(early_alert).collect();
    let patient: Vec<Rule> = rules::alerts().into_iter().filter(|alert| !early.contains(alert.name.as_str())).collect();
    let names: Vec<&str> = patient.iter().map(|alert| alert.name.as_str()).collect();
    assert!(names.is_empty(), "no scenario needs these to wait: {names:?}");
}

/// Alert of a failed check.
fn early_alert(line: &str) -> Option<&str> {
    line.trim().strip_prefix("alertname: ")?.split(',').next()
}
