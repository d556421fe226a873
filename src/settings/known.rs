//! The known settings: `config/default.toml`, which is both the weakest layer and the list of keys with their types and
//! units.

use super::nearest::nearest;
use super::tree::{self, Entry, NodeKind};
use config::{Value, ValueKind};

/// Text of `config/default.toml`, embedded so that the binary is all there is to install.
pub(super) const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Origin of the values in `config/default.toml`.
pub(super) const DEFAULT_ORIGIN: &str = "built-in default";

/// Table of another library's settings: names and values may be secret.
pub(super) const PROPERTIES: &str = "kafka.properties";

/// A setting of `config/default.toml`.
pub(super) struct Setting {
    /// Full key, joined with dots.
    pub(super) key: String,
    /// Unit from the last parentheses of the comment above it, up to a comma: `bytes` in `(bytes, at least 1)`.
    pub(super) unit: Option<String>,
    pub(super) default: Value,
}

/// Kind of thing that a key names.
pub(super) enum KeyKind<'a> {
    Setting(&'a Setting),
    /// A table of settings.
    Table,
    /// A table that accepts any entry, since another library or the user defines the names (`kafka.properties`, `names.*`).
    OpenTable(&'a Setting),
    /// An entry of an open table, with its name there.
    Entry(&'a Setting, &'a str),
    Unknown,
}

/// All settings, in the order of `config/default.toml`.
pub(super) struct KnownSettings(Vec<Setting>);

impl KnownSettings {
    pub(super) fn read() -> Self {
        let entries = tree::parse(DEFAULTS).expect("the embedded defaults are valid TOML");
        let mut found = Vec::new();
        collect("", &entries, &mut found);
        Self(found)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Setting> {
        self.0.iter()
    }

    pub(super) fn setting(&self, key: &str) -> Option<&Setting> {
        self.0.iter().find(|setting| setting.key == key)
    }

    pub(super) fn kind_of<'a>(&'a self, key: &'a str) -> KeyKind<'a> {
        for setting in &self.0 {
            let Some(rest) = key.strip_prefix(&setting.key) else { continue };
            let open = matches!(setting.default.kind, ValueKind::Table(_));
            match rest.strip_prefix('.') {
                Some(name) if open => return KeyKind::Entry(setting, name),
                None if rest.is_empty() => {
                    return if open { KeyKind::OpenTable(setting) } else { KeyKind::Setting(setting) };
                }
                _ => {}
            }
        }
        let is_table =
            self.0.iter().any(|setting| setting.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')));
        if is_table { KeyKind::Table } else { KeyKind::Unknown }
    }

    /// Returns the known key or table that is most similar to `key`, if any is similar enough.
    pub(super) fn nearest(&self, key: &str) -> Option<String> {
        let tables = self.0.iter().filter_map(|setting| setting.key.rsplit_once('.').map(|(table, _)| table));
        let keys = self.0.iter().map(|setting| setting.key.as_str());
        nearest(key, keys.chain(tables)).map(str::to_owned)
    }
}

fn collect(prefix: &str, entries: &[Entry], found: &mut Vec<Setting>) {
    for Entry { name, node } in entries {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match &node.kind {
            NodeKind::Table(inner) if !inner.is_empty() => collect(&key, inner, found),
            _ => {
                let default = node.to_value(&|_| DEFAULT_ORIGIN.to_owned());
                let default = default.expect("the embedded defaults have readable values");
                found.push(Setting { key, unit: unit_above(node.line), default });
            }
        }
    }
}

/// Returns the unit that the comment directly above a line names. `line` counts from 1.
fn unit_above(line: usize) -> Option<String> {
    let above: Vec<&str> = DEFAULTS.lines().take(line - 1).collect();
    let start = above.iter().rposition(|line| !line.starts_with('#')).map_or(0, |last| last + 1);
    let comment = above[start..].join(" ");
    let inner = comment.rsplit_once('(')?.1.split(')').next()?;
    Some(inner.split(',').next()?.trim().to_owned())
}
