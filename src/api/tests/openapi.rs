//! `/openapi.json`: its paths are those of the routes, its parameters those that are read, its fields those of
//! docs/api.md, and every answer of all tests of the API is valid.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::schema::SchemaDocument;
use super::world::{World, three_targets};
use crate::api::openapi::{PATHS, document};
use crate::api::status::StatusResponse;
use crate::http::{ApiContent, ApiRequest};
use crate::view::snapshot::Phase;

const ROUTES: &str = include_str!("../../http/routes.rs");
const PAGE: &str = include_str!("../../../docs/api.md");

fn described() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(document)
}

/// Returns the operation that answers an address: the path of most literal parts.
fn operation(address: &str) -> &'static Value {
    let path = address.split('?').next().unwrap_or_default();
    let fits = |template: &&String| {
        let (parts, names) = (template.split('/'), path.split('/'));
        parts.clone().count() == names.clone().count()
            && parts.zip(names).all(|(part, name)| match part.strip_prefix('{') {
                Some(rest) => name.ends_with(rest.split_once('}').unwrap().1),
                None => part == name,
            })
    };
    let paths = described()["paths"].as_object().unwrap();
    let template = paths.keys().filter(fits).max_by_key(|template| template.split('}').map(str::len).sum::<usize>());
    &paths[template.unwrap_or_else(|| panic!("{address} is not described"))]["get"]
}

/// Fails unless `/openapi.json` describes this answer in JSON.
pub(super) fn assert_described(address: &str, status: u16, answer: &str) {
    let document = SchemaDocument(described());
    let responses = &operation(address)["responses"];
    let response = document.resolved(&responses[status.to_string()]);
    let schema = &response["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{address} has no {status} in JSON");
    let faults = document.faults(schema, &serde_json::from_str(answer).unwrap(), "");
    assert!(faults.is_empty(), "{address}: {}", faults.join("\n"));
}

#[test]
fn the_described_paths_are_those_of_the_routes() {
    let routes: BTreeSet<&str> = ROUTES.split(".route(").skip(1).map(|rest| rest.split('"').nth(1).unwrap()).collect();
    // Routes of cuts and periods have the files, too.
    let is_file = |path: &str| path.ends_with("{id}.csv") || path.ends_with("{id}.xlsx");
    let paths: BTreeSet<&str> = PATHS.iter().map(|described| described.path).filter(|path| !is_file(path)).collect();
    assert_eq!(paths, routes);
    assert_eq!(described()["paths"].as_object().unwrap().len(), PATHS.len(), "each is there once");
}

#[test]
fn every_reference_leads_somewhere_and_everything_is_described() {
    fn visit(document: &SchemaDocument, value: &Value, place: &str) {
        match value {
            Value::Object(object) => {
                if let Some(reference) = value["$ref"].as_str() {
                    assert!(document.0.pointer(&reference[1..]).is_some(), "{place}: {reference}");
                }
                if let Some(text) = object.get("description").and_then(Value::as_str) {
                    assert!(!text.contains("](") && !text.contains('\n') && !text.contains("::"), "{place}: {text}");
                }
                if let (Some(properties), true) = (object.get("properties"), place.starts_with("/components/schemas")) {
                    for (name, property) in properties.as_object().unwrap() {
                        assert!(property["description"].is_string(), "{place}/{name} has no description");
                    }
                }
                object.iter().for_each(|(name, value)| visit(document, value, &format!("{place}/{name}")));
            }
            Value::Array(values) => values.iter().for_each(|value| visit(document, value, place)),
            _ => {}
        }
    }
    visit(&SchemaDocument(described()), described(), "");
}

#[test]
fn the_validator_refuses_what_is_not_described() {
    let document = SchemaDocument(described());
    let schema = json!({ "$ref": "#/components/schemas/CutSummary" });
    let valid: Value = World::new(three_targets()).ok("cuts")["cuts"][0].clone();
    assert_eq!(document.faults(schema_of(&schema), &valid, ""), [] as [String; 0]);
    for (field, wrong) in [
        ("id", json!(1)),
        ("at_ms", json!(1.5)),
        ("at_ms", Value::Null),
        ("seal", json!("broken")),
        ("huella", json!("417A5373B5")),
        ("periods", json!([{ "period": "day" }])),
        ("new", json!(1)),
    ] {
        let mut cut = valid.clone();
        cut[field] = wrong;
        assert!(!document.faults(schema_of(&schema), &cut, "").is_empty(), "{cut}");
    }
}

/// Schemas of tests live as long as the document.
fn schema_of(schema: &Value) -> &'static Value {
    Box::leak(Box::new(schema.clone()))
}

#[test]
fn parameters_are_those_that_are_read() {
    let world = World::new(three_targets());
    let examples = [("limit", "1"), ("before_ms", "1589238000000"), ("step", "day"), ("period", "previous")];
    for address in
        ["now", "targets", "targets/weekly-people", "targets/weekly-people/curve", "events", "cuts", "cuts/newest"]
            .into_iter()
            .chain([
                "targets/weekly-people/history",
                "targets/weekly-people/history.csv",
                "cuts.csv",
                "periods/week/current.xlsx",
            ])
    {
        let parameters = operation(&format!("/api/v1/{address}"))["parameters"].as_array().unwrap();
        for (name, value) in examples {
            let is_described = parameters.iter().any(|one| one["in"] == "query" && one["name"] == name);
            let status = world.answer(&format!("{address}?{name}={value}")).status;
            assert_eq!(status != 400, is_described, "{address}?{name}={value}");
        }
        for parameter in parameters.iter().filter(|one| one["in"] == "query") {
            let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
            for (bound, beyond) in [("minimum", -1), ("maximum", 1)] {
                if let Some(bound) = schema[bound].as_i64().and_then(|bound| bound.checked_add(beyond)) {
                    assert_eq!(world.answer(&format!("{address}?{name}={bound}")).status, 400, "{name}={bound}");
                }
            }
            for value in schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                assert_ne!(world.answer(&format!("{address}?{name}={value}")).status, 400, "{name}={value}");
            }
        }
    }
}

#[test]
fn it_is_answered_before_there_are_figures_and_has_a_tag() {
    let world = World::new(three_targets());
    world.publish(|snapshot| snapshot.phase = Phase::Replaying { read: 1, total: 2 });
    let answer = || world.api.answer(&ApiRequest::OpenApi, "");
    let (ApiContent::Shared(first, tag), ApiContent::Shared(second, same)) = (answer().content, answer().content)
    else {
        panic!("everybody is given the same");
    };
    assert!(std::sync::Arc::ptr_eq(&first, &second) && tag == same && tag.len() == 16, "{tag}");
    assert_eq!(serde_json::from_slice::<Value>(&first.plain()).unwrap(), *described());
    for path in ["now", "targets", "cuts/newest", "periods/day/current", "events", "targets/weekly-people/history.csv"]
    {
        world.answer(path);
    }
}

#[test]
fn the_status_is_as_described() {
    let world = World::new(three_targets());
    let snapshot = world.api.newest();
    let status = StatusResponse::new(&snapshot, world.api.instant(), "0.1.0", 1_500);
    assert_described("/api/v1/status", 200, &serde_json::to_string(&status).unwrap());
}

/// Names of the fields of all schemas of answers.
fn described_fields() -> BTreeSet<&'static str> {
    let schemas = described()["components"]["schemas"].as_object().unwrap();
    schemas.values().filter_map(|schema| schema["properties"].as_object()).flatten().map(|(name, _)| &**name).collect()
}

/// Adds the names of the fields in JSON, except those of maps, whose names are values.
fn add_fields(value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                fields.insert(name.clone());
                if !["outcomes", "fields"].contains(&name.as_str()) {
                    add_fields(value, fields);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| add_fields(value, fields)),
        _ => {}
    }
}

#[test]
fn the_documentation_and_the_description_have_the_same_fields() {
    let mut shown = BTreeSet::new();
    for example in PAGE.split("```json\n").skip(1) {
        let json = example.split("```").next().unwrap();
        add_fields(&serde_json::from_str(json).unwrap(), &mut shown);
    }
    let described = described_fields();
    let undescribed: Vec<_> = shown.iter().filter(|name| !described.contains(name.as_str())).collect();
    assert!(undescribed.is_empty(), "docs/api.md shows fields that /openapi.json does not have: {undescribed:?}");
    let is_named = |name: &str| shown.contains(name) || PAGE.contains(&format!("`{name}`"));
    let undocumented: Vec<_> = described.into_iter().filter(|name| !is_named(name)).collect();
    assert!(undocumented.is_empty(), "docs/api.md does not name these fields: {undocumented:?}");
}
