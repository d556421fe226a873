//! Memory with which records are decoded faster.

use super::hash_queue::HashQueue;
use super::kind::KindMemory;
use super::scan::{Guesses, Marks};

/// Memory of a thread that decodes: spellings of earlier records, and identifiers that wait to be hashed together.
///
/// No result depends on it. Between batches it holds the spellings alone: keys and types, and no values.
#[derive(Default)]
pub struct DecodeMemory {
    pub(super) spellings: Spellings,
    pub(super) queue: HashQueue,
}

impl DecodeMemory {
    /// Number of records to begin before they are finished. Bounds the memory, which so stays in the nearest caches.
    pub const RECORDS: usize = HashQueue::RECORDS;
}

/// Keys and types of earlier records, in 10 KiB. Each is compared with the record that is decoded.
#[derive(Debug, Default)]
pub(super) struct Spellings {
    /// Marks of the text that is read.
    pub(super) marks: Marks,
    pub(super) guesses: Guesses,
    pub(super) kinds: KindMemory,
}
