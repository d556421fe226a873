//! The rules of the house that a reader can check and a compiler does not: import order, file and function length,
//! output, host names.
//!
//! Files are read as text. That is enough, because rustfmt has laid them out: a function ends at the first `}` under
//! its own indentation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

mod imports;
mod language;

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;

/// A file of the repository, with its path from the root.
struct File {
    path: String,
    text: String,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text files of the repository, without what is built or git's.
fn files() -> Vec<File> {
    fn walk(directory: &Path, files: &mut Vec<File>) {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8").to_owned();
            // In a worktree `.git` is a file.
            if [".git", "target", "node_modules"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                walk(&path, files);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root()).expect("below the root").to_str().expect("UTF-8").to_owned();
                files.push(File { path, text });
            }
        }
    }
    let mut files = Vec::new();
    walk(root(), &mut files);
    assert!(files.iter().any(|file| file.path == "src/lib.rs"), "the repository is not where it was built");
    files
}

fn rust_files(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.path.ends_with(".rs"))
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

fn assert_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// The part of a source file that is compiled into the program: everything before an inline test module, which stands
/// last. A test module in a file of its own is only declared, anywhere.
fn without_tests(text: &str) -> &str {
    let starts = text.match_indices("\n#[cfg(test)]\nmod ");
    let inline = starts.map(|(at, _)| at).find(|&at| text[at..].lines().nth(2).is_some_and(|line| line.ends_with('{')));
    &text[..inline.unwrap_or(text.len())]
}

fn long_files(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    (lines > FILE_LINES).then(|| format!("{}: {lines} lines, at most {FILE_LINES}: split it", file.path))
}

fn long_functions(file: &File) -> Vec<String> {
    let lines: Vec<&str> = file.text.lines().collect();
    let starts = lines.iter().enumerate().filter_map(|(index, line)| function_name(line).map(|name| (index, name)));
    let measured = starts.map(|(start, name)| (start, name, function_length(&lines[start..])));
    measured
        .filter(|(_, _, length)| *length > FUNCTION_LINES)
        .map(|(start, name, length)| {
            format!(
                "{}:{}: function {name} has {length} lines, at most {FUNCTION_LINES}: split it",
                file.path,
                start + 1
            )
        })
        .collect()
}

/// The name of the function that begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let is_qualifier =
        |word: &str| ["async", "const", "unsafe", "extern", "\"C\""].contains(&word) || word.starts_with("pub");
    words.find(|word| !is_qualifier(word)).filter(|word| *word == "fn")?;
    words.next()?.split(['(', '<']).next()
}

/// Lines from a function's first to its closing brace; one for those without a body on lines of its own.
fn function_length(lines: &[&str]) -> usize {
    let indentation = &lines[0][..lines[0].len() - lines[0].trim_start().len()];
    let at_same_depth =
        |line: &str| line.strip_prefix(indentation).filter(|rest| !rest.starts_with(' ')).map(str::to_owned);
    for (index, line) in lines.iter().enumerate() {
        match at_same_depth(line) {
            Some(rest) if rest.ends_with(';') || (index == 0 && rest.ends_with('}')) => return 1,
            Some(rest) if rest == "}" => return index + 1,
            _ => {}
        }
    }
    lines.len()
}

/// Printing past `runtime::print` and `print_error`, which escape what should not be printed.
fn prints(file: &File) -> Vec<String> {
    if is_test(&file.path) {
        return Vec::new();
    }
    let banned = ["println!", "print!", "eprintln!", "eprint!"];
    let lines = without_tests(&file.text).lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    lines
        .filter(|(_, line)| banned.iter().any(|banned| line.contains(banned)))
        .map(|(index, line)| format!("{}:{}: log, or print with runtime::print: {}", file.path, index + 1, line.trim()))
        .collect()
}

/// Blanks inside a message, as a line has that lost the `\` at its end.
fn lost_continuations(file: &File) -> Vec<String> {
    if file.path.ends_with("tests.rs") || is_test(&file.path) || !file.path.starts_with("src/") {
        return Vec::new();
    }
    let lines = without_tests(&file.text).lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let is_lost = |line: &str| {
        line.trim_start().match_indices("      ").any(|(at, _)| {
            let (before, after) = (&line.trim_start()[..at], line.trim_start()[at..].trim_start());
            // An escaped line break stands before blanks on purpose.
            before.contains('"')
                && !before.ends_with("\\n")
                && before.ends_with(|last: char| last.is_alphanumeric() || ",;:.)".contains(last))
                && after.starts_with(char::is_alphanumeric)
        })
    };
    lines
        .filter(|(_, line)| is_lost(line))
        .map(|(index, line)| format!("{}:{}: blanks inside a message: {}", file.path, index + 1, line.trim()))
        .collect()
}

/// Paths of somebody's machine and names of package registries: a repository is for any machine and any mirror.
fn machine_names(file: &File) -> Vec<String> {
    // Written in two parts, so that this file does not find itself.
    let banned = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("crates", ".io"),
        concat!("static.rust", "-lang.org"),
        concat!("sh.rust", "up.rs"),
        concat!("maven", ".org/maven2"),
        concat!("repo.maven", ".apache.org"),
        concat!("repo1.", "maven.org"),
        concat!("deb.", "debian.org"),
        concat!("pypi", ".org"),
        concat!("registry.npm", "js.org"),
        concat!("proxy.go", "lang.org"),
    ];
    if file.path == "Cargo.lock" {
        return Vec::new();
    }
    let lines = file.text.lines().enumerate();
    lines
        .filter_map(|(index, line)| banned.iter().find(|banned| line.contains(*banned)).map(|banned| (index, banned)))
        .map(|(index, banned)| {
            format!("{}:{}: {banned} belongs to a machine, not to the repository", file.path, index + 1)
        })
        .collect()
}

#[test]
fn files_are_short() {
    assert_none(rust_files(&files()).filter_map(long_files).collect());
}

#[test]
fn functions_are_short() {
    assert_none(rust_files(&files()).flat_map(long_functions).collect());
}

#[test]
fn only_the_command_line_prints() {
    let files = files();
    assert_none(rust_files(&files).filter(|file| file.path.starts_with("src/")).flat_map(prints).collect());
}

#[test]
fn no_message_has_lost_a_line_continuation() {
    assert_none(rust_files(&files()).flat_map(lost_continuations).collect());
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    assert_none(files().iter().flat_map(machine_names).collect());
}

#[test]
fn the_map_in_the_library_lists_its_modules_in_reading_order() {
    let library = fs::read_to_string(root().join("src/lib.rs")).expect("the library");
    let order = imports::reading_order(&library);
    assert_eq!(imports::map(&library, &order), order, "the map and the modules of src/lib.rs");
}

#[test]
fn imports_point_one_way() {
    let files = files();
    let order = imports::reading_order(&files.iter().find(|file| file.path == "src/lib.rs").expect("the library").text);
    let sources: BTreeMap<&str, &str> = rust_files(&files)
        .filter(|file| file.path.starts_with("src/") && !is_test(&file.path))
        .filter(|file| file.path != "src/main.rs" && !file.path.starts_with("src/bin/"))
        .map(|file| (file.path.as_str(), without_tests(&file.text)))
        .collect();
    let found = imports::between(&sources);
    assert_none([imports::against_the_order(&found, &order), imports::circles(&found)].concat());
}

#[test]
fn doc_comments_open_with_a_noun_or_a_verb() {
    assert_none(rust_files(&files()).flat_map(language::fragments).collect());
}

#[test]
fn prose_uses_the_terms_of_the_field() {
    let is_history = |file: &&File| file.path == "CHANGELOG.md" || file.path == "CONTRIBUTING.md";
    assert_none(files().iter().filter(|file| !is_history(file)).flat_map(language::paraphrases).collect());
}

#[test]
fn names_of_tests_are_short() {
    assert_none(rust_files(&files()).flat_map(language::long_test_names).collect());
}

#[test]
fn visible_types_have_names_of_their_own() {
    assert_none(language::shared_type_names(rust_files(&files())));
}

#[test]
fn tests_that_architecture_names_exist() {
    let files = files();
    let page = &files.iter().find(|file| file.path == "ARCHITECTURE.md").expect("the page").text;
    let names: BTreeSet<&str> =
        rust_files(&files).flat_map(|file| file.text.lines().filter_map(function_name)).collect();
    let is_test_name = |word: &&str| {
        word.contains('_') && word.chars().all(|next| next.is_ascii_lowercase() || next == '_' || next.is_ascii_digit())
    };
    let invariants = page.split("## Invariants").nth(1).and_then(|rest| rest.split("## A reading tour").next());
    let quoted = invariants.expect("the section").split('`').skip(1).step_by(2).filter(is_test_name);
    let missing = quoted.filter(|name| !names.contains(name) && *name != "next_offset");
    assert_none(missing.map(|name| format!("ARCHITECTURE.md names {name}, which is no function")).collect());
}

/// Hunks of a patch whose old lines are not in the file that it changes: the file, and the first line that the hunk
/// expects.
fn stale_hunks(patch: &File, files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    for change in patch.text.split("\n+++ b/").skip(1) {
        let path = change.lines().next().unwrap_or_default();
        let text = files.iter().find(|file| file.path == path).map_or("", |file| file.text.as_str());
        let change = change.split("\ndiff --git").next().unwrap_or_default();
        for hunk in change.split("\n@@ ").skip(1) {
            // An editor may have stripped the blank from an empty line of context.
            let is_old = |line: &&str| line.is_empty() || line.starts_with([' ', '-']);
            let old: Vec<&str> = hunk.lines().skip(1).filter(is_old).map(|line| line.get(1..).unwrap_or("")).collect();
            if !text.contains(&old.join("\n")) {
                faults.push(format!("{}: {path} has no lines {:?}...", patch.path, old.first().unwrap_or(&"")));
            }
        }
    }
    faults
}

#[test]
fn planted_bugs_apply_to_the_sources() {
    let files = files();
    let patches: Vec<&File> = files.iter().filter(|file| file.path.ends_with(".patch")).collect();
    assert!(patches.len() > 10, "the patches of scripts/simulator-mutations are gone");
    assert_none(patches.into_iter().flat_map(|patch| stale_hunks(patch, &files)).collect());
}

#[test]
fn types_are_nouns() {
    assert_none(rust_files(&files()).flat_map(language::participles).collect());
}

/// The checks themselves, on files that break every rule.
mod checks {
    use super::*;

    fn bad(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn long_files_and_functions_are_found() {
        let body = "        work();\n".repeat(FUNCTION_LINES);
        let text = format!(
            "impl A {{\n    pub(crate) async fn long<T>(\n        a: T,\n    ) {{\n{body}    }}\n\n    fn short();\n    fn next() {{}}\n}}\n"
        );
        let file = bad("src/a.rs", &text);
        assert_eq!(long_functions(&file), ["src/a.rs:2: function long has 74 lines, at most 70: split it"]);
        assert_eq!(long_files(&file), None);
        assert!(long_files(&bad("src/b.rs", &"\n".repeat(FILE_LINES + 1))).is_some());
    }

    #[test]
    fn printing_is_found_but_in_comments_and_tests() {
        let text =
            "// println!(1)\nfn a() {\n    eprintln!(\"x\");\n}\n\n#[cfg(test)]\nmod tests {\n    println!();\n}\n";
        assert_eq!(
            prints(&bad("src/a.rs", text)),
            ["src/a.rs:3: log, or print with runtime::print: eprintln!(\"x\");"]
        );
        assert_eq!(prints(&bad("src/cli/panel.rs", text)).len(), 1);
        assert!(prints(&bad("src/cli/panel/tests.rs", text)).is_empty());
    }

    #[test]
    fn a_lost_line_continuation_is_found() {
        let text =
            "let a = \"one, or         two\";\nlet b = \"one\\n        two\";\nlet c = \"one, or \\\n        two\";\n";
        assert_eq!(lost_continuations(&bad("src/a.rs", text)).len(), 1);
    }

    #[test]
    fn a_machine_path_and_a_registry_are_found() {
        let text = concat!("see /wo", "rk/main\nand crates", ".io\n");
        assert_eq!(machine_names(&bad("README.md", text)).len(), 2);
    }

    #[test]
    fn fragments_paraphrases_and_long_test_names_are_found() {
        let text = "/// By stream.\n/// What is more.\nfn a() {}\n/// Bytes in flight.\n// a record set";
        // Written in two parts, so that this file does not find itself.
        let text = format!("{text} aside\n");
        assert_eq!(language::fragments(&bad("src/a.rs", &text)), ["src/a.rs:1: opens with \"By\": By stream."]);
        let phrase = ["src/a.rs:5: \"set aside\": write dead-lettered, rejected"];
        assert_eq!(language::paraphrases(&bad("src/a.rs", &text)), phrase);
        assert!(
            language::paraphrases(&bad("src/a.rs", "let event = \"record.set_aside\"; // a forgoodness\n")).is_empty()
        );
        let name = "x".repeat(61);
        let text = format!("#[test]\n#[ignore]\nfn {name}() {{}}\n\n#[test]\nfn short() {{}}\n");
        assert_eq!(language::long_test_names(&bad("src/a/tests.rs", &text)).len(), 1);
    }

    #[test]
    fn a_stale_patch_is_found() {
        let patch = "--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,3 +1,3 @@ fn a() {\n one\n-two\n+2\n three\n";
        let patch = bad("a.patch", patch);
        assert!(stale_hunks(&patch, &[bad("src/a.rs", "zero\none\ntwo\nthree\nfour\n")]).is_empty());
        let stale = stale_hunks(&patch, &[bad("src/a.rs", "one\n2\nthree\n")]);
        assert_eq!(stale, ["a.patch: src/a.rs has no lines \"one\"..."]);
    }

    #[test]
    fn types_of_one_name_and_participles_are_found() {
        let files = [
            bad("src/a.rs", "pub struct Span {\n}\npub(crate) enum Settings {}\nstruct Inner;\nstruct Kept<T>(T);\n"),
            bad("src/b.rs", "    pub(crate) type Span = u8;\npub struct Settings;\nstruct Inner;\n"),
            bad("src/b/tests.rs", "pub struct Span;\n"),
        ];
        let shared = language::shared_type_names(files.iter());
        assert_eq!(shared, ["Span names 2 types: src/a.rs:1, src/b.rs:1"]);
        assert_eq!(language::participles(&files[0]), ["src/a.rs:5: Kept is no noun"]);
    }

    #[test]
    fn an_import_against_the_order_and_circles_are_found() {
        let order = ["low", "middle", "high"].map(str::to_owned).to_vec();
        let sources = BTreeMap::from([
            ("src/lib.rs", "pub mod high;\npub mod low;\npub mod middle;\n"),
            ("src/low.rs", "use crate::{middle::Thing, low::Own};\n// use crate::high;\n"),
            ("src/middle.rs", "mod a;\nmod b;\nuse crate::low;\npub use b::Shared;\n"),
            ("src/middle/a.rs", "fn f() -> &'static str { let x = super::b::g(); \"crate::high\" }\n"),
            ("src/middle/b.rs", "use crate::middle::a::{f, g};\n"),
            ("src/high.rs", "use crate::middle;\n"),
            ("src/stray.rs", "use crate::low;\n"),
        ]);
        let found = imports::between(&sources);
        assert_eq!(
            imports::against_the_order(&found, &order),
            [
                "src/low.rs imports crate::middle, which stands below low in the reading order of src/lib.rs",
                "src/stray.rs: module stray is not in the reading order of src/lib.rs",
            ]
        );
        assert_eq!(
            imports::circles(&found),
            [
                "modules import each other: low -> middle -> low",
                "modules import each other: middle::a -> middle::b -> middle::a",
            ]
        );
    }

    #[test]
    fn an_import_through_the_parents_re_export_counts() {
        let sources = BTreeMap::from([
            ("src/top.rs", "mod a;\nmod b;\npub use b::{Shared, Other as Same};\n"),
            ("src/top/a.rs", "use super::Shared;\n"),
            ("src/top/b.rs", "use super::a::Thing;\n"),
        ]);
        assert_eq!(
            imports::circles(&imports::between(&sources)),
            ["modules import each other: top::a -> top::b -> top::a"]
        );
    }

    #[test]
    fn the_map_and_the_reading_order_are_read_from_the_library() {
        let map = "//! ```text\n//! clock  record      plain values\n//! settings           layered, read once\n//! cli  app           assembly\n//! ```\n";
        let text =
            format!("//! Words.\n//!\n{map}\n// Plain.\npub mod clock;\npub mod record;\n\nmod settings;\nmod cli;\n");
        let order = imports::reading_order(&text);
        assert_eq!(order, ["clock", "record", "settings", "cli"]);
        assert_eq!(imports::map(&text, &order), ["clock", "record", "settings", "cli"]);
    }
}
