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
    let file = format!("--config.file={}", alertmanager_file().display());
    for (severity, receiver) in [("critical", "pager"), ("warning", "ops"), ("info", "office")] {
        let (expected, labels) = (format!("--verify.receivers={receiver}"), format!("severity={severity}"));
        let said = run("amtool", &["config", "routes", "test", &file, &expected, &labels], root());
        assert!(said.is_ok(), "{severity} should go to {receiver}: {said:?}");
    }
}
