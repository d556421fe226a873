//! The settings there are: `config/default.toml`, which is both the weakest layer and the list of keys, with their types and units.

use super::nearest::nearest;
use super::tree::{self, Entry, NodeKind};
use config::{Value, ValueKind};

/// Embedded, so that one binary is all there is to install.
pub(super) const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Where the value of a built-in default says it comes from.
pub(super) const DEFAULT_ORIGIN: &str = "built-in default";

/// A setting of `config/default.toml`.
pub(super) struct Setting {
    /// Its full name, joined with dots.
    pub key: String,
    /// What the comment above it says in its last parentheses, up to a comma: `bytes` of `(bytes, at least 1)`.
    pub unit: Option<String>,
    pub default: Value,
}

/// What a key means.
pub(super) enum Meaning<'a> {
    Setting(&'a Setting),
    /// A table of settings.
    Table,
    /// A table whose names are not ours (`kafka.properties`): any entry is welcome.
    Open(&'a Setting),
    /// An entry of an open table, by the name that it has there.
    Entry(&'a Setting, &'a str),
    Unknown,
}

/// Every setting, in the order of `config/default.toml`.
pub(super) struct Known(Vec<Setting>);

impl Known {
    pub fn read() -> Self {
        let Ok(entries) = tree::parse(DEFAULTS) else { panic!("the embedded defaults are valid TOML") };
        let mut found = Vec::new();
        collect("", &entries, &mut found);
        Self(found)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Setting> {
        self.0.iter()
    }

    pub fn setting(&self, key: &str) -> Option<&Setting> {
        self.0.iter().find(|setting| setting.key == key)
    }

    pub fn meaning<'a>(&'a self, key: &'a str) -> Meaning<'a> {
        for setting in &self.0 {
            let Some(rest) = key.strip_prefix(&setting.key) else { continue };
            let open = matches!(setting.default.kind, ValueKind::Table(_));
            match rest.strip_prefix('.') {
                Some(name) if open => return Meaning::Entry(setting, name),
                None if rest.is_empty() => {
                    return if open { Meaning::Open(setting) } else { Meaning::Setting(setting) };
                }
                _ => {}
            }
        }
        let is_table =
            self.0.iter().any(|setting| setting.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')));
        if is_table { Meaning::Table } else { Meaning::Unknown }
    }

    /// The known key or table most like `key`, if any is.
    pub fn nearest(&self, key: &str) -> Option<String> {
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
                let default = default.expect("the embedded defaults hold values that can be read");
                found.push(Setting { key, unit: unit_above(node.line), default });
            }
        }
    }
}

/// The unit named by the comment that ends just above the line (counted from 1).
fn unit_above(line: usize) -> Option<String> {
    let above: Vec<&str> = DEFAULTS.lines().take(line - 1).collect();
    let start = above.iter().rposition(|line| !line.starts_with('#')).map_or(0, |last| last + 1);
    let comment = above[start..].join(" ");
    let inner = comment.rsplit_once('(')?.1.split(')').next()?;
    Some(inner.split(',').next()?.trim().to_owned())
}
