//! What is wrong with the settings, all of it at once.

use std::fmt;

/// One thing that is wrong: where, what, and what to do. Holds no value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFault {
    /// The setting; empty if the fault is a whole file's.
    pub key: String,
    /// File and line, environment variable, `--set` or built-in default; absent if the key stands nowhere.
    pub origin: Option<String>,
    pub message: String,
}

impl fmt::Display for SettingsFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.as_str(), &self.origin) {
            ("", Some(origin)) => write!(out, "{origin}: {}", self.message),
            ("", None) => out.write_str(&self.message),
            (key, Some(origin)) => write!(out, "{key} ({origin}): {}", self.message),
            (key, None) => write!(out, "{key}: {}", self.message),
        }
    }
}

/// Everything that is wrong with the settings; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFaults(Vec<SettingsFault>);

impl SettingsFaults {
    /// Those gathered from several places, if there are any.
    pub fn gathered(faults: Vec<SettingsFault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self(faults)) }
    }

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

/// Names from outside, so that they cannot break a line of output.
pub(super) fn printable(name: &str) -> String {
    name.chars().map(|character| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }).collect()
}
