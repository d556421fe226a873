//! TOML parser: a text becomes a tree of entries, in the order of the text, each with its line.
//!
//! Layers of settings, the list of known settings and documents are all built from this tree.

use std::ops::Range;

use config::{Map, Value, ValueKind};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

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

/// Error of a text that is not TOML.
pub(super) struct SyntaxError {
    /// Message of the library without the surrounding text, which may contain a password.
    pub(super) message: String,
    pub(super) line: Option<usize>,
}

/// Parses a whole text as a table.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    let table = DeTable::parse(text).map_err(|error| SyntaxError {
        message: error.message().replace('\n', ", "),
        line: error.span().map(|span| line_of(text, &span)),
    })?;
    Ok(entries(table.get_ref(), text))
}

impl Node {
    /// Parses a single value, as typed on a command line; `None` if it is not TOML.
    pub(super) fn parse(text: &str) -> Option<Self> {
        DeValue::parse(text).ok().map(|value| Self { line: 0, kind: NodeKind::of(value.get_ref(), text) })
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
    fn of(value: &DeValue<'_>, text: &str) -> Self {
        let kind = match value {
            DeValue::String(text) => ValueKind::String(text.to_string()),
            DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
            DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
                Ok(number) => ValueKind::I64(number),
                Err(_) => return Self::Unreadable("is a whole number of more than 64 bits"),
            },
            DeValue::Float(digits) => match digits.as_str().parse() {
                Ok(number) => ValueKind::Float(number),
                Err(_) => return Self::Unreadable("is not a number that can be read"),
            },
            DeValue::Datetime(datetime) => ValueKind::String(datetime.to_string()),
            DeValue::Array(items) => {
                let item = |item: &Spanned<DeValue<'_>>| Node {
                    line: line_of(text, &item.span()),
                    kind: Self::of(item.get_ref(), text),
                };
                return Self::List(items.iter().map(item).collect());
            }
            DeValue::Table(table) => return Self::Table(entries(table, text)),
        };
        Self::Plain(kind)
    }
}

fn entries(table: &DeTable<'_>, text: &str) -> Vec<Entry> {
    let mut found: Vec<_> = table.iter().collect();
    found.sort_by_key(|(name, _)| name.span().start);
    let entry = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| Entry {
        name: ToString::to_string(name.get_ref()),
        node: Node { line: line_of(text, &name.span()), kind: NodeKind::of(value.get_ref(), text) },
    };
    found.into_iter().map(entry).collect()
}

/// Returns the line, counted from 1, on which a span of bytes begins.
fn line_of(text: &str, span: &Range<usize>) -> usize {
    1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
}
