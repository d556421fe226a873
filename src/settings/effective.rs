//! Effective settings as text, with secrets redacted.

use super::known::{DEFAULT_ORIGIN, Setting};
use super::printable::{printable, printable_lines, toml_string};
use config::{Value, ValueKind};
use std::fmt::Write;

/// Text in place of a secret.
const REDACTED: &str = "[redacted]";

/// Parts of the names of librdkafka properties whose values are or may be secret. Redacting too much is harmless.
const SECRET_NAMES: [&str; 16] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "key",
    "token",
    "credential",
    "jaas",
    "pem",
    "oauth",
    "assertion",
    "username",
    "kinit",
    "private",
    "certificate.chain",
    "auth.",
];

/// Signs of a secret in a value without its blanks, whatever the name: a PEM block, `password=...` in a list of
/// options.
const SECRET_VALUES: [&str; 7] =
    ["-----begin", "password=", "password:", "passphrase=", "secret=", "secret:", "token="];

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
                write_line(&mut text, &toml_string(name), &redacted(Some(name), entry), entry.origin());
            }
            continue;
        }
        if own_table != table {
            table = own_table;
            let _ = writeln!(text, "{}[{table}]", if text.is_empty() { "" } else { "\n" });
        }
        write_line(&mut text, name, &redacted(None, value), value.origin());
    }
    text
}

/// Returns the settings as one JSON object of full keys, on one line.
pub(super) fn json_line<'a>(settings: impl Iterator<Item = (&'a Setting, &'a Value)>) -> String {
    let mut object = serde_json::Map::new();
    for (setting, value) in settings {
        match value.kind {
            ValueKind::Table(_) => {
                for (name, entry) in entries(value) {
                    object.insert(format!("{}.{name}", setting.key), json(&redacted(Some(name), entry)));
                }
            }
            _ => {
                object.insert(setting.key.clone(), json(&redacted(None, value)));
            }
        }
    }
    serde_json::Value::Object(object).to_string()
}

fn write_line(text: &mut String, name: &str, value: &toml::Value, origin: Option<&str>) {
    let _ = write!(text, "{name} = {}", printable_toml(value));
    if let Some(origin) = origin.filter(|origin| *origin != DEFAULT_ORIGIN) {
        let _ = write!(text, "  # {}", printable(origin));
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

/// Returns a value for display. `name` is that of an entry of `kafka.properties`, which may mark it as secret.
fn redacted(name: Option<&str>, value: &Value) -> toml::Value {
    if name.is_some_and(names_secret) { toml::Value::from(REDACTED) } else { without_secrets(value) }
}

/// True if an entry of `kafka.properties` is a secret, by its name or its value. A user name alone is none.
pub(super) fn is_secret(name: &str, value: &Value) -> bool {
    let holds = matches!(&value.kind, ValueKind::String(text) if holds_secret(text));
    holds || (names_secret(name) && !name.to_lowercase().ends_with("username"))
}

fn names_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    // The path of a file with a secret is not secret, and worth seeing.
    !name.ends_with(".location") && SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// Returns a text, or a note in place of one that may hold a secret. The one rule of what is redacted.
pub(crate) fn redacted_text(text: &str) -> &str {
    if holds_secret(text) { REDACTED } else { text }
}

fn holds_secret(text: &str) -> bool {
    let text: String = text.to_lowercase().split_whitespace().collect();
    // user:password@host, or token@host:port.
    let has_user = text.rsplit_once('@').is_some_and(|(before, host)| before.contains(':') || host.contains(':'));
    has_user || SECRET_VALUES.iter().any(|sign| text.contains(sign))
}

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
            let entries =
                entries(value).into_iter().map(|(name, entry)| (name.to_owned(), redacted(Some(name), entry)));
            toml::Value::Table(entries.collect())
        }
    }
}

fn json(value: &toml::Value) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or(serde_json::Value::Null)
}
