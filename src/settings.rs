//! Settings and other TOML files, read once into plain values; all faults are reported together.
//!
//! One parser, `tree`, turns every TOML text into entries with line numbers. Two typed readers build on it:
//!
//! ```text
//! config/default.toml --+
//! --config files -------+            +--> SettingsReader   layers merged key by key, the last one wins
//! environment, --set ---+--> tree ---+
//! targets, calendars ---+            +--> Document         files read whole, never merged
//! ```
//!
//! `config/default.toml` is embedded. It is the weakest layer and the list of all known settings. Over it come
//! configuration files in order, the environment (`PACEMETER_KAFKA__GROUP_ID`) and `--set` ([`Layers`]).
//!
//! Each stage owns the type of its settings and reads it from a [`SettingsReader`] with a function `read`. A getter that
//! finds a fault records it and returns the built-in default, so that one run reports everything to fix.
//! [`SettingsReader::finish`] returns the faults. A [`Document`] reports its faults in the same form.
//!
//! The meaning of a setting belongs to its stage, which rejects values and combinations of values with
//! `SettingsReader::fault`.

mod bilingual;
mod convert;
mod document;
mod duration;
mod effective;
mod exposure;
mod fault;
mod known;
mod layer;
mod nearest;
mod override_key;
mod printable;
mod redaction;
mod text;
mod tree;
mod yaml;

#[cfg(test)]
mod tests;

pub use bilingual::BilingualText;
pub(crate) use bilingual::as_title;
pub(crate) use document::parse_time;
pub use document::{Document, DocumentTable};
pub(crate) use duration::{format_duration, parse_duration};
pub use exposure::SecretExposure;
pub use fault::{SettingsFault, SettingsFaults};
pub(crate) use nearest::nearest;
pub(crate) use printable::{is_printable, printable, printable_json, printable_lines};
pub(crate) use redaction::{Redactor, is_public, is_secret, redacted_parts, redacted_text, redacted_word};
pub(crate) use text::FileText;

use crate::clock::TEST_CLOCK;
use config::{Config, Value, ValueKind};
use convert::{as_boolean, as_duration, as_one_of, as_string, as_whole_number, kind_name};
use known::{KeyKind, KnownSettings};
use layer::Layer;
use redaction::redacted_key;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Prefix of the environment variables that are settings.
const ENVIRONMENT_PREFIX: &str = "PACEMETER_";

/// Environment variable that names the configuration file if no argument does. No setting itself.
pub(crate) const CONFIG_FILE: &str = "PACEMETER_CONFIG";

/// Environment variable that arms a failpoint. For tests, and like [`TEST_CLOCK`] no setting.
pub(crate) const TEST_FAILPOINT: &str = "PACEMETER_TEST_FAILPOINT";

/// Sources of settings, weakest first, above the built-in defaults. May contain secrets, so it does not implement
/// `Debug`.
#[derive(Clone, Default)]
pub struct Layers {
    /// Configuration files; a later one overrides an earlier one.
    pub files: Vec<PathBuf>,
    /// Names and values of environment variables; hooks for tests, and those without the prefix
    /// `PACEMETER_`, are ignored.
    pub environment: Vec<(String, String)>,
    /// Arguments of `--set`, each `KEY=VALUE`; a later one overrides an earlier one.
    pub overrides: Vec<String>,
}

impl Layers {
    /// Returns the `PACEMETER_` variables of this process. Bytes that are not UTF-8 become U+FFFD, and
    /// [`SettingsReader::load`] reports them.
    pub(crate) fn process_environment() -> Vec<(String, String)> {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        variables.filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX)).collect()
    }
}

/// Offsets of one partition from `first_offset` to `last_offset`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetRange {
    /// Number of the partition in its topic.
    pub partition: i32,
    /// Lowest offset of the range.
    pub first_offset: i64,
    /// Highest offset of the range.
    pub last_offset: i64,
}

impl OffsetRange {
    /// True if the range contains this offset of this partition.
    pub(crate) fn holds(&self, partition: i32, offset: i64) -> bool {
        self.partition == partition && (self.first_offset..=self.last_offset).contains(&offset)
    }
}

/// Merged settings with typed getters, and the faults found so far.
///
/// Contains secrets, so it does not implement `Debug`; [`SettingsReader::effective`] and [`SettingsReader::changed`]
/// redact them.
pub struct SettingsReader {
    known: KnownSettings,
    /// Value of every known setting, merged from all layers, each with its origin.
    merged: Config,
    faults: SettingsFaults,
    exposures: Vec<SecretExposure>,
    /// Keys that a getter has asked for.
    read: BTreeSet<String>,
}

impl SettingsReader {
    /// Reads and merges all layers. Faults in them, such as unknown keys, are reported by [`SettingsReader::finish`].
    pub fn load(layers: &Layers) -> Self {
        let known = KnownSettings::read();
        let (mut faults, mut exposures) = (SettingsFaults::default(), Vec::new());
        let mut builder = Config::builder().add_source(Layer::defaults(&known));
        for path in &layers.files {
            let (layer, exposure) = Layer::file(path, &known, &mut faults);
            exposures.extend(exposure);
            builder = builder.add_source(layer);
        }
        let mut environment = layers.environment.clone();
        environment.sort_unstable();
        for (name, value) in &environment {
            if let Some(layer) = environment_layer(name, value, &known, &mut faults) {
                builder = builder.add_source(layer);
            }
        }
        for text in &layers.overrides {
            let layer = override_layer(text, &known, &mut faults);
            exposures.extend(layer.secret().map(|secret| {
                SecretExposure::new(&format!(
                    "--set {secret} is a secret, and other users see command lines; put it into a file or the environment"
                ))
            }));
            builder = builder.add_source(layer);
        }
        let merged = builder.build().unwrap_or_else(|error| {
            faults.add(SettingsFault {
                key: String::new(),
                origin: None,
                message: format!("the layers cannot be merged: {error}"),
            });
            Config::default()
        });
        Self { known, merged, faults, exposures, read: BTreeSet::new() }
    }

    /// Reads a string.
    pub(crate) fn string(&mut self, key: &str) -> String {
        self.get(key, |value| as_string(value).cloned())
    }

    /// Reads a string that must be one of `words`.
    pub(crate) fn choice(&mut self, key: &str, words: &[&str]) -> String {
        self.get(key, |value| as_one_of(value, words).cloned())
    }

    /// Reads a path; an empty string means `None`.
    pub(crate) fn optional_path(&mut self, key: &str) -> Option<PathBuf> {
        let text = self.string(key);
        (!text.is_empty()).then(|| PathBuf::from(text))
    }

    /// Reads a list of strings.
    pub(crate) fn strings(&mut self, key: &str) -> Vec<String> {
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

    /// Reads `true` or `false`.
    pub(crate) fn boolean(&mut self, key: &str) -> bool {
        self.get(key, as_boolean)
    }

    /// Reads a whole number within `range`. Faults name the unit from `config/default.toml`.
    pub(crate) fn integer(&mut self, key: &str, range: RangeInclusive<u64>) -> u64 {
        let unit = self.known.setting(key).and_then(|setting| setting.unit.clone());
        let unit = unit.map_or(String::new(), |unit| format!(" ({unit})"));
        self.get(key, |value| as_whole_number(value, &range, &unit))
    }

    /// Reads a duration within `range`.
    pub(crate) fn duration(&mut self, key: &str, range: RangeInclusive<Duration>) -> Duration {
        self.get(key, |value| as_duration(value, &range))
    }

    /// Reads an open table of properties for another library, by their dotted names (`security.protocol`). Values may
    /// be secret.
    pub(crate) fn properties(&mut self, key: &str) -> BTreeMap<String, String> {
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
            faults.push((key.to_owned(), "is not a table of settings".into()));
        }
        for (key, message) in faults {
            self.fault(&key, message);
        }
        properties
    }

    /// Reads a list of `{ partition, first_offset, last_offset }`.
    pub(crate) fn offset_ranges(&mut self, key: &str) -> Vec<OffsetRange> {
        self.get(key, |value| match value {
            ValueKind::Array(items) => items.iter().map(|item| as_offset_range(&item.kind)).collect(),
            _ => Err(format!("is {}, expected a list of {OFFSET_RANGE}", kind_name(value))),
        })
    }

    /// Records a fault of the value of `key`. The message says what is wrong and what to do, without secrets: one line,
    /// lower case, no full stop. A repeated fault is recorded once.
    pub(crate) fn fault(&mut self, key: &str, message: impl Display) {
        let origin = self.value(key).and_then(Value::origin).map(str::to_owned);
        let fault =
            SettingsFault { key: fault::printable(key), origin, message: fault::printable(&message.to_string()) };
        self.faults.add(fault);
    }

    /// Records a fault in a file that a setting names. `key` is empty if it may not be repeated.
    pub(crate) fn fault_at(&mut self, origin: String, key: &str, message: impl Display) {
        let message = fault::printable(&message.to_string());
        self.faults.add(SettingsFault { key: fault::printable(key), origin: Some(origin), message });
    }

    /// Records a secret in a file that a setting names, which other users of the machine can read.
    pub(crate) fn expose(&mut self, exposure: SecretExposure) {
        self.exposures.push(exposure);
    }

    /// Returns the secrets in settings that other users of the machine can read.
    pub(crate) fn exposures(&self) -> &[SecretExposure] {
        &self.exposures
    }

    /// Records faults of files that the settings name.
    pub(crate) fn add_faults(&mut self, faults: SettingsFaults) {
        self.faults.append(faults);
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All faults recorded so far, if there are any.
    pub fn finish(&self) -> Result<(), SettingsFaults> {
        self.faults.clone().err_if_any()
    }

    /// Returns the settings that no getter has asked for. Once every stage has read its settings, there must be none.
    pub(crate) fn unread(&self) -> Vec<&str> {
        self.known.iter().map(|setting| setting.key.as_str()).filter(|key| !self.read.contains(*key)).collect()
    }

    /// Returns all settings as a TOML file. Secrets are redacted, and each value that is not a built-in default has its
    /// origin beside it.
    pub fn effective(&self) -> String {
        effective::toml_text(self.merged_settings())
    }

    /// Returns the settings that differ from their built-in defaults, by full key, for the log. Secrets are redacted.
    pub fn changed(&self) -> serde_json::Map<String, serde_json::Value> {
        effective::changed(self.merged_settings())
    }

    /// Returns the source of each setting of [`Self::changed`]: file and line, environment variable or option.
    pub fn sources(&self) -> serde_json::Map<String, serde_json::Value> {
        effective::sources(self.merged_settings())
    }

    fn merged_settings(&self) -> impl Iterator<Item = (&known::Setting, &Value)> {
        self.known.iter().map(|setting| (setting, self.value(&setting.key).unwrap_or(&setting.default)))
    }

    /// Returns the value of a setting, or of an entry of an open table.
    fn value(&self, key: &str) -> Option<&Value> {
        match self.known.kind_of(key) {
            KeyKind::Setting(setting) | KeyKind::OpenTable(setting) => {
                setting.key.split('.').try_fold(&self.merged.cache, entry)
            }
            KeyKind::Entry(setting, name) => entry(self.value(&setting.key)?, name),
            KeyKind::Table | KeyKind::Unknown => None,
        }
    }

    /// Converts the value of `key`. If that fails, records a fault and returns the built-in default.
    fn get<T: Default>(&mut self, key: &str, convert: impl Fn(&ValueKind) -> Result<T, String>) -> T {
        self.read.insert(key.to_owned());
        let missing = || "is not in config/default.toml, which is a bug".to_owned();
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
        return Err(format!("has an unknown key {}, expected {OFFSET_RANGE}", redacted_key(name)));
    }
    let number = |name: &str, most: i64| match entries.get(name).map(|value| &value.kind) {
        Some(ValueKind::I64(number)) if (0..=most).contains(number) => Ok(*number),
        Some(_) => Err(format!("has a {name} that is not a whole number from 0 to {most}")),
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

fn environment_layer(name: &str, value: &str, known: &KnownSettings, faults: &mut SettingsFaults) -> Option<Layer> {
    let name_in_layer = name.strip_prefix(ENVIRONMENT_PREFIX)?;
    if [CONFIG_FILE, TEST_CLOCK, TEST_FAILPOINT].contains(&name) || is_kubernetes_service_link(name_in_layer, value) {
        return None;
    }
    let key = name_in_layer.to_lowercase().replace("__", ".");
    let origin = format!("environment variable {}", fault::printable(name));
    if value.contains(char::REPLACEMENT_CHARACTER) {
        faults.add(SettingsFault { key: fault::printable(&key), origin: Some(origin), message: "is not UTF-8".into() });
        return None;
    }
    Some(Layer::text(&key, value, &origin, known, faults))
}

/// True for a variable that Kubernetes sets in every pod beside a service named `pacemeter` or `pacemeter-...`: it is
/// not a setting. `name` is without the prefix.
fn is_kubernetes_service_link(name: &str, value: &str) -> bool {
    let (mut names_port, mut parts) = (false, name.split('_').peekable());
    while let Some(part) = parts.next() {
        names_port |= part == "PORT" && parts.peek().is_some_and(|next| next.parse::<u16>().is_ok());
    }
    let names_service = name.contains("SERVICE_HOST") || name.contains("SERVICE_PORT");
    !name.contains("__") && (names_service || names_port || (name.ends_with("PORT") && value.contains("://")))
}

fn override_layer(text: &str, known: &KnownSettings, faults: &mut SettingsFaults) -> Layer {
    let message = match override_key::split(text).map(|(key, value)| (override_key::parse(key), value)) {
        Some((Some(key), value)) => return Layer::text(&key, value, "--set", known, faults),
        Some((None, _)) => {
            "is not a whole TOML key; write --set KEY=VALUE, with dots between the names of KEY and \
             quotes around a name with other characters than a-z A-Z 0-9 _ -"
        }
        None => "has no value; write --set KEY=VALUE",
    };
    // The argument may be a misplaced secret, so only its leading part that looks like a name is reported. What does not
    // show may be what is wrong with the name; it is escaped.
    let is_of_name =
        |character: &char| character.is_ascii_alphanumeric() || "._-".contains(*character) || !is_printable(*character);
    let key = text.chars().take_while(is_of_name).collect();
    faults.add(SettingsFault { key, origin: Some("--set".into()), message: message.into() });
    Layer::default()
}
