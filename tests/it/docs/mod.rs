//! The documentation: its commands are run as they stand on the page, its links lead somewhere, and the producers that it
//! shows reach the figures.
//!
//! A command stands in a fence of `sh`, or is indented. It is run by a walk ([`walks`]), unless an HTML comment before it
//! says why not: `<!-- not run: asks for a password -->`.

mod links;
mod page;
mod producers;
mod walks;
mod workplace;

use page::Page;

/// Pages whose commands another test runs, with the name of that test.
const RUN_ELSEWHERE: [(&str, &str); 2] = [
    ("docs/api.md", "the_examples_in_the_documentation_are_real"),
    ("docs/logs.md", "every_command_of_the_page_about_logs_gives_what_it_says"),
];

/// Commands of pages that nothing runs and that do not say why, and blocks that do not say what they are.
fn unexplained(pages: &[Page]) -> Vec<String> {
    let mut faults = Vec::new();
    for page in pages {
        let is_run =
            walks::PAGES.contains(&page.path.as_str()) || RUN_ELSEWHERE.iter().any(|(path, _)| *path == page.path);
        for block in page.blocks() {
            let place = format!("{}:{}", page.path, block.line);
            let reason = block.reason_not_to_run();
            if block.language.as_deref() == Some("") {
                faults.push(format!("{place}: say what is in this fence: sh, toml, text"));
            } else if reason.is_some_and(|reason| reason.len() < 10) {
                faults.push(format!("{place}: say why this is not run"));
            } else if block.is_command() && !is_run && reason.is_none() {
                let first = block.text.lines().next().unwrap_or_default();
                faults.push(format!(
                    "{place}: no test runs {first:?}: walk the page in tests/it/docs, or say why not before it"
                ));
            }
        }
    }
    faults
}

#[test]
fn every_command_of_the_docs_is_run_or_says_why_not() {
    let faults = unexplained(&page::all());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn tests_that_run_commands_of_pages_exist() {
    let sources = ["src/api/tests/page.rs", "tests/it/log_recipes.rs"];
    let sources =
        sources.map(|path| std::fs::read_to_string(crate::tidy::root().join(path)).expect("a source")).concat();
    for (page, name) in RUN_ELSEWHERE {
        assert!(sources.contains(&format!("fn {name}()")), "{name}, which runs {page}, is gone");
    }
}

#[test]
fn a_command_that_nothing_runs_is_found() {
    let text = "Words.\n\n    ls\n\n1. One\n\n       ls -l\n\n   more words\n\n<!-- not run: asks for a password -->\n\n    passwd\n\n\
                <!-- not run: no -->\n\n```sh\nsu\n```\n\n```\nwhat\n```\n\n```toml\na = 1\n```\n";
    let page = Page { path: "docs/none.md".to_owned(), text: text.to_owned() };
    let places: Vec<String> =
        unexplained(&[page]).iter().map(|fault| fault.split(": ").next().unwrap_or("").to_owned()).collect();
    assert_eq!(places, ["docs/none.md:3", "docs/none.md:7", "docs/none.md:17", "docs/none.md:21"]);
}
