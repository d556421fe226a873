//! Text in Spanish and English. Settings and documents write it as one text for both languages, or as
//! `{ es = "...", en = "..." }`.

use std::collections::BTreeMap;

use config::{Value, ValueKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::convert::{as_string, kind_name};
use super::redaction::redacted_key;
use super::{DocumentTable, SettingsReader, nearest};

/// Maximum length of a text that people read, in characters.
const MAX_CHARACTERS: usize = 120;

/// Keys of a text by language.
const LANGUAGES: [&str; 2] = ["es", "en"];

/// Form of a text by language, for faults.
const FORM: &str = "{ es = \"...\", en = \"...\" }";

/// Text in both languages of the programme's readers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BilingualText {
    /// Spanish, as written in Mexico.
    pub es: String,
    /// English.
    pub en: String,
}

impl BilingualText {
    /// Creates a text in both languages.
    pub fn new(es: impl Into<String>, en: impl Into<String>) -> Self {
        Self { es: es.into(), en: en.into() }
    }

    /// Creates a text that is the same in both languages.
    pub fn same(text: &str) -> Self {
        Self::new(text, text)
    }
}

/// Reads a text that people read: not blank, and of at most [`MAX_CHARACTERS`].
pub(crate) fn as_title(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    match () {
        () if text.trim().is_empty() => Err("is empty; write a text, or leave it out".to_owned()),
        () if length > MAX_CHARACTERS => Err(format!("has {length} characters; write at most {MAX_CHARACTERS}")),
        () => Ok(text.to_owned()),
    }
}

fn as_title_value(value: &ValueKind) -> Result<String, String> {
    as_string(value).and_then(|text| as_title(text))
}

impl DocumentTable<'_> {
    /// Reads a text for both languages, or a table with one for each.
    pub(crate) fn bilingual(&self, key: &str) -> Option<BilingualText> {
        if !self.is_table(key) {
            return self.parsed(key, as_title).map(|text| BilingualText::same(&text));
        }
        let table = self.table(key, &LANGUAGES)?;
        table.requires(&LANGUAGES);
        let [es, en] = LANGUAGES.map(|language| table.parsed(language, as_title));
        Some(BilingualText { es: es?, en: en? })
    }
}

impl SettingsReader {
    /// Reads a text for both languages, or a table with one for each.
    pub(crate) fn bilingual(&mut self, key: &str) -> BilingualText {
        self.get(key, |value| {
            let ValueKind::Table(entries) = value else {
                return as_title_value(value).map(|text| BilingualText::same(&text));
            };
            if let Some(other) = entries.keys().find(|key| !LANGUAGES.contains(&key.as_str())) {
                return Err(format!("has the unknown key {}; write {FORM}", redacted_key(other)));
            }
            let part = |language: &str| match entries.get(language) {
                Some(value) => as_title_value(&value.kind).map_err(|fault| format!("{fault} ({language})")),
                None => Err(format!("lacks {language}; write {FORM}")),
            };
            Ok(BilingualText { es: part("es")?, en: part("en")? })
        })
    }

    /// Reads an open table of texts by listed value. Layers flatten `{ es, en }` to the entries `VALUE.es` and
    /// `VALUE.en`.
    pub(crate) fn texts_by_value(&mut self, key: &str, listed: &[String]) -> BTreeMap<String, BilingualText> {
        self.read.insert(key.to_owned());
        let Some(ValueKind::Table(entries)) = self.value(key).map(|value| &value.kind) else {
            self.fault(key, "is not a table of names");
            return BTreeMap::new();
        };
        let mut entries: Vec<(String, Value)> =
            entries.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let is_listed = |name: &str| listed.iter().any(|value| value == name);
        let mut parts = BTreeMap::<String, [Option<String>; 2]>::new();
        for (name, value) in entries {
            let (base, languages) = match by_language(&name) {
                _ if is_listed(&name) => (name.as_str(), [true; 2]),
                Some((base, languages)) if is_listed(base) => (base, languages),
                _ => {
                    self.fault(&format!("{key}.{name}"), unlisted(&name, listed));
                    continue;
                }
            };
            let text = match &value.kind {
                ValueKind::String(text) => as_title(text),
                other => Err(format!("is {}, expected a string or {FORM}", kind_name(other))),
            };
            match text {
                Ok(text) => {
                    let both = parts.entry(base.to_owned()).or_default();
                    let chosen = both.iter_mut().zip(languages).filter(|(_, is_chosen)| *is_chosen);
                    chosen.for_each(|(part, _)| *part = Some(text.clone()));
                }
                Err(fault) => self.fault(&format!("{key}.{name}"), fault),
            }
        }
        let mut texts = BTreeMap::new();
        for (name, [es, en]) in parts {
            match (es, en) {
                (Some(es), Some(en)) => drop(texts.insert(name, BilingualText { es, en })),
                (None, _) => {
                    self.fault(&format!("{key}.{name}.en"), "is without es; write both languages, or one text")
                }
                (_, None) => {
                    self.fault(&format!("{key}.{name}.es"), "is without en; write both languages, or one text")
                }
            }
        }
        texts
    }
}

/// Splits `VALUE.es` into the value and its languages.
fn by_language(name: &str) -> Option<(&str, [bool; 2])> {
    let (base, language) = name.rsplit_once('.')?;
    let chosen = LANGUAGES.map(|known| known == language);
    chosen.contains(&true).then_some((base, chosen))
}

fn unlisted(name: &str, listed: &[String]) -> String {
    let nearest = nearest(name, listed.iter().map(String::as_str));
    let hint = nearest.map_or(String::new(), |nearest| format!("; did you mean {nearest}?"));
    format!("names a value that no allowlist in [labels] has{hint}")
}
