//! Versions that the linked C libraries report.

use crate::telemetry::LinkedLibraries;
use rdkafka::bindings as sys;
use std::ffi::{CStr, c_char, c_int};

/// The part of `OpenSSL_version` that is the version alone.
const OPENSSL_FULL_VERSION_STRING: c_int = 7;

unsafe extern "C" {
    fn OpenSSL_version(part: c_int) -> *const c_char;
    fn zlibVersion() -> *const c_char;
    fn LZ4_versionString() -> *const c_char;
}

/// Asks each library for its version.
pub(in crate::source) fn linked() -> LinkedLibraries {
    // SAFETY: each of the calls needs nothing, and returns a C string that lives as long as the program.
    let [librdkafka, openssl, zlib, lz4] = unsafe {
        [sys::rd_kafka_version_str(), OpenSSL_version(OPENSSL_FULL_VERSION_STRING), zlibVersion(), LZ4_versionString()]
            .map(|text| CStr::from_ptr(text).to_string_lossy().into_owned())
    };
    LinkedLibraries { librdkafka, openssl, zstd: zstd::zstd_safe::version_string().to_owned(), zlib, lz4 }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    fn read(path: &str) -> String {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
    }

    /// Version of a crate in Cargo.lock.
    fn locked(lock: &str, name: &str) -> String {
        let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n")));
        let version = entry.and_then(|entry| entry.split("version = \"").nth(1)).expect(name);
        version.split('"').next().expect(name).to_owned()
    }

    /// A library of the system instead of the crate's own would have another version.
    #[test]
    fn linked_libraries_are_those_of_cargo_lock() {
        let (lock, linked) = (read("Cargo.lock"), super::linked());
        for (name, version, crate_name, prefix) in [
            ("librdkafka", &linked.librdkafka, "rdkafka-sys", ""),
            ("OpenSSL", &linked.openssl, "openssl-src", ""),
            ("zstd", &linked.zstd, "zstd-sys", "zstd."),
        ] {
            let locked = locked(&lock, crate_name);
            let (_, upstream) = locked.split_once('+').expect("the version of the library");
            assert_eq!(upstream.strip_prefix(prefix), Some(version.as_str()), "{name} of {crate_name} {locked}");
        }
    }

    #[test]
    fn the_documentation_names_the_linked_versions() {
        let (page, linked) = (read("CONTRIBUTING.md"), super::linked());
        for (name, version) in linked.versions() {
            let row = page.lines().find(|line| line.to_lowercase().starts_with(&format!("| {name} |")));
            let row = row.unwrap_or_else(|| panic!("CONTRIBUTING.md has no row for {name}"));
            assert!(row.contains(&format!("| {version} |")), "{name} is {version}: {row}");
        }
    }
}
