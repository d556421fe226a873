//! Response body shared by many clients, plain or compressed as each accepts.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Number of bytes of bodies that are alive, because an answer or a cache holds them.
#[derive(Debug, Clone, Default)]
pub struct BodyMemory(Arc<AtomicUsize>);

impl BodyMemory {
    /// Returns the number of bytes.
    pub fn bytes(&self) -> usize {
        self.0.load(Relaxed)
    }

    /// Returns `bytes`, which count until the last answer drops them.
    fn counted(&self, mut bytes: Vec<u8>) -> Bytes {
        bytes.shrink_to_fit();
        self.0.fetch_add(bytes.len(), Relaxed);
        Bytes::from_owner(CountedBuffer { bytes, memory: self.clone() })
    }
}

struct CountedBuffer {
    bytes: Vec<u8>,
    memory: BodyMemory,
}

impl AsRef<[u8]> for CountedBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for CountedBuffer {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.bytes.len(), Relaxed);
    }
}

/// Text rendered once and sent to many clients, plain or compressed, without copying.
#[derive(Debug)]
pub struct EncodedBody {
    plain: Bytes,
    gzip: OnceLock<Bytes>,
    memory: BodyMemory,
    /// Revision of the figures in it; `None` if it has none.
    revision: Option<u64>,
}

impl EncodedBody {
    /// Creates a body from its text.
    pub fn new(text: String) -> Self {
        Self::counted(text, &BodyMemory::default())
    }

    /// Creates a body from its text, whose bytes count in `memory`.
    pub fn counted(text: String, memory: &BodyMemory) -> Self {
        Self { plain: memory.counted(text.into_bytes()), gzip: OnceLock::new(), memory: memory.clone(), revision: None }
    }

    /// Sets the revision of the figures, which answers carry in a header.
    #[must_use]
    pub fn with_revision(self, revision: u64) -> Self {
        Self { revision: Some(revision), ..self }
    }

    /// Returns the revision of the figures.
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// Creates a body that is part of the program, which holds it plain and compressed.
    pub fn embedded(plain: &'static [u8], gzip: &'static [u8]) -> Self {
        let gzip = OnceLock::from(Bytes::from_static(gzip));
        Self { plain: Bytes::from_static(plain), gzip, revision: None, memory: BodyMemory::default() }
    }

    /// Returns the number of bytes in memory, plain and compressed.
    pub(crate) fn bytes(&self) -> usize {
        self.plain.len() + self.gzip.get().map_or(0, Bytes::len)
    }

    /// Returns the plain text.
    pub fn plain(&self) -> Bytes {
        self.plain.clone()
    }

    /// Returns the gzipped text. The first call compresses it; concurrent calls wait for that.
    pub fn gzip(&self) -> Bytes {
        self.gzip.get_or_init(|| self.memory.counted(compress(&self.plain))).clone()
    }
}

/// Memory that the compressor takes, rounded up (bytes).
const COMPRESSOR_BYTES: usize = 1 << 20;

/// Compresses what is rendered at the fast level: an exposition shrinks to about a tenth at any level, and slower ones
/// take several times as long.
fn compress(plain: &[u8]) -> Vec<u8> {
    // Where memory is short the compressor panics; the program's own answer to that is to end with 75.
    drop(std::hint::black_box(Vec::<u8>::with_capacity(COMPRESSOR_BYTES)));
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 8), Compression::fast());
    let compressed = encoder.write_all(plain).and_then(|()| encoder.finish());
    compressed.expect("writing to memory does not fail")
}

/// Returns true if a client with these headers accepts gzip and does not prefer plain text (RFC 9110, 12.5.3).
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let weights = Weights::of(headers);
    let gzip = weights.gzip.or(weights.any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= weights.identity.unwrap_or(0.0)
}

/// Returns true if a client with these headers names brotli, and prefers neither gzip nor plain text.
pub(super) fn accepts_brotli(headers: &HeaderMap) -> bool {
    let weights = Weights::of(headers);
    let brotli = weights.brotli.unwrap_or(0.0);
    brotli > 0.0 && brotli >= weights.gzip.unwrap_or(0.0) && brotli >= weights.identity.unwrap_or(0.0)
}

/// Weights of the content codings that a client names.
#[derive(Default)]
struct Weights {
    gzip: Option<f32>,
    brotli: Option<f32>,
    identity: Option<f32>,
    any: Option<f32>,
}

impl Weights {
    fn of(headers: &HeaderMap) -> Self {
        let mut weights = Self::default();
        let lines = headers.get_all(header::ACCEPT_ENCODING).into_iter();
        for element in lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')) {
            let (coding, quality) = parse_coding(element);
            match coding.to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => weights.gzip = Some(quality),
                "br" => weights.brotli = Some(quality),
                "identity" => weights.identity = Some(quality),
                "*" => weights.any = Some(quality),
                _ => {}
            }
        }
        weights
    }
}

/// Parses an element of Accept-Encoding, such as `gzip;q=0.5`, into coding and weight. A malformed weight counts as 0,
/// because plain text is always correct.
fn parse_coding(element: &str) -> (&str, f32) {
    let mut parts = element.split(';').map(str::trim);
    let coding = parts.next().unwrap_or("");
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (coding, weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0)))
}
