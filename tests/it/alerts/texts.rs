//! The descriptions of all alerts, rendered by promtool with values that are hard to write: no reader must meet
//! `1.904e-20%`, `1.091G` or `100000`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use super::lint::recorded_in_texts;
use super::rules::{self, RuleFile};
use super::run;

/// Values of everything that a description shows.
const HARD: [&str; 12] = [
    "0",
    "1.904e-20",
    "0.00042",
    "0.0042",
    "0.8",
    "59",
    "999.96",
    "999999.9",
    "438712345.67",
    "1091000000",
    "1000000000000",
    "-8000",
];
/// Measures whose values are written differently.
const MEASURES: [&str; 3] = ["beneficiaries", "net_pesos", "service_level"];
/// Labels of alerts and recorded series, with a value each.
const LABELS: [(&str, &str); 15] = [
    ("job", "pacemeter"),
    ("instance", "a"),
    ("target", "weekly"),
    ("period", "week"),
    ("description", "People paid"),
    ("programme", "credits"),
    ("state", "MX-OAX"),
    ("stream", "call"),
    ("queue", "main"),
    ("calendar", "payments"),
    ("topic", "calls"),
    ("partition", "zero"),
    ("reason", "not_json"),
    ("metric", "pacemeter_agents"),
    ("label", "programme"),
];

/// A description, with the alert, the value and the measure that it was rendered with.
struct Rendered {
    alert: String,
    value: &'static str,
    measure: &'static str,
    text: String,
}

/// Renders the description of every alert with every value and measure.
fn render() -> Vec<Rendered> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("rules.yml"), rules_that_fire()).expect("rules");
    let cases: Vec<_> = HARD.iter().flat_map(|value| MEASURES.map(|measure| (*value, measure))).collect();
    let mut tests = "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n".to_owned();
    for (index, (value, measure)) in cases.iter().enumerate() {
        tests.push_str(&scenario(index, value, measure));
    }
    fs::write(directory.path().join("tests.yml"), tests).expect("scenarios");
    let said = run("promtool", &["test", "rules", "tests.yml"], directory.path()).expect_err("no alert is expected");
    let mut rendered = Vec::new();
    for part in said.split("    name: ").skip(1) {
        let (index, rest) = part.split_once(',').unwrap_or_else(|| panic!("no scenario: {said}"));
        let index: usize = index.parse().unwrap_or_else(|_| panic!("no scenario: {said}"));
        let alert = rest.split_once("alertname: ").and_then(|(_, rest)| rest.split_once(',')).expect("an alert").0;
        let text = rest.split_once("Annotations:{description=").and_then(|(_, rest)| rest.split_once(", runbook_url="));
        let text = serde_json::from_str(text.expect("a description").0).expect("a quoted text");
        let (value, measure) = cases[index];
        rendered.push(Rendered { alert: alert.to_owned(), value, measure, text });
    }
    assert_eq!(rendered.len(), cases.len() * rules::alerts().len(), "every alert is rendered: {said}");
    rendered
}

/// Rules with the shipped texts, all of which fire with the value of the series `hard`.
fn rules_that_fire() -> String {
    let mut text = "groups:\n  - name: texts\n    rules:\n".to_owned();
    for RuleFile { text: file, rules, .. } in rules::files() {
        let lines: Vec<&str> = file.lines().collect();
        for rule in rules.iter().filter(|rule| rule.is_alert) {
            let of_rule = &lines[rule.lines.clone()];
            let annotations = of_rule.iter().position(|line| *line == "        annotations:").expect("annotations");
            writeln!(text, "      - alert: {}\n        expr: hard", rule.name).expect("a text");
            writeln!(text, "{}", of_rule[annotations..].join("\n")).expect("a text");
        }
    }
    text
}

/// A scenario in which every series has `value`, and no alert is expected, so that promtool prints those that fire.
fn scenario(index: usize, value: &str, measure: &str) -> String {
    let mut text = format!("  - name: {index}\n    interval: 1m\n    input_series:\n");
    let mut series = |name: &str, is_wanted: &dyn Fn(&str) -> bool, values: &str| {
        let measured = ("measure", measure);
        let labels = LABELS.iter().chain([&measured]).filter(|(label, _)| is_wanted(label));
        let labels: Vec<String> = labels.map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        writeln!(text, "      - {{series: '{name}{{{}}}', values: '{values}'}}", labels.join(",")).expect("a text");
    };
    let constant = format!("{value} {value} {value}");
    series("hard", &|_| true, &constant);
    series("pacemeter_rejected_records_total", &|label| ["job", "instance", "stream", "reason"].contains(&label), &{
        format!("0 0 {}", value.trim_start_matches('-'))
    });
    let alerts = rules::alerts();
    let recorded: BTreeSet<&str> = alerts.iter().flat_map(recorded_in_texts).collect();
    for name in recorded {
        let level = name.split(':').next().expect("a level");
        let values = if name.contains("timestamp") { "1605506400 1605506400 1605506400" } else { &constant };
        series(name, &|label| level.split('_').any(|of_level| of_level == label), values);
    }
    text.push_str("    alert_rule_test:\n");
    for alert in alerts {
        writeln!(text, "      - {{eval_time: 2m, alertname: {}, exp_alerts: []}}", alert.name).expect("a text");
    }
    text
}

/// Fault of a text for its readers; `None` without one.
fn fault(text: &str) -> Option<&'static str> {
    let words = text.split_whitespace();
    let is_date = |word: &str| word.len() == 10 && word.split('-').map(str::len).eq([4, 2, 2]);
    for word in words.map(|word| word.trim_end_matches([',', ';', '.', ':', ')'])).filter(|word| !is_date(word)) {
        let characters: Vec<char> = word.chars().collect();
        if characters.windows(4).any(|four| four.iter().all(char::is_ascii_digit)) {
            return Some("a number without separators of thousands");
        }
        let follows = |is_next: &dyn Fn(char) -> bool| {
            characters.windows(2).any(|two| two[0].is_ascii_digit() && is_next(two[1]))
        };
        if follows(&|next| next.is_alphabetic()) {
            return Some("a number with an exponent or a prefix of a unit");
        }
        if follows(&|next| next == '%') {
            return Some("a share without a space");
        }
    }
    ["NaN", "Inf", "<error", "<no value>", "%!", "  ", " .", " ,", "()"]
        .iter()
        .any(|bad| text.contains(bad))
        .then_some("a value or a space that is no text")
}

#[test]
fn hard_values_are_written_for_readers() {
    let rendered = render();
    let faults: Vec<String> = rendered
        .iter()
        .filter_map(|found| fault(&found.text).map(|fault| (fault, found)))
        .map(|(fault, found)| format!("{} with {}: {fault}: {}", found.alert, found.value, found.text))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let says = |alert: &str, value: &str, measure: &str, part: &str| {
        let is_of = |found: &&Rendered| found.alert == alert && (found.value, found.measure) == (value, measure);
        let found = rendered.iter().find(is_of).expect("it was rendered");
        assert!(found.text.contains(part), "{alert} with {value} should say {part:?}: {}", found.text);
    };
    says("PacemeterTargetAtRisk", "1.904e-20", "beneficiaries", "with a probability of <1 %.");
    says("PacemeterTargetAtRisk", "438712345.67", "net_pesos", "Reached: 438.7 million pesos;");
    says("PacemeterTargetBehindPlan", "1091000000", "net_pesos", "goal: 1,091.0 million pesos.");
    says("PacemeterTargetBehindPlan", "1000000000000", "beneficiaries", "Reached: 1,000,000,000,000 beneficiaries;");
    says("PacemeterTargetBehindPlan", "0.8", "beneficiaries", "People paid (weekly), week from 2020-11-16: 80.0 %");
    says("PacemeterTargetRatioLow", "0.8", "service_level", "reached so far: 80.0 %; goal: 80.0 %");
    says("PacemeterEventRejectionFastBurn", "0.0042", "beneficiaries", "0.4 % of the records");
    says("PacemeterEventRejectionFastBurn", "438712345.67", "beneficiaries", "Reasons: not_json (");
}

#[test]
fn faults_of_texts_are_found() {
    for bad in ["1.904e-20 %", "worth 1.091G pesos", "100000 people", "3%", "a  b", "of .", "NaN people", "3h"] {
        assert!(fault(bad).is_some(), "{bad}");
    }
    assert_eq!(fault("week from 2020-11-16: 1,091.0 million pesos (12,000), <1 %."), None);
}

/// Prometheus has no templates common to several alerts, so each text has its own copies.
#[test]
fn a_template_is_the_same_in_every_text() {
    let mut found: BTreeMap<String, (String, String)> = BTreeMap::new();
    for alert in rules::alerts() {
        for part in alert.field("annotations.description").split("{{- define \"").skip(1) {
            let (name, body) = part.split_once("\" -}}").expect("a template has a name");
            let (body, _) = body.split_once("{{- end -}}").expect("a template ends");
            let first = found.entry(name.to_owned()).or_insert_with(|| (body.trim().to_owned(), alert.name.clone()));
            assert_eq!(first.0, body.trim(), "{name} of {} and {}", first.1, alert.name);
        }
    }
}
