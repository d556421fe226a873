//! Mapping of the keys of a JSON line to OpenTelemetry and to the Elastic Common Schema: one table, from which
//! `deploy/logs/otel.jq`, `deploy/logs/ecs.jq` and a table of `docs/logs.md` are made.
//!
//! The program itself writes its own keys only, so this is compiled for the tests that make the files.

#[cfg(test)]
mod tests;

use super::{LEVELS, level_name};

/// Place of a value in a log record of OpenTelemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OtelPlace {
    Timestamp,
    Severity,
    EventName,
    Body,
    Resource(&'static str),
    Attribute(&'static str),
    /// Attribute that is text, whatever the value is.
    TextAttribute(&'static str),
}

/// Mapping of one key.
struct KeyMapping {
    key: &'static str,
    /// Meaning of a key that every line may have; `None` for a field of events.
    meaning: Option<&'static str>,
    otel: OtelPlace,
    /// Name in the Elastic Common Schema.
    ecs: &'static str,
}

const fn line(key: &'static str, meaning: &'static str, otel: OtelPlace, ecs: &'static str) -> KeyMapping {
    KeyMapping { key, meaning: Some(meaning), otel, ecs }
}

const fn field(key: &'static str, otel: OtelPlace, ecs: &'static str) -> KeyMapping {
    KeyMapping { key, meaning: None, otel, ecs }
}

/// Keys with a name of their own elsewhere. All others become [`OTEL_PREFIX`] and [`ECS_PREFIX`] with their name.
const MAPPINGS: [KeyMapping; 12] = [
    line("timestamp", "RFC 3339 in UTC, six decimals with millisecond resolution", OtelPlace::Timestamp, "@timestamp"),
    line("level", "`error`, `warn`, `info` or `debug`", OtelPlace::Severity, "log.level"),
    line("event", "stable name of the event, never reused for another", OtelPlace::EventName, "event.action"),
    line(
        "message",
        "the event in at most eight words, constant for each place that writes it",
        OtelPlace::Body,
        "message",
    ),
    line("service", "`pacemeter`", OtelPlace::Resource("service.name"), "service.name"),
    line("version", "version of Pacemeter", OtelPlace::Resource("service.version"), "service.version"),
    line(
        "module",
        "Rust module; only for the event `dependency`, the name of all events of libraries",
        OtelPlace::Attribute("code.namespace"),
        "log.logger",
    ),
    field("topic", OtelPlace::Attribute("messaging.destination.name"), "labels.topic"),
    field("partition", OtelPlace::TextAttribute("messaging.destination.partition.id"), "labels.partition"),
    field("offset", OtelPlace::Attribute("messaging.kafka.offset"), "labels.offset"),
    field("error", OtelPlace::Attribute("exception.message"), "error.message"),
    field("reason", OtelPlace::Attribute("pacemeter.reason"), "event.reason"),
];

const OTEL_PREFIX: &str = "pacemeter.";
const ECS_PREFIX: &str = "labels.";

/// Version of the Elastic Common Schema whose names these are.
const ECS_VERSION: &str = "8.17.0";

/// Returns SeverityNumber of a level.
fn severity(level: &str) -> u8 {
    match level {
        "error" => 17,
        "warn" => 13,
        "info" => 9,
        _ => 5,
    }
}

/// Returns an object of jq or JSON on one line.
fn object(entries: impl Iterator<Item = (&'static str, String)>) -> String {
    let entries: Vec<_> = entries.map(|(key, value)| format!("\"{key}\": {value}")).collect();
    format!("{{{}}}", entries.join(", "))
}

fn header(what: &str, name: &str) -> String {
    format!(
        "# Turns JSON lines of Pacemeter's log into {what}. Made from src/telemetry/log/mapping.rs; see docs/logs.md.\n\
         #\n\
         #   jq -c -f deploy/logs/{name}.jq pacemeter.log\n\n"
    )
}

/// Returns the program `deploy/logs/ecs.jq`.
fn ecs_program() -> String {
    let names = object(MAPPINGS.iter().map(|mapping| (mapping.key, format!("\"{}\"", mapping.ecs))));
    header("documents of the Elastic Common Schema", "ecs")
        + &format!(
            "def names: {names};\n\n\
             # Labels are text.\n\
             def text_of_label($name): if $name | startswith(\"{ECS_PREFIX}\") then tostring else . end;\n\n\
             to_entries\n\
             | map(select(.value != null)\n  \
               | (names[.key] // (\"{ECS_PREFIX}\" + .key)) as $name\n  \
               | {{key: $name, value: (.value | text_of_label($name))}})\n\
             | from_entries + {{\"ecs.version\": \"{ECS_VERSION}\"}}\n"
        )
}

/// Returns the program `deploy/logs/otel.jq`.
fn otel_program() -> String {
    let key_of = |place| MAPPINGS.iter().find(|mapping| mapping.otel == place).map_or("", |mapping| mapping.key);
    let severities = object(LEVELS.into_iter().map(|level| {
        let name = level_name(level);
        (name, severity(name).to_string())
    }));
    let attributes = object(MAPPINGS.iter().filter_map(|mapping| match mapping.otel {
        OtelPlace::Attribute(name) | OtelPlace::TextAttribute(name) => Some((mapping.key, format!("\"{name}\""))),
        _ => None,
    }));
    let resource = object(MAPPINGS.iter().filter_map(|mapping| match mapping.otel {
        OtelPlace::Resource(name) => Some((mapping.key, format!("\"{name}\""))),
        _ => None,
    }));
    let is_text = |mapping: &&KeyMapping| matches!(mapping.otel, OtelPlace::TextAttribute(_));
    let texts: Vec<_> = MAPPINGS.iter().filter(is_text).map(|mapping| format!("\"{}\"", mapping.key)).collect();
    let is_top = |mapping: &&KeyMapping| {
        !matches!(mapping.otel, OtelPlace::Attribute(_) | OtelPlace::TextAttribute(_) | OtelPlace::Resource(_))
    };
    let top: Vec<_> = MAPPINGS.iter().filter(is_top).map(|mapping| format!("\"{}\"", mapping.key)).collect();
    let (time, level) = (key_of(OtelPlace::Timestamp), key_of(OtelPlace::Severity));
    let (event, body) = (key_of(OtelPlace::EventName), key_of(OtelPlace::Body));
    header("requests of OTLP, in JSON, one a line", "otel")
        + &format!(
            "def severities: {severities};\n\
             def attributes: {attributes};\n\
             def resource: {resource};\n\
             def texts: [{texts}];\n\
             def top: [{top}];\n\n",
            texts = texts.join(", "),
            top = top.join(", ")
        )
        + "# AnyValue. jq has doubles only: a whole number beyond 2^53 is one.\n\
           def any_value:\n  \
             if type == \"string\" then {stringValue: .}\n  \
             elif type == \"boolean\" then {boolValue: .}\n  \
             elif type == \"number\" then\n    \
               if . == floor and fabs < 9007199254740992 then {intValue: tostring} else {doubleValue: .} end\n  \
             elif type == \"array\" then {arrayValue: {values: map(any_value)}}\n  \
             elif type == \"object\" then {kvlistValue: {values: (to_entries | map({key, value: (.value | any_value)}))}}\n  \
             else {} end;\n\n\
           # Nanoseconds since 1970, as text.\n\
           def nanoseconds: (.[0:19] + \"Z\" | fromdate | tostring) + .[20:26] + \"000\";\n\n\
           def pairs($line; $names): $names | to_entries | map(select($line[.key] != null)\n  \
             | {key: .value, value: ($line[.key] | any_value)});\n\n"
        + &format!(
            ". as $line | {{resourceLogs: [{{\n  \
               resource: {{attributes: pairs($line; resource)}},\n  \
               scopeLogs: [{{scope: {{name: .service, version: .version}}, logRecords: [{{\n    \
                 timeUnixNano: (.{time} | nanoseconds),\n    \
                 severityNumber: severities[.{level}],\n    \
                 severityText: .{level},\n    \
                 eventName: .{event},\n    \
                 body: {{stringValue: .{body}}},\n    \
                 attributes: (to_entries | map(select(.value != null) | .key as $key\n      \
                   | select((top | index($key)) == null and resource[$key] == null)\n      \
                   | (if (texts | index($key)) != null then .value | tostring else .value end) as $value\n      \
                   | {{key: (attributes[$key] // (\"{OTEL_PREFIX}\" + $key)), value: ($value | any_value)}}))\n  \
               }}]}}]\n}}]}}\n"
        )
}

/// Returns the table of `docs/logs.md`.
fn markdown() -> String {
    let mut table = String::from("| key | meaning | OpenTelemetry | ECS |\n|---|---|---|---|\n");
    let severities: Vec<_> = LEVELS.into_iter().map(|level| severity(level_name(level)).to_string()).collect();
    let row = |mapping: &KeyMapping| {
        let otel = match mapping.otel {
            OtelPlace::Timestamp => "`Timestamp`".to_owned(),
            OtelPlace::Severity => format!("`SeverityText`; `SeverityNumber` {}", severities.join(", ")),
            OtelPlace::EventName => "`EventName`".to_owned(),
            OtelPlace::Body => "`Body`".to_owned(),
            OtelPlace::Resource(name) => format!("`Resource`: `{name}`"),
            OtelPlace::Attribute(name) | OtelPlace::TextAttribute(name) => format!("attribute `{name}`"),
        };
        format!(
            "| `{}` | {} | {otel} | `{}` |\n",
            mapping.key,
            mapping.meaning.unwrap_or("field of events"),
            mapping.ecs
        )
    };
    table.extend(MAPPINGS.iter().filter(|mapping| mapping.meaning.is_some()).map(row));
    table += &format!(
        "| `suppressed` | number of lines of this event suppressed before this one; absent if none | attribute \
         `{OTEL_PREFIX}suppressed` | `{ECS_PREFIX}suppressed` |\n"
    );
    table.extend(MAPPINGS.iter().filter(|mapping| mapping.meaning.is_none()).map(row));
    table += &format!(
        "| all others | fields of the event, listed below; numbers are JSON numbers, units are in the names | attribute \
         `{OTEL_PREFIX}`NAME | `{ECS_PREFIX}`NAME |\n"
    );
    table
}
