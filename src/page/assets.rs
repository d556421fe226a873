//! Files of the page, embedded in the program.

use crate::http::{EncodedBody, PageAsset};

/// Name and contents of each file below `src/page/assets`, in the order of their names. `build.rs` lists them.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page_assets.rs"));

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
    /// Compresses the files.
    pub(super) fn embedded() -> Self {
        let asset = |bytes, name| PageAsset { media_type: media_type(name), body: EncodedBody::embedded(bytes) };
        let files = FILES.iter().filter(|(name, _)| *name != DOCUMENT_NAME);
        Self { hash: hash(FILES), files: files.map(|&(name, bytes)| (name, asset(bytes, name))).collect() }
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
    let found = FILES.iter().find(|(known, _)| *known == name);
    found.and_then(|(_, bytes)| std::str::from_utf8(bytes).ok()).unwrap_or_default()
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
    use super::*;

    /// Size of all assets and the document, compressed (bytes). A view loads about three quarters of it; tests/page/unit
    /// bounds that.
    const MAX_COMPRESSED: usize = 54_500;

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
    fn all_assets_together_are_small() {
        let assets = Assets::embedded();
        let sizes: Vec<_> = assets.files.iter().map(|(name, asset)| (*name, asset.body.gzip().len())).collect();
        let document = EncodedBody::embedded(DOCUMENT.as_bytes()).gzip().len();
        let total = document + sizes.iter().map(|(_, size)| size).sum::<usize>();
        assert!(total <= MAX_COMPRESSED, "{total} bytes: {sizes:?}");
    }

    #[test]
    fn modules_are_embedded_without_their_comments() {
        for (name, bytes) in FILES.iter().filter(|(name, _)| name.ends_with(".js")) {
            let module = std::str::from_utf8(bytes).expect("UTF-8");
            assert!(module.lines().all(|line| !line.is_empty() && !line.starts_with(['/', '*'])), "{name}: {module}");
        }
        let grid = "const GRID = `BCN SON CHH COA NLE TAM . . . .\nBCS SIN";
        assert!(text("states.js").contains(grid), "a template keeps its lines");
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
