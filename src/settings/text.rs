//! A named text of TOML or YAML, such as a configuration file, read up to a limit.
//!
//! A text may contain secrets, so [`FileText`] does not implement `Debug`.

use super::fault::{SettingsFault, printable};
use super::tree::{self, Entry, SyntaxError};
use super::yaml;
use crate::file::{self, FileContent, FileKind, ReadError, SecretMode};
use std::path::{Path, PathBuf};

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
    #[cfg(test)]
    pub(crate) fn read(path: &Path) -> Self {
        Self::read_with_mode(path).0
    }

    /// Reads a file of at most 1 MiB, and the mode of a regular one. A pipe is allowed.
    pub(crate) fn read_with_mode(path: &Path) -> (Self, Option<SecretMode>) {
        let content = file::read(path, MAX_FILE_BYTES, FileKind::RegularOrPipe);
        let metadata = content.as_ref().ok().map(|content| &content.metadata).filter(|metadata| metadata.is_file());
        let mode = metadata.map(SecretMode::of);
        (Self::of(path, content), mode)
    }

    /// Reads regular files of at most 1 MiB, all at once. A pipe is refused: it cannot be read again for a reload.
    pub(crate) fn read_all(paths: &[PathBuf]) -> Vec<Self> {
        let contents = file::read_all(paths, MAX_FILE_BYTES);
        paths.iter().zip(contents).map(|(path, content)| Self::of(path, content)).collect()
    }

    /// Reads a regular file of at most 1 MiB, and its mode.
    pub(crate) fn read_regular(path: &Path) -> (Self, Option<SecretMode>) {
        let content = file::read(path, MAX_FILE_BYTES, FileKind::Regular);
        let mode = content.as_ref().ok().map(|content| SecretMode::of(&content.metadata));
        (Self::of(path, content), mode)
    }

    /// Returns the text.
    ///
    /// # Errors
    /// The reason why it could not be read.
    pub(crate) fn text(&self) -> Result<&str, &str> {
        self.content.as_deref().map_err(String::as_str)
    }

    fn of(path: &Path, content: Result<FileContent, ReadError>) -> Self {
        let content = content.map_err(|error| error.to_string()).and_then(|content| text_of(content.bytes));
        Self { name: printable(&path.display().to_string()), content }
    }

    /// Returns the length in bytes; 0 if the text could not be read.
    pub(crate) fn len(&self) -> usize {
        self.content.as_ref().map_or(0, String::len)
    }

    /// Replaces the content with the reason why it is not used.
    pub(crate) fn refuse(&mut self, message: String) {
        self.content = Err(message);
    }

    /// Parses the whole text.
    ///
    /// # Errors
    /// The text could not be read or is not TOML.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, SettingsFault> {
        self.parsed(tree::parse)
    }

    /// Parses the whole text as YAML.
    ///
    /// # Errors
    /// The text could not be read or is not YAML.
    pub(super) fn yaml_entries(&self) -> Result<Vec<Entry>, SettingsFault> {
        self.parsed(yaml::parse)
    }

    fn parsed(&self, parse: impl Fn(&str) -> Result<Vec<Entry>, SyntaxError>) -> Result<Vec<Entry>, SettingsFault> {
        let fault = |origin, message| SettingsFault { key: String::new(), origin: Some(origin), message };
        let text = self.content.as_ref().map_err(|message| fault(self.name.clone(), message.clone()))?;
        parse(text).map_err(|error| fault(self.origin(error.line.unwrap_or(0)), error.message))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns name and line, or the name alone for line 0.
    pub(crate) fn origin(&self, line: usize) -> String {
        if line == 0 { self.name.clone() } else { format!("{}:{line}", self.name) }
    }
}

fn text_of(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let line =
            1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        format!("is not UTF-8 in line {line}")
    })
}
