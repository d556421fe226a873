//! The files from which the image is built.

use std::path::PathBuf;
use std::process::Command;

use super::output_of;
use super::services::text;
use crate::documents::python_packages;
use crate::tidy::root;

/// Program of hadolint, from its Python package.
fn hadolint() -> Command {
    let packages = PathBuf::from(python_packages());
    Command::new(packages.join("hadolint"))
}

#[test]
fn hadolint_finds_nothing_in_the_dockerfile() {
    let dockerfile = root().join("deploy/container/Dockerfile");
    assert_eq!(output_of(hadolint().arg("--no-color").arg(&dockerfile)), "");

    let directory = tempfile::tempdir().expect("a temporary directory");
    let faulty = directory.path().join("Dockerfile");
    let fault = text("deploy/container/Dockerfile").replace("FROM debian:bookworm-slim", "FROM debian:latest");
    std::fs::write(&faulty, fault).expect("a file");
    let output = hadolint().arg("--no-color").arg(&faulty).output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains("DL3007"), "{output:?}");
}

#[test]
fn a_dockerfile_names_the_versions_of_the_repository() {
    let dockerfile = text("deploy/container/Dockerfile");
    let rust = format!("FROM rust:{}-bookworm AS build\n", env!("CARGO_PKG_RUST_VERSION"));
    assert!(dockerfile.contains(&rust), "{rust}");
    let image = format!("localhost/pacemeter:{}", env!("CARGO_PKG_VERSION"));
    assert!(dockerfile.contains(&image), "{image}");
}
