//! What a decoder remembers of earlier records to read the next ones faster.

use super::kind::KindMemory;
use super::scan::{Guesses, Marks};

/// Spellings of earlier records. No result depends on them: each is compared with the record before it is used.
///
/// Of fixed size, 7 KiB. One serves the records of all partitions, as their producers write alike.
#[derive(Debug, Default)]
pub struct DecodeMemory {
    /// Marks of the text that is read.
    pub(super) marks: Marks,
    pub(super) guesses: Guesses,
    pub(super) kinds: KindMemory,
}
