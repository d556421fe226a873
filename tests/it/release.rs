//! Files that `scripts/release` makes of a program that is built: the stripped program, its symbols, the list of its parts and
//! checksums. The build itself, which takes many minutes, is not run here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::documents::python_packages;
use crate::tidy::root;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pacemeter");

/// Runs a program to its end; it must succeed. Returns what it prints.
fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; scripts/test installs it"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn package(directory: &Path) {
    output(Command::new(root().join("scripts/release")).arg("--package").arg(PROGRAM).arg(directory));
}

/// Names of the sections of a program.
fn sections(program: &Path) -> BTreeSet<String> {
    let text = String::from_utf8(output(Command::new("objdump").arg("-h").arg(program))).expect("text");
    let name = |line: &str| line.split_whitespace().nth(1).filter(|name| name.starts_with('.')).map(str::to_owned);
    text.lines().filter_map(name).collect()
}

/// Name and checksum of the file that a program says has its symbols.
fn debug_link(program: &Path, directory: &Path) -> (String, u32) {
    let section = directory.join("section");
    let argument = format!(".gnu_debuglink={}", section.display());
    output(Command::new("objcopy").args(["--dump-section", &argument]).arg(program).arg(directory.join("copy")));
    let bytes = fs::read(section).expect("the section");
    let (name, checksum) = bytes.split_at(bytes.len() - 4);
    let name = name.split(|byte| *byte == 0).next().expect("a name");
    (String::from_utf8(name.to_vec()).expect("text"), u32::from_le_bytes(checksum.try_into().expect("four bytes")))
}

#[test]
fn a_release_is_stripped_listed_and_the_same_twice() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let [first, second] = ["first", "second"].map(|name| directory.path().join(name));
    package(&first);
    package(&second);
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(&first).expect("a directory") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        assert!(
            fs::read(first.join(&name)).expect("a file") == fs::read(second.join(&name)).expect("a file"),
            "{name} differs"
        );
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["LICENSE", "SHA256SUMS", "pacemeter", "pacemeter.cdx.json", "pacemeter.debug"]);
    output(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&first));
    assert_eq!(fs::read_to_string(first.join("SHA256SUMS")).expect("text").lines().count(), 4);

    let (program, symbols) = (first.join("pacemeter"), first.join("pacemeter.debug"));
    assert_eq!(output(Command::new(&program).arg("--version")), output(Command::new(PROGRAM).arg("--version")));
    let of_program = sections(&program);
    // The scripts for gdb are loaded with the program.
    let debug: Vec<&String> =
        of_program.iter().filter(|name| name.starts_with(".debug") && *name != ".debug_gdb_scripts").collect();
    assert!(of_program.contains(".text") && debug.is_empty(), "{of_program:?}");
    assert!(sections(&symbols).iter().any(|name| name.starts_with(".debug_line")));
    assert_eq!(output(Command::new("nm").arg(&program)), b"", "the program has symbols");
    let (name, checksum) = debug_link(&program, directory.path());
    let mut crc = flate2::Crc::new();
    crc.update(&fs::read(&symbols).expect("the symbols"));
    assert_eq!((name.as_str(), checksum), ("pacemeter.debug", crc.sum()));

    assert_parts_are_right(&first.join("pacemeter.cdx.json"));
}

/// Asserts that the list follows the schema of CycloneDX and has what the program is made of.
fn assert_parts_are_right(path: &Path) {
    output(
        Command::new("python3")
            .arg(root().join("tests/it/release/check.py"))
            .arg(path)
            .env("PYTHONPATH", python_packages()),
    );
    let parts: Value = serde_json::from_slice(&fs::read(path).expect("the list")).expect("JSON");
    let components = parts["components"].as_array().expect("components");
    let scope = |name: &str| {
        let found = components.iter().find(|component| component["name"] == name);
        found.map(|component| component["scope"].as_str().expect("a scope").to_owned())
    };
    for linked in ["rdkafka", "rustls", "tokio", "librdkafka", "openssl", "zlib"] {
        assert_eq!(scope(linked).as_deref(), Some("required"), "{linked}");
    }
    for of_the_build in ["cc", "serde_derive"] {
        assert_eq!(scope(of_the_build).as_deref(), Some("excluded"), "{of_the_build}");
    }
    for of_the_tests in ["proptest", "tempfile", "vt100"] {
        assert_eq!(scope(of_the_tests), None, "{of_the_tests}");
    }
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the lock file");
    for component in
        components.iter().filter(|component| component["purl"].as_str().expect("a purl").starts_with("pkg:cargo/"))
    {
        let checksum = component["hashes"][0]["content"].as_str().expect("a checksum");
        assert!(lock.contains(checksum), "{component}");
    }
}

#[test]
fn a_release_needs_arguments_that_it_knows() {
    let refused = Command::new(root().join("scripts/release")).arg("--verfy").output().expect("bash starts");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("unknown argument --verfy; usage: "));
}
