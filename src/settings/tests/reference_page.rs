//! `docs/settings.md`, generated from `config/default.toml` and its comments.

use std::fmt::Write as _;

use super::super::known::{DEFAULTS, KnownSettings};

const INTRODUCTION: &str = "\
# Settings

Generated from [config/default.toml](../config/default.toml), which is compiled into the program. To change this page, change its comments and run
`PACEMETER_BLESS=1 cargo test --lib settings::tests::reference_page`.

A configuration file has only what it changes. Layers, environment variables and `--set` are in [operations](operations.md#settings); a complete
example is [config/production.toml](../config/production.toml). `pacemeter run --print-config` prints the settings in force and where each comes from.
A duration is a string of whole numbers with units: `\"500ms\"`, `\"30s\"`, `\"10m\"`, `\"4h\"`, `\"92d\"`.
";

/// Table of the page, with the comment above it and its settings.
#[derive(Default)]
struct Section {
    name: String,
    about: String,
    /// Name, default and comment of each setting.
    rows: Vec<[String; 3]>,
}

/// Reads the sections of a file that is laid out as `config/default.toml`: a comment stands directly above what it is about.
fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut comment = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(words) = line.strip_prefix('#') {
            comment.push(words.trim());
            continue;
        }
        let about = std::mem::take(&mut comment).join(" ");
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push(Section { name: name.to_owned(), about, rows: Vec::new() });
        } else if let Some((name, value)) = line.split_once(" = ") {
            let mut value = value.to_owned();
            while value.matches('[').count() > value.matches(']').count() {
                value.push(' ');
                value.push_str(lines.next().expect("the end of a list").trim());
            }
            let value = value.replace("[ ", "[").replace(", ]", "]");
            let section = sections.last_mut().expect("a setting stands in a table");
            section.rows.push([name.to_owned(), value, about]);
        }
    }
    sections
}

/// Returns the comment with links to the pages that it names, and with its vertical bars escaped.
fn linked(comment: &str) -> String {
    let link = |word: &str| {
        let path = word.trim_end_matches(['.', ',', ';', ')']);
        match path.strip_prefix("docs/").filter(|file| file.ends_with(".md")) {
            Some(file) => word.replacen(path, &format!("[{}]({file})", &file[..file.len() - 3]), 1),
            None => word.to_owned(),
        }
    };
    comment.split(' ').map(link).collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for Section { name, about, rows } in sections(DEFAULTS) {
        write!(page, "\n## `{name}`\n").unwrap();
        if !about.is_empty() {
            write!(page, "\n{}\n", linked(&about)).unwrap();
        }
        if !rows.is_empty() {
            page.push_str("\n| setting | default | meaning |\n|---|---|---|\n");
        }
        for [key, default, meaning] in rows {
            writeln!(page, "| `{name}.{key}` | `{default}` | {} |", linked(&meaning)).unwrap();
        }
    }
    page
}

#[test]
fn the_page_of_settings_is_generated_from_the_defaults() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md");
    let generated = page();
    if std::env::var_os("PACEMETER_BLESS").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == generated, "{path} is stale; run the test with PACEMETER_BLESS=1 and look at the difference");
}

#[test]
fn the_page_of_settings_has_every_setting_once() {
    let of_section = |section: Section| match section.rows.is_empty() {
        true => vec![section.name],
        false => section.rows.iter().map(|[key, ..]| format!("{}.{key}", section.name)).collect(),
    };
    let listed: Vec<String> = sections(DEFAULTS).into_iter().flat_map(of_section).collect();
    let known: Vec<String> = KnownSettings::read().iter().map(|setting| setting.key.clone()).collect();
    assert_eq!(listed, known);
}

#[test]
fn lists_of_several_lines_and_pages_are_shown() {
    let read =
        sections("# About\n# a.\n[a]\n# Names | words (docs/targets.md).\nb = [\n    \"x\",\n    \"y\",\n]\n\n[c]\n");
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].about, "About a.");
    assert_eq!(read[0].rows[0][..2], ["b", "[\"x\", \"y\"]"]);
    assert_eq!(linked("see docs/targets.md; a | b"), "see [targets](targets.md); a \\| b");
}
