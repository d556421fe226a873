//! Settings: layers of TOML read once into plain values, every fault reported together.
//!
//! `config/default.toml` is embedded; it is the weakest layer and the list of the keys there are. Over it come configuration files in order,
//! the environment (`PACEMETER_KAFKA__GROUP_ID`) and `--set` ([`Layers`]). Each stage owns the type of its settings and reads it from a
//! [`SettingsReader`]: `fn read(reader: &mut SettingsReader) -> Self`. A getter that meets a fault notes it and goes on with the built-in default, so that
//! one run names all there is to mend; [`SettingsReader::finish`] says whether there was any.
//!
//! Files that are no layers, such as targets and calendars, are [`Document`]s, whose faults are told alike.
//!
//! Absent here: the meaning of a setting. What may not be set, or not together, the stage says with [`SettingsReader::fault`].

mod convert;
mod document;
mod duration;
mod fault;
mod known;
mod layer;
mod nearest;
mod show;
mod text;
mod tree;

#[cfg(test)]
mod tests;

pub use document::{Document, Table, parse_time};
pub use duration::{NotADuration, format_duration, parse_duration};
pub use fault::{SettingsFault, SettingsFaults};
pub use nearest::nearest;
pub use text::FileText;

use config::{Config, Value, ValueKind};
use convert::{as_boolean, as_duration, as_one_of, as_string, as_whole_number, kind_name};
use known::{Known, Meaning};
use layer::Layer;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// What stands before a setting's name in the environment.
const ENVIRONMENT_PREFIX: &str = "PACEMETER_";

/// Where settings come from, weakest first; the built-in defaults lie under all of it. May hold secrets, so it cannot be printed.
#[derive(Clone, Default)]
pub struct Layers {
    /// Configuration files, the later over the earlier.
    pub files: Vec<PathBuf>,
    /// Names and values of environment variables; those that do not begin with `PACEMETER_` are passed over.
    pub environment: Vec<(String, String)>,
    /// `KEY=VALUE`, the later over the earlier.
    pub overrides: Vec<String>,
}

impl Layers {
    /// The `PACEMETER_` variables of this process. What is not UTF-8 in them is kept visible as U+FFFD, and later refused.
    pub fn process_environment() -> Vec<(String, String)> {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        variables.filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX)).collect()
    }
}

/// Offsets of one partition, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetRange {
    pub partition: i32,
    pub first_offset: i64,
    pub last_offset: i64,
}

impl OffsetRange {
    pub fn holds(&self, partition: i32, offset: i64) -> bool {
        self.partition == partition && (self.first_offset..=self.last_offset).contains(&offset)
    }
}

/// Reads settings and gathers faults. Holds secrets, so it cannot be printed but by [`SettingsReader::effective`] and [`SettingsReader::summary`].
pub struct SettingsReader {
    known: Known,
    /// Every key of [`Known`], merged from all layers, each value with its origin.
    merged: Config,
    faults: Vec<SettingsFault>,
    read: BTreeSet<String>,
}

impl SettingsReader {
    /// Reads and merges all layers. Faults in them, unknown keys among them, wait for [`SettingsReader::finish`].
    pub fn load(layers: &Layers) -> Self {
        let known = Known::read();
        let mut faults = Vec::new();
        let mut builder = Config::builder().add_source(Layer::defaults(&known));
        for path in &layers.files {
            builder = builder.add_source(Layer::file(path, &known, &mut faults));
        }
        let mut environment = layers.environment.clone();
        environment.sort_unstable();
        for (name, value) in &environment {
            if let Some(layer) = environment_layer(name, value, &known, &mut faults) {
                builder = builder.add_source(layer);
            }
        }
        for text in &layers.overrides {
            builder = builder.add_source(override_layer(text, &known, &mut faults));
        }
        let merged = builder.build().unwrap_or_else(|error| {
            faults.push(SettingsFault {
                key: String::new(),
                origin: None,
                message: format!("layers cannot be merged: {error}"),
            });
            Config::default()
        });
        Self { known, merged, faults, read: BTreeSet::new() }
    }

    /// Text.
    pub fn string(&mut self, key: &str) -> String {
        self.get(key, |value| as_string(value).cloned())
    }

    /// One of a few words.
    pub fn choice(&mut self, key: &str, words: &[&str]) -> String {
        self.get(key, |value| as_one_of(value, words).cloned())
    }

    /// A path; the empty string stands for none.
    pub fn optional_path(&mut self, key: &str) -> Option<PathBuf> {
        let text = self.string(key);
        (!text.is_empty()).then(|| PathBuf::from(text))
    }

    /// A list of strings.
    pub fn strings(&mut self, key: &str) -> Vec<String> {
        self.get(key, |value| {
            let expected = || format!("is {}, expected a list of strings such as [\"a\", \"b\"]", kind_name(value));
            let ValueKind::Array(items) = value else { return Err(expected()) };
            let string = |item: &Value| {
                let fault = |_| format!("has {} in a list of strings", kind_name(&item.kind));
                as_string(&item.kind).cloned().map_err(fault)
            };
            items.iter().map(string).collect()
        })
    }

    pub fn boolean(&mut self, key: &str) -> bool {
        self.get(key, as_boolean)
    }

    /// A whole number within `range`.
    pub fn integer(&mut self, key: &str, range: RangeInclusive<u64>) -> u64 {
        let unit = self.known.setting(key).and_then(|setting| setting.unit.clone());
        let unit = unit.map_or(String::new(), |unit| format!(" ({unit})"));
        self.get(key, |value| as_whole_number(value, &range, &unit))
    }

    /// A duration within `range`.
    pub fn duration(&mut self, key: &str, range: RangeInclusive<Duration>) -> Duration {
        self.get(key, |value| as_duration(value, &range))
    }

    /// Settings that are passed on, by their names with dots (`security.protocol`). The values may be secret.
    pub fn properties(&mut self, key: &str) -> BTreeMap<String, String> {
        let mut properties = BTreeMap::new();
        let mut faults = Vec::new();
        self.read.insert(key.to_owned());
        if let Some(ValueKind::Table(entries)) = self.value(key).map(|value| &value.kind) {
            for (name, value) in entries {
                let text = match &value.kind {
                    ValueKind::String(text) => text.clone(),
                    ValueKind::Boolean(flag) => flag.to_string(),
                    ValueKind::I64(number) => number.to_string(),
                    ValueKind::Float(number) => number.to_string(),
                    _ => {
                        faults.push((
                            format!("{key}.{name}"),
                            format!("is {}, expected a string", kind_name(&value.kind)),
                        ));
                        continue;
                    }
                };
                properties.insert(name.clone(), text);
            }
        } else {
            faults.push((key.to_owned(), "is no table of settings".into()));
        }
        for (key, message) in faults {
            self.fault(&key, message);
        }
        properties
    }

    /// A list of `{ partition, first_offset, last_offset }`.
    pub fn offset_ranges(&mut self, key: &str) -> Vec<OffsetRange> {
        self.get(key, |value| match value {
            ValueKind::Array(items) => items.iter().map(|item| as_offset_range(&item.kind)).collect(),
            _ => Err(format!("is {}, expected a list of {OFFSET_RANGE}", kind_name(value))),
        })
    }

    /// Notes that `key`'s value will not do, and why; the message says what to do, and holds no secret. One line, lower case, no full stop.
    pub fn fault(&mut self, key: &str, message: impl Display) {
        let origin = self.value(key).and_then(Value::origin).map(str::to_owned);
        let fault =
            SettingsFault { key: fault::printable(key), origin, message: fault::printable(&message.to_string()) };
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Faults of files that settings name.
    pub fn add(&mut self, faults: Vec<SettingsFault>) {
        self.faults.extend(faults);
    }

    /// Every fault that was met so far, if there was any.
    pub fn finish(&self) -> Result<(), SettingsFaults> {
        SettingsFaults::gathered(self.faults.clone())
    }

    /// Settings that no getter has asked for: after every stage has read its own, none.
    pub fn unread(&self) -> Vec<&str> {
        self.known.iter().map(|setting| setting.key.as_str()).filter(|key| !self.read.contains(*key)).collect()
    }

    /// All settings as a TOML file, with the origin of each that is not a built-in default, and without secrets.
    pub fn effective(&self) -> String {
        show::toml_text(self.merged_settings())
    }

    /// All settings as one JSON object of full keys, without secrets; for one line of the log.
    pub fn summary(&self) -> String {
        show::json_line(self.merged_settings())
    }

    fn merged_settings(&self) -> impl Iterator<Item = (&known::Setting, &Value)> {
        self.known.iter().map(|setting| (setting, self.value(&setting.key).unwrap_or(&setting.default)))
    }

    /// The value of a setting, or of an entry of an open table.
    fn value(&self, key: &str) -> Option<&Value> {
        match self.known.meaning(key) {
            Meaning::Setting(setting) | Meaning::Open(setting) => {
                setting.key.split('.').try_fold(&self.merged.cache, entry)
            }
            Meaning::Entry(setting, name) => entry(self.value(&setting.key)?, name),
            Meaning::Table | Meaning::Unknown => None,
        }
    }

    /// What `convert` makes of the value; where it cannot, that is a fault, and the built-in default is the answer.
    fn get<T: Default>(&mut self, key: &str, convert: impl Fn(&ValueKind) -> Result<T, String>) -> T {
        self.read.insert(key.to_owned());
        let missing = || "is no setting of config/default.toml, which is a bug".to_owned();
        self.value(key).ok_or_else(missing).and_then(|value| convert(&value.kind)).unwrap_or_else(|message| {
            self.fault(key, message);
            self.known.setting(key).and_then(|setting| convert(&setting.default.kind).ok()).unwrap_or_default()
        })
    }
}

const OFFSET_RANGE: &str = "{ partition = 0, first_offset = 10, last_offset = 12 }";

fn entry<'a>(table: &'a Value, name: &str) -> Option<&'a Value> {
    match &table.kind {
        ValueKind::Table(entries) => entries.get(name),
        _ => None,
    }
}

fn as_offset_range(value: &ValueKind) -> Result<OffsetRange, String> {
    let ValueKind::Table(entries) = value else {
        return Err(format!("has {}, expected {OFFSET_RANGE}", kind_name(value)));
    };
    if let Some(name) =
        entries.keys().find(|name| !["partition", "first_offset", "last_offset"].contains(&name.as_str()))
    {
        return Err(format!("has an unknown {name}, expected {OFFSET_RANGE}"));
    }
    let number = |name: &str, most: i64| match entries.get(name).map(|value| &value.kind) {
        Some(ValueKind::I64(number)) if (0..=most).contains(number) => Ok(*number),
        Some(_) => Err(format!("has a {name} that is no whole number from 0 to {most}")),
        None => Err(format!("lacks {name}, expected {OFFSET_RANGE}")),
    };
    let partition =
        number("partition", i32::MAX.into())?.try_into().map_err(|_| "has a partition that is too large")?;
    let range = OffsetRange {
        partition,
        first_offset: number("first_offset", i64::MAX)?,
        last_offset: number("last_offset", i64::MAX)?,
    };
    if range.first_offset > range.last_offset {
        return Err(format!("has first_offset {} after last_offset {}", range.first_offset, range.last_offset));
    }
    Ok(range)
}

fn environment_layer(name: &str, value: &str, known: &Known, faults: &mut Vec<SettingsFault>) -> Option<Layer> {
    let own = name.strip_prefix(ENVIRONMENT_PREFIX)?;
    if is_kubernetes_service_link(own, value) {
        return None;
    }
    let key = own.to_lowercase().replace("__", ".");
    let origin = format!("environment variable {}", fault::printable(name));
    if value.contains(char::REPLACEMENT_CHARACTER) {
        faults.push(SettingsFault {
            key: fault::printable(&key),
            origin: Some(origin),
            message: "is not UTF-8".into(),
        });
        return None;
    }
    Some(Layer::text(&key, value, &origin, known, faults))
}

/// Kubernetes sets such variables in every pod beside a service named `pacemeter` or `pacemeter-...`; they are not meant for us.
fn is_kubernetes_service_link(own: &str, value: &str) -> bool {
    let (mut names_port, mut parts) = (false, own.split('_').peekable());
    while let Some(part) = parts.next() {
        names_port |= part == "PORT" && parts.peek().is_some_and(|next| next.parse::<u16>().is_ok());
    }
    let names_service = own.contains("SERVICE_HOST") || own.contains("SERVICE_PORT");
    !own.contains("__") && (names_service || names_port || (own.ends_with("PORT") && value.contains("://")))
}

fn override_layer(text: &str, known: &Known, faults: &mut Vec<SettingsFault>) -> Layer {
    let Some((key, value)) = text.split_once('=') else {
        // What was typed may be a secret in the wrong place; the part that looks like a name is enough to find it.
        let name: String = text
            .chars()
            .take_while(|character| character.is_ascii_alphanumeric() || "._-".contains(*character))
            .collect();
        faults.push(SettingsFault {
            key: name,
            origin: Some("--set".into()),
            message: "has no value, write --set KEY=VALUE".into(),
        });
        return Layer::default();
    };
    Layer::text(key.trim(), value.trim(), "--set", known, faults)
}
