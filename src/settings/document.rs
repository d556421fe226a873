//! TOML files that are no layers of settings: targets and calendars, each read whole and never merged.
//!
//! A [`Document`] is such a file; [`Table`]s of it have getters that note each fault with its line in the document and go on, so that one
//! reading names all there is to mend. A getter answers none where a key is absent or its value will not do; [`Table::requires`] makes a
//! fault of an absent one.

use super::convert::{as_boolean, as_duration, as_number, as_one_of, as_string, as_whole_number, kind_name};
use super::fault::{SettingsFault, printable};
use super::nearest::nearest;
use super::text::FileText;
use super::tree::{Entry, Node, NodeKind};
use config::{Map, ValueKind};
use jiff::civil::{Date, Time};
use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

/// A file of TOML, and the faults that were met in it.
#[derive(Debug)]
pub struct Document {
    name: String,
    root: Vec<Entry>,
    /// With their lines, 0 for a fault of the whole file.
    faults: RefCell<Vec<(usize, SettingsFault)>>,
}

/// A table of a document. Keys are told in faults by their full names.
#[derive(Debug, Clone)]
pub struct Table<'d> {
    document: &'d Document,
    /// Empty for the whole document.
    key: String,
    name: &'d str,
    line: usize,
    entries: &'d [Entry],
}

impl Document {
    /// A file of at most 1 MiB. If it cannot be read or is not TOML, that is a fault of an empty document.
    pub fn read(path: &Path) -> Self {
        Self::of(&FileText::read(path))
    }

    /// A text that did not come from a file, such as one that is built in.
    pub fn parse(name: &str, text: &str) -> Self {
        Self::of(&FileText::new(name, text))
    }

    /// A text that was read before.
    pub fn of(text: &FileText) -> Self {
        let name = text.name().to_owned();
        match text.entries() {
            Ok(root) => Self { name, root, faults: RefCell::default() },
            Err(fault) => Self { name, root: Vec::new(), faults: vec![(0, fault)].into() },
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where `[table.name]` stands, if it does: file and line. Notes no faults.
    pub fn origin_of(&self, table: &str, name: &str) -> Option<String> {
        let tables = self.root.iter().find(|entry| entry.name == table)?;
        let NodeKind::Table(entries) = &tables.node.kind else { return None };
        entries.iter().find(|entry| entry.name == name).map(|entry| self.origin(entry.node.line))
    }

    /// The document's outermost table. Other keys in it than `known` are faults.
    pub fn root(&self, known: &[&str]) -> Table<'_> {
        Table { document: self, key: String::new(), name: "", line: 0, entries: &self.root }.knowing(known)
    }

    /// All that was found so far, by line.
    pub fn faults(&self) -> Vec<SettingsFault> {
        let mut faults = self.faults.borrow().clone();
        faults.sort_by_key(|(line, _)| *line);
        faults.into_iter().map(|(_, fault)| fault).collect()
    }

    fn fault(&self, key: &str, line: usize, message: impl Display) {
        let fault = SettingsFault {
            key: printable(key),
            origin: Some(self.origin(line)),
            message: printable(&message.to_string()),
        };
        let mut faults = self.faults.borrow_mut();
        if !faults.iter().any(|(_, known)| *known == fault) {
            faults.push((line, fault));
        }
    }

    fn origin(&self, line: usize) -> String {
        if line == 0 { self.name.clone() } else { format!("{}:{line}", self.name) }
    }
}

impl<'d> Table<'d> {
    /// The table's own name, the last part of its key.
    pub fn name(&self) -> &'d str {
        self.name
    }

    /// Where the value of `key` stands, or the table if it has no such key: file and line.
    pub fn origin(&self, key: &str) -> String {
        self.document.origin(self.line_of(key))
    }

    /// Notes that the value of `key` will not do, and why; of an empty key, that the table will not. One line, lower case, no full stop; it
    /// says what to do.
    pub fn fault(&self, key: &str, message: impl Display) {
        self.document.fault(&self.full(key), self.line_of(key), message);
    }

    pub fn has(&self, key: &str) -> bool {
        self.node(key).is_some()
    }

    pub fn is_list(&self, key: &str) -> bool {
        self.node(key).is_some_and(|node| matches!(node.kind, NodeKind::List(_)))
    }

    /// Each of `keys` that is absent is a fault.
    pub fn requires(&self, keys: &[&str]) {
        keys.iter()
            .filter(|key| !self.has(key))
            .for_each(|key| self.fault(key, "is missing, and there is no default for it"));
    }

    pub fn string(&self, key: &str) -> Option<String> {
        self.get(key, |value| as_string(value).cloned())
    }

    /// A list of strings.
    pub fn strings(&self, key: &str) -> Option<Vec<String>> {
        self.parsed_each(key, |text| Ok(text.to_owned()))
    }

    /// A string that `parse` reads or refuses with a message.
    pub fn parsed<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        self.get(key, |value| as_string(value).and_then(|text| parse(text)))
    }

    /// A list of strings, each of which `parse` reads or refuses with a message; none if any is refused.
    pub fn parsed_each<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        self.get_each(key, |value| as_string(value).and_then(|text| parse(text)))
    }

    /// One of a few words, and what it stands for.
    pub fn choice<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let word = self.get(key, |value| as_one_of(value, &names).cloned())?;
        words.iter().find(|(name, _)| *name == word).map(|(_, meaning)| *meaning)
    }

    pub fn boolean(&self, key: &str) -> Option<bool> {
        self.get(key, as_boolean)
    }

    /// A whole number within `range`.
    pub fn integer(&self, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        self.get(key, |value| as_whole_number(value, &range, ""))
    }

    /// A number within `range`, whole or not.
    pub fn number(&self, key: &str, range: RangeInclusive<f64>) -> Option<f64> {
        self.get(key, |value| as_number(value, &range))
    }

    /// A list of numbers within `range`.
    pub fn numbers(&self, key: &str, range: RangeInclusive<f64>) -> Option<Vec<f64>> {
        self.get_each(key, |value| as_number(value, &range))
    }

    /// A duration within `range`, such as `"10m"`.
    pub fn duration(&self, key: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
        self.get(key, |value| as_duration(value, &range))
    }

    /// A date, TOML's own or as a string.
    pub fn date(&self, key: &str) -> Option<Date> {
        self.parsed(key, parse_date)
    }

    /// A list of dates.
    pub fn dates(&self, key: &str) -> Option<Vec<Date>> {
        self.parsed_each(key, parse_date)
    }

    /// A time of day, TOML's own or as a string: `"18:00"`.
    pub fn time(&self, key: &str) -> Option<Time> {
        self.parsed(key, parse_time)
    }

    /// A table within this one. Other keys in it than `known` are faults.
    pub fn table(&self, key: &str, known: &[&str]) -> Option<Table<'d>> {
        let (entry, node) = (self.entry(key)?, self.node(key)?);
        self.as_table(key, &entry.name, node, &format!("[{}]", self.full(key))).map(|table| table.knowing(known))
    }

    /// The tables of a table whose names are the user's, as of `[calendar.NAME]`, in the order of the file. Other keys in each than `known`
    /// are faults.
    pub fn named_tables(&self, key: &str, known: &[&str]) -> Vec<Table<'d>> {
        let expected = format!("[{}.NAME]", self.full(key));
        let outer = self.entry(key).and_then(|entry| self.as_table(key, &entry.name, &entry.node, &expected));
        let entries = outer.iter().flat_map(|outer| outer.entries.iter().map(move |entry| (outer, entry)));
        let tables =
            entries.filter_map(|(outer, entry)| outer.as_table(&entry.name, &entry.name, &entry.node, &expected));
        tables.map(|table| table.knowing(known)).collect()
    }

    /// A list of tables, as of `[[holiday]]`. Other keys in each than `known` are faults.
    pub fn tables(&self, key: &str, known: &[&str]) -> Vec<Table<'d>> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        let expected = format!("[[{}]]", self.full(key));
        let NodeKind::List(items) = &entry.node.kind else {
            self.fault(key, format!("is {}, expected a list of tables, write {expected}", node_kind_name(&entry.node)));
            return Vec::new();
        };
        let tables = items.iter().filter_map(|item| self.as_table(key, &entry.name, item, &expected));
        tables.map(|table| table.knowing(known)).collect()
    }

    /// The keys of the table, in the order of the file.
    pub fn keys(&self) -> impl Iterator<Item = &'d str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    fn as_table(&self, key: &str, name: &'d str, node: &'d Node, expected: &str) -> Option<Table<'d>> {
        let full = self.full(key);
        match &node.kind {
            NodeKind::Table(entries) => {
                Some(Table { document: self.document, key: full, name, line: node.line, entries })
            }
            _ => {
                self.document.fault(
                    &full,
                    node.line,
                    format!("is {}, expected a table, write {expected}", node_kind_name(node)),
                );
                None
            }
        }
    }

    fn knowing(self, known: &[&str]) -> Self {
        for key in self.keys().filter(|key| !known.contains(key)) {
            match nearest(key, known.iter().copied()) {
                Some(nearest) => self.fault(key, format!("no such key, the nearest is {nearest}")),
                None => self.fault(key, format!("no such key, known are {}", known.join(", "))),
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
            self.fault(key, format!("is {}, expected a list, write {key} = [...]", node_kind_name(node)));
            return None;
        };
        // All of them, so that each fault is told.
        let converted: Vec<Option<T>> = items.iter().map(|item| self.converted(key, item, &convert)).collect();
        converted.into_iter().collect()
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
        NodeKind::Unreadable(_) => "a number that cannot be read",
    }
}

fn parse_date(text: &str) -> Result<Date, String> {
    let expected = || format!("{text:?} is no date, write year, month and day as in \"2020-05-11\"");
    let date: Date = text.parse().map_err(|_| expected())?;
    if date.to_string() == text { Ok(date) } else { Err(expected()) }
}

/// A time of day, from hour and minute on.
///
/// # Errors
/// What to write.
pub fn parse_time(text: &str) -> Result<Time, String> {
    let looks_right = text.len() >= 5 && text.as_bytes()[2] == b':';
    let time = text.parse().ok().filter(|_| looks_right);
    time.ok_or_else(|| format!("{text:?} is no time of day, write hour and minute from \"00:00\" to \"23:59\""))
}

#[cfg(test)]
mod tests;
