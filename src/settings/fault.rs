//! Faults of settings and of the files that they name, reported together.

pub(super) use super::printable::printable;

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

/// All faults of the settings; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFaults(Vec<SettingsFault>);

impl SettingsFaults {
    /// # Errors
    /// The faults, if there are any.
    pub(crate) fn err_if_any(faults: Vec<SettingsFault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self(faults)) }
    }

    /// Iterates over the faults in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &SettingsFault> {
        self.0.iter()
    }
}

impl fmt::Display for SettingsFaults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(out, "the settings have a fault")?,
            count => write!(out, "the settings have {count} faults")?,
        }
        for fault in &self.0 {
            write!(out, "\n  {fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsFaults {}
