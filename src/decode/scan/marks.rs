//! One pass with vectors over a text before it is scanned.
//!
//! It marks the bytes that cannot stand for themselves in a string, one bit each, and finds out if all bytes are ASCII.
//! So the end of a string is found by counting zeros in a word instead of a search, and a text that is ASCII is UTF-8
//! without a check of its own. Together they save 750 of 6,290 instructions for a record of the benchmarks' load.
//!
//! The pass takes AVX2, which nearly every x86-64 server has. Without it, and for texts of unusual size, the scanner
//! works without marks, as it does for text that has a fault.

/// Words of 64 marks.
const WORDS: usize = 64;
/// Size of a block, which one word has the marks of. Bytes.
const BLOCK: usize = 64;

/// Marks of a text of ordinary size.
#[derive(Debug)]
pub(in crate::decode) struct Marks {
    /// Those of the text; then one more behind its last byte, where every search ends. Older ones follow.
    words: [u64; WORDS],
}

impl Default for Marks {
    fn default() -> Self {
        Self { words: [0; WORDS] }
    }
}

/// Character set of a marked text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no text is marked there"))]
pub(in crate::decode) enum Charset {
    Ascii,
    Other,
}

impl Marks {
    /// Marks a value if it is UTF-8 and [`Marks::mark`] can do it, and returns it as text.
    #[inline]
    #[allow(unsafe_code, reason = "text that is known to be ASCII")]
    pub(in crate::decode) fn text<'a>(&mut self, value: &'a [u8]) -> Option<&'a str> {
        match self.mark(value)? {
            // SAFETY: every byte is below 0x80, and ASCII is UTF-8.
            Charset::Ascii => Some(unsafe { str::from_utf8_unchecked(value) }),
            Charset::Other => str::from_utf8(value).ok(),
        }
    }

    /// Marks a text of 64 bytes to 4 KiB; `None` for any other, and where the processor lacks AVX2.
    #[inline]
    #[allow(unsafe_code, reason = "the call of a function that needs AVX2")]
    pub(in crate::decode) fn mark(&mut self, text: &[u8]) -> Option<Charset> {
        if !(BLOCK..BLOCK * WORDS).contains(&text.len()) {
            return None;
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return Some(unsafe { self.mark_by_avx2(text) });
        }
        None
    }

    /// First marked byte from `at` on; the length of the text if there is none.
    #[inline(always)]
    pub(super) fn next(&self, at: usize) -> Option<usize> {
        let mut index = at / BLOCK;
        let mut word = *self.words.get(index)? & (u64::MAX << (at % BLOCK));
        while word == 0 {
            index += 1;
            word = *self.words.get(index)?;
        }
        Some(index * BLOCK + word.trailing_zeros() as usize)
    }

    /// Marks a text of 64 bytes to 4 KiB.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn mark_by_avx2(&mut self, text: &[u8]) -> Charset {
        use std::arch::x86_64::{_mm256_movemask_epi8, _mm256_setzero_si256};

        let mut all = _mm256_setzero_si256();
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        for (block, word) in blocks.iter().zip(&mut self.words) {
            *word = avx2::marks(block, &mut all);
        }
        // The last block overlaps the one before: cheaper than a copy of what is left.
        let last = text.last_chunk::<BLOCK>().map_or(0, |block| avx2::marks(block, &mut all));
        let word = &mut self.words[blocks.len() % WORDS];
        *word = last >> 1 >> (BLOCK - 1 - rest.len()) | 1 << rest.len();
        if _mm256_movemask_epi8(all) == 0 { Charset::Ascii } else { Charset::Other }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
    };

    use super::BLOCK;

    /// Marks of a block, whose bytes are added to `all` bit by bit.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn marks(block: &[u8; BLOCK], all: &mut __m256i) -> u64 {
        let halves: [__m256i; 2] = bytemuck::cast(*block);
        *all = _mm256_or_si256(*all, _mm256_or_si256(halves[0], halves[1]));
        u64::from(special(halves[0])) | u64::from(special(halves[1])) << 32
    }

    /// Bits of the bytes that are a quote, a backslash or a control character.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn special(bytes: __m256i) -> u32 {
        let last_control = _mm256_set1_epi8(0x1f);
        let control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, last_control), bytes);
        let quote = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'"' as i8));
        let backslash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'\\' as i8));
        _mm256_movemask_epi8(_mm256_or_si256(control, _mm256_or_si256(quote, backslash))).cast_unsigned()
    }
}
