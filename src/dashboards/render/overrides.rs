//! Overrides of single queries, and names of label values.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::options::thresholds;
use super::ref_id;
use crate::dashboards::panel::{ColourStep, PanelQuery, PanelTable};
use crate::dashboards::{DashboardLanguage, names, text};

/// Returns the overrides of a panel that is no table.
pub(super) fn list(panel: &PanelTable, language: DashboardLanguage) -> Vec<Value> {
    let queries = panel.queries.iter().enumerate();
    let mut overrides: Vec<Value> = queries
        .filter_map(|(index, query)| {
            let properties = properties(query, language);
            let matcher = json!({ "id": "byFrameRefID", "options": ref_id(index) });
            (!properties.is_empty()).then(|| json!({ "matcher": matcher, "properties": properties }))
        })
        .collect();
    overrides.extend(panel.queries.iter().flat_map(|query| series_names(query, language)));
    overrides
}

/// Returns what differs in a query's series from the panel.
pub(super) fn properties(query: &PanelQuery, language: DashboardLanguage) -> Vec<Value> {
    let property = |id: &str, value: Value| json!({ "id": id, "value": value });
    let mut properties = Vec::new();
    if let Some(unit) = query.unit {
        properties.push(property("unit", json!(unit)));
        let mappings = mappings_of_unit(unit, language);
        if !mappings.is_empty() {
            properties.push(property("mappings", json!(mappings)));
        }
    }
    if let Some(decimals) = query.decimals {
        properties.push(property("decimals", json!(decimals)));
    }
    if !query.colours.is_empty() {
        properties.push(property("thresholds", thresholds(&query.colours)));
        properties.push(property("color", json!({ "mode": "thresholds" })));
    }
    let look = &query.look;
    if let Some(colour) = look.colour {
        properties.push(property("color", json!({ "mode": "fixed", "fixedColor": colour })));
    }
    if let Some(width) = look.width {
        properties.push(property("custom.lineWidth", json!(width)));
    }
    if let Some(fill) = look.fill {
        properties.push(property("custom.fillOpacity", json!(fill)));
    }
    if look.dashed {
        properties.push(property("custom.lineStyle", json!({ "fill": "dash", "dash": [8, 6] })));
    }
    if let Some(other) = &look.fill_to {
        properties.push(property("custom.fillBelowTo", json!(language.of(other))));
    }
    properties
}

/// Returns names for the series of a query whose legend is one label with named values.
fn series_names(query: &PanelQuery, language: DashboardLanguage) -> Vec<Value> {
    let legend = language.of(&query.legend);
    let label = legend.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or_default();
    let label = names::kind(label, &query.expression).unwrap_or(label);
    let named = names::of(label).into_iter().map(|(value, name)| {
        let renamed =
            (value != *language.of(&name)).then(|| json!({ "id": "displayName", "value": language.of(&name) }));
        let colour = names::colour(label, &value)
            .map(|colour| json!({ "id": "color", "value": { "mode": "fixed", "fixedColor": colour } }));
        (value, renamed.into_iter().chain(colour).collect::<Vec<_>>())
    });
    let changed = named.filter(|(_, properties)| !properties.is_empty());
    changed
        .map(|(value, properties)| json!({ "matcher": { "id": "byName", "options": value }, "properties": properties }))
        .collect()
}

/// Returns the steps that rename series whose legend has further parts beside a label with named values.
pub(super) fn renamed(panel: &PanelTable, language: DashboardLanguage) -> Vec<Value> {
    panel.queries.iter().flat_map(|query| renamed_series(query, language)).collect()
}

fn renamed_series(query: &PanelQuery, language: DashboardLanguage) -> Vec<Value> {
    let legend = language.of(&query.legend);
    // Text, label, text, label, and so on.
    let parts: Vec<&str> = legend.split("{{").flat_map(|part| part.split("}}")).collect();
    let labels: Vec<&str> = parts.iter().skip(1).step_by(2).copied().collect();
    if labels.len() < 2 {
        return Vec::new();
    }
    let mut steps = Vec::new();
    for (place, label) in labels.iter().enumerate() {
        for (value, name) in names::of(names::kind(label, &query.expression).unwrap_or(label)) {
            let name = language.of(&name);
            if value == name {
                continue;
            }
            // Everything but this label's value is a group of its own.
            let (mut pattern, mut result) = (parts[0].to_owned(), parts[0].to_owned());
            for other in 0..labels.len() {
                let text = parts[2 * other + 2];
                match other.cmp(&place) {
                    Ordering::Equal => (pattern, result) = (pattern + &value + text, result + name + text),
                    Ordering::Less => {
                        (pattern, result) = (pattern + "(.+)" + text, format!("{result}${}{text}", other + 1))
                    }
                    Ordering::Greater => {
                        (pattern, result) = (pattern + "(.+)" + text, format!("{result}${other}{text}"))
                    }
                }
            }
            steps.push(json!({
                "id": "renameByRegex",
                "options": { "regex": format!("/^{pattern}$/"), "renamePattern": result },
            }));
        }
    }
    steps
}

/// Returns the words of 1 and 0; Grafana's own are English.
pub(super) fn mappings_of_unit(unit: &str, language: DashboardLanguage) -> Vec<Value> {
    if unit != "bool_yes_no" {
        return Vec::new();
    }
    let (yes, no) = (text("sí", "yes"), text("no", "no"));
    let named = |name, colour: &str, index: u8| json!({ "text": language.of(name), "color": colour, "index": index });
    vec![json!({ "type": "value", "options": { "1": named(&yes, "green", 0), "0": named(&no, "red", 1) } })]
}

/// Returns the mapping of a label's values to their names; empty if they have none.
pub(super) fn mappings_of_label(label: &str, language: DashboardLanguage) -> Vec<Value> {
    let values = names::of(label);
    if values.is_empty() {
        return Vec::new();
    }
    let options = values.iter().enumerate().map(|(index, (value, name))| {
        let mut shown = json!({ "text": language.of(name), "index": index });
        if let Some(colour) = names::colour(label, value) {
            shown["color"] = json!(colour);
        }
        (value.clone(), shown)
    });
    vec![json!({ "type": "value", "options": options.collect::<serde_json::Map<_, _>>() })]
}

/// Returns the look of a table's cell.
pub(super) fn cell(query: &PanelQuery) -> Vec<Value> {
    let property = |id: &str, value: Value| json!({ "id": id, "value": value });
    let colours: &[ColourStep] = &query.colours;
    let options = match query.gauge {
        Some(max) => vec![
            property("custom.cellOptions", json!({ "type": "gauge", "mode": "basic", "valueDisplayMode": "text" })),
            property("min", json!(0)),
            property("max", json!(max)),
        ],
        None if !colours.is_empty() => vec![property("custom.cellOptions", json!({ "type": "color-text" }))],
        None => Vec::new(),
    };
    // Long values, which an equal share of the width would cut.
    let width = match query.unit {
        _ if query.gauge.is_some() => Some(140),
        Some("dateTimeAsIso") => Some(170),
        _ => None,
    };
    [options, width.map(|width| property("custom.width", json!(width))).into_iter().collect()].concat()
}
