//! A named text of TOML: a configuration file, read within bounds, with the lines of what stands in it.

use super::fault::{Fault, printable};
use super::plain::line_of;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use toml::de::DeTable;

/// The largest configuration file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What stands in a file, or in what is taken for one.
pub(super) struct Text {
    name: String,
    text: String,
}

impl Text {
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: printable(name), text: text.to_owned() }
    }

    /// A file. One that cannot be read is a fault.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let name = printable(&path.display().to_string());
        match read_text(path) {
            Ok(text) => Ok(Self { name, text }),
            Err(message) => Err(Fault { key: String::new(), origin: Some(name), message }),
        }
    }

    /// The whole text as a table. One that is not TOML is a fault.
    pub fn table(&self) -> Result<DeTable<'_>, Fault> {
        DeTable::parse(&self.text).map(toml::Spanned::into_inner).map_err(|error| {
            // Only the message: the error's own display quotes the line, which may hold a password.
            let message = format!("not TOML: {}", error.message().replace('\n', ", "));
            let origin = error.span().map_or(self.name.clone(), |span| self.origin(span));
            Fault { key: String::new(), origin: Some(origin), message }
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line, counted from 1, in which a span of bytes begins.
    pub fn line(&self, span: Range<usize>) -> usize {
        line_of(&self.text, span.start)
    }

    /// Name and line.
    pub fn origin(&self, span: Range<usize>) -> String {
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
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        format!("is not UTF-8 in line {line}")
    })
}
