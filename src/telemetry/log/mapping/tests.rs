use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tracing::Level;

use super::super::line::Fields;
use super::super::prefix::LinePrefix;
use super::super::style::{Form, LineStyle, LineWidth};
use super::super::tests::golden;
use super::*;
use crate::clock::Timestamp;
use crate::telemetry::events::event_rows;

#[test]
fn the_programs_of_jq_are_made_from_the_table() {
    golden("deploy/logs/ecs.jq", |_| ecs_program());
    golden("deploy/logs/otel.jq", |_| otel_program());
}

#[test]
fn the_documentation_has_the_table_of_keys() {
    golden("docs/logs.md", |page| super::super::tests::with_section(page, "keys", &markdown()));
}

/// Returns a line of every event with all its fields, and one of a library.
fn lines() -> Vec<Value> {
    let style = LineStyle {
        form: Form::Json,
        zone: jiff::tz::TimeZone::UTC,
        is_coloured: false,
        has_priorities: false,
        width: LineWidth::Unbounded,
    };
    let line = |name: &str, level, module, fields: &str| -> Value {
        let mut collected = Fields::new(Form::Json, false);
        collected.add_message("an event");
        for (place, field) in fields.split_whitespace().enumerate() {
            match (field, place % 3) {
                ("partition" | "offset", _) | (_, 0) => collected.add_number(field, 40 + place),
                (_, 1) => collected.add_text(field, "a \"text\"\u{202e}"),
                _ => collected.add_number(field, place % 2 == 0),
            }
        }
        let now = Timestamp::from_millis(1_795_284_000_123);
        let prefix = LinePrefix { now, level, event: name, module, suppressed: 3 };
        serde_json::from_slice(&collected.line(&prefix, &style)).unwrap()
    };
    let level = |name: &str| LEVELS.into_iter().find(|level| level_name(*level) == name).unwrap();
    let mut lines: Vec<_> = event_rows()
        .flat_map(|row| row.levels.split(", ").map(|name| line(row.name, level(name), None, row.fields)))
        .collect();
    lines.push(line("dependency", Level::WARN, Some("librdkafka::x"), "size"));
    lines[0]["settings"] = json!({"http.listen": "::", "labels.sites": ["a", 1, 0.5, null]});
    lines
}

/// Runs a program of jq over lines.
fn jq(program: &str, lines: &[Value]) -> Vec<Value> {
    let path = format!("{}/deploy/logs/{program}", env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new("jq")
        .args(["-c", "-f", &path])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("jq is installed; scripts/test does that");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{program}: {:?}", output.status);
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_event_becomes_a_document_of_ecs() {
    let lines = lines();
    let documents = jq("ecs.jq", &lines);
    assert_eq!(documents.len(), lines.len());
    for (line, document) in lines.iter().zip(&documents) {
        let line = line.as_object().unwrap();
        assert_eq!(document.as_object().unwrap().len(), line.len() + 1, "each key once: {document}");
        assert_eq!(document["ecs.version"], ECS_VERSION);
        for (key, value) in line {
            let mapping = MAPPINGS.iter().find(|mapping| mapping.key == key);
            let name = mapping.map_or_else(|| format!("labels.{key}"), |mapping| mapping.ecs.to_owned());
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            // Names that are no labels are keywords, so their values are text in every line.
            let expected = if name.starts_with("labels.") { json!(text) } else { value.clone() };
            assert_eq!(document[&name], expected, "{name} of {line:?}");
        }
    }
    let rejected = documents.iter().find(|document| document["event.action"] == "pacemeter.record.set_aside").unwrap();
    assert_eq!(rejected["labels.offset"], "42");
    assert_eq!(
        (&rejected["@timestamp"], &rejected["log.level"]),
        (&"2026-11-21T18:00:00.123000Z".into(), &"warn".into())
    );
    assert!(rejected["event.reason"].is_string() || rejected["event.reason"].is_number());
}

/// Checks a value of OTLP: one of the kinds, as protobuf's JSON writes it.
fn assert_any_value(value: &Value) {
    let Some((kind, inner)) = value.as_object().unwrap().iter().next() else { return };
    assert_eq!(value.as_object().unwrap().len(), 1, "{value}");
    match kind.as_str() {
        "stringValue" => assert!(inner.is_string(), "{value}"),
        "boolValue" => assert!(inner.is_boolean(), "{value}"),
        "intValue" => assert!(inner.as_str().unwrap().parse::<i64>().is_ok(), "{value}"),
        "doubleValue" => assert!(inner.is_f64(), "{value}"),
        "arrayValue" => inner["values"].as_array().unwrap().iter().for_each(assert_any_value),
        "kvlistValue" => inner["values"].as_array().unwrap().iter().for_each(assert_pair),
        other => panic!("{other} is no kind of value: {value}"),
    }
}

fn assert_pair(pair: &Value) {
    let keys: Vec<_> = pair.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["key", "value"]);
    assert!(pair["key"].is_string());
    assert_any_value(&pair["value"]);
}

#[test]
fn every_event_becomes_a_request_of_otlp() {
    let lines = lines();
    let requests = jq("otel.jq", &lines);
    assert_eq!(requests.len(), lines.len());
    for (line, request) in lines.iter().zip(&requests) {
        let resource = &request["resourceLogs"][0]["resource"]["attributes"];
        assert_eq!(resource[0], json!({"key": "service.name", "value": {"stringValue": "pacemeter"}}));
        assert_eq!(resource[1]["key"], "service.version");
        let record = &request["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        let keys: Vec<_> = record.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["attributes", "body", "eventName", "severityNumber", "severityText", "timeUnixNano"]);
        assert_eq!(record["timeUnixNano"], "1795284000123000000");
        assert_eq!((&record["eventName"], &record["severityText"]), (&line["event"], &line["level"]));
        let number = [("error", 17), ("warn", 13), ("info", 9), ("debug", 5)].into_iter();
        let number = number.into_iter().find(|(level, _)| line["level"] == *level).unwrap().1;
        assert_eq!(record["severityNumber"], number);
        assert_eq!(record["body"]["stringValue"], line["message"]);
        let attributes = record["attributes"].as_array().unwrap();
        attributes.iter().for_each(assert_pair);
        assert_eq!(attributes.len(), line.as_object().unwrap().len() - 6, "each other key once: {record}");
        let value = |name: &str| attributes.iter().find(|pair| pair["key"] == name).map(|pair| &pair["value"]);
        assert_eq!(value("pacemeter.suppressed"), Some(&json!({"intValue": "3"})));
        if line["partition"].is_number() {
            let partition = value("messaging.destination.partition.id").unwrap();
            assert_eq!(partition["stringValue"], line["partition"].to_string());
        }
        if line["offset"].is_number() {
            assert_eq!(value("messaging.kafka.offset").unwrap()["intValue"], line["offset"].to_string());
        }
    }
    let nested = &requests[0]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["attributes"];
    assert!(nested.to_string().contains(r#"{"doubleValue":0.5}"#), "{nested}");
}
