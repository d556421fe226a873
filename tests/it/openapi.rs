//! `/openapi.json` of the running program: a validator of OpenAPI accepts it, and Python's jsonschema every answer.

use std::fs;
use std::process::Command;

use pacemeter::clock::{DAY, HOUR};
use pacemeter::record::Stream;
use serde_json::Value;

use crate::documents::{TARGETS, last_midnight, payment, python_packages};
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::{CREATE_TIME, Topics};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/openapi/check.py");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md");

#[test]
fn every_live_answer_is_as_described() {
    let topics = Topics::create(shared_kafka(), 1, CREATE_TIME);
    let midnight = last_midnight();
    let records: Vec<_> = [midnight - DAY - HOUR, midnight - HOUR, midnight + HOUR]
        .into_iter()
        .enumerate()
        .flat_map(|(day, at)| (0..4).map(move |number| payment(day * 10 + number, "solidario", at, "25000.50")))
        .collect();
    topics.write(Stream::Disbursement, &records);
    let state = tempfile::tempdir().expect("a temporary directory");
    let targets = state.path().join("targets.toml");
    fs::write(&targets, TARGETS).expect("a file");
    let mut settings = topics.settings();
    settings.push(format!("targets.files=[{targets:?}]"));
    settings.push("labels.programmes=[\"solidario\"]".to_owned());
    let mut pacemeter = Pacemeter::start(&state, &settings);
    // It is there before there are figures.
    assert_eq!(pacemeter.get("/openapi.json").status, 200);
    pacemeter.wait_ready();
    pacemeter.until("cuts are stored", |pacemeter| {
        let cuts: Value = serde_json::from_str(&pacemeter.get("/api/v1/cuts").body).expect("JSON");
        cuts["cuts"].as_array().is_some_and(|cuts| cuts.len() > 1).then_some(())
    });
    let checked = Command::new("python3")
        .env("PYTHONPATH", python_packages())
        .args([SCRIPT, pacemeter.address(), PAGE])
        .output()
        .expect("python3 runs; scripts/test installs it");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let answers: usize = String::from_utf8_lossy(&checked.stdout).trim().parse().expect("a number");
    assert!(answers > 100, "only {answers} answers were compared");
    assert_generated_requests(&pacemeter);
    assert_eq!(pacemeter.stop().code, Some(0));
}

/// Asserts that schemathesis finds no answer that is not described, whatever it asks for. Two of its checks do not hold:
/// text that has the form of an id is refused if it is none, and clients may send any header.
fn assert_generated_requests(pacemeter: &Pacemeter) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    // From an address it would leave out the path of the description itself.
    let description = pacemeter.get("/openapi.json").body;
    fs::write(directory.path().join("openapi.json"), &description).expect("a file");
    let url = format!("--url=http://{}", pacemeter.address());
    let bounds = ["--max-examples=20", "--max-time=45", "--seed=1", "--phases=examples,coverage,fuzzing", "--no-color"];
    let checked = Command::new("python3")
        .env("PYTHONPATH", python_packages())
        .current_dir(&directory)
        .args(["-m", "schemathesis.cli", "run", "openapi.json", &url])
        .args(bounds)
        .arg("--exclude-checks=positive_data_acceptance")
        .output()
        .expect("python3 runs; scripts/test installs it");
    let output = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{output}\n{}", String::from_utf8_lossy(&checked.stderr));
    let description: Value = serde_json::from_str(&description).expect("JSON");
    let operations = description["paths"].as_object().expect("paths").len();
    assert!(operations >= 22 && output.contains(&format!("Tested: {operations}\n")), "{operations}: {output}");
}
