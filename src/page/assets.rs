//! Files of the page, embedded in the program.

use axum::body::Bytes;

use crate::http::{EncodedBody, PageAsset};

/// File below `src/page/assets`, as `build.rs` has made it.
struct EmbeddedFile {
    name: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
    brotli: &'static [u8],
}

/// Files in the order of their names.
const FILES: &[EmbeddedFile] = include!(concat!(env!("OUT_DIR"), "/page_assets.rs"));

/// Document, with markers such as `{{fallback}}`. It is no asset, since it is rendered for each answer.
const DOCUMENT: &str = include_str!("assets/document.html");
const DOCUMENT_NAME: &str = "document.html";

/// Number of hexadecimal digits of the hash in an address.
const HASH_DIGITS: usize = 12;

/// Assets under the hash of all of them.
pub(super) struct Assets {
    hash: String,
    files: Vec<(&'static str, PageAsset)>,
}

impl Assets {
    /// Lists the files.
    pub(super) fn embedded() -> Self {
        let asset = |file: &EmbeddedFile| PageAsset {
            media_type: media_type(file.name),
            body: EncodedBody::embedded(file.plain, file.gzip),
            brotli: Bytes::from_static(file.brotli),
        };
        let files = FILES.iter().filter(|file| file.name != DOCUMENT_NAME);
        let contents: Vec<_> = FILES.iter().map(|file| (file.name, file.plain)).collect();
        Self { hash: hash(&contents), files: files.map(|file| (file.name, asset(file))).collect() }
    }

    /// Returns the first digits of the hash over names and contents.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    /// Returns the file of this name, unless the hash is that of another version.
    pub(super) fn get(&self, hash: &str, name: &str) -> Option<&PageAsset> {
        let found = self.files.iter().find(|(known, _)| *known == name).filter(|_| hash == self.hash);
        found.map(|(_, asset)| asset)
    }
}

/// Returns the contents of an embedded file as text; empty if there is none of this name.
#[cfg(test)]
pub(super) fn text(name: &str) -> &'static str {
    let found = FILES.iter().find(|file| file.name == name);
    found.and_then(|file| std::str::from_utf8(file.plain).ok()).unwrap_or_default()
}

/// Returns the parts of the document: markup, and the marker that follows it, which is empty at the end.
pub(super) fn document_parts() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut rest = Some(DOCUMENT);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some((before, behind)) = text.split_once("{{") else { return Some((text, "")) };
        let (marker, behind) = behind.split_once("}}").unwrap_or((behind, ""));
        rest = Some(behind);
        Some((before, marker))
    })
}

fn hash(files: &[(&str, &[u8])]) -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, bytes) in files {
        // Lengths keep apart what stands side by side.
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    }
    hasher.finalize().to_hex()[..HASH_DIGITS].to_owned()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// Most bytes that a first visit of `/` loads as brotli, which browsers accept from loopback and over TLS; the same as
    /// gzip; and the same of all assets.
    const FIRST_VISIT: [usize; 2] = [30_000, 33_000];
    const ALL: [usize; 2] = [44_000, 48_000];

    /// Files that a module loads, with those that they load.
    fn loaded(names: &[&'static str]) -> Vec<&'static str> {
        let mut found: Vec<_> = names.to_vec();
        let mut next = 0;
        while let Some(&name) = found.get(next) {
            for import in text(name).split("from\"./").skip(1) {
                let import = import.split('"').next().unwrap();
                let file = FILES.iter().find(|file| file.name == import).unwrap_or_else(|| panic!("{name}: {import}"));
                if !found.contains(&file.name) {
                    found.push(file.name);
                }
            }
            next += 1;
        }
        found
    }

    #[test]
    fn the_hash_changes_with_every_name_and_byte() {
        let hashes = [
            hash(&[("a", b"bc"), ("d", b"")]),
            hash(&[("a", b"b"), ("cd", b"")]),
            hash(&[("ab", b"c"), ("d", b"")]),
            hash(&[("a", b"bc")]),
            hash(&[("d", b""), ("a", b"bc")]),
        ];
        for (index, one) in hashes.iter().enumerate() {
            assert_eq!(one.len(), HASH_DIGITS);
            assert!(one.bytes().all(|digit| digit.is_ascii_hexdigit()), "{one}");
            assert!(!hashes[index + 1..].contains(one), "{hashes:?}");
        }
    }

    #[test]
    fn assets_are_all_files_but_the_document() {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page/assets");
        let mut names: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != DOCUMENT_NAME)
            .collect();
        names.sort();
        let assets = Assets::embedded();
        assert_eq!(assets.files.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
        for (name, asset) in &assets.files {
            assert_ne!(asset.media_type, "application/octet-stream", "{name}");
            assert!(assets.get(assets.hash(), name).is_some() && assets.get("000000000000", name).is_none());
        }
        assert!(assets.get(assets.hash(), DOCUMENT_NAME).is_none());
    }

    #[test]
    fn a_first_visit_is_small() {
        let first = loaded(&["early.js", "es.json", "icon.svg", "main.js", "page.css", "view-now.js"]);
        assert!(first.len() > 10, "{first:?}");
        let assets = || FILES.iter().filter(|file| file.name != DOCUMENT_NAME);
        let sizes = |is_counted: &dyn Fn(&str) -> bool| {
            let counted = assets().filter(|file| is_counted(file.name));
            counted.fold([0, 0], |[br, gz], file| [br + file.brotli.len(), gz + file.gzip.len()])
        };
        let listed: Vec<_> = assets().map(|file| (file.name, file.brotli.len(), file.gzip.len())).collect();
        for (size, bound) in [(sizes(&|name| first.contains(&name)), FIRST_VISIT), (sizes(&|_| true), ALL)] {
            println!("{size:?} of {bound:?} bytes");
            assert!(size[0] <= bound[0] && size[1] <= bound[1], "{size:?} of {bound:?} bytes: {listed:?}");
        }
    }

    #[test]
    fn compressed_files_unpack_to_the_plain_ones() {
        for file in FILES {
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(file.gzip).read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == file.plain, "{} as gzip", file.name);
        }
    }

    #[test]
    fn modules_are_embedded_without_their_comments() {
        for file in FILES.iter().filter(|file| file.name.ends_with(".js")) {
            let module = text(file.name);
            assert!(module.lines().all(|line| !line.is_empty() && !line.starts_with(['/', '*', ' '])), "{module}");
        }
        let grid = "const GRID=`BCN SON CHH COA NLE TAM . . . .\nBCS SIN";
        assert!(text("view-now.js").contains(grid), "a template keeps its lines");
    }

    #[test]
    fn the_document_has_each_marker() {
        let markers: Vec<_> = document_parts().map(|(_, marker)| marker).filter(|marker| !marker.is_empty()).collect();
        for marker in ["language", "assets", "fallback"] {
            assert!(markers.contains(&marker), "{markers:?}");
        }
        assert!(markers.iter().all(|marker| ["language", "assets", "fallback"].contains(marker)), "{markers:?}");
    }
}
