//! Pictures of the docs: dashboards of a demo whose payments stalled, so that its week is behind. `scripts/pictures` makes
//! them.

use pacemeter::clock::{HOUR, Timestamp};

use super::recording::{MONDAY, RecordedSpan, Recording};
use super::{ONE_INSTANCE, path};
use crate::alerts::servers::free_address;
use crate::node::run_scripts;

/// Wednesday noon: a day after the stall began.
const WEDNESDAY_NOON: Timestamp = Timestamp::from_millis(MONDAY.as_millis() + 60 * HOUR);

/// Week until then in two minutes, and the minutes after it more slowly, so that the newest figures are recent.
const SPANS: [RecordedSpan; 2] = [
    RecordedSpan { begin: MONDAY, length: 60.0 * 3_600.0, interval: 120.0, speed: 2_400 },
    RecordedSpan { begin: WEDNESDAY_NOON, length: 1_200.0, interval: 15.0, speed: 30 },
];

#[test]
#[ignore = "5 minutes, and makes files: scripts/pictures"]
fn of_a_week_that_is_behind() {
    let recording = Recording::of(&SPANS, &["--behind"]);
    let prometheus = recording.prometheus(&ONE_INSTANCE);
    let monday = (MONDAY.as_millis() / 1_000).to_string();
    // The dashboard of milestones has a range of 30 days, of which only these are recorded.
    let draw = |from: &str, names: &[&str]| {
        let common = ["draw.mjs".to_owned(), format!("http://{}", free_address()), prometheus.origin()];
        let directories = [path("deploy/grafana/dashboards"), path("target/pictures")];
        let times = [(recording.end() - 1.0).to_string(), from.to_owned(), SPANS[0].interval.to_string()];
        let paths: Vec<String> = names.iter().map(|name| format!("es/{name}.json")).collect();
        [&common[..], &directories, &times, &paths].concat()
    };
    let runs = [draw("0", &["programme", "calls", "pipeline"]), draw(&monday, &["milestones"])];
    let runs: Vec<Vec<&str>> = runs.iter().map(|run| run.iter().map(String::as_str).collect()).collect();
    run_scripts("grafana", &runs.iter().map(Vec::as_slice).collect::<Vec<_>>());
}
