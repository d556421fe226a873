//! Queries: their names, labels and values are in the catalogue, and they ask what the conventions say.

use promql_parser::parser::{Expr, LabelModifier};

use super::expressions::{KnownFamily, Selection, family_of, kept_labels, known_families, parse, selections};
use super::*;
use crate::event::{CallKind, DisbursementKind, Status};
use crate::record::{Outcome, Reason, Stream};
use crate::targets::Measure;
use crate::targets::status::PaceStatus;
use crate::telemetry::process::{AGGREGATES, CHECKPOINT_FAILURES, KAFKA_ERROR_KINDS, RESTORE_SOURCES};

/// Query of a dashboard, with the name for a fault.
struct Asked<'a> {
    place: String,
    expression: &'a str,
    legend: &'a str,
}

/// Returns the queries of panels.
fn asked(dashboard: &Value) -> Vec<Asked<'_>> {
    let of = |panel: &Value, target: &Value| format!("{} {}", string(panel, "/title"), string(target, "/refId"));
    let targets = panels(dashboard).flat_map(|panel| list(panel, "/targets").iter().map(move |target| (panel, target)));
    targets
        .map(|(panel, target)| Asked {
            place: of(panel, target),
            expression: string(target, "/expr"),
            legend: string(target, "/legendFormat"),
        })
        .collect()
}

/// Returns the expressions of annotations and variables; a variable also has the label that it lists.
fn asked_beside_panels(dashboard: &Value) -> Vec<(String, String, Option<String>)> {
    let marks = list(dashboard, "/annotations/list")
        .iter()
        .map(|mark| (string(mark, "/name").to_owned(), string(mark, "/target/expr").to_owned(), None));
    let variables = list(dashboard, "/templating/list").iter().filter(|variable| variable["type"] == "query");
    let variables = variables.map(|variable| {
        let values = string(variable, "/query/query");
        let inner = values.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(values);
        let (expression, label) = inner.rsplit_once(", ").unwrap_or((inner, ""));
        (string(variable, "/name").to_owned(), expression.to_owned(), Some(label.to_owned()))
    });
    marks.chain(variables).collect()
}

/// Queries that are not PromQL.
pub(super) fn unparsed(dashboard: &Value) -> Vec<String> {
    let beside = asked_beside_panels(dashboard).into_iter().map(|(place, expression, _)| (place, expression));
    let all = asked(dashboard).into_iter().map(|asked| (asked.place, asked.expression.to_owned())).chain(beside);
    all.filter_map(|(place, expression)| parse(&expression).err().map(|fault| format!("{place}: {fault}"))).collect()
}

/// Labels that Prometheus adds, and those of its own series of alerts.
const ADDED: [&str; 2] = ["job", "instance"];
const OF_ALERTS: [&str; 3] = ["job", "alertname", "alertstate"];

/// Faults of one expression against the catalogue: unknown families, labels and values.
fn unknown_parts(expression: &str, known: &[KnownFamily], values: bool) -> Vec<String> {
    let Ok(parsed) = parse(expression) else { return vec![format!("not PromQL: {expression}")] };
    let mut faults = Vec::new();
    for Selection { series, matchers, .. } in selections(&parsed) {
        if series == "ALERTS" {
            let foreign = matchers.matchers.iter().filter(|matcher| !OF_ALERTS.contains(&matcher.name.as_str()));
            faults.extend(foreign.map(|matcher| format!("alerts have no label {}", matcher.name)));
            continue;
        }
        let Some((family, suffix)) = family_of(known, series) else {
            faults.push(format!("{series} is not in the catalogue"));
            continue;
        };
        for matcher in &matchers.matchers {
            let label = matcher.name.as_str();
            if ADDED.contains(&label) || label == "le" && suffix == "_bucket" {
                continue;
            }
            if !family.labels.iter().any(|has| has == label) {
                faults.push(format!("{series} has no label {label}"));
            } else if values {
                let fixed = matcher.value.split('|').filter(|value| !value.starts_with('$') && *value != ".+");
                let unknown = fixed.filter(|value| !values_of(&family.name, label).contains(value));
                faults.extend(unknown.map(|value| format!("{series}: {label} is never {value:?}")));
            }
        }
    }
    faults
}

/// Returns the values that the program enumerates for a label of a family.
pub(super) fn values_of(family: &str, label: &str) -> Vec<&'static str> {
    match label {
        "event" if family == "pacemeter_call_events_total" => CallKind::ALL.iter().map(|kind| kind.name()).collect(),
        "event" => DisbursementKind::ALL.iter().map(|kind| kind.name()).collect(),
        "outcome" if family == "pacemeter_call_wait_seconds" => {
            [CallKind::Answered, CallKind::Abandoned].map(CallKind::name).into()
        }
        "outcome" => Outcome::ALL.map(Outcome::name).into(),
        "reason" if family == "pacemeter_checkpoint_failures_total" => CHECKPOINT_FAILURES.into(),
        "reason" => Reason::ALL.map(Reason::name).into(),
        "stream" => Stream::ALL.map(Stream::name).into(),
        "status" if family == "pacemeter_target_status" => PaceStatus::ALL.map(|(_, name)| name).into(),
        // Nobody counts who is signed out.
        "status" => {
            Status::ALL.iter().filter(|status| **status != Status::SignedOut).map(|status| status.name()).collect()
        }
        "measure" => Measure::ALL.map(|(_, name)| name).into(),
        "period" => vec!["day", "week", "month", "campaign"],
        "level" => vec!["error", "warn", "info", "debug"],
        "result" => vec!["acknowledged", "failed"],
        "kind" => KAFKA_ERROR_KINDS.into(),
        "source" => RESTORE_SOURCES.into(),
        "aggregate" => AGGREGATES.into(),
        _ => Vec::new(),
    }
}

/// Queries of families, labels or label values that do not exist.
pub(super) fn unknown_names(dashboard: &Value, known: &[KnownFamily]) -> Vec<String> {
    let mut faults = Vec::new();
    for Asked { place, expression, .. } in asked(dashboard) {
        faults.extend(unknown_parts(expression, known, true).into_iter().map(|fault| format!("{place}: {fault}")));
    }
    for (place, expression, label) in asked_beside_panels(dashboard) {
        faults.extend(unknown_parts(&expression, known, false).into_iter().map(|fault| format!("{place}: {fault}")));
        let series = expression.split('{').next().unwrap_or_default();
        if let (Some(label), Some((family, _))) = (label, family_of(known, series))
            && !family.labels.contains(&label)
            && !ADDED.contains(&label.as_str())
        {
            faults.push(format!("{place}: {series} has no label {label}"));
        }
    }
    faults
}

/// Legends and columns of labels that the query drops, and labels that a table does not expect: its rows would not
/// join.
pub(super) fn lost_labels(dashboard: &Value, known: &[KnownFamily]) -> Vec<String> {
    let mut faults = Vec::new();
    for Asked { place, expression, legend } in asked(dashboard) {
        let Some(kept) = parse(expression).ok().and_then(|parsed| kept_labels(&parsed, known)) else { continue };
        for named in legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()) {
            if !kept.contains(named.trim()) {
                faults.push(format!("{place}: the legend names {named}, which the query does not keep"));
            }
        }
    }
    for panel in panels(dashboard).filter(|panel| panel["type"] == "table") {
        let columns = panel["transformations"][1]["options"]["indexByName"].as_object();
        let columns: Vec<&str> = columns.into_iter().flat_map(|columns| columns.keys().map(String::as_str)).collect();
        let columns: Vec<&str> = columns.into_iter().filter(|column| !column.starts_with("Value")).collect();
        let kept = |target: &Value| parse(string(target, "/expr")).ok().and_then(|parsed| kept_labels(&parsed, known));
        let kept: Vec<_> = list(panel, "/targets").iter().filter_map(kept).collect();
        let title = string(panel, "/title");
        let absent = columns.iter().filter(|column| !kept.iter().any(|labels| labels.contains(**column)));
        faults.extend(absent.map(|column| format!("{title}: no query keeps {column}")));
        let surplus = kept.iter().flatten().filter(|label| *label != "job" && !columns.contains(&label.as_str()));
        faults.extend(surplus.map(|label| format!("{title}: {label} is no column")));
    }
    faults
}

/// Selectors without the job.
pub(super) fn without_job(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let beside = asked_beside_panels(dashboard);
    let beside =
        beside.iter().filter(|(place, ..)| place != "job").map(|(place, text, _)| (place.clone(), text.as_str()));
    for (place, expression) in asked(dashboard).into_iter().map(|asked| (asked.place, asked.expression)).chain(beside) {
        let Ok(parsed) = parse(expression) else { continue };
        let is_job = |selection: &Selection| {
            let mut matchers = selection.matchers.matchers.iter();
            matchers.any(|matcher| matcher.name == "job" && matcher.value == "$job" && matcher.op.to_string() == "=~")
        };
        let without = selections(&parsed).into_iter().filter(|selection| !is_job(selection));
        let without: Vec<String> =
            without.map(|selection| format!("{place}: {} of any job", selection.series)).collect();
        faults.extend(without);
    }
    faults
}

/// True for `max without (instance)`.
fn joins_instances(expression: &Expr) -> bool {
    matches!(expression, Expr::Aggregate(aggregate) if aggregate.op.to_string() == "max"
        && matches!(&aggregate.modifier, Some(LabelModifier::Exclude(labels)) if labels.labels == ["instance"]))
}

/// Selectors that take instances together before their maximum, and instances on a dashboard of figures.
pub(super) fn mixed_instances(dashboard: &Value) -> Vec<String> {
    let is_pipeline = string(dashboard, "/uid").starts_with("pacemeter-pipeline");
    let mut faults = Vec::new();
    for Asked { place, expression, legend } in asked(dashboard) {
        let Ok(parsed) = parse(expression) else { continue };
        for selection in selections(&parsed) {
            let nearest = selection.around.iter().rev().find(|around| matches!(around, Expr::Aggregate(_)));
            let selects = selection.matchers.matchers.iter().any(|matcher| matcher.name == "instance");
            let is_right = if selects { is_pipeline } else { nearest.is_some_and(|nearest| joins_instances(nearest)) };
            if !is_right {
                faults.push(format!("{place}: {} mixes instances", selection.series));
            }
        }
        if !is_pipeline && legend.contains("instance") {
            faults.push(format!("{place}: an instance in the legend"));
        }
    }
    faults
}

/// Windows other than Grafana's own, and fixed ones that the panel does not name.
pub(super) fn wrong_windows(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for panel in panels(dashboard) {
        let words = ["/title", "/description"].map(|pointer| string(panel, pointer).to_lowercase()).concat();
        let says = |options: [&str; 2]| options.iter().any(|word| words.contains(word));
        let is_graph = string(panel, "/type") == "timeseries";
        for target in list(panel, "/targets") {
            for window in string(target, "/expr").split('[').skip(1).filter_map(|rest| rest.split(']').next()) {
                let is_right = match window {
                    "$__rate_interval" => is_graph,
                    "$__range" => !is_graph && says(["lapso", "range"]),
                    "1h" => says(["hora", "hour"]),
                    "1d" => says(["día", "day"]),
                    _ => false,
                };
                if !is_right {
                    faults.push(format!("{} {}: window {window}", string(panel, "/title"), target["refId"]));
                }
            }
        }
    }
    faults
}

/// Sums of people over programmes, and sums of anything over jobs.
pub(super) fn wrong_sums(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for Asked { place, expression, .. } in asked(dashboard) {
        let Ok(parsed) = parse(expression) else { continue };
        for selection in selections(&parsed) {
            for around in &selection.around {
                let Expr::Aggregate(sum) = around else { continue };
                if sum.op.to_string() != "sum" {
                    continue;
                }
                let keeps = |label: &str| {
                    let kept =
                        |has: &LabelModifier| has.is_include() == has.labels().labels.iter().any(|is| is == label);
                    sum.modifier.as_ref().is_some_and(kept)
                };
                if selection.series.ends_with("beneficiaries") && !keeps("programme") {
                    faults.push(format!("{place}: adds people over programmes"));
                }
                if !keeps("job") {
                    faults.push(format!("{place}: adds over jobs"));
                }
            }
        }
    }
    faults
}

/// Shares of two counters without a bound of 1. Means, which divide the sum of a histogram by its count, have none.
pub(super) fn unbounded_shares(dashboard: &Value, known: &[KnownFamily]) -> Vec<String> {
    let counters = |expression: &Expr| -> Vec<String> {
        let found = selections(expression).into_iter().map(|selection| selection.series.to_owned());
        found.filter(|series| family_of(known, series).is_some_and(|(family, _)| family.is_counter)).collect()
    };
    let mut faults = Vec::new();
    for Asked { place, expression, .. } in asked(dashboard) {
        let Ok(parsed) = parse(expression) else { continue };
        for selection in selections(&parsed) {
            for (index, around) in selection.around.iter().enumerate() {
                let Expr::Binary(division) = around else { continue };
                let (part, whole) = (counters(&division.lhs), counters(&division.rhs));
                let is_mean = part.iter().all(|series| series.ends_with("_sum"));
                if division.op.to_string() != "/" || part.is_empty() || whole.is_empty() || is_mean {
                    continue;
                }
                let is_bounded = selection.around[..index].iter().any(|outer| {
                    matches!(outer, Expr::Call(call) if call.func.name == "clamp_max"
                        && matches!(call.args.args.last().map(AsRef::as_ref), Some(Expr::NumberLiteral(one)) if one.val == 1.0))
                });
                if !is_bounded {
                    faults.push(format!("{place}: a share that can be above 1"));
                }
            }
        }
    }
    faults.dedup();
    faults
}

#[test]
fn every_query_is_promql() {
    assert_none(unparsed);
}

#[test]
fn names_labels_and_values_are_in_the_catalogue() {
    let known = known_families();
    assert_none(|dashboard| unknown_names(dashboard, &known));
}

#[test]
fn legends_and_columns_name_labels_that_queries_keep() {
    let known = known_families();
    assert_none(|dashboard| lost_labels(dashboard, &known));
}

#[test]
fn every_selector_names_the_job() {
    assert_none(without_job);
}

#[test]
fn figures_are_the_maximum_over_instances() {
    assert_none(mixed_instances);
}

#[test]
fn windows_are_grafanas_or_said_in_words() {
    assert_none(wrong_windows);
}

#[test]
fn people_are_not_added_over_programmes_nor_over_jobs() {
    assert_none(wrong_sums);
}

#[test]
fn shares_of_counters_are_at_most_one() {
    let known = known_families();
    assert_none(|dashboard| unbounded_shares(dashboard, &known));
}
