//! Imports between modules, read from the text of the sources.
//!
//! A module's node is its path below the crate (`source::queue`). An import is any `crate::`, `super::` or child path
//! in code; it goes to the deepest module that the path names, and a name that a parent re-exports from another child
//! goes to that child.

use std::collections::{BTreeMap, BTreeSet};

/// For each module: its file, and the modules that it imports from.
pub struct Imports(BTreeMap<String, (String, BTreeSet<String>)>);

/// The modules in the order in which the library declares them: each imports only from those before it.
pub fn reading_order(library: &str) -> Vec<String> {
    let declared =
        |line: &str| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned);
    library.lines().filter_map(declared).collect()
}

/// Those of `modules` that the table in the library's documentation lists, in its order.
pub fn map(library: &str, modules: &[String]) -> Vec<String> {
    let table = library.lines().skip_while(|line| *line != "//! ```text").skip(1).take_while(|line| *line != "//! ```");
    let is_name = |column: &&str| !column.contains(' ');
    let columns = table.flat_map(|line| {
        let columns = line.trim_start_matches("//! ").split("  ").filter(|column| !column.is_empty());
        columns.take_while(is_name).map(str::to_owned).collect::<Vec<_>>()
    });
    // A description of one word is no module.
    columns.filter(|column| modules.contains(column)).collect()
}

/// The imports between the modules of `sources` (text by path).
pub fn between(sources: &BTreeMap<&str, &str>) -> Imports {
    let modules: BTreeMap<String, Source> = sources
        .iter()
        .map(|(path, text)| (module_of(path), Source { path: (*path).to_owned(), code: code_of(text) }))
        .collect();
    let found = modules.iter().map(|(module, source)| {
        let paths = paths_in(&source.code).into_iter().filter_map(|path| target(&path, module, &modules));
        // What contains a module may name it, and a module what contains it.
        let others = paths.filter(|other| other != module && !within(other, module) && !within(module, other));
        (module.clone(), (source.path.clone(), others.collect()))
    });
    Imports(found.collect())
}

/// Imports of a top-level module from one that stands below it.
pub fn against_the_order(imports: &Imports, order: &[String]) -> Vec<String> {
    let place = |module: &str| order.iter().position(|name| name == top(module));
    let mut faults = Vec::new();
    for (module, (path, others)) in imports.0.iter().filter(|(module, _)| !module.is_empty()) {
        let Some(own) = place(module) else {
            faults.push(format!("{path}: module {} is not in the reading order of src/lib.rs", top(module)));
            continue;
        };
        for other in others.iter().filter(|other| place(other).is_some_and(|place| place > own)) {
            faults.push(format!(
                "{path} imports crate::{other}, which stands below {} in the reading order of src/lib.rs",
                top(module)
            ));
        }
    }
    faults
}

/// Circles among modules, each told once, from its first module in the alphabet.
pub fn circles(imports: &Imports) -> Vec<String> {
    let mut faults = BTreeSet::new();
    for start in imports.0.keys() {
        let mut stack = vec![vec![start.as_str()]];
        let mut seen = BTreeSet::new();
        while let Some(path) = stack.pop() {
            for next in
                imports.0.get(*path.last().expect("a path has a start")).into_iter().flat_map(|(_, others)| others)
            {
                let longer = [path.as_slice(), &[next.as_str()]].concat();
                if next == start && path.iter().min() == Some(&start.as_str()) {
                    faults.insert(format!("modules import each other: {}", longer.join(" -> ")));
                } else if seen.insert(next.as_str()) {
                    stack.push(longer);
                }
            }
        }
    }
    faults.into_iter().collect()
}

struct Source {
    path: String,
    code: String,
}

fn top(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

fn within(inner: &str, outer: &str) -> bool {
    outer.is_empty() || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with("::"))
}

/// `src/source/queue.rs` and `src/source/queue/mod.rs` are `source::queue`; the library itself is the empty path.
fn module_of(path: &str) -> String {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" { String::new() } else { path.replace('/', "::") }
}

/// The text without comments and without the contents of strings.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let mut in_string = false;
        let mut previous = ' ';
        for (index, character) in line.char_indices() {
            if !in_string && line[index..].starts_with("//") {
                break;
            }
            if character == '"' && previous != '\\' && previous != '\'' {
                in_string = !in_string;
            } else if !in_string {
                code.push(character);
            }
            previous = character;
        }
        code.push('\n');
    }
    code
}

/// Every path in the code that could name a module of the crate, groups spelt out: `crate::a::{b, c::D}` is two.
fn paths_in(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut rest = code;
    let mut before = ' ';
    while let Some(character) = rest.chars().next() {
        let starts = (character.is_alphabetic() || character == '_')
            && !before.is_alphanumeric()
            && before != '_'
            && before != ':';
        let length = if starts { spell_out("", rest, &mut paths) } else { 0 };
        let step = length.max(character.len_utf8());
        before = rest[..step].chars().next_back().unwrap_or(' ');
        rest = &rest[step..];
    }
    paths.retain(|path| path.contains("::"));
    paths
}

/// Reads one path or group at the start of `text`, adds what it spells to `paths`, and returns its length in bytes.
fn spell_out(prefix: &str, text: &str, paths: &mut Vec<String>) -> usize {
    let end = text
        .find(|character: char| !character.is_alphanumeric() && character != '_' && character != ':')
        .unwrap_or(text.len());
    let path = format!("{prefix}{}", &text[..end]);
    if !(path.ends_with("::") && text[end..].starts_with('{')) {
        paths.push(path.trim_end_matches(':').to_owned());
        return end;
    }
    let mut at = end + 1;
    while at < text.len() && !text[at..].starts_with('}') {
        let skipped =
            text[at..].find(|character: char| character.is_alphanumeric() || character == '_' || character == '}');
        at += skipped.unwrap_or(text.len() - at);
        if !text[at..].starts_with('}') {
            at += spell_out(&path, &text[at..], paths).max(1);
            // A renaming belongs to the name before it.
            let renaming =
                text[at..].strip_prefix(" as ").map_or(0, |rest| 4 + rest.find([',', '}', '\n']).unwrap_or(rest.len()));
            at += renaming;
        }
    }
    (at + 1).min(text.len())
}

/// The module that a path in `module` leads to, if it is one of ours.
fn target(path: &str, module: &str, modules: &BTreeMap<String, Source>) -> Option<String> {
    let absolute = absolute(path, module, modules)?;
    let names: Vec<&str> = absolute.split("::").collect();
    let deepest =
        (1..=names.len()).rev().map(|count| names[..count].join("::")).find(|path| modules.contains_key(path))?;
    let name = names.get(deepest.split("::").count());
    name.and_then(|name| re_exported(name, &deepest, modules)).or(Some(deepest))
}

fn absolute(path: &str, module: &str, modules: &BTreeMap<String, Source>) -> Option<String> {
    let (first, rest) = path.split_once("::")?;
    let join = |base: &str, rest: &str| if base.is_empty() { rest.to_owned() } else { format!("{base}::{rest}") };
    match first {
        "crate" => Some(rest.to_owned()),
        "self" => Some(join(module, rest)),
        "super" => {
            let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
            if rest.starts_with("super::") { absolute(rest, parent, modules) } else { Some(join(parent, rest)) }
        }
        _ => Some(join(module, path)).filter(|_| modules.contains_key(&join(module, first))),
    }
}

/// The child of `module` from which it re-exports `name`.
fn re_exported(name: &str, module: &str, modules: &BTreeMap<String, Source>) -> Option<String> {
    let code = &modules.get(module)?.code;
    let uses = code
        .split("pub use ")
        .skip(1)
        .chain(code.split("pub(crate) use ").skip(1))
        .chain(code.split("pub(super) use ").skip(1));
    let mut paths = Vec::new();
    for text in uses {
        spell_out("", text, &mut paths);
    }
    let path = paths.into_iter().find(|path| path.rsplit("::").next() == Some(name))?;
    let absolute = absolute(&path, module, modules)?;
    let names: Vec<&str> = absolute.split("::").collect();
    (1..names.len())
        .rev()
        .map(|count| names[..count].join("::"))
        .find(|path| within(path, module) && modules.contains_key(path))
}
