//! The rules, compared with the catalogue of metrics and with the conventions of docs/alerts.md.

use std::collections::{BTreeMap, BTreeSet};

use pacemeter::event::{CallKind, DisbursementKind};
use pacemeter::record::{Outcome, Stream};
use pacemeter::targets::Measure;
use pacemeter::telemetry::catalogue;

use super::expressions::{Expression, Selector};
use super::rules::{self, Rule};

const EVERY_SERIES: [&str; 2] = ["job", "instance"];

/// All rules with their parsed expressions.
fn expressions() -> Vec<(Rule, Expression)> {
    rules::all()
        .into_iter()
        .map(|rule| (Expression::read(rule.expression()), rule))
        .map(|(read, rule)| (rule, read))
        .collect()
}

/// Labels of a recorded series: the words of its level.
fn level(name: &str) -> Vec<&str> {
    name.split(':').next().unwrap_or_default().split('_').collect()
}

/// Names of recorded series in the templates of an alert's texts.
pub fn recorded_in_texts(rule: &Rule) -> Vec<&str> {
    let texts = rule.fields.iter().filter(|(key, _)| key.starts_with("annotations.")).map(|(_, text)| text.as_str());
    let words =
        texts.flat_map(|text| text.split(|next: char| !(next.is_ascii_alphanumeric() || next == '_' || next == ':')));
    words.map(|word| word.strip_suffix("%s").unwrap_or(word)).filter(|word| word.matches(':').count() == 2).collect()
}

/// Labels of a metric's series; `None` if there is no such metric.
fn labels_of(metric: &str, rules: &[(Rule, Expression)]) -> Option<BTreeSet<String>> {
    let own: Vec<&str> = if metric == "up" {
        vec![]
    } else if metric == "ALERTS" {
        vec!["alertname", "alertstate"]
    } else if rules.iter().any(|(rule, _)| !rule.is_alert && rule.name == metric) {
        level(metric)
    } else if let Some(family) = catalogue::find(metric) {
        family.labels.to_vec()
    } else if let Some(name) = metric.strip_suffix("_bucket") {
        catalogue::find(name)?.labels.iter().copied().chain(["le"]).collect()
    } else {
        catalogue::find(metric.strip_suffix("_count")?)?.labels.to_vec()
    };
    Some(own.into_iter().chain(EVERY_SERIES).map(str::to_owned).collect())
}

#[test]
fn every_metric_and_label_that_rules_read_exists() {
    let rules = expressions();
    let known: BTreeSet<&str> =
        catalogue::all().flat_map(|family| family.labels.iter().copied()).chain(EVERY_SERIES).collect();
    let mut faults = Vec::new();
    for (rule, read) in &rules {
        for Selector { metric, matchers, .. } in &read.selectors {
            let Some(labels) = labels_of(metric, &rules) else {
                faults.push(format!("{}: there is no {metric}", rule.name));
                continue;
            };
            let unknown = matchers.iter().filter(|(label, _)| !labels.contains(label));
            faults.extend(unknown.map(|(label, _)| format!("{}: {metric} has no label {label}", rule.name)));
            if metric == "up" || metric.starts_with("pacemeter_") || metric.starts_with("process_") {
                let is_ours = matchers.iter().any(|(label, values)| label == "job" && values == &["pacemeter"]);
                faults.extend((!is_ours).then(|| format!("{}: {metric} is not selected by job", rule.name)));
            }
        }
        let unknown = read.labels.iter().filter(|label| !known.contains(label.as_str()));
        faults.extend(unknown.map(|label| format!("{}: no series has the label {label}", rule.name)));
        let recorded = recorded_in_texts(rule).into_iter().filter(|name| labels_of(name, &rules).is_none());
        faults.extend(recorded.map(|name| format!("{}: its text reads {name}, which no rule records", rule.name)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_label_value_that_rules_match_exists() {
    let mut known: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let events =
        DisbursementKind::ALL.iter().map(|kind| kind.name()).chain(CallKind::ALL.iter().map(|kind| kind.name()));
    known.insert("event", events.collect());
    known.insert("outcome", Outcome::ALL.iter().map(|outcome| outcome.name()).collect());
    known.insert("measure", Measure::ALL.iter().map(|(_, name)| *name).collect());
    known.insert("result", vec!["failed"]);
    known.insert("stream", Stream::ALL.iter().map(|stream| stream.name()).collect());
    known.insert("le", vec!["3600"]);
    known.insert("calendar", vec!["payments", "calls", "milestones"]);
    known.insert("job", vec!["pacemeter"]);
    known.insert("alertstate", vec!["firing"]);
    let alerts = rules::alerts();
    known.insert("alertname", alerts.iter().map(|alert| alert.name.as_str()).collect());
    for (rule, read) in expressions() {
        for (label, values) in read.selectors.iter().flat_map(|selector| &selector.matchers) {
            let known = known
                .get(label.as_str())
                .unwrap_or_else(|| panic!("{}: the values of {label} are not known", rule.name));
            for value in values {
                assert!(known.contains(&value.as_str()), "{}: no series has {label}={value:?}", rule.name);
                assert!(label != "alertname" || *value == rule.name, "{} depends on another alert, {value}", rule.name);
            }
        }
    }
}

#[test]
fn figures_are_the_maximum_of_the_replicas_before_any_sum() {
    for (rule, read) in expressions() {
        for Selector { metric, around, .. } in &read.selectors {
            if catalogue::find(metric).is_some_and(|family| family.business) {
                let first = around
                    .iter()
                    .find(|name| name.contains(' ') || ["sum", "max", "min", "avg", "count"].contains(&name.as_str()));
                assert_eq!(first.map(String::as_str), Some("max without (instance)"), "{}: {metric}", rule.name);
            }
        }
    }
}

#[test]
fn recorded_series_are_named_by_convention_and_are_used() {
    let rules = expressions();
    let read: BTreeSet<&str> = rules
        .iter()
        .flat_map(|(rule, read)| {
            read.selectors.iter().map(|selector| selector.metric.as_str()).chain(recorded_in_texts(rule))
        })
        .collect();
    let labels: BTreeSet<&str> =
        catalogue::all().flat_map(|family| family.labels.iter().copied()).chain(EVERY_SERIES).collect();
    for (rule, _) in rules.iter().filter(|(rule, _)| !rule.is_alert) {
        let name = rule.name.as_str();
        let [_, metric, operation] = name.split(':').collect::<Vec<_>>()[..] else {
            panic!("{name} is not level:metric:operation")
        };
        assert!(level(name).iter().all(|label| labels.contains(label)), "{name}: a level is made of labels");
        assert!(
            metric.starts_with("pacemeter_") && !metric.ends_with("_total"),
            "{name}: the metric, a counter without _total"
        );
        let is_known = ["max", "bool", "increase", "ratio_rate"].iter().any(|known| operation.starts_with(known));
        assert!(is_known, "{name}: {operation}");
        assert!(read.contains(name), "{name} is recorded and not used");
    }
}

#[test]
fn every_alert_has_a_severity_and_says_what_it_is() {
    let alerts = rules::alerts();
    let names: BTreeSet<&str> = alerts.iter().map(|alert| alert.name.as_str()).collect();
    assert_eq!(names.len(), alerts.len(), "an alert is repeated");
    for alert in &alerts {
        let name = &alert.name;
        assert!(name.starts_with("Pacemeter") && name.chars().all(|next| next.is_ascii_alphanumeric()), "{name}");
        assert!(["critical", "warning", "info"].contains(&alert.field("labels.severity")), "{name}: severity");
        let is_of_target = alert.expression().contains("job_target:");
        assert!(
            !is_of_target || alert.field("labels.severity") != "critical",
            "{name}: no engineer can reach a target"
        );
        assert!(!alert.field("for").is_empty(), "{name}: an alert must have a `for`");
        for key in ["annotations.summary", "annotations.description"] {
            let text = alert.field(key);
            assert!(text.ends_with('.') || text.ends_with("}}"), "{name}: {key} is a sentence, not {text:?}");
        }
        assert!(
            !alert.field("annotations.summary").contains("{{"),
            "{name}: a summary is the same for all alerts of a group"
        );
    }
}
