//! Receivers of alerts, as amtool reads deploy/alertmanager.

use super::{alertmanager_file, run};
use crate::tidy::root;

#[test]
fn amtool_accepts_the_configuration() {
    let file = alertmanager_file();
    if let Err(said) = run("amtool", &["check-config", file.to_str().expect("UTF-8")], root()) {
        panic!("{said}");
    }
}

#[test]
fn every_severity_goes_to_its_receiver() {
    for (severity, receiver) in [("critical", "pager"), ("warning", "ops"), ("info", "office-once")] {
        assert_goes(&[&format!("severity={severity}")], receiver);
    }
}

#[test]
fn targets_and_states_go_to_the_office() {
    for name in
        ["PacemeterTargetBehindPlan", "PacemeterTargetAtRisk", "PacemeterTargetRatioLow", "PacemeterStateUnpaid"]
    {
        assert_goes(&["severity=warning", &format!("alertname={name}")], "office");
    }
    assert_goes(&["severity=warning", "alertname=PacemeterTargetsInvalid"], "ops");
}

#[test]
fn the_watchdog_has_a_receiver_of_its_own() {
    assert_goes(&["severity=info", "alertname=PacemeterWatchdog"], "watchdog");
}

fn assert_goes(labels: &[&str], receiver: &str) {
    let file = format!("--config.file={}", alertmanager_file().display());
    let expected = format!("--verify.receivers={receiver}");
    let arguments = [&["config", "routes", "test", &file, &expected], labels].concat();
    let said = run("amtool", &arguments, root());
    assert!(said.is_ok(), "{labels:?} should go to {receiver}: {said:?}");
}
