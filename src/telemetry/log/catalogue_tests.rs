//! Comparison of the catalogue of events with the calls in the source, and of `docs/logs.md` with the catalogue.
//!
//! The test reads the source as text and finds every `tracing` macro call outside tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::str::CharIndices;

use super::line::RESERVED;
use super::tests::{golden, with_section};
use super::{LEVELS, SUPPRESSED, level_name};
use crate::telemetry::events::{EventRow, event_row, event_rows, fields_of};

/// Levels, fields and message of an event, from all its calls.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct EventCalls {
    levels: BTreeSet<&'static str>,
    fields: BTreeSet<String>,
    message: String,
}

impl EventCalls {
    fn levels(&self) -> String {
        let levels: Vec<_> = LEVELS.into_iter().map(level_name).filter(|level| self.levels.contains(level)).collect();
        levels.join(", ")
    }

    fn fields(&self) -> String {
        self.fields.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// Call of a logging macro.
#[derive(Debug)]
struct Call {
    level: &'static str,
    event: Option<String>,
    message: Option<String>,
    fields: Vec<String>,
    location: String,
}

#[test]
fn the_catalogue_lists_exactly_the_events_written() {
    let written = written(&calls());
    let mut differences = String::new();
    for (event, found) in &written {
        let (levels, fields) = (found.levels(), found.fields());
        match event_row(event) {
            None => writeln!(differences, "add     {event:?}, {levels:?}, {fields:?}, {:?}", found.message).unwrap(),
            Some(row) if row.levels != levels || row.fields != fields => {
                writeln!(differences, "change  {event:?}, {levels:?}, {fields:?}").unwrap();
            }
            Some(_) => {}
        }
    }
    for row in event_rows().filter(|row| !written.contains_key(row.name)) {
        writeln!(differences, "remove  {}", row.name).unwrap();
    }
    assert!(differences.is_empty(), "src/telemetry/events/catalogue differs from the source:\n{differences}");
}

#[test]
fn the_documentation_has_the_table_of_events() {
    golden("docs/logs.md", |page| with_section(page, "events", &markdown()));
}

/// Returns the table of `docs/logs.md`.
fn markdown() -> String {
    let mut rows: Vec<_> = event_rows().collect();
    rows.sort_by_key(|row| row.name);
    let line = |row: &EventRow| {
        let fields: Vec<_> = row.fields.split_whitespace().map(|field| format!("`{field}`")).collect();
        let (noted, fields) = (if row.note.is_some() { "yes" } else { "" }, fields.join(", "));
        format!("| `{}` | {} | {noted} | {} | {fields} |\n", row.name, row.levels, row.when)
    };
    let table = "| event | level | of note | when | fields |\n|---|---|---|---|---|\n";
    rows.into_iter().map(line).fold(table.to_owned(), |table, line| table + &line)
}

#[test]
fn noted_events_are_written_with_the_fields_of_their_sentences() {
    for row in event_rows() {
        let Some(note) = &row.note else { continue };
        for field in fields_of(note.es).filter(|field| *field != "times") {
            let has_field = row.fields.split_whitespace().any(|own| own == field);
            assert!(has_field, "{}: a sentence has the field {field}, the event has not", row.name);
        }
        // Kept only from the log's levels that are always seen.
        assert!(!row.levels.contains("debug"), "{}: an event of note is no debug line", row.name);
    }
}

#[test]
fn every_call_has_an_event_and_a_constant_message() {
    for Call { event, message, fields, location, .. } in calls() {
        let event = event.unwrap_or_else(|| panic!("{location}: no event = \"...\""));
        let words = event
            .strip_prefix("pacemeter.")
            .unwrap_or_else(|| panic!("{location}: {event} does not begin with pacemeter."));
        let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(words.split('.').all(word), "{location}: {event} is not made of words separated by dots");
        let message = message.unwrap_or_else(|| panic!("{location}: {event} has no message"));
        assert!(
            !message.contains(['{', '\n']),
            "{location}: the message of {event} is not constant; values are fields"
        );
        let length = message.split_whitespace().count();
        assert!(length <= 8, "{location}: the message of {event} has {length} words; explain it in docs/logs.md");
        assert!(
            !message.starts_with(char::is_uppercase) && !message.ends_with('.'),
            "{location}: {message:?} is a log message, not a sentence"
        );
        for field in fields {
            assert!(!RESERVED.contains(&field.as_str()), "{location}: {event} has the reserved field {field}");
        }
    }
}

#[test]
fn a_call_is_parsed_with_all_its_fields() {
    let source = r##"
        use tracing::{info, warn};
        // info!(event = "pacemeter.comment", "not code");
        info!(event = "pacemeter.one", %error, code = ?error.code(), n = max(1, 2), lag, text = "a, (b", "it's \"one\"");
        fn f<'a>(c: &'a str) { if c != "x" { tracing::warn!(event = "pacemeter.two", c = ')', "two") } }
        tracing::debug!("bare");
        #[cfg(test)]
        mod tests { fn g() { info!(event = "pacemeter.test", "in a test"); } }
    "##;
    let calls = calls_in(source, "here");
    let found: Vec<_> = calls
        .iter()
        .map(|call| (call.level, call.event.as_deref(), call.message.as_deref(), call.fields.join(" ")))
        .collect();
    let none = String::new();
    assert_eq!(
        found,
        [
            ("info", Some("pacemeter.one"), Some(r#"it's \"one\""#), "error code n lag text".to_owned()),
            ("warn", Some("pacemeter.two"), Some("two"), "c".to_owned()),
            ("debug", None, Some("bare"), none),
        ]
    );
}

/// Returns the calls by event.
fn written(calls: &[Call]) -> BTreeMap<String, EventCalls> {
    let mut written: BTreeMap<String, EventCalls> = BTreeMap::new();
    for call in calls {
        let Some(event) = &call.event else { continue };
        let found = written.entry(event.clone()).or_default();
        found.levels.insert(call.level);
        found.fields.extend(call.fields.iter().cloned());
        found.message = call.message.clone().unwrap_or_default();
    }
    let (level, event) = SUPPRESSED;
    let own = EventCalls {
        levels: [level_name(level)].into(),
        fields: ["suppressed_event".to_owned()].into(),
        ..EventCalls::default()
    };
    written.insert(event.to_owned(), own);
    written
}

fn read(path: &Path) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the calls in all source files except those of tests.
fn calls() -> Vec<Call> {
    let mut calls = Vec::new();
    let mut folders = vec![Path::new("src").to_owned()];
    while let Some(folder) = folders.pop() {
        let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder);
        for entry in std::fs::read_dir(full).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            let name = path.file_stem().unwrap().to_str().unwrap();
            match path.extension() {
                _ if name == "tests" || name.ends_with("_tests") => {}
                None => folders.push(path),
                Some(_) => calls.extend(calls_in(&read(&path), &path.display().to_string())),
            }
        }
    }
    calls
}

fn calls_in(source: &str, location: &str) -> Vec<Call> {
    let code: Vec<&str> =
        source.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line }).collect();
    let code = code.join("\n");
    // A small module's tests are at the end of its file.
    let code = &code[..code.find("mod tests {").unwrap_or(code.len())];
    let mut calls = Vec::new();
    for level in ["error", "warn", "info", "debug", "trace"] {
        let name = format!("{level}!(");
        for (at, _) in code.match_indices(&name) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || before == '_' {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            calls.push((at, call(level, &code[at + name.len()..], format!("{location}:{line}"))));
        }
    }
    calls.sort_by_key(|(at, _)| *at);
    calls.into_iter().map(|(_, call)| call).collect()
}

/// Parses a call whose arguments start at `rest`, after the opening bracket.
fn call(level: &'static str, rest: &str, location: String) -> Call {
    let mut call = Call { level, event: None, message: None, fields: Vec::new(), location };
    for argument in arguments(rest) {
        let quoted = |text: &str| text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(str::to_owned);
        let (name, value) =
            argument.split_once('=').map_or((argument, None), |(name, value)| (name.trim(), Some(value.trim())));
        match value {
            _ if argument.starts_with('"') => call.message = quoted(argument),
            Some(value) if name == "event" => call.event = quoted(value),
            _ => call.fields.push(name.trim_start_matches(['%', '?']).to_owned()),
        }
    }
    call
}

/// Returns the arguments up to the closing bracket. Strings and characters are skipped as a whole.
fn arguments(rest: &str) -> Vec<&str> {
    let (mut arguments, mut start, mut depth) = (Vec::new(), 0, 0);
    let mut characters = rest.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => skip_string(&mut characters),
            // A character literal: a lifetime has no second quotation mark so close.
            '\'' if rest[at + 1..].starts_with('\\') || rest[at + 1..].chars().nth(1) == Some('\'') => {
                characters.next();
                characters.find(|(_, character)| *character == '\'');
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ')' | ',' if depth == 0 => {
                arguments.push(rest[start..at].trim());
                start = at + 1;
                if character == ')' {
                    break;
                }
            }
            _ => {}
        }
    }
    arguments.retain(|argument| !argument.is_empty());
    arguments
}

fn skip_string(characters: &mut CharIndices<'_>) {
    while let Some((_, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '"' => return,
            _ => {}
        }
    }
}
