//! Tells the linker to lead librdkafka's calls that unpack batches through `src/source/native/unpacking.rs`, which
//! bounds their memory and refuses those of which librdkafka would lose records, and its call for their checksum through
//! `src/source/native/soundness.rs`, which checks the records of those that are not packed. Its call that makes a record goes
//! through `src/source/native/queue_size.rs`, which counts all its bytes. Its call for a buffer around known bytes also serves
//! `src/source/native/headers.rs`. Its call that makes a client goes through `src/source/native/verification.rs`, which has it
//! report why a certificate is not accepted.
//!
//! Tells the compiler the revision of a checkout.
//!
//! Lists the files of the page below `src/page/assets`, which `src/page/assets.rs` embeds: without the comments of modules,
//! and compressed as small as gzip and brotli make them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "src/page/minify.rs"]
mod minify;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for function in [
        "rd_kafka_msgset_parse",
        "rd_gz_decompress",
        "rd_kafka_lz4_decompress",
        "rd_kafka_snappy_java_uncompress",
        "rd_kafka_snappy_uncompress",
        "rd_kafka_snappy_uncompressed_length",
        "rd_kafka_zstd_decompress",
        "rd_kafka_buf_new_shadow",
        "rd_slice_crc32c",
        "rd_kafka_op_new_fetch_msg",
        "rd_kafka_new",
    ] {
        println!("cargo::rustc-link-arg=-Wl,--wrap={function}");
    }
    list_page_assets();
    if let Some(revision) = revision() {
        // Cargo also sets this variable for what it runs, where one that begins with PACEMETER_ would be a setting.
        println!("cargo::rustc-env=CHECKOUT_REVISION={revision}");
    }
}

/// Writes a Rust expression with the name and the contents of each file, plain and compressed, in the order of the names.
fn list_page_assets() {
    const DIRECTORY: &str = "src/page/assets";
    println!("cargo::rerun-if-changed={DIRECTORY}");
    println!("cargo::rerun-if-changed=src/page/minify.rs");
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let directory = Path::new(&root).join(DIRECTORY);
    let mut paths: Vec<_> = fs::read_dir(&directory)
        .expect("the assets are there")
        .map(|entry| entry.expect("the assets can be listed").path())
        .collect();
    paths.sort();
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it"));
    let list: String = paths.iter().map(|path| embedded(path, &out)).collect();
    fs::write(out.join("page_assets.rs"), format!("&[\n{list}]\n")).expect("the directory is writable");
}

/// Writes the forms of a file, and returns the Rust expression that includes them.
fn embedded(path: &Path, out: &Path) -> String {
    let name = path.file_name().and_then(|name| name.to_str()).expect("names are UTF-8");
    let source = fs::read_to_string(path).expect("assets are UTF-8");
    let text = match name.rsplit_once('.') {
        Some((_, "js")) => minify::minified(&source),
        Some((_, "css" | "json")) => minify::joined(&source),
        _ => source,
    };
    let mut gzip = Vec::new();
    zopfli::compress(zopfli::Options::default(), zopfli::Format::Gzip, text.as_bytes(), &mut gzip).expect("memory");
    let mut brotli = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, size_hint: text.len(), ..Default::default() };
    brotli::BrotliCompress(&mut text.as_bytes(), &mut brotli, &parameters).expect("memory");
    let include = |form: &str, bytes: &[u8]| {
        let file = out.join(format!("{name}.{form}"));
        fs::write(&file, bytes).expect("the directory is writable");
        format!("include_bytes!({file:?})")
    };
    let [plain, gzip, brotli] = [("plain", text.as_bytes()), ("gz", gzip.as_slice()), ("br", brotli.as_slice())]
        .map(|(form, bytes)| include(form, bytes));
    format!("    EmbeddedFile {{ name: {name:?}, plain: {plain}, gzip: {gzip}, brotli: {brotli} }},\n")
}

/// Returns the revision that is checked out; `None` without git, or outside of a repository of our own.
fn revision() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    // A copy of the source within another repository is none of its revisions.
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    // Every commit and checkout adds a line to this file.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists())?;
    println!("cargo::rerun-if-changed={log}");
    git(&["rev-parse", "--short=12", "HEAD"])
}
