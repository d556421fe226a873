//! The files of `deploy/container` and `deploy/compose.yml`: the image is built and run without a container engine, and
//! so are the services of the compose file.
//!
//! buildah, mmdebstrap and bwrap need root here. As another user the tests that run something say that they tried
//! nothing.

mod compose;
mod files;
mod image;
mod run;
mod sandbox;
mod services;
mod together;

use std::process::Command;

use crate::program::not_tried;

/// True for root; otherwise says that a test tried nothing.
fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        not_tried("images are built and run by root only");
    }
    root
}

/// Standard output of a command that must succeed.
fn output_of(command: &mut Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.output().unwrap_or_else(|error| panic!("{program} is missing; scripts/test installs it: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}:\n{stderr}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8")
}
