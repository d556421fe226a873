//! One layer of settings: a file, an environment variable or a `--set`, read as TOML and held against the keys there are.

use super::fault::{SettingsFault, printable};
use super::known::{Known, Meaning};
use super::plain::plain;
use super::text::FileText;
use config::{ConfigError, Map, Source, Value, ValueKind};
use std::fmt;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The values of a layer by their full keys; the entries of an open table are together under the table's key.
#[derive(Clone, Default)]
pub(super) struct Layer(Map<String, Value>);

/// Values may be secrets.
impl fmt::Debug for Layer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Layer({} keys)", self.0.len())
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

impl Layer {
    /// The built-in defaults.
    pub fn defaults(known: &Known) -> Self {
        Self(known.iter().map(|setting| (setting.key.clone(), setting.default.clone())).collect())
    }

    /// A configuration file. One that cannot be read or is not TOML is a fault and an empty layer.
    pub fn file(path: &Path, known: &Known, faults: &mut Vec<SettingsFault>) -> Self {
        let text = FileText::read(path);
        match text.table() {
            Ok(table) => {
                let origin = |span| text.origin(span);
                let mut placing = Placing { known, faults, origin: &origin, layer: Self::default() };
                placing.place_table("", &table);
                placing.layer
            }
            Err(fault) => {
                faults.push(fault);
                Self::default()
            }
        }
    }

    /// One key with the text of its value, as in the environment and on the command line: a TOML value, else a string.
    pub fn text(key: &str, text: &str, origin: &str, known: &Known, faults: &mut Vec<SettingsFault>) -> Self {
        let as_string = Spanned::new(0..0, DeValue::String(text.into()));
        let parsed = DeValue::parse(text).unwrap_or_else(|_| as_string.clone());
        let takes_text = match known.meaning(key) {
            Meaning::Setting(setting) => matches!(setting.default.kind, ValueKind::String(_)),
            Meaning::Entry(..) => true,
            _ => false,
        };
        // Where a string is wanted, 1e5 or 0x10 is what was typed, not the number that TOML makes of it.
        let is_text = matches!(parsed.get_ref(), DeValue::String(_) | DeValue::Table(_));
        let value = if takes_text && !is_text { as_string } else { parsed };
        let mut placing = Placing { known, faults, origin: &|_| origin.to_owned(), layer: Self::default() };
        placing.place(key, &value);
        placing.layer
    }
}

/// Puts the values of one layer where they belong.
struct Placing<'a> {
    known: &'a Known,
    faults: &'a mut Vec<SettingsFault>,
    origin: &'a dyn Fn(Range<usize>) -> String,
    layer: Layer,
}

impl Placing<'_> {
    fn place_table(&mut self, prefix: &str, table: &DeTable<'_>) {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let key =
                if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
            // The line of the name: a table's own span may be that of a header further down.
            self.place(&key, &Spanned::new(name.span(), value.get_ref().clone()));
        }
    }

    fn place(&mut self, key: &str, value: &Spanned<DeValue<'_>>) {
        let known = self.known;
        match (known.meaning(key), value.get_ref()) {
            (Meaning::Table | Meaning::Open(_) | Meaning::Entry(..), DeValue::Table(table)) => {
                self.place_table(key, table)
            }
            (Meaning::Table | Meaning::Open(_), _) => {
                self.fault(key, value, format!("is a table of settings, write [{key}]"))
            }
            (Meaning::Setting(setting), _) => {
                if let Some(value) = self.read(key, value) {
                    self.layer.0.insert(setting.key.clone(), value);
                }
            }
            (Meaning::Entry(_, ""), _) => self.fault(key, value, "has no name after the dot".into()),
            (Meaning::Entry(setting, name), _) => {
                let Some(value) = self.read(key, value) else { return };
                let table = self
                    .layer
                    .0
                    .entry(setting.key.clone())
                    .or_insert_with(|| Value::new(None, Map::<String, Value>::new()));
                if let ValueKind::Table(entries) = &mut table.kind {
                    entries.insert(name.to_owned(), value);
                }
            }
            (Meaning::Unknown, _) => self.fault(key, value, unknown(key, known)),
        }
    }

    fn read(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        plain(value, self.origin).map_err(|message| self.fault(key, value, message.to_owned())).ok()
    }

    fn fault(&mut self, key: &str, value: &Spanned<DeValue<'_>>, message: String) {
        let origin = Some((self.origin)(value.span()));
        self.faults.push(SettingsFault { key: printable(key), origin, message });
    }
}

fn unknown(key: &str, known: &Known) -> String {
    match known.nearest(key) {
        Some(nearest) => format!("no such setting, the nearest is {nearest}"),
        None => "no such setting, `pacemeter run --print-config` lists all".into(),
    }
}
