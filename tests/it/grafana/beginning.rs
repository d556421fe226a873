//! Graphs of a week begin with the week: the last figure of the week before is not its first point.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::tempdir;

use super::path;

/// Returns the query of a panel of the dashboard of the programme, with its variables replaced.
fn query(title: &str) -> String {
    let text = fs::read_to_string(path("deploy/grafana/dashboards/en/programme.json")).expect("a dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let panel = panels.iter().find(|panel| panel["title"] == title).unwrap_or_else(|| panic!("no panel {title}"));
    let query = panel["targets"][0]["expr"].as_str().expect("a query");
    ["$job", "$programme", "$state"]
        .iter()
        .fold(query.replace("$target", "week"), |query, name| query.replace(name, ".*"))
}

#[test]
fn graphs_of_a_week_do_not_begin_with_the_week_before() {
    // The week ends after 80 seconds. Samples are 15 seconds apart, so until 90 seconds the newest is of the week before.
    let series = [
        ("pacemeter_target_actual{job=\"a\",target=\"week\"}", "90x5 3x5"),
        ("pacemeter_target_goal{job=\"a\",target=\"week\"}", "100x11"),
        ("pacemeter_target_shortfall{job=\"a\",target=\"week\"}", "10x5 -3x5"),
        ("pacemeter_target_info{job=\"a\",target=\"week\",measure=\"dispersals\",period=\"week\"}", "1x11"),
        ("pacemeter_target_period_end_timestamp_seconds{job=\"a\",target=\"week\"}", "80x5 604880x5"),
        ("pacemeter_week_beneficiaries{job=\"a\",programme=\"b\",state=\"c\"}", "80x5 2x5"),
    ];
    let mut test = "evaluation_interval: 15s\ntests:\n- interval: 15s\n  input_series:\n".to_owned();
    for (series, values) in series {
        writeln!(test, "  - {{ series: '{series}', values: '{values}' }}").expect("memory");
    }
    test += "  promql_expr_test:\n";
    let week = "target=\"week\"";
    for (title, labels, before, after) in [
        ("Plan and actual of the chosen target", week, 90.0, 3.0),
        ("Distance from the plan, of the goal", week, -0.1, 0.03),
        ("People paid this week", "programme=\"b\"", 80.0, 2.0),
    ] {
        for (at, value) in [("75s", Some(before)), ("80s", None), ("85s", None), ("90s", Some(after))] {
            let sample = value.map(|value| format!("{{ labels: '{{job=\"a\",{labels}}}', value: {value} }}"));
            let samples = sample.unwrap_or_default();
            writeln!(test, "  - {{ expr: '{}', eval_time: {at}, exp_samples: [{samples}] }}", query(title))
                .expect("memory");
        }
    }
    let directory = tempdir().expect("a temporary directory");
    fs::write(directory.path().join("test.yml"), &test).expect("a file");
    let output = Command::new("promtool").args(["test", "rules", "test.yml"]).current_dir(directory.path()).output();
    let output = output.expect("promtool is missing; scripts/test installs it");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{test}{said}");
}
