//! A named text of TOML, such as a configuration file, read up to a limit.
//!
//! A text may contain secrets, so [`FileText`] does not implement `Debug`.

use super::fault::{SettingsFault, printable};
use super::tree::{self, Entry};
use std::io::Read;
use std::path::Path;

/// Size limit of a configuration file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Content of a file, or the reason why it cannot be read. Texts are compared to detect that a file has changed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FileText {
    name: String,
    content: Result<String, String>,
}

impl FileText {
    /// A text that is not in a file; `name` stands for the file in faults.
    pub(crate) fn new(name: &str, text: &str) -> Self {
        Self { name: printable(name), content: Ok(text.to_owned()) }
    }

    /// Reads a file of at most 1 MiB. A pipe is allowed.
    pub(crate) fn read(path: &Path) -> Self {
        Self { name: printable(&path.display().to_string()), content: read_text(path) }
    }

    /// Reads a regular file of at most 1 MiB. A pipe is refused: it cannot be read again for a reload, and opening it
    /// may block.
    pub(crate) fn read_regular(path: &Path) -> Self {
        match std::fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => Self {
                name: printable(&path.display().to_string()),
                content: Err("is not a regular file; name a text file".to_owned()),
            },
            _ => Self::read(path),
        }
    }

    /// Parses the whole text.
    ///
    /// # Errors
    /// The text could not be read or is not TOML.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, SettingsFault> {
        let fault = |origin, message| SettingsFault { key: String::new(), origin: Some(origin), message };
        let text = self.content.as_ref().map_err(|message| fault(self.name.clone(), message.clone()))?;
        tree::parse(text).map_err(|error| fault(self.origin(error.line.unwrap_or(0)), error.message))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns name and line, or the name alone for line 0.
    pub(super) fn origin(&self, line: usize) -> String {
        if line == 0 { self.name.clone() } else { format!("{}:{line}", self.name) }
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("is larger than {MAX_FILE_BYTES} bytes, the limit of a configuration file"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line =
            1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        format!("is not UTF-8 in line {line}")
    })
}
