//! TOML files that are not layers of settings: targets and calendars, each read whole and never merged.
//!
//! A [`Document`] is such a file. The getters of its [`DocumentTable`]s record each fault with its line, so that one
//! reading reports everything to fix. A getter returns `None` if the key is absent or its value has a fault;
//! [`DocumentTable::requires`] reports absent keys.

use super::convert::{as_boolean, as_number, as_one_of, as_string, as_whole_number, kind_name};
use super::fault::{MAX_REPORTED, SettingsFault, SettingsFaults, printable};
use super::nearest::nearest;
use super::redaction::redacted_text;
use super::text::FileText;
use super::tree::{Entry, Node, NodeKind};
use config::{Map, ValueKind};
use jiff::civil::{Date, Time};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// A TOML file and the faults found in it so far.
#[derive(Debug)]
pub struct Document {
    name: String,
    root: Vec<Entry>,
    faults: RefCell<FaultRecord>,
}

/// Faults of a document.
#[derive(Debug, Default)]
struct FaultRecord {
    /// The first faults, each with its line; 0 for a fault of the whole file.
    reported: Vec<(usize, SettingsFault)>,
    /// Further places with faults, as lines and hashes of keys. A place is often read twice, and counts once.
    other_places: BTreeSet<(usize, u64)>,
}

/// A table of a document, with typed getters. Faults name keys in full, as in `target.weekly.goal`.
#[derive(Debug, Clone)]
pub struct DocumentTable<'d> {
    document: &'d Document,
    /// Full key of the table; empty for the whole document.
    key: String,
    name: &'d str,
    line: usize,
    entries: &'d [Entry],
}

impl Document {
    /// Reads a file of at most 1 MiB. A file that cannot be read or is not TOML becomes an empty document with one
    /// fault.
    #[cfg(test)]
    pub(crate) fn read(path: &std::path::Path) -> Self {
        Self::of(&FileText::read(path))
    }

    /// Reads a text that is not in a file, such as a built-in one. `name` stands for the file in faults.
    pub fn parse(name: &str, text: &str) -> Self {
        Self::of(&FileText::new(name, text))
    }

    /// Parses a text; one that could not be read becomes an empty document with one fault.
    pub(crate) fn of(text: &FileText) -> Self {
        Self::with(text, text.entries())
    }

    /// Parses a text of YAML; one that could not be read becomes an empty document with one fault.
    pub(crate) fn of_yaml(text: &FileText) -> Self {
        Self::with(text, text.yaml_entries())
    }

    fn with(text: &FileText, entries: Result<Vec<Entry>, SettingsFault>) -> Self {
        let name = text.name().to_owned();
        match entries {
            Ok(root) => Self { name, root, faults: RefCell::default() },
            Err(fault) => {
                let faults = FaultRecord { reported: vec![(0, fault)], ..FaultRecord::default() };
                Self { name, root: Vec::new(), faults: faults.into() }
            }
        }
    }

    /// Returns the file and line of `[table.name]`, if the document has it. Records no faults.
    pub(crate) fn origin_of(&self, table: &str, name: &str) -> Option<String> {
        self.origin_at(&[table], name)
    }

    /// Returns the file and line of a key in `[table.name]`, if the document has it. Records no faults.
    pub(crate) fn origin_of_key(&self, table: &str, name: &str, key: &str) -> Option<String> {
        self.origin_at(&[table, name], key)
    }

    fn origin_at(&self, tables: &[&str], name: &str) -> Option<String> {
        let mut entries = &self.root;
        for table in tables {
            let found = entries.iter().find(|entry| entry.name == *table)?;
            let NodeKind::Table(inner) = &found.node.kind else { return None };
            entries = inner;
        }
        entries.iter().find(|entry| entry.name == name).map(|entry| self.origin(entry.node.line))
    }

    /// Returns the outermost table. Keys that are not in `known` are faults.
    pub(crate) fn root(&self, known: &[&str]) -> DocumentTable<'_> {
        DocumentTable { document: self, key: String::new(), name: "", line: 0, entries: &self.root }
            .refuse_unknown(known)
    }

    /// Returns the faults found so far, those that are reported in full ordered by line.
    pub fn faults(&self) -> SettingsFaults {
        let record = self.faults.borrow();
        let mut reported = record.reported.clone();
        reported.sort_by_key(|(line, _)| *line);
        let mut faults = SettingsFaults::default();
        reported.into_iter().for_each(|(_, fault)| faults.add(fault));
        faults.add_unreported(record.other_places.len());
        faults
    }

    /// True if a further fault is only counted.
    fn is_full(&self) -> bool {
        self.faults.borrow().reported.len() >= MAX_REPORTED
    }

    fn fault(&self, key: &str, line: usize, message: impl Display) {
        let mut record = self.faults.borrow_mut();
        let key = printable(key);
        if record.reported.len() >= MAX_REPORTED {
            if !record.reported.iter().any(|(other, fault)| *other == line && fault.key == key) {
                record.other_places.insert((line, xxhash_rust::xxh3::xxh3_64(key.as_bytes())));
            }
            return;
        }
        let fault = SettingsFault { key, origin: Some(self.origin(line)), message: printable(&message.to_string()) };
        if !record.reported.iter().any(|(_, earlier)| *earlier == fault) {
            record.reported.push((line, fault));
        }
    }

    fn origin(&self, line: usize) -> String {
        if line == 0 { self.name.clone() } else { format!("{}:{line}", self.name) }
    }
}

impl<'d> DocumentTable<'d> {
    /// Returns the table's own name, the last part of its key.
    pub(crate) fn name(&self) -> &'d str {
        self.name
    }

    /// Returns the file and line of `key`, or of the table if it has no such key.
    pub(crate) fn origin(&self, key: &str) -> String {
        self.document.origin(self.line_of(key))
    }

    /// Records a fault of the value of `key`, or of the whole table if `key` is empty. The message says what is wrong
    /// and what to do: one line, lower case, no full stop.
    pub(crate) fn fault(&self, key: &str, message: impl Display) {
        self.document.fault(&self.full(key), self.line_of(key), message);
    }

    /// Returns the names of all keys, in the order of the file.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'d str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// Reads a table whose keys the user chooses.
    pub(crate) fn open_table(&self, key: &str) -> Option<DocumentTable<'d>> {
        let entry = self.entry(key)?;
        self.as_table(key, &entry.name, &entry.node, &format!("{}:", self.full(key)))
    }

    /// True if the table has this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.node(key).is_some()
    }

    /// Returns the value of `key` if it is a string. Records no faults.
    pub(crate) fn text(&self, key: &str) -> Option<&'d str> {
        match &self.node(key)?.kind {
            NodeKind::Plain(ValueKind::String(text)) => Some(text),
            _ => None,
        }
    }

    /// True if the value of `key` is a whole number.
    pub(crate) fn is_number(&self, key: &str) -> bool {
        self.node(key).is_some_and(|node| matches!(node.kind, NodeKind::Plain(ValueKind::I64(_))))
    }

    /// True if the value of `key` is a list.
    pub(crate) fn is_list(&self, key: &str) -> bool {
        self.node(key).is_some_and(|node| matches!(node.kind, NodeKind::List(_)))
    }

    /// True if the value of `key` is a table.
    pub(crate) fn is_table(&self, key: &str) -> bool {
        self.node(key).is_some_and(|node| matches!(node.kind, NodeKind::Table(_)))
    }

    /// Records a fault for each of `keys` that is absent.
    pub(crate) fn requires(&self, keys: &[&str]) {
        keys.iter().filter(|key| !self.has(key)).for_each(|key| self.fault(key, "is missing and has no default"));
    }

    /// Reads a string.
    pub(crate) fn string(&self, key: &str) -> Option<String> {
        self.get(key, |value| as_string(value).cloned())
    }

    /// Reads a string with `parse`, whose error is the message of the fault.
    pub(crate) fn parsed<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        self.get(key, |value| as_string(value).and_then(|text| parse(text)))
    }

    /// Reads a list of strings with `parse`, whose errors are the messages of faults; `None` if any string has a fault.
    pub(crate) fn parsed_each<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        self.get_each(key, |value| as_string(value).and_then(|text| parse(text)))
    }

    /// Reads one of a few words and returns the value that stands beside it.
    pub(crate) fn choice<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let word = self.get(key, |value| as_one_of(value, &names).cloned())?;
        words.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
    }

    /// Reads `true` or `false`.
    pub(crate) fn boolean(&self, key: &str) -> Option<bool> {
        self.get(key, as_boolean)
    }

    /// Reads a whole number within `range`.
    pub(crate) fn integer(&self, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        self.get(key, |value| as_whole_number(value, &range, ""))
    }

    /// Reads a number within `range`, whole or not.
    pub(crate) fn number(&self, key: &str, range: RangeInclusive<f64>) -> Option<f64> {
        self.get(key, |value| as_number(value, &range))
    }

    /// Reads a list of numbers within `range`.
    pub(crate) fn numbers(&self, key: &str, range: RangeInclusive<f64>) -> Option<Vec<f64>> {
        self.get_each(key, |value| as_number(value, &range))
    }

    /// Reads a date: a TOML date, or a string.
    pub(crate) fn date(&self, key: &str) -> Option<Date> {
        self.parsed(key, parse_date)
    }

    /// Reads a list of dates.
    pub(crate) fn dates(&self, key: &str) -> Option<Vec<Date>> {
        self.parsed_each(key, parse_date)
    }

    /// Reads a table in this one. Keys that are not in `known` are faults.
    pub(crate) fn table(&self, key: &str, known: &[&str]) -> Option<DocumentTable<'d>> {
        let (entry, node) = (self.entry(key)?, self.node(key)?);
        self.as_table(key, &entry.name, node, &format!("[{}]", self.full(key))).map(|table| table.refuse_unknown(known))
    }

    /// Reads a table of tables with names that the user chooses, such as `[calendar.NAME]`, in the order of the file.
    /// Keys that are not in `known` are faults.
    pub(crate) fn named_tables(&self, key: &str, known: &[&str]) -> Vec<DocumentTable<'d>> {
        let expected = format!("[{}.NAME]", self.full(key));
        let outer = self.entry(key).and_then(|entry| self.as_table(key, &entry.name, &entry.node, &expected));
        let entries = outer.iter().flat_map(|outer| outer.entries.iter().map(move |entry| (outer, entry)));
        let tables =
            entries.filter_map(|(outer, entry)| outer.as_table(&entry.name, &entry.name, &entry.node, &expected));
        tables.map(|table| table.refuse_unknown(known)).collect()
    }

    /// Reads a list of tables, such as `[[holiday]]`. Keys that are not in `known` are faults.
    pub(crate) fn tables(&self, key: &str, known: &[&str]) -> Vec<DocumentTable<'d>> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        let expected = format!("[[{}]]", self.full(key));
        let NodeKind::List(items) = &entry.node.kind else {
            self.fault(key, format!("is {}, expected a list of tables; write {expected}", node_kind_name(&entry.node)));
            return Vec::new();
        };
        let tables = items.iter().filter_map(|item| self.as_table(key, &entry.name, item, &expected));
        tables.map(|table| table.refuse_unknown(known)).collect()
    }

    fn as_table(&self, key: &str, name: &'d str, node: &'d Node, expected: &str) -> Option<DocumentTable<'d>> {
        let full = self.full(key);
        match &node.kind {
            NodeKind::Table(entries) => {
                Some(DocumentTable { document: self.document, key: full, name, line: node.line, entries })
            }
            _ => {
                self.document.fault(
                    &full,
                    node.line,
                    format!("is {}, expected a table; write {expected}", node_kind_name(node)),
                );
                None
            }
        }
    }

    fn refuse_unknown(self, known: &[&str]) -> Self {
        for Entry { name, node } in self.entries.iter().filter(|entry| !known.contains(&entry.name.as_str())) {
            let fault = |message: &str| self.document.fault(&self.full(name), node.line, message);
            if self.document.is_full() {
                // The fault is only counted, which needs no search for the nearest key.
                fault("no such key");
                continue;
            }
            match nearest(name, known.iter().copied()) {
                Some(nearest) => fault(&format!("no such key; did you mean {nearest}?")),
                None => fault(&format!("no such key; known keys: {}", known.join(", "))),
            }
        }
        self
    }

    fn entry(&self, key: &str) -> Option<&'d Entry> {
        self.entries.iter().find(|entry| entry.name == key)
    }

    fn node(&self, key: &str) -> Option<&'d Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    fn line_of(&self, key: &str) -> usize {
        self.node(key).map_or(self.line, |node| node.line)
    }

    fn full(&self, key: &str) -> String {
        match (self.key.as_str(), key) {
            (own, "") => own.to_owned(),
            ("", key) => key.to_owned(),
            (own, key) => format!("{own}.{key}"),
        }
    }

    fn get<T>(&self, key: &str, convert: impl Fn(&ValueKind) -> Result<T, String>) -> Option<T> {
        self.node(key).and_then(|node| self.converted(key, node, &convert))
    }

    fn get_each<T>(&self, key: &str, convert: impl Fn(&ValueKind) -> Result<T, String>) -> Option<Vec<T>> {
        let node = self.node(key)?;
        let NodeKind::List(items) = &node.kind else {
            self.fault(key, format!("is {}, expected a list; write {key} = [...]", node_kind_name(node)));
            return None;
        };
        // Every item is converted, so that every fault is reported; once there are enough of them, the first ends it.
        let (mut converted, mut has_fault) = (Vec::new(), false);
        for item in items {
            match self.converted(key, item, &convert) {
                Some(value) => converted.push(value),
                None => has_fault = true,
            }
            if has_fault && self.document.is_full() {
                break;
            }
        }
        (!has_fault).then_some(converted)
    }

    fn converted<T>(&self, key: &str, node: &Node, convert: impl Fn(&ValueKind) -> Result<T, String>) -> Option<T> {
        let converted = match &node.kind {
            NodeKind::Plain(kind) => convert(kind),
            NodeKind::Unreadable(message) => Err((*message).to_owned()),
            NodeKind::Table(_) => convert(&ValueKind::Table(Map::new())),
            NodeKind::List(_) => convert(&ValueKind::Array(Vec::new())),
        };
        converted.map_err(|message| self.document.fault(&self.full(key), node.line, message)).ok()
    }
}

fn node_kind_name(node: &Node) -> &'static str {
    match &node.kind {
        NodeKind::Table(_) => "a table",
        NodeKind::List(_) => "a list",
        NodeKind::Plain(kind) => kind_name(kind),
        NodeKind::Unreadable(_) => "a number out of range",
    }
}

fn parse_date(text: &str) -> Result<Date, String> {
    let expected =
        || format!("{:?} is not a date; write year, month and day, as in \"2020-05-11\"", redacted_text(text));
    let date: Date = text.parse().map_err(|_| expected())?;
    if date.to_string() == text { Ok(date) } else { Err(expected()) }
}

/// Reads a time of day with at least hours and minutes.
///
/// # Errors
/// The message of a fault, with the format to write.
pub(crate) fn parse_time(text: &str) -> Result<Time, String> {
    // The library also accepts `T18`, `1800` and so on.
    let has_colon = text.len() >= 5 && text.as_bytes()[2] == b':';
    let time = text.parse().ok().filter(|_| has_colon);
    time.ok_or_else(|| {
        let text = redacted_text(text);
        format!("{text:?} is not a time of day; write hours and minutes, from \"00:00\" to \"23:59\"")
    })
}

#[cfg(test)]
mod tests;
