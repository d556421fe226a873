//! docs/faults.md names existing tests for every row of the catalogue that concerns one instance.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Numbers of the rows of the catalogue without those about groups of replicas.
fn rows() -> BTreeSet<u32> {
    [1..=6, 8..=31, 39..=45, 49..=63].into_iter().flatten().collect()
}

/// Cells of each row of the table: number, fault, behaviour, tests.
fn cells(page: &str) -> Vec<Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let cells = rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>());
    cells.filter(|cells| cells[0] != "#").collect()
}

/// Words in code quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Tests named in a cell that do not exist. The functions of a file stand after its name.
fn missing(cell: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut missing = Vec::new();
    let mut file = ("", None);
    for name in quoted(cell) {
        if name.ends_with(".rs") {
            file = (name, read(name));
            if file.1.is_none() {
                missing.push(format!("there is no file {name}"));
            }
        } else if !file.1.as_ref().is_some_and(|text| text.contains(&format!("fn {name}("))) {
            missing.push(format!("there is no test {name} in {}", file.0));
        }
    }
    missing
}

#[test]
fn every_row_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/faults.md")).expect("docs/faults.md");
    let cells = cells(&page);
    let numbers: Vec<u32> = cells.iter().filter_map(|cells| cells[0].parse().ok()).collect();
    assert_eq!(numbers.iter().copied().collect::<BTreeSet<_>>(), rows());
    assert_eq!(numbers.len(), rows().len(), "a row is repeated");
    let mut faults = Vec::new();
    for row in &cells {
        let [number, _, done, shown] = row[..] else { panic!("a row of four cells: {row:?}") };
        let is_named = quoted(shown).next().is_some() || (shown == "none" && done.starts_with("cannot be shown: "));
        if !is_named {
            faults.push(format!("row {number} names no test and no reason why there is none"));
        }
        faults.extend(
            missing(shown, |path| fs::read_to_string(root.join(path)).ok())
                .into_iter()
                .map(|fault| format!("row {number}: {fault}")),
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_missing_test_is_found() {
    let read = |path: &str| (path == "a.rs").then(|| "fn one() {\nfn two_(".to_owned());
    assert!(missing("`a.rs` `one`, `two_`", read).is_empty());
    assert_eq!(missing("`a.rs` `two`", read), ["there is no test two in a.rs"]);
    assert_eq!(missing("`b.rs` `one`", read), ["there is no file b.rs", "there is no test one in b.rs"]);
}
