//! Dashboards on a real Prometheus: every query answers, and every panel is drawn by Grafana's own components. The
//! scripts are in `tests/grafana`.

mod beginning;
mod pictures;
mod recording;

use std::path::Path;
use std::sync::OnceLock;

use recording::{AN_HOUR, INTERVAL, Recording};

use crate::alerts::servers::free_address;
use crate::node::run_scripts;

const ONE_INSTANCE: [&str; 1] = ["127.0.0.1:9464"];
const TWO_INSTANCES: [&str; 2] = ["127.0.0.1:9464", "127.0.0.1:9465"];

fn recording() -> &'static Recording {
    static RECORDING: OnceLock<Recording> = OnceLock::new();
    RECORDING.get_or_init(|| Recording::of(&[AN_HOUR], &[]))
}

/// Path below the repository.
fn path(below: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below).to_str().expect("UTF-8").to_owned()
}

/// Instant at which the queries are evaluated, just before the last scrape.
fn now() -> String {
    (recording().end() - 1.0).to_string()
}

#[test]
fn every_query_answers() {
    let (one, two) = (recording().prometheus(&ONE_INSTANCE), recording().prometheus(&TWO_INSTANCES));
    run_scripts(
        "grafana",
        &[&["answers.mjs", &one.origin(), &two.origin(), &path("deploy/grafana/dashboards"), &now()]],
    );
}

#[test]
fn every_panel_is_drawn_whole() {
    let prometheus = recording().prometheus(&ONE_INSTANCE);
    let (from, interval) = (recording().begin().to_string(), INTERVAL.to_string());
    let draw = |language: &str| {
        let paths = ["programme", "calls", "milestones", "pipeline"].map(|name| format!("{language}/{name}.json"));
        let common = ["draw.mjs".to_owned(), format!("http://{}", free_address()), prometheus.origin()];
        let directories = [path("deploy/grafana/dashboards"), path("target/dashboards")];
        let times = [now(), from.clone(), interval.clone()];
        [common.as_slice(), &directories, &times, &paths].concat()
    };
    let runs = ["es", "en"].map(draw);
    let runs: Vec<Vec<&str>> = runs.iter().map(|run| run.iter().map(String::as_str).collect()).collect();
    run_scripts("grafana", &runs.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

#[test]
fn planted_faults_of_dashboards_are_reported() {
    let (one, two) = (recording().prometheus(&ONE_INSTANCE), recording().prometheus(&TWO_INSTANCES));
    let origin = format!("http://{}", free_address());
    run_scripts("grafana", &[&["planted.mjs", &origin, &one.origin(), &two.origin(), &now()]]);
}
