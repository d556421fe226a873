//! Strict parser of the Prometheus text format 0.0.4.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Name and labels of a sample, the labels in alphabetical order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    pub name: String,
    pub labels: BTreeMap<String, String>,
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> = self.labels.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
        write!(f, "{}{{{}}}", self.name, labels.join(","))
    }
}

/// Parsed scrape.
#[derive(Debug, Default)]
pub struct Exposition {
    /// Types by family name.
    pub families: BTreeMap<String, String>,
    /// Values of all samples.
    pub samples: BTreeMap<Series, f64>,
}

impl Exposition {
    /// Parses a scrape. Every family must have help and a type before its samples, and no series may be repeated.
    pub fn parse(text: &str) -> Self {
        let mut exposition = Self::default();
        let mut helped = BTreeSet::new();
        let mut current = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap_or_else(|| panic!("no help: {line}"));
                assert!(!help.is_empty() && helped.insert(name.to_owned()), "help is missing or repeated: {line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("no type: {line}"));
                assert!(helped.contains(name), "no help before: {line}");
                assert!(
                    exposition.families.insert(name.to_owned(), kind.to_owned()).is_none(),
                    "repeated type: {line}"
                );
                current = name.to_owned();
            } else {
                let (series, value) = sample(line);
                let family = family_of(&series.name, exposition.families.get(&current).map(String::as_str));
                assert_eq!(family, current, "a sample outside of its family: {line}");
                assert!(exposition.samples.insert(series, value).is_none(), "a repeated series: {line}");
            }
        }
        exposition
    }

    /// Returns the value of a series, with its labels in any order.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.samples.get(&Series { name: name.to_owned(), labels }).copied()
    }

    /// Returns all series of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a Series, f64)> {
        self.samples.iter().filter(move |(series, _)| series.name == name).map(|(series, value)| (series, *value))
    }

    /// Returns true if the family is exposed.
    pub fn has(&self, family: &str) -> bool {
        self.families.contains_key(family)
    }
}

fn family_of<'a>(name: &'a str, kind: Option<&str>) -> &'a str {
    let suffixes: &[&str] = if kind == Some("histogram") { &["_bucket", "_sum", "_count"] } else { &[] };
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

fn sample(line: &str) -> (Series, f64) {
    let fault = || -> ! { panic!("not a sample: {line}") };
    let name_end = line.find(['{', ' ']).unwrap_or_else(|| fault());
    let mut labels = BTreeMap::new();
    let mut rest = &line[name_end..];
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"").unwrap_or_else(|| fault());
            let (value, after) = quoted(after).unwrap_or_else(|| fault());
            assert!(labels.insert(key.to_owned(), value).is_none(), "a repeated label: {line}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| fault());
    let value = if value == "+Inf" { f64::INFINITY } else { value.parse().unwrap_or_else(|_| fault()) };
    (Series { name: line[..name_end].to_owned(), labels }, value)
}

/// Returns the value of a label up to its closing quote, and the rest of the line.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}
