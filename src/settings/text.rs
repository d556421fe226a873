//! A named text of TOML: a configuration file, read within bounds, with the lines of what stands in it.
//!
//! A text may hold secrets, so it cannot be printed.

use super::fault::{SettingsFault, printable};
use super::plain::line_of;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use toml::de::DeTable;

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

    /// The whole text as a table. One that cannot be read or is not TOML is a fault.
    pub(super) fn table(&self) -> Result<DeTable<'_>, SettingsFault> {
        let unreadable = |message: &String| SettingsFault {
            key: String::new(),
            origin: Some(self.name.clone()),
            message: message.clone(),
        };
        let text = self.content.as_ref().map_err(unreadable)?;
        DeTable::parse(text).map(toml::Spanned::into_inner).map_err(|error| {
            // Only the message: the error's own display quotes the line, which may hold a password.
            let message = format!("not TOML: {}", error.message().replace('\n', ", "));
            let origin = error.span().map_or(self.name.clone(), |span| self.origin(span));
            SettingsFault { key: String::new(), origin: Some(origin), message }
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line, counted from 1, in which a span of bytes begins.
    pub(super) fn line(&self, span: Range<usize>) -> usize {
        self.content.as_ref().map_or(0, |text| line_of(text, span.start))
    }

    /// Name and line.
    pub(super) fn origin(&self, span: Range<usize>) -> String {
        format!("{}:{}", self.name, self.line(span))
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
