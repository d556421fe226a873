//! What deploy/ ships for Prometheus and Alertmanager: that the tools accept it, that every alert fires when it should and not when it should
//! not, that every guard in the rules is needed, and that rules, catalogue, runbooks and docs/alerts.md name the same things.
//!
//! Rules and scenarios are tried by `promtool`, routes by `amtool`, inhibition by an Alertmanager that runs. Where Pacemeter and
//! Prometheus run, too, is in [`alerting`](crate::alerting); what that needs of deploy/ is here: [`servers`], their time [`moved`], and a [`webhook`].

mod alertmanager;
mod expressions;
mod guards;
mod lint;
pub mod moved;
mod routing;
mod rules;
mod runbooks;
mod scenarios;
pub mod servers;
pub mod webhook;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tidy::root;

/// Where deploy/ has what Prometheus reads.
pub fn prometheus() -> PathBuf {
    root().join("deploy/prometheus")
}

/// Where deploy/ has what Alertmanager reads.
pub fn alertmanager_file() -> PathBuf {
    root().join("deploy/alertmanager/alertmanager.yml")
}

/// The files of a directory that end in `.yml`, in the order of their names.
pub fn yaml_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    assert!(!files.is_empty(), "{} has no YAML", directory.display());
    files
}

/// Runs a tool of Prometheus' or Alertmanager's. `Ok` is what it said when it was content, `Err` when it was not.
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

/// Copies all files of `from` to `to`, directories within as well.
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
