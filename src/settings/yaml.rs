//! YAML parser for files whose format others define: a text becomes the same tree as one of TOML.
//!
//! Only what such files need is read: one document of tables, lists and plain values. Anchors, aliases, tags and merge
//! keys are refused, so a small text never becomes a large tree. The bounds on keys and depth are those of TOML.

use std::borrow::Cow;

use config::ValueKind;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::tree::{Entry, MAX_DEPTH, MAX_KEY_BYTES, Node, NodeKind, SyntaxError};

/// Parses a whole text as a table. An empty text is an empty table.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    let mut reader = YamlReader { parser: Parser::new_from_str(text) };
    let mut entries = Vec::new();
    let mut has_document = false;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => return Ok(entries),
            Event::DocumentStart(_) if has_document => {
                return Err(fault(&span, "has several documents; keep one, without a further ---"));
            }
            Event::DocumentStart(_) => {
                has_document = true;
                let (event, span) = reader.next()?;
                match reader.node(event, &span, 0)?.kind {
                    NodeKind::Table(table) => entries = table,
                    NodeKind::Plain(ValueKind::Nil) => {}
                    _ => return Err(fault(&span, "is not a table of keys; write key: value")),
                }
            }
            _ => return Err(fault(&span, "not YAML")),
        }
    }
}

struct YamlReader<'t> {
    parser: Parser<'t, StrInput<'t>>,
}

impl<'t> YamlReader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), SyntaxError> {
        let read = self.parser.next_event().unwrap_or_else(|| Ok((Event::StreamEnd, Span::default())));
        read.map_err(|error: ScanError| SyntaxError {
            message: format!("not YAML: {}", error.info()),
            line: Some(error.marker().line()),
        })
    }

    /// Reads the value that begins with an event.
    fn node(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Node, SyntaxError> {
        if depth >= MAX_DEPTH {
            return Err(fault(
                span,
                &format!("has more than {MAX_DEPTH} tables and lists within each other; use fewer"),
            ));
        }
        let kind = match event {
            Event::Alias(_) => return Err(fault(span, "has an alias; write the value out")),
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
                if anchor > 0 =>
            {
                return Err(fault(span, "has an anchor; write values out"));
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                return Err(fault(span, "has a tag; leave it out"));
            }
            Event::Scalar(text, style, ..) => NodeKind::Plain(scalar(text, style)),
            Event::SequenceStart(..) => self.list(depth)?,
            Event::MappingStart(..) => self.table(depth)?,
            _ => return Err(fault(span, "not YAML")),
        };
        Ok(Node { line: span.start.line(), kind })
    }

    fn list(&mut self, depth: usize) -> Result<NodeKind, SyntaxError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(NodeKind::List(items)),
                (event, span) => items.push(self.node(event, &span, depth + 1)?),
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<NodeKind, SyntaxError> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let name = match event {
                Event::MappingEnd => return Ok(NodeKind::Table(entries)),
                Event::Scalar(name, _, 0, None) => name.into_owned(),
                _ => return Err(fault(&span, "has a key that is not a plain text")),
            };
            if name.len() > MAX_KEY_BYTES {
                return Err(fault(&span, &format!("has a key of more than {MAX_KEY_BYTES} bytes; shorten it")));
            }
            if entries.iter().any(|entry| entry.name == name) {
                return Err(fault(&span, "has a key twice; remove one"));
            }
            let line = span.start.line();
            let (event, span) = self.next()?;
            let node = self.node(event, &span, depth + 1)?;
            // The line of the key, as for TOML.
            entries.push(Entry { name, node: Node { line, ..node } });
        }
    }
}

fn fault(span: &Span, message: &str) -> SyntaxError {
    SyntaxError { message: message.to_owned(), line: Some(span.start.line()) }
}

/// Value of a scalar: what is in quotes is text.
fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> ValueKind {
    if style != ScalarStyle::Plain {
        return ValueKind::String(text.into_owned());
    }
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => ValueKind::Nil,
        "true" | "True" | "TRUE" => ValueKind::Boolean(true),
        "false" | "False" | "FALSE" => ValueKind::Boolean(false),
        text if text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) => match text.parse() {
            Ok(number) => ValueKind::I64(number),
            Err(_) => text.parse().map_or_else(|_| ValueKind::String(text.to_owned()), ValueKind::Float),
        },
        _ => ValueKind::String(text.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(text: &str) -> (String, usize) {
        let error = parse(text).expect_err(text);
        (error.message, error.line.unwrap_or_default())
    }

    #[test]
    fn tables_lists_and_values_have_their_lines() {
        let entries =
            parse("# comment\na:\n  b: [x, \"1\", 2]\n  c: true\nd: 1s\ne:\n- f\n- ~\n\"g\": 'no'\nh: 1.5\n").unwrap();
        let shown: Vec<String> =
            entries.iter().map(|entry| format!("{} {} {:?}", entry.name, entry.node.line, entry.node.kind)).collect();
        assert!(shown[0].starts_with("a 2 Table") && shown[0].contains("String(\"1\")"), "{shown:?}");
        assert!(shown[0].contains("I64(2)") && shown[0].contains("Boolean(true)"), "{shown:?}");
        assert_eq!(shown[1], "d 5 Plain(String(\"1s\"))");
        assert!(shown[2].starts_with("e 6 List") && shown[2].contains("Nil"), "{shown:?}");
        assert_eq!(shown[3..], ["g 9 Plain(String(\"no\"))", "h 10 Plain(Float(1.5))"]);
        assert!(parse("").unwrap().is_empty() && parse("# nothing\n").unwrap().is_empty());
    }

    #[test]
    fn what_could_grow_or_be_misread_is_refused() {
        for (text, message, line) in [
            ("a: &x 1\nb: *x\n", "anchor", 1),
            ("a: 1\nb: !!str 2\n", "tag", 2),
            ("a: 1\n---\nb: 2\n", "several documents", 2),
            ("a: 1\nb: 2\na: 3\n", "twice", 3),
            ("- a\n", "not a table", 1),
            ("? [a]\n: b\n", "not a plain text", 1),
            ("a: [1\nb: 2\n", "not YAML", 2),
            ("a: \"x\n", "not YAML", 1),
        ] {
            let (found, at) = fault_of(text);
            assert!(found.contains(message) && at >= line, "{text:?}: {at} {found}");
        }
        assert!(fault_of(&format!("a: {}", "[".repeat(30))).0.contains("within each other"));
        assert!(fault_of(&format!("{}: 1", "k".repeat(MAX_KEY_BYTES + 1))).0.contains("shorten"));
    }
}
