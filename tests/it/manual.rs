//! The manual, as mandoc reads it.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::program::run_with;

/// Writes the pages with the date of this second; returns their directory.
fn written(state: &TempDir, second: &str) -> std::path::PathBuf {
    let directory = state.path().join(second);
    let into = directory.to_str().expect("UTF-8").to_owned();
    let ended = run_with(state, &["man", "--into", &into], &[("SOURCE_DATE_EPOCH", second)]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains(&format!("pages written to {into}")), "{}", ended.stdout);
    directory
}

#[test]
fn mandoc_finds_no_fault_in_any_page_of_the_manual() {
    let state = tempfile::tempdir().expect("a temporary directory");
    let directory = written(&state, "1500000000");
    let pages = fs::read_dir(&directory).expect("the pages").map(|page| page.expect("a page").path());
    let mut pages: Vec<_> = pages.collect();
    pages.sort();
    assert!(pages.len() >= 15, "{pages:?}");
    let lint = Command::new("mandoc").args(["-T", "lint"]).args(&pages).output().expect("mandoc runs");
    let said = String::from_utf8_lossy(&lint.stdout);
    assert!(lint.status.success() && said.is_empty(), "{said}{}", String::from_utf8_lossy(&lint.stderr));
    let shown = |name: &str| {
        let page = directory.join(name);
        let ran =
            Command::new("mandoc").args(["-T", "ascii", "-O", "width=100"]).arg(page).output().expect("mandoc runs");
        // Bold and underlined text is overstruck.
        let mut text = String::new();
        for one in String::from_utf8_lossy(&ran.stdout).chars() {
            if one == '\u{8}' { text.pop().map(drop).unwrap_or_default() } else { text.push(one) }
        }
        text
    };
    let status = shown("pacemeter-status.1");
    for part in [
        "pacemeter-status - Print whether the figures",
        "pacemeter status [OPTIONS]",
        "--http-config-file FILE",
        "77     a permission, password or certificate is missing",
        "pacemeter status --watch --address 127.0.0.1:9464",
        "2017-07-14",
    ] {
        assert!(status.contains(part), "{part}: {status}");
    }
    let root = shown("pacemeter.1");
    assert!(root.contains("pacemeter-cut(1)") && root.contains("pacemeter-health(1)"), "{root}");
}

#[test]
fn the_manual_of_one_source_is_written_equal() {
    let state = tempfile::tempdir().expect("a temporary directory");
    let read = |directory: std::path::PathBuf| fs::read(directory.join("pacemeter-cut-verify.1")).expect("the page");
    let first = read(written(&state, "1500000000"));
    fs::remove_dir_all(state.path().join("1500000000")).expect("ours");
    assert_eq!(first, read(written(&state, "1500000000")));
    let file = state.path().join("file");
    fs::write(&file, "").expect("a file");
    let into = file.to_str().expect("UTF-8");
    let ended = run_with(&state, &["man", "--into", into], &[]);
    assert!(ended.code == Some(74) && ended.stderr.contains("--into"), "{:?} {}", ended.code, ended.stderr);
}
