//! Tables: rows of equal labels from several queries, with heads in words.

use serde_json::{Map, Value, json};

use super::overrides::{cell, mappings_of_label, properties};
use super::ref_id;
use crate::dashboards::panel::PanelTable;
use crate::dashboards::{DashboardLanguage, names};

/// Returns the name of a query's column before it is renamed.
fn value_column(panel: &PanelTable, index: usize) -> String {
    if panel.queries.len() == 1 { "Value".to_owned() } else { format!("Value #{}", ref_id(index)) }
}

/// Labels that queries keep and no table shows.
const HIDDEN: [&str; 2] = ["Time", "job"];

/// Returns the steps that join the queries and name the columns.
pub(super) fn transformations(panel: &PanelTable, language: DashboardLanguage) -> Vec<Value> {
    let (mut order, mut names, mut hidden) = (Map::new(), Map::new(), Map::new());
    for label in HIDDEN {
        hidden.insert(label.to_owned(), json!(true));
    }
    for column in &panel.labels {
        order.insert(column.label.to_owned(), json!(order.len()));
        names.insert(column.label.to_owned(), json!(language.of(&column.head)));
    }
    for (index, query) in panel.queries.iter().enumerate() {
        let column = value_column(panel, index);
        if query.labels_only {
            hidden.insert(column, json!(true));
            continue;
        }
        order.insert(column.clone(), json!(order.len()));
        names.insert(column, json!(language.of(&query.legend)));
    }
    vec![
        json!({ "id": "merge", "options": {} }),
        json!({ "id": "organize", "options": {
            "excludeByName": hidden, "indexByName": order, "renameByName": names, "includeByName": {} } }),
    ]
}

/// Returns the overrides of a table's columns, by their heads.
pub(super) fn overrides(panel: &PanelTable, language: DashboardLanguage) -> Vec<Value> {
    let of_head = |head: &str, properties: Vec<Value>| {
        let matcher = json!({ "id": "byName", "options": head });
        (!properties.is_empty()).then(|| json!({ "matcher": matcher, "properties": properties }))
    };
    let labels = panel.labels.iter().filter_map(|column| {
        let mut properties = Vec::new();
        let mut queries = panel.queries.iter();
        let names = queries.find_map(|query| names::kind(column.label, &query.expression)).unwrap_or(column.label);
        let mappings = mappings_of_label(names, language);
        if !mappings.is_empty() {
            properties.push(json!({ "id": "mappings", "value": mappings }));
        }
        if names == names::TARGET_STATUS {
            properties.push(json!({ "id": "custom.cellOptions", "value": { "type": "color-text" } }));
        }
        if column.width > 0 {
            properties.push(json!({ "id": "custom.width", "value": column.width }));
        }
        if ["description", "status"].contains(&column.label) {
            properties.push(json!({ "id": "custom.wrapText", "value": true }));
        }
        of_head(language.of(&column.head), properties)
    });
    let values = panel.queries.iter().filter(|query| !query.labels_only).filter_map(|query| {
        let properties = [properties(query, language), cell(query)].concat();
        of_head(language.of(&query.legend), properties)
    });
    labels.chain(values).collect()
}
