//! Structure: what Grafana and readers need of every dashboard and every panel.

use super::*;
use crate::telemetry::catalogue::{self, Unit};

/// Ids that are absent, not above 0, or repeated.
pub(super) fn repeated_ids(dashboard: &Value) -> Vec<String> {
    let mut seen = Vec::new();
    let mut faults = Vec::new();
    for panel in list(dashboard, "/panels") {
        match panel["id"].as_u64() {
            Some(id) if id > 0 && !seen.contains(&id) => seen.push(id),
            _ => faults.push(format!("id {} of {} is no new number", panel["id"], panel["title"])),
        }
    }
    faults
}

fn edges(panel: &Value) -> [u64; 4] {
    let of = |key: &str| panel["gridPos"][key].as_u64().unwrap_or(u64::MAX / 4);
    [of("x"), of("y"), of("x").saturating_add(of("w")), of("y").saturating_add(of("h"))]
}

/// Panels that lie over each other.
pub(super) fn overlaps(dashboard: &Value) -> Vec<String> {
    let all = list(dashboard, "/panels");
    let mut faults = Vec::new();
    for (index, panel) in all.iter().enumerate() {
        let [left, top, right, bottom] = edges(panel);
        for other in &all[index + 1..] {
            let [x, y, end_x, end_y] = edges(other);
            if left < end_x && x < right && top < end_y && y < bottom {
                faults.push(format!("{} lies over {}", panel["title"], other["title"]));
            }
        }
    }
    faults
}

/// Panels that are empty or reach over the 24 columns.
pub(super) fn outside_the_grid(dashboard: &Value) -> Vec<String> {
    let is_outside = |panel: &&Value| {
        let [left, top, right, bottom] = edges(panel);
        left >= right || top >= bottom || right > 24
    };
    let outside = list(dashboard, "/panels").iter().filter(is_outside);
    outside.map(|panel| format!("{} is at {}", panel["title"], panel["gridPos"])).collect()
}

/// Lines of panels that leave columns free: Grafana would move the panels below upwards.
pub(super) fn gaps(dashboard: &Value) -> Vec<String> {
    let all: Vec<[u64; 4]> = list(dashboard, "/panels").iter().map(edges).collect();
    let bottom = all.iter().map(|edges| edges[3]).max().unwrap_or(0);
    let filled = |y: u64| all.iter().filter(|[_, top, _, end]| (*top..*end).contains(&y)).map(|e| e[2] - e[0]).sum();
    let free: Vec<String> = (0..bottom)
        .filter(|&y| {
            let used: u64 = filled(y);
            used != 24
        })
        .map(|y| format!("row {y} of the grid is not full"))
        .collect();
    free
}

/// Top-level fields that are not what every dashboard has.
pub(super) fn wrong_frame(dashboard: &Value) -> Vec<String> {
    let zone = Allowlists::default().zone.iana_name().unwrap_or_default().to_owned();
    let expected = [
        ("/schemaVersion", serde_json::json!(42)),
        ("/editable", serde_json::json!(false)),
        ("/weekStart", serde_json::json!("monday")),
        ("/timezone", serde_json::json!(zone)),
        ("/refresh", serde_json::json!("30s")),
        ("/tags/0", serde_json::json!("pacemeter")),
        // Grafana asks instant queries at the end of the range. In the future they have no answer.
        ("/time/to", serde_json::json!("now")),
    ];
    let wrong = expected.iter().filter(|(pointer, value)| dashboard.pointer(pointer) != Some(value));
    wrong.map(|(pointer, value)| format!("{pointer} is {:?}, not {value}", dashboard.pointer(pointer))).collect()
}

/// Data sources other than the variable, at any depth.
pub(super) fn fixed_data_sources(value: &Value) -> Vec<String> {
    match value {
        Value::Object(entries) => entries
            .iter()
            .flat_map(|(key, entry)| {
                if key == "datasource" && entry["uid"] != "${datasource}" {
                    return vec![format!("data source {entry}")];
                }
                fixed_data_sources(entry)
            })
            .collect(),
        Value::Array(entries) => entries.iter().flat_map(fixed_data_sources).collect(),
        _ => Vec::new(),
    }
}

/// Panels and queries without a data source of their own: they would ask Grafana's default.
pub(super) fn missing_data_sources(dashboard: &Value) -> Vec<String> {
    let targets = panels(dashboard).flat_map(|panel| list(panel, "/targets"));
    let all = panels(dashboard).chain(targets).chain(list(dashboard, "/annotations/list"));
    let missing = all.filter(|part| part["datasource"]["type"] != "prometheus");
    missing.map(|part| format!("no data source in {part}")).collect()
}

/// Panels without a title, description, unit, text for no value, or interval.
pub(super) fn missing_texts(dashboard: &Value) -> Vec<String> {
    let required =
        ["/title", "/description", "/fieldConfig/defaults/unit", "/fieldConfig/defaults/noValue", "/interval"];
    panels(dashboard)
        .flat_map(|panel| {
            let missing = required.iter().filter(|pointer| string(panel, pointer).trim().is_empty());
            missing.map(|pointer| format!("{} has no {pointer}", panel["title"])).collect::<Vec<_>>()
        })
        .chain(
            panels(dashboard)
                .filter(|panel| panel["interval"] != "15s")
                .map(|panel| format!("{}: interval", panel["title"])),
        )
        .collect()
}

/// Queries without a legend of words, or whose letter is not their own.
pub(super) fn missing_legends(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for panel in panels(dashboard) {
        let mut letters = Vec::new();
        if list(panel, "/targets").is_empty() {
            faults.push(format!("{} has no query", panel["title"]));
        }
        for target in list(panel, "/targets") {
            let legend = string(target, "/legendFormat");
            if legend.trim().is_empty() || legend.starts_with("__") {
                faults.push(format!("{} {} has the legend {legend:?}", panel["title"], target["refId"]));
            }
            let letter = string(target, "/refId");
            if letter.is_empty() || letters.contains(&letter) {
                faults.push(format!("{}: two queries {letter:?}", panel["title"]));
            }
            letters.push(letter);
        }
    }
    faults
}

/// Returns the unit and decimals that a query's series have: the panel's, or those of its override.
pub(super) fn unit_of(panel: &Value, target: &Value) -> (String, Value) {
    let defaults = &panel["fieldConfig"]["defaults"];
    let (mut unit, mut decimals) = (string(defaults, "/unit").to_owned(), defaults["decimals"].clone());
    for changed in list(panel, "/fieldConfig/overrides") {
        let matched = &changed["matcher"]["options"];
        if *matched != target["refId"] && *matched != target["legendFormat"] {
            continue;
        }
        for property in list(changed, "/properties") {
            match property["id"].as_str() {
                Some("unit") => unit = string(property, "/value").to_owned(),
                Some("decimals") => decimals = property["value"].clone(),
                _ => {}
            }
        }
    }
    (unit, decimals)
}

/// Grafana's units of time. Their words are English in every language: `2.6 mins`, `23 hours, 1 minute`.
const UNITS_OF_TIME: [&str; 16] = [
    "hertz",
    "ns",
    "µs",
    "ms",
    "s",
    "m",
    "h",
    "d",
    "dtdurationms",
    "dtdurations",
    "dthms",
    "dtdhms",
    "timeticks",
    "clockms",
    "clocks",
    "cpm",
];

/// Units beside a duration's name.
const UNITS_IN_WORDS: [&str; 13] =
    ["(s)", "(ms)", "(min)", ", s", ", ms", ", min", "horas", "hours", "días", "days", "Horas", "Hours", "Days"];

/// Durations in Grafana's units of time, and those whose unit no title, legend or head names.
pub(super) fn wordy_durations(dashboard: &Value) -> Vec<String> {
    let is_duration = |expression: &str| {
        let parts = expression.split(|next: char| !next.is_ascii_alphanumeric() && next != '_');
        let family = |part: &str| {
            catalogue::all().find(|family| family.name == part.trim_end_matches("_bucket").trim_end_matches("_sum"))
        };
        parts.filter_map(family).any(|family| family.unit == Unit::Seconds)
    };
    let mut faults = Vec::new();
    for panel in panels(dashboard) {
        for target in list(panel, "/targets") {
            let (unit, _) = unit_of(panel, target);
            let place = format!("{} {}", string(panel, "/title"), string(target, "/refId"));
            if UNITS_OF_TIME.contains(&unit.as_str()) {
                faults.push(format!("{place}: {unit} has English words"));
            }
            let words = [string(panel, "/title"), string(target, "/legendFormat")];
            let is_named = UNITS_IN_WORDS.iter().any(|named| words.iter().any(|words| words.contains(named)));
            if unit != "percentunit" && is_duration(string(target, "/expr")) && !is_named {
                faults.push(format!("{place}: no unit of its duration"));
            }
        }
    }
    faults
}

/// Pesos that are not shown in millions (mdp), as `locale` with one decimal.
pub(super) fn wrong_pesos(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for panel in panels(dashboard) {
        for target in list(panel, "/targets") {
            let (unit, decimals) = unit_of(panel, target);
            let expression = string(target, "/expr");
            let is_money = expression.contains("_pesos") && !expression.contains("net_pesos|");
            if !is_money || unit == "percentunit" {
                continue;
            }
            let words = ["/title", "/description"].map(|pointer| string(panel, pointer)).concat();
            let is_right = unit == "locale"
                && expression.contains("/ 1e6")
                && (decimals == 1 || expression.contains("round("))
                && (string(target, "/legendFormat").contains("mdp") || words.contains("mdp"));
            if !is_right {
                faults.push(format!("{} {}: pesos as {unit}, decimals {decimals}", panel["title"], target["refId"]));
            }
        }
    }
    faults
}

/// Panels of current figures that ask for a range: they would show the last known figure, of whatever age.
pub(super) fn stale_figures(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for panel in panels(dashboard) {
        let is_current = ["stat", "bargauge", "table"].contains(&string(panel, "/type"));
        for target in list(panel, "/targets") {
            if target["instant"] != is_current || target["range"] == is_current {
                faults.push(format!("{} {}: instant {}", panel["title"], target["refId"], target["instant"]));
            }
        }
    }
    faults
}

/// Returns the names behind `$` and `${` in a text.
fn used_variables(text: &str) -> Vec<&str> {
    let after = text.split('$').skip(1).map(|rest| rest.trim_start_matches('{'));
    let is_end = |next: char| !next.is_ascii_alphanumeric() && next != '_';
    after.map(|rest| &rest[..rest.find(is_end).unwrap_or(rest.len())]).collect()
}

/// Variables that are not used, or that are used and do not exist; choices that break when they are empty.
pub(super) fn wrong_variables(dashboard: &Value) -> Vec<String> {
    let variables = list(dashboard, "/templating/list");
    let mut faults = Vec::new();
    for variable in variables.iter().filter(|variable| variable["type"] == "query") {
        let name = string(variable, "/name");
        if variable["allValue"] != ".*" {
            faults.push(format!("${name} has no allValue: all of nothing would match nothing"));
        }
        if name != "target" && (variable["multi"] != true || variable["includeAll"] != true) {
            faults.push(format!("${name} has no choice of all"));
        }
    }
    let known: Vec<&str> = variables.iter().map(|variable| string(variable, "/name")).collect();
    let text = dashboard.to_string();
    // The ends and groups of regular expressions are no names.
    let is_name = |name: &&str| name.starts_with(|first: char| first.is_ascii_alphabetic());
    let unknown = used_variables(&text).into_iter().filter(|name| !known.contains(name) && is_name(name));
    faults.extend(unknown.map(|name| format!("${name} is no variable")));
    let parts = serde_json::json!([dashboard["panels"], dashboard["links"]]).to_string();
    let used = used_variables(&parts);
    faults.extend(known.iter().filter(|name| !used.contains(name)).map(|name| format!("no panel uses ${name}")));
    faults
}

/// Links that do not lead to the three others and to the page for people, or lead to another language.
pub(super) fn wrong_links(dashboard: &Value) -> Vec<String> {
    let (uid, tag) = (string(dashboard, "/uid"), string(dashboard, "/tags/1"));
    let end = if tag == "en" { "-en" } else { "" };
    let uids = ["programme", "calls", "milestones", "pipeline"].map(|key| format!("pacemeter-{key}{end}"));
    let mut expected: Vec<String> =
        uids.iter().filter(|other| *other != uid).map(|other| format!("/d/{other}")).collect();
    expected.push(format!("${{page}}/?lang={tag}"));
    let found: Vec<&str> = list(dashboard, "/links").iter().map(|link| string(link, "/url")).collect();
    let mut faults = Vec::new();
    if !uids.iter().any(|known| known == uid) {
        faults.push(format!("uid {uid}"));
    }
    if found != expected {
        faults.push(format!("links {found:?}, expected {expected:?}"));
    }
    faults
}

/// Series that have an English value of a label as their name, or a part of it.
pub(super) fn foreign_legends(dashboard: &Value) -> Vec<String> {
    if string(dashboard, "/tags/1") == "en" {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for panel in panels(dashboard) {
        let changes = serde_json::json!([panel["fieldConfig"]["overrides"], panel["transformations"]]).to_string();
        for target in list(panel, "/targets") {
            let (legend, expression) = (string(target, "/legendFormat"), string(target, "/expr"));
            for label in legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()) {
                let names = names::of(names::kind(label, expression).unwrap_or(label));
                let foreign = names.iter().filter(|(value, name)| *value != name.es && !changes.contains(&*name.es));
                faults.extend(foreign.map(|(value, _)| format!("{}: {label} {value}", panel["title"])));
            }
        }
    }
    faults
}

/// A first panel other than the instant up to which the figures are complete, at the upper left.
pub(super) fn wrong_first_panel(dashboard: &Value) -> Vec<String> {
    let first = &dashboard["panels"][0];
    let is_right = string(first, "/targets/0/expr").contains("pacemeter_complete_until_timestamp_seconds")
        && edges(first)[..2] == [0, 0]
        && first["type"] == "stat";
    if is_right { Vec::new() } else { vec![format!("the first panel is {}", first["title"])] }
}

/// Annotations other than cuts, starts and firing alerts, which lead to their runbooks.
pub(super) fn wrong_annotations(dashboard: &Value) -> Vec<String> {
    let marks = list(dashboard, "/annotations/list");
    let expressions: Vec<&str> = marks.iter().map(|mark| string(mark, "/target/expr")).collect();
    let parts = ["pacemeter_cut_last_timestamp_seconds{", "process_start_time_seconds{", "ALERTS{"];
    let is_right = expressions.len() == parts.len()
        && expressions.iter().zip(parts).all(|(expression, part)| expression.contains(part))
        && string(&marks[2], "/textFormat").contains("/{{alertname}}\"")
        && expressions[2].contains("alertstate=\"firing\"");
    if is_right { Vec::new() } else { vec![format!("annotations of {expressions:?}")] }
}

/// Overrides that match no query and no label value: they have no effect.
pub(super) fn idle_overrides(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for panel in panels(dashboard) {
        let targets = list(panel, "/targets");
        let heads = panel["transformations"].to_string();
        for matcher in list(panel, "/fieldConfig/overrides").iter().map(|changed| &changed["matcher"]) {
            let option = string(matcher, "/options");
            let is_series = targets.iter().any(|target| string(target, "/legendFormat").starts_with("{{"));
            let matches = match string(matcher, "/id") {
                "byFrameRefID" => targets.iter().any(|target| target["refId"] == option),
                "byName" if panel["type"] == "table" => heads.contains(&format!(":\"{option}\"")),
                "byName" => is_series,
                _ => false,
            };
            if !matches {
                faults.push(format!("{}: the override of {matcher} has no effect", panel["title"]));
            }
        }
    }
    faults
}

macro_rules! checks {
    ($($name:ident = $check:ident;)+) => { $(
        #[test]
        fn $name() {
            assert_none($check);
        }
    )+ };
}

checks! {
    ids_of_panels_are_unique = repeated_ids;
    no_panel_lies_over_another = overlaps;
    panels_stay_within_24_columns = outside_the_grid;
    panels_fill_the_grid = gaps;
    every_dashboard_has_the_same_frame = wrong_frame;
    the_data_source_is_the_readers_choice = fixed_data_sources;
    every_query_names_the_data_source = missing_data_sources;
    every_panel_has_texts_a_unit_and_an_interval = missing_texts;
    every_query_has_a_legend_in_words = missing_legends;
    durations_have_units_in_the_readers_language = wordy_durations;
    pesos_are_shown_in_millions = wrong_pesos;
    current_figures_are_never_old_ones = stale_figures;
    variables_exist_are_used_and_may_be_empty = wrong_variables;
    links_lead_to_the_others_and_to_the_page = wrong_links;
    the_first_panel_says_complete_until = wrong_first_panel;
    annotations_are_cuts_starts_and_alerts = wrong_annotations;
    every_override_has_an_effect = idle_overrides;
    spanish_series_have_spanish_names = foreign_legends;
}

#[test]
fn both_languages_ask_the_same() {
    let files = files();
    let (spanish, english) = files.split_at(files.len() / 2);
    for ((path, es), (_, en)) in spanish.iter().zip(english) {
        let asked = |dashboard: &Value| {
            let of = |panel: &Value| {
                let queries = list(panel, "/targets").iter().map(|target| target["expr"].clone()).collect::<Vec<_>>();
                (panel["id"].clone(), panel["type"].clone(), panel["gridPos"].clone(), queries)
            };
            list(dashboard, "/panels").iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(asked(es), asked(en), "{path}");
    }
}
