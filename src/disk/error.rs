//! Errors of the operating system, with the call and the path.

use std::io;

/// Error of a call to the disk. Its source is the error of the operating system, whose number callers look for.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: {source}")]
struct DiskError {
    action: &'static str,
    path: String,
    source: io::Error,
}

/// Names the call and the path in an error, whose kind stays. `action` is a verb, `path` is relative to the state
/// directory.
pub(super) fn named(action: &'static str, path: &str) -> impl Fn(io::Error) -> io::Error {
    let path = if path.is_empty() { "the directory" } else { path }.to_owned();
    move |source| {
        let kind = source.kind();
        if source.get_ref().is_some() {
            // A sentence of our own about the path.
            return io::Error::new(kind, format!("{path} {source}"));
        }
        io::Error::new(kind, DiskError { action, path: path.clone(), source })
    }
}
