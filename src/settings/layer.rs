//! One layer of settings: a file, an environment variable or a `--set`, read as TOML and checked against the known
//! keys.

use super::exposure::SecretExposure;
use super::fault::{SettingsFault, SettingsFaults, printable};
use super::known::{KeyKind, KnownSettings, PROPERTIES};
use super::redaction::{is_secret, is_secret_setting, redacted_key};
use super::text::FileText;
use super::tree::{Entry, Node, NodeKind};
use config::{ConfigError, Map, Source, Value, ValueKind};
use std::fmt;
use std::path::Path;

/// Values of a layer by full key. The entries of an open table are one value, under the key of the table.
#[derive(Clone, Default)]
pub(super) struct Layer(Map<String, Value>);

/// Omits the values, which may be secrets.
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
    /// Returns the layer of built-in defaults.
    pub(super) fn defaults(known: &KnownSettings) -> Self {
        Self(known.iter().map(|setting| (setting.key.clone(), setting.default.clone())).collect())
    }

    /// Reads a configuration file. One that cannot be read or is not TOML becomes a fault and an empty layer.
    ///
    /// Also returns how other users can read secrets in it, if they can.
    pub(super) fn file(
        path: &Path,
        known: &KnownSettings,
        faults: &mut SettingsFaults,
    ) -> (Self, Option<SecretExposure>) {
        let (text, mode) = FileText::read_with_mode(path);
        match text.entries() {
            Ok(entries) => {
                let origin = |line| text.origin(line);
                let mut builder = LayerBuilder { known, faults, origin: &origin, layer: Self::default() };
                builder.add_table("", &entries);
                let secret = builder.layer.secret();
                let exposure = mode.zip(secret).and_then(|(mode, secret)| SecretExposure::of_file(path, mode, &secret));
                (builder.layer, exposure)
            }
            Err(fault) => {
                faults.add(fault);
                (Self::default(), None)
            }
        }
    }

    /// Returns the key of a secret in this layer, if there is one.
    pub(super) fn secret(&self) -> Option<String> {
        self.0.iter().find_map(|(key, value)| match &value.kind {
            ValueKind::Table(entries) if key == PROPERTIES => {
                let text = |value: &Value| value.clone().into_string().unwrap_or_default();
                let secret = entries.iter().find(|(name, value)| is_secret(name, &text(value)))?;
                Some(redacted_key(&format!("{key}.{}", secret.0)))
            }
            ValueKind::Table(entries) => {
                let secret = entries.iter().find(|(_, value)| is_secret_setting(value))?;
                Some(redacted_key(&format!("{key}.{}", secret.0)))
            }
            _ => is_secret_setting(value).then(|| key.clone()),
        })
    }

    /// Reads one key and its value, from the environment or the command line. The text is a TOML value if it parses as
    /// one, else a string.
    pub(super) fn text(
        key: &str,
        text: &str,
        origin: &str,
        known: &KnownSettings,
        faults: &mut SettingsFaults,
    ) -> Self {
        let takes_text = match known.kind_of(key) {
            KeyKind::Setting(setting) => matches!(setting.default.kind, ValueKind::String(_)),
            KeyKind::Entry(..) => true,
            _ => false,
        };
        let is_text = |node: &Node| matches!(node.kind, NodeKind::Plain(ValueKind::String(_)) | NodeKind::Table(_));
        // Where a string is expected, 1e5 or 0x10 stays as typed instead of becoming a number.
        let node = Node::parse(text).filter(|node| !takes_text || is_text(node));
        let mut builder = LayerBuilder { known, faults, origin: &|_| origin.to_owned(), layer: Self::default() };
        builder.add(key, &node.unwrap_or_else(|| Node::string(text)));
        builder.layer
    }
}

/// Collects the values of one layer under their full keys, and the faults.
struct LayerBuilder<'a> {
    known: &'a KnownSettings,
    faults: &'a mut SettingsFaults,
    /// Origin of a value by its line.
    origin: &'a dyn Fn(usize) -> String,
    layer: Layer,
}

impl LayerBuilder<'_> {
    fn add_table(&mut self, prefix: &str, entries: &[Entry]) {
        for Entry { name, node } in entries {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            self.add(&key, node);
        }
    }

    fn add(&mut self, key: &str, node: &Node) {
        let known = self.known;
        match (known.kind_of(key), &node.kind) {
            (KeyKind::Table | KeyKind::OpenTable(_) | KeyKind::Entry(..), NodeKind::Table(entries)) => {
                self.add_table(key, entries);
            }
            (KeyKind::Table | KeyKind::OpenTable(_), _) => {
                self.fault(key, node, format!("is a table of settings; write [{key}]"));
            }
            (KeyKind::Setting(setting), _) => {
                if let Some(value) = self.read(key, node) {
                    self.layer.0.insert(setting.key.clone(), value);
                }
            }
            (KeyKind::Entry(_, ""), _) => self.fault(key, node, "has no name after the dot".into()),
            (KeyKind::Entry(setting, name), _) => {
                let Some(value) = self.read(key, node) else { return };
                let empty = Value::new(None, Map::<String, Value>::new());
                let table = self.layer.0.entry(setting.key.clone()).or_insert(empty);
                if let ValueKind::Table(entries) = &mut table.kind {
                    entries.insert(name.to_owned(), value);
                }
            }
            // A fault that is only counted needs no search for the nearest setting.
            (KeyKind::Unknown, _) if self.faults.is_full() => self.faults.add_unreported(1),
            (KeyKind::Unknown, _) => self.fault(key, node, unknown(key, known)),
        }
    }

    fn read(&mut self, key: &str, node: &Node) -> Option<Value> {
        node.to_value(self.origin).map_err(|message| self.fault(key, node, message.to_owned())).ok()
    }

    fn fault(&mut self, key: &str, node: &Node, message: String) {
        let origin = Some((self.origin)(node.line));
        self.faults.add(SettingsFault { key: printable(key), origin, message });
    }
}

fn unknown(key: &str, known: &KnownSettings) -> String {
    match known.nearest(key) {
        Some(nearest) => format!("no such setting; did you mean {nearest}?"),
        None => "no such setting; `pacemeter run --print-config` lists all settings".into(),
    }
}
