//! First fault of a text.

use crate::record::Finding;

/// Position of the first byte that cannot stand where it does, with its kind in the two lowest bits.
///
/// Takes no more than a position, so that the results of the scanner stay in two registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decode) struct Fault(usize);

impl Fault {
    const KIND_BITS: u32 = 2;
    const UNEXPECTED: usize = 0;
    const LONE_SURROGATE: usize = 1;
    const TOO_DEEP: usize = 2;

    /// A byte that cannot stand at `at`, or the end of the text there.
    #[inline]
    pub(super) fn unexpected(at: usize) -> Self {
        Self(at << Self::KIND_BITS | Self::UNEXPECTED)
    }

    /// End of the text before that of the object.
    #[inline]
    pub(super) fn end(bytes: &[u8]) -> Self {
        Self::unexpected(bytes.len())
    }

    /// An escape of half a character, which begins at `at`.
    pub(super) fn lone_surrogate(at: usize) -> Self {
        Self(at << Self::KIND_BITS | Self::LONE_SURROGATE)
    }

    /// An object or an array that is one level too deep, which begins at `at`.
    pub(super) fn too_deep(at: usize) -> Self {
        Self(at << Self::KIND_BITS | Self::TOO_DEEP)
    }

    /// Position of the fault in the text.
    pub(in crate::decode) fn position(self) -> usize {
        self.0 >> Self::KIND_BITS
    }

    /// Class of what stands at the fault in the text.
    pub(in crate::decode) fn finding(self, text: &str) -> Finding {
        match self.0 & ((1 << Self::KIND_BITS) - 1) {
            Self::LONE_SURROGATE => Finding::LoneSurrogate,
            Self::TOO_DEEP => Finding::TooDeep,
            _ => text.as_bytes().get(self.position()).map_or(Finding::EndOfInput, |&byte| Finding::of(byte)),
        }
    }
}
