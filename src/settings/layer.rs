//! One layer of settings: a file, an environment variable or a `--set`, read as TOML and held against the keys there are.

use super::fault::{SettingsFault, printable};
use super::known::{Known, Meaning};
use super::text::FileText;
use super::tree::{Entry, Node, NodeKind};
use config::{ConfigError, Map, Source, Value, ValueKind};
use std::fmt;
use std::path::Path;

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
        match text.entries() {
            Ok(entries) => {
                let origin = |line| text.origin(line);
                let mut placing = Placing { known, faults, origin: &origin, layer: Self::default() };
                placing.place_table("", &entries);
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
        let takes_text = match known.meaning(key) {
            Meaning::Setting(setting) => matches!(setting.default.kind, ValueKind::String(_)),
            Meaning::Entry(..) => true,
            _ => false,
        };
        let is_text = |node: &Node| matches!(node.kind, NodeKind::Plain(ValueKind::String(_)) | NodeKind::Table(_));
        // Where a string is wanted, 1e5 or 0x10 is what was typed, not the number that TOML makes of it.
        let node = Node::parse(text).filter(|node| !takes_text || is_text(node));
        let mut placing = Placing { known, faults, origin: &|_| origin.to_owned(), layer: Self::default() };
        placing.place(key, &node.unwrap_or_else(|| Node::string(text)));
        placing.layer
    }
}

/// Puts the values of one layer where they belong.
struct Placing<'a> {
    known: &'a Known,
    faults: &'a mut Vec<SettingsFault>,
    origin: &'a dyn Fn(usize) -> String,
    layer: Layer,
}

impl Placing<'_> {
    fn place_table(&mut self, prefix: &str, entries: &[Entry]) {
        for Entry { name, node } in entries {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            self.place(&key, node);
        }
    }

    fn place(&mut self, key: &str, node: &Node) {
        let known = self.known;
        match (known.meaning(key), &node.kind) {
            (Meaning::Table | Meaning::Open(_) | Meaning::Entry(..), NodeKind::Table(entries)) => {
                self.place_table(key, entries);
            }
            (Meaning::Table | Meaning::Open(_), _) => {
                self.fault(key, node, format!("is a table of settings, write [{key}]"));
            }
            (Meaning::Setting(setting), _) => {
                if let Some(value) = self.read(key, node) {
                    self.layer.0.insert(setting.key.clone(), value);
                }
            }
            (Meaning::Entry(_, ""), _) => self.fault(key, node, "has no name after the dot".into()),
            (Meaning::Entry(setting, name), _) => {
                let Some(value) = self.read(key, node) else { return };
                let open = Value::new(None, Map::<String, Value>::new());
                let table = self.layer.0.entry(setting.key.clone()).or_insert(open);
                if let ValueKind::Table(entries) = &mut table.kind {
                    entries.insert(name.to_owned(), value);
                }
            }
            (Meaning::Unknown, _) => self.fault(key, node, unknown(key, known)),
        }
    }

    fn read(&mut self, key: &str, node: &Node) -> Option<Value> {
        node.to_value(self.origin).map_err(|message| self.fault(key, node, message.to_owned())).ok()
    }

    fn fault(&mut self, key: &str, node: &Node, message: String) {
        let origin = Some((self.origin)(node.line));
        self.faults.push(SettingsFault { key: printable(key), origin, message });
    }
}

fn unknown(key: &str, known: &Known) -> String {
    match known.nearest(key) {
        Some(nearest) => format!("no such setting, the nearest is {nearest}"),
        None => "no such setting, `pacemeter run --print-config` lists all".into(),
    }
}
