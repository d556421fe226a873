//! Effective settings as text, with secrets redacted.

use super::known::{DEFAULT_ORIGIN, PROPERTIES, Setting};
use super::printable::{printable, printable_lines, toml_string};
use super::redaction::{REDACTED, is_no_word, is_public, redacted_key, redacted_parts, redacted_text};
use config::{Value, ValueKind};
use std::fmt::Write;

/// Returns the settings as a TOML file, in the order of `config/default.toml`. Values that are not defaults have their
/// origin beside them.
pub(super) fn toml_text<'a>(settings: impl Iterator<Item = (&'a Setting, &'a Value)>) -> String {
    let mut text = String::new();
    let mut table = "";
    for (setting, value) in settings {
        let (own_table, name) = setting.key.rsplit_once('.').unwrap_or(("", &setting.key));
        if let ValueKind::Table(_) = value.kind {
            table = &setting.key;
            let _ = writeln!(text, "\n[{table}]");
            for (name, entry) in entries(value) {
                write_line(
                    &mut text,
                    &toml_string(&redacted_key(name)),
                    &redacted_entry(setting, name, entry),
                    entry.origin(),
                );
            }
            continue;
        }
        if own_table != table {
            table = own_table;
            let _ = writeln!(text, "{}[{table}]", if text.is_empty() { "" } else { "\n" });
        }
        write_line(&mut text, name, &without_secrets(value), value.origin());
    }
    text
}

/// Returns the settings that differ from their defaults, as a JSON object of full keys.
pub(super) fn changed<'a>(
    settings: impl Iterator<Item = (&'a Setting, &'a Value)>,
) -> serde_json::Map<String, serde_json::Value> {
    differing(settings).map(|(key, value, _)| (key, json(&value))).collect()
}

/// Returns the sources of the settings that differ from their defaults, as a JSON object of full keys.
pub(super) fn sources<'a>(
    settings: impl Iterator<Item = (&'a Setting, &'a Value)>,
) -> serde_json::Map<String, serde_json::Value> {
    differing(settings).map(|(key, _, origin)| (key, redacted_parts(origin).into())).collect()
}

/// Returns key, shown value and origin of the settings that differ from their defaults.
fn differing<'a>(
    settings: impl Iterator<Item = (&'a Setting, &'a Value)>,
) -> impl Iterator<Item = (String, toml::Value, &'a str)> {
    settings.flat_map(|(setting, value)| -> Vec<_> {
        let origin = |value: &'a Value| value.origin().unwrap_or(DEFAULT_ORIGIN);
        if let ValueKind::Table(_) = value.kind {
            let key = |name| format!("{}.{}", setting.key, redacted_key(name));
            let entries = entries(value).into_iter();
            return entries
                .map(|(name, entry)| (key(name), redacted_entry(setting, name, entry), origin(entry)))
                .collect();
        }
        let shown = without_secrets(value);
        // Defaults have no secrets.
        let differs = shown != without_secrets(&setting.default);
        differs.then(|| (setting.key.clone(), shown, origin(value))).into_iter().collect()
    })
}

fn write_line(text: &mut String, name: &str, value: &toml::Value, origin: Option<&str>) {
    let _ = write!(text, "{name} = {}", printable_toml(value));
    if let Some(origin) = origin.filter(|origin| *origin != DEFAULT_ORIGIN) {
        let _ = write!(text, "  # {}", printable(&redacted_parts(origin)));
    }
    text.push('\n');
}

/// Returns a value as TOML. The library leaves some characters as they are that should not be printed.
fn printable_toml(value: &toml::Value) -> String {
    let text = value.to_string();
    if printable_lines(&text) == text {
        return text;
    }
    match value {
        toml::Value::String(text) => toml_string(text),
        toml::Value::Array(items) => {
            format!("[{}]", items.iter().map(printable_toml).collect::<Vec<_>>().join(", "))
        }
        toml::Value::Table(entries) => {
            let entries =
                entries.iter().map(|(name, entry)| format!("{} = {}", toml_string(name), printable_toml(entry)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        _ => text,
    }
}

fn entries(table: &Value) -> Vec<(&str, &Value)> {
    let ValueKind::Table(entries) = &table.kind else { return Vec::new() };
    let mut entries: Vec<_> = entries.iter().map(|(name, value)| (name.as_str(), value)).collect();
    entries.sort_unstable_by_key(|(name, _)| *name);
    entries
}

/// Returns the value of an entry of a table for display.
fn redacted_entry(setting: &Setting, name: &str, value: &Value) -> toml::Value {
    if setting.key != PROPERTIES {
        return without_secrets(value);
    }
    let is_plain = !matches!(value.kind, ValueKind::Array(_) | ValueKind::Table(_));
    let is_misplaced = matches!(&value.kind, ValueKind::String(text) if is_no_word(name, text));
    if is_plain && is_public(name) && !is_misplaced { without_secrets(value) } else { toml::Value::from(REDACTED) }
}

/// Returns a value for display.
fn without_secrets(value: &Value) -> toml::Value {
    match &value.kind {
        ValueKind::Nil => toml::Value::from(""),
        ValueKind::Boolean(flag) => toml::Value::from(*flag),
        ValueKind::I64(number) => toml::Value::from(*number),
        ValueKind::Float(number) => toml::Value::from(*number),
        ValueKind::I128(number) => toml::Value::from(number.to_string()),
        ValueKind::U64(number) => toml::Value::from(number.to_string()),
        ValueKind::U128(number) => toml::Value::from(number.to_string()),
        ValueKind::String(text) => toml::Value::from(redacted_text(text)),
        ValueKind::Array(items) => toml::Value::Array(items.iter().map(without_secrets).collect()),
        ValueKind::Table(_) => {
            let entries = entries(value).into_iter().map(|(name, entry)| (redacted_key(name), without_secrets(entry)));
            toml::Value::Table(entries.collect())
        }
    }
}

fn json(value: &toml::Value) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or(serde_json::Value::Null)
}
