//! Files of `kafka.properties_files`: properties of the Kafka client in lines `name=value`, for passwords that are kept apart.
//!
//! A value is what stands behind the first `=`, without blanks around it; there are no escapes, quotes or continued lines.
//! A line is never repeated in a fault, as it may be a password.

use super::Settings;
use crate::file::SecretMode;
use crate::settings::{FileText, SecretExposure, SettingsReader, is_public, is_secret};
use std::collections::BTreeMap;
use std::path::Path;

/// Setting that names the files.
const KEY: &str = "kafka.properties_files";

/// Maximum size of such a file in bytes; each of its properties is checked against all that are guarded.
const MAX_BYTES: usize = 64 << 10;

/// Reads the files and adds their properties to those of `kafka.properties`; returns file and line of each. Notes faults and
/// exposed secrets in `reader`.
pub(super) fn add_properties(
    reader: &mut SettingsReader,
    properties: &mut BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut origins = BTreeMap::new();
    for path in reader.strings(KEY) {
        let (text, mode) = FileText::read_regular(Path::new(&path));
        let content = match text.text() {
            Ok(content) if content.len() > MAX_BYTES => {
                Err(format!("is larger than {MAX_BYTES} bytes, the limit of a file of properties"))
            }
            Ok(content) => Ok(content),
            Err(error) => Err(error.to_owned()),
        };
        let content = match content {
            Ok(content) => content,
            Err(error) => {
                reader.fault_at(text.origin(0), "", error);
                continue;
            }
        };
        let mut secret = None;
        for (index, line) in content.lines().enumerate() {
            let origin = text.origin(index + 1);
            let (name, value) = match parse(line) {
                Ok(Some(property)) => property,
                Ok(None) => continue,
                Err(message) => {
                    reader.fault_at(origin, "", message);
                    continue;
                }
            };
            if is_secret(name, value) {
                secret.get_or_insert_with(|| shown_name(name).to_owned());
            }
            match properties.get(name) {
                Some(other) if other != value => {
                    let place = origins.get(name).map_or("kafka.properties", String::as_str);
                    reader.fault_at(
                        origin,
                        shown_name(name),
                        format!("is set in {place} too, with another value; keep one"),
                    );
                }
                Some(_) => {}
                None => {
                    properties.insert(name.to_owned(), value.to_owned());
                    origins.insert(name.to_owned(), origin);
                }
            }
        }
        if let Some(secret) = secret {
            check_mode(reader, &path, &text.origin(0), mode.unwrap_or_default(), &secret);
        }
    }
    origins
}

/// Refuses a file with a secret that everybody can read, or that others can write; reports one that its group can read.
fn check_mode(reader: &mut SettingsReader, path: &str, origin: &str, mode: SecretMode, secret: &str) {
    if let Err(message) = SecretExposure::refuse_unsafe(Path::new(path), mode) {
        reader.fault_at(origin.to_owned(), "", format!("has a secret in {message}"));
    } else if let Some(exposure) = SecretExposure::of_file(Path::new(path), mode, secret) {
        reader.expose(exposure);
    }
}

/// Name and value in a line; `None` for a blank line or a comment.
fn parse(line: &str) -> Result<Option<(&str, &str)>, &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', '!']) {
        return Ok(None);
    }
    let (name, value) = line.split_once('=').ok_or("has no =; write name=value, or # before a comment")?;
    let (name, value) = (name.trim_end(), value.trim_start());
    if name.is_empty() {
        return Err("has no name before the =; write name=value");
    }
    if ['"', '\''].iter().any(|quote| value.len() > 1 && value.starts_with(*quote) && value.ends_with(*quote)) {
        return Err(
            "has a value in quotes, which would be part of it; leave them out, or set the property in kafka.properties",
        );
    }
    Ok(Some((name, value)))
}

/// Name of a property in a fault; empty for what may be a password before a `=`.
fn shown_name(name: &str) -> &str {
    let is_of_name = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || "._-".contains(one);
    if is_public(name) || (name.contains('.') && name.chars().all(is_of_name)) { name } else { "" }
}

impl Settings {
    /// Notes a fault of `key`, at the line of its file if it is a property of `kafka.properties_files`.
    pub(super) fn note_fault(&self, reader: &mut SettingsReader, key: &str, message: String) {
        let property = key.strip_prefix("kafka.properties.").unwrap_or_default();
        match self.property_origins.get(property) {
            Some(origin) => reader.fault_at(origin.clone(), shown_name(property), message),
            None => reader.fault(key, message),
        }
    }
}

#[cfg(test)]
mod tests;
