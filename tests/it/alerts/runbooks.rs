//! Runbooks: one for each alert and no others, and their list in docs/alerts.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pacemeter::telemetry::catalogue;

use super::rules::{self, Rule};
use crate::tidy::root;

/// Base address of runbooks in the rules: a placeholder, which docs/alerts.md explains.
const BASE: &str = "https://runbooks.example/pacemeter/";

/// Sections of every runbook, in this order.
const SECTIONS: [&str; 3] = ["## What it means", "## What to look at", "## What to do"];

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let directory = root().join("docs/runbooks");
    let entries = fs::read_dir(&directory).expect("the runbooks");
    let files: BTreeSet<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    let alerts = rules::alerts();
    let expected: BTreeSet<String> = alerts.iter().map(|alert| format!("{}.md", alert.name)).collect();
    assert_eq!(files, expected);
    for Rule { name, fields, .. } in &alerts {
        assert_eq!(fields["annotations.runbook_url"], format!("{BASE}{name}"));
        let text = fs::read_to_string(directory.join(format!("{name}.md"))).expect("a runbook");
        assert!(text.starts_with(&format!("# {name}\n")), "{name}: the runbook begins with its name");
        let found: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(found, SECTIONS, "{name}");
    }
}

#[test]
fn runbooks_name_metrics_and_log_events_that_exist() {
    let recorded: BTreeSet<String> = rules::all().into_iter().map(|rule| rule.name).collect();
    let events = logged_events();
    for alert in rules::alerts() {
        let text = fs::read_to_string(root().join(format!("docs/runbooks/{}.md", alert.name))).expect("a runbook");
        for word in text
            .split(|next: char| !(next.is_ascii_alphanumeric() || "_:.".contains(next)))
            .map(|word| word.trim_matches('.'))
        {
            let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| word.strip_suffix(suffix));
            let is_known = match word {
                word if word.starts_with("pacemeter.") => events.contains(word),
                word if word.contains(":pacemeter_") => recorded.contains(word),
                word if word.starts_with("pacemeter_") => {
                    [Some(word), histogram].into_iter().flatten().any(|name| catalogue::find(name).is_some())
                }
                _ => true,
            };
            assert!(is_known, "{}: there is no {word}", alert.name);
        }
    }
}

/// Names of log events in the source.
fn logged_events() -> BTreeSet<String> {
    fn walk(directory: &Path, events: &mut BTreeSet<String>) {
        for path in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                walk(&path, events);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let names = text.split('"').filter(|text| text.starts_with("pacemeter."));
                events.extend(names.map(str::to_owned));
            }
        }
    }
    let mut events = BTreeSet::new();
    walk(&root().join("src"), &mut events);
    events
}

#[test]
fn the_list_of_alerts_equals_the_rules() {
    let page = fs::read_to_string(root().join("docs/alerts.md")).expect("docs/alerts.md");
    assert!(page.contains(BASE), "docs/alerts.md explains the address of runbooks");
    let listed: Vec<&str> = page.lines().filter(|line| line.starts_with("| [Pacemeter")).collect();
    let made: Vec<String> = rules::alerts().iter().map(row).collect();
    assert_eq!(listed, made, "the table of docs/alerts.md should read:\n{}\n", made.join("\n"));
}

/// Row of an alert in docs/alerts.md.
fn row(alert: &Rule) -> String {
    let name = &alert.name;
    let (severity, wait, summary) =
        (alert.field("labels.severity"), alert.field("for"), alert.field("annotations.summary"));
    format!("| [{name}](runbooks/{name}.md) | {severity} | {wait} | {summary} |")
}
