//! The rules files, parsed line by line in their own layout: a field a line, an expression or a text below its key.
//! Other YAML is a panic here; promtool checks that they are valid YAML.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use super::{prometheus, yaml_files};

/// Text of a rules file, and its rules.
pub struct RuleFile {
    pub path: PathBuf,
    pub text: String,
    pub rules: Vec<Rule>,
}

/// One recording or alerting rule.
#[derive(Debug)]
pub struct Rule {
    pub name: String,
    pub is_alert: bool,
    /// Fields by key: `expr`, `for`, `labels.severity`, `annotations.summary`; in one line, with one space for any
    /// white space.
    pub fields: BTreeMap<String, String>,
    /// Lines of the file, from the rule's name to its last field.
    pub lines: Range<usize>,
}

impl Rule {
    /// Value of a field; empty if it is absent.
    pub fn field(&self, key: &str) -> &str {
        self.fields.get(key).map_or("", String::as_str)
    }

    pub fn expression(&self) -> &str {
        self.field("expr")
    }
}

impl RuleFile {
    fn parse(path: PathBuf, text: String) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let starts: Vec<usize> = (0..lines.len()).filter(|line| lines[*line].starts_with("      - ")).collect();
        let ends = starts.iter().skip(1).copied().chain([lines.len()]);
        let rules = starts.iter().zip(ends).map(|(start, end)| rule(&lines, *start..end)).collect();
        Self { path, text, rules }
    }

    /// Name of the file.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).expect("UTF-8")
    }
}

/// All rules files of deploy/.
pub fn files() -> Vec<RuleFile> {
    let paths = yaml_files(&prometheus().join("rules"));
    paths
        .into_iter()
        .map(|path| RuleFile::parse(path.clone(), fs::read_to_string(path).expect("a rules file")))
        .collect()
}

/// All rules of deploy/.
pub fn all() -> Vec<Rule> {
    files().into_iter().flat_map(|file| file.rules).collect()
}

/// All alerts of deploy/.
pub fn alerts() -> Vec<Rule> {
    all().into_iter().filter(|rule| rule.is_alert).collect()
}

fn rule(lines: &[&str], range: Range<usize>) -> Rule {
    let is_content = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let last = range.clone().rev().find(|line| is_content(lines[*line])).expect("a rule has its first line");
    let lines_of_rule = range.start..last + 1;
    let head = lines[range.start].trim_start_matches("      - ");
    let (kind, name) = head.split_once(": ").unwrap_or_else(|| panic!("no rule: {head}"));
    assert!(["alert", "record"].contains(&kind), "neither an alert nor a record: {head}");
    let mut fields = BTreeMap::new();
    let (mut group, mut key) = (String::new(), String::new());
    for line in lines[range.start + 1..=last].iter().filter(|line| is_content(line)) {
        match line.len() - line.trim_start().len() {
            8 => {
                let (name, value) = key_and_value(line);
                (group, key) = (name.to_owned(), name.to_owned());
                fields.insert(key.clone(), value.to_owned());
            }
            10 if ["labels", "annotations"].contains(&group.as_str()) => {
                let (name, value) = key_and_value(line);
                key = format!("{group}.{name}");
                fields.remove(&group);
                fields.insert(key.clone(), value.to_owned());
            }
            depth => {
                assert!(depth >= 10, "not laid out as the others are: {line}");
                let value = fields.get_mut(&key).unwrap_or_else(|| panic!("belongs to nothing: {line}"));
                value.push_str(if value.is_empty() { "" } else { " " });
                value.push_str(line.trim());
            }
        }
    }
    Rule { name: name.to_owned(), is_alert: kind == "alert", fields, lines: lines_of_rule }
}

fn key_and_value(line: &str) -> (&str, &str) {
    let (key, value) = line.trim().split_once(':').unwrap_or_else(|| panic!("no key: {line}"));
    let value = value.trim();
    (key, if ["|2", ">-"].contains(&value) { "" } else { value })
}

#[test]
fn a_rule_is_read_with_its_fields_and_lines() {
    let text = "groups:\n  - name: g\n    rules:\n      # Why.\n      - alert: A\n        expr: |2\n            x > 1\n          and\n            y\n        \
                for: 5m\n        labels:\n          severity: info\n        annotations:\n          summary: >-\n            {{ a }}\n            b.\n\
                \n      # Of the next.\n      - record: r\n        expr: sum(x)\n";
    let file = RuleFile::parse(PathBuf::new(), text.to_owned());
    let [alert, record] = file.rules.as_slice() else { panic!("two rules") };
    assert_eq!((alert.name.as_str(), alert.is_alert, alert.expression()), ("A", true, "x > 1 and y"));
    assert_eq!(
        (alert.field("for"), alert.field("labels.severity"), alert.field("annotations.summary")),
        ("5m", "info", "{{ a }} b.")
    );
    assert_eq!((record.name.as_str(), record.is_alert, record.expression()), ("r", false, "sum(x)"));
    assert_eq!((alert.lines.clone(), record.lines.clone()), (4..16, 18..20));
}
