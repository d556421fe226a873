//! TOML parser: a text becomes a tree of entries, in the order of the text, each with its line.
//!
//! Layers of settings, the list of known settings and documents are all built from this tree. Building it takes time in
//! proportion to the text: lines come from an index of their beginnings, and the bounds on keys keep full keys short.

use std::ops::Range;

use config::{Map, Value, ValueKind};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Maximum length of one part of a key, in bytes.
pub(super) const MAX_KEY_BYTES: usize = 200;

/// Maximum depth of tables and lists. The settings need less than ten.
pub(super) const MAX_DEPTH: usize = 20;

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) node: Node,
}

/// A value and its line.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Line, counted from 1; 0 for a value that is not in a file. It is the line of the key if there is one, since the
    /// span of a table may be that of a header further down.
    pub(super) line: usize,
    pub(super) kind: NodeKind,
}

#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    /// Entries in the order of the text.
    Table(Vec<Entry>),
    List(Vec<Node>),
    Plain(ValueKind),
    /// Valid TOML that no setting accepts, with the message of the fault.
    Unreadable(&'static str),
}

/// Error of a text that is not TOML, or exceeds the bounds on keys.
#[derive(Debug)]
pub(super) struct SyntaxError {
    /// Message of the fault, without the surrounding text, which may contain a password.
    pub(super) message: String,
    pub(super) line: Option<usize>,
}

/// Parses a whole text as a table.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    let lines = LineIndex::new(text);
    let table = DeTable::parse(text).map_err(|error| SyntaxError {
        message: format!("not TOML: {}", error.message().replace('\n', ", ")),
        line: error.span().map(|span| lines.line_of(&span)),
    })?;
    entries(table.get_ref(), &lines, 0)
}

impl Node {
    /// Parses a single value, as typed on a command line; `None` if it is not TOML.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let value = DeValue::parse(text).ok()?;
        NodeKind::of(value.get_ref(), &LineIndex::new(text), 0).ok().map(|kind| Self { line: 0, kind })
    }

    /// A string value that is not in a file.
    pub(super) fn string(text: &str) -> Self {
        Self { line: 0, kind: NodeKind::Plain(ValueKind::String(text.to_owned())) }
    }

    /// Converts the value and everything in it; each part gets the origin of its line.
    ///
    /// # Errors
    /// The message of a part that no setting accepts.
    pub(super) fn to_value(&self, origin: &dyn Fn(usize) -> String) -> Result<Value, &'static str> {
        let kind = match &self.kind {
            NodeKind::Plain(kind) => kind.clone(),
            NodeKind::Unreadable(message) => return Err(message),
            NodeKind::List(items) => {
                ValueKind::Array(items.iter().map(|item| item.to_value(origin)).collect::<Result<_, _>>()?)
            }
            NodeKind::Table(entries) => {
                let entry = |entry: &Entry| Ok((entry.name.clone(), entry.node.to_value(origin)?));
                ValueKind::Table(entries.iter().map(entry).collect::<Result<Map<_, _>, &'static str>>()?)
            }
        };
        Ok(Value::new(Some(&origin(self.line)), kind))
    }
}

impl NodeKind {
    fn of(value: &DeValue<'_>, lines: &LineIndex, depth: usize) -> Result<Self, SyntaxError> {
        let kind = match value {
            DeValue::String(text) => ValueKind::String(text.to_string()),
            DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
            DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
                Ok(number) => ValueKind::I64(number),
                Err(_) => return Ok(Self::Unreadable("is a whole number of more than 64 bits")),
            },
            DeValue::Float(digits) => match digits.as_str().parse() {
                Ok(number) => ValueKind::Float(number),
                Err(_) => return Ok(Self::Unreadable("is not a number that can be read")),
            },
            DeValue::Datetime(datetime) => ValueKind::String(datetime.to_string()),
            DeValue::Array(items) => {
                let item = |item: &Spanned<DeValue<'_>>| {
                    let line = lines.line_of(&item.span());
                    check_depth(depth, line)?;
                    Ok(Node { line, kind: Self::of(item.get_ref(), lines, depth + 1)? })
                };
                return items.iter().map(item).collect::<Result<_, _>>().map(Self::List);
            }
            DeValue::Table(table) => return entries(table, lines, depth + 1).map(Self::Table),
        };
        Ok(Self::Plain(kind))
    }
}

fn entries(table: &DeTable<'_>, lines: &LineIndex, depth: usize) -> Result<Vec<Entry>, SyntaxError> {
    let mut found: Vec<_> = table.iter().collect();
    found.sort_by_key(|(name, _)| name.span().start);
    let entry = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let line = lines.line_of(&name.span());
        let name = ToString::to_string(name.get_ref());
        if name.len() > MAX_KEY_BYTES {
            let message = format!("has a key of more than {MAX_KEY_BYTES} bytes; shorten it");
            return Err(SyntaxError { message, line: Some(line) });
        }
        check_depth(depth, line)?;
        Ok(Entry { name, node: Node { line, kind: NodeKind::of(value.get_ref(), lines, depth)? } })
    };
    found.into_iter().map(entry).collect()
}

fn check_depth(depth: usize, line: usize) -> Result<(), SyntaxError> {
    if depth < MAX_DEPTH {
        return Ok(());
    }
    let message = format!("has more than {MAX_DEPTH} tables and lists within each other; use fewer");
    Err(SyntaxError { message, line: Some(line) })
}

/// Beginnings of the lines of a text, so that the line of a span is found without counting from the top.
struct LineIndex(Vec<usize>);

impl LineIndex {
    fn new(text: &str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(after_breaks).collect())
    }

    /// Returns the line, counted from 1, on which a span of bytes begins.
    fn line_of(&self, span: &Range<usize>) -> usize {
        self.0.partition_point(|start| *start <= span.start)
    }
}
