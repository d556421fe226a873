//! Memory of earlier records, with which the next ones are decoded faster.

use super::kind::KindMemory;
use super::scan::{Guesses, Marks};

/// Spellings of earlier records, in 10 KiB. No result depends on them: each is compared with the record that is decoded.
///
/// Keys and types, and no values: nothing of a person is remembered. Each thread that decodes has a memory of its own.
#[derive(Debug, Default)]
pub struct DecodeMemory {
    /// Marks of the text that is read.
    pub(super) marks: Marks,
    pub(super) guesses: Guesses,
    pub(super) kinds: KindMemory,
}
