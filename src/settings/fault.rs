//! Faults of settings and of the files that they name, reported together.

pub(super) use super::printable::printable;
use super::redaction::{redacted_key, redacted_parts};

use std::fmt;

/// One fault: where it is, what is wrong and what to do. Contains no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFault {
    /// Full key; empty if the fault is that of a whole file.
    pub key: String,
    /// File and line, environment variable, `--set` or built-in default; `None` if no layer has the key.
    pub origin: Option<String>,
    /// Fault, then remedy: one line, lower case, no full stop.
    pub message: String,
}

impl fmt::Display for SettingsFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match (self.key.as_str(), &self.origin) {
            ("", Some(origin)) => format!("{origin}: {}", self.message),
            ("", None) => self.message.clone(),
            (key, Some(origin)) => format!("{key} ({origin}): {}", self.message),
            (key, None) => format!("{key}: {}", self.message),
        };
        out.write_str(&printable(&text))
    }
}

/// Faults found so far: the first [`MAX_REPORTED`] in full, the rest as a number. As an error never empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsFaults {
    reported: Vec<SettingsFault>,
    /// Number of further faults.
    unreported: usize,
}

/// Maximum number of faults that are reported in full: somebody reads them, and each costs a search for the nearest
/// known word.
pub(super) const MAX_REPORTED: usize = 20;

/// Maximum length of a key or message in a fault, in characters.
const MAX_TEXT: usize = 1_000;

impl SettingsFaults {
    /// Adds a fault, with its texts truncated, and without what may be a secret in them. A repeated one is not added.
    pub(crate) fn add(&mut self, fault: SettingsFault) {
        let mut fault = SettingsFault {
            key: redacted_key(&fault.key),
            origin: fault.origin.map(|origin| redacted_parts(&origin)),
            message: redacted_parts(&fault.message),
        };
        truncate(&mut fault.key);
        truncate(&mut fault.message);
        if self.reported.contains(&fault) {
        } else if self.is_full() {
            self.unreported += 1;
        } else {
            self.reported.push(fault);
        }
    }

    /// Adds a number of faults that are not reported.
    pub(crate) fn add_unreported(&mut self, count: usize) {
        self.unreported += count;
    }

    /// Adds all faults of another reading.
    pub(crate) fn append(&mut self, more: Self) {
        more.reported.into_iter().for_each(|fault| self.add(fault));
        self.unreported += more.unreported;
    }

    /// True if a further fault is only counted, so that its message need not be made.
    pub(crate) fn is_full(&self) -> bool {
        self.reported.len() >= MAX_REPORTED
    }

    /// True if there are no faults.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of faults, reported or not.
    pub fn len(&self) -> usize {
        self.reported.len() + self.unreported
    }

    /// # Errors
    /// The faults, if there are any.
    pub(crate) fn err_if_any(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }

    /// Number of faults that are not reported in full.
    pub(crate) fn unreported(&self) -> usize {
        self.unreported
    }

    /// Iterates over the faults that are reported in full, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &SettingsFault> {
        self.reported.iter()
    }
}

impl fmt::Display for SettingsFaults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len() {
            1 => write!(out, "the settings have a fault")?,
            count => write!(out, "the settings have {count} faults")?,
        }
        for fault in &self.reported {
            write!(out, "\n  {fault}")?;
        }
        match self.unreported {
            0 => Ok(()),
            count => write!(out, "\n  and {count} more; fix these first"),
        }
    }
}

impl std::error::Error for SettingsFaults {}

fn truncate(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.push('…');
    }
}
