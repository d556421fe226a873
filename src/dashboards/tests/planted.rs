//! Planted faults: each check finds what it is for.

use serde_json::json;

use super::expressions::{KnownFamily, known_families};
use super::*;

/// Returns the English dashboard of this name.
fn dashboard(key: &str) -> Value {
    let path = format!("en/{key}.json");
    files().into_iter().find(|(known, _)| *known == path).expect("a dashboard").1
}

/// Returns the English dashboard of this name with a changed value; the check must not object before.
fn damaged(key: &str, pointer: &str, value: Value) -> Value {
    let mut dashboard = dashboard(key);
    *dashboard.pointer_mut(pointer).unwrap_or_else(|| panic!("{key} has no {pointer}")) = value;
    dashboard
}

/// Returns a dashboard in which the text of every query was changed.
fn rewritten(key: &str, from: &str, to: &str) -> Value {
    let mut dashboard = dashboard(key);
    let mut changed = 0;
    for panel in dashboard["panels"].as_array_mut().expect("panels") {
        for target in panel["targets"].as_array_mut().into_iter().flatten() {
            let expression = target["expr"].as_str().expect("an expression").to_owned();
            changed += usize::from(expression.contains(from));
            target["expr"] = json!(expression.replace(from, to));
        }
    }
    assert!(changed > 0, "no query of {key} has {from}");
    dashboard
}

/// Asserts that the check finds a fault with these words in the damaged dashboard, and none in the real one.
fn finds(check: impl Fn(&Value) -> Vec<String>, key: &str, damaged: &Value, words: &str) {
    assert_eq!(check(&dashboard(key)), Vec::<String>::new());
    let faults = check(damaged);
    assert!(faults.iter().any(|fault| fault.contains(words)), "no fault has {words:?}: {faults:?}");
}

/// Asserts that a change of the catalogue is found.
fn finds_in_catalogue(
    check: impl Fn(&Value, &[KnownFamily]) -> Vec<String>,
    change: impl Fn(&mut KnownFamily),
    name: &str,
    words: &str,
) {
    let mut known = known_families();
    let dashboard = dashboard("programme");
    assert_eq!(check(&dashboard, &known), Vec::<String>::new());
    change(known.iter_mut().find(|family| family.name == name).expect("a family"));
    let faults = check(&dashboard, &known);
    assert!(faults.iter().any(|fault| fault.contains(words)), "no fault has {words:?}: {faults:?}");
}

#[test]
fn a_renamed_family_is_found() {
    finds_in_catalogue(
        queries::unknown_names,
        |family| family.name.push_str("_now"),
        "pacemeter_target_actual",
        "pacemeter_target_actual is not in the catalogue",
    );
}

#[test]
fn a_dropped_label_is_found_in_matchers_and_variables() {
    let dropped = |family: &mut KnownFamily| family.labels.retain(|label| label != "state");
    let name = "pacemeter_week_beneficiaries";
    finds_in_catalogue(queries::unknown_names, dropped, name, "People, week".split(',').next().unwrap_or_default());
    finds_in_catalogue(queries::unknown_names, dropped, name, "pacemeter_week_beneficiaries has no label state");
    finds_in_catalogue(queries::unknown_names, dropped, name, "state: pacemeter_week_beneficiaries has no label state");
}

#[test]
fn a_dropped_label_is_found_in_legends_and_columns() {
    let known = known_families();
    let check = |dashboard: &Value| queries::lost_labels(dashboard, &known);
    let damaged = rewritten("programme", "sum by (job, programme)", "sum by (job)");
    finds(check, "programme", &damaged, "the legend names programme");
    let damaged = rewritten("pipeline", "max by (job, instance) (", "(");
    finds(check, "pipeline", &damaged, "__name__ is no column");
    let damaged =
        rewritten("pipeline", "max by (job, instance, version, revision, librdkafka)", "max by (job, instance)");
    finds(check, "pipeline", &damaged, "no query keeps version");
}

#[test]
fn a_label_value_that_does_not_exist_is_found() {
    let known = known_families();
    let check = |dashboard: &Value| queries::unknown_names(dashboard, &known);
    let damaged = rewritten("calls", "event=\"offered\"", "event=\"received\"");
    finds(check, "calls", &damaged, "event is never \"received\"");
    let damaged = rewritten("calls", "answered|abandoned", "answered|lost");
    finds(check, "calls", &damaged, "event is never \"lost\"");
    let damaged = rewritten("programme", "net_pesos|", "pesos|");
    finds(check, "programme", &damaged, "measure is never \"pesos\"");
    let damaged = rewritten("calls", "site=~", "place=~");
    finds(check, "calls", &damaged, "pacemeter_agents has no label place");
}

#[test]
fn a_query_that_is_not_promql_is_found() {
    finds(queries::unparsed, "calls", &rewritten("calls", "sum by (job)", "sum by job"), "Waiting now A");
}

#[test]
fn a_window_of_our_own_is_found() {
    let damaged = rewritten("calls", "[$__rate_interval]", "[1m]");
    finds(queries::wrong_windows, "calls", &damaged, "window 1m");
    let damaged = rewritten("calls", "[$__rate_interval]", "[1d]");
    finds(queries::wrong_windows, "calls", &damaged, "window 1d");
    let damaged = rewritten("calls", "[$__range]", "[$__rate_interval]");
    finds(queries::wrong_windows, "calls", &damaged, "window $__rate_interval");
}

#[test]
fn mixed_instances_and_jobs_are_found() {
    let damaged = rewritten("programme", "max without (instance)", "sum without (instance)");
    finds(queries::mixed_instances, "programme", &damaged, "pacemeter_target_actual mixes instances");
    let damaged = rewritten("programme", "job=~\"$job\",target", "job=~\"$job\",instance=~\".*\",target");
    finds(queries::mixed_instances, "programme", &damaged, "mixes instances");
    let damaged = rewritten("pipeline", "instance=~\"$instance\"", "");
    finds(queries::mixed_instances, "pipeline", &damaged, "pacemeter_ready mixes instances");
    let damaged = rewritten("programme", "job=~\"$job\"", "job=\"pacemeter\"");
    finds(queries::without_job, "programme", &damaged, "pacemeter_target_goal of any job");
}

#[test]
fn wrong_sums_and_shares_are_found() {
    let damaged = rewritten("programme", "sum by (job, programme)", "sum by (job)");
    finds(queries::wrong_sums, "programme", &damaged, "adds people over programmes");
    finds(queries::wrong_sums, "calls", &rewritten("calls", "sum by (job)", "sum"), "adds over jobs");
    let known = known_families();
    let check = |dashboard: &Value| queries::unbounded_shares(dashboard, &known);
    finds(check, "calls", &rewritten("calls", ", 1)", ", 2)"), "a share that can be above 1");
}

#[test]
fn faults_of_the_grid_are_found() {
    let first = json!({ "x": 0, "y": 0, "w": 6, "h": 4 });
    finds(structure::overlaps, "programme", &damaged("programme", "/panels/1/gridPos", first), "lies over");
    let wide = json!({ "x": 20, "y": 0, "w": 5, "h": 4 });
    finds(structure::outside_the_grid, "programme", &damaged("programme", "/panels/1/gridPos", wide), "is at");
    let narrow = json!({ "x": 0, "y": 0, "w": 4, "h": 4 });
    finds(structure::gaps, "programme", &damaged("programme", "/panels/0/gridPos", narrow), "row 0 of the grid");
    finds(structure::repeated_ids, "programme", &damaged("programme", "/panels/3/id", json!(1)), "id 1 of");
}

#[test]
fn missing_texts_units_and_legends_are_found() {
    for (pointer, words) in [
        ("/panels/2/title", "/title"),
        ("/panels/2/description", "/description"),
        ("/panels/2/fieldConfig/defaults/unit", "/fieldConfig/defaults/unit"),
        ("/panels/2/fieldConfig/defaults/noValue", "/fieldConfig/defaults/noValue"),
        ("/panels/2/interval", "/interval"),
    ] {
        finds(structure::missing_texts, "calls", &damaged("calls", pointer, json!("")), words);
    }
    let automatic = damaged("calls", "/panels/2/targets/0/legendFormat", json!("__auto"));
    finds(structure::missing_legends, "calls", &automatic, "has the legend \"__auto\"");
    let repeated = damaged("calls", "/panels/0/targets/1/refId", json!("A"));
    finds(structure::missing_legends, "calls", &repeated, "two queries \"A\"");
}

#[test]
fn wrong_units_and_decimals_are_found() {
    let duration = damaged("calls", "/panels/4/fieldConfig/defaults/unit", json!("s"));
    finds(structure::wordy_durations, "calls", &duration, "s has English words");
    let nameless = damaged("calls", "/panels/4/title", json!("Wait, 1 h"));
    finds(structure::wordy_durations, "calls", &nameless, "no unit of its duration");
    finds(structure::wrong_pesos, "programme", &rewritten("programme", " / 1e6", ""), "pesos as locale");
    let range = damaged("calls", "/panels/2/targets/0/instant", json!(false));
    finds(structure::stale_figures, "calls", &range, "instant false");
}

#[test]
fn english_names_in_a_spanish_legend_are_found() {
    let path = "es/pipeline.json";
    let mut spanish = files().into_iter().find(|(known, _)| known == path).expect("a dashboard").1;
    assert_eq!(structure::foreign_legends(&spanish), Vec::<String>::new());
    for panel in spanish["panels"].as_array_mut().expect("panels") {
        panel["transformations"] = json!([]);
    }
    let faults = structure::foreign_legends(&spanish);
    assert!(faults.iter().any(|fault| fault.ends_with("stream call")), "{faults:?}");
}

#[test]
fn faults_of_the_frame_are_found() {
    for (pointer, value) in [
        ("/schemaVersion", json!(41)),
        ("/editable", json!(true)),
        ("/weekStart", json!("")),
        ("/timezone", json!("browser")),
        ("/time/to", json!("now/w")),
    ] {
        finds(structure::wrong_frame, "programme", &damaged("programme", pointer, value), pointer);
    }
    let own = damaged("programme", "/panels/1/targets/0/datasource/uid", json!("PBFA97CFB590B2093"));
    finds(structure::fixed_data_sources, "programme", &own, "PBFA97CFB590B2093");
    let none = damaged("programme", "/panels/1/targets/0/datasource", json!(null));
    finds(structure::missing_data_sources, "programme", &none, "no data source");
    let first = damaged("programme", "/panels/0/targets/0/expr", json!("up"));
    finds(structure::wrong_first_panel, "programme", &first, "the first panel is");
    let mark = damaged("programme", "/annotations/list/2/textFormat", json!("runbook"));
    finds(structure::wrong_annotations, "programme", &mark, "annotations of");
    let link = damaged("programme", "/links/0/url", json!("/d/pacemeter-calls"));
    finds(structure::wrong_links, "programme", &link, "links");
    let override_of = damaged("programme", "/panels/0/fieldConfig/overrides/0/matcher/options", json!("Q"));
    finds(structure::idle_overrides, "programme", &override_of, "has no effect");
}

#[test]
fn faults_of_variables_are_found() {
    let nothing = damaged("programme", "/templating/list/1/allValue", json!(null));
    finds(structure::wrong_variables, "programme", &nothing, "$job has no allValue");
    let renamed = damaged("programme", "/templating/list/3/name", json!("program"));
    finds(structure::wrong_variables, "programme", &renamed, "$programme is no variable");
    finds(structure::wrong_variables, "programme", &renamed, "no panel uses $program");
}
