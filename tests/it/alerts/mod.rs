//! The files of deploy/ for Prometheus and Alertmanager: the tools accept them, every alert fires when it should and
//! only then, every guard in the rules is needed, texts are readable, and rules, catalogue, runbooks and docs/alerts.md name the same
//! things.
//!
//! Rules and scenarios are tested by `promtool`, routes by `amtool`, inhibition by a running Alertmanager. Tests with
//! Pacemeter and Prometheus are in [`alerting`](crate::alerting). They use the [`servers`], the [`scaled`] rules and
//! the [`webhook`] of this module.

mod alertmanager;
mod expressions;
mod guards;
mod lint;
mod routing;
mod rules;
mod runbooks;
pub mod scaled;
mod scenarios;
pub mod servers;
mod texts;
pub mod webhook;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tidy::root;

/// Directory of the files of Prometheus in deploy/.
pub fn prometheus() -> PathBuf {
    root().join("deploy/prometheus")
}

/// Configuration of Alertmanager in deploy/.
pub fn alertmanager_file() -> PathBuf {
    root().join("deploy/alertmanager/alertmanager.yml")
}

/// Files of a directory that end in `.yml`, sorted by name.
pub fn yaml_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    assert!(!files.is_empty(), "{} has no YAML", directory.display());
    files
}

/// Runs a tool of Prometheus or Alertmanager and returns its output: `Ok` if it succeeded, else `Err`.
fn run(tool: &str, arguments: &[&str], directory: &Path) -> Result<String, String> {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap_or_else(|error| panic!("{tool} is installed by scripts/test: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).expect("UTF-8");
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// Copies all files of `from` to `to`, directories included.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
