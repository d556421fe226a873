//! Scripts of Node.js, each with the packages of the lock file beside it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Longest run of one script.
const SCRIPT_LIMIT: Duration = Duration::from_secs(480);

/// Directory of scripts below `tests`, with the packages of its lock file installed.
pub fn scripts(name: &'static str) -> PathBuf {
    static INSTALLED: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let mut installed = INSTALLED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // Scripts of every directory drive browsers as those of `page` do.
    for needed in [name, "page"] {
        if installed.insert(needed) {
            install(&directory.with_file_name(needed));
        }
    }
    directory
}

/// Installs the packages unless those of this lock file are there.
fn install(directory: &Path) {
    for tool in ["node", "npm", "chromium", "firefox-esr"] {
        let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(found.is_ok_and(|status| status.success()), "{tool} is missing; scripts/test installs it");
    }
    let lock = fs::read(directory.join("package-lock.json")).expect("a lock file");
    let stamp = directory.join("node_modules/.installed-lock.json");
    if fs::read(&stamp).ok().as_ref() != Some(&lock) {
        let arguments = ["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"];
        let output = Command::new("npm").args(arguments).current_dir(directory).output().expect("npm starts");
        assert!(output.status.success(), "npm ci failed: {}", String::from_utf8_lossy(&output.stderr));
        fs::write(&stamp, lock).expect("a file");
    }
}

/// Command that runs a script of a directory below `tests`.
pub fn node(directory: &'static str, script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("node");
    command.arg(scripts(directory).join(script)).args(arguments);
    command
}

/// Runs scripts of a directory beside each other to their ends; each is its name and arguments.
pub fn run_scripts(directory: &'static str, runs: &[&[&str]]) {
    let start = |run: &&[&str]| {
        let mut command = node(directory, run[0], &run[1..]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("node starts");
        let name = run.join(" ");
        thread::spawn(move || (name, child.wait_with_output().expect("its output")))
    };
    let started = Instant::now();
    let running: Vec<_> = runs.iter().map(start).collect();
    let mut faults = String::new();
    for script in running {
        let (name, output) = script.join().expect("no thread panicked");
        if !output.status.success() {
            faults += &format!("{name}: {}\n", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(started.elapsed() < SCRIPT_LIMIT, "the scripts took {:?}", started.elapsed());
}
