//! A named text of TOML: a configuration file, read within bounds, with the lines of what stands in it.
//!
//! A text may hold secrets, so it cannot be printed.

use super::fault::{SettingsFault, printable};
use super::tree::{self, Entry};
use std::io::Read;
use std::path::Path;

/// The largest configuration file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What stands in a file, or in what is taken for one; or why that cannot be known. Equal texts say the same.
#[derive(Clone, PartialEq, Eq)]
pub struct FileText {
    name: String,
    content: Result<String, String>,
}

impl FileText {
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: printable(name), content: Ok(text.to_owned()) }
    }

    /// A file of at most 1 MiB; also one that is handed over through a pipe.
    pub fn read(path: &Path) -> Self {
        Self { name: printable(&path.display().to_string()), content: read_text(path) }
    }

    /// A file that is kept: one that can be read again and again, and does not make whoever opens it wait for a writer.
    pub fn read_kept(path: &Path) -> Self {
        match std::fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => Self {
                name: printable(&path.display().to_string()),
                content: Err("is no file of text, name one".to_owned()),
            },
            _ => Self::read(path),
        }
    }

    /// The entries of the whole text.
    ///
    /// # Errors
    /// The text cannot be read or is not TOML.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, SettingsFault> {
        let fault = |origin, message| SettingsFault { key: String::new(), origin: Some(origin), message };
        let text = self.content.as_ref().map_err(|message| fault(self.name.clone(), message.clone()))?;
        tree::parse(text)
            .map_err(|error| fault(self.origin(error.line.unwrap_or(0)), format!("not TOML: {}", error.message)))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Name and line; the name alone for line 0.
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
        return Err(format!("is larger than {MAX_FILE_BYTES} bytes, which no configuration is"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line =
            1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        format!("is not UTF-8 in line {line}")
    })
}
